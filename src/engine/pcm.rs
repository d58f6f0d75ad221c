//! Decoded audio, shared by all who press it: each step of a master is decoded once for all renditions
//! that want it at about the same time, and let go of when the last of them has pressed it.

use std::collections::HashMap;
use std::mem;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

use super::lock::lock;
use crate::error::Result;
use crate::master::convert::Converter;
use crate::master::resample::Resampler;
use crate::master::{FrameIndex, Master};
use crate::pcm::{Pcm, Repairs};
use crate::store::{Label, Store};
use crate::units::SampleRate;

/// PCM is decoded in steps of so many samples at most: 3 s at 44.1 kHz.
const STEP: u64 = 1 << 17;
/// What decoding, mixing and resampling a step takes at most, in bytes, but for a resampler's own: that of eight channels at
/// 352.8 kHz to 8 kHz. Stereo takes some 2 MiB.
pub(super) const WORKER_BYTES: u64 = 9 << 20;

/// Cuts what a segment wants into steps, always in the same way for one source and rate: short ones
/// first, so that whoever waits for the segment's first bytes need not wait for much to be decoded. Where that changes
/// them little, they end at multiples of `stride`, best of all of four times that.
fn steps(wanted: Range<u64>, longest: u64, stride: u64) -> impl Iterator<Item = Range<u64>> {
    let (mut at, mut len) = (wanted.start, longest / 8);
    std::iter::from_fn(move || {
        let near = at + len / 2..=at + longest.min(2 * len);
        let mut ends = [4 * stride, stride].into_iter().flat_map(|stride| {
            let above = (at + len).next_multiple_of(stride);
            [above, above - stride]
        });
        let step = at..ends.find(|end| near.contains(end)).unwrap_or(at + len).min(wanted.end);
        (at, len) = (step.end, (2 * len).min(longest));
        (!step.is_empty()).then_some(step)
    })
}

/// A master that is being pressed, and the decoders that work on it.
pub(super) struct Source {
    number: u64,
    pub(super) master: Master,
    /// Where its frames lie, if a store has that.
    frames: OnceLock<Option<Arc<FrameIndex>>>,
    /// What people know it by, read when the first rendition of it is published.
    label: OnceLock<Label>,
    idle: Mutex<Vec<Idle>>,
}

/// A decoder between two steps.
struct Idle {
    rate: SampleRate,
    salvage: bool,
    /// Where its last step ended.
    at: u64,
    converter: Converter,
}

impl Source {
    pub(super) fn new(master: &Master) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            number,
            master: master.clone(),
            frames: OnceLock::new(),
            label: OnceLock::new(),
            idle: Mutex::default(),
        }
    }

    /// What people know the master by. Tags that cannot be read are no reason not to keep a rendition: they say nothing.
    pub(super) fn label(&self) -> Label {
        self.label.get_or_init(|| self.master.tags().map(|tags| Label::of(&tags)).unwrap_or_default()).clone()
    }

    /// Learns from `store`, once, where the frames lie of the master, whose id is known.
    pub(super) fn learn(&self, store: &Store) {
        self.frames.get_or_init(|| store.masters().frames(&self.master));
    }

    /// The steps of what a segment wants at `rate`. Masters of many channels or of high rates are read in
    /// shorter ones, so that what they are made from takes no more memory.
    pub(super) fn steps(&self, rate: SampleRate, wanted: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let info = self.master.info();
        let width = u64::from(info.rate.hz().div_ceil(rate.hz())) * info.layout.channels() as u64;
        steps(wanted, 4 * STEP / width.max(4), Resampler::stride(info.rate, rate))
    }

    /// Decodes, with the decoder that has just come to where `step` begins if there is one. There are
    /// never more decoders than workers.
    fn decode(&self, wanted: &Wanted, pcm: &mut Pcm) -> Result<Repairs> {
        let &Wanted { rate, salvage, .. } = wanted;
        let fits = |idle: &Idle| (idle.rate, idle.salvage, idle.at) == (rate, salvage, wanted.step.start);
        let found = {
            let mut all = lock(&self.idle);
            let at = all.iter().position(fits).or(all.len().checked_sub(1));
            at.map(|at| all.swap_remove(at)).filter(|idle| idle.salvage == salvage)
        };
        let mut idle = if let Some(idle) = found {
            idle
        } else {
            let frames = self.frames.get().cloned().flatten();
            let converter = Converter::for_rendition(&self.master, salvage, frames)?;
            Idle { rate, salvage, at: 0, converter }
        };
        // After an error the decoder is dropped: its state is not to be trusted.
        let repairs = idle.converter.read(wanted.rate, wanted.step.clone(), &wanted.counted, pcm)?;
        (idle.rate, idle.at) = (wanted.rate, wanted.step.end);
        lock(&self.idle).push(idle);
        Ok(repairs)
    }
}

/// A step of a master at a rate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub(super) rate: SampleRate,
    /// Whether silence stands for what of the master is damaged or missing.
    pub(super) salvage: bool,
    /// In samples at that rate.
    pub(super) step: Range<u64>,
    /// Where repairs are counted, in samples of the master.
    pub(super) counted: Range<u64>,
}

/// A decoded step.
pub(super) struct Decoded {
    pub(super) pcm: Pcm,
    pub(super) repairs: Repairs,
}

impl Decoded {
    fn bytes(&self) -> u64 {
        4 * (self.pcm.channels() * self.pcm.len()) as u64
    }
}

enum Slot {
    /// Somebody is decoding it.
    Pending,
    Ready {
        decoded: Arc<Decoded>,
        used: u64,
        /// How many renditions have yet to press it.
        left: usize,
    },
}

type StepKey = (u64, Wanted);

