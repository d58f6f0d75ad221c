//! Many masters pressed by one engine: each is looked at some time ahead, and begun when the engine has hardly
//! anything left to do.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use tonepress::engine::Progress;

use super::report::Failure;

/// How many renditions may be being pressed at once: each holds two files open.
const RENDITIONS: usize = 64;
/// How many segments a worker should find waiting, so that none is idle between two masters.
pub(crate) const SEGMENTS: u64 = 8;
/// How often progress is shown.
const TICK: Duration = Duration::from_millis(100);

/// What a command does with masters, one after the other.
pub(crate) trait Batch {
    /// A master that was looked at.
    type Master;

    /// Whether it is the turn of `next`.
    fn has_room(&self, next: &Self::Master) -> bool;

    /// Asks for the renditions of a master.
    fn begin(&mut self, master: Self::Master) -> Result<(), Failure>;

    /// Reports what is finished. The task of `context` is to be woken when there is more.
    fn settle(&mut self, context: &mut Context) -> Result<(), Failure>;

    /// Whether nothing is being pressed.
    fn is_idle(&self) -> bool;

    /// Whether it takes no more masters.
    fn is_full(&self) -> bool {
        false
    }

    /// Shows how far it is.
    fn show(&self);
}

/// Does all that is `ahead`, until it is interrupted.
pub(crate) fn run<I: Iterator, B: Batch>(
    batch: &mut B,
    ahead: &mut Ahead<I, B::Master>,
    interrupted: &AtomicBool,
) -> Result<(), Failure> {
    let waker = ahead.waker.clone();
    let mut context = Context::from_waker(&waker);
    while !interrupted.load(Ordering::Relaxed) {
        batch.settle(&mut context)?;
        let next = if batch.is_full() { None } else { ahead.next_if(|next| batch.has_room(next))? };
        if let Some(next) = next {
            batch.begin(next)?;
        } else if batch.is_idle() && (batch.is_full() || !ahead.is_looking()) {
            break;
        } else {
            batch.show();
            thread::park_timeout(TICK);
        }
    }
    Ok(())
}

/// Whether an engine that is this far with what it presses should be given `more` renditions: fewer than `enough`
/// segments are left.
pub(crate) fn has_room(pressing: impl Iterator<Item = Progress>, more: usize, enough: u64) -> bool {
    let (mut renditions, mut left) = (0, 0);
    for progress in pressing {
        renditions += 1;
        left += progress.segments - progress.segments_done;
    }
    left < enough && renditions + more <= RENDITIONS.max(more)
}

/// Masters in the order given, some of them being looked at. Looking may wait for disks and for other processes, so it
/// is done by threads of its own.
pub(crate) struct Ahead<I: Iterator, M> {
    queue: I,
    threads: usize,
    to_look_at: Sender<(I::Item, Sender<M>)>,
    coming: VecDeque<Receiver<M>>,
    ready: Option<M>,
    /// Wakes the thread that waits for what is ready.
    waker: Waker,
}

impl<I, M> Ahead<I, M>
where
    I: Iterator<Item: Send + 'static>,
    M: Send + 'static,
{
    /// Looks at what comes from `queue` on `threads` threads. The thread that calls this is the one to wait for it.
    pub(crate) fn new(
        queue: I,
        threads: usize,
        look: impl Fn(I::Item) -> M + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let (to_look_at, asked) = unbounded::<(I::Item, Sender<M>)>();
        let look = Arc::new(look);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        for index in 0..threads {
            let (asked, look, waker) = (asked.clone(), Arc::clone(&look), waker.clone());
            let looking = move || {
                for (master, found) in asked {
                    // Nobody wants it any more if the run was stopped.
                    let _ = found.send(look(master));
                    waker.wake_by_ref();
                }
            };
            let started = thread::Builder::new().name(format!("look {index}")).spawn(looking);
            started.map_err(|error| Failure::Other(format!("threads could not be started: {error}")))?;
        }
        Ok(Self { queue, threads, to_look_at, coming: VecDeque::new(), ready: None, waker })
    }
}

impl<I: Iterator, M> Ahead<I, M> {
    /// The next master, waited for; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<M>, Failure> {
        self.look_ahead();
        if self.ready.is_none()
            && let Some(first) = self.coming.pop_front()
        {
            self.ready = Some(first.recv().map_err(|_| panicked())?);
        }
        Ok(self.ready.take())
    }

    /// The next master if it was looked at, and `wants` it now.
    fn next_if(&mut self, wants: impl FnOnce(&M) -> bool) -> Result<Option<M>, Failure> {
        self.look_ahead();
        if self.ready.is_none()
            && let Some(first) = self.coming.front()
        {
            match first.try_recv() {
                Ok(master) => {
                    self.ready = Some(master);
                    self.coming.pop_front();
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(panicked()),
            }
        }
        Ok(self.ready.take_if(|master| wants(master)))
    }

    fn look_ahead(&mut self) {
        while self.coming.len() < self.threads
            && let Some(master) = self.queue.next()
        {
            let (found, coming) = bounded(1);
            // If a panic has ended all threads, whoever waits for the answer learns it.
            let _ = self.to_look_at.send((master, found));
            self.coming.push_back(coming);
        }
    }

    /// Whether a master is being looked at, or ready.
    fn is_looking(&self) -> bool {
        self.ready.is_some() || !self.coming.is_empty()
    }

    /// How many have not been taken.
    pub(crate) fn left(self) -> u64 {
        u64::from(self.ready.is_some()) + self.coming.len() as u64 + self.queue.count() as u64
    }

    /// Wakes the thread that waits.
    pub(crate) const fn waker(&self) -> &Waker {
        &self.waker
    }
}

fn panicked() -> Failure {
    Failure::Other("looking at a master failed with a panic".to_owned())
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
