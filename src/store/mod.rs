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

mod evict;
mod gc;
mod hot;
mod inventory;
mod key;
mod layout;
mod ledger;
mod loudness;
mod masters;
mod object;
mod options;
mod partial;
mod refusals;
mod scratch;
mod sidecar;
mod verdicts;
mod verify;

use std::convert::Infallible;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crossbeam::channel::Sender;

use evict::{Budget, Queue};
use hot::{Hot, TOUCH};
use layout::Layout;
use ledger::{Ledger, patiently};
use refusals::Refusals;
use scratch::Scratch;
use verify::Pace;

use crate::error::{Error, Result, Stage};
use crate::rendition::plan::Plan;

pub use gc::Collected;
pub use inventory::{Entry, Filter, Stat};
pub use key::{Key, Recipe};
pub use masters::{Lookup, Masters, Stamp};
pub use object::{Copied, Object};
pub use options::Options;
pub use partial::{Identified, Partial, PartialReader};
pub use sidecar::Sidecar;
pub use verify::{Checked, Scrub, Scrubbed};

/// A store of renditions. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    layout: Layout,
    hot: Hot,
    refusals: Refusals,
    budget: Budget,
    queue: Mutex<Queue>,
    /// How long to wait for other processes.
    wait: Duration,
    verify_on_open: bool,
    /// Where renditions go that the store does not take.
    spill: PathBuf,
    /// When it is dropped, the thread that sweeps hears of it.
    _open: Sender<Infallible>,
}

/// What to do with a rendition that the store cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Write it to a temporary file without a name: the rendition is had, but not kept.
    Uncached,
    /// Refuse with the error that says why.
    Refuse,
}

/// The answer to a request for a rendition.
#[allow(clippy::large_enum_variant)] // taken apart at once, never kept
pub enum Begun {
    /// It is there.
    Ready(Object),
    /// It is the caller's to press.
    Press(Partial),
}

impl Store {
    /// Looks a rendition up. What is found broken is set aside, and a miss; so is what is evicted
    /// between the look and the opening.
    ///
    /// # Errors
    /// [`Error::Io`] if a rendition is there but cannot be opened: no permission, no file descriptors left.
    pub fn get(&self, key: &Key) -> Result<Option<Object>> {
        let found = self.find(key)?;
        if let Some(object) = &found {
            tracing::debug!(%key, bytes = object.len(), "hit");
        } else {
            tracing::debug!(%key, "miss");
        }
        Ok(found)
    }

    /// As [`get`](Self::get), for those who look more than once: nobody is told.
    pub(crate) fn find(&self, key: &Key) -> Result<Option<Object>> {
        let Some((object, touch)) = self.0.hot.get(key) else {
            return self.find_cold(key);
        };
        if touch && let Some(file) = object.reopen() {
            mark_used(&file);
        }
        Ok(Some(object))
    }

    /// Whether somebody has begun to press a rendition and neither published it nor given it up: one look at a
    /// name, which locks nothing. A process that was killed seems to press still, until the next one
    /// [begins](Self::begin).
    pub(crate) fn is_being_pressed(&self, key: &Key) -> bool {
        self.0.layout.partial(key).symlink_metadata().is_ok()
    }

    fn find_cold(&self, key: &Key) -> Result<Option<Object>> {
        let path = self.0.layout.object(key);
        let Some(meta) = self.0.layout.look(&path)? else { return Ok(None) };
        let object = match self.open_object(key, &path) {
            // Where it cannot be set aside (a read-only store) it is a miss all the same.
            Err(Error::Corrupt { .. }) => {
                let _ = self.set_aside(key, &meta);
                None
            }
            opened => opened?,
        };
        if let Some(object) = &object {
            self.0.hot.keep(*key, object);
        }
        Ok(object)
    }

