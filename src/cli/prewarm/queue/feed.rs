//! Takes tasks from the queue when one is asked for, the most urgent first, and looks at their masters.

use std::sync::Arc;
use std::thread::Thread;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use crossbeam::channel::Sender;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tonepress::Store;

use super::super::super::report;
use super::super::look::{Ask, Looked, look};
use super::desk::Desk;
use super::hold::{Held, hold};
use super::link::{Trouble, next};

/// How long an empty queue is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// A task whose master was looked at, or why that was not possible.
pub(super) type Taken = (Held, Result<Looked, String>);

/// See the module.
pub(super) struct Feed {
    pub(super) desk: Arc<Desk>,
    pub(super) store: Store,
    /// To whom tasks go, and who is woken then.
    pub(super) to: Sender<Taken>,
    pub(super) wake: Thread,
    /// Held by all that still has something to tell the queue.
    pub(super) alive: mpsc::Sender<()>,
}

impl Feed {
    /// Gives a task for each time that one is `asked` for.
    pub(super) async fn run(self, mut asked: UnboundedReceiver<()>) {
        let mut consumers = Vec::new();
        let mut failures = 0_u32;
        while asked.recv().await.is_some() {
            let held = loop {
                match self.take(&mut consumers).await {
                    Ok(Some(held)) => break held,
                    Ok(None) => failures = 0,
                    Err(trouble) => {
                        consumers.clear();
                        failures = failures.saturating_add(1);
                        // Once is what happens when another worker makes a consumer anew.
                        if failures == 2 {
                            report::warn(&format!(
                                "no task could be taken from the queue: {trouble}; trying again"
                            ));
                        }
                    }
                }
                tokio::time::sleep(PAUSE).await;
            };
            failures = 0;
            let looked = self.look(&held).await;
            // Nobody wants it any more if the worker stops: then it is given back.
            let _ = self.to.send((held, looked));
            self.wake.unpark();
        }
    }

    /// The most urgent task that there is now.
    async fn take(&self, consumers: &mut Vec<(String, PullConsumer)>) -> Result<Option<Held>, Trouble> {
        if consumers.is_empty() {
            *consumers = self.desk.streams.consumers(self.desk.builds()).await?;
        }
        for (build, consumer) in consumers {
            if let Some(message) = next(consumer).await? {
                let config = &consumer.cached_info().config;
                let terms = (config.ack_wait, config.max_deliver);
                return hold(&self.desk, build, message, terms, self.alive.clone()).await.map(Some);
            }
        }
        Ok(None)
    }

    /// Opens the master and hashes it, which may take its time on a thread of its own.
    async fn look(&self, held: &Held) -> Result<Looked, String> {
        let (wanted, store) = (held.task.wanted()?, self.store.clone());
        let ask = Ask { verdict: false, loudness: false };
        let looked = tokio::task::spawn_blocking(move || look(wanted, &store, ask)).await;
        looked.map_err(|_| "looking at the master failed with a panic".to_owned())
    }
}
