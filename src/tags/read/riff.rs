//! The chunks of WAV and AIFF: `ID3v2`, RIFF INFO, Broadcast Wave's `bext`, AIFF's texts.

use std::ops::Range;

use super::id3;
use crate::error::Result;
use crate::master::source::MAX_CHUNKS;
use crate::master::w64;
use crate::tags::field::FIELDS;
use crate::tags::reading::{Reading, take, take_array, text_of};

/// Reads the tags of a WAV file that starts at `start`. What ID3 says is believed before INFO, INFO before `bext`.
pub(super) fn read_wav(reading: &mut Reading, start: u64) -> Result<()> {
    let (mut tags, mut infos, mut bext) = (Vec::new(), Vec::new(), None);
    let number = match reading.input.array(start)? {
        [b'R', b'I', b'F', b'X'] => u32::from_be_bytes,
        _ => u32::from_le_bytes,
    };
    let mut long = None;
    let mut at = start + 12;
    for _ in 0..MAX_CHUNKS {
        let Some((kind, size)) = chunk(reading, at, number)? else { break };
        let body = at + 8;
        let size = match (&kind, long) {
            (b"data", Some(long)) if size == u64::from(u32::MAX) => long,
            _ => size,
        };
        let range = body..body.saturating_add(size);
        match &kind {
            b"ds64" => long = Some(u64::from_le_bytes(reading.input.array(body + 8)?)),
            b"id3 " | b"ID3 " => tags.push(range.clone()),
            b"LIST" if size >= 4 && reading.input.array(body)? == *b"INFO" => infos.push(body + 4..range.end),
            b"bext" => bext = Some(range.clone()),
            _ => {}
        }
        at = reading.input.next_chunk(body, size)?;
    }
    for range in tags {
        reading.less_trusted(|reading| id3::read(reading, range))?;
    }
    for range in infos {
        reading.less_trusted(|reading| read_info(reading, range, number))?;
    }
    match bext {
        Some(range) => reading.less_trusted(|reading| read_bext(reading, range)),
        None => Ok(()),
    }
}

/// Reads the tags of a Wave64 file that starts at `start`.
pub(super) fn read_w64(reading: &mut Reading, start: u64) -> Result<()> {
    let mut at = w64::first_chunk(start);
    for _ in 0..MAX_CHUNKS {
        let Some(chunk) = w64::chunk(reading.input, at)? else { break };
        let (id, end) = (chunk.body, chunk.end());
        let body = id + 4;
        if &chunk.kind == b"list"
            && body <= end.min(reading.input.len)
            && reading.input.array(id)? == *b"INFO"
        {
            reading.less_trusted(|reading| read_info(reading, body..end, u32::from_le_bytes))?;
        }
        at = chunk.next;
    }
    Ok(())
}

/// The kind and size of the chunk at `at`, if one starts there.
fn chunk(reading: &Reading, at: u64, number: fn([u8; 4]) -> u32) -> Result<Option<([u8; 4], u64)>> {
    if at.saturating_add(8) > reading.input.len {
        return Ok(None);
    }
    let (kind, size) = reading.input.pair(at)?;
    Ok(Some((kind, number(size).into())))
}

/// Texts by four letters each.
fn read_info(reading: &mut Reading, range: Range<u64>, number: fn([u8; 4]) -> u32) -> Result<()> {
    let Some(bytes) = reading.bytes("RIFF INFO", range)? else { return Ok(()) };
    let rest = &mut bytes.as_slice();
    while let Some(kind) = take_array::<4>(rest) {
        let size = take_array(rest).map_or(0, number) as usize;
        let Some(content) = take(rest, size) else {
            reading.broken("the end of RIFF INFO", "it is cut off");
            break;
        };
        take(rest, size & 1);
        let name = match &kind {
            // The program that wrote the file; who supplied the recording.
            b"ISFT" => continue,
            b"ISRC" => "SOURCE",
            _ => match FIELDS.iter().find(|field| field.info.contains(&kind)) {
                Some(field) => field.name,
                None => str::from_utf8(&kind).unwrap_or_default().trim(),
            },
        };
        if !name.is_empty() {
            reading.text(name, &text_of(content));
        }
    }
    Ok(())
}

/// A description, who made the recording under which reference, and when.
fn read_bext(reading: &mut Reading, range: Range<u64>) -> Result<()> {
    let fixed = range.start..range.end.min(range.start + 338);
    let Some(bytes) = reading.bytes("bext", fixed)? else { return Ok(()) };
    let rest = &mut bytes.as_slice();
    for (name, len) in [("COMMENT", 256), ("ORIGINATOR", 32), ("ORIGINATORREFERENCE", 32), ("DATE", 10)] {
        let Some(text) = take(rest, len) else {
            reading.broken("bext", "it is too short");
            break;
        };
        reading.text(name, &text_of(text));
    }
    Ok(())
}

/// Reads the tags of an AIFF file that starts at `start`. What ID3 says is believed before other chunks.
pub(super) fn read_aiff(reading: &mut Reading, start: u64) -> Result<()> {
    let (mut tags, mut texts) = (Vec::new(), Vec::new());
    let mut at = start + 12;
    for _ in 0..MAX_CHUNKS {
        let Some((kind, size)) = chunk(reading, at, u32::from_be_bytes)? else { break };
        let range = at + 8..at + 8 + size;
        at = reading.input.next_chunk(range.start, size)?;
        match &kind {
            b"ID3 " | b"id3 " => tags.push(range),
            b"NAME" => texts.push(("TITLE", range)),
            b"AUTH" => texts.push(("ARTIST", range)),
            b"(c) " => texts.push(("COPYRIGHT", range)),
            b"ANNO" => texts.push(("COMMENT", range)),
            _ => {}
        }
    }
    for range in tags {
        reading.less_trusted(|reading| id3::read(reading, range))?;
    }
    reading.less_trusted(|reading| {
        for (name, range) in texts {
            if let Some(bytes) = reading.bytes(name, range)? {
                reading.text(name, &text_of(&bytes));
            }
        }
        Ok(())
    })
}
