//! How long renditions have not been used.

use std::time::Duration;

use tonepress::store::Entry;

use crate::cli::text::several;

pub(super) fn age(entry: &Entry) -> Duration {
    entry.last_used.elapsed().unwrap_or_default()
}

/// `3 days` rather than `3days 4h 12m 1s`. Uses are noted to the hour.
pub(super) fn rough(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..3_600 => "just now".to_owned(),
        3_600..172_800 => several(seconds / 3_600, "hour"),
        _ => several(seconds / 86_400, "day"),
    }
}
