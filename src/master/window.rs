//! A stretch of a file that is looked through from any place on.

use std::ops::Range;

use super::source::Input;
use crate::error::{Result, Stage};

/// How much is read at a time.
pub(super) const BLOCK: usize = 64 << 10;

/// Halving narrows a place down to so many bytes.
const NARROW: u64 = 64 << 10;

/// What was read of a stretch, and where in it somebody looks.
pub(super) struct Window {
    /// The stretch, in the file.
    bytes: Range<u64>,
    /// What was read of it, and where its first byte lies in the file.
    pub(super) buf: Vec<u8>,
    start: u64,
    /// Where somebody looks, in `buf`.
    pub(super) at: usize,
}

impl Window {
    /// At the first byte of `bytes`.
    pub(super) fn new(bytes: Range<u64>) -> Self {
        let start = bytes.start;
        Self { bytes, buf: Vec::new(), start, at: 0 }
    }

    /// The stretch, in the file.
    pub(super) fn bytes(&self) -> Range<u64> {
        self.bytes.clone()
    }

    /// Where somebody looks, in the file.
    pub(super) fn place(&self) -> u64 {
        self.start + self.at as u64
    }

    /// What was read from there on.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buf[self.at..]
    }

    /// Looks at another place of the file.
    pub(super) fn go_to(&mut self, position: u64) {
        let ahead = position.checked_sub(self.start).and_then(|ahead| usize::try_from(ahead).ok());
        if let Some(ahead) = ahead.filter(|&ahead| ahead < self.buf.len()) {
            // It was read already.
            self.at = ahead;
        } else {
            self.buf.clear();
            (self.start, self.at) = (position, 0);
        }
    }

    /// Reads on; false at the end of the stretch. What lies before `at` is dropped.
    pub(super) fn read(&mut self, input: &Input) -> Result<bool> {
        self.start += self.at as u64;
        self.buf.drain(..self.at);
        self.at = 0;
        let from = self.start + self.buf.len() as u64;
        let left = self.bytes.end.saturating_sub(from);
        let count = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        let kept = self.buf.len();
        self.buf.resize(kept + count, 0);
        let read = input.read_at(&mut self.buf[kept..], from, Stage::Decode)?;
        self.buf.truncate(kept + read);
        Ok(read > 0)
    }
}

/// A place near the last of which `is_before` holds: whether what is next there lies before what is looked for.
pub(super) fn narrow(bytes: Range<u64>, mut is_before: impl FnMut(u64) -> Result<bool>) -> Result<u64> {
    let Range { start: mut low, end: mut high } = bytes;
    while high - low > NARROW {
        let middle = low + (high - low) / 2;
        if is_before(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
