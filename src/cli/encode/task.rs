//! What is to be made.

use std::path::PathBuf;

use tonepress::Plan;
use tonepress::master::Master;

use super::super::spool::called;

/// A rendition that is to be made.
pub(super) struct Target {
    pub(super) plan: Plan,
    pub(super) path: PathBuf,
}

/// A master and what is to be made of it.
pub(super) struct Task {
    pub(super) path: PathBuf,
    pub(super) master: Master,
    pub(super) targets: Vec<Target>,
}

impl Task {
    /// The master's path for people.
    pub(super) fn name(&self) -> String {
        called(&self.path)
    }
}
