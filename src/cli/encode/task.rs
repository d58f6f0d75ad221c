//! What is to be made.

use std::path::PathBuf;

use tonepress::Plan;
use tonepress::master::Master;

/// A rendition that is to be made.
pub(super) struct Target {
    pub(super) plan: Plan,
    pub(super) path: PathBuf,
}

/// A master and what is to be made of it.
pub(super) struct Task {
    pub(super) name: String,
    pub(super) master: Master,
    pub(super) targets: Vec<Target>,
}
