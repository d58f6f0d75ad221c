//! How far a run is, for people who look and for logs.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::cli::report;
use crate::cli::text::wait;

pub(super) struct Progress {
    bar: ProgressBar,
    started: Instant,
    /// Seconds that it was said to take.
    expected: f64,
}

impl Progress {
    /// Of so many steps.
    pub(super) fn start(steps: usize, expected: f64) -> Self {
        let bar =
            report::bar(steps as u64, "{bar} {percent:>3} %  {clock} of about {prefix}  {wide_msg:.dim}");
        bar.set_prefix(wait(expected));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, started: Instant::now(), expected }
    }

    /// A line where nobody sees the bar.
    pub(super) fn run(&self, run: usize, runs: usize) {
        if !report::is_watched() {
            let elapsed = self.started.elapsed().as_secs_f64();
            let expected = wait(self.expected.max(elapsed));
            report::note(&format!("run {run} of {runs}, {} of about {expected}", wait(elapsed)));
        }
    }

    pub(super) fn doing(&self, what: String) {
        self.bar.set_message(what);
    }

    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
