//! What engines, handles and workers share.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crossbeam::channel::Sender;

use super::errands::Errand;
use super::job::{Finished, Job};
use super::lock::lock;
use super::pcm::{PcmCache, Source};
use super::request::OnDrop;
use super::schedule::{LaneInfo, Priority, Schedule};
use super::stats::{Count, Counters};
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::master::Master;
use crate::rendition::plan::Plan;
use crate::store::{Key, Object, Recipe, Store};
use crate::units::Samples;

/// What engines, handles and workers share.
pub(super) struct Shared {
    pub(super) store: Option<Store>,
    /// How many workers there are.
    pub(super) threads: usize,
    /// How many renditions may be being pressed or wait for it.
    pub(super) queue: usize,
    /// What presses profiles that name no encoder.
    pub(super) encoder: Encoder,
    pub(super) pcm: PcmCache,
    pub(super) counters: Counters,
    /// Locked before the state of a job or decoded audio, if both are.
    pub(super) dispatch: Mutex<Dispatch>,
    /// There may be something for an idle worker to do.
    pub(super) wanted: Condvar,
    /// A worker has gone idle, or a job has ended.
    pub(super) idle: Condvar,
    pub(super) errands: Sender<Errand>,
}

/// The work and who does it.
#[derive(Default)]
pub(super) struct Dispatch {
    pub(super) schedule: Schedule<Arc<Job>>,
    /// Workers at work.
    pub(super) running: usize,
    /// Nobody asks for anything any more: workers end once all is done.
    pub(super) closed: bool,
}

/// What the schedule has to know of a rendition.
fn lane(job: &Job, priority: Priority) -> LaneInfo {
    let plan = &job.plan;
    let (segments, rate) = (plan.segments(), plan.resolved().rate);
    let cost = rate.seconds(Samples(plan.samples().0 / segments));
    let (random_access, identified) = (plan.size().is_exact(), job.is_identified());
    LaneInfo { segments, random_access, cost, priority, identified }
}

impl Dispatch {
    /// The job of this rendition, if there is one.
    pub(super) fn being_pressed(&self, master: &Master, plan: &Plan, key: Option<Key>) -> Option<&Arc<Job>> {
        self.schedule.jobs().filter(|job| !job.is_export()).find(|job| {
            job.plan.resolved() == plan.resolved()
                && (job.source.master.is(master) || key.is_some() && job.key() == key)
        })
    }
}

impl Shared {
    /// The key of a rendition, unless its master would have to be hashed for it, and what the store has
    /// under it. An error if the master was found to be bad; a master that is not
    /// known yet is looked at when it has been hashed. Where there is none of this build, one of an older build will do, unless it
    /// has to be this build's `own`.
    pub(super) fn look_up(
        &self,
        master: &Master,
        plan: &Plan,
        own: bool,
    ) -> Result<(Option<Key>, Option<Object>)> {
        let known = match &self.store {
            Some(store) => store.masters().recall(master)?,
            None => master.known_id(),
        };
        let recipe = known.map(|id| Recipe::new(id, *plan.resolved())).transpose()?;
        let key = recipe.as_ref().map(Recipe::key);
        let object = match (&self.store, &key, &recipe) {
            (Some(store), Some(key), Some(recipe)) => match store.find(key)? {
                None if !own => store.find_older(recipe)?,
                found => found,
            },
            _ => None,
        };
        if let (Some(store), Some(id)) = (&self.store, &known) {
            store.masters().allow(id, master, plan.resolved().salvage)?;
        }
        Ok((key, object))
    }

    /// Puts a job on the schedule, if there is room. The masters of others are shared if they are the same.
    pub(super) fn admit(
        &self,
        dispatch: &mut Dispatch,
        master: &Master,
        priority: Priority,
        job: impl FnOnce(Arc<Source>) -> Job,
    ) -> Result<Arc<Job>> {
        if dispatch.schedule.len() >= self.queue {
            self.counters.add(Count::Refused, 1);
            return Err(self.busy(dispatch));
        }
        self.counters.add(Count::Misses, 1);
        let same_master = dispatch.schedule.jobs().find(|job| job.source.master.is(master));
        let source = same_master.map(|job| Arc::clone(&job.source));
        let job = Arc::new(job(source.unwrap_or_else(|| Arc::new(Source::new(master)))));
        dispatch.schedule.add(job.number, Arc::clone(&job), lane(&job, priority));
        Ok(job)
    }

    /// A handle is dropped.
    pub(super) fn let_go(&self, job: &Job, reader: u64, on_drop: OnDrop) {
        let mut dispatch = lock(&self.dispatch);
        dispatch.schedule.demand(job.number, reader, None);
        if on_drop == OnDrop::Finish {
            job.unattended.store(true, Ordering::Relaxed);
        }
        let last = job.handles.fetch_sub(1, Ordering::Relaxed) == 1;
        if last && !job.unattended.load(Ordering::Relaxed) && !job.is_publishing() {
            // Nobody joins it from now on.
            dispatch.schedule.remove(job.number);
            drop(dispatch);
            self.settle(job, Err(job.cancelled()));
        }
    }

    /// Nobody asks for anything from now on.
    pub(super) fn close(&self, dispatch: &mut Dispatch) {
        dispatch.closed = true;
        self.wanted.notify_all();
    }

    /// When another rendition has room, judging by what pressing has taken of late.
    pub(super) fn busy(&self, dispatch: &Dispatch) -> Error {
        let queued = dispatch.schedule.len();
        let all = dispatch.schedule.backlog() * self.counters.cost() / self.threads as f64;
        let one = (all / queued.max(1) as f64).clamp(0.1, 3_600.0);
        Error::Busy { queued, retry_after: Duration::from_secs_f64(one) }
    }

    /// There may be something to do: wakes one more worker if one sleeps.
    pub(super) fn nudge(&self, dispatch: &Dispatch) {
        if dispatch.running < self.threads {
            self.wanted.notify_one();
        }
    }

    /// Ends a job, if it has not ended already.
    pub(super) fn settle(&self, job: &Job, result: Result<Finished>) {
        let count = match &result {
            Ok(_) => Count::Finished,
            Err(Error::Cancelled { .. }) => Count::Cancelled,
            Err(error) => {
                tracing::warn!(master = job.source.master.name(), profile = %job.plan.profile(), %error, "failed");
                Count::Failed
            }
        };
        let uncached = matches!(&result, Ok(Finished::Object(object, _)) if object.path().is_none())
            && self.store.is_some();
        let count = || {
            self.counters.add(count, 1);
            self.counters.add(Count::Uncached, u64::from(uncached));
        };
        if job.settle(result, count) {
            #[cfg(feature = "tier")]
            job.fetch.stop();
            let mut dispatch = lock(&self.dispatch);
            dispatch.schedule.remove(job.number);
            if !dispatch.schedule.jobs().any(|other| Arc::ptr_eq(&other.source, &job.source)) {
                self.pcm.forget(&job.source);
            }
            if dispatch.closed {
                // It may have been the last thing that workers stayed for.
                self.wanted.notify_all();
            }
            drop(dispatch);
            self.idle.notify_all();
        }
    }
}
