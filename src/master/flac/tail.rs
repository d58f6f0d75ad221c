//! What follows the frames of a native FLAC file.

use super::super::source::Input;
use super::header::FrameHeader;
use super::stream_info::StreamInfo;
use crate::error::{Result, Stage};

/// What follows the last frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::master) enum Tail {
    /// Nothing that is audio: no byte, zeros, a tag, or a few stray bytes.
    Harmless,
    /// Something that may be a damaged frame.
    Unknown,
    /// A frame of another format: how it differs, as an error says it.
    OtherFormat(String),
}

/// So few bytes are no frame that was cut, unless they start as one.
const STRAY: u64 = 16;

/// How many bytes are read at a time.
const BLOCK: usize = 64 << 10;

/// What stands at `at` in the file, behind a frame and before `end`.
pub(in crate::master) fn tail(input: &Input, info: &StreamInfo, at: u64, end: u64) -> Result<Tail> {
    let mut buf = vec![0; BLOCK];
    let read = input.read_at(&mut buf, at, Stage::Open)?;
    let len = end.saturating_sub(at);
    buf.truncate(usize::try_from(len).map_or(read, |len| len.min(read)));
    if let Ok(header) = FrameHeader::parse(&buf)
        && let Some(change) = header.change(&info.format)
    {
        return Ok(Tail::OtherFormat(change));
    }
    let is_tag =
        [b"LYRICSBEGIN", &b"APETAGEX"[..], b"ID3", b"TAG"].iter().any(|magic| buf.starts_with(magic));
    if is_tag || len <= STRAY && buf.first() != Some(&0xff) {
        return Ok(Tail::Harmless);
    }
    let mut from = at;
    while from < end {
        let read = input.read_at(&mut buf, from, Stage::Open)?;
        let count = usize::try_from(end - from).map_or(read, |left| left.min(read));
        if count == 0 || buf[..count].iter().any(|byte| *byte != 0) {
            return Ok(if count == 0 { Tail::Harmless } else { Tail::Unknown });
        }
        from += count as u64;
    }
    Ok(Tail::Harmless)
}
