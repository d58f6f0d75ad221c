//! The schedule, lane by lane.

use super::*;

fn lane(segments: u64, priority: Priority) -> LaneInfo {
    LaneInfo { segments, random_access: true, cost: 23.0, priority, identified: true }
}

fn demand(segment: u64, waiting: bool) -> Demand {
    Demand { segment, waiting }
}

/// A schedule of renditions named "a", "b"…
fn schedule(lanes: impl IntoIterator<Item = LaneInfo>) -> Schedule<char> {
    let mut schedule = Schedule::default();
    for ((id, name), info) in (0..).zip('a'..).zip(lanes) {
        schedule.add(id, name, info);
    }
    schedule
}

/// The next tasks, such as "a0 b0": which rendition, and which segment.
fn take(schedule: &mut Schedule<char>, count: usize) -> String {
    let tasks = std::iter::from_fn(|| schedule.next()).take(count).map(|(job, task)| match task {
        Task::Identify => format!("{job}?"),
        Task::Press(index) => format!("{job}{index}"),
    });
    tasks.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_outside_the_wanted_range_is_pressed_only_for_readers_that_wait() {
    let mut schedule = schedule([lane(9, Priority::Customer)]);
    schedule.narrow(0, 3..5);
    schedule.demand(0, 1, Some(demand(4, true)));
    assert_eq!(take(&mut schedule, 9), "a4 a3");
    schedule.demand(0, 1, Some(demand(7, true)));
    assert_eq!(take(&mut schedule, 9), "a7");
    schedule.widen(0, &(1..2));
    assert_eq!(take(&mut schedule, 9), "a1 a2");
    schedule.widen(0, &(0..u64::MAX));
    schedule.demand(0, 1, None);
    assert_eq!(take(&mut schedule, 9), "a0 a5 a6 a8");
}

#[test]
fn members_come_before_customers_and_they_before_guests_whether_they_wait_or_not() {
    let mut schedule = schedule([
        lane(9, Priority::Guest),
        lane(9, Priority::Customer),
        lane(9, Priority::Member),
        lane(9, Priority::Prewarm),
    ]);
    assert_eq!(take(&mut schedule, 2), "c0 c1");
    // Who waits comes first all the same, and of those who wait the member.
    schedule.demand(0, 1, Some(demand(5, true)));
    schedule.demand(3, 2, Some(demand(8, true)));
    schedule.demand(1, 3, Some(demand(7, true)));
    assert_eq!(take(&mut schedule, 3), "b7 a5 d8");
    assert_eq!(take(&mut schedule, 4), "b8 a6 a7 c2", "what they will want soon, then the rest");
    // Somebody more important joins.
    schedule.remove(2);
    schedule.hasten(0, Priority::Member);
    assert_eq!(take(&mut schedule, 2), "a0 a1");
    schedule.hasten(0, Priority::Prewarm);
    assert_eq!(take(&mut schedule, 1), "a2", "and nobody makes it less urgent");
}

#[test]
fn readers_come_first_then_what_they_will_want_then_downloads_then_prewarming() {
    let mut schedule =
        schedule([lane(9, Priority::Prewarm), lane(9, Priority::Customer), lane(9, Priority::Prewarm)]);
    schedule.demand(2, 7, Some(demand(4, true)));
    assert_eq!(take(&mut schedule, 5), "c4 c5 c6 b0 b1");
    schedule.demand(2, 7, Some(demand(5, false)));
    assert_eq!(take(&mut schedule, 2), "c7 b2");
    schedule.demand(2, 7, None);
    schedule.remove(1);
    assert_eq!(take(&mut schedule, 4), "a0 c0 a1 c1");
}

#[test]
fn renditions_take_turns_by_the_audio_they_get() {
    let mut schedule = schedule([lane(1_000, Priority::Customer), lane(2, Priority::Customer)]);
    assert_eq!(take(&mut schedule, 5), "a0 b0 a1 b1 a2");
    // Who comes later does not catch up on what others had before.
    schedule.add(9, 'z', LaneInfo { cost: 11.5, ..lane(9, Priority::Customer) });
    assert_eq!(take(&mut schedule, 6), "z0 z1 a3 z2 z3 a4");
}

#[test]
fn a_master_is_identified_before_anything_is_pressed_that_nobody_waits_for() {
    let unknown = || LaneInfo { identified: false, ..lane(9, Priority::Customer) };
    let mut schedule = schedule([unknown(), unknown()]);
    schedule.demand(0, 1, Some(demand(3, true)));
    assert_eq!(take(&mut schedule, 4), "a3 a? a4 a5");
    assert_eq!(take(&mut schedule, 2), "b?", "until then it is held");
    schedule.hold(0, false);
    assert_eq!(take(&mut schedule, 2), "a0 a1");
    // Another process presses it.
    schedule.demand(1, 2, Some(demand(8, true)));
    schedule.hold(0, true);
    assert_eq!(take(&mut schedule, 2), "b8");
}

#[test]
fn what_is_read_as_a_whole_is_pressed_in_order_within_a_window() {
    let vbr = LaneInfo { random_access: false, ..lane(1_000, Priority::Prewarm) };
    let mut schedule = schedule([vbr, lane(1_000, Priority::Customer)]);
    schedule.demand(0, 1, Some(demand(0, true)));
    assert_eq!(take(&mut schedule, 3), "a0 a1 a2");
    for _ in 3..IN_ORDER_WINDOW {
        schedule.next();
    }
    schedule.remove(1);
    while schedule.next().is_some() {}
    schedule.done(0, 1);
    assert_eq!(take(&mut schedule, 1), "", "the first one is still to come");
    schedule.done(0, 0);
    assert_eq!(take(&mut schedule, 3), "a200 a201");
}

#[test]
fn nothing_waits_for_ever() {
    let mut schedule = schedule([lane(10_000, Priority::Customer), lane(10, Priority::Prewarm)]);
    let tasks = take(&mut schedule, 161);
    assert_eq!(tasks.matches('b').count(), 10, "{tasks}");
    assert_eq!(tasks.matches('a').count(), 151);
}

#[test]
fn every_segment_is_taken_once() {
    let mut schedule = schedule([lane(50, Priority::Customer), lane(70, Priority::Prewarm)]);
    let mut taken = Vec::new();
    let mut turn = 0;
    while let Some(task) = schedule.next() {
        assert!(!taken.contains(&task), "{task:?} twice");
        taken.push(task);
        turn += 1;
        schedule.demand(turn % 2, turn % 5, Some(demand(turn * 7 % 60, turn % 3 != 0)));
    }
    assert_eq!(taken.len(), 120);
}
