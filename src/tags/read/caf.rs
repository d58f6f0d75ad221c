//! The `info` chunk of CAF: names and values.

use crate::error::Result;
use crate::master::source::MAX_CHUNKS;
use crate::tags::reading::{Reading, take};

/// Reads the tags of a file that starts at `start`.
pub(super) fn read(reading: &mut Reading, start: u64) -> Result<()> {
    let mut at = start + 8;
    for _ in 0..MAX_CHUNKS {
        if at.saturating_add(12) > reading.input.len {
            break;
        }
        let kind: [u8; 4] = reading.input.array(at)?;
        let Ok(size) = u64::try_from(i64::from_be_bytes(reading.input.array(at + 4)?)) else { break };
        let range = at + 12..(at + 12).saturating_add(size);
        at = range.end;
        if &kind == b"info"
            && let Some(bytes) = reading.bytes("CAF info", range)?
        {
            read_info(reading, &bytes);
        }
    }
    Ok(())
}

/// A count, then names and values by turns, each with a NUL behind it.
fn read_info(reading: &mut Reading, mut bytes: &[u8]) {
    if take(&mut bytes, 4).is_none() {
        return reading.broken("CAF info", "it is too short");
    }
    let mut texts = bytes.split(|&byte| byte == 0).map(String::from_utf8_lossy);
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        if !name.is_empty() {
            reading.text(&name, &value);
        }
    }
}
