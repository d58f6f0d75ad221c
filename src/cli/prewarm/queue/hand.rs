//! A task in work: its renditions, and what failed of it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tonepress::engine::Rendition;
use tonepress::{Error, Profile};

use super::super::super::report::Failure;
use super::super::super::text::{plain, wait};
use super::super::report::Report;
use super::failure::Reason;
use super::hold::{Held, Verdict};

/// How long it is before what failed is tried again: twice as long each time, up to the most.
const AGAIN: Duration = Duration::from_secs(30);
const LATEST: Duration = Duration::from_secs(600);
/// A master that is not there is missed so often, by whatever workers, until it is taken for gone.
const MISSED: u64 = 3;

/// A rendition being pressed.
pub(super) struct Pressing {
    pub(super) rendition: Rendition,
    pub(super) began: Instant,
}

/// See the module.
pub(super) struct Hand {
    pub(super) held: Held,
    pub(super) path: Arc<Path>,
    pub(super) pressing: Vec<Pressing>,
    /// Seconds of audio that were pressed.
    pub(super) audio: f64,
    /// Segments of renditions that are over, and of all when it was last looked.
    over: u64,
    segments: u64,
    failed: Vec<(Option<Profile>, String)>,
    /// Of what failed, something may go well another time.
    worth_retrying: bool,
    machines_fault: bool,
}

impl Hand {
    pub(super) fn new(held: Held) -> Self {
        Self {
            path: held.task.path().into(),
            held,
            pressing: Vec::new(),
            audio: 0.0,
            over: 0,
            segments: 0,
            failed: Vec::new(),
            worth_retrying: false,
            machines_fault: false,
        }
    }

    /// Takes out a rendition that is over.
    pub(super) fn take(&mut self, at: usize) -> Pressing {
        let pressing = self.pressing.remove(at);
        self.over += pressing.rendition.progress().segments_done;
        pressing
    }

    /// Tells the queue how far it is, and gives the number of segments done since it was last told.
    pub(super) fn note_advance(&mut self) -> u64 {
        let pressing = self.pressing.iter().map(|pressing| pressing.rendition.progress().segments_done);
        let segments = (self.over + pressing.sum::<u64>()).max(self.segments);
        self.held.advanced(segments);
        segments - std::mem::replace(&mut self.segments, segments)
    }

    pub(super) fn failed_with(&mut self, profile: Option<&Profile>, error: &Error) {
        // The master may be missing here alone: another worker's disk may have it.
        let missing = matches!(error, Error::Io { .. }) && !error.is_worth_retrying();
        let again = error.is_worth_retrying() || (missing && self.held.deliveries < MISSED);
        self.machines_fault |= missing;
        self.failed(profile, error.to_string(), again);
    }

    pub(super) fn failed(&mut self, profile: Option<&Profile>, error: String, worth_retrying: bool) {
        self.failed.push((profile.copied(), error));
        self.worth_retrying |= worth_retrying;
        self.machines_fault |= worth_retrying;
    }

    /// Whether nothing more is to come of it.
    pub(super) fn is_over(&self) -> bool {
        self.pressing.is_empty()
    }

    /// Whether something failed for a reason that another machine may not have.
    pub(super) fn is_machines_fault(&self) -> bool {
        self.machines_fault
    }

    fn is_tried_again(&self) -> bool {
        self.worth_retrying && !self.held.is_last
    }

    /// Whether it leaves the queue.
    pub(super) fn is_settled(&self) -> bool {
        !self.is_tried_again()
    }

    /// Says what failed, and tells the queue what becomes of the task.
    pub(super) fn finish(self, report: &mut Report) -> Result<(), Failure> {
        if self.is_tried_again() {
            let doublings = u32::try_from(self.held.deliveries.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
            let after = AGAIN.saturating_mul(1 << doublings).min(LATEST);
            let when = wait(after.as_secs_f64());
            for (_, error) in &self.failed {
                report.note(&format!("{}; tried again in {when}, by whoever is free", plain(error)));
            }
            self.held.settle(Verdict::Later(after));
            return Ok(());
        }
        for (profile, error) in &self.failed {
            report.failed(&self.path, profile.as_ref(), error)?;
        }
        report.settled(&self.path);
        let reasons = self
            .failed
            .into_iter()
            .map(|(profile, error)| Reason { profile: profile.map(|profile| profile.to_string()), error });
        let reasons: Vec<_> = reasons.collect();
        self.held.settle(if reasons.is_empty() { Verdict::Done } else { Verdict::Failed(reasons) });
        Ok(())
    }
}
