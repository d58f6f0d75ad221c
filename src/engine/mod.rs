//! The engine: renditions on demand.
//!
//! Asked for a rendition, it answers at once with a [`Rendition`]: a handle from which any stretch can be
//! read, from the store if that has it, else pressed now, the segments that somebody waits for first.
//! The same rendition asked for by many is pressed once; what is complete goes into the store.
//!
//! ```
//! use tonepress::{Engine, ReadAt, master::Master};
//!
//! let engine = Engine::builder().build()?; // add a store with .store(…) to keep what is pressed
//! let master = Master::open("testdata/strings.flac")?;
//! let rendition = engine.request(&master, &"192".parse()?)?;
//! println!("{} bytes", rendition.len().likely()); // known before anything is encoded
//!
//! let mut end = [0; 1_000];
//! rendition.read_at(&mut end, rendition.len().likely() - 1_000)?; // presses the last segment only
//! let object = rendition.wait()?; // all of it, mapped into memory
//! assert!(object.as_ref().ends_with(&end));
//! # Ok::<(), tonepress::Error>(())
//! ```

mod builder;
mod errands;
mod export;
#[cfg(feature = "tier")]
mod fetch;
mod front;
mod job;
mod lock;
mod pcm;
mod rendition;
mod request;
mod schedule;
mod shared;
mod stats;
mod work;

pub use builder::Builder;
pub use export::Export;
pub use front::Engine;
pub use job::{Origin, Progress};
pub use rendition::Rendition;
pub use request::{OnDrop, Request, Shutdown};
pub use schedule::Priority;
pub use stats::{Quantiles, Stats};
