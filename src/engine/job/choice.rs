//! Which rendition a job becomes: the one that it presses, or that of an older build which the tier has.
//!
//! It is chosen before anybody has seen a key, a length or a byte of it, and never changed afterwards: nobody gets a mixture.

use std::task::{Context, Poll};

use super::reading::Answer;
use super::{Job, Phase, State};
use crate::engine::lock::lock;
use crate::store::Object;

/// Which rendition it becomes.
#[derive(Default)]
pub(super) enum Choice {
    /// Nobody has seen any of it: one of an older build may take its place.
    #[default]
    Open,
    /// As before, and the tier is being asked for one.
    #[cfg(feature = "tier")]
    Asked,
    /// The one that is pressed.
    Own,
    /// That of an older build, which is complete.
    #[cfg(feature = "tier")]
    Older(Object),
}

impl State {
    /// The rendition of an older build that it became, if it did.
    pub(super) fn older(&self) -> Option<&Object> {
        match &self.choice {
            #[cfg(feature = "tier")]
            Choice::Older(object) => Some(object),
            _ => None,
        }
    }

    /// Somebody sees some of it: it stays what it is. True if somebody may wait for that.
    pub(super) fn see(&mut self) -> bool {
        match self.choice {
            Choice::Open => self.choice = Choice::Own,
            #[cfg(feature = "tier")]
            Choice::Asked => {
                self.choice = Choice::Own;
                return true;
            }
            _ => {}
        }
        false
    }

    fn is_chosen(&self) -> bool {
        #[cfg(feature = "tier")]
        let asked = matches!(self.choice, Choice::Asked);
        #[cfg(not(feature = "tier"))]
        let asked = false;
        !asked || !matches!(self.phase, Phase::Pressing)
    }
}

impl Job {
    /// Sees to it that it is the rendition that is pressed; false if it is one of an older build already.
    pub(in crate::engine) fn choose_own(&self) -> bool {
        let mut state = lock(&self.state);
        let own = state.older().is_none();
        if state.see() {
            self.wake(state, None);
        }
        own
    }

    /// Waits until it is chosen.
    pub(in crate::engine) fn wait_chosen(&self, reader: u64) {
        let _ = self.wait_for(reader, chosen, |_| ());
    }

    /// As [`wait_chosen`](Self::wait_chosen), without blocking.
    pub(in crate::engine) fn poll_chosen(&self, reader: u64, context: &Context) -> Poll<()> {
        self.poll_for(reader, context, chosen, |_| ()).map(drop)
    }
}

#[cfg(feature = "tier")]
impl Job {
    /// Whether one of an older build may still take its place.
    pub(in crate::engine) fn may_be_older(&self) -> bool {
        let state = lock(&self.state);
        matches!(state.choice, Choice::Open | Choice::Asked) && matches!(state.phase, Phase::Pressing)
    }

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
        if matches!(state.choice, Choice::Asked) {
            state.choice = Choice::Open;
            self.wake(state, None);
        }
    }

    /// Becomes the rendition `object` of an older build, unless somebody has seen something of the other, or it is over.
    pub(in crate::engine) fn become_older(&self, object: &Object) -> bool {
        let mut state = lock(&self.state);
        let may = matches!(state.choice, Choice::Open | Choice::Asked);
        if !may || !matches!(state.phase, Phase::Pressing) {
            return false;
        }
        state.choice = Choice::Older(object.clone());
        // Nobody completes the other any more.
        state.phase = Phase::Publishing;
        self.wake(state, None);
        true
    }
}

#[allow(clippy::unnecessary_wraps)] // as what is asked elsewhere
fn chosen(state: &mut State) -> crate::Result<Answer<()>> {
    Ok(if state.is_chosen() { Answer::Now(()) } else { Answer::Wait(None) })
}
