//! The MP3 format and its encoder.

pub mod frame;
pub(crate) mod index;
pub mod info;
pub(crate) mod lame;
