//! FLAC in Ogg (RFC 3533; RFC 9639, section 10.1): pages, packets, and the streams that follow each other in a file.
//!
//! A packet is one frame of FLAC, which says itself which samples it holds. So nothing rests on the time stamps
//! of pages: whoever reads the frames sees whether one is missing.

mod chain;
mod coding;
mod links;
mod packets;
mod page;
mod pages;

pub(super) use chain::{Chain, Frames, Link};
pub(super) use coding::{Coding, coding, stream_info};
pub(super) use links::{FoundLink, find_links};
pub(super) use packets::Packets;
