//! Maps that are kept open, so that what is asked for again is found without a system call.
//!
//! A hit takes the lock of one shard, shared with all others who read, and writes nothing that a hit a millisecond ago has
//! not written. What takes long (looks at the disk, the choice of what goes) is done by
//! whoever [keeps](Hot::keep) another map, and by the thread that [sweeps](Hot::sweep).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use crossbeam::utils::CachePadded;

use crate::store::key::Key;
use crate::store::object::Object;

/// How long a map is handed out without a look at whether the store still has the rendition: other
/// processes evict it or set it aside.
const TRUSTED: Duration = Duration::from_secs(1);
/// How often the maps that nobody asks for are looked at.
pub(super) const SWEEP: Duration = Duration::from_secs(10);
/// How often an object's last use is written to disk.
pub(super) const TOUCH: Duration = Duration::from_secs(3_600);
/// Parts of the table with a lock each: several times as many as cores that would meet in one.
const SHARDS: usize = 64;

type Maps = HashMap<Key, Kept>;

/// The table of open maps.
pub(super) struct Hot {
    capacity: usize,
    /// By the last byte of the key. One of them at a time is locked, and never while a disk is waited for.
    shards: [CachePadded<RwLock<Maps>>; SHARDS],
    /// Held while a map is added, so that there are never more than `capacity`. Locked before a shard is.
    adding: Mutex<()>,
    /// When the table was made.
    start: Instant,
}

/// A map, and times in milliseconds since the table was made.
struct Kept {
    object: Object,
    used: AtomicU64,
    checked: AtomicU64,
    touched: AtomicU64,
}

impl Hot {
    pub(super) fn new(capacity: usize) -> Self {
        let shards = std::array::from_fn(|_| CachePadded::default());
        Self { capacity, shards, adding: Mutex::default(), start: Instant::now() }
    }

    /// The map of `key`, and whether its last use is to be written down.
    pub(super) fn get(&self, key: &Key) -> Option<(Object, bool)> {
        let now = self.now();
        let (object, check, touch) = {
            let maps = read(self.shard(key));
            let kept = maps.get(key)?;
            if kept.used.load(Ordering::Relaxed) != now {
                kept.used.store(now, Ordering::Relaxed);
            }
            (kept.object.clone(), is_due(&kept.checked, now, TRUSTED), is_due(&kept.touched, now, TOUCH))
        };
        if check && !object.is_current() {
            self.let_go(key, &object);
            return None;
        }
        Some((object, touch))
    }

    /// Keeps a map whose last use has just been written down.
    pub(super) fn keep(&self, key: Key, object: &Object) {
        if self.capacity == 0 {
            return;
        }
        let now = self.now();
        let time = || AtomicU64::new(now);
        let kept = Kept { object: object.clone(), used: time(), checked: time(), touched: time() };
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let known = read(self.shard(&key)).contains_key(&key);
        if !known && self.shards.iter().map(|shard| read(shard).len()).sum::<usize>() >= self.capacity {
            self.forget(self.least_used().as_slice());
        }
        let replaced = write(self.shard(&key)).insert(key, kept);
        drop(replaced); // after the lock: unmapping may take long
    }

    pub(super) fn forget(&self, keys: &[Key]) {
        for key in keys {
            let gone = write(self.shard(key)).remove(key);
            drop(gone); // after the lock, as above
        }
    }

    /// Lets go of maps that are gone from the store: they hold disk space.
    pub(super) fn sweep(&self) {
        for shard in &self.shards {
            let kept: Vec<_> = read(shard).iter().map(|(key, kept)| (*key, kept.object.clone())).collect();
            for (key, object) in kept.iter().filter(|(_, object)| !object.is_current()) {
                self.let_go(key, object);
            }
        }
    }

    /// Lets go of this very map: another may have come in its place.
    fn let_go(&self, key: &Key, object: &Object) {
        let mut maps = write(self.shard(key));
        if maps.get(key).is_some_and(|kept| kept.object.is_same(object)) {
            maps.remove(key);
        }
    }

    fn least_used(&self) -> Option<Key> {
        let oldest = |maps: &Maps| {
            let used = maps.iter().map(|(key, kept)| (kept.used.load(Ordering::Relaxed), *key));
            used.min()
        };
        self.shards.iter().filter_map(|shard| oldest(&read(shard))).min().map(|(_, key)| key)
    }

    fn shard(&self, key: &Key) -> &RwLock<Maps> {
        &self.shards[usize::from(key.as_bytes()[31]) % SHARDS]
    }

    fn now(&self) -> u64 {
        millis(self.start.elapsed())
    }
}

/// Whether `period` is over since `last`, which is now from then on: of several who ask at once, one is told so.
fn is_due(last: &AtomicU64, now: u64, period: Duration) -> bool {
    let before = last.load(Ordering::Relaxed);
    now.saturating_sub(before) >= millis(period)
        && last.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

// Each change is one insertion or removal: no panic leaves a table half changed.

fn read(shard: &RwLock<Maps>) -> RwLockReadGuard<'_, Maps> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shard: &RwLock<Maps>) -> RwLockWriteGuard<'_, Maps> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}
