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
    let mut at = first_chunk(start);
    while let Some(Chunk { kind, size, body, next }) = chunk(input, at)? {
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
        at = next;
    }
    Err(input.damaged(0, "a Wave64 file without a data chunk"))
}

/// A chunk.
pub(crate) struct Chunk {
    /// Its name in WAV; zeros if it has none there.
    pub(crate) kind: [u8; 4],
    /// Its stated size, with its header.
    size: u64,
    /// Where its content starts.
    pub(crate) body: u64,
    /// Where the next one starts.
    pub(crate) next: u64,
}

impl Chunk {
    /// Where its content ends.
    pub(crate) fn end(&self) -> u64 {
        self.body.saturating_add(self.size.saturating_sub(HEADER))
    }
}

/// Where the first chunk is in a file that starts at `start`: behind the size of the whole stands the GUID of "wave".
pub(crate) const fn first_chunk(start: u64) -> u64 {
    start + HEADER + 16
}

/// The chunk at `at`; `None` behind the last.
pub(crate) fn chunk(input: &Input, at: u64) -> Result<Option<Chunk>> {
    if at.saturating_add(HEADER) > input.len {
        return Ok(None);
    }
    input.count_header()?;
    let [k0, k1, k2, k3, rest @ ..] = input.array::<16>(at)?;
    let size = u64::from_le_bytes(input.array(at + 16)?);
    let is_known = rest == REST || rest[1..] == MAGIC[5..];
    let kind = if is_known { [k0, k1, k2, k3] } else { [0; 4] };
    let whole = size.max(HEADER).checked_next_multiple_of(8).unwrap_or(u64::MAX);
    Ok(Some(Chunk { kind, size, body: at + HEADER, next: at.saturating_add(whole) }))
}
