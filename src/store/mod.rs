//! The store: finished renditions on disk, each under the key of what it was made from.
//!
//! The file system is the truth: an object is a file under a name, there or not there, and never
//! changed. Several processes share one store. See docs/caching.md for the layout, the rules of the
//! budget, and what survives which accident.
//!
//! ```no_run
//! use tonepress::store::{Begun, Fallback, Options, Recipe};
//! # use tonepress::{Plan, master::MasterId};
//! # fn press(plan: &Plan, index: u64) -> Vec<u8> { Vec::new() }
//! # fn example(plan: &Plan, master: MasterId) -> tonepress::Result<()> {
//! let store = Options::new("/var/cache/tonepress").max_bytes(20 << 30).open()?;
//! let recipe = Recipe::new(master, *plan.resolved())?;
//! let object = match store.begin(&recipe, plan, Fallback::Uncached)? {
//!     Begun::Ready(object) => object,
//!     Begun::Press(mut partial) => {
//!         for index in 0..plan.segments() {
//!             partial.write_segment(index, &press(plan, index), true)?;
//!         }
//!         partial.publish()?
//!     }
//! };
//! println!("{} bytes", object.len());
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "tier")]
mod adopt;
mod begin;
mod evict;
mod frames;
mod front;
mod gc;
mod hot;
mod inventory;
mod key;
mod layout;
mod ledger;
#[cfg(feature = "tier")]
mod located;
mod loudness;
mod masters;
mod object;
mod options;
mod pace;
mod partial;
mod refusals;
mod scratch;
mod sidecar;
mod text;
#[cfg(feature = "tier")]
pub(crate) mod tier;
mod verdicts;
mod verify;
mod walk;

pub use begin::Begun;
pub use front::Store;
pub use gc::Collected;
pub use inventory::{Entry, Filter, Stat};
pub use key::{Key, Recipe};
pub use masters::{Lookup, Masters, Stamp};
pub use object::{Copied, Object};
pub use options::Options;
pub use partial::{Fallback, Identified, Partial, PartialReader};
pub use sidecar::{Label, Sidecar};
#[cfg(feature = "tier")]
pub use tier::{Access, Kept, TierChecked, TierKeeper, TierOptions, TierStats, Uploads};
pub use verify::{Checked, Scrub, Scrubbed};
