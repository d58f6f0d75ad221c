//! What a case is, and the sound master that all of them are made from.

use std::ops::Range;

/// A file and what must come of it.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
    pub want: Want,
}

/// What must come of a file. Positions and lengths are in samples.
#[derive(Debug, Clone, PartialEq)]
pub enum Want {
    /// It is not opened.
    Refused(Why),
    /// All of [`sample`] is there, up to this length, bit for bit.
    Sound(u64),
    /// There is so much audio, all of it to be had, but it is not [`sample`]: what the file says is taken at
    /// its word.
    Other(u64),
    /// As sound, but for the MD5.
    WrongMd5(u64),
    /// It has a length, and gaps; the rest is [`sample`].
    Damaged(u64, Vec<Range<u64>>),
    /// Not all is where it belongs, or there is more than is stated: damaged here, with these gaps.
    Disorder(u64, u64, Vec<Range<u64>>),
    /// Refused as damaged at this sample. Where it may be truncated it has this length and is silent from there.
    Truncated(u64, u64),
    /// Refused as damaged at this sample, since nothing says how long it is and its end is missing. Where it may
    /// be truncated, it is what is there.
    Unfinished(u64),
}

/// Why a file is not opened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Why {
    /// Damaged, at this sample.
    Damaged(u64),
    Unsupported,
    Lossy,
    Unrecognised,
    Empty,
    /// Beyond a limit: of this.
    Limit(&'static str),
}

/// Samples in a FLAC frame or an ALAC packet.
pub const FRAME: u64 = 1_024;
/// Samples in all: twelve frames.
pub const ALL: u64 = 12 * FRAME;

pub fn case(name: impl Into<String>, bytes: Vec<u8>, want: Want) -> Case {
    Case { name: name.into(), bytes, want }
}

pub fn refused(name: impl Into<String>, bytes: Vec<u8>, why: Why) -> Case {
    case(name, bytes, Want::Refused(why))
}

/// Frames or packets with these numbers.
pub fn frames(numbers: Range<u64>) -> Range<u64> {
    numbers.start * FRAME..numbers.end * FRAME
}

/// The audio of the sound master: noise, 16 bits, two channels, never silent.
pub fn sample(at: u64, channel: u64) -> i16 {
    let mut x = (at * 2 + channel).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((x >> 48) as i16) | 1
}

/// The same, interleaved.
pub fn samples(range: Range<u64>) -> Vec<i32> {
    range.flat_map(|at| [0, 1].map(|channel| i32::from(sample(at, channel)))).collect()
}

/// `bytes` with those at `at` replaced.
pub fn with(mut bytes: Vec<u8>, at: usize, new: &[u8]) -> Vec<u8> {
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

/// Where `what` is in `bytes`.
pub fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|window| window == what).unwrap()
}
