//! A piece of encoded audio.

use std::ops::Range;

/// A packet and the samples that it holds.
pub(super) struct Packet {
    pub(super) samples: Range<u64>,
    /// How many it holds before those.
    pub(super) lead: usize,
    pub(super) bytes: Box<[u8]>,
    /// Whether the checksum at its end is known to be right.
    pub(super) summed: bool,
}
