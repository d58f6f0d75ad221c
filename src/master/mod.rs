//! Masters: what they are, and their audio.

mod info;
mod source;

pub use info::{Codec, Container, Layout, MasterInfo, Position};
pub use source::{FileSource, MasterSource};
