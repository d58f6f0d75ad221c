//! What is to be pressed next.
//!
//! Each rendition being pressed is a lane of segments. A worker that is free asks for the most urgent
//! thing to do at that moment, in this order:
//!
//! 1. the segment that a reader waits for;
//! 2. what readers will want soon: the segments behind the place where they read;
//! 3. the rest, in the order of segments.
//!
//! Within each of these the [`Priority`] of renditions decides: members, customers, guests, pre-warming. Within each
//! of the classes that this makes lanes take turns by start-time fair queueing (Goyal, Vin and Cheng, 1996),
//! charged in seconds of audio: a mix of ten hours gets as much as a track of three minutes, and
//! renditions of one master that were asked for together stay together, so that they share decoded
//! segments. And one turn in [`AGEING`] goes to whoever has waited longest, whatever its class: nothing
//! waits for ever.
//!
//! Nothing here knows of threads, files or audio.

use std::collections::BTreeMap;
use std::ops::Range;

/// How many segments behind the one they read are pressed for readers before anything else is.
const READ_AHEAD: u64 = 2;
/// One turn in so many goes to whoever has waited longest.
const AGEING: u64 = 16;
/// How far ahead of the first unfinished segment those of an ABR or VBR rendition are pressed: they wait
/// in memory for being written in order. Fewer than a partial takes.
const IN_ORDER_WINDOW: u64 = 200;

/// Who asks for a rendition: whose requests are served first, other things being equal.
///
/// What somebody waits for comes before what nobody waits for, whoever it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Priority {
    /// A member of the store.
    Member,
    /// A customer.
    #[default]
    Customer,
    /// Somebody who pays nothing, such as the listener of a preview.
    Guest,
    /// Nobody yet: somebody may ask for it some day.
    Prewarm,
}

const PRIORITIES: [Priority; 4] = [Priority::Member, Priority::Customer, Priority::Guest, Priority::Prewarm];

/// Why a segment is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// A reader waits for it.
    Waiting,
    /// A reader will want it soon.
    Ahead,
    /// It is a part of the rendition.
    Rest,
}

const REASONS: [Reason; 3] = [Reason::Waiting, Reason::Ahead, Reason::Rest];
const CLASSES: usize = REASONS.len() * PRIORITIES.len();

/// A class of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Class {
    reason: Reason,
    priority: Priority,
}

impl Class {
    /// All classes, the most urgent first.
    fn all() -> impl Iterator<Item = Self> {
        REASONS
            .into_iter()
            .flat_map(|reason| PRIORITIES.into_iter().map(move |priority| Self { reason, priority }))
    }

    const fn index(self) -> usize {
        self.reason as usize * PRIORITIES.len() + self.priority as usize
    }
}

/// What a worker is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Find out which master it is.
    Identify,
    /// Press this segment.
    Press(u64),
}

/// Who reads, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Demand {
    /// The segment that the next byte is in.
    pub(super) segment: u64,
    /// Whether the reader waits for it now.
    pub(super) waiting: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SegmentState {
    Todo,
    Taken,
    Done,
}

/// What the schedule has to know of a rendition.
pub(super) struct LaneInfo {
    pub(super) segments: u64,
    /// Whether segments are of use to readers one by one (CBR), or all together.
    pub(super) random_access: bool,
    /// What pressing a segment is charged: the seconds that it plays.
    pub(super) cost: f64,
    pub(super) priority: Priority,
    pub(super) identified: bool,
}

struct Lane<J> {
    job: J,
    info: LaneInfo,
    segments: Vec<SegmentState>,
    /// All before this one were taken at least.
    untaken: u64,
    /// All before this one are done.
    undone: u64,
    /// Whether it may be pressed already, or by somebody else: then only what readers wait for is.
    held: bool,
    /// The segments that are to be pressed though no reader waits for them.
    wanted: Range<u64>,
    demands: BTreeMap<u64, (Demand, u64)>,
    /// When its last turn in each class ends, in that class's virtual time.
    finish: [f64; CLASSES],
    /// The number of its last turn.
    served: u64,
}

/// All lanes, by the number of their job.
pub(super) struct Schedule<J> {
    lanes: BTreeMap<u64, Lane<J>>,
    /// The virtual time of each class.
    time: [f64; CLASSES],
    turns: u64,
    /// Counts demands, so that the older comes first.
    demanded: u64,
}

impl<J> Default for Schedule<J> {
    fn default() -> Self {
        Self { lanes: BTreeMap::new(), time: [0.0; CLASSES], turns: 0, demanded: 0 }
    }
}

