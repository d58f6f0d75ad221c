//! The engine: renditions on demand.
//!
//! Asked for a rendition, it answers at once with a [`Rendition`]: a handle from which any stretch can be
//! read, from the store if that has it, else pressed now, the segments that somebody waits for first.
//! The same rendition asked for by many is pressed once; what is complete goes into the store.
//!
//! ```
//! use tonepress::{Engine, ReadAt, master::Master};
//!
//! let engine = Engine::builder().build()?; // add a store with .store(…) to keep what is pressed
//! let master = Master::open("testdata/strings.flac")?;
//! let rendition = engine.request(&master, &"192".parse()?)?;
//! println!("{} bytes", rendition.len().likely()); // known before anything is encoded
//!
//! let mut end = [0; 1_000];
//! rendition.read_at(&mut end, rendition.len().likely() - 1_000)?; // presses the last segment only
//! let object = rendition.wait()?; // all of it, mapped into memory
//! assert!(object.as_ref().ends_with(&end));
//! # Ok::<(), tonepress::Error>(())
//! ```

mod builder;
mod export;
mod job;
mod pcm;
mod rendition;
mod schedule;
mod stats;
mod work;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam::channel::Sender;

use job::Job;
use pcm::{PcmCache, Source};
use schedule::{LaneInfo, Schedule};
use stats::{Count, Counters};
use work::Errand;

use crate::error::{Error, Result};
use crate::master::Master;
use crate::profile::Profile;
use crate::rendition::plan::Plan;
use crate::store::{Key, Object, Recipe, Store};
use crate::units::Samples;

pub use builder::Builder;
pub use export::Export;
pub use job::{Origin, Progress};
pub use rendition::Rendition;
pub use schedule::Priority;
pub use stats::{Quantiles, Stats};

/// Presses renditions on demand. Clones are cheap and share everything.
///
/// Dropping the last one does not stop what is being pressed; [`shutdown`](Self::shutdown) waits for it,
/// or stops it.
#[derive(Clone)]
pub struct Engine(Arc<Owner>);

/// What all clones of an engine share; the last one takes it with it, and workers end when nothing is left.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close(&mut lock(&self.0.dispatch));
    }
}

/// What engines, handles and workers share.
struct Shared {
    store: Option<Store>,
    /// How many workers there are.
    threads: usize,
    /// How many renditions may be being pressed or wait for it.
    queue: usize,
    pcm: PcmCache,
    counters: Counters,
    dispatch: Mutex<Dispatch>,
    /// There may be something for an idle worker to do.
    wanted: Condvar,
    /// A worker has gone idle, or a job has ended.
    idle: Condvar,
    errands: Sender<Errand>,
}

/// The work and who does it.
#[derive(Default)]
struct Dispatch {
    schedule: Schedule<Arc<Job>>,
    /// Workers at work.
    running: usize,
    /// Nobody asks for anything any more: workers end once all is done.
    closed: bool,
}

/// What becomes of a rendition that is not complete when the last handle on it is dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnDrop {
    /// It is finished in the background: somebody may ask for it again.
    #[default]
    Finish,
    /// Pressing stops, and nothing of it is kept.
    Cancel,
}

/// How urgent a request is, and what becomes of it when its asker goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Request {
    /// How urgent it is while nobody waits for its bytes.
    pub priority: Priority,
    /// What becomes of it when nobody has a handle on it any more. If several ask for the same
    /// rendition, it is finished if one of them wishes so.
    pub on_drop: OnDrop,
}

/// How an engine is to be shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// What was asked for is finished.
    Finish,
    /// What is not complete is cancelled.
    Cancel,
}

