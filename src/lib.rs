//! tonepress presses lossless masters into MP3 renditions on demand.
#![deny(missing_docs)]

pub mod error;
pub mod master;
pub mod pcm;
pub mod units;

pub use error::{Error, Result, Stage};
pub use units::{Frames, Kbps, SampleRate, Samples};
