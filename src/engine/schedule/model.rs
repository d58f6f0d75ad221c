//! The schedule against a model of it that is too simple to be wrong.
#![allow(clippy::cast_possible_truncation, clippy::float_cmp)] // small numbers, and a sum of nothing

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const LANES: u64 = 6;

#[derive(Debug, Clone, Copy)]
enum Step {
    Add {
        lane: u64,
        segments: u64,
        random_access: bool,
        priority: Priority,
        identified: bool,
    },
    Remove(u64),
    Demand {
        lane: u64,
        reader: u64,
        demand: Option<(u64, bool)>,
    },
    Priority(u64, Priority),
    Hold(u64, bool),
    /// Only these segments are wanted from now on, as if it were just added.
    Narrow(u64, u64, u64),
    Widen(u64, u64, u64),
    /// So many tasks are taken.
    Take(u8),
    /// Of the tasks being worked on, the one with about this number is done.
    Done(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let lane = || 0..LANES;
    let priority = || prop::sample::select(PRIORITIES.to_vec());
    prop_oneof![
        2 => (lane(), 1..260_u64, any::<bool>(), priority(), any::<bool>()).prop_map(
            |(lane, segments, random_access, priority, identified)| Step::Add {
                lane, segments, random_access, priority, identified
            }
        ),
        1 => lane().prop_map(Step::Remove),
        4 => (lane(), 0..3_u64, proptest::option::of((0..270_u64, any::<bool>())))
            .prop_map(|(lane, reader, demand)| Step::Demand { lane, reader, demand }),
        1 => (lane(), priority()).prop_map(|(lane, priority)| Step::Priority(lane, priority)),
        2 => (lane(), any::<bool>()).prop_map(|(lane, held)| Step::Hold(lane, held)),
        1 => (lane(), 0..250_u64, 0..20_u64).prop_map(|(lane, start, len)| Step::Narrow(lane, start, start + len)),
        1 => (lane(), 0..250_u64, 0..20_u64).prop_map(|(lane, start, len)| Step::Widen(lane, start, start + len)),
        6 => (1..40_u8).prop_map(Step::Take),
        6 => any::<usize>().prop_map(Step::Done),
    ]
}

struct Simple {
    segments: Vec<SegmentState>,
    random_access: bool,
    priority: Priority,
    identified: bool,
    held: bool,
    wanted: Range<u64>,
    demands: BTreeMap<u64, (u64, bool)>,
    /// For how many turns it could have been given something, and was not.
    passed_over: u64,
}

impl Simple {
    fn is_todo(&self, index: u64) -> bool {
        self.segments.get(index as usize) == Some(&SegmentState::Todo)
    }

    /// The segment that a download goes on with.
    fn in_order(&self) -> Option<u64> {
        let undone = self.segments.iter().position(|segment| *segment != SegmentState::Done)?;
        let todo = self.wanted.clone().find(|&index| self.is_todo(index))?;
        let within = self.random_access || todo < undone as u64 + IN_ORDER_WINDOW;
        (!self.held && within).then_some(todo)
    }

    fn waiting(&self) -> Vec<u64> {
        let waiting = self.demands.values().filter(|(_, waiting)| *waiting);
        if self.random_access {
            waiting.map(|(segment, _)| *segment).filter(|&segment| self.is_todo(segment)).collect()
        } else {
            waiting.take(1).filter_map(|_| self.in_order()).collect()
        }
    }

    fn ahead(&self) -> Vec<u64> {
        let near = self.demands.values().flat_map(|(segment, _)| *segment..=segment + READ_AHEAD);
        near.filter(|segment| self.random_access && self.wanted.contains(segment) && self.is_todo(*segment))
            .collect()
    }

