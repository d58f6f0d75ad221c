//! What workers do: identify masters, press segments; and what is done behind their backs: publish.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::job::{Handed, Job};
use super::lock::lock;
use super::pcm::Wanted;
use super::schedule::Task;
use super::shared::Shared;
use super::stats::Count;
use crate::error::{Error, Result};
use crate::master::convert::to_channels;
use crate::pcm::{Pcm, Repairs};
use crate::rendition::plan::Plan;
use crate::rendition::press::SegmentEncoder;
use crate::store::Identified;

/// Bytes are handed over whenever so many samples more are encoded: 0.4 s at 44.1 kHz, which takes some
/// 10 ms.
const PORTION: u64 = 1 << 14;
/// How often to ask for it though another process seems to press it: that one may have been killed.
const ASK: Duration = Duration::from_secs(1);

impl Shared {
    /// A worker: does what is most urgent, and sleeps while there is nothing, until nothing will ever be.
    pub(super) fn work(self: Arc<Self>) {
        let mut dispatch = lock(&self.dispatch);
        loop {
            if let Some((job, task)) = dispatch.schedule.next() {
                dispatch.running += 1;
                // Where there was one task there may be more.
                self.nudge(&dispatch);
                drop(dispatch);
                self.guard(&job, || self.perform(&job, task));
                drop(job);
                dispatch = lock(&self.dispatch);
                dispatch.running -= 1;
                continue;
            }
            self.idle.notify_all();
            if dispatch.closed && dispatch.schedule.len() == 0 {
                return;
            }
            dispatch = self.wanted.wait(dispatch).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Does something for a job, which fails if that fails, even by a panic.
    fn guard(&self, job: &Job, work: impl FnOnce() -> Result<()>) {
        let error = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(panic) => Error::panicked(&*panic),
        };
        self.settle(job, Err(error));
    }

    fn perform(self: &Arc<Self>, job: &Arc<Job>, task: Task) -> Result<()> {
        match task {
            Task::Identify => {
                let identified = self.identify(job)?;
                self.identified(job, identified);
                #[cfg(feature = "tier")]
                self.fetch(job);
            }
            Task::Press(index) => {
                let began = Instant::now();
                if self.press(job, index)? {
                    let segment = job.plan.segment(index);
                    let samples = crate::Samples(segment.own.end - segment.own.start);
                    self.counters.segment(job.plan.resolved().rate.seconds(samples), began.elapsed());
                    self.counters.add(Count::Segments, 1);
                }
                lock(&self.dispatch).schedule.done(job.number, index);
            }
        }
        self.publish_if_complete(job);
        Ok(())
    }

    pub(super) fn publish_if_complete(self: &Arc<Self>, job: &Arc<Job>) {
        if job.is_to_be_published() {
            let (engine, job) = (Arc::clone(self), Arc::clone(job));
            let _ = self.errands.send(Box::new(move || {
                engine.publish(&job);
                false
            }));
        }
    }

    /// Which rendition of the store it is. Without a store nobody asks.
    fn identify(&self, job: &Job) -> Result<Identified> {
        self.store.as_ref().map_or(Ok(Identified::Ours), |store| job.identify(store))
    }

    fn identified(self: &Arc<Self>, job: &Arc<Job>, identified: Identified) {
        match identified {
            Identified::Ready(object) => self.settle(job, Ok(job.found(object))),
            Identified::Ours => {
                let mut dispatch = lock(&self.dispatch);
                dispatch.schedule.hold(job.number, false);
                self.nudge(&dispatch);
            }
            Identified::Theirs => {
                let patience = self.store.as_ref().map(crate::Store::patience).unwrap_or_default();
                let now = Instant::now();
                let mut watched = Watched {
                    engine: Arc::clone(self),
                    job: Arc::clone(job),
                    until: now + patience,
                    ask: now + ASK,
                };
                let _ = self.errands.send(Box::new(move || watched.look()));
            }
        }
    }

    /// Presses a segment and hands its bytes over as they leave the encoder. False if it has come from the tier
    /// meanwhile.
    fn press(&self, job: &Job, index: u64) -> Result<bool> {
        let plan = &job.plan;
        let (rate, channels) = (plan.resolved().rate, plan.resolved().channels());
        let segment = plan.segment(index);
        let _span = tracing::debug_span!("segment", master = job.source.master.name(),
            profile = %plan.profile(), index)
        .entered();
        job.open(self.store.as_ref())?;
        if plan.resolved().salvage {
            job.source.master.survey(&|| job.is_settled())?;
        }
        let mut encoder = SegmentEncoder::new(plan, index)?;
        let mut repairs = Repairs::default();
        let (mut bytes, mut mixed, mut spare) = (Vec::new(), Pcm::default(), Pcm::default());
        for step in job.source.steps(rate, segment.pcm) {
            // What belongs to the neighbours is counted there.
            let own = step.start.max(segment.own.start)..step.end.min(segment.own.end).max(segment.own.start);
            let salvage = plan.resolved().salvage;
            let wanted = Wanted { rate, salvage, step: step.clone(), counted: plan.master_range(&own) };
            // Asked anew for each step: others may have come meanwhile.
            let sharers = self.sharers(job, index);
            let decoded = self.pcm.get(&job.source, &wanted, sharers, &mut spare)?;
            repairs += decoded.repairs;
            let pcm = match to_channels(decoded.pcm.channels(), channels) {
                None => &decoded.pcm,
                Some(mix) => {
                    mix.apply(&decoded.pcm, &mut mixed);
                    &mixed
                }
            };
            let mut at = step.start;
            while at < step.end {
                let portion = at..(at + PORTION).min(step.end);
                at = portion.end;
                encoder.push_until(pcm, at, &mut bytes)?;
                let samples = at.min(own.end).saturating_sub(portion.start.max(own.start));
                if self.hand_over(job, index, samples, &mut bytes, false)? == Handed::Late {
                    return Ok(false);
                }
            }
            // If nobody else wants it, its memory takes the next step.
            if let Some(decoded) = Arc::into_inner(decoded) {
                spare = decoded.pcm;
            }
        }
        job.count_repairs(repairs);
        encoder.finish(&mut bytes)?;
        Ok(self.hand_over(job, index, 0, &mut bytes, true)? != Handed::Late)
    }

    /// How many other renditions have yet to press what segment `index` of this one is pressed from.
    fn sharers(&self, job: &Job, index: u64) -> usize {
        let (plan, wanted) = (&job.plan, job.plan.segment(index).pcm);
        let what = |plan: &Plan| (plan.resolved().rate, plan.resolved().salvage);
        lock(&self.dispatch).schedule.wanting(index, |other| {
            other.number != job.number
                && Arc::ptr_eq(&other.source, &job.source)
                && what(&other.plan) == what(plan)
                && other.plan.segment(index).pcm == wanted
        })
    }

    fn hand_over(
        &self,
        job: &Job,
        index: u64,
        samples: u64,
        bytes: &mut Vec<u8>,
        last: bool,
    ) -> Result<Handed> {
        // Also where there is nothing to hand over: this is where a worker learns that nobody wants it.
        let handed = job.hand_over(index, samples, bytes, last)?;
        if handed == Handed::First {
            self.counters.first_byte(job.asked.elapsed());
        }
        self.counters.add(Count::Bytes, bytes.len() as u64);
        bytes.clear();
        Ok(handed)
    }

    fn publish(&self, job: &Job) {
        self.guard(job, || {
            let _span = tracing::debug_span!("publish", master = job.source.master.name(),
                profile = %job.plan.profile())
            .entered();
            let finished = job.complete()?;
            self.settle(job, Ok(finished));
            Ok(())
        });
    }

    /// Whether another process still presses it, by a look at the store's folders that locks nothing.
    fn is_pressed_elsewhere(&self, job: &Job) -> bool {
        let (Some(store), Some(key)) = (&self.store, job.key()) else { return false };
        store.is_being_pressed(&key)
    }
}

/// A rendition that another process presses.
struct Watched {
    engine: Arc<Shared>,
    job: Arc<Job>,
    /// Then it is pressed here too.
    until: Instant,
    /// When to ask for it next, whatever it looks like.
    ask: Instant,
}

impl Watched {
    /// Looks what has become of it; false if that is settled.
    fn look(&mut self) -> bool {
        let now = Instant::now();
        if self.job.is_settled() {
            return false;
        }
        if now < self.ask && now < self.until && self.engine.is_pressed_elsewhere(&self.job) {
            return true;
        }
        self.ask = now + ASK;
        let (engine, job) = (&self.engine, &self.job);
        let mut theirs = false;
        engine.guard(job, || {
            let identified = match engine.identify(job)? {
                Identified::Theirs if now >= self.until => Identified::Ours,
                identified => identified,
            };
            theirs = matches!(identified, Identified::Theirs);
            if !theirs {
                engine.identified(job, identified);
            }
            Ok(())
        });
        theirs && !job.is_settled()
    }
}
