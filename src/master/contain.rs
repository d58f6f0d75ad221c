//! Panics of the decoders end here: what a stranger's file does to them is an error of that file.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does what calls into Symphonia; `None` if it panics, after which whatever it worked on is to be dropped.
pub(super) fn contain<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
