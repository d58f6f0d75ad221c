//! Maps that are kept open, so that what is asked for again is found without a system call.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::key::Key;
use crate::store::object::Object;

/// How long a map is handed out without a look at whether the store still has the rendition: other
/// processes evict it or set it aside.
const TRUSTED: Duration = Duration::from_secs(1);
/// How often an object's last use is written to disk.
pub(super) const TOUCH: Duration = Duration::from_secs(3_600);

/// The table of open maps.
pub(super) struct Hot {
    capacity: usize,
    table: Mutex<Table>,
}

struct Table {
    maps: HashMap<Key, Kept>,
    swept: Instant,
}

struct Kept {
    object: Object,
    used: Instant,
    checked: Instant,
    touched: Instant,
}

impl Hot {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, table: Mutex::new(Table { maps: HashMap::new(), swept: Instant::now() }) }
    }

    /// The map of `key`, and whether its last use is to be written down.
    pub(super) fn get(&self, key: &Key) -> Option<(Object, bool)> {
        let now = Instant::now();
        let mut table = self.lock();
        table.sweep(now);
        let kept = table.maps.get_mut(key)?;
        if now - kept.checked >= TRUSTED {
            if !kept.object.is_current() {
                table.maps.remove(key);
                return None;
            }
            kept.checked = now;
        }
        kept.used = now;
        let touch = now - kept.touched >= TOUCH;
        if touch {
            kept.touched = now;
        }
        Some((kept.object.clone(), touch))
    }

    /// Keeps a map whose last use has just been written down.
    pub(super) fn keep(&self, key: Key, object: &Object) {
        if self.capacity == 0 {
            return;
        }
        let now = Instant::now();
        let mut table = self.lock();
        if table.maps.len() >= self.capacity {
            let oldest = table.maps.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| *key);
            oldest.and_then(|key| table.maps.remove(&key));
        }
        let kept = Kept { object: object.clone(), used: now, checked: now, touched: now };
        table.maps.insert(key, kept);
    }

    pub(super) fn forget(&self, keys: &[Key]) {
        let mut table = self.lock();
        for key in keys {
            table.maps.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Each change is one insertion or removal: no panic leaves a table half changed.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Lets go of maps that are gone from the store, now and then: they hold disk space.
    fn sweep(&mut self, now: Instant) {
        if now - self.swept >= 10 * TRUSTED {
            self.maps.retain(|_, kept| kept.object.is_current());
            self.swept = now;
        }
    }
}
