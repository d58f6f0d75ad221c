//! The example store, driven by real clients: curl, ffmpeg, mpg123, mpv, unzip, Chromium.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod abuse;
mod albums;
mod browser;
mod chromium;
mod http;
mod nodes;
mod server;
mod shops;
mod stops;
mod streams;
