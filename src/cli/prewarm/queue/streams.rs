//! The streams and consumers of a queue. They are made where they are missing and never changed, so an operator's settings stay.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};

use super::super::super::args::Urgency;
use super::link::Trouble;

/// Tasks, of which each leaves when it is settled.
const TASKS: &str = "TONEPRESS_TASKS";
/// What failed: the last of each master and build.
const FAILED: &str = "TONEPRESS_FAILED";
/// What the server says of tasks that it gives to nobody any more.
const PARKED: &str = "TONEPRESS_PARKED";
/// What workers say of themselves.
const WORKERS: &str = "TONEPRESS_WORKERS";

/// How many tasks may be open. Who has more waits.
const MAX_TASKS: i64 = 1_000_000;
/// A task of which its worker has said nothing for so long is given to another.
const ACK_WAIT: Duration = Duration::from_secs(60);
/// How often a task is given to a worker, at most. Those that are killed for another reason count, too.
const MAX_DELIVER: i64 = 20;
/// How many tasks all workers together may have in work.
const MAX_IN_WORK: i64 = 50_000;
/// What workers have said of themselves is forgotten after this.
pub(super) const MAX_SILENCE: Duration = Duration::from_secs(60);
/// A build that nobody has worked with for so long is forgotten; its tasks stay.
const MAX_IDLE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The streams of a queue.
pub(super) struct Streams {
    pub(super) tasks: Stream,
    pub(super) failed: Stream,
    pub(super) workers: Stream,
    parked: Stream,
}

/// Where a task lies.
pub(super) fn task_subject(build: &str, urgency: Urgency, id: &str) -> String {
    format!("tonepress.task.{build}.{}.{id}", word(urgency))
}

/// Where a failure lies; "*" stands for all.
pub(super) fn failed_subject(place: &str) -> String {
    format!("tonepress.failed.{place}")
}

/// Where what a worker says of itself lies; "*" stands for all.
pub(super) fn worker_subject(worker: &str) -> String {
    format!("tonepress.worker.{worker}")
}

fn word(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::High => "high",
        Urgency::Normal => "normal",
    }
}

/// The name of the consumer of a build.
pub(super) fn consumer_name(build: &str, urgency: Urgency) -> String {
    format!("{build}-{}", word(urgency))
}

impl Streams {
    /// Those of the queue, which are made if need be.
    pub(super) async fn open(jetstream: &Context) -> Result<Self, Trouble> {
        let open = async |config: Config| jetstream.get_or_create_stream(config).await;
        Ok(Self {
            tasks: open(Config {
                name: TASKS.to_owned(),
                subjects: vec!["tonepress.task.>".to_owned()],
                retention: RetentionPolicy::WorkQueue,
                storage: StorageType::File,
                discard: DiscardPolicy::New,
                max_messages: MAX_TASKS,
                // What is still open is not queued again, however long ago it was.
                max_messages_per_subject: 1,
                discard_new_per_subject: true,
                duplicate_window: Duration::from_secs(120),
                ..Config::default()
            })
            .await?,
            failed: open(Config {
                name: FAILED.to_owned(),
                subjects: vec![failed_subject("*")],
                storage: StorageType::File,
                max_messages_per_subject: 1,
                ..Config::default()
            })
            .await?,
            workers: open(Config {
                name: WORKERS.to_owned(),
                subjects: vec![worker_subject("*")],
                storage: StorageType::Memory,
                max_messages_per_subject: 1,
                max_age: MAX_SILENCE,
                ..Config::default()
            })
            .await?,
            parked: open(Config {
                name: PARKED.to_owned(),
                subjects: vec![format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{TASKS}.*")],
                retention: RetentionPolicy::WorkQueue,
                storage: StorageType::File,
                ..Config::default()
            })
            .await?,
        })
    }

    /// Those that take the tasks of `builds`, each with its build: the most urgent tasks first.
    pub(super) async fn consumers(&self, builds: &[String]) -> Result<Vec<(String, PullConsumer)>, Trouble> {
        let mut consumers = Vec::new();
        for urgency in [Urgency::High, Urgency::Normal] {
            for build in builds {
                consumers.push((build.clone(), self.consumer(build, urgency).await?));
            }
        }
        Ok(consumers)
    }

    async fn consumer(&self, build: &str, urgency: Urgency) -> Result<PullConsumer, Trouble> {
        let name = consumer_name(build, urgency);
        let config = pull::Config {
            durable_name: Some(name.clone()),
            filter_subject: task_subject(build, urgency, "*"),
            ack_wait: ACK_WAIT,
            max_deliver: MAX_DELIVER,
            max_ack_pending: MAX_IN_WORK,
            inactive_threshold: MAX_IDLE,
            ..pull::Config::default()
        };
        Ok(self.tasks.get_or_create_consumer(&name, config).await?)
    }

    /// Takes what the server says of tasks that it gives to nobody any more.
    pub(super) async fn parked(&self) -> Result<PullConsumer, Trouble> {
        let name = "park";
        let config = pull::Config { durable_name: Some(name.to_owned()), ..pull::Config::default() };
        Ok(self.parked.get_or_create_consumer(name, config).await?)
    }

    /// Whether the server has said nothing of tasks that nobody has read yet.
    pub(super) async fn is_parking_over(&self) -> Result<bool, Trouble> {
        Ok(self.parked.get_info().await?.state.messages == 0)
    }
}
