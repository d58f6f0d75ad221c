//! What a store holds: lists, filters, sums.

use std::collections::HashSet;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::master::MasterId;
use crate::rendition::fingerprint::Fingerprint;
use crate::store::evict::{self, shortage};
use crate::store::front::Store;
use crate::store::key::Key;
use crate::store::layout::files;
use crate::store::ledger::{charge, quarantine_charge};
use crate::store::sidecar::Sidecar;
use crate::store::walk::{last_used, walk};

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
    /// [`Error::Io`] if a folder cannot be read.
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
    /// [`Error::StoreBusy`], or [`Error::Io`].
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

    /// The renditions that would be evicted, the least recently used first, to make room for others of
    /// these sizes in bytes. Nothing is changed.
    ///
    /// # Errors
    /// [`Error::StoreFull`] if evicting all that may be would not do; [`Error::StoreBusy`], [`Error::Io`].
    pub fn would_evict(&self, sizes: impl IntoIterator<Item = u64>) -> Result<Vec<Entry>> {
        let needed = sizes.into_iter().map(charge).fold(0, u64::saturating_add);
        let (layout, budget) = (self.layout(), self.budget());
        let full = |detail: String| Err(Error::StoreFull { name: layout.name(), needed, detail });
        if let Some(max) = budget.max_bytes.filter(|&max| needed > max) {
            return full(format!("its whole budget is {max}"));
        }
        let ledger = self.ledger()?;
        let bad: u64 = files(&layout.quarantine())?.iter().map(quarantine_charge).sum::<Result<u64>>()?;
        let short = shortage(layout, &ledger, budget, needed)?.saturating_sub(bad);
        if short == 0 {
            return Ok(Vec::new());
        }
        let mut entries = self.list(&Filter { pinned: Some(false), ..Filter::default() })?;
        entries.retain(|entry| !ledger.is_being_written(&entry.key));
        entries.sort_by_key(|entry| entry.last_used);
        let mut sum = 0;
        let enough = entries.iter().position(|entry| {
            sum += charge(entry.bytes);
            sum >= short
        });
        let Some(last) = enough else {
            return full(format!("{} are missing even without all that may be evicted", short - sum));
        };
        entries.truncate(last + 1);
        Ok(entries)
    }
}
