//! Whether all of a master's audio can be had, and is what its encoder was given.

use std::fmt;

use super::decode::Decoder;
use super::{Codec, Master};
use crate::error::{Result, Stage};
use crate::pcm::Pcm;

/// What could be said of a master all of which was decoded without an error, with the stated length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verification {
    /// The checksum of every FLAC frame is right, and so is the MD5 of the decoded audio.
    Md5Matches,
    /// The checksum of every FLAC frame is right. The encoder left no MD5 (it is all zeros), so
    /// whether the audio is what it was given cannot be verified.
    NoMd5,
    /// The format has no checksums: all of it is there and could be decoded, no more can be said.
    NoChecksums,
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Md5Matches => "verified: all frames are intact and the MD5 of the audio matches",
            Self::NoMd5 => "unverifiable: all frames are intact, but the file holds no MD5 of its audio",
            Self::NoChecksums => "complete: all audio is there; the format has no checksums",
        })
    }
}

/// How many samples are decoded at a time.
const STEP: u64 = 64 << 10;

pub(super) fn verify(master: &Master) -> Result<Verification> {
    let input = &master.0.input;
    let mut decoder = input.blame(Decoder::new(master.clone(), true))?;
    let mut pcm = Pcm::default();
    let end = master.info().samples.0;
    let mut at = 0;
    while at < end {
        let to = end.min(at + STEP);
        decoder.read(at..to, &mut pcm)?;
        at = to;
    }
    input.unchanged(Stage::Decode)?;
    match decoder.md5_matches() {
        Some(true) => Ok(Verification::Md5Matches),
        Some(false) => {
            Err(input.damaged(0, "all frames are intact, but the MD5 of the audio does not match"))
        }
        None if master.info().codec == Codec::Flac => Ok(Verification::NoMd5),
        None => Ok(Verification::NoChecksums),
    }
}
