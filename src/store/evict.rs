//! Making room: the least recently used renditions go first, pinned ones never.

use std::time::SystemTime;

use crate::error::{Error, Result, Stage};
use crate::store::hot::TOUCH;
use crate::store::key::Key;
use crate::store::layout::{StoreLayout, files, remove};
use crate::store::ledger::{Ledger, charge, quarantine_charge};
use crate::store::walk::{last_used, walk};

/// What a store may take.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Budget {
    /// The bytes that all objects and promises together may take.
    pub(super) max_bytes: Option<u64>,
    /// The bytes that must stay free on the file system.
    pub(super) min_free: u64,
}

/// Renditions in the order of their last use, latest first, as of the last look at the disk. What was
/// published since is younger than all of them, so the queue is good until it is empty: not every
/// eviction has to look at every object.
#[derive(Default)]
pub(super) struct EvictionQueue(Vec<Candidate>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// Not if the last use lies in the future: then a clock was set back, and it was not used since, or
    /// that would have been written down. So it goes before all others.
    credible: bool,
    last_used: SystemTime,
    charge: u64,
    key: Key,
}

/// Makes room for `needed` bytes more and returns the number of objects evicted for it, whose keys are
/// shown to `evicted` so that it lets go of their maps.
///
/// # Errors
/// [`Error::StoreFull`], with nothing evicted, if it cannot be done.
pub(super) fn make_room(
    layout: &StoreLayout,
    ledger: &mut Ledger,
    queue: &mut EvictionQueue,
    budget: Budget,
    needed: u64,
    evicted: impl FnOnce(&[Key]),
) -> Result<u64> {
    let full = |detail: String| Err(Error::StoreFull { name: layout.name(), needed, detail });
    if let Some(max) = budget.max_bytes.filter(|&max| needed > max) {
        return full(format!("its whole budget is {max}"));
    }
    if shortage(layout, ledger, budget, needed)? == 0 {
        return Ok(0);
    }
    // What failed verification is of use to nobody but a curious operator.
    empty_quarantine(layout, ledger)?;
    let short = shortage(layout, ledger, budget, needed)?;
    if short == 0 {
        return Ok(0);
    }
    let Some(victims) = queue.take(layout, ledger, short)? else {
        let pinned = files(&layout.pins())?.len();
        return full(format!("{short} are missing, and all else is pinned ({pinned}) or being written"));
    };
    evict(layout, ledger, &victims)?;
    evicted(&victims);
    // Blocks of a mapped object come back when its last reader is done.
    match shortage(layout, ledger, budget, needed)? {
        0 => Ok(victims.len() as u64),
        short => full(format!("{short} are still missing while evicted renditions are being read")),
    }
}

/// How many bytes must go before `needed` more are within the budget.
pub(super) fn shortage(layout: &StoreLayout, ledger: &Ledger, budget: Budget, needed: u64) -> Result<u64> {
    let taken = ledger.charged() + ledger.reserved() + needed;
    let over = budget.max_bytes.map_or(0, |max| taken.saturating_sub(max));
    // Partials have their space already, since they were admitted.
    let wanted = budget.min_free.saturating_add(needed);
    Ok(over.max(wanted.saturating_sub(free(layout)?)))
}

/// The bytes that are free on the store's file system.
pub(super) fn free(layout: &StoreLayout) -> Result<u64> {
    let stat =
        rustix::fs::statvfs(layout.base()).map_err(|e| Error::at(Stage::Scan, layout.base())(e.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Unlinks objects with their sidecars. Whoever has them mapped keeps them.
pub(super) fn evict(layout: &StoreLayout, ledger: &mut Ledger, keys: &[Key]) -> Result<()> {
    ledger.take(|| {
        let mut taken = (0, 0);
        for key in keys {
            let path = layout.object(key);
            if let Some(meta) = layout.look(&path)? {
                remove(&path)?;
                remove(&layout.sidecar(key))?;
                tracing::debug!(%key, bytes = meta.len(), "evicted");
                taken = (taken.0 + 1, taken.1 + charge(meta.len()));
            }
        }
        Ok(taken)
    })
}

/// Removes what failed verification; returns the number of files.
pub(super) fn empty_quarantine(layout: &StoreLayout, ledger: &mut Ledger) -> Result<u64> {
    let bad = files(&layout.quarantine())?;
    if bad.is_empty() {
        return Ok(0);
    }
    ledger.take(|| {
        let mut charged = 0;
        for entry in &bad {
            charged += quarantine_charge(entry)?;
            remove(&entry.path())?;
        }
        Ok((0, charged))
    })?;
    Ok(bad.len() as u64)
}

impl EvictionQueue {
    /// Takes out the keys whose eviction gives `bytes` at least; `None`, taking none, if all do not.
    fn take(&mut self, layout: &StoreLayout, ledger: &mut Ledger, bytes: u64) -> Result<Option<Vec<Key>>> {
        if let Some(victims) = self.choose(layout, ledger, bytes)? {
            return Ok(Some(victims));
        }
        // A good moment to get the books right as well: all of it is read anyway.
        ledger.recount()?;
        self.0.clear();
        let future = SystemTime::now() + TOUCH;
        walk(layout, |key, meta| {
            let last_used = last_used(meta);
            let credible = last_used < future;
            self.0.push(Candidate { credible, last_used, charge: charge(meta.len()), key });
        })?;
        self.0.sort_unstable_by(|one, other| other.cmp(one));
        self.choose(layout, ledger, bytes)
    }

    fn choose(&mut self, layout: &StoreLayout, ledger: &Ledger, bytes: u64) -> Result<Option<Vec<Key>>> {
        let mut victims = Vec::new();
        let mut sum = 0;
        let mut keep = self.0.len();
        while sum < bytes {
            let Some(next) = keep.checked_sub(1) else { return Ok(None) };
            keep = next;
            let candidate = self.0[keep];
            let unchanged = layout
                .look(&layout.object(&candidate.key))?
                .is_some_and(|meta| last_used(&meta) == candidate.last_used);
            if unchanged && !ledger.is_being_written(&candidate.key) && !layout.is_pinned(&candidate.key)? {
                victims.push(candidate.key);
                sum += candidate.charge;
            }
        }
        self.0.truncate(keep);
        Ok(Some(victims))
    }
}
