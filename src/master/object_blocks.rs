//! Blocks of masters in object storage: those of all masters together, each fetched once for all who want it.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::remote::TURN;

/// How many blocks are kept, of all masters: 128 MiB.
const KEPT: usize = 512;
/// How long a reader waits for a block, retries and all.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Of which master, counted as they are opened, and which of its blocks.
pub(super) type Name = (u64, u64);

/// The blocks of all masters.
pub(super) static CACHE: LazyLock<Cache> = LazyLock::new(Cache::default);

#[derive(Default)]
pub(super) struct Cache {
    blocks: Mutex<BlockTable>,
    came: Condvar,
}

#[derive(Default)]
pub(super) struct BlockTable {
    slots: HashMap<Name, Slot>,
    /// Counts uses, so that what was not used for the longest is known.
    uses: u64,
}

/// A block; without a result it is being fetched.
#[derive(Default)]
struct Slot {
    result: Option<io::Result<Bytes>>,
    used: u64,
    /// Whether somebody waits for it, or did.
    awaited: bool,
}

impl BlockTable {
    /// The first of `blocks` that nobody has asked for.
    pub(super) fn first_absent(&self, number: u64, blocks: Range<u64>) -> Option<u64> {
        blocks.into_iter().find(|&block| !self.slots.contains_key(&(number, block)))
    }

    /// Says that the blocks of a master from `first` on are being fetched, as far as `end` and as nobody has asked for them; gives
    /// the one behind.
    pub(super) fn ask(&mut self, number: u64, first: u64, end: u64) -> u64 {
        let asked = (first..end).take_while(|&block| !self.slots.contains_key(&(number, block)));
        let asked: Vec<_> = asked.collect();
        self.slots.extend(asked.iter().map(|&block| ((number, block), Slot::default())));
        first + asked.len() as u64
    }

    /// Nobody reads a master any more.
    pub(super) fn forget(&mut self, number: u64) {
        self.slots.retain(|(of, _), _| *of != number);
    }
}

impl Cache {
    pub(super) fn lock(&self) -> MutexGuard<'_, BlockTable> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, name: Name, result: io::Result<Bytes>) {
        let mut blocks = self.lock();
        blocks.uses += 1;
        let used = blocks.uses;
        let slot = blocks.slots.entry(name).or_default();
        if result.is_err() && !slot.awaited {
            // Whoever comes to it later asks anew.
            blocks.slots.remove(&name);
            return;
        }
        (slot.result, slot.used) = (Some(result), used);
        // An eighth at once, so that this is not done for each.
        if blocks.slots.len() > KEPT {
            let mut all: Vec<_> = blocks
                .slots
                .iter()
                .filter(|(_, slot)| slot.result.is_some())
                .map(|(name, slot)| (slot.used, *name))
                .collect();
            all.sort_unstable();
            for (_, name) in all.into_iter().take(KEPT / 8) {
                blocks.slots.remove(&name);
            }
        }
        drop(blocks);
        self.came.notify_all();
    }

    /// Waits for a block that somebody has asked for; `None` if it is gone again. If it has not come after a second, what brings
    /// it has to pass `check_runs`.
    pub(super) fn wait<'a>(
        &'a self,
        mut blocks: MutexGuard<'a, BlockTable>,
        name: Name,
        check_runs: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<Option<Bytes>> {
        let (mut check_runs, check_at) = (Some(check_runs), Instant::now() + TURN);
        loop {
            blocks.uses += 1;
            let used = blocks.uses;
            match blocks.slots.get_mut(&name) {
                Some(Slot { result: Some(Ok(bytes)), used: last, .. }) => {
                    *last = used;
                    return Ok(Some(bytes.clone()));
                }
                Some(Slot { result: Some(Err(_)), .. }) => {
                    // The next reader asks again.
                    let slot = blocks.slots.remove(&name);
                    let failed = slot.and_then(|slot| slot.result).and_then(std::result::Result::err);
                    return Err(failed.unwrap_or_else(|| io::ErrorKind::Other.into()));
                }
                Some(Slot { result: None, awaited, .. }) => *awaited = true,
                // Evicted, or another has taken the error: to be asked for anew.
                None => return Ok(None),
            }
            let patience = match check_runs {
                Some(_) => check_at.saturating_duration_since(Instant::now()),
                None => PATIENCE,
            };
            let (woken, waited) =
                self.came.wait_timeout(blocks, patience).unwrap_or_else(PoisonError::into_inner);
            blocks = woken;
            if waited.timed_out() {
                let Some(check_runs) = check_runs.take() else { return Err(io::ErrorKind::TimedOut.into()) };
                drop(blocks);
                // What was asked for stays so: it comes when the runtime runs.
                check_runs()?;
                blocks = self.lock();
            }
        }
    }
}