    /// # Errors
    /// [`Error::Corrupt`] if it is no rendition, or another than was stored; [`Error::Io`].
    fn open_object(&self, key: &Key, path: &Path) -> Result<Option<Object>> {
        let Some(file) = self.0.layout.open(path)? else { return Ok(None) };
        let object = Object::map(&file, Some(*key), Some(path))?;
        if self.0.verify_on_open
            && let Some(detail) = self.fault(key, &file, &mut Pace::unlimited())?
        {
            return Err(Error::Corrupt { name: path.display().to_string(), detail });
        }
        let used = file.metadata().and_then(|meta| meta.modified()).map_err(Error::at(Stage::Open, path))?;
        // Also where it was used in what is the future now: a clock was set back.
        if used.elapsed().map_or(true, |since| since >= TOUCH) {
            mark_used(&file);
        }
        Ok(Some(object))
    }

    /// Looks a rendition up, or makes it the caller's to press. If somebody else is pressing it,
    /// waits for that, but not forever: then it is pressed a second time, and whoever comes first
    /// publishes.
    ///
    /// # Errors
    /// As [`get`](Self::get). With [`Fallback::Refuse`] also [`Error::StoreFull`], [`Error::DiskFull`],
    /// [`Error::StoreBusy`], or [`Error::Io`] if the store cannot be written.
    pub fn begin(&self, recipe: &Recipe, plan: &Plan, fallback: Fallback) -> Result<Begun> {
        match self.begin_stored(recipe, plan, fallback) {
            Err(error) if fallback == Fallback::Uncached => {
                self.refused(&error);
                Partial::uncached(self.spill(), Some(recipe), plan).map(Begun::Press)
            }
            begun => begun,
        }
    }

    fn begin_stored(&self, recipe: &Recipe, plan: &Plan, fallback: Fallback) -> Result<Begun> {
        let key = recipe.key();
        if let Some(object) = self.get(&key)? {
            return Ok(Begun::Ready(object));
        }
        self.0.layout.create()?;
        let cap = plan.size().cap();
        let folder = self.0.layout.partials();
        let path = self.0.layout.partial(&key);
        let claimed = patiently(self.0.wait, || {
            if let Some(scratch) = Scratch::claim(&path)? {
                return Ok(Some(Claim::Press(scratch)));
            }
            Ok(self.find(&key)?.map(Claim::Ready))
        })?;
        let scratch = match claimed {
            Some(Claim::Ready(object)) => return Ok(Begun::Ready(object)),
            Some(Claim::Press(scratch)) => scratch,
            // Its writer is stopped, or very slow.
            None => Scratch::unique(&folder, &key.to_string(), "part")?,
        };
        // Its last writer may have published between the look and the claim.
        if let Some(object) = self.find(&key)? {
            return Ok(Begun::Ready(object));
        }
        self.admit(&scratch, key, cap)?;
        Partial::stored(self, scratch, Some(recipe), plan, fallback).map(Begun::Press)
    }

