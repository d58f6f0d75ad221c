//! Masters: what is one, that every format decodes exactly in any range, and what makes its id.

// Tests fail by panicking, and export nothing.
#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../common/mod.rs"]
mod common;

mod damage;
mod formats;
mod ids;
mod recognition;
