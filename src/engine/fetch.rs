//! Asking the tier for what is being pressed. Both start together; whatever comes first is taken, and who comes second
//! stops.
//!
//! A segment that has come from the tier is complete, as if it had been pressed: readers have it at once. ABR and VBR
//! renditions, which nobody can read before all is there, come whole.

use std::fs::File;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::sleep;

use super::job::{Finished, Handed, Job, Origin, PATIENCE};
use super::lock::lock;
use super::shared::Shared;
use crate::error::Result;
use crate::store::tier::{Answer, Count, Miss, Tier, whole_blocks, write};
use crate::store::{Key, Sidecar, Store};

/// A reader says where it reads just after it has asked.
const SETTLING: Duration = Duration::from_millis(2);
/// The first stretch that is fetched for a reader in the middle; each further one is twice as long, since requests
/// cost more than bytes.
const STRETCH: u64 = 2 << 20;

/// What fetches a rendition.
#[derive(Default)]
pub(super) struct Fetch(Mutex<Fetching>);

#[derive(Default)]
enum Fetching {
    /// Nobody asks the tier, or all that was wanted has come.
    #[default]
    Idle,
    /// The task that asks is about to be started.
    Starting,
    Asking(AbortHandle),
    /// The tier is not to be asked again.
    Over,
}

impl Fetch {
    pub(super) fn stop(&self) {
        let was = std::mem::replace(&mut *lock(&self.0), Fetching::Over);
        if let Fetching::Asking(task) = was {
            task.abort();
        }
    }
}

impl Shared {
    /// Asks the tier for what is wanted of a rendition, if its key is known, unless it is asked already. To be called again when
    /// more is wanted.
    pub(super) fn fetch(self: &Arc<Self>, job: &Arc<Job>) {
        let Some(tier) = self.store.as_ref().and_then(Store::tier).filter(|tier| tier.access.reads()) else {
            return;
        };
        let Some(key) = job.key().filter(|_| !job.is_export()) else { return };
        {
            let mut fetching = lock(&job.fetch.0);
            match &*fetching {
                Fetching::Over | Fetching::Starting => return,
                Fetching::Asking(task) if !task.is_finished() => return,
                Fetching::Asking(_) | Fetching::Idle => {}
            }
            if job.is_settled() {
                *fetching = Fetching::Over;
                return;
            }
            if !tier.counts.is_well() {
                tier.counts.add(Count::Failures, 1);
                *fetching = Fetching::Over;
                return;
            }
            *fetching = Fetching::Starting;
        }
        // Started with nothing locked: where the runtime has ended, the task is dropped at once, and wakes those who wait.
        let task = self.start(job, tier, key);
        let mut fetching = lock(&job.fetch.0);
        match (&*fetching, task) {
            (Fetching::Starting, Some(task)) => *fetching = Fetching::Asking(task),
            (Fetching::Starting, None) => *fetching = Fetching::Over,
            // It has been stopped meanwhile, or has come to its end.
            (_, task) => {
                drop(fetching);
                task.inspect(AbortHandle::abort);
            }
        }
    }

    /// Starts the task that asks; `None` if the runtime has ended.
    fn start(self: &Arc<Self>, job: &Arc<Job>, tier: &Arc<Tier>, key: Key) -> Option<AbortHandle> {
        let (engine, tier) = (Arc::clone(self), Arc::clone(tier));
        let (io, asking) = (Arc::clone(tier.io()), Arc::clone(job));
        let older = self.older(job);
        if !older.is_empty() && job.ask_for_older() {
            let waited_for = Arc::downgrade(job);
            drop(io.spawn(async move {
                sleep(PATIENCE).await;
                waited_for.upgrade().inspect(|job| job.wait_no_longer());
            }));
        }
        let waiting = Waiting(Arc::clone(job));
        let task = io.spawn(async move {
            let waiting = waiting;
            let fetched = engine.try_fetch(&asking, &tier, key).await;
            let missed = match fetched {
                Err(Miss::Absent) => engine.try_older(&asking, &tier, &older).await,
                fetched => fetched,
            };
            drop(waiting);
            let Err(missed) = missed else { return };
            match missed {
                Miss::Unwanted | Miss::Wrong(_) => {}
                Miss::Absent => tier.counts.add(Count::Misses, 1),
                Miss::Failed(_) => tier.counts.add(Count::Failures, 1),
            }
            *lock(&asking.fetch.0) = Fetching::Over;
        });
        task.map(|task| task.abort_handle())
    }

