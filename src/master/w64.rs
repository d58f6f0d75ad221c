//! Wave64: WAV whose chunks are named by GUIDs and have sizes of 64 bits.

use super::Opened;
use super::info::Container;
use super::source::Input;
use super::wav::{Format, describe};
use crate::error::Result;

/// What the first file of all starts with: `riff`, the rest of a GUID, the size.
pub(super) const MAGIC: &[u8] = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0";

/// What follows the four letters in the GUIDs of the others.
const REST: [u8; 12] = *b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a";

/// The header of a chunk: its GUID and its size, which counts the header too.
const HEADER: u64 = 24;

/// Reads the headers of a file that starts with the magic number at `start`.
pub(super) fn open(input: &Input, start: u64) -> Result<Opened> {
    let mut format = None;
    // Behind the size of the whole stands the GUID of "wave".
    let mut at = start + HEADER + 16;
    while at.saturating_add(HEADER) <= input.len {
        let (kind, size) = chunk(input, at)?;
        let body = at + HEADER;
        match &kind {
            b"fmt " => format = Some(Format::read(input, body, size.saturating_sub(HEADER), false)?),
            b"data" => {
                let Some(format) = format else {
                    return Err(input.damaged(0, "a Wave64 file without a format chunk before its data"));
                };
                // A program that wrote to a pipe did not know the size.
                let unstated = size == 0 || size >= i64::MAX.cast_unsigned();
                let stated = (!unstated).then(|| size.saturating_sub(HEADER));
                return describe(input, Container::Wave64, &format, body, stated);
            }
            _ => {}
        }
        at = at.saturating_add(size.max(HEADER).checked_next_multiple_of(8).unwrap_or(u64::MAX));
    }
    Err(input.damaged(0, "a Wave64 file without a data chunk"))
}

/// The name and the size, with its header, of the chunk at `at`; of one that WAV does not have, zeros.
pub(crate) fn chunk(input: &Input, at: u64) -> Result<([u8; 4], u64)> {
    input.count_header()?;
    let [k0, k1, k2, k3, rest @ ..] = input.array::<16>(at)?;
    let size = u64::from_le_bytes(input.array(at + 16)?);
    let is_known = rest == REST || rest[1..] == MAGIC[5..];
    Ok((if is_known { [k0, k1, k2, k3] } else { [0; 4] }, size))
}
