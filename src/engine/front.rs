//! The engine as programs see it.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::job::Job;
use super::lock::lock;
use super::rendition::Rendition;
use super::request::{OnDrop, Request, Shutdown};
use super::schedule::Priority;
use super::shared::Shared;
use super::stats::{Count, Stats};
use crate::error::{Error, Result};
use crate::master::Master;
use crate::profile::Profile;
use crate::rendition::plan::Plan;
use crate::store::Store;

/// How long a shutdown waits for uploads to the tier; what is left is in the store, for `cache tier push`.
#[cfg(feature = "tier")]
const UPLOADS: std::time::Duration = std::time::Duration::from_secs(60);

/// Presses renditions on demand. Clones are cheap and share everything.
///
/// Dropping the last one does not stop what is being pressed; [`shutdown`](Self::shutdown) waits for it,
/// or stops it.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Owner>);

/// What all clones of an engine share; the last one takes it with it, and workers end when nothing is left.
pub(super) struct Owner(pub(super) Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close(&mut lock(&self.0.dispatch));
    }
}

impl Engine {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    /// The plan of a rendition as this engine presses it: its size and price, by arithmetic alone.
    ///
    /// # Errors
    /// [`Error::Profile`] if the master does not allow the profile.
    pub fn plan(&self, master: &Master, profile: &Profile) -> Result<Plan> {
        Plan::new(master.info(), &profile.or_encoder(self.shared().encoder))
    }

    /// Asks for a rendition, for a download. Answers at once: nothing is encoded, and no master is hashed,
    /// before it does.
    ///
    /// # Errors
    /// As [`request_with`](Self::request_with).
    pub fn request(&self, master: &Master, profile: &Profile) -> Result<Rendition> {
        self.request_with(master, profile, Request::default())
    }

    /// Asks for a rendition.
    ///
    /// # Errors
    /// [`Error::Profile`] if the master does not allow the profile; [`Error::Busy`] if there is too much
    /// to do, with an estimate of when to try again; [`Error::ShuttingDown`]; [`Error::Damaged`] if the
    /// rendition is there, but the store's index says (since a second ago, if another process noted it) that
    /// its master is not to be used. Whatever goes wrong later is told by the handle.
    pub fn request_with(&self, master: &Master, profile: &Profile, request: Request) -> Result<Rendition> {
        self.ask(master, profile, None, request)
    }

    /// Asks for some bytes of a rendition and for no more: what is outside of `range` is pressed only if somebody else asks
    /// for it, or this handle is read or [waited for](Rendition::wait) there. What is pressed is given up with the handle.
    ///
    /// Of ABR and VBR renditions nothing can be read before all is pressed, so all of it is.
    ///
    /// # Errors
    /// As [`request_with`](Self::request_with).
    pub fn request_range(
        &self,
        master: &Master,
        profile: &Profile,
        range: Range<u64>,
        priority: Priority,
    ) -> Result<Rendition> {
        self.ask(master, profile, Some(range), Request { priority, on_drop: OnDrop::Cancel })
    }

    fn ask(
        &self,
        master: &Master,
        profile: &Profile,
        range: Option<Range<u64>>,
        request: Request,
    ) -> Result<Rendition> {
        let plan = self.plan(master, profile)?;
        let shared = self.shared();
        let _span = tracing::debug_span!("request", master = master.name(), %profile).entered();
        // Pre-warming replaces renditions of older builds, and whoever asks for a range knows the sizes of this one.
        let own = range.is_some() || request.priority == Priority::Prewarm;
        let (key, object) = shared.look_up(master, &plan, own)?;
        if let Some(object) = object {
            shared.counters.add(Count::Hits, 1);
            tracing::debug!(key = object.key().map(tracing::field::display), bytes = object.len(), "hit");
            return Ok(Rendition::stored(shared, master, plan, object));
        }

        let wanted = range.map(|range| segments(&plan, &range));
        let mut dispatch = lock(&shared.dispatch);
        if dispatch.closed {
            return Err(Error::ShuttingDown);
        }
        let joined = dispatch.being_pressed(master, &plan, key).cloned();
        let joined = joined.filter(|job| !own || job.see_own());
        let job = if let Some(job) = joined {
            shared.counters.add(Count::Joins, 1);
            dispatch.schedule.hasten(job.number, request.priority);
            job.whole.fetch_or(wanted.is_none(), Ordering::Relaxed);
            dispatch.schedule.widen(job.number, &wanted.unwrap_or(0..u64::MAX));
            job
        } else {
            let identified = shared.store.is_none();
            tracing::debug!(key = key.map(tracing::field::display), bytes = plan.size().likely(), "miss");
            let job = shared.admit(&mut dispatch, master, request.priority, |source| {
                Job::new(source, plan, key, identified)
            })?;
            if own {
                job.see_own();
            }
            if let Some(wanted) = wanted {
                dispatch.schedule.narrow(job.number, wanted);
                job.whole.store(false, Ordering::Relaxed);
            }
            job
        };
        job.handles.fetch_add(1, Ordering::Relaxed);
        shared.nudge(&dispatch);
        drop(dispatch);
        if own {
            job.wake_all();
        }
        #[cfg(feature = "tier")]
        shared.fetch(&job);
        Ok(Rendition::pressing(shared, job, request.on_drop))
    }

