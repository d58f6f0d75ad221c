//! Masters: what they are, and their audio.

pub mod downmix;
mod identify;
mod info;
pub mod resample;
mod source;

pub use identify::MasterId;
pub use info::{Codec, Container, Layout, MasterInfo, Position};
pub use source::{FileSource, MasterSource};
