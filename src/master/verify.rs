//! Verification: whether all audio of a master can be decoded, and is what its encoder was given.

use std::sync::Arc;

use super::Inner;
use super::decode::Decoder;
use super::info::Codec;
use super::verdict::{Verdict, Verification};
use crate::error::{Error, Result, Stage};
use crate::pcm::Pcm;

/// How many samples are decoded at a time.
const STEP: u64 = 64 << 10;

pub(super) fn verdict(master: &Arc<Inner>) -> Result<Verdict> {
    match decode(master) {
        Err(Error::Damaged { at, detail, .. }) => Ok(Verdict::Damaged { at, detail }),
        other => other,
    }
}

fn decode(master: &Arc<Inner>) -> Result<Verdict> {
    let input = &master.input;
    let mut decoder = input.blame(Decoder::new(master.clone(), true))?;
    let mut pcm = Pcm::default();
    let end = master.info.samples.0;
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
        None if master.info.codec == Codec::Flac => Verdict::Sound(Verification::NoMd5),
        None => Verdict::Sound(Verification::NoChecksums),
    })
}
