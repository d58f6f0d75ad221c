//! What is asked for, and how.

use super::schedule::Priority;

/// What becomes of a rendition that is not complete when the last handle on it is dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnDrop {
    /// It is finished in the background: somebody may ask for it again.
    #[default]
    Finish,
    /// Pressing stops, and nothing of it is kept.
    Cancel,
}

/// How urgent a request is, and what becomes of it when its asker goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Request {
    /// How urgent it is while nobody waits for its bytes.
    pub priority: Priority,
    /// What becomes of it when nobody has a handle on it any more. If several ask for the same
    /// rendition, it is finished if one of them wishes so.
    pub on_drop: OnDrop,
}

/// How an engine is to be shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// What was asked for is finished.
    Finish,
    /// What is not complete is cancelled.
    Cancel,
}
