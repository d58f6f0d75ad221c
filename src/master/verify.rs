//! Whether all of a master's audio can be had, and is what its encoder was given.

use std::fmt;
use std::sync::{PoisonError, RwLockWriteGuard};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::decode::Decoder;
use super::{Codec, Master};
use crate::error::{Error, Result, Stage};
use crate::pcm::Pcm;

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

/// What a verification found, good or bad: see [`Master::verdict`]. Can be kept, as JSON for instance.
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
    /// What it says of the master called `name`, as [`Master::verify`] says it.
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

impl Master {
    /// Tells the master what an index says of it.
    pub(crate) fn hear(&self, verdict: Option<Verdict>) {
        *self.heard() = Some(Heard { at: Instant::now(), verdict });
    }

    /// [`Verdict::allow`] of the verdict that an index has, if it has one. The index is asked unless it
    /// was within the last `age`.
    pub(crate) fn allow(
        &self,
        salvage: bool,
        age: Duration,
        ask: impl FnOnce() -> Option<Verdict>,
    ) -> Result<()> {
        let allow = |heard: &Heard| {
            heard.verdict.as_ref().map_or(Ok(()), |verdict| verdict.allow(self.name(), salvage))
        };
        let now = Instant::now();
        if let Some(heard) = &*self.0.heard.read().unwrap_or_else(PoisonError::into_inner)
            && now.saturating_duration_since(heard.at) < age
        {
            return allow(heard);
        }
        // Asked with nothing locked: an index lies on a disk. What was heard meanwhile is younger.
        let asked = Heard { at: now, verdict: ask() };
        let mut heard = self.heard();
        let heard = match &mut *heard {
            Some(heard) if heard.at > now => heard,
            heard => heard.insert(asked),
        };
        allow(heard)
    }

    fn heard(&self) -> RwLockWriteGuard<'_, Option<Heard>> {
        self.0.heard.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many samples are decoded at a time.
const STEP: u64 = 64 << 10;

pub(super) fn verdict(master: &Master) -> Result<Verdict> {
    match decode(master) {
        Err(Error::Damaged { at, detail, .. }) => Ok(Verdict::Damaged { at, detail }),
        other => other,
    }
}

fn decode(master: &Master) -> Result<Verdict> {
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
    Ok(match decoder.md5_matches() {
        Some(true) => Verdict::Sound(Verification::Md5Matches),
        Some(false) => Verdict::WrongMd5,
        None if master.info().codec == Codec::Flac => Verdict::Sound(Verification::NoMd5),
        None => Verdict::Sound(Verification::NoChecksums),
    })
}