    /// A rendition that is there or being pressed; `None` if pressing it would have to begin, which this does
    /// not. For programs that want to know how far it is: the handle does not keep it from being given up.
    ///
    /// # Errors
    /// [`Error::Profile`] if the master does not allow the profile; [`Error::Io`] if the store cannot be read;
    /// [`Error::Damaged`] as from [`request_with`](Self::request_with).
    pub fn find(&self, master: &Master, profile: &Profile) -> Result<Option<Rendition>> {
        let plan = self.plan(master, profile)?;
        let shared = self.shared();
        let (key, object) = shared.look_up(master, &plan, false)?;
        if let Some(object) = object {
            return Ok(Some(Rendition::stored(shared, master, plan, object)));
        }
        let dispatch = lock(&shared.dispatch);
        let job = dispatch.being_pressed(master, &plan, key).cloned();
        Ok(job.map(|job| {
            job.handles.fetch_add(1, Ordering::Relaxed);
            Rendition::pressing(shared, job, OnDrop::Cancel)
        }))
    }

    /// Asks for several renditions of a master, which is decoded once for all of them.
    ///
    /// Each has an answer of its own, as from [`request`](Self::request).
    #[must_use]
    pub fn fan_out(&self, master: &Master, profiles: &[Profile]) -> Vec<Result<Rendition>> {
        profiles.iter().map(|profile| self.request(master, profile)).collect()
    }

    /// As [`fan_out`](Self::fan_out), when there is nothing else to do.
    #[must_use]
    pub fn prewarm(&self, master: &Master, profiles: &[Profile]) -> Vec<Result<Rendition>> {
        let request = Request { priority: Priority::Prewarm, ..Request::default() };
        profiles.iter().map(|profile| self.request_with(master, profile, request)).collect()
    }

    /// The store, if there is one.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.shared().store.as_ref()
    }

    /// The threads that press.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.shared().threads
    }

    /// What it has done, and has to do.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        let dispatch = lock(&shared.dispatch);
        let (queue, backlog_s) = (dispatch.schedule.len(), dispatch.schedule.backlog());
        drop(dispatch);
        let (steps_decoded, steps_shared) = shared.pcm.counts();
        let pcm_bytes = shared.pcm.bytes();
        Stats { steps_decoded, steps_shared, pcm_bytes, queue, backlog_s, ..shared.counters.stats() }
    }

    /// Takes no more requests, ends what is being pressed in the way asked for, and waits for that. What
    /// is complete stays readable; the store is left without leftovers, and what is complete goes to its tier, which is
    /// waited for, but not longer than a minute.
    pub fn shutdown(&self, how: Shutdown) {
        let shared = self.shared();
        let mut dispatch = lock(&shared.dispatch);
        shared.close(&mut dispatch);
        if how == Shutdown::Cancel {
            let jobs: Vec<_> = dispatch.schedule.jobs().cloned().collect();
            drop(dispatch);
            for job in jobs {
                shared.settle(&job, Err(job.cancelled()));
            }
            dispatch = lock(&shared.dispatch);
        }
        while dispatch.running > 0 || dispatch.schedule.len() > 0 {
            // Of what only a range was asked of, the rest would never be pressed.
            let over = if dispatch.running == 0 { dispatch.schedule.unwanted() } else { None };
            if let Some(job) = over {
                drop(dispatch);
                shared.settle(&job, Err(job.cancelled()));
                dispatch = lock(&shared.dispatch);
                continue;
            }
            dispatch = shared.idle.wait(dispatch).unwrap_or_else(PoisonError::into_inner);
        }
        #[cfg(feature = "tier")]
        if let Some(store) = &shared.store {
            drop(dispatch);
            store.finish_uploads(UPLOADS);
        }
    }
}

/// The segments under some bytes.
fn segments(plan: &Plan, range: &Range<u64>) -> Range<u64> {
    match (plan.segment_at(range.start), plan.segment_at(range.end.saturating_sub(1))) {
        _ if range.is_empty() => 0..0,
        (Some(first), Some(last)) => first..last + 1,
        (Some(first), None) => first..u64::MAX,
        (None, _) => 0..0,
    }
}
