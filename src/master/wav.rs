//! RIFF WAVE, RIFX, RF64 and BW64: where the samples lie and how they are written.
//!
//! Read by ourselves because Symphonia knows no RF64, and because samples at a known place need no
//! seeking, hash at the speed of storage and show at once when the file is shorter than it says.

use std::ops::Range;

use super::info::{Container, MasterInfo};
use super::pcm_data::{Number, PcmData, SampleFormat};
use super::positions;
use super::source::Input;
use super::{Audio, Opened};
use crate::error::Result;
use crate::units::Samples;

/// Sizes that programs write when they do not know the length yet: the samples last until the end.
/// 0 is one of them too if nothing else contradicts; see [`stated_length`].
const UNSTATED: [u32; 4] = [0xffff_ffff, 0x8000_0000, 0x7fff_ffff, 0x7fff_f000];

/// How far the headers that a program counts, or does not, take its size from a round one.
const HEADERS: u32 = 16 << 10;

/// Whether a size looks like one that was made of 2^32 or 2^31 (or of 0x7f000000, as `SoX` has it), the most that
/// can be said, and the sizes of some headers.
pub(super) fn is_near_the_most(size: u32) -> bool {
    [u32::MAX, 1 << 31, 0x7f00_0000].iter().any(|most| size.abs_diff(*most) <= HEADERS)
}

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// What a format chunk says.
pub(super) struct Format {
    big_endian: bool,
    tag: u16,
    channels: u16,
    rate: u32,
    block: u16,
    bits: u16,
    mask: Option<u32>,
}

/// Reads the headers of a file that starts with `RIFF`, `RIFX` (all numbers of which are big-endian), `RF64` or
/// `BW64` at `start`.
pub(super) fn open(input: &Input, start: u64) -> Result<Opened> {
    let [kind @ .., s0, s1, s2, s3] = input.array::<8>(start)?;
    let big_endian = &kind == b"RIFX";
    let number = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
    let riff = number([s0, s1, s2, s3]);
    let whole = input.len - start;
    let mut format = None;
    let mut long = None;
    let mut at = start + 12;
    while at + 8 <= input.len {
        let (kind, size) = input.pair(at)?;
        let size = number(size);
        let body = at + 8;
        match &kind {
            b"fmt " => format = Some(Format::read(input, body, size.into(), big_endian)?),
            b"ds64" => {
                // The size of the whole comes first.
                long = Some(u64::from_le_bytes(input.array(body + 8)?));
            }
            b"data" => {
                let Some(format) = format else {
                    return Err(input.damaged(0, "a WAV file without a format chunk before its data"));
                };
                let stated = match long {
                    Some(long) if size == u32::MAX => (long != 0 && long != u64::MAX).then_some(long),
                    _ => stated_length(size, riff, body - start, whole),
                };
                return describe(input, Container::Wav, &format, body, stated);
            }
            _ => {}
        }
        at = input.next_chunk(body, size.into())?;
    }
    Err(input.damaged(0, "a WAV file without a data chunk"))
}

/// The stated length of the data chunk that starts `from` bytes into the file of `whole` bytes, unless it was
/// written without knowing. A zero counts as unknown if the file's own length (`riff`) was not
/// filled in either: a recorder that stopped, or one that wrote to a pipe. So does a size near the most that can be
/// said, unless the file is as long as it says.
fn stated_length(size: u32, riff: u32, from: u64, whole: u64) -> Option<u64> {
    let unfinished = riff == 0 || UNSTATED.contains(&riff) || u64::from(riff) + 8 <= from;
    match size {
        0 if unfinished => None,
        _ if UNSTATED.contains(&size) => None,
        _ if is_near_the_most(size) && u64::from(riff) + 8 != whole => None,
        _ => Some(u64::from(size)),
    }
}

impl Format {
    /// Reads a format chunk of `size` bytes.
    pub(super) fn read(input: &Input, at: u64, size: u64, big_endian: bool) -> Result<Self> {
        if size < 16 {
            return Err(input.damaged(0, "its WAV format chunk is too short"));
        }
        let word = |bytes: &[u8], i: usize| {
            let pair = [bytes[i], bytes[i + 1]];
            if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
        };
        let long = |bytes: &[u8], i: usize| {
            let four = [bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]];
            if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        };
        let base: [u8; 16] = input.array(at)?;
        let mut format = Self {
            big_endian,
            tag: word(&base, 0),
            channels: word(&base, 2),
            rate: long(&base, 4),
            block: word(&base, 12),
            bits: word(&base, 14),
            mask: None,
        };
        if format.tag == EXTENSIBLE && size >= 40 {
            let more: [u8; 24] = input.array(at + 16)?;
            let valid = word(&more, 2);
            if valid > 0 && valid <= format.bits {
                format.bits = valid;
            }
            format.mask = Some(long(&more, 4));
            // The first part of a GUID, which is a number as well.
            format.tag = if big_endian { word(&more, 10) } else { word(&more, 8) };
        }
        Ok(format)
    }
}

