//! tonepress presses lossless masters into MP3 renditions on demand.
#![deny(missing_docs)]

mod build;
pub mod error;
pub mod master;
pub mod mp3;
pub mod pcm;
pub mod profile;
mod resolve;
pub mod units;

pub use build::{BuildInfo, build_info};
pub use error::{Error, Result, Stage};
pub use profile::{Profile, Resolved};
pub use units::{Frames, Kbps, SampleRate, Samples};