impl Engine {
    fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    /// How to build one.
    pub fn builder() -> Builder {
        Builder::new()
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
        let plan = Plan::new(master.info(), profile)?;
        let shared = self.shared();
        let _span = tracing::debug_span!("request", master = master.name(), %profile).entered();
        let (key, object) = shared.look_up(master, &plan)?;
        if let Some(object) = object {
            shared.counters.add(Count::Hits, 1);
            tracing::debug!(key = object.key().map(tracing::field::display), bytes = object.len(), "hit");
            return Ok(Rendition::stored(shared, master, plan, object));
        }

        let mut dispatch = lock(&shared.dispatch);
        if dispatch.closed {
            return Err(Error::ShuttingDown);
        }
        let joined = dispatch.being_pressed(master, &plan, key).cloned();
        let job = if let Some(job) = joined {
            shared.counters.add(Count::Joins, 1);
            dispatch.schedule.hasten(job.number, request.priority);
            job
        } else {
            let identified = shared.store.is_none();
            tracing::debug!(key = key.map(tracing::field::display), bytes = plan.size().likely(), "miss");
            shared.admit(&mut dispatch, master, request.priority, |source| {
                Job::new(source, plan, key, identified)
            })?
        };
        job.handles.fetch_add(1, Ordering::Relaxed);
        shared.nudge(&dispatch);
        drop(dispatch);
        Ok(Rendition::pressing(shared, job, request.on_drop))
    }

    /// A rendition that is there or being pressed; `None` if pressing it would have to begin, which this does
    /// not. For whoever wants to know how far it is: the handle does not keep it from being given up.
    ///
    /// # Errors
    /// [`Error::Profile`] if the master does not allow the profile; [`Error::Io`] if the store cannot be read;
    /// [`Error::Damaged`] as from [`request_with`](Self::request_with).
    pub fn find(&self, master: &Master, profile: &Profile) -> Result<Option<Rendition>> {
        let plan = Plan::new(master.info(), profile)?;
        let shared = self.shared();
        let (key, object) = shared.look_up(master, &plan)?;
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
    /// is complete stays readable; the store is left without leftovers.
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
            dispatch = shared.idle.wait(dispatch).unwrap_or_else(PoisonError::into_inner);
        }
    }
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
    fn being_pressed(&self, master: &Master, plan: &Plan, key: Option<Key>) -> Option<&Arc<Job>> {
        self.schedule.jobs().filter(|job| !job.is_export()).find(|job| {
            job.plan.resolved() == plan.resolved()
                && (job.source.master.is(master) || key.is_some() && job.key() == key)
        })
    }
}

impl Shared {
    /// The key of a rendition, unless its master would have to be hashed for it, and what the store has
    /// under it. An error if the master was found to be bad; a master that is not
    /// known yet is looked at when it has been hashed.
    fn look_up(&self, master: &Master, plan: &Plan) -> Result<(Option<Key>, Option<Object>)> {
        let known = match &self.store {
            Some(store) => store.masters().recall(master)?,
            None => master.known_id(),
        };
        let key = known.map(|id| Recipe::new(id, *plan.resolved())).transpose()?.map(|recipe| recipe.key());
        let object = match (&self.store, &key) {
            (Some(store), Some(key)) => store.find(key)?,
            _ => None,
        };
        if let (Some(store), Some(id)) = (&self.store, &known) {
            store.masters().allow(id, master, plan.resolved().salvage)?;
        }
        Ok((key, object))
    }

    /// Puts a job on the schedule, if there is room. The masters of others are shared if they are the same.
    fn admit(
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
    fn let_go(&self, job: &Job, reader: u64, on_drop: OnDrop) {
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
    fn close(&self, dispatch: &mut Dispatch) {
        dispatch.closed = true;
        self.wanted.notify_all();
    }

    /// When another rendition has room, judging by what pressing has taken of late.
    fn busy(&self, dispatch: &Dispatch) -> Error {
        let queued = dispatch.schedule.len();
        let all = dispatch.schedule.backlog() * self.counters.cost() / self.threads as f64;
        let one = (all / queued.max(1) as f64).clamp(0.1, 3_600.0);
        Error::Busy { queued, retry_after: Duration::from_secs_f64(one) }
    }
}

/// What these locks guard is consistent whenever they are released, even by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
