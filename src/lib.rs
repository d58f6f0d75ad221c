//! tonepress presses lossless masters into MP3 renditions on demand.
//!
//! A [`Master`](master::Master) is a lossless source. A [`Profile`] is what a customer asks for; for one master it
//! is [resolved](Profile::resolve), which leaves no choice open. A [`Plan`] says, by arithmetic alone, how large the
//! rendition will be and how it is cut into segments. An [`Engine`] presses renditions on demand and serves any range of
//! them meanwhile; a [`Store`] keeps them.
//!
//! Below that, [`SegmentEncoder`](rendition::press::SegmentEncoder) presses one segment, and
//! [`RenditionWriter`](rendition::writer::RenditionWriter) joins them.
//!
//! Renditions have no tags. [`Master::tags`](master::Master::tags) reads a master's, and an [`Overlay`] puts them, or what a
//! store makes of them, in front of a rendition as it is served.
//!
//! # Features
//!
//! - `cli` (default): the command line program. A backend that links the library turns it off.
//! - `metrics`: the engine's counters and histograms go to the recorder of the `metrics` facade.

/// The examples of the README are tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod build;
pub mod encoder;
pub mod engine;
pub mod error;
pub mod master;
pub mod mp3;
pub mod overlay;
pub mod pcm;
pub mod profile;
pub mod read_at;
pub mod rendition;
mod size;
pub mod store;
pub mod tags;
pub mod units;

pub use build::{BuildInfo, build_info};
pub use encoder::{Encoder, Resolved};
pub use engine::Engine;
pub use error::{Error, Result, Stage};
pub use overlay::{Overlay, WithOverlay};
pub use profile::Profile;
pub use read_at::ReadAt;
pub use rendition::plan::Plan;
pub use size::Size;
pub use store::Store;
pub use units::{Frames, Kbps, SampleRate, Samples};
