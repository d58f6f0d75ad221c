//! Which samples of a damaged master can be decoded.
//!
//! Whether a packet is damaged is decided once for a master, reading it from start to end: what is
//! found then are its packets, whoever reads it afterwards, wherever he starts. So segments that are
//! decoded in any order join without a seam, and the gaps are known beforehand.

use std::ops::Range;

use super::packet::Packet;

/// The packets that can be decoded, and what lies between them.
pub(super) struct Salvage {
    packets: Vec<PacketMark>,
    gaps: Vec<Range<u64>>,
}

/// A packet to be found again: its place and the start of its hash. Damage can look like a packet.
#[derive(PartialEq, Eq)]
pub(super) struct PacketMark {
    start: u64,
    hash: [u8; 8],
}

impl PacketMark {
    pub(super) fn of(packet: &Packet) -> Self {
        let mut hash = [0; 8];
        hash.copy_from_slice(&blake3::hash(&packet.bytes).as_bytes()[..8]);
        Self { start: packet.samples.start, hash }
    }
}

impl Salvage {
    pub(super) fn new(packets: Vec<PacketMark>, gaps: Vec<Range<u64>>) -> Self {
        Self { packets, gaps }
    }

    /// The packet with an index.
    pub(super) fn packet(&self, index: usize) -> Option<&PacketMark> {
        self.packets.get(index)
    }

    /// The index of the packet that holds sample `at`.
    pub(super) fn find(&self, at: u64) -> usize {
        self.packets.partition_point(|known| known.start <= at).saturating_sub(1)
    }

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
