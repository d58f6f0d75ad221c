//! Renditions: their geometry and size, their segments, and how they are put together.

mod estimate;
pub mod fingerprint;
pub mod plan;
pub mod press;
pub mod writer;
