//! One rendition being pressed: how far it is, who waits for it, and what has become of it.

mod choice;
#[cfg(feature = "tier")]
mod delivery;
mod reading;
mod writing;

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::lock::lock;
use super::pcm::Source;
use crate::error::{Error, Result};
use crate::pcm::Repairs;
use crate::rendition::plan::Plan;
use crate::rendition::writer::RenditionWriter;
use crate::store::{Identified, Key, Object, Partial, PartialReader, Recipe, Store};

/// How long anybody waits for a rendition of an older build before what is pressed is taken.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// A rendition being pressed, or just finished.
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) source: Arc<Source>,
    pub(super) plan: Plan,
    /// Whether it goes into a file of its asker's, and to nobody else.
    exported: bool,
    pub(super) asked: Instant,
    /// How many handles there are on it. It falls, and rises from 0, only with the dispatch locked.
    pub(super) handles: AtomicUsize,
    /// Whether all of it is wanted, and not a range alone. It becomes false with the dispatch locked only.
    pub(super) whole: AtomicBool,
    /// Whether it is to be finished when there are none.
    pub(super) unattended: AtomicBool,
    /// Asks the tier for it, if anybody does.
    #[cfg(feature = "tier")]
    pub(super) fetch: super::fetch::Fetch,
    state: Mutex<State>,
    /// Those who sleep may find more than when they fell asleep.
    changed: Condvar,
    /// Locked before the state if both are, and never while a disk is waited for with the state locked: whoever
    /// asks how far it is waits for none.
    place: Mutex<Destination>,
}

/// Where the bytes go.
enum Destination {
    /// Nowhere yet.
    Unopened,
    Partial(Box<Partial>),
    /// A file of its asker's, in which it begins at this byte.
    Export(Box<RenditionWriter<File>>, u64),
    /// Nowhere any more.
    Closed,
}

/// What a rendition has become.
#[derive(Clone)]
pub(super) enum Finished {
    Object(Object, Origin),
    /// So many bytes in a file of its asker's.
    Exported(u64),
}

impl Finished {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Object(object, _) => object.len(),
            Self::Exported(bytes) => *bytes,
        }
    }
}

/// Who has pressed a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The store had it.
    Stored,
    /// This engine pressed it.
    Pressed,
    /// Another process pressed it while it was asked for here.
    Elsewhere,
    /// Some or all of it came from the tier.
    Fetched,
}

#[allow(clippy::struct_excessive_bools)] // each is about something else
struct State {
    phase: Phase,
    choice: choice::Choice,
    key: Option<Key>,
    /// Whether its place has been told what it is, or need not be.
    identified: bool,
    /// Whether another process was seen to press it.
    elsewhere: bool,
    /// Whether some of it came from the tier.
    fetched: bool,
    /// To read what is being written.
    reader: Option<PartialReader>,
    segments: Vec<SegmentBytes>,
    /// The segments that are complete.
    done: u64,
    /// The samples that are pressed.
    samples: u64,
    repairs: Repairs,
    /// Whether there is any audio.
    begun: bool,
    /// Readers that wait, by their number.
    waiting: HashMap<u64, Waiting>,
}

impl State {
    /// How many bytes it has, once it is complete.
    fn complete_bytes(&self) -> Option<u64> {
        match &self.phase {
            Phase::Done(finished) => Some(finished.bytes()),
            _ => self.older().map(Object::len),
        }
    }
}

enum Phase {
    Pressing,
    /// All segments are there.
    Publishing,
    Done(Finished),
    Failed(Error),
}

/// A segment being pressed.
#[derive(Clone, Copy, Default)]
struct SegmentBytes {
    /// The bytes that have left the encoder and are written: final.
    ready: u64,
    /// The samples that they were.
    samples: u64,
    done: bool,
}

/// What became of bytes that were handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handed {
    /// They are the first of the rendition.
    First,
    More,
    /// The segment has come from the tier meanwhile: they are not needed.
    Late,
}

/// A reader that waits.
struct Waiting {
    /// For bytes of this segment; `None`: for the end.
    segment: Option<u64>,
    /// `None`: it sleeps.
    waker: Option<Waker>,
}

/// How far a rendition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The samples of the rendition that are pressed, per channel.
    pub samples: u64,
    /// The bytes of audio that they became, whether they can be read yet or not.
    pub bytes: u64,
    /// The segments that are pressed.
    pub segments_done: u64,
    /// All segments.
    pub segments: u64,
    /// The bytes that can be read without waiting; of an ABR or VBR rendition none before all can.
    pub bytes_ready: u64,
    /// Whether it is complete, and safe in the store if that takes it.
    pub complete: bool,
}

