//! What of a damaged master can be had.
//!
//! Whether a packet is damaged is decided once for a master, reading it from start to end: what is
//! found then are its packets, whoever reads it afterwards, wherever he starts. So segments that are
//! decoded in any order join without a seam, and the gaps are known beforehand.

use std::ops::Range;
use std::sync::Arc;

use super::decode::{Packet, Packets, Supply};
use super::{Audio, Inner};
use crate::error::{Error, Result, Stage};

/// No master has more packets: the list of them must fit the memory.
const MAX_PACKETS: usize = 4 << 20;

/// How many packets are looked at, behind the place that a seek has led to, for the one that is wanted.
const NEAR: usize = 64;

/// The packets that can be decoded, and what lies between them.
pub(super) struct Salvage {
    packets: Vec<Known>,
    gaps: Vec<Range<u64>>,
}

/// A packet to be found again: its place and the start of its hash. Damage can look like a packet.
#[derive(PartialEq, Eq)]
struct Known {
    start: u64,
    hash: [u8; 8],
}

impl Known {
    fn of(packet: &Packet) -> Self {
        let mut hash = [0; 8];
        hash.copy_from_slice(&blake3::hash(&packet.bytes).as_bytes()[..8]);
        Self { start: packet.samples.start, hash }
    }
}

/// Decodes all that can be decoded, until `stop` says so.
pub(super) fn survey(inner: &Inner, stop: &dyn Fn() -> bool) -> Result<Salvage> {
    let (input, total) = (&inner.input, inner.info.samples.0);
    let (mut packets, mut gaps) = (Vec::new(), Vec::new());
    let mut end = 0;
    if let Audio::Pcm(data) = &inner.audio {
        end = data.samples_there(input, inner.info.layout.channels());
    } else {
        let mut reader = Packets::new(inner, Supply::new(inner)?, false)?;
        while let Some(packet) = reader.next_packet(inner)? {
            if stop() {
                return Err(Error::Cancelled { name: input.name.clone() });
            }
            // What comes out of order, or again, is not in its place.
            if !(end..total).contains(&packet.samples.start) || packet.samples.is_empty() {
                continue;
            }
            let known = Known::of(&packet);
            let samples = packet.samples.start..packet.samples.end.min(total);
            match reader.try_decode(inner, &Packet { samples: samples.clone(), ..packet }) {
                Ok(()) => {}
                Err(Error::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            }
            input.limit("packets", packets.len() as u64 + 1, MAX_PACKETS as u64)?;
            packets.push(known);
            if samples.start > end {
                gaps.push(end..samples.start);
            }
            end = samples.end;
        }
    }
    if end < total {
        gaps.push(end..total);
    }
    input.unchanged(Stage::Decode)?;
    if gaps.first() == Some(&(0..total)) {
        return Err(input.damaged(0, "nothing of it can be salvaged"));
    }
    Ok(Salvage { packets, gaps })
}

impl Salvage {
    pub(super) fn gaps(&self) -> &[Range<u64>] {
        &self.gaps
    }

    /// Up to where, but not beyond `end`, sample `at` and those that follow are there, or are not.
    pub(super) fn stretch(&self, at: u64, end: u64) -> (bool, u64) {
        let next = self.gaps.partition_point(|gap| gap.end <= at);
        match self.gaps.get(next) {
            Some(gap) if gap.start <= at => (false, end.min(gap.end)),
            Some(gap) => (true, end.min(gap.start)),
            None => (true, end),
        }
    }
}

/// Finds the packets that the survey found, and no others.
pub(super) struct Finder {
    source: Supply,
    salvage: Arc<Salvage>,
    /// The index of the packet that is wanted next.
    next: usize,
    /// Whether it need not be the next of those that the survey found.
    sought: bool,
}

impl Finder {
    pub(super) fn new(inner: &Inner, salvage: Arc<Salvage>) -> Result<Self> {
        Ok(Self { source: Supply::new(inner)?, salvage, next: 0, sought: false })
    }

    pub(super) fn next(&mut self, inner: &Inner) -> Result<Option<Packet>> {
        let Some(wanted) = self.salvage.packets.get(self.next) else { return Ok(None) };
        let mut looked_at = 0;
        loop {
            match self.source.next_there(inner)? {
                Some(packet) if Known::of(&packet) == *wanted => {
                    (self.next, self.sought) = (self.next + 1, false);
                    let samples = packet.samples.start..packet.samples.end.min(inner.info.samples.0);
                    return Ok(Some(Packet { samples, ..packet }));
                }
                Some(_) if !self.sought || looked_at < NEAR => looked_at += 1,
                // A seek may lead beyond it: from the start on it was found before.
                _ if self.sought => (self.source, self.sought) = (Supply::new(inner)?, false),
                _ => return Err(Error::Changed { name: inner.input.name.clone() }),
            }
        }
    }

    /// Goes to the packet that holds sample `at`.
    pub(super) fn seek(&mut self, inner: &Inner, at: u64) -> Result<()> {
        self.next = self.salvage.packets.partition_point(|known| known.start <= at).saturating_sub(1);
        self.sought = true;
        self.source.seek(inner, at)
    }
}
