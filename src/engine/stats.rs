//! What an engine has done, counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::lock::lock;

/// What an engine has done since it was built, and what it has to do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests that the store had the rendition of.
    pub hits: u64,
    /// Requests that joined a rendition already being pressed.
    pub joins: u64,
    /// Requests that had to be pressed for.
    pub misses: u64,
    /// Requests refused because there was too much to do.
    pub refused: u64,
    /// Renditions completed.
    pub finished: u64,
    /// Of these, renditions that the store did not take: they are had, but not kept. `tracing` says why.
    pub uncached: u64,
    /// Renditions that failed.
    pub failed: u64,
    /// Renditions that nobody wanted any more.
    pub cancelled: u64,
    /// Segments pressed.
    pub segments: u64,
    /// Bytes pressed.
    pub bytes: u64,
    /// Steps of masters decoded.
    pub steps_decoded: u64,
    /// Steps that several renditions shared, not counting the first.
    pub steps_shared: u64,
    /// Bytes of decoded audio held now.
    pub pcm_bytes: u64,
    /// Renditions being pressed or waiting for it now.
    pub queue: usize,
    /// The seconds of audio in them that nobody has begun to press.
    pub backlog_s: f64,
    /// From a request to the first byte of audio, in microseconds.
    pub first_byte_us: Quantiles,
    /// How fast segments were pressed, in hundredths of real time on one core.
    pub speed_x100: Quantiles,
}

/// Of a number of measurements.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Quantiles {
    /// How many there were.
    pub count: u64,
    /// Half are not above this.
    pub p50: u64,
    /// 99 in 100 are not above this.
    pub p99: u64,
    /// None is above this.
    pub max: u64,
    /// Their mean.
    pub mean: f64,
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Count {
    Hits,
    Joins,
    Misses,
    Refused,
    Finished,
    Uncached,
    Failed,
    Cancelled,
    Segments,
    Bytes,
}

const COUNTS: usize = Count::Bytes as usize + 1;

impl Count {
    /// What the `metrics` facade calls it.
    #[cfg(feature = "metrics")]
    const fn name(self) -> &'static str {
        match self {
            Self::Hits => "tonepress_hits_total",
            Self::Joins => "tonepress_joins_total",
            Self::Misses => "tonepress_misses_total",
            Self::Refused => "tonepress_refused_total",
            Self::Finished => "tonepress_finished_total",
            Self::Uncached => "tonepress_uncached_total",
            Self::Failed => "tonepress_failed_total",
            Self::Cancelled => "tonepress_cancelled_total",
            Self::Segments => "tonepress_segments_total",
            Self::Bytes => "tonepress_pressed_bytes_total",
        }
    }
}

/// A segment of so many seconds has its whole share in the average cost; a shorter one less.
const WHOLE: f64 = 20.0;

/// The counters of one engine.
pub(super) struct Counters {
    counts: [AtomicU64; COUNTS],
    first_byte: Mutex<Histogram<u64>>,
    speed: Mutex<Histogram<u64>>,
    /// What a second of audio takes on one core, in nanoseconds; of late.
    cost: AtomicU64,
}

impl Counters {
    pub(super) fn new() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; COUNTS],
            first_byte: Mutex::new(histogram()),
            speed: Mutex::new(histogram()),
            cost: AtomicU64::new(25_000_000),
        }
    }

    pub(super) fn add(&self, count: Count, number: u64) {
        self.counts[count as usize].fetch_add(number, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        metrics::counter!(count.name()).increment(number);
    }

    pub(super) fn first_byte(&self, after: Duration) {
        record(&self.first_byte, u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
        #[cfg(feature = "metrics")]
        metrics::histogram!("tonepress_first_byte_seconds").record(after.as_secs_f64());
    }

    /// A segment of `seconds` was pressed, which took `taken`. It counts for its length: what beginning takes
    /// says little of what a second does, and one of no samples says nothing.
    pub(super) fn segment(&self, seconds: f64, taken: Duration) {
        if seconds <= 0.0 {
            return;
        }
        let speed = seconds / taken.as_secs_f64().max(1e-9);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, and is never negative
        let speed_x100 = (speed * 100.0) as u64;
        record(&self.speed, speed_x100);
        let before = self.cost.load(Ordering::Relaxed) as f64;
        let share = (seconds / WHOLE).min(1.0) / 8.0;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as above
        let cost = (before + (1e9 / speed - before) * share) as u64;
        // Two at a time may lose one's share in the average, which does not matter.
        self.cost.store(cost, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        metrics::histogram!("tonepress_segment_realtime_x").record(speed);
    }

    /// The seconds of one core that pressing a second of audio has taken of late.
    pub(super) fn cost(&self) -> f64 {
        self.cost.load(Ordering::Relaxed) as f64 / 1e9
    }

    pub(super) fn stats(&self) -> Stats {
        let count = |count: Count| self.counts[count as usize].load(Ordering::Relaxed);
        Stats {
            hits: count(Count::Hits),
            joins: count(Count::Joins),
            misses: count(Count::Misses),
            refused: count(Count::Refused),
            finished: count(Count::Finished),
            uncached: count(Count::Uncached),
            failed: count(Count::Failed),
            cancelled: count(Count::Cancelled),
            segments: count(Count::Segments),
            bytes: count(Count::Bytes),
            steps_decoded: 0,
            steps_shared: 0,
            pcm_bytes: 0,
            queue: 0,
            backlog_s: 0.0,
            first_byte_us: quantiles(&self.first_byte),
            speed_x100: quantiles(&self.speed),
        }
    }
}

/// Two digits are enough, and take 40 KiB.
fn histogram() -> Histogram<u64> {
    Histogram::new(2).unwrap_or_else(|_| unreachable!("2 is one of the numbers of digits that there are"))
}

fn record(histogram: &Mutex<Histogram<u64>>, value: u64) {
    // It grows as needed, so it takes every value.
    let _ = lock(histogram).record(value);
}

fn quantiles(histogram: &Mutex<Histogram<u64>>) -> Quantiles {
    let histogram = lock(histogram);
    Quantiles {
        count: histogram.len(),
        p50: histogram.value_at_quantile(0.5),
        p99: histogram.value_at_quantile(0.99),
        max: histogram.max(),
        mean: histogram.mean(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renditions_of_next_to_nothing_do_not_spoil_the_cost() {
        let counters = Counters::new();
        for seconds in [0.0, 1e-5, 0.0, 0.025] {
            counters.segment(seconds, Duration::from_millis(5));
            assert!(counters.cost() < 0.1, "{} after {seconds} s", counters.cost());
        }
        for _ in 0..64 {
            counters.segment(23.0, Duration::from_secs(1));
        }
        assert!((counters.cost() - 1.0 / 23.0).abs() < 1e-3, "{}", counters.cost());
    }
}