    /// Whether it is to get something though no reader wants it.
    fn has_turn(&self) -> bool {
        !self.identified || self.in_order().is_some()
    }
}

#[derive(Default)]
struct Model {
    lanes: BTreeMap<u64, Simple>,
    taken: Vec<(u64, u64)>,
    turns: u64,
}

impl Model {
    fn take(&mut self, schedule: &mut Schedule<u64>) -> bool {
        self.turns += 1;
        let next = schedule.next();
        let waiting = self.lanes.values().filter(|lane| !lane.waiting().is_empty());
        let first_waiting = waiting.map(|lane| lane.priority).min();
        let anybody_waits = first_waiting.is_some();
        for (&id, lane) in &mut self.lanes {
            let served = next.is_some_and(|(got, _)| got == id);
            lane.passed_over = if served || !lane.has_turn() { 0 } else { lane.passed_over + 1 };
            assert!(lane.passed_over <= AGEING * LANES, "{id} waits for ever");
        }
        let Some((id, task)) = next else {
            for (id, lane) in &self.lanes {
                let wants = lane.has_turn() || !lane.waiting().is_empty() || !lane.ahead().is_empty();
                assert!(!wants, "{id} was forgotten");
            }
            return false;
        };
        let lane = self.lanes.get_mut(&id).expect("a lane that is there");
        match task {
            Task::Identify => {
                assert!(!lane.identified, "{id} is identified twice");
                assert!(!anybody_waits || self.turns.is_multiple_of(AGEING), "a reader waits");
                (lane.identified, lane.held) = (true, true);
            }
            Task::Press(index) => {
                assert!(lane.is_todo(index), "{index} of {id} is taken twice, or is none");
                let waiting = lane.waiting().contains(&index);
                assert!(waiting || !anybody_waits || self.turns.is_multiple_of(AGEING), "a reader waits");
                let first = first_waiting.is_none_or(|first| lane.priority <= first);
                assert!(first || self.turns.is_multiple_of(AGEING), "somebody more important waits");
                let for_readers = waiting || lane.ahead().contains(&index);
                assert!(for_readers || lane.in_order() == Some(index), "{index} of {id} was not its turn");
                assert!(for_readers || lane.identified && !lane.held);
                lane.segments[index as usize] = SegmentState::Taken;
                self.taken.push((id, index));
            }
        }
        true
    }

    fn done(&mut self, schedule: &mut Schedule<u64>, number: usize) {
        if !self.taken.is_empty() {
            let (id, index) = self.taken.swap_remove(number % self.taken.len());
            schedule.done(id, index);
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.segments[index as usize] = SegmentState::Done;
            }
        }
    }

    fn apply(&mut self, schedule: &mut Schedule<u64>, step: Step) {
        match step {
            Step::Add { lane, segments, random_access, priority, identified } => {
                if self.lanes.contains_key(&lane) {
                    return;
                }
                let info = LaneInfo { segments, random_access, cost: 23.0, priority, identified };
                schedule.add(lane, lane, info);
                let segments = vec![SegmentState::Todo; segments as usize];
                let (held, demands, passed_over) = Default::default();
                let simple = Simple {
                    wanted: 0..segments.len() as u64,
                    segments,
                    random_access,
                    priority,
                    identified,
                    held,
                    demands,
                    passed_over,
                };
                self.lanes.insert(lane, simple);
            }
            Step::Remove(lane) => {
                schedule.remove(lane);
                self.lanes.remove(&lane);
                self.taken.retain(|(id, _)| *id != lane);
            }
            Step::Demand { lane, reader, demand } => {
                let told = demand.map(|(segment, waiting)| Demand { segment, waiting });
                schedule.demand(lane, reader, told);
                if let Some(lane) = self.lanes.get_mut(&lane) {
                    lane.demands.remove(&reader);
                    lane.demands.extend(demand.map(|demand| (reader, demand)));
                }
            }
            Step::Priority(lane, priority) => {
                schedule.set_priority(lane, priority);
                if let Some(lane) = self.lanes.get_mut(&lane) {
                    lane.priority = priority;
                }
            }
            Step::Hold(lane, held) => {
                schedule.hold(lane, held);
                if let Some(lane) = self.lanes.get_mut(&lane) {
                    lane.held = held;
                }
            }
            Step::Narrow(lane, start, end) => {
                schedule.narrow(lane, start..end);
                if let Some(lane) = self.lanes.get_mut(&lane).filter(|lane| lane.random_access) {
                    lane.wanted = start..end;
                }
            }
            Step::Widen(lane, start, end) => {
                schedule.widen(lane, &(start..end));
                if let Some(lane) = self.lanes.get_mut(&lane) {
                    let end = lane.wanted.end.max(end).min(lane.segments.len() as u64);
                    lane.wanted = lane.wanted.start.min(start)..end;
                }
            }
            Step::Take(count) => {
                for _ in 0..count {
                    self.take(schedule);
                }
            }
            Step::Done(number) => self.done(schedule, number),
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_taken_twice_or_lost_and_nobody_waits_for_ever(
        steps in proptest::collection::vec(step(), 1..200)
    ) {
        let (mut schedule, mut model) = (Schedule::default(), Model::default());
        for step in steps {
            model.apply(&mut schedule, step);
        }
        // Let go of all, it all gets done.
        loop {
            for lane in 0..LANES {
                model.apply(&mut schedule, Step::Hold(lane, false));
                model.apply(&mut schedule, Step::Widen(lane, 0, u64::MAX));
            }
            if !model.take(&mut schedule) && model.taken.is_empty() {
                break;
            }
            model.done(&mut schedule, 0);
        }
        for lane in model.lanes.values() {
            prop_assert!(lane.identified && lane.segments.iter().all(|segment| *segment == SegmentState::Done));
        }
        prop_assert_eq!(schedule.backlog(), 0.0);
    }
}
