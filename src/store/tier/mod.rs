//! A tier behind the store: renditions on object storage, shared by many machines.
//!
//! One key has one value, so whoever writes it twice writes the same; nothing here locks anything. One PUT makes an
//! object known, with its sidecar in its metadata. What is fetched is compared with its digest block by block before
//! anybody gets to see it. A tier that fails in any way is a miss.
//!
//! See docs/tier.md for the layout, and for what survives which failure.

mod blocks;
mod counts;
mod facts;
pub(in crate::store) mod front;
mod health;
mod keeper;
mod options;
pub(in crate::store) mod upload;

pub use counts::TierStats;
pub use keeper::{Kept, TierChecked, TierKeeper};
pub use options::{Access, TierOptions, Uploads};

pub(crate) use blocks::whole_blocks;
pub(crate) use counts::Count;
pub(crate) use front::{Answer, Miss, Tier, write};
