//! Clearing away what is of no more use.

use crate::error::Result;
use crate::rendition::fingerprint::Fingerprint;
use crate::store::evict;
use crate::store::front::Store;
use crate::store::inventory::Filter;
use crate::store::layout::{files, remove};
use crate::store::ledger::Ledger;
use crate::store::scratch::{Writer, reclaim};
use crate::store::walk::orphans;

/// What a collection removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Files of dead writers.
    pub leftovers: u64,
    /// Sidecars without a rendition.
    pub orphans: u64,
    /// Files that had failed verification.
    pub quarantined: u64,
    /// Renditions of other builds.
    pub stale: u64,
    /// Renditions beyond the budget.
    pub evicted: u64,
    /// Records of masters that are not there any more.
    pub masters: u64,
}

impl Store {
    /// Clears away: leftovers, orphans, the quarantine, what is beyond the budget, records of
    /// vanished masters; and, if `keep` names any, renditions of any other build than those.
    /// Pinned renditions stay.
    ///
    /// # Errors
    /// [`Error::StoreFull`](crate::Error::StoreFull) if pinned renditions alone are beyond the budget;
    /// [`Error::StoreBusy`](crate::Error::StoreBusy), [`Error::Io`](crate::Error::Io).
    pub fn gc(&self, keep: &[Fingerprint]) -> Result<Collected> {
        let mut collected = Collected::default();
        if !keep.is_empty() {
            let filter = Filter { not_fingerprints: keep.to_vec(), ..Filter::default() };
            let keys: Vec<_> = self.list(&filter)?.iter().map(|entry| entry.key).collect();
            collected.stale = self.remove(&keys)?.len() as u64;
        }
        let mut ledger = self.ledger()?;
        ledger.recount()?; // so that the books are right whatever else has been at the files
        collected.leftovers = self.clear_leftovers(&ledger)?;
        collected.quarantined = evict::empty_quarantine(self.layout(), &mut ledger)?;
        for key in orphans(self.layout())? {
            // Not that of a rendition about to appear: a writer is in the ledger, which is locked.
            if !ledger.is_being_written(&key) {
                remove(&self.layout().sidecar(&key))?;
                collected.orphans += 1;
            }
        }
        collected.evicted = self.make_room(&mut ledger, 0)?;
        drop(ledger);
        collected.masters = self.masters().prune()?;
        Ok(collected)
    }

    /// What opening does in the background. Its errors concern nobody: the same work is done, and its
    /// failure told, when it is needed.
    pub(super) fn tidy(&self) {
        let _ = self.ledger().and_then(|ledger| self.clear_leftovers(&ledger));
    }

    /// Removes what dead writers left. Those that had a reservation were settled when the ledger was locked.
    fn clear_leftovers(&self, ledger: &Ledger) -> Result<u64> {
        let mut removed = ledger.reclaimed();
        for entry in files(&self.layout().partials())? {
            removed += u64::from(reclaim(&entry.path())? == Writer::Died);
        }
        Ok(removed)
    }
}
