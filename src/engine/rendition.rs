//! Handles to renditions: read any stretch, at any time, finished or not.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use super::job::{Finished, Job, Origin, Progress};
use super::lock::lock;
use super::request::OnDrop;
use super::schedule::{Demand, Priority};
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::master::Master;
use crate::pcm::Repairs;
use crate::read_at::ReadAt;
use crate::rendition::plan::Plan;
use crate::size::Size;
use crate::store::{Key, Object};

/// A rendition that can be read, whether it is finished, being pressed, or not begun.
///
/// Bytes are given out as they leave the encoder and are final: they are those of the finished
/// rendition. Of a constant bitrate any range can be read from the start, and only the segments under
/// it are pressed for that; of ABR and VBR nothing can be read before everything is pressed, since the
/// first frame tells the length and where to seek.
///
/// [`ReadAt`] blocks; [`poll_read_at`](Self::poll_read_at) and [`poll_wait`](Self::poll_wait) are for
/// asynchronous programs, on any runtime. For `Read` and `Seek` put it into a
/// [`Cursor`](crate::read_at::Cursor).
///
/// Each handle is one reader: what follows the place where it reads is pressed ahead. Clone it for another.
pub struct Rendition {
    engine: Arc<Shared>,
    master: Master,
    plan: Plan,
    made: Made,
    on_drop: OnDrop,
    reader: Reader,
}

enum Made {
    /// It was there.
    Before(Object),
    /// It is being pressed, or was meanwhile.
    Now(Arc<Job>),
}

/// No segment has this number.
const NOWHERE: u64 = u64::MAX;

/// A reader and where it is.
struct Reader {
    number: u64,
    /// The segment that the schedule was told of last, or [`NOWHERE`].
    place: AtomicU64,
}

impl Reader {
    fn new() -> Self {
        Self { number: number(), place: AtomicU64::new(NOWHERE) }
    }
}

/// A number for a reader.
pub(super) fn number() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

impl Rendition {
    pub(super) fn stored(engine: &Arc<Shared>, master: &Master, plan: Plan, object: Object) -> Self {
        let (engine, master, made) = (Arc::clone(engine), master.clone(), Made::Before(object));
        Self { engine, master, plan, made, on_drop: OnDrop::Finish, reader: Reader::new() }
    }

    /// A handle on a job, which knows of it already.
    pub(super) fn pressing(engine: &Arc<Shared>, job: Arc<Job>, on_drop: OnDrop) -> Self {
        let (engine, master, plan) = (Arc::clone(engine), job.source.master.clone(), job.plan.clone());
        Self { engine, master, plan, made: Made::Now(job), on_drop, reader: Reader::new() }
    }

    /// Its geometry.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its size in bytes: exact from the start for constant bitrates, for others once it is complete.
    #[must_use]
    pub fn len(&self) -> Size {
        if let Made::Now(job) = &self.made
            && self.plan.size().is_exact()
        {
            job.choose_own();
        }
        self.object().map_or_else(|| self.plan.size(), |object| Size::Exact(object.len()))
    }

    /// The key under which a store has it; `None` until its master is identified, which without a store it is not.
    #[must_use]
    pub fn key(&self) -> Option<Key> {
        match &self.made {
            Made::Before(object) => object.key(),
            Made::Now(job) => {
                job.choose_own();
                job.object().map_or_else(|| job.key(), |object| object.key().or_else(|| job.key()))
            }
        }
    }

    /// Waits until it is known whether it becomes a rendition of an older build that the tier has (see
    /// [`Options::accept`](crate::store::Options::accept)), a second at most; at once where there is none to be asked for.
    /// [`key`](Self::key) and [`len`](Self::len) are those of what it becomes then.
    ///
    /// Who asks for these or reads from it without having waited gets what is pressed here; so does everybody else after that.
    pub fn wait_chosen(&self) {
        if let Made::Now(job) = &self.made {
            job.wait_chosen(number());
        }
    }

    /// As [`wait_chosen`](Self::wait_chosen), without blocking. The second is taken by the runtime that asks the tier: if that is the
    /// caller's ([`TierOptions::runtime`](crate::store::TierOptions::runtime)), it has to run.
    pub fn poll_chosen(&self, context: &mut Context<'_>) -> Poll<()> {
        match &self.made {
            Made::Before(_) => Poll::Ready(()),
            Made::Now(job) => job.poll_chosen(self.reader.number, context),
        }
    }

