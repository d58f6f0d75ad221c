//! The store as programs see it: looking renditions up, pinning and removing them.

use std::convert::Infallible;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crossbeam::channel::Sender;

use crate::error::{Error, Result, Stage};
use crate::rendition::fingerprint::Fingerprint;
use crate::store::evict::{self, Budget, EvictionQueue};
use crate::store::hot::{Hot, TOUCH};
use crate::store::key::{Key, Recipe};
use crate::store::layout::{StoreLayout, remove, sync_folder};
use crate::store::ledger::Ledger;
use crate::store::object::Object;
use crate::store::pace::Pace;
use crate::store::refusals::Refusals;
use crate::store::sidecar::Sidecar;
#[cfg(feature = "tier")]
use crate::store::tier::front::Tier;
#[cfg(feature = "tier")]
use crate::store::tier::upload::Uploader;

/// A store of renditions. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Store(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) layout: StoreLayout,
    pub(super) hot: Hot,
    pub(super) refusals: Refusals,
    pub(super) budget: Budget,
    pub(super) queue: Mutex<EvictionQueue>,
    /// How long to wait for other processes.
    pub(super) wait: Duration,
    pub(super) verify_on_open: bool,
    /// Where renditions go that the store does not take.
    pub(super) spill: PathBuf,
    /// Whose renditions are served where there is none of this build.
    pub(super) accept: Vec<Fingerprint>,
    /// Behind this store.
    #[cfg(feature = "tier")]
    pub(super) tier: Option<Arc<Tier>>,
    #[cfg(feature = "tier")]
    pub(super) uploader: Option<Uploader>,
    /// When it is dropped, the thread that sweeps hears of it.
    pub(super) _open: Sender<Infallible>,
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

    /// The rendition of `recipe` as an older build pressed it, if one is [accepted](super::Options::accept).
    pub(crate) fn find_older(&self, recipe: &Recipe) -> Result<Option<Object>> {
        for key in self.older(recipe) {
            if let Some(object) = self.find(&key)? {
                return Ok(Some(object));
            }
        }
        Ok(None)
    }

    /// The keys of `recipe` at older builds that are [accepted](super::Options::accept).
    pub(crate) fn older(&self, recipe: &Recipe) -> impl Iterator<Item = Key> {
        let recipe = *recipe;
        self.0.accept.iter().map(move |&fingerprint| Recipe { fingerprint, ..recipe }.key())
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
            && let Some(detail) = self.fault(key, &file, &mut Pace::new(None))?
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

    /// Evicts until `needed` bytes more are within the budget; returns how many objects went.
    pub(super) fn make_room(&self, ledger: &mut Ledger, needed: u64) -> Result<u64> {
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
            (false, true) => remove(&pin)?,
            _ => {}
        }
        sync_folder(&self.0.layout.pins())
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

    pub(super) fn layout(&self) -> &StoreLayout {
        &self.0.layout
    }

    pub(super) fn budget(&self) -> Budget {
        self.0.budget
    }

    pub(super) fn ledger(&self) -> Result<Ledger<'_>> {
        Ledger::lock(&self.0.layout, self.0.wait)
    }

    /// A rendition goes uncached for this reason.
    pub(super) fn refused(&self, error: &Error) {
        if self.0.refusals.refused(error) {
            tracing::warn!(store = self.layout().name(), %error, "renditions are not kept");
        }
    }

    /// A rendition was published.
    pub(super) fn taken(&self) {
        if self.0.refusals.taken() {
            tracing::info!(store = self.layout().name(), "renditions are kept again");
        }
    }

    pub(super) fn spill(&self) -> &Path {
        &self.0.spill
    }

    pub(super) fn keep(&self, key: Key, object: &Object) {
        self.0.hot.keep(key, object);
    }

    pub(super) fn forget(&self, keys: &[Key]) {
        self.0.hot.forget(keys);
    }
}

/// Writes down that an object is used. Not being allowed to is no reason to refuse it.
fn mark_used(file: &File) {
    let _ = file.set_modified(SystemTime::now());
}