    async fn try_fetch(self: &Arc<Self>, job: &Arc<Job>, tier: &Arc<Tier>, key: Key) -> Result<(), Miss> {
        if !job.plan.size().is_exact() {
            return self.fetch_whole(job, tier, key).await;
        }
        sleep(SETTLING).await;
        let mut stretch = STRETCH;
        let mut hit = false;
        while let Some(segments) = self.next_stretch(job, stretch) {
            stretch = stretch.saturating_mul(2);
            let bytes = bytes_of(job, &segments);
            let range = whole_blocks(&bytes, job.plan.size().likely());
            let mut coming = Coming { at: range.start, bytes: Vec::new(), next: segments.start };
            let mut answer = tier.fetch(&key, Some(range)).await?;
            fits(job, tier, &answer.facts.sidecar)?;
            job.choose_own();
            while let Some((_, block)) = answer.next().await? {
                if !std::mem::replace(&mut hit, true) {
                    tier.counts.add(Count::Hits, 1);
                }
                coming.bytes.extend_from_slice(&block);
                self.deliver(job, &mut coming, segments.end).await?;
            }
        }
        Ok(())
    }

    /// The segments to fetch next: from where somebody waits on, else from the first that is missing. What nobody wants
    /// is not fetched.
    fn next_stretch(&self, job: &Job, stretch: u64) -> Option<Range<u64>> {
        let (wanted, awaited) = lock(&self.dispatch).schedule.wants(job.number)?;
        let within = match awaited {
            Some(at) if !wanted.contains(&at) => at..at + 1,
            _ => wanted,
        };
        let is_range = within != (0..job.plan.segments());
        let (first, end) = job.missing(awaited.unwrap_or(within.start), &within)?;
        if first == 0 || awaited.is_none() || is_range {
            return Some(first..end);
        }
        let long =
            |at: &u64| bytes_of(job, &(first..*at)).end - bytes_of(job, &(first..first + 1)).start >= stretch;
        let enough = (first + 1..end).find(long).unwrap_or(end);
        Some(first..enough)
    }

    /// Hands over the segments that have come whole.
    async fn deliver(self: &Arc<Self>, job: &Arc<Job>, coming: &mut Coming, end: u64) -> Result<(), Miss> {
        while coming.next < end {
            let Some(range) = job.plan.segment_bytes(coming.next) else { return Err(Miss::Unwanted) };
            coming.skip_to(range.start);
            let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            if coming.at != range.start || coming.bytes.len() < len {
                return Ok(());
            }
            let bytes: Vec<u8> = coming.bytes.drain(..len).collect();
            coming.at = range.end;
            let (segment, engine, job) = (coming.next, Arc::clone(self), Arc::clone(job));
            coming.next += 1;
            // Files are written and locks waited for where that keeps nobody else from the network.
            let delivered = spawn_blocking(move || engine.deliver_one(&job, segment, &bytes)).await;
            if !delivered.unwrap_or(false) {
                return Err(Miss::Unwanted);
            }
        }
        Ok(())
    }

    fn deliver_one(self: &Arc<Self>, job: &Arc<Job>, segment: u64, bytes: &[u8]) -> bool {
        if job.is_settled() || job.open(self.store.as_ref()).is_err() {
            return false;
        }
        // What fails here fails the worker too, who tells of it.
        let Ok(handed) = job.deliver(segment, bytes) else { return false };
        if handed == Handed::First {
            self.counters.first_byte(job.asked.elapsed());
        }
        if handed != Handed::Late {
            lock(&self.dispatch).schedule.done(job.number, segment);
            self.publish_if_complete(job);
        }
        true
    }

    async fn fetch_whole(self: &Arc<Self>, job: &Arc<Job>, tier: &Arc<Tier>, key: Key) -> Result<(), Miss> {
        let answer = tier.fetch(&key, None).await?;
        fits(job, tier, &answer.facts.sidecar)?;
        job.choose_own();
        let (file, sidecar) = self.spill(answer, || true).await?;
        let (engine, job) = (Arc::clone(self), Arc::clone(job));
        let _ = spawn_blocking(move || engine.adopt(&job, &file, &sidecar)).await;
        Ok(())
    }

    /// Writes an object into a file without a name, for as long as it `is_wanted`.
    async fn spill(
        &self,
        mut answer: Answer<'_>,
        is_wanted: impl Fn() -> bool,
    ) -> Result<(Arc<File>, Sidecar), Miss> {
        let Some(store) = &self.store else { return Err(Miss::Unwanted) };
        let file = store.spill_file().map_err(|_| Miss::Unwanted)?;
        while let Some((at, block)) = answer.next().await? {
            let out = Arc::clone(&file);
            spawn_blocking(move || write(&out, at, &block)).await.unwrap_or(Err(Miss::Unwanted))?;
            if !is_wanted() {
                return Err(Miss::Unwanted);
            }
        }
        let Answer { tier, facts, .. } = answer;
        if !Store::is_rendition(&file, &facts.sidecar.key) {
            let why = "it is no complete rendition".to_owned();
            tier.found_wrong(&facts.sidecar.key, &why);
            return Err(Miss::Wrong(why));
        }
        tier.counts.add(Count::Hits, 1);
        Ok((file, facts.sidecar))
    }

