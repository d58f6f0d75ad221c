//! The MP3 format alone: frame headers, the Info frame, and where frames begin.

pub mod frame;
pub(crate) mod index;
pub mod info;
