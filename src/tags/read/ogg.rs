//! The header packets of FLAC in Ogg, each a metadata block.

use super::vorbis::{COMMENTS, PICTURE, read_comments, read_picture};
use crate::error::Result;
use crate::master::source::MAX_CHUNKS;
use crate::tags::reading::{Reading, take};

/// Reads the tags of a file whose first page is at `start`: what lies between its first packet and the audio.
pub(super) fn read(reading: &mut Reading, start: u64) -> Result<()> {
    let mut stream = None;
    let mut at = start;
    let mut packet = Vec::new();
    let mut packets = 0;
    for _ in 0..MAX_CHUNKS {
        if at + 27 > reading.input.len {
            return Ok(());
        }
        let header: [u8; 27] = reading.input.array(at)?;
        if !header.starts_with(b"OggS") {
            reading.broken("comments", "an Ogg page is missing");
            return Ok(());
        }
        let sizes = reading.input.bytes(at + 27, header[26].into())?;
        let size: u64 = sizes.iter().map(|&size| u64::from(size)).sum();
        let body = at + 27 + sizes.len() as u64;
        at = body + size;
        let serial = [header[14], header[15], header[16], header[17]];
        if *stream.get_or_insert(serial) != serial {
            continue;
        }
        let Some(bytes) = reading.bytes("comments", body..at)? else { return Ok(()) };
        let mut rest = bytes.as_slice();
        for size in sizes {
            packet.extend_from_slice(take(&mut rest, size.into()).unwrap_or_default());
            if size == 255 {
                continue;
            }
            if packets > 0 && !block(reading, &packet) {
                return Ok(());
            }
            packets += 1;
            packet.clear();
        }
    }
    Ok(())
}

/// Reads a header packet. False if it is the last, or none at all.
fn block(reading: &mut Reading, packet: &[u8]) -> bool {
    let [kind, _, _, _, block @ ..] = packet else { return false };
    match kind & 0x7f {
        0x7f => return false, // an audio frame
        COMMENTS => read_comments(reading, block),
        PICTURE => read_picture(reading, block),
        _ => {}
    }
    kind & 0x80 == 0
}
