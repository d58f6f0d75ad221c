//! Reading no faster than so many bytes a second.

use std::thread;
use std::time::{Duration, Instant};

/// Keeps reading below a rate.
pub(super) struct Pace {
    start: Instant,
    bytes: u64,
    rate: Option<u64>,
}

impl Pace {
    /// At most `rate` bytes a second; `None`: as fast as the disk goes.
    pub(super) fn new(rate: Option<u64>) -> Self {
        Self { start: Instant::now(), bytes: 0, rate }
    }

    /// `bytes` more were read: sleeps if that was too fast.
    pub(super) fn keep(&mut self, bytes: u64) {
        self.bytes += bytes;
        if let Some(rate) = self.rate {
            let due = Duration::from_secs_f64(self.bytes as f64 / rate.max(1) as f64);
            thread::sleep(due.saturating_sub(self.start.elapsed()));
        }
    }
}
