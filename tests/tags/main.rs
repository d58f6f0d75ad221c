//! Tags: what masters say is in the MP3s, as others read both, and in front of any range.

#![recursion_limit = "256"] // for json!
// Tests fail by panicking, export nothing, and use small numbers.
#![allow(clippy::unwrap_used, unreachable_pub, clippy::cast_possible_truncation)]

#[path = "../common/mod.rs"]
mod common;

mod hostile;
mod overlay;
#[cfg(feature = "cli")]
mod round_trip;
mod tagger;