    /// The keys of a rendition at older builds whose renditions are accepted.
    fn older(&self, job: &Job) -> Vec<Key> {
        let recipe = job.recipe().ok().flatten();
        let older = self.store.as_ref().zip(recipe).map(|(store, recipe)| store.older(&recipe).collect());
        older.unwrap_or_default()
    }

    /// Takes the first rendition of an older build that the tier has, whole, unless somebody sees some of the one that is
    /// pressed before that.
    async fn try_older(self: &Arc<Self>, job: &Arc<Job>, tier: &Tier, keys: &[Key]) -> Result<(), Miss> {
        for key in keys {
            if !job.may_be_older() {
                return Err(Miss::Unwanted);
            }
            match self.fetch_older(job, tier, key).await {
                // Another may be there, and right.
                Err(Miss::Absent | Miss::Wrong(_)) => {}
                fetched => return fetched,
            }
        }
        Err(Miss::Absent)
    }

    async fn fetch_older(self: &Arc<Self>, job: &Arc<Job>, tier: &Tier, key: &Key) -> Result<(), Miss> {
        let answer = tier.fetch(key, None).await?;
        let sidecar = &answer.facts.sidecar;
        // Its geometry is that of its build, but not what it is about, nor anything like its size.
        if sidecar.samples != job.plan.samples().0 || sidecar.bytes / 2 > job.plan.size().cap() {
            return Err(not_planned(tier, sidecar));
        }
        let (file, sidecar) = self.spill(answer, || job.may_be_older()).await?;
        let (engine, job) = (Arc::clone(self), Arc::clone(job));
        let taken = spawn_blocking(move || engine.take_older(&job, &file, sidecar)).await;
        if taken.unwrap_or(false) { Ok(()) } else { Err(Miss::Unwanted) }
    }

    fn take_older(&self, job: &Job, file: &File, mut sidecar: Sidecar) -> bool {
        sidecar.label = job.source.label();
        let Some(Ok(object)) = self.store.as_ref().map(|store| store.adopt(file, &sidecar)) else {
            return false;
        };
        let taken = job.become_older(&object, Origin::Fetched);
        if taken {
            tracing::debug!(key = %sidecar.key, bytes = sidecar.bytes, "of an older build, from the tier");
            self.settle(job, Ok(Finished::Object(object, Origin::Fetched)));
        }
        taken
    }

    fn adopt(self: &Arc<Self>, job: &Arc<Job>, file: &File, sidecar: &Sidecar) {
        if job.open(self.store.as_ref()).is_err() {
            return;
        }
        match job.adopt(file, sidecar) {
            Ok(None) => {}
            Ok(Some(finished)) => self.settle(job, Ok(finished)),
            Err(error) => self.settle(job, Err(error)),
        }
    }
}

/// Whoever waits for what the tier says waits no longer when this is dropped, whatever became of asking.
struct Waiting(Arc<Job>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.wait_no_longer();
    }
}

/// The segments that are coming, in order.
struct Coming {
    /// Where in the rendition `bytes` begin.
    at: u64,
    bytes: Vec<u8>,
    /// The segment that is next.
    next: u64,
}

impl Coming {
    /// Drops what lies before `start`.
    fn skip_to(&mut self, start: u64) {
        let before =
            usize::try_from(start.saturating_sub(self.at)).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.drain(..before);
        self.at += before as u64;
    }
}

fn bytes_of(job: &Job, segments: &Range<u64>) -> Range<u64> {
    let of = |segment| job.plan.segment_bytes(segment).unwrap_or_default();
    of(segments.start).start..of(segments.end - 1).end
}

/// Whether it is the rendition that is being pressed, by all that is known of it beforehand.
fn fits(job: &Job, tier: &Tier, sidecar: &Sidecar) -> Result<(), Miss> {
    let (plan, size) = (&job.plan, job.plan.size());
    let sized = if size.is_exact() { sidecar.bytes == size.likely() } else { sidecar.bytes <= size.cap() };
    if sized && sidecar.frames == plan.frames().0 && sidecar.samples == plan.samples().0 {
        return Ok(());
    }
    Err(not_planned(tier, sidecar))
}

fn not_planned(tier: &Tier, sidecar: &Sidecar) -> Miss {
    let why = "it is not what the plan says".to_owned();
    tier.found_wrong(&sidecar.key, &why);
    Miss::Wrong(why)
}
