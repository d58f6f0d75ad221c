//! Tasks that this worker holds: each is kept by telling the queue while it advances, and then settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use tokio::sync::{mpsc, oneshot};
use tokio::time;

use super::desk::Desk;
use super::failure::{FailedTask, Reason};
use super::link::Trouble;
use super::streams::failed_subject;
use super::task::Task;

/// From this delivery on a task is pressed alone: if it kills its worker, it kills no other task's.
const SUSPECT: u64 = 3;
/// How long the queue is left alone when it does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// What becomes of a task.
pub(super) enum Verdict {
    /// All its renditions are in the store.
    Done,
    /// It failed for good.
    Failed(Vec<Reason>),
    /// It may go well after so long, here or elsewhere.
    Later(Duration),
}

/// A task that is held until it is settled; if it is dropped, it is given back at once.
pub(super) struct Held {
    pub(super) task: Task,
    /// How often it has been given to a worker, this time included.
    pub(super) deliveries: u64,
    /// It will not be given to another.
    pub(super) is_last: bool,
    advance: Arc<AtomicU64>,
    verdict: oneshot::Sender<Verdict>,
}

impl Held {
    /// Whether it had better be pressed alone.
    pub(super) fn is_suspect(&self) -> bool {
        self.deliveries >= SUSPECT
    }

    /// It has begun, and so many of its segments are done.
    pub(super) fn advanced(&self, segments: u64) {
        self.advance.store(segments + 1, Ordering::Relaxed);
    }

    pub(super) fn settle(self, verdict: Verdict) {
        // Nobody listens any more if the runtime is gone; then the task will come again.
        let _ = self.verdict.send(verdict);
    }
}

/// What the queue is to be told about a task, and by whom.
struct Keeper {
    desk: Arc<Desk>,
    build: String,
    task: Task,
    deliveries: u64,
    message: Message,
    advance: Arc<AtomicU64>,
}

/// Holds a message that was taken with a consumer of `build`, whose `ack_wait` and `max_deliver` are given.
///
/// # Errors
/// If it is no task that this build understands; then it has been given back for others.
pub(super) async fn hold(
    desk: &Arc<Desk>,
    build: &str,
    message: Message,
    (ack_wait, max_deliver): (Duration, i64),
    alive: mpsc::Sender<()>,
) -> Result<Held, Trouble> {
    let deliveries = u64::try_from(message.info().map_err(Trouble::of)?.delivered).unwrap_or(1);
    let task = match Task::parse(&message.payload) {
        Ok(task) => task,
        Err(error) => {
            let _ = message.ack_with(AckKind::Nak(Some(ack_wait))).await; // else it comes back by itself
            return Err(Trouble::of(format!("a task in the queue is not understood: {error}")));
        }
    };
    let advance = Arc::new(AtomicU64::new(0));
    let (verdict, told) = oneshot::channel();
    let held = Held {
        task: task.clone(),
        deliveries,
        is_last: u64::try_from(max_deliver).is_ok_and(|most| deliveries >= most),
        advance: Arc::clone(&advance),
        verdict,
    };
    let (desk, build) = (Arc::clone(desk), build.to_owned());
    let keeper = Keeper { desk, build, task, deliveries, message, advance };
    tokio::spawn(async move {
        let verdict = keeper.keep(told, ack_wait / 4).await;
        keeper.settle(verdict).await;
        drop(alive);
    });
    Ok(held)
}

impl Keeper {
    /// Tells the queue while there is advance, and gives the verdict; `None` if there was none.
    async fn keep(&self, mut verdict: oneshot::Receiver<Verdict>, every: Duration) -> Option<Verdict> {
        let mut known = self.far();
        let mut clock = time::interval(every.max(Duration::from_millis(10)));
        clock.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        clock.tick().await; // the first is at once
        loop {
            tokio::select! {
                verdict = &mut verdict => return verdict.ok(),
                _ = clock.tick() => {
                    let far = self.far();
                    if far != known {
                        known = far;
                        // If it is not heard the next may be, or another worker takes over.
                        let _ = self.message.ack_with(AckKind::Progress).await;
                    }
                }
            }
        }
    }

    /// How far it is; while it has not begun, how far those before it are.
    fn far(&self) -> (bool, u64) {
        match self.advance.load(Ordering::Relaxed) {
            0 => (false, self.desk.segments()),
            own => (true, own),
        }
    }

    async fn settle(&self, verdict: Option<Verdict>) {
        let failed = match verdict {
            None => return self.give_back(None).await,
            Some(Verdict::Later(after)) => return self.give_back(Some(after)).await,
            Some(Verdict::Done) => None,
            Some(Verdict::Failed(reasons)) => {
                Some(FailedTask::new(self.task.clone(), reasons, self.deliveries, self.desk.name()))
            }
        };
        // What is in the store need not be pressed again because the queue was away.
        while self.try_settle(failed.as_ref()).await.is_err() {
            time::sleep(PAUSE).await;
        }
    }

    async fn try_settle(&self, failed: Option<&FailedTask>) -> Result<(), Trouble> {
        let place = failed_subject(&self.task.place(&self.build));
        if let Some(failed) = failed {
            let id = self.message.info().map_err(Trouble::of)?.stream_sequence;
            self.desk.publish(place, Some(id), failed).await?;
            return self.message.double_ack_with(AckKind::Term).await.map_err(Trouble::of);
        }
        // What failed before has gone well now.
        self.desk.streams.failed.purge().filter(place).await?;
        self.message.double_ack().await.map_err(Trouble::of)
    }

    async fn give_back(&self, after: Option<Duration>) {
        // If it is not heard the task comes back by itself, only later.
        if self.message.ack_with(AckKind::Nak(after)).await.is_ok() {
            let _ = self.message.context.client().flush().await;
        }
    }
}