#[derive(Default)]
struct Table {
    slots: HashMap<StepKey, Slot>,
    bytes: u64,
    /// Counts uses, so that the oldest goes first.
    uses: u64,
}

impl Table {
    /// Takes the step out of the table, or a share in it if others have yet to press it.
    fn take(&mut self, key: &StepKey) -> Option<Arc<Decoded>> {
        self.uses += 1;
        let Some(Slot::Ready { decoded, used, left }) = self.slots.get_mut(key) else { return None };
        (*used, *left) = (self.uses, left.saturating_sub(1));
        let (decoded, last) = (Arc::clone(decoded), *left == 0);
        if last {
            self.slots.remove(key);
            self.bytes -= decoded.bytes();
        }
        Some(decoded)
    }

    /// Lets go of what was not used for longest and is not being used, until `bytes` more are within `limit`.
    fn make_room(&mut self, bytes: u64, limit: u64) -> bool {
        while self.bytes + bytes > limit {
            let idle = self.slots.iter().filter_map(|(key, slot)| match slot {
                Slot::Ready { decoded, used, .. } if Arc::strong_count(decoded) == 1 => Some((*used, key)),
                _ => None,
            });
            let Some(key) = idle.min_by_key(|(used, _)| *used).map(|(_, key)| key.clone()) else {
                return false;
            };
            if let Some(Slot::Ready { decoded, .. }) = self.slots.remove(&key) {
                self.bytes -= decoded.bytes();
            }
        }
        true
    }
}

/// The steps that somebody has yet to press, within a number of bytes.
pub(super) struct PcmCache {
    limit: u64,
    table: Mutex<Table>,
    filled: Condvar,
    decoded: AtomicU64,
    shared: AtomicU64,
}

impl PcmCache {
    /// Keeps `limit` bytes at most. Each worker may hold one step more while it presses it.
    pub(super) fn new(limit: u64) -> Self {
        let (decoded, shared) = Default::default();
        Self { limit, table: Mutex::default(), filled: Condvar::new(), decoded, shared }
    }

    /// How many steps were decoded, and how many times one was there already.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.decoded.load(Ordering::Relaxed), self.shared.load(Ordering::Relaxed))
    }

    /// The bytes that are held now.
    pub(super) fn bytes(&self) -> u64 {
        lock(&self.table).bytes
    }

    /// The step, decoded now unless somebody has, or is about to. `sharers` other renditions will ask for it too. It
    /// is decoded into the memory of `spare`.
    ///
    /// # Errors
    /// Those of [`Converter::read`].
    pub(super) fn get(
        &self,
        source: &Source,
        wanted: &Wanted,
        sharers: usize,
        spare: &mut Pcm,
    ) -> Result<Arc<Decoded>> {
        let key = (source.number, wanted.clone());
        let mut table = lock(&self.table);
        loop {
            if let Some(decoded) = table.take(&key) {
                self.shared.fetch_add(1, Ordering::Relaxed);
                return Ok(decoded);
            }
            if !table.slots.contains_key(&key) {
                break;
            }
            table = self.filled.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
        table.slots.insert(key.clone(), Slot::Pending);
        drop(table);
        // Whatever happens, nobody waits for a step that will not come.
        let pending = Pending { cache: self, key };
        let mut pcm = mem::take(spare);
        let repairs = source.decode(wanted, &mut pcm)?;
        self.decoded.fetch_add(1, Ordering::Relaxed);
        Ok(pending.fill(Decoded { pcm, repairs }, sharers))
    }

    /// Nobody presses `source` any more.
    pub(super) fn forget(&self, source: &Source) {
        let mut table = lock(&self.table);
        let Table { slots, bytes, .. } = &mut *table;
        slots.retain(|(number, _), slot| match slot {
            Slot::Ready { decoded, .. } if *number == source.number => {
                *bytes -= decoded.bytes();
                false
            }
            _ => true,
        });
    }
}

/// A promise to decode a step; dropped, it is withdrawn, and somebody else may try.
struct Pending<'a> {
    cache: &'a PcmCache,
    key: StepKey,
}

impl Pending<'_> {
    fn fill(self, decoded: Decoded, sharers: usize) -> Arc<Decoded> {
        let decoded = Arc::new(decoded);
        let bytes = decoded.bytes();
        let mut table = lock(&self.cache.table);
        if sharers > 0 && table.make_room(bytes, self.cache.limit) {
            table.bytes += bytes;
            table.uses += 1;
            let slot = Slot::Ready { decoded: Arc::clone(&decoded), used: table.uses, left: sharers };
            table.slots.insert(self.key.clone(), slot);
        }
        decoded
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let mut table = lock(&self.cache.table);
        if matches!(table.slots.get(&self.key), Some(Slot::Pending)) {
            table.slots.remove(&self.key);
        }
        self.cache.filled.notify_all();
    }
}

#[cfg(test)]
mod stress;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_tile_what_is_wanted_and_grow() {
        for (longest, stride) in [(STEP, 1), (STEP, 5_632), (STEP / 8, 5_632), (8_000, 44_100)] {
            let all: Vec<_> = steps(1_000..1_000_000, longest, stride).collect();
            assert_eq!((all[0].start, all.last().unwrap().end), (1_000, 1_000_000));
            assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(all.iter().all(|step| step.end - step.start <= longest));
            assert!(all[0].end - all[0].start <= longest / 4);
            // From the first step that may be as long as a stride on, all end at one.
            let long = all.iter().rev().skip(1).filter(|step| step.end - step.start >= 2 * stride);
            assert!(long.clone().count() > 0 || stride > longest);
            assert!(long.clone().all(|step| step.end % stride == 0), "{all:?}");
            assert_eq!(steps(5..5, longest, stride).count(), 0);
        }
    }
}
