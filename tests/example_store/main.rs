//! The example store, driven by real clients: curl, ffmpeg, mpg123, mpv, Chromium.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

// The parts of the example that stand alone bring unit tests with them.
#[path = "../../examples/store/conditions.rs"]
mod conditions;
#[path = "../../examples/store/file_name.rs"]
mod file_name;
#[path = "../../examples/store/range.rs"]
mod range;

mod abuse;
mod browser;
mod http;
mod server;
mod stops;
mod streams;