impl<J: Clone> Schedule<J> {
    pub(super) fn add(&mut self, id: u64, job: J, info: LaneInfo) {
        let segments = vec![SegmentState::Todo; usize::try_from(info.segments).unwrap_or(usize::MAX)];
        let lane = Lane {
            job,
            wanted: 0..info.segments,
            info,
            segments,
            untaken: 0,
            undone: 0,
            held: false,
            demands: BTreeMap::new(),
            finish: [0.0; CLASSES],
            served: self.turns,
        };
        self.lanes.insert(id, lane);
    }

    /// Nothing more is to be done for `id`.
    pub(super) fn remove(&mut self, id: u64) {
        self.lanes.remove(&id);
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = &J> {
        self.lanes.values().map(|lane| &lane.job)
    }

    /// How many lanes have yet to finish segment `index`, of those whose job is `alike`.
    pub(super) fn wanting(&self, index: u64, alike: impl Fn(&J) -> bool) -> usize {
        let wanted = |lane: &&Lane<J>| lane.get(index).is_some_and(|segment| segment != SegmentState::Done);
        self.lanes.values().filter(wanted).filter(|lane| alike(&lane.job)).count()
    }

    /// A rendition of which nobody wants what is left, nor waits for any of it.
    pub(super) fn unwanted(&self) -> Option<J> {
        let mut lanes = self.lanes.values();
        let lane = lanes.find(|lane| {
            let waits = lane.demands.values().any(|(demand, _)| demand.waiting);
            lane.left() == 0 && !waits && lane.todo(0..lane.info.segments).is_some()
        });
        lane.map(|lane| lane.job.clone())
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.len()
    }

    /// The seconds of audio that are wanted and that nobody has begun to press.
    pub(super) fn backlog(&self) -> f64 {
        self.lanes.values().fold(0.0, |sum, lane| sum + lane.left() as f64 * lane.info.cost)
    }

    pub(super) fn set_priority(&mut self, id: u64, priority: Priority) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.info.priority = priority;
        }
    }

    /// As [`set_priority`](Self::set_priority), but never makes it less urgent.
    pub(super) fn hasten(&mut self, id: u64, priority: Priority) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.info.priority = lane.info.priority.min(priority);
        }
    }

    pub(super) fn hold(&mut self, id: u64, held: bool) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.held = held;
        }
    }

    /// Only these segments are wanted, if they are of use to readers one by one. For a lane that was just added.
    pub(super) fn narrow(&mut self, id: u64, wanted: Range<u64>) {
        if let Some(lane) = self.lanes.get_mut(&id).filter(|lane| lane.info.random_access) {
            lane.wanted = wanted.start..wanted.end.min(lane.info.segments);
        }
    }

    /// These segments are wanted too, and what lies between.
    pub(super) fn widen(&mut self, id: u64, wanted: &Range<u64>) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            let (start, end) = (lane.wanted.start.min(wanted.start), lane.wanted.end.max(wanted.end));
            lane.wanted = start..end.min(lane.info.segments);
        }
    }

    /// Says where `reader` reads; `None`: nowhere any more.
    pub(super) fn demand(&mut self, id: u64, reader: u64, demand: Option<Demand>) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        match demand {
            Some(demand) => {
                self.demanded += 1;
                lane.demands.insert(reader, (demand, self.demanded));
            }
            None => drop(lane.demands.remove(&reader)),
        }
    }

    /// The segments that are wanted, and the one that somebody waits for, the latest to say so, or will want next; `None` if
    /// nobody reads.
    #[cfg(feature = "tier")]
    pub(super) fn wants(&self, id: u64) -> Option<(Range<u64>, Option<u64>)> {
        let lane = self.lanes.get(&id)?;
        let latest = lane.demands.values().max_by_key(|(demand, since)| (demand.waiting, *since));
        Some((lane.wanted.clone(), latest.map(|(demand, _)| demand.segment)))
    }

    /// Segment `index` is pressed.
    pub(super) fn done(&mut self, id: u64, index: u64) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.set(index, SegmentState::Done);
            while lane.get(lane.undone) == Some(SegmentState::Done) {
                lane.undone += 1;
            }
        }
    }

    /// The most urgent task, which is thereby taken.
    pub(super) fn next(&mut self) -> Option<(J, Task)> {
        self.turns += 1;
        let aged = if self.turns.is_multiple_of(AGEING) { self.oldest() } else { None };
        let (id, class, task) = aged.or_else(|| Class::all().find_map(|class| self.first(class)))?;
        let lane = self.lanes.get_mut(&id)?;
        let at = class.index();
        let start = lane.finish[at].max(self.time[at]);
        self.time[at] = start;
        lane.served = self.turns;
        match task {
            // Until it is known whether there is anything to press, only what readers wait for is.
            Task::Identify => (lane.info.identified, lane.held) = (true, true),
            Task::Press(index) => {
                lane.finish[at] = start + lane.info.cost;
                lane.set(index, SegmentState::Taken);
                while lane.get(lane.untaken).is_some_and(|segment| segment != SegmentState::Todo) {
                    lane.untaken += 1;
                }
            }
        }
        Some((lane.job.clone(), task))
    }

    /// Whose turn it is within a class.
    fn first(&self, class: Class) -> Option<(u64, Class, Task)> {
        let now = self.time[class.index()];
        let mut best: Option<((f64, u64), u64, Task)> = None;
        for (&id, lane) in &self.lanes {
            let Some((task, since)) = lane.wants(class) else { continue };
            let turn = (lane.finish[class.index()].max(now), since);
            if best.as_ref().is_none_or(|(first, ..)| turn < *first) {
                best = Some((turn, id, task));
            }
        }
        best.map(|(_, id, task)| (id, class, task))
    }

    fn oldest(&self) -> Option<(u64, Class, Task)> {
        let waiting = self.lanes.iter().filter_map(|(&id, lane)| {
            let class = Class { reason: Reason::Rest, priority: lane.info.priority };
            lane.wants(class).map(|(task, _)| (lane.served, id, class, task))
        });
        waiting.min_by_key(|(served, id, ..)| (*served, *id)).map(|(_, id, class, task)| (id, class, task))
    }
}

