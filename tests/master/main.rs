//! Masters: what is one, that every format decodes exactly in any range, and what makes its id.

// Tests fail by panicking, export nothing, and use small numbers.
#![allow(clippy::unwrap_used, unreachable_pub, clippy::cast_possible_truncation)]

#[path = "../common/mod.rs"]
mod common;

mod channels;
mod damage;
mod flac;
mod formats;
mod frames;
mod ids;
mod mp4;
mod ogg;
mod recognition;
mod streamed;