impl Job {
    /// A rendition for handles to read. `identified` if there is no store that has to know what it is; `key` if it
    /// is known already.
    pub(super) fn new(source: Arc<Source>, plan: Plan, key: Option<Key>, identified: bool) -> Self {
        Self::begin(source, plan, Destination::Unopened, key, identified)
    }

    /// A rendition for `writer`, which was made for `plan`, from byte `start` of its file on, and for nobody else.
    pub(super) fn export(source: Arc<Source>, plan: Plan, writer: RenditionWriter<File>, start: u64) -> Self {
        Self::begin(source, plan, Destination::Export(Box::new(writer), start), None, true)
    }

    fn begin(
        source: Arc<Source>,
        plan: Plan,
        place: Destination,
        key: Option<Key>,
        identified: bool,
    ) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let segments = vec![SegmentBytes::default(); index(plan.segments())];
        Self {
            number: COUNT.fetch_add(1, Ordering::Relaxed),
            source,
            plan,
            exported: matches!(place, Destination::Export(..)),
            asked: Instant::now(),
            handles: AtomicUsize::new(0),
            whole: AtomicBool::new(true),
            unattended: AtomicBool::new(false),
            #[cfg(feature = "tier")]
            fetch: super::fetch::Fetch::default(),
            state: Mutex::new(State {
                phase: Phase::Pressing,
                choice: choice::Choice::default(),
                key,
                identified,
                elsewhere: false,
                fetched: false,
                reader: None,
                segments,
                done: 0,
                samples: 0,
                repairs: Repairs::default(),
                begun: false,
                waiting: HashMap::new(),
            }),
            changed: Condvar::new(),
            place: Mutex::new(place),
        }
    }

    /// Whether it goes into a file of its asker's: others are not to join it.
    pub(super) const fn is_export(&self) -> bool {
        self.exported
    }

    /// Whether it is known which rendition of the store it is, or does not matter.
    pub(super) fn is_identified(&self) -> bool {
        lock(&self.state).identified
    }

    /// What errors call it.
    fn name(&self) -> String {
        format!("{} at {}", self.source.master.name(), self.plan.profile())
    }

    pub(super) fn cancelled(&self) -> Error {
        Error::Cancelled { name: self.name() }
    }

    /// The key that it is asked for by; it may become a rendition of an older build, whose key is another.
    pub(super) fn key(&self) -> Option<Key> {
        lock(&self.state).key
    }

    /// What it becomes, if that is complete.
    pub(super) fn object(&self) -> Option<Object> {
        let state = lock(&self.state);
        match &state.phase {
            Phase::Done(Finished::Object(object, _)) => Some(object.clone()),
            _ => state.older().cloned(),
        }
    }

    /// What a store would know it by, if that is known.
    pub(super) fn recipe(&self) -> Result<Option<Recipe>> {
        let id = self.source.master.known_id();
        id.map(|id| Recipe::new(id, *self.plan.resolved())).transpose()
    }

    /// Finds out which rendition of the store it is, reading the whole master if nobody knows yet.
    ///
    /// # Errors
    /// Those of [`Master::id`](crate::master::Master::id), of [`open`](Self::open), of
    /// [`Partial::identify`], and of [`Verdict::allow`](crate::master::Verdict::allow).
    pub(super) fn identify(&self, store: &Store) -> Result<Identified> {
        let master = &self.source.master;
        let id = store.masters().identify(master)?;
        if let Some(verdict) = store.masters().verdict(&id) {
            verdict.allow(master.name(), self.plan.resolved().salvage)?;
        }
        let recipe = Recipe::new(id, *self.plan.resolved())?;
        let key = recipe.key();
        lock(&self.state).key = Some(key);
        if let Some(object) = store.find(&key)? {
            return Ok(Identified::Ready(object));
        }
        if self.may_be_older()
            && let Some(object) = store.find_older(&recipe)?
            && self.become_older(&object, Origin::Stored)
        {
            return Ok(Identified::Ready(object));
        }
        self.open(Some(store))?;
        self.source.learn(store);
        let identified = match &mut *lock(&self.place) {
            Destination::Partial(partial) => partial.identify(&recipe)?,
            Destination::Unopened | Destination::Export(..) | Destination::Closed => {
                return Err(self.cancelled());
            }
        };
        let mut state = lock(&self.state);
        state.identified = true;
        state.elsewhere |= matches!(identified, Identified::Theirs);
        drop(state);
        Ok(identified)
    }

    pub(super) fn count_repairs(&self, repairs: Repairs) {
        lock(&self.state).repairs += repairs;
    }

    pub(super) fn repairs(&self) -> Repairs {
        lock(&self.state).repairs
    }

    /// Whether it can be published: all is pressed, and it is known what it is. Says so once.
    pub(super) fn is_to_be_published(&self) -> bool {
        let mut state = lock(&self.state);
        let complete =
            matches!(state.phase, Phase::Pressing) && state.done == self.plan.segments() && state.identified;
        if complete {
            state.phase = Phase::Publishing;
        }
        complete
    }

    /// What the store had after all.
    pub(super) fn found(&self, object: Object) -> Finished {
        let elsewhere = lock(&self.state).elsewhere;
        Finished::Object(object, if elsewhere { Origin::Elsewhere } else { Origin::Stored })
    }

    /// It is complete, or will never be. False if that was settled before; else `count` is called before
    /// anybody hears of it.
    pub(super) fn settle(&self, result: Result<Finished>, count: impl FnOnce()) -> bool {
        let mut state = lock(&self.state);
        // What is complete stays so, whatever became of the other.
        let result = state.finished_older().map_or(result, Ok);
        let settled = match &state.phase {
            Phase::Done(_) | Phase::Failed(_) => true,
            // What is being published is as good as done, and not to be left half-way.
            Phase::Publishing => matches!(result, Err(Error::Cancelled { .. })),
            Phase::Pressing => false,
        };
        if settled {
            return false;
        }
        state.phase = result.map_or_else(Phase::Failed, Phase::Done);
        count();
        self.wake(state, None);
        *lock(&self.place) = Destination::Closed;
        true
    }

    pub(super) fn is_publishing(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Publishing)
    }

    pub(super) fn is_settled(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Done(_) | Phase::Failed(_))
    }

    pub(super) fn finished(&self) -> Option<Finished> {
        match &lock(&self.state).phase {
            Phase::Done(finished) => Some(finished.clone()),
            _ => None,
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let state = lock(&self.state);
        let pressed: u64 = state.segments.iter().map(|segment| segment.ready).sum();
        let readable = state.reader.is_some() && self.plan.size().is_exact();
        let finished = state.complete_bytes();
        let segments = self.plan.segments();
        Progress {
            samples: if finished.is_some() { self.plan.samples().0 } else { state.samples },
            bytes: finished.map_or(pressed, |bytes| bytes.saturating_sub(self.plan.info_bytes())),
            segments_done: if finished.is_some() { segments } else { state.done },
            segments,
            bytes_ready: finished.unwrap_or(if readable { self.plan.info_bytes() + pressed } else { 0 }),
            complete: finished.is_some(),
        }
    }

    /// The stretches that can be read without waiting.
    pub(super) fn ready(&self) -> Vec<Range<u64>> {
        let state = lock(&self.state);
        if let Some(bytes) = state.complete_bytes() {
            return std::iter::once(0..bytes).collect();
        }
        if state.reader.is_none() || !self.plan.size().is_exact() {
            return Vec::new();
        }
        let mut ready: Vec<_> = std::iter::once(0..self.plan.info_bytes()).collect();
        for (number, segment) in (0..).zip(&state.segments) {
            let Some(bytes) = self.plan.segment_bytes(number).filter(|_| segment.ready > 0) else { continue };
            let end = bytes.start + segment.ready;
            match ready.last_mut() {
                Some(last) if last.end == bytes.start => last.end = end,
                _ => ready.push(bytes.start..end),
            }
        }
        ready
    }

    /// Wakes those who wait for a segment, or everybody; after unlocking the state, since what a waker
    /// does is its owner's affair.
    fn wake(&self, mut state: MutexGuard<State>, segment: Option<u64>) {
        let concerned = |waiting: &&mut Waiting| segment.is_none() || waiting.segment == segment;
        let woken = state.waiting.values_mut().filter(concerned);
        let woken: Vec<_> = woken.map(|waiting| waiting.waker.take()).collect();
        drop(state);
        if woken.iter().any(Option::is_none) {
            self.changed.notify_all();
        }
        woken.into_iter().flatten().for_each(Waker::wake);
    }
}

/// A number of things in memory.
fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // whatever goes wrong fails the test
mod stress;
