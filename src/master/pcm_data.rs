//! Samples that lie in a file as they are: how they are coded, where, and what they are as `f32`.

use std::fmt;
use std::ops::Range;

use super::info::Codec;
use super::source::Input;
use crate::error::{Result, Stage};
use crate::pcm::Pcm;

/// How one sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Unsigned,
    Signed,
    Float,
}

/// How samples are written. Integers of fewer bits than their bytes hold are left-aligned, which
/// all of WAV, AIFF and CAF ask for, so that the bits below count as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SampleFormat {
    pub(super) number: Number,
    /// 1 to 4 for integers (1 if unsigned), 4 or 8 for floating point.
    pub(super) bytes: u8,
    pub(super) big_endian: bool,
}

/// Written as ffmpeg names it, such as `s24le`; part of what a `MasterId` is made of.
impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = match self.number {
            Number::Unsigned => 'u',
            Number::Signed => 's',
            Number::Float => 'f',
        };
        let order = match (self.bytes, self.big_endian) {
            (1, _) => "",
            (_, true) => "be",
            (_, false) => "le",
        };
        write!(f, "{number}{}{order}", self.bytes * 8)
    }
}

/// Where the samples lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PcmData {
    pub(super) coding: SampleFormat,
    /// The sample data and nothing else: no padding, a whole number of samples in every channel.
    pub(super) data: Range<u64>,
}

/// How many bytes are read at a time: large enough for system calls not to count.
const BLOCK: usize = 256 << 10;

impl PcmData {
    /// How many samples the file has, when it may end before its stated end.
    pub(super) fn samples_there(&self, input: &Input, channels: usize) -> u64 {
        let end = self.data.end.min(input.len);
        end.saturating_sub(self.data.start) / (u64::from(self.coding.bytes) * channels as u64)
    }

    /// Appends the samples of `range` to the planes of `pcm`.
    pub(super) fn read(
        &self,
        input: &Input,
        range: Range<u64>,
        pcm: &mut Pcm,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        let frame = usize::from(self.coding.bytes) * pcm.channels();
        let at_once = (BLOCK / frame) as u64;
        let mut at = range.start;
        while at < range.end {
            let count = at_once.min(range.end - at);
            #[allow(clippy::cast_possible_truncation)] // at most BLOCK
            buf.resize(count as usize * frame, 0);
            let read = input.read_at(buf, self.data.start + at * frame as u64, Stage::Decode)?;
            if read < buf.len() {
                let end = self.samples_there(input, pcm.channels()).min(at + (read / frame) as u64);
                return Err(input.damaged(end, "the file ends here, before its stated end"));
            }
            self.coding.append(buf, pcm.planes_mut());
            at += count;
        }
        Ok(())
    }
}

impl SampleFormat {
    pub(super) fn codec(self) -> Codec {
        if self.number == Number::Float { Codec::Float } else { Codec::Pcm }
    }

    /// Appends samples, interleaved as they lie in a file, to the planes of their channels.
    pub(super) fn append(self, bytes: &[u8], planes: &mut [Vec<f32>]) {
        match (self.number, self.bytes, self.big_endian) {
            (Number::Unsigned, ..) => {
                spread(bytes, planes, |[a]: [u8; 1]| integer([0, 0, 0, a ^ 0x80]));
            }
            (Number::Signed, 1, _) => spread(bytes, planes, |[a]: [u8; 1]| integer([0, 0, 0, a])),
            (Number::Signed, 2, false) => spread(bytes, planes, |[a, b]| integer([0, 0, a, b])),
            (Number::Signed, 2, true) => spread(bytes, planes, |[b, a]| integer([0, 0, a, b])),
            (Number::Signed, 3, false) => spread(bytes, planes, |[a, b, c]| integer([0, a, b, c])),
            (Number::Signed, 3, true) => spread(bytes, planes, |[c, b, a]| integer([0, a, b, c])),
            (Number::Signed, _, false) => spread(bytes, planes, integer),
            (Number::Signed, _, true) => spread(bytes, planes, |[d, c, b, a]| integer([a, b, c, d])),
            (Number::Float, 4, false) => spread(bytes, planes, f32::from_le_bytes),
            (Number::Float, 4, true) => spread(bytes, planes, f32::from_be_bytes),
            (Number::Float, _, false) => spread(bytes, planes, |b| narrow(f64::from_le_bytes(b))),
            (Number::Float, _, true) => spread(bytes, planes, |b| narrow(f64::from_be_bytes(b))),
        }
    }
}

