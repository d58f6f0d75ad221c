//! The MP3 format and its encoder.

pub mod frame;
pub mod id3;
pub(crate) mod index;
pub mod info;
pub(crate) mod lame;
