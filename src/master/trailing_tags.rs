//! Tags that programs append to any file, whatever it is.

use super::source::Input;
use crate::error::Result;

/// Nobody appends more of them.
const MOST: usize = 16;

/// The longest text of version 1 of `Lyrics3`, with what marks its ends.
const LONGEST_LYRICS: u64 = 11 + 5_100 + 9;

/// Where the audio from `start` ends: before the `ID3v1`, `ID3v2`, `APEv2` and `Lyrics3` tags behind it, in whatever
/// order they lie there.
pub(super) fn without_tags(input: &Input, start: u64) -> Result<u64> {
    let mut end = input.len;
    for _ in 0..MOST {
        let Some(size) = last_tag(input, start, end)? else { break };
        end -= size;
    }
    Ok(end)
}

/// The size of the tag that ends at `end`, if there is one.
fn last_tag(input: &Input, start: u64, end: u64) -> Result<Option<u64>> {
    let there = end.saturating_sub(start);
    if there >= 128 && input.array(end - 128)? == *b"TAG" {
        // What did not fit may stand before it.
        let is_longer = there >= 128 + 227 && input.array(end - 128 - 227)? == *b"TAG+";
        return Ok(Some(if is_longer { 128 + 227 } else { 128 }));
    }
    if there < 32 {
        return Ok(None);
    }
    let footer: [u8; 32] = input.array(end - 32)?;
    let size = if footer.starts_with(b"APETAGEX") {
        let size = u64::from(u32::from_le_bytes([footer[12], footer[13], footer[14], footer[15]]));
        // It may say that a header stands before it where there is none.
        let has_header =
            footer[23] & 0x80 != 0 && size + 32 <= there && input.array(end - size - 32)? == *b"APETAGEX";
        size + if has_header { 32 } else { 0 }
    } else if footer[22..].starts_with(b"3DI") {
        20 + footer[28..].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f))
    } else if footer.ends_with(b"LYRICS200") {
        let digits = str::from_utf8(&footer[17..23]).ok().and_then(|digits| digits.parse::<u64>().ok());
        let size = digits.unwrap_or(0) + 15;
        let begins = size <= there && input.array(end - size)? == *b"LYRICSBEGIN";
        if begins { size } else { 0 }
    } else if footer.ends_with(b"LYRICSEND") {
        let most = there.min(LONGEST_LYRICS);
        let lyrics = input.bytes(end - most, most)?;
        let begin = lyrics.windows(11).rposition(|bytes| bytes == b"LYRICSBEGIN");
        begin.map_or(0, |begin| (lyrics.len() - begin) as u64)
    } else {
        0
    };
    Ok(Some(size).filter(|size| (1..=there).contains(size)))
}
