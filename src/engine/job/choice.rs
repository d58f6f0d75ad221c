//! Which rendition a job becomes: the one that it presses, or that of an older build which a store or its tier has.
//!
//! It is chosen before anybody has seen a key, a length or a byte of it, and never changed afterwards: nobody gets a mixture.

use std::sync::PoisonError;
use std::task::{Context, Poll};
use std::time::Instant;

use super::reading::Answer;
use super::{Finished, Job, Origin, PATIENCE, Phase, State, Waiting};
use crate::engine::lock::lock;
use crate::error::Result;
use crate::store::Object;

/// Which rendition it becomes.
#[derive(Default)]
pub(super) enum Choice {
    /// Nobody has seen any of it: one of an older build may take its place.
    #[default]
    Open,
    /// As `Open`, and the tier is being asked for one of an older build.
    #[cfg(feature = "tier")]
    Asked,
    /// The one that is pressed.
    Own,
    /// That of an older build, which is complete, and where it is from.
    Older(Object, Origin),
}

impl State {
    /// The rendition of an older build that it became, if it did.
    pub(super) const fn older(&self) -> Option<&Object> {
        match &self.choice {
            Choice::Older(object, _) => Some(object),
            _ => None,
        }
    }

    /// The same as what the job ends with.
    pub(super) fn finished_older(&self) -> Option<Finished> {
        match &self.choice {
            Choice::Older(object, origin) => Some(Finished::Object(object.clone(), *origin)),
            _ => None,
        }
    }

    /// Somebody sees some of it: it stays what it is. Whoever waits for the choice is to be woken if that
    /// [was open](Self::is_chosen).
    pub(super) fn see(&mut self) {
        if self.older().is_none() {
            self.choice = Choice::Own;
        }
    }

    /// Whether nobody need wait for the choice.
    pub(super) const fn is_chosen(&self) -> bool {
        #[cfg(feature = "tier")]
        let asked = matches!(self.choice, Choice::Asked);
        #[cfg(not(feature = "tier"))]
        let asked = false;
        !asked || !matches!(self.phase, Phase::Pressing)
    }

    /// Whether one of an older build may still take its place.
    const fn may_be_older(&self) -> bool {
        #[cfg(feature = "tier")]
        let open = matches!(self.choice, Choice::Open | Choice::Asked);
        #[cfg(not(feature = "tier"))]
        let open = matches!(self.choice, Choice::Open);
        open && matches!(self.phase, Phase::Pressing)
    }
}

impl Job {
    /// Sees to it that it is the rendition that is pressed; false if it is one of an older build already. Wakes nobody, so that
    /// other locks may be held; [`wake_all`](Self::wake_all) is to follow.
    pub(in crate::engine) fn see_own(&self) -> bool {
        let mut state = lock(&self.state);
        state.see();
        state.older().is_none()
    }

    /// Wakes everybody who waits, to look again.
    pub(in crate::engine) fn wake_all(&self) {
        self.wake(lock(&self.state), None);
    }

    /// It is the rendition that is pressed, unless it is one of an older build already. Not to be called with a lock held.
    pub(in crate::engine) fn choose_own(&self) {
        let mut state = lock(&self.state);
        let was_chosen = state.is_chosen();
        state.see();
        if !was_chosen {
            self.wake(state, None);
        }
    }

