//! `prewarm enqueue`: a task for each master and encoder.

use std::collections::VecDeque;
use std::error::Error as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode, message::PublishMessage};
use bytes::Bytes;
use serde::Serialize;
use tonepress::rendition::fingerprint::Fingerprint;
use tonepress::{Encoder, Profile};

use super::super::super::args::{self, Urgency};
use super::super::super::failures::Failures;
use super::super::super::report::{self, Failure};
use super::super::super::text::{are, count, several, were};
use super::super::super::{Outcome, interrupt, json};
use super::super::list::{self, Wanted};
use super::link::Link;
use super::streams::{Streams, task_subject};
use super::task::{Task, build, builds};

/// How many tasks are on their way at once.
const WINDOW: usize = 256;
/// How long a full queue, or one that does not answer, is left alone.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Default, Serialize)]
struct SummaryJson {
    /// Put into the queue.
    queued: u64,
    /// Open there already, or put there lately.
    waiting: u64,
    failed: u64,
    /// Whose turn did not come.
    left: u64,
    interrupted: bool,
}

/// A task on its way, and where to.
struct Letter {
    subject: String,
    id: String,
    payload: Bytes,
}

/// What the queue answered.
enum Answer {
    Taken,
    /// It has it.
    Known,
    /// There is no room in it now, or it does not answer: why.
    Later(String),
}

pub(super) fn run(args: &args::Enqueue) -> Result<Outcome, Failure> {
    let interrupted = interrupt::catch(|| ())?;
    let mut failures = Failures::new(args.queue.json.json);
    let bar = indicatif::ProgressBar::hidden();
    // Before all folders are walked through, to know that there is a queue.
    let link = Link::open(&args.queue.server)?;
    let builds = builds()?;
    // What takes them is made too, if no worker has done so: it counts them.
    link.wait(async { Streams::open(&link.jetstream).await?.consumers(&builds).await })
        .map_err(|trouble| link.failure(&trouble))?;
    let wanted = list::read(&args.wants, |unread| {
        failures.tell(&bar, &unread.path, None, &unread.error)?;
        failures.settle(&bar, &unread.path);
        Ok(())
    })?;
    let mut summary = SummaryJson { failed: failures.count(), ..SummaryJson::default() };
    let post = Post { args, fresh: wanted.into_iter(), ready: VecDeque::new() };
    send(&link, post, &interrupted, &mut summary)?;
    summary.interrupted = interrupted.load(Ordering::Relaxed);
    tell(&summary, args.queue.json.json)?;
    Ok(match summary {
        SummaryJson { interrupted: true, .. } => Outcome::Interrupted,
        SummaryJson { failed: 0, .. } => Outcome::Done,
        _ => Outcome::SomeFailed,
    })
}

/// What is to be sent. Tasks are made when it is their turn: there may be millions.
struct Post<'a> {
    args: &'a args::Enqueue,
    fresh: std::vec::IntoIter<Wanted>,
    ready: VecDeque<Letter>,
}

impl Post<'_> {
    fn next(&mut self) -> Result<Option<Letter>, Failure> {
        while self.ready.is_empty()
            && let Some(wanted) = self.fresh.next()
        {
            self.write(&wanted)?;
        }
        Ok(self.ready.pop_front())
    }

    /// The tasks of a master: one for each encoder.
    fn write(&mut self, wanted: &Wanted) -> Result<(), Failure> {
        for encoder in Encoder::ALL {
            let of = |profile: &&Profile| profile.encoder.unwrap_or_default() == encoder;
            let profiles: Vec<_> = wanted.profiles.iter().filter(of).copied().collect();
            if profiles.is_empty() {
                continue;
            }
            let urgency = if wanted.priority > 0 { Urgency::High } else { self.args.priority };
            let task = Task::new(wanted, &profiles, self.args.wants.nearest.is_wanted())
                .map_err(|error| Failure::Other(format!("{}: {error}", wanted.candidate.name())))?;
            let id = task.id();
            let subject = task_subject(&build(Fingerprint::of(encoder)?), urgency, &id);
            self.ready.push_back(Letter { subject, id, payload: task.payload().into() });
        }
        Ok(())
    }

    fn left(&self) -> u64 {
        (self.ready.len() + self.fresh.len()) as u64
    }
}

/// Puts all into the queue, and waits while it is full.
fn send(
    link: &Link,
    mut post: Post,
    interrupted: &AtomicBool,
    summary: &mut SummaryJson,
) -> Result<(), Failure> {
    let (mut said, mut is_full) = (false, false);
    let mut on_their_way: VecDeque<(Letter, PublishAckFuture)> = VecDeque::new();
    loop {
        let stop = interrupted.load(Ordering::Relaxed);
        if !stop
            && !is_full
            && on_their_way.len() < WINDOW
            && let Some(letter) = post.next()?
        {
            let message = PublishMessage::build().message_id(&letter.id).payload(letter.payload.clone());
            let sent = link.wait(link.jetstream.send_publish(letter.subject.clone(), message));
            on_their_way.push_back((letter, sent.map_err(|error| link.failure(&error.into()))?));
            continue;
        }
        let Some((letter, sent)) = on_their_way.pop_front() else {
            if stop || !is_full {
                break;
            }
            link.wait(async { tokio::time::sleep(PAUSE).await });
            is_full = false;
            continue;
        };
        match answer(link.wait(sent.into_future())).map_err(|error| link.failure(&error.into()))? {
            Answer::Taken => summary.queued += 1,
            Answer::Known => summary.waiting += 1,
            Answer::Later(why) => {
                // Those on their way have met the same: it is waited once for all of them.
                is_full = true;
                post.ready.push_back(letter);
                if !std::mem::replace(&mut said, true) {
                    report::note(&format!("{}: {why}; waiting", link.name));
                }
            }
        }
    }
    summary.left = post.left();
    Ok(())
}

fn answer(answer: Result<jetstream::publish::PublishAck, PublishError>) -> Result<Answer, PublishError> {
    let error = match answer {
        Ok(taken) if taken.duplicate => return Ok(Answer::Known),
        Ok(_) => return Ok(Answer::Taken),
        Err(error) => error,
    };
    if matches!(error.kind(), PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe) {
        return Ok(Answer::Later("it does not answer".to_owned()));
    }
    match error.source().and_then(|source| source.downcast_ref::<jetstream::Error>()) {
        Some(why) if why.error_code() == ErrorCode::STREAM_STORE_FAILED => {
            let why = why.to_string();
            if why.contains("per subject") {
                return Ok(Answer::Known);
            }
            if why.contains("maximum") {
                return Ok(Answer::Later("it is full".to_owned()));
            }
            Err(error)
        }
        _ => Err(error),
    }
}

fn tell(summary: &SummaryJson, json: bool) -> Result<(), Failure> {
    if json {
        json::line("enqueued", summary)?;
    }
    let mut parts = vec![format!(
        "{}{} put into the queue",
        if summary.interrupted { "interrupted: " } else { "" },
        several(summary.queued, "task")
    )];
    if summary.waiting > 0 {
        parts.push(format!("{} {} there already", count(summary.waiting), were(summary.waiting)));
    }
    if summary.left > 0 {
        parts.push(format!("{} {} left", count(summary.left), are(summary.left)));
    }
    if summary.failed > 0 {
        parts.push(format!("{} failed", several(summary.failed, "place")));
    }
    report::note(&parts.join("; "));
    Ok(())
}
