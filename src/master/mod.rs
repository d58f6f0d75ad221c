//! Masters: what they are, and their audio.

pub mod downmix;
mod info;
pub mod resample;
mod source;

pub use info::{Codec, Container, Layout, MasterInfo, Position};
pub use source::{FileSource, MasterSource};
