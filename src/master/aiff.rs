//! AIFF and AIFF-C: where the samples lie and how they are written.
//!
//! Read by ourselves for the reasons that [`wav`](super::wav) gives.

use super::info::{Container, MasterInfo};
use super::pcm_data::{Number, PcmData, SampleFormat};
use super::positions;
use super::source::Input;
use super::wav::{is_near_the_most, samples_range};
use super::{Audio, Opened};
use crate::error::Result;
use crate::units::Samples;

struct Common {
    channels: u16,
    samples: u32,
    bits: u16,
    rate: u32,
    compression: [u8; 4],
}

/// So many chunks are looked at behind those that must be there.
const MOST_BEHIND: u32 = 64;

/// A layout of 8 channels, each described.
const LAYOUT_BYTES: u64 = 12 + 8 * 20;

/// Reads the headers of a file that starts with `FORM` at `start`.
pub(super) fn open(input: &Input, start: u64) -> Result<Opened> {
    let [_, _, _, _, s0, s1, s2, s3, kind @ ..] = input.array::<12>(start)?;
    let is_whole = u64::from(u32::from_be_bytes([s0, s1, s2, s3])) + 8 == input.len - start;
    let compressed = &kind == b"AIFC";
    let mut common = None;
    let (mut sound, mut stated_layout) = (None, Vec::new());
    let mut at = start + 12;
    let mut behind = 0;
    while at + 8 <= input.len && behind < MOST_BEHIND {
        let (kind, size) = input.pair(at)?;
        behind += u32::from(common.is_some() && sound.is_some());
        let size = u32::from_be_bytes(size);
        let body = at + 8;
        match &kind {
            b"CHAN" => stated_layout = input.bytes(body, u64::from(size).min(LAYOUT_BYTES))?,
            b"COMM" if common.is_none() => common = Some(read_common(input, body, compressed)?),
            b"SSND" if sound.is_none() => {
                let skip = 8 + u64::from(input.be32(body)?);
                // A program that wrote to a pipe did not know the size.
                let unstated = size == 0 || size == u32::MAX || is_near_the_most(size) && !is_whole;
                sound = Some((body + skip, (!unstated).then(|| u64::from(size).saturating_sub(skip))));
            }
            _ => {}
        }
        // Behind a sound chunk of unknown size there is nothing else.
        at = match sound {
            Some((_, None)) => input.len,
            _ => input.next_chunk(body, size.into())?,
        };
    }
    match (common, sound) {
        (Some(common), Some((start, stated))) => describe(input, &common, &stated_layout, start, stated),
        (Some(Common { samples: 0, .. }), None) => Err(crate::Error::Empty { name: input.name.clone() }),
        _ => Err(input.damaged(0, "an AIFF file without its common or sound chunk")),
    }
}

fn read_common(input: &Input, at: u64, compressed: bool) -> Result<Common> {
    let [c0, c1, n0, n1, n2, n3, b0, b1, e0, e1, mantissa @ ..] = input.array::<18>(at)?;
    // An 80-bit float whose integer part is 32 bits at most: all bits below must be zero.
    let exponent = u32::from(u16::from_be_bytes([e0, e1]));
    let mantissa = u64::from_be_bytes(mantissa);
    let rate = (16383..16383 + 32)
        .contains(&exponent)
        .then(|| 16383 + 63 - exponent)
        .filter(|shift| mantissa.trailing_zeros() >= *shift)
        .and_then(|shift| u32::try_from(mantissa >> shift).ok())
        .ok_or_else(|| input.unsupported("a sampling rate that is not a whole number of Hz, or too high"))?;
    Ok(Common {
        channels: u16::from_be_bytes([c0, c1]),
        samples: u32::from_be_bytes([n0, n1, n2, n3]),
        bits: u16::from_be_bytes([b0, b1]),
        rate,
        compression: if compressed { input.array(at + 18)? } else { *b"NONE" },
    })
}

fn describe(
    input: &Input,
    common: &Common,
    layout: &[u8],
    start: u64,
    stated: Option<u64>,
) -> Result<Opened> {
    let rate = input.rate(common.rate)?;
    let channels = usize::from(common.channels);
    let layout = input.layout(positions::described(layout, channels), channels)?;
    let (number, big_endian, bits) = match &common.compression {
        b"NONE" | b"none" | b"twos" | b"in16" | b"in24" | b"in32" => (Number::Signed, true, common.bits),
        b"sowt" | b"61ni" | b"42ni" | b"23ni" | b"ni16" | b"ni24" | b"ni32" => {
            (Number::Signed, false, common.bits)
        }
        b"raw " => (Number::Unsigned, false, 8),
        b"fl32" | b"FL32" => (Number::Float, true, 32),
        b"fl64" | b"FL64" => (Number::Float, true, 64),
        other => return Err(other_codec(input, *other)),
    };
    let Ok(bits @ (1..=32 | 64)) = u8::try_from(bits) else {
        return Err(input.unsupported(format!("AIFF with {bits} bits per sample; 1 to 32 are")));
    };
    let coding = SampleFormat { number, bytes: bits.div_ceil(8), big_endian };
    let frame = u64::from(coding.bytes) * channels as u64;
    // Whoever did not know the size has made the number up from it.
    let made_up = common.samples == u32::MAX
        || u32::try_from(u64::from(common.samples) * frame).is_ok_and(is_near_the_most);
    let counted = if stated.is_none() && made_up { 0 } else { u64::from(common.samples) };
    // The common chunk counts the samples; the sound chunk may be longer but not shorter.
    let stated = match (counted, stated) {
        (0, stated) => stated,
        (counted, Some(stated)) if counted * frame > stated => {
            return Err(
                input.damaged(stated / frame, format!("its sound chunk ends here, not after {counted}"))
            );
        }
        (counted, _) => Some(counted * frame),
    };
    let data = samples_range(input, start, stated, frame)?;
    let samples = Samples((data.end - data.start) / frame);
    let codec = coding.codec();
    let info = MasterInfo { container: Container::Aiff, codec, rate, bits, layout, samples };
    Opened::new(input, info, Audio::Pcm(PcmData { coding, data }))
}

fn other_codec(input: &Input, compression: [u8; 4]) -> crate::Error {
    let lossy = match &compression {
        b"alaw" | b"ALAW" => "A-law",
        b"ulaw" | b"ULAW" => "µ-law",
        b"ima4" | b"G721" | b"G722" | b"G723" | b"ADP4" | b"DWVW" => "ADPCM",
        b"MAC3" | b"MAC6" | b"ACE2" | b"ACE8" => "MACE",
        b"QDMC" | b"QDM2" => "QDesign Music",
        b"Qclp" => "Qualcomm PureVoice",
        b"GSM " | b"agsm" => "GSM",
        b".mp3" | b"MP3 " | b"ms\0\x55" => "MP3",
        _ => {
            let name = compression.escape_ascii();
            return input.unsupported(format!("AIFF-C of type '{name}'; PCM and float are"));
        }
    };
    input.lossy_in("AIFF", lossy)
}