impl<J> Lane<J> {
    fn get(&self, index: u64) -> Option<SegmentState> {
        self.segments.get(usize::try_from(index).ok()?).copied()
    }

    fn set(&mut self, index: u64, to: SegmentState) {
        if let Some(segment) = usize::try_from(index).ok().and_then(|index| self.segments.get_mut(index)) {
            *segment = to;
        }
    }

    fn left(&self) -> usize {
        self.wanted.clone().filter(|&index| self.get(index) == Some(SegmentState::Todo)).count()
    }

    /// The first segment of `range` that nobody has taken.
    fn todo(&self, range: Range<u64>) -> Option<u64> {
        range.into_iter().find(|&index| self.get(index) == Some(SegmentState::Todo))
    }

    /// The next segment in the order of a download.
    fn in_order(&self) -> Option<u64> {
        if self.held {
            return None;
        }
        let end = if self.info.random_access { u64::MAX } else { self.undone + IN_ORDER_WINDOW };
        self.todo(self.untaken.max(self.wanted.start)..self.wanted.end.min(end))
    }

    /// What it wants done in `class`, and what settles who comes first among equals.
    fn wants(&self, class: Class) -> Option<(Task, u64)> {
        if class.priority != self.info.priority {
            return None;
        }
        match class.reason {
            Reason::Waiting if !self.info.random_access => {
                // Nobody gets a byte before all segments are there.
                let since =
                    self.demands.values().filter(|(demand, _)| demand.waiting).map(|(_, since)| *since);
                Some((Task::Press(self.in_order()?), since.min()?))
            }
            Reason::Waiting => {
                let waiting = self.demands.values().filter(|(demand, _)| demand.waiting);
                let wanted =
                    waiting.filter(|(demand, _)| self.get(demand.segment) == Some(SegmentState::Todo));
                let (demand, since) = wanted.min_by_key(|(_, since)| *since)?;
                Some((Task::Press(demand.segment), *since))
            }
            Reason::Ahead if !self.info.identified && !self.demands.is_empty() => Some((Task::Identify, 0)),
            Reason::Ahead if !self.info.random_access => None,
            Reason::Ahead => {
                let ahead = |demand: &Demand| {
                    let end = (demand.segment + 1 + READ_AHEAD).min(self.wanted.end);
                    self.todo(demand.segment.max(self.wanted.start)..end)
                };
                let mut wanted =
                    self.demands.values().filter_map(|(demand, since)| Some((ahead(demand)?, *since)));
                let first = wanted.next()?;
                let (index, since) = wanted.fold(first, |a, b| if b.1 < a.1 { b } else { a });
                Some((Task::Press(index), since))
            }
            Reason::Rest if !self.info.identified => Some((Task::Identify, 0)),
            Reason::Rest => Some((Task::Press(self.in_order()?), 0)),
        }
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests;
