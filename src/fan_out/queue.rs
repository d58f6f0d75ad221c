//! What is to be pressed next.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Job, Output};
use crate::encoder::Resolved;
use crate::master::Master;
use crate::rendition::plan::Plan;
use crate::units::SampleRate;

/// How far ahead of the slowest unit of their master workers may run, in units a worker: what is
/// ahead waits in memory where renditions are written in order.
const AHEAD: u64 = 4;
/// And in all: what stores, which bound what they hold back, take in any case.
const MAX_AHEAD: u64 = 200;

/// What a worker takes at a time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    /// A rendition that is one segment.
    Whole { output: usize },
    /// One segment of all renditions of a group.
    Segment { group: usize, index: u64 },
}

impl Unit {
    /// The number of the segment.
    pub(super) const fn index(self) -> u64 {
        match self {
            Self::Whole { .. } => 0,
            Self::Segment { index, .. } => index,
        }
    }
}

/// Renditions at one rate, all or none of them salvaged: their segments want the same PCM.
struct Group {
    rate: SampleRate,
    salvage: bool,
    outputs: Vec<usize>,
    segments: u64,
}

/// A job that is being worked on.
pub(super) struct Active {
    pub(super) id: usize,
    pub(super) master: Master,
    /// What the caller calls the outputs.
    pub(super) ids: Vec<usize>,
    pub(super) plans: Vec<Plan>,
    groups: Vec<Group>,
    given_up: Vec<AtomicBool>,
    ahead: u64,
    /// The segments being pressed now.
    pressing: Mutex<Vec<u64>>,
    one_less: Condvar,
}

impl Active {
    fn new(id: usize, master: Master, ids: Vec<usize>, plans: Vec<Plan>, threads: usize) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (output, plan) in plans.iter().enumerate().filter(|(_, plan)| !plan.resolved().whole) {
            let Resolved { rate, salvage, .. } = *plan.resolved();
            if let Some(group) =
                groups.iter_mut().find(|group| (group.rate, group.salvage) == (rate, salvage))
            {
                group.outputs.push(output);
                continue;
            }
            groups.push(Group { rate, salvage, outputs: vec![output], segments: plan.segments() });
        }
        Self {
            id,
            master,
            ids,
            given_up: plans.iter().map(|_| AtomicBool::new(false)).collect(),
            plans,
            groups,
            ahead: (AHEAD * threads as u64).min(MAX_AHEAD),
            pressing: Mutex::default(),
            one_less: Condvar::new(),
        }
    }

    /// The outputs of `unit` that have not failed.
    pub(super) fn wanted(&self, unit: &Unit) -> Vec<usize> {
        let outputs = match unit {
            Unit::Whole { output } => std::slice::from_ref(output),
            Unit::Segment { group, .. } => &self.groups[*group].outputs,
        };
        outputs.iter().copied().filter(|&output| !self.is_given_up(output)).collect()
    }

    pub(super) fn is_given_up(&self, output: usize) -> bool {
        self.given_up[output].load(Ordering::Relaxed)
    }

    /// Nothing more will be pressed of `output`; false if that was known.
    pub(super) fn give_up(&self, output: usize) -> bool {
        !self.given_up[output].swap(true, Ordering::Relaxed)
    }

    /// Waits until the slowest of the other workers is not too far behind. The turn ends with its guard.
    pub(super) fn await_turn(&self, unit: &Unit) -> Option<Turn<'_>> {
        let &Unit::Segment { index, .. } = unit else { return None };
        let mut pressing = lock(&self.pressing);
        while pressing.iter().any(|slowest| slowest + self.ahead < index) {
            pressing = self.one_less.wait(pressing).unwrap_or_else(PoisonError::into_inner);
        }
        Some(Turn { active: self, index })
    }
}

/// A segment is being pressed.
pub(super) struct Turn<'a> {
    active: &'a Active,
    index: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut pressing = lock(&self.active.pressing);
        if let Some(at) = pressing.iter().position(|&index| index == self.index) {
            pressing.swap_remove(at);
        }
        self.active.one_less.notify_all();
    }
}

/// The units of all jobs, in their order and that of time.
pub(super) struct Queue<I> {
    threads: usize,
    state: Mutex<State<I>>,
}

struct State<I> {
    jobs: I,
    current: Option<(Arc<Active>, Cursor)>,
}

/// How much of a job has been given out.
#[derive(Default)]
struct Cursor {
    output: usize,
    index: u64,
    group: usize,
}

impl Cursor {
    fn next(&mut self, active: &Active) -> Option<Unit> {
        // The longest units first.
        while let Some(plan) = active.plans.get(self.output) {
            self.output += 1;
            if plan.resolved().whole {
                return Some(Unit::Whole { output: self.output - 1 });
            }
        }
        let longest = active.groups.iter().map(|group| group.segments).max()?;
        while self.index < longest {
            let (group, index) = (self.group, self.index);
            self.group += 1;
            if self.group == active.groups.len() {
                self.group = 0;
                self.index += 1;
            }
            if index < active.groups[group].segments {
                return Some(Unit::Segment { group, index });
            }
        }
        None
    }
}

impl<S, I: Iterator<Item = Job<S>>> Queue<I> {
    pub(super) fn new(jobs: I, threads: usize) -> Self {
        Self { threads, state: Mutex::new(State { jobs, current: None }) }
    }

    /// The next unit. `start` is told of each job before any of its units is given out.
    pub(super) fn next(&self, start: impl Fn(&Arc<Active>, Vec<S>)) -> Option<(Arc<Active>, Unit)> {
        let mut state = lock(&self.state);
        loop {
            if let Some((active, cursor)) = &mut state.current
                && let Some(unit) = cursor.next(active)
            {
                if let Unit::Segment { index, .. } = unit {
                    lock(&active.pressing).push(index);
                }
                return Some((active.clone(), unit));
            }
            let Job { id, master, outputs } = state.jobs.next()?;
            let (mut ids, mut plans, mut sinks) = (Vec::new(), Vec::new(), Vec::new());
            for Output { id, plan, sink } in outputs {
                ids.push(id);
                plans.push(plan);
                sinks.push(sink);
            }
            let active = Arc::new(Active::new(id, master, ids, plans, self.threads));
            start(&active, sinks);
            state.current = Some((active, Cursor::default()));
        }
    }
}

/// What these locks guard is consistent whenever they are released, even by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