/// What lies in a `container`, by its format chunk.
pub(super) fn describe(
    input: &Input,
    container: Container,
    format: &Format,
    start: u64,
    stated: Option<u64>,
) -> Result<Opened> {
    let rate = input.rate(format.rate)?;
    let channels = usize::from(format.channels);
    let layout = input.layout(format.mask.and_then(|mask| positions::masked(mask, channels)), channels)?;
    let number = match format.tag {
        PCM if format.bits <= 8 => Number::Unsigned,
        PCM => Number::Signed,
        FLOAT => Number::Float,
        tag => return Err(other_codec(input, container, tag)),
    };
    let bytes = usize::from(format.block) / channels;
    let exact = bytes * channels == usize::from(format.block) && usize::from(format.bits) <= bytes * 8;
    let coding = match (number, bytes) {
        (Number::Unsigned, 1) | (Number::Signed, 2..=4) if exact && format.bits > 0 => Some(bytes),
        (Number::Float, 4 | 8) if usize::from(format.bits) == bytes * 8 => Some(bytes),
        _ => None,
    }
    .and_then(|bytes| u8::try_from(bytes).ok())
    .map(|bytes| SampleFormat { number, bytes, big_endian: format.big_endian });
    let (Some(coding), Ok(bits)) = (coding, u8::try_from(format.bits)) else {
        return Err(input.unsupported(format!(
            "WAV with {} bits per sample in blocks of {} bytes; 8 to 32-bit PCM and 32 or 64-bit float are",
            format.bits, format.block
        )));
    };
    let data = samples_range(input, start, stated, u64::from(format.block))?;
    let samples = Samples((data.end - data.start) / u64::from(format.block));
    let codec = coding.codec();
    let info = MasterInfo { container, codec, rate, bits, layout, samples };
    Opened::new(input, info, Audio::Pcm(PcmData { coding, data }))
}

/// The whole samples that are `stated` (all there are, if nothing is stated), or where they end
/// if the file has fewer.
pub(super) fn samples_range(
    input: &Input,
    start: u64,
    stated: Option<u64>,
    frame: u64,
) -> Result<Range<u64>> {
    let there = input.len.saturating_sub(start);
    let length = stated.unwrap_or(there) / frame * frame;
    if length > there && !input.limits.truncated {
        return Err(input.damaged(
            there / frame,
            format!("the file ends here, {} samples before its stated end", (length - there).div_ceil(frame)),
        ));
    }
    Ok(start..start.saturating_add(length))
}

fn other_codec(input: &Input, container: Container, tag: u16) -> crate::Error {
    let lossy = match tag {
        0x0002 => "Microsoft ADPCM",
        0x0006 => "A-law",
        0x0007 => "µ-law",
        0x0010 | 0x0011 | 0x0020 | 0x0040 | 0x0045 | 0x0062 | 0x0064 | 0x0065 | 0x0200 => "ADPCM",
        0x0031 | 0x0032 => "GSM",
        0x0050 => "MPEG audio layer 1 or 2",
        0x0055 => "MP3",
        0x0092 | 0x2000 => "AC-3",
        0x00ff | 0x1600..=0x1610 | 0xa106 => "AAC",
        0x0160..=0x0162 => "Windows Media Audio",
        0x0270 => "ATRAC3",
        0x0008 | 0x2001 => "DTS",
        0x674f..=0x6771 => "Vorbis",
        0x704f => "Opus",
        _ => {
            return input.unsupported(format!(
                "WAV with format tag {tag:#06x}; PCM (1), float (3) and extensible (0xfffe) are"
            ));
        }
    };
    input.lossy_in(&container.to_string(), lossy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_state_nothing() {
        let stated = |size, riff| stated_length(size, riff, 44, 1_044);
        assert_eq!(stated(1_000, 1_036), Some(1_000));
        assert_eq!(stated(0, 36), None, "a recorder that stopped");
        assert_eq!(stated(0, 0), None);
        assert_eq!(stated(0, 100), Some(0), "really empty, and a chunk follows");
        assert_eq!(stated(u32::MAX, u32::MAX), None, "ffmpeg to a pipe");
        assert_eq!(stated(0x7fff_f000, 0x7fff_f024), None, "sox to a pipe");
        assert_eq!(stated(0xffff_ff9b, 0xffff_ffbf), None);
        assert_eq!(stated(0xffff_ffdb, 0xffff_ffff), None, "all, without the headers");
        assert_eq!(stated(0x7fff_ffdb, 0x7fff_ffff), None);
        assert_eq!(stated(0x8000_0000 - 44, 0x8000_0000 - 8), None);
        assert_eq!(stated_length(0x7fff_ffd4, 0x7fff_fff8, 44, 1 << 31), Some(0x7fff_ffd4), "two gigabytes");
        assert_eq!(stated(0x8010_0000, 0x8010_0024), Some(0x8010_0000), "cut off, for all that is known");
    }
}