    /// Begins a rendition of a master that is yet to be identified: [`Partial::identify`] must be told
    /// before it is published.
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin).
    pub fn begin_unidentified(&self, plan: &Plan, fallback: Fallback) -> Result<Partial> {
        match self.begin_provisional(plan, fallback) {
            Err(error) if fallback == Fallback::Uncached => {
                self.refused(&error);
                Partial::uncached(self.spill(), None, plan)
            }
            begun => begun,
        }
    }

    fn begin_provisional(&self, plan: &Plan, fallback: Fallback) -> Result<Partial> {
        self.0.layout.create()?;
        let key = Key::provisional();
        let scratch = Scratch::unique(&self.0.layout.partials(), &key.to_string(), "part")?;
        self.admit(&scratch, key, plan.size().cap())?;
        Partial::stored(self, scratch, None, plan, fallback)
    }

    /// Makes room for a partial and promises it.
    fn admit(&self, scratch: &Scratch, key: Key, cap: u64) -> Result<()> {
        let mut ledger = self.ledger()?;
        self.make_room(&mut ledger, ledger::charge(cap))?;
        partial::preallocate(scratch.file(), cap).map_err(Error::at(Stage::Write, scratch.path()))?;
        ledger.reserve(scratch.path(), key, cap)
    }

    /// Evicts until `needed` bytes more are within the budget; returns how many objects went.
    fn make_room(&self, ledger: &mut Ledger, needed: u64) -> Result<u64> {
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let forget = |keys: &[Key]| self.forget(keys);
        evict::make_room(&self.0.layout, ledger, &mut queue, self.0.budget, needed, forget)
    }

    /// Keeps a rendition from being evicted, or no longer does. It need not be there yet.
    ///
    /// # Errors
    /// [`Error::StoreBusy`], or [`Error::Io`] if the store cannot be written.
    pub fn pin(&self, key: &Key, pinned: bool) -> Result<()> {
        self.0.layout.create()?;
        // Under the lock: not while somebody evicts.
        let _ledger = self.ledger()?;
        let pin = self.0.layout.pin(key);
        match (pinned, self.0.layout.is_pinned(key)?) {
            (true, false) => {
                File::create_new(&pin)
                    .and_then(|file| file.sync_all())
                    .map_err(Error::at(Stage::Write, &pin))?;
            }
            (false, true) => layout::remove(&pin)?,
            _ => {}
        }
        layout::sync_folder(&self.0.layout.pins())
    }

    /// Removes renditions, all but those that are pinned or being written; returns those removed.
    ///
    /// # Errors
    /// [`Error::StoreBusy`], or [`Error::Io`] if the store cannot be written.
    pub fn remove(&self, keys: &[Key]) -> Result<Vec<Key>> {
        let mut ledger = self.ledger()?;
        let mut free = Vec::new();
        for key in keys {
            let stored = self.0.layout.look(&self.0.layout.object(key))?.is_some();
            if stored && !ledger.is_being_written(key) && !self.0.layout.is_pinned(key)? {
                free.push(*key);
            }
        }
        let keys = free;
        evict::evict(&self.0.layout, &mut ledger, &keys)?;
        self.forget(&keys);
        Ok(keys)
    }

    /// Where the rendition of `key` lies, or would lie.
    #[must_use]
    pub fn path(&self, key: &Key) -> PathBuf {
        self.0.layout.object(key)
    }

    /// The facts of a stored rendition; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if they cannot be understood, [`Error::Io`] if they cannot be read.
    pub fn sidecar(&self, key: &Key) -> Result<Option<Sidecar>> {
        Sidecar::read(&self.0.layout, key)
    }

    /// How long to wait for another process that presses the same rendition, see [`Options::wait`].
    pub(crate) fn patience(&self) -> Duration {
        self.0.wait
    }

    fn layout(&self) -> &Layout {
        &self.0.layout
    }

    fn budget(&self) -> Budget {
        self.0.budget
    }

    fn ledger(&self) -> Result<Ledger<'_>> {
        Ledger::lock(&self.0.layout, self.0.wait)
    }

    /// A rendition goes uncached for this reason.
    fn refused(&self, error: &Error) {
        if self.0.refusals.refused(error) {
            tracing::warn!(store = self.layout().name(), %error, "renditions are not kept");
        }
    }

    /// A rendition was published.
    fn taken(&self) {
        if self.0.refusals.taken() {
            tracing::info!(store = self.layout().name(), "renditions are kept again");
        }
    }

    fn spill(&self) -> &Path {
        &self.0.spill
    }

    fn keep(&self, key: Key, object: &Object) {
        self.0.hot.keep(key, object);
    }

    fn forget(&self, keys: &[Key]) {
        self.0.hot.forget(keys);
    }
}

/// What became of the wish to press a rendition.
enum Claim {
    Ready(Object),
    Press(Scratch),
}

/// Writes down that an object is used. Not being allowed to is no reason to refuse it.
fn mark_used(file: &File) {
    let _ = file.set_modified(SystemTime::now());
}