    /// Whether the store had it when it was asked for.
    #[must_use]
    pub const fn was_stored(&self) -> bool {
        matches!(self.made, Made::Before(_))
    }

    /// Who has pressed it; `None` while it is not complete. What was not known to be stored when it was asked for,
    /// because its master had to be hashed first, may turn out to be.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        match &self.made {
            Made::Before(_) => Some(Origin::Stored),
            Made::Now(job) => match job.finished()? {
                Finished::Object(_, origin) => Some(origin),
                Finished::Exported(_) => Some(Origin::Pressed),
            },
        }
    }

    /// The finished rendition, if it is finished.
    #[must_use]
    pub fn object(&self) -> Option<Object> {
        match &self.made {
            Made::Before(object) => Some(object.clone()),
            Made::Now(job) => job.object(),
        }
    }

    /// The samples of the master that are silence in it because they are damaged or missing: of profiles with
    /// `:salvage` only. Takes as long as reading the master, unless that was done before.
    ///
    /// # Errors
    /// Those of [`Master::gaps`].
    pub fn gaps(&self) -> Result<Vec<Range<u64>>> {
        gaps(&self.engine, &self.master, &self.plan)
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match &self.made {
            Made::Now(job) => job.progress(),
            Made::Before(object) => {
                let segments = self.plan.segments();
                Progress {
                    samples: self.plan.samples().0,
                    bytes: object.len().saturating_sub(self.plan.info_bytes()),
                    segments_done: segments,
                    segments,
                    bytes_ready: object.len(),
                    complete: true,
                }
            }
        }
    }

    /// The stretches of bytes that can be read without waiting, in order. As long as it may become a rendition of an older
    /// build ([`wait_chosen`](Self::wait_chosen)) they are those of what is pressed here.
    #[must_use]
    pub fn ready(&self) -> Vec<Range<u64>> {
        match &self.made {
            Made::Before(object) => std::iter::once(0..object.len()).collect(),
            Made::Now(job) => job.ready(),
        }
    }

    /// What had to be changed about the samples pressed so far; nothing for one that was stored.
    #[must_use]
    pub fn repairs(&self) -> Repairs {
        match &self.made {
            Made::Before(_) => Repairs::default(),
            Made::Now(job) => job.repairs(),
        }
    }

    /// Waits until it is complete, and safe in the store if that takes it.
    ///
    /// # Errors
    /// What kept it from being made: those of decoding, pressing and publishing.
    pub fn wait(&self) -> Result<Object> {
        match &self.made {
            Made::Before(object) => Ok(object.clone()),
            Made::Now(job) => {
                self.wants_all(job);
                object(job.wait(number()))
            }
        }
    }

    /// As [`wait`](Self::wait), without blocking: the task of `context` is woken when it is complete.
    ///
    /// One task at a time may poll a handle, be it for this or for bytes.
    pub fn poll_wait(&self, context: &mut Context<'_>) -> Poll<Result<Object>> {
        match &self.made {
            Made::Before(object) => Poll::Ready(Ok(object.clone())),
            Made::Now(job) => {
                self.wants_all(job);
                job.poll_wait(self.reader.number, context).map(object)
            }
        }
    }

    /// As [`ReadAt::read_at`], without waiting for the encoder: the task of `context` is woken when there
    /// are bytes. What is there is read at once, from the page cache as a rule.
    ///
    /// ```no_run
    /// use std::future::poll_fn;
    /// use tonepress::engine::Rendition;
    ///
    /// /// The next bytes from `offset` on; empty at the end.
    /// async fn chunk(rendition: &Rendition, offset: u64) -> tonepress::Result<Vec<u8>> {
    ///     let mut buf = vec![0; 64 << 10];
    ///     let read = poll_fn(|context| rendition.poll_read_at(context, &mut buf, offset)).await?;
    ///     buf.truncate(read);
    ///     Ok(buf)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn poll_read_at(
        &self,
        context: &mut Context<'_>,
        buf: &mut [u8],
        offset: u64,
    ) -> Poll<Result<usize>> {
        match &self.made {
            Made::Before(object) => Poll::Ready(object.read_at(buf, offset)),
            Made::Now(job) => {
                let waits = |segment| self.waits(job, self.reader.number, segment);
                let read = job.poll_read(self.reader.number, context, buf, offset, waits);
                if let Poll::Ready(Ok(read)) = read {
                    self.is_at(job, offset + read as u64);
                }
                read
            }
        }
    }

    /// Changes how urgent it is while nobody waits for its bytes.
    pub fn set_priority(&self, priority: Priority) {
        if let Made::Now(job) = &self.made {
            let mut dispatch = lock(&self.engine.dispatch);
            dispatch.schedule.set_priority(job.number, priority);
            self.engine.nudge(&dispatch);
        }
    }

    /// Gives the rendition up: unless another handle wants it, pressing stops at once and leaves nothing.
    pub fn cancel(mut self) {
        self.on_drop = OnDrop::Cancel;
    }

    /// Tells the schedule that all segments are wanted, if only a range was so far.
    fn wants_all(&self, job: &Arc<Job>) {
        if job.whole.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut dispatch = lock(&self.engine.dispatch);
        dispatch.schedule.widen(job.number, &(0..u64::MAX));
        self.engine.nudge(&dispatch);
        drop(dispatch);
        #[cfg(feature = "tier")]
        self.engine.fetch(job);
    }

    /// Tells the schedule that a reader waits for bytes of a segment, or for all of them.
    fn waits(&self, job: &Job, reader: u64, segment: Option<u64>) {
        self.reader.place.store(NOWHERE, Ordering::Relaxed);
        self.demand(job, reader, Some(Demand { segment: segment.unwrap_or(0), waiting: true }));
    }

    /// Tells the schedule where the handle reads, if that has changed: what follows is pressed ahead.
    fn is_at(&self, job: &Job, offset: u64) {
        let segment = job.plan.segment_at(offset);
        let place = segment.unwrap_or(NOWHERE);
        if self.reader.place.swap(place, Ordering::Relaxed) != place {
            let demand = segment.map(|segment| Demand { segment, waiting: false });
            self.demand(job, self.reader.number, demand);
        }
    }

    fn demand(&self, job: &Job, reader: u64, demand: Option<Demand>) {
        let mut dispatch = lock(&self.engine.dispatch);
        dispatch.schedule.demand(job.number, reader, demand);
        self.engine.nudge(&dispatch);
    }
}

