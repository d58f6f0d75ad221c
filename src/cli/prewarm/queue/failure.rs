//! What failed for good, as it is kept in the queue until the same master goes well.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::super::super::json;
use super::super::super::report::Failure;
use super::task::Task;

/// A task that failed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FailedTask {
    /// What it asked for.
    task: Task,
    /// Why, once for each profile that failed.
    reasons: Vec<Reason>,
    /// How often it had been given to a worker.
    deliveries: u64,
    /// The worker that gave it up.
    worker: String,
    /// When that was, in seconds since 1970.
    at: u64,
}

/// What failed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reason {
    /// `None` if it is the master.
    pub(super) profile: Option<String>,
    pub(super) error: String,
}

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    failed: json::Failed<'a>,
    deliveries: u64,
    worker: &'a str,
    at: u64,
}

impl FailedTask {
    pub(super) fn new(task: Task, reasons: Vec<Reason>, deliveries: u64, worker: &str) -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { task, reasons, deliveries, worker: worker.to_owned(), at }
    }

    /// Each reason as an object of its own.
    pub(super) fn tell(&self) -> Result<(), Failure> {
        let path = self.task.path();
        self.reasons.iter().try_for_each(|reason| {
            let failed = json::Failed::named(&path, reason.profile.clone(), &reason.error);
            let Self { deliveries, worker, at, .. } = self;
            json::line("failed", &Json { failed, deliveries: *deliveries, worker, at: *at })
        })
    }

    /// Lines for people.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let master = self.task.path();
        self.reasons.iter().map(move |reason| line(&master, reason))
    }
}

fn line(master: &Path, Reason { profile, error }: &Reason) -> String {
    let name = master.to_string_lossy();
    // Most errors name the master themselves.
    let error = if error.contains(&*name) { error.clone() } else { format!("{name}: {error}") };
    match profile {
        Some(profile) if !error.contains(&**profile) => format!("{error} (at {profile})"),
        _ => error,
    }
}
