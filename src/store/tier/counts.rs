//! What a tier did.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::store::tier::health::Health;

/// What a tier did since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierStats {
    /// Renditions of which at least a part came from the tier.
    pub hits: u64,
    /// Renditions that it did not have.
    pub misses: u64,
    /// Renditions for which it could not be asked, or failed on the way.
    pub failures: u64,
    /// Objects that were not what their digest, their sidecar or the plan says: none of it was served.
    pub wrong: u64,
    /// Requests for renditions.
    pub requests: u64,
    /// Bytes that came.
    pub bytes_fetched: u64,
    /// Renditions uploaded.
    pub uploads: u64,
    /// Renditions that another had uploaded meanwhile.
    pub uploads_present: u64,
    /// Renditions that could not be uploaded: they stay local.
    pub uploads_failed: u64,
    /// Renditions not uploaded because too many waited already.
    pub uploads_dropped: u64,
    /// Bytes uploaded.
    pub bytes_uploaded: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    Hits,
    Misses,
    Failures,
    Wrong,
    Requests,
    BytesFetched,
    Uploads,
    UploadsPresent,
    UploadsFailed,
    UploadsDropped,
    BytesUploaded,
}

const COUNTS: usize = Count::BytesUploaded as usize + 1;

#[derive(Default)]
pub(crate) struct Counts {
    sums: [AtomicU64; COUNTS],
    pub(super) health: Health,
    last_failure: Mutex<Option<String>>,
}

impl Counts {
    pub(crate) fn add(&self, count: Count, number: u64) {
        self.sums[count as usize].fetch_add(number, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        metrics::counter!(count.name()).increment(number);
    }

    /// Whether it is worth asking.
    pub(crate) fn is_well(&self) -> bool {
        self.health.is_well()
    }

    pub(super) fn works(&self, url: &str) {
        if self.health.works() {
            tracing::info!(tier = url, "the tier answers again");
        }
    }

    pub(crate) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note_failure(&self, why: &str) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
    }

    /// Warns once, until it works again.
    pub(super) fn fails(&self, url: &str, why: &str) {
        self.note_failure(why);
        if self.health.fails() {
            tracing::warn!(tier = url, why, "the tier cannot be used; renditions are pressed");
        }
    }

    pub(crate) fn stats(&self) -> TierStats {
        let count = |count: Count| self.sums[count as usize].load(Ordering::Relaxed);
        TierStats {
            hits: count(Count::Hits),
            misses: count(Count::Misses),
            failures: count(Count::Failures),
            wrong: count(Count::Wrong),
            requests: count(Count::Requests),
            bytes_fetched: count(Count::BytesFetched),
            uploads: count(Count::Uploads),
            uploads_present: count(Count::UploadsPresent),
            uploads_failed: count(Count::UploadsFailed),
            uploads_dropped: count(Count::UploadsDropped),
            bytes_uploaded: count(Count::BytesUploaded),
        }
    }
}

#[cfg(feature = "metrics")]
impl Count {
    /// What the `metrics` facade calls it.
    const fn name(self) -> &'static str {
        match self {
            Self::Hits => "tonepress_tier_hits_total",
            Self::Misses => "tonepress_tier_misses_total",
            Self::Failures => "tonepress_tier_failures_total",
            Self::Wrong => "tonepress_tier_wrong_total",
            Self::Requests => "tonepress_tier_requests_total",
            Self::BytesFetched => "tonepress_tier_fetched_bytes_total",
            Self::Uploads => "tonepress_tier_uploads_total",
            Self::UploadsPresent => "tonepress_tier_uploads_present_total",
            Self::UploadsFailed => "tonepress_tier_uploads_failed_total",
            Self::UploadsDropped => "tonepress_tier_uploads_dropped_total",
            Self::BytesUploaded => "tonepress_tier_uploaded_bytes_total",
        }
    }
}
