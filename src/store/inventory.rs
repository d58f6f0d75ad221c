//! What a store holds: lists, filters, sums.

use std::collections::HashSet;
use std::fs::Metadata;
use std::time::SystemTime;

use crate::error::Result;
use crate::master::MasterId;
use crate::rendition::fingerprint::Fingerprint;
use crate::store::Store;
use crate::store::evict;
use crate::store::key::Key;
use crate::store::layout::{Layout, files, folders, look};
use crate::store::sidecar::Sidecar;

/// One stored rendition.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last used, to the hour.
    pub last_used: SystemTime,
    /// Whether it is never evicted.
    pub pinned: bool,
    /// Its facts; `None` if they are missing or unreadable, which verification reports.
    pub sidecar: Option<Sidecar>,
}

/// Which renditions are meant: those that meet all that is set.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Keys that begin with these hexadecimal digits.
    pub key: Option<String>,
    /// Those of this master.
    pub master: Option<MasterId>,
    /// Those asked for by this profile, in canonical form, or resolved to it.
    pub profile: Option<String>,
    /// Those pressed by this build.
    pub fingerprint: Option<Fingerprint>,
    /// Those pressed by any other build than these, if there are any.
    pub not_fingerprints: Vec<Fingerprint>,
    /// Those not used since.
    pub unused_since: Option<SystemTime>,
    /// Those pinned, or those not.
    pub pinned: Option<bool>,
}

impl Filter {
    fn admits(&self, entry: &Entry) -> bool {
        let fact = |test: &dyn Fn(&Sidecar) -> bool| entry.sidecar.as_ref().is_some_and(test);
        self.key.as_ref().is_none_or(|start| entry.key.to_string().starts_with(start))
            && self.master.is_none_or(|master| fact(&|s| s.master == master))
            && self.profile.as_ref().is_none_or(|p| fact(&|s| s.profile == *p || s.resolved == *p))
            && self.fingerprint.is_none_or(|print| fact(&|s| s.fingerprint == print))
            && (self.not_fingerprints.is_empty()
                || fact(&|s| !self.not_fingerprints.contains(&s.fingerprint)))
            && self.unused_since.is_none_or(|time| entry.last_used < time)
            && self.pinned.is_none_or(|pinned| entry.pinned == pinned)
    }
}

/// The sums of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// The renditions stored.
    pub objects: u64,
    /// What they take of the budget, with sidecars, in whole blocks; bytes.
    pub charged: u64,
    /// What is promised to renditions being written; bytes.
    pub reserved: u64,
    /// The renditions being written.
    pub writers: u64,
    /// The renditions pinned, whether stored yet or not.
    pub pinned: u64,
    /// The files that failed verification.
    pub quarantined: u64,
    /// The budget, if there is one; bytes.
    pub max_bytes: Option<u64>,
    /// What must stay free on the file system; bytes.
    pub min_free: u64,
    /// What is free on the file system; bytes.
    pub free: u64,
}

impl Store {
    /// The renditions that `filter` admits, in the order of their keys. Looks at all of them.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if a folder cannot be read.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Entry>> {
        let pins = files(&self.layout().pins())?;
        let pins: HashSet<Key> =
            pins.iter().filter_map(|pin| pin.file_name().to_str()?.parse().ok()).collect();
        let mut entries = Vec::new();
        walk(self.layout(), |key, meta| {
            let entry = Entry {
                key,
                bytes: meta.len(),
                last_used: last_used(meta),
                pinned: pins.contains(&key),
                sidecar: Sidecar::read(self.layout(), &key).ok().flatten(),
            };
            if filter.admits(&entry) {
                entries.push(entry);
            }
        })?;
        entries.sort_unstable_by_key(|entry| entry.key);
        Ok(entries)
    }

    /// The sums, without looking at each object.
    ///
    /// # Errors
    /// [`Error::StoreBusy`](crate::Error::StoreBusy), or [`Error::Io`](crate::Error::Io).
    pub fn stat(&self) -> Result<Stat> {
        let budget = self.budget();
        let ledger = self.ledger()?;
        Ok(Stat {
            objects: ledger.objects(),
            charged: ledger.charged(),
            reserved: ledger.reserved(),
            writers: ledger.writers(),
            pinned: files(&self.layout().pins())?.len() as u64,
            quarantined: files(&self.layout().quarantine())?.len() as u64,
            max_bytes: budget.max_bytes,
            min_free: budget.min_free,
            free: evict::free(self.layout())?,
        })
    }
}

/// Shows every object to `see`. What vanishes meanwhile is passed over.
pub(super) fn walk(layout: &Layout, mut see: impl FnMut(Key, &Metadata)) -> Result<()> {
    for shard in folders(&layout.objects())? {
        for entry in files(&shard.path())? {
            let name = entry.file_name();
            let key = name.to_str().and_then(|name| name.strip_suffix(".mp3")?.parse().ok());
            if let Some(key) = key
                && let Some(meta) = look(&entry.path())?
            {
                see(key, &meta);
            }
        }
    }
    Ok(())
}

/// When an object was last used: its time of modification, since it is never modified.
pub(super) fn last_used(meta: &Metadata) -> SystemTime {
    meta.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The sidecars whose rendition is gone.
pub(super) fn orphans(layout: &Layout) -> Result<Vec<Key>> {
    let mut orphans = Vec::new();
    for shard in folders(&layout.objects())? {
        for entry in files(&shard.path())? {
            let name = entry.file_name();
            let key: Option<Key> = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse().ok());
            if let Some(key) = key
                && look(&layout.object(&key))?.is_none()
            {
                orphans.push(key);
            }
        }
    }
    Ok(orphans)
}