/// Interleaved samples of `N` bytes to planes.
fn spread<const N: usize>(bytes: &[u8], planes: &mut [Vec<f32>], sample: impl Fn([u8; N]) -> f32) {
    let (samples, _) = bytes.as_chunks::<N>();
    match planes {
        // These two become vectors.
        [mono] => mono.extend(samples.iter().map(|&s| sample(s))),
        [left, right] => {
            let (both, _) = samples.as_chunks::<2>();
            left.extend(both.iter().map(|&[s, _]| sample(s)));
            right.extend(both.iter().map(|&[_, s]| sample(s)));
        }
        planes => {
            let channels = planes.len();
            for (channel, plane) in planes.iter_mut().enumerate() {
                plane.extend(samples.iter().skip(channel).step_by(channels).map(|&s| sample(s)));
            }
        }
    }
}

fn integer(little_endian: [u8; 4]) -> f32 {
    from_i32(i32::from_le_bytes(little_endian))
}

/// A left-aligned integer sample at ±1.0 full scale: exact up to 24 bits, rounded to nearest above.
#[allow(clippy::cast_precision_loss)] // only bits below the 24th are lost
pub(super) fn from_i32(sample: i32) -> f32 {
    sample as f32 * (1.0 / 2_147_483_648.0)
}

#[allow(clippy::cast_possible_truncation)] // rounded to nearest, as documented
fn narrow(sample: f64) -> f32 {
    sample as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(number: Number, bytes: u8, big_endian: bool, data: &[u8]) -> Vec<f32> {
        let mut planes = [Vec::new()];
        SampleFormat { number, bytes, big_endian }.append(data, &mut planes);
        let [plane] = planes;
        plane
    }

    #[test]
    fn every_coding_gives_half_and_minus_one() {
        let want = [0.5, -1.0];
        assert_eq!(decode(Number::Unsigned, 1, false, &[0xc0, 0]), want);
        assert_eq!(decode(Number::Signed, 1, false, &[0x40, 0x80]), want);
        assert_eq!(decode(Number::Signed, 2, false, &[0, 0x40, 0, 0x80]), want);
        assert_eq!(decode(Number::Signed, 2, true, &[0x40, 0, 0x80, 0]), want);
        assert_eq!(decode(Number::Signed, 3, false, &[0, 0, 0x40, 0, 0, 0x80]), want);
        assert_eq!(decode(Number::Signed, 3, true, &[0x40, 0, 0, 0x80, 0, 0]), want);
        assert_eq!(decode(Number::Signed, 4, false, &[0, 0, 0, 0x40, 0, 0, 0, 0x80]), want);
        assert_eq!(decode(Number::Signed, 4, true, &[0x40, 0, 0, 0, 0x80, 0, 0, 0]), want);
        let float = |be: bool| want.map(|x: f32| if be { x.to_be_bytes() } else { x.to_le_bytes() }).concat();
        assert_eq!(decode(Number::Float, 4, false, &float(false)), want);
        assert_eq!(decode(Number::Float, 4, true, &float(true)), want);
        let double = |be: bool| {
            want.map(|x: f32| {
                let x = f64::from(x);
                if be { x.to_be_bytes() } else { x.to_le_bytes() }
            })
            .concat()
        };
        assert_eq!(decode(Number::Float, 8, false, &double(false)), want);
        assert_eq!(decode(Number::Float, 8, true, &double(true)), want);
    }

    #[test]
    fn codings_have_the_names_that_ids_are_made_of() {
        let name = |number, bytes, big_endian| SampleFormat { number, bytes, big_endian }.to_string();
        assert_eq!(name(Number::Unsigned, 1, false), "u8");
        assert_eq!(name(Number::Signed, 3, true), "s24be");
        assert_eq!(name(Number::Float, 8, false), "f64le");
    }
}
