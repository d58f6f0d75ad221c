//! What was found out, or heard, of a master's soundness.

use std::fmt;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What could be said of a master all of which was decoded without an error, with the stated length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// What a verification found, good or bad: see [`Master::verdict`](super::Master::verdict). Can be kept, as JSON for instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing is wrong.
    Sound(Verification),
    /// Audio is broken or missing.
    Damaged {
        /// The first sample (per channel) that could not be read.
        at: u64,
        /// What is wrong there.
        detail: String,
    },
    /// All frames are intact, but they are not what the MD5 was made of.
    WrongMd5,
}

impl Verdict {
    /// What it says of the master called `name`, as [`Master::verify`](super::Master::verify) says it.
    ///
    /// # Errors
    /// [`Error::Damaged`] unless it is sound.
    pub fn check(&self, name: &str) -> Result<Verification> {
        let (at, detail) = match self {
            Self::Sound(verification) => return Ok(*verification),
            Self::Damaged { at, detail } => (*at, detail.clone()),
            Self::WrongMd5 => (0, "all frames are intact, but the MD5 of the audio does not match".into()),
        };
        Err(Error::Damaged { name: name.into(), at, detail })
    }

    /// Whether the master called `name` may be pressed: not if it is damaged, unless the rendition is to
    /// `salvage` it; and not if its MD5 is wrong, since nobody can tell where.
    ///
    /// # Errors
    /// [`Error::Damaged`] if not.
    pub fn allow(&self, name: &str, salvage: bool) -> Result<()> {
        match self {
            Self::Damaged { .. } if salvage => Ok(()),
            verdict => verdict.check(name).map(|_| ()),
        }
    }
}

/// What an index said of a master, and when.
pub(super) struct Heard {
    at: Instant,
    verdict: Option<Verdict>,
}

impl Heard {
    pub(super) const fn new(at: Instant, verdict: Option<Verdict>) -> Self {
        Self { at, verdict }
    }

    pub(super) const fn at(&self) -> Instant {
        self.at
    }

    pub(super) fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }
}