    /// Waits until it is chosen, but not longer than [`PATIENCE`]; then nobody need wait any longer.
    pub(in crate::engine) fn wait_chosen(&self, reader: u64) {
        let until = Instant::now() + PATIENCE;
        let mut state = lock(&self.state);
        while !state.is_chosen() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.waiting.remove(&reader);
                state.choice = Choice::Open;
                return self.wake(state, None);
            }
            state.waiting.insert(reader, Waiting { segment: None, waker: None });
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting.remove(&reader);
    }

    /// As [`wait_chosen`](Self::wait_chosen), without blocking; the time is taken by whoever asks the tier.
    pub(in crate::engine) fn poll_chosen(&self, reader: u64, context: &Context) -> Poll<()> {
        self.poll_for(reader, context, chosen, |_| ()).map(drop)
    }

    /// Whether one of an older build may still take its place.
    pub(in crate::engine) fn may_be_older(&self) -> bool {
        lock(&self.state).may_be_older()
    }

    /// Becomes the rendition `object` of an older build, unless somebody has seen something of the other, or it is over.
    pub(in crate::engine) fn become_older(&self, object: &Object, origin: Origin) -> bool {
        let mut state = lock(&self.state);
        if !state.may_be_older() {
            return false;
        }
        state.choice = Choice::Older(object.clone(), origin);
        // Nobody completes the other any more.
        state.phase = Phase::Publishing;
        self.wake(state, None);
        true
    }
}

#[cfg(feature = "tier")]
impl Job {
    /// The tier is asked for one of an older build; false if nobody would take it.
    pub(in crate::engine) fn ask_for_older(&self) -> bool {
        let mut state = lock(&self.state);
        let open = matches!(state.choice, Choice::Open) && matches!(state.phase, Phase::Pressing);
        if open {
            state.choice = Choice::Asked;
        }
        open
    }

    /// Nobody need wait for one of an older build any longer; it is taken all the same if it comes before anybody has
    /// seen the other.
    pub(in crate::engine) fn wait_no_longer(&self) {
        let mut state = lock(&self.state);
        if !state.is_chosen() {
            state.choice = Choice::Open;
            self.wake(state, None);
        }
    }
}

#[allow(clippy::unnecessary_wraps)] // `poll_for` takes questions that may fail
fn chosen(state: &mut State) -> Result<Answer<()>> {
    Ok(if state.is_chosen() { Answer::Now(()) } else { Answer::Wait(None) })
}

#[cfg(all(test, feature = "tier"))]
#[allow(clippy::unwrap_used)] // whatever goes wrong fails the test
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;
    use crate::engine::job::{index, stress};

    /// Counts how often a task is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A job whose first segment is there, while the tier is asked for one of an older build.
    fn asked() -> Arc<Job> {
        let job = stress::job();
        job.open(None).unwrap();
        let first = job.plan.segment_bytes(0).unwrap();
        job.hand_over(0, 1, &vec![0; index(first.end - first.start)], true).unwrap();
        assert!(job.ask_for_older());
        job
    }

    #[test]
    fn who_waits_for_the_choice_is_woken_by_who_makes_it() {
        type Makes = fn(&Job);
        let makers: [Makes; 5] = [
            |job| assert_eq!(job.read(1, &mut [0; 16], 0, |_| ()).unwrap(), 16),
            |job| {
                let context = Context::from_waker(Waker::noop());
                assert!(job.poll_read(1, &context, &mut [0; 16], 0, |_| ()).is_ready());
            },
            // The end tells how long it is.
            |job| assert_eq!(job.read(1, &mut [0; 16], job.plan.size().likely(), |_| ()).unwrap(), 0),
            Job::choose_own,
            |job| {
                assert!(job.see_own());
                job.wake_all();
            },
        ];
        for make in makers {
            let job = asked();
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(Arc::clone(&woken));
            assert!(job.poll_chosen(0, &Context::from_waker(&waker)).is_pending());
            make(&job);
            assert_eq!(woken.0.load(Ordering::Relaxed), 1);
            assert!(job.poll_chosen(0, &Context::from_waker(&waker)).is_ready());
            assert!(!job.may_be_older());
        }
    }

    #[test]
    fn reading_nothing_chooses_nothing() {
        let job = asked();
        assert_eq!(job.read(1, &mut [], 0, |_| ()).unwrap(), 0);
        assert!(job.may_be_older());
    }

    #[test]
    fn waiting_ends_though_nobody_chooses() {
        // Nothing takes the time here but the one who waits.
        let job = asked();
        job.wait_chosen(0);
        let state = lock(&job.state);
        assert!(state.is_chosen() && state.may_be_older() && state.waiting.is_empty());
        drop(state);
    }
}
