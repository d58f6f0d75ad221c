//! What the tasks of a worker share: its way to the queue, its name, and what it says of itself.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_nats::jetstream::Context;
use async_nats::jetstream::message::PublishMessage;
use serde::{Deserialize, Serialize};

use super::link::Trouble;
use super::streams::{MAX_SILENCE, Streams, worker_subject};

/// What counts as recent.
const RECENT: Duration = Duration::from_secs(300);

/// See the module.
pub(super) struct Desk {
    jetstream: Context,
    pub(super) streams: Streams,
    /// For people.
    name: String,
    subject: String,
    builds: Vec<String>,
    started: Instant,
    /// Segments of all tasks that were pressed.
    segments: AtomicU64,
    /// When tasks were settled, and the seconds of audio that were pressed for each. Nothing else is locked under it.
    settled: Mutex<VecDeque<(Instant, f64)>>,
}

/// What a worker says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Standing {
    worker: String,
    /// The builds whose tasks it takes.
    pub(super) builds: Vec<String>,
    /// What it has settled lately, and in what time.
    tasks: u64,
    seconds: f64,
    /// Of audio that was pressed for them.
    audio_s: f64,
}

impl Standing {
    /// Tasks a second.
    pub(super) fn rate(&self) -> f64 {
        self.tasks as f64 / self.seconds.max(1.0)
    }

    /// Seconds of audio a second.
    pub(super) fn speed(&self) -> f64 {
        self.audio_s / self.seconds.max(1.0)
    }
}

impl Desk {
    pub(super) fn new(jetstream: Context, streams: Streams, builds: Vec<String>) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let name = format!("{host}/{}", std::process::id());
        // Process numbers come again, in containers always.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let subject = worker_subject(&blake3::hash(format!("{name} {since}").as_bytes()).to_hex()[..32]);
        Self {
            jetstream,
            streams,
            name,
            subject,
            builds,
            started: Instant::now(),
            segments: AtomicU64::new(0),
            settled: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn builds(&self) -> &[String] {
        &self.builds
    }

    /// How many segments this worker has done.
    pub(super) fn segments(&self) -> u64 {
        self.segments.load(Ordering::Relaxed)
    }

    pub(super) fn add_segments(&self, more: u64) {
        self.segments.fetch_add(more, Ordering::Relaxed);
    }

    /// A task is settled, for which so many seconds of audio were pressed.
    pub(super) fn settled(&self, audio: f64) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.push_back((Instant::now(), audio));
        while settled.front().is_some_and(|(when, _)| when.elapsed() > RECENT) {
            settled.pop_front();
        }
    }

    fn standing(&self) -> Standing {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = settled.iter().filter(|(when, _)| when.elapsed() <= RECENT);
        let (tasks, audio_s) = recent.fold((0, 0.0), |(tasks, sum), (_, audio)| (tasks + 1, sum + audio));
        let seconds = self.started.elapsed().min(RECENT).as_secs_f64();
        Standing { worker: self.name.clone(), builds: self.builds.clone(), tasks, seconds, audio_s }
    }

    /// Puts an object where it takes the place of the one before. What has an `id` is put there once, however often
    /// it is tried.
    pub(super) async fn publish(
        &self,
        subject: String,
        id: Option<u64>,
        object: &impl Serialize,
    ) -> Result<(), Trouble> {
        let mut message = PublishMessage::build().payload(serde_json::to_vec(object)?.into());
        if let Some(id) = id {
            message = message.message_id(id.to_string());
        }
        self.jetstream.send_publish(subject, message).await?.await?;
        Ok(())
    }

    /// Says again and again how it is.
    pub(super) async fn say(self: Arc<Self>) {
        let mut clock = tokio::time::interval(MAX_SILENCE / 12);
        loop {
            clock.tick().await;
            // Said again soon.
            let _ = self.publish(self.subject.clone(), None, &self.standing()).await;
        }
    }
}
