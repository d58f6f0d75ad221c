//! tonepress presses lossless masters into MP3 renditions on demand.
#![deny(missing_docs)]

mod build;
pub mod error;
mod estimate;
pub mod fingerprint;
pub mod master;
pub mod mp3;
pub mod pcm;
pub mod plan;
pub mod press;
pub mod profile;
mod resolve;
pub mod store;
pub mod units;
pub mod writer;

pub use build::{BuildInfo, build_info};
pub use error::{Error, Result, Stage};
pub use plan::{Plan, Size};
pub use profile::{Profile, Resolved};
pub use store::Store;
pub use units::{Frames, Kbps, SampleRate, Samples};
