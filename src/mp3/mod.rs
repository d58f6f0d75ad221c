//! The MP3 format and its encoder.

pub mod frame;
pub(crate) mod lame;