/// What handles on renditions wait for: exports have handles of another kind.
fn object(finished: Result<Finished>) -> Result<Object> {
    match finished? {
        Finished::Object(object, _) => Ok(object),
        Finished::Exported(_) => {
            Err(Error::Internal { detail: "an export is read as a rendition".to_owned() })
        }
    }
}

/// What is missing of a master in a rendition of it.
pub(super) fn gaps(engine: &Shared, master: &Master, plan: &Plan) -> Result<Vec<Range<u64>>> {
    if !plan.resolved().salvage {
        return Ok(Vec::new());
    }
    match (&engine.store, master.known_id()) {
        (Some(store), Some(id)) => store.masters().gaps(&id, master),
        _ => master.gaps(),
    }
}

impl ReadAt for Rendition {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let job = match &self.made {
            Made::Before(object) => return object.read_at(buf, offset),
            Made::Now(job) => job,
        };
        // Several threads may read by one handle, so each call waits under a number of its own.
        let reader = number();
        let mut told = false;
        let read = job.read(reader, buf, offset, |segment| {
            told = true;
            self.waits(job, reader, segment);
        });
        if told {
            lock(&self.engine.dispatch).schedule.demand(job.number, reader, None);
        }
        self.is_at(job, offset + *read.as_ref().unwrap_or(&0) as u64);
        read
    }

    fn size(&self) -> Size {
        self.len()
    }
}

impl Clone for Rendition {
    fn clone(&self) -> Self {
        let made = match &self.made {
            Made::Before(object) => Made::Before(object.clone()),
            Made::Now(job) => {
                job.handles.fetch_add(1, Ordering::Relaxed);
                Made::Now(Arc::clone(job))
            }
        };
        let (engine, master, plan) = (Arc::clone(&self.engine), self.master.clone(), self.plan.clone());
        Self { engine, master, plan, made, on_drop: self.on_drop, reader: Reader::new() }
    }
}

impl Drop for Rendition {
    fn drop(&mut self) {
        if let Made::Now(job) = &self.made {
            job.forget(self.reader.number);
            self.engine.let_go(job, self.reader.number, self.on_drop);
        }
    }
}

impl fmt::Debug for Rendition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rendition({}, {:?})", self.plan.profile(), self.progress())
    }
}
