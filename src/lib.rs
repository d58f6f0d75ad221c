//! ```
//! use tonepress::{Engine, ReadAt, Size, master::Master};
//!
//! let engine = Engine::builder().build()?; // with .store(…) it keeps what it presses
//! let master = Master::open("testdata/strings.flac")?;
//!
//! let rendition = engine.request(&master, &"320".parse()?)?; // answers at once
//! assert_eq!(rendition.len(), Size::Exact(962_350)); // known before anything is pressed
//!
//! let mut second = vec![0; 40_000];
//! rendition.read_at(&mut second, 900_000)?; // any range, at any time: presses what lies under it first
//! let object = rendition.wait()?; // all of it, mapped into memory
//! assert_eq!(object.as_ref()[900_000..][..1_000], second[..1_000]);
//! # Ok::<(), tonepress::Error>(())
//! ```
//!
//! tonepress presses lossless masters into MP3 renditions on demand.
//!
//! A [`Master`](master::Master) is a lossless source. A [`Profile`] is what a customer asks for; for one master it
//! is [resolved](Profile::resolve), which leaves no choice open. A [`Plan`] says, by arithmetic alone, how large the
//! rendition will be and how it is cut into segments, and a [`Price`] what it costs. An [`Engine`] presses renditions on demand and
//! serves any range of them meanwhile; a [`Store`] keeps them.
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
//! - `http`: answers to HTTP requests, for any server that speaks the crates `http` and `http-body` (`http::answer`), and albums as
//!   ZIP files (`zip::Zip`).
//! - `tokio`: renditions as `AsyncRead`, `AsyncSeek` and `Stream` (`aio`).
//! - `tier`: a shared tier on object storage behind the store, and masters in object storage; `aws`, `gcp` and `azure` are the
//!   services.
//! - `metrics`: the engine's counters and histograms go to the recorder of the `metrics` facade.

/// The examples of the README are tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And those of the page for backends.
#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../docs/backends.md")]
struct Backends;

#[cfg(feature = "tokio")]
pub mod aio;
mod build;
pub mod encoder;
pub mod engine;
pub mod error;
#[cfg(feature = "http")]
pub mod http;
mod lanes;
pub mod master;
pub mod mp3;
pub mod overlay;
pub mod pcm;
#[cfg(any(feature = "http", feature = "tokio"))]
pub mod poll_bytes;
pub mod price;
pub mod profile;
pub mod read_at;
#[cfg(feature = "tier")]
mod remote;
pub mod rendition;
mod series;
mod size;
pub mod store;
pub mod tags;
pub mod units;
#[cfg(feature = "http")]
pub mod zip;

pub use build::{BuildInfo, build_info};
pub use encoder::{Encoder, Resolved};
pub use engine::Engine;
pub use error::{Error, Result, Stage};
pub use overlay::{Overlay, WithOverlay};
pub use price::Price;
pub use profile::Profile;
pub use read_at::ReadAt;
pub use rendition::plan::Plan;
pub use size::Size;
pub use store::Store;
pub use units::{Frames, Kbps, SampleRate, Samples};
