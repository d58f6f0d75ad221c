//! FLAC (RFC 9639), native or in Ogg: finding its frames and decoding them.
//!
//! A frame is decoded on its own: [`FrameDecoder`] is given its bytes, and says which samples it holds or what
//! is wrong with it, and where.

// Whatever the hot loops call has to be inlined there, and casts take bits apart by intent.
#![allow(
    clippy::inline_always,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::needless_range_loop
)]

mod bits;
mod checksum;
mod comments;
mod decoder;
mod error;
mod fours;
mod header;
mod instructions;
mod output;
mod predict;
mod residual;
mod rice;
mod scan;
mod signature;
mod stream_info;
mod subframe;
mod tail;
#[cfg(test)]
mod tests;

pub(crate) use comments::Comments;
pub(super) use comments::channel_mask;
pub(super) use decoder::FrameDecoder;
pub(super) use header::{Format, FrameHeader};
pub(super) use scan::Scanner;
pub(super) use signature::Signature;
pub(super) use stream_info::StreamInfo;
pub(super) use tail::{Tail, tail};
