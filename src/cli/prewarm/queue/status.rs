//! `prewarm status`: how far a queue is, and what failed.

use std::collections::BTreeSet;
use std::pin::pin;

use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream as Messages};
use futures_core::Stream;
use serde::Serialize;

use super::super::super::args::{self, Urgency};
use super::super::super::report::{self, Failure};
use super::super::super::text::{count, several, wait};
use super::super::super::{Outcome, json};
use super::desk::Standing;
use super::failure::FailedTask;
use super::link::{Link, Trouble};
use super::streams::{Streams, consumer_name, failed_subject, worker_subject};

#[derive(Debug, Default, Serialize)]
struct Json {
    /// Tasks that were settled well, since the queue was made.
    done: u64,
    in_work: u64,
    open: u64,
    /// Of those.
    high: u64,
    /// Of those that are open: no worker has their build now.
    unclaimed: u64,
    failed: u64,
    workers: u64,
    tasks_per_s: f64,
    realtime_x: f64,
    /// `None` if nobody works.
    left_s: Option<f64>,
}

pub(super) fn run(args: &args::Queue) -> Result<Outcome, Failure> {
    let link = Link::open(&args.server)?;
    let seen = link.wait(async {
        let streams = Streams::open(&link.jetstream).await?;
        Ok((look(&streams).await?, streams))
    });
    let (status, streams) = seen.map_err(|trouble| link.failure(&trouble))?;
    if args.json.json {
        json::line("queue", &status)?;
    } else {
        report::line(text(&status))?;
    }
    // One after the other: there may be many.
    let mut after = 0;
    let subject = failed_subject("*");
    loop {
        let failed = link.wait(following::<FailedTask>(&streams.failed, &subject, after));
        let Some((at, failed)) = failed.map_err(|trouble| link.failure(&trouble))? else { break };
        after = at;
        match failed {
            Some(failed) if args.json.json => failed.tell()?,
            Some(failed) => failed.lines().for_each(|line| report::error(&line)),
            None => report::warn("a failure that this build does not understand"),
        }
    }
    Ok(if status.failed == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

async fn look(streams: &Streams) -> Result<Json, Trouble> {
    let tasks = streams.tasks.get_info().await?.state;
    let failed = streams.failed.get_info().await?.state;
    let mut status = Json { failed: failed.messages, ..Json::default() };
    let mut builds = BTreeSet::new();
    let (subject, mut after) = (worker_subject("*"), 0);
    while let Some((at, standing)) = following::<Standing>(&streams.workers, &subject, after).await? {
        after = at;
        let Some(standing) = standing else { continue };
        status.workers += 1;
        status.tasks_per_s += standing.rate();
        status.realtime_x += standing.speed();
        builds.extend(standing.builds);
    }
    let mut claimed = 0;
    let mut consumers = pin!(streams.tasks.consumers());
    while let Some(consumer) = std::future::poll_fn(|context| consumers.as_mut().poll_next(context)).await {
        let consumer = consumer?;
        let has = |urgency| builds.iter().any(|build| consumer.name == consumer_name(build, urgency));
        status.in_work += consumer.num_ack_pending as u64;
        if consumer.name.ends_with("-high") {
            status.high += consumer.num_pending;
        }
        if has(Urgency::High) || has(Urgency::Normal) {
            claimed += consumer.num_pending;
        }
    }
    status.open = tasks.messages.saturating_sub(status.in_work);
    status.unclaimed = status.open.saturating_sub(claimed);
    // Of what has left, each that failed has left a message, though later ones may have taken its place.
    status.done = (tasks.last_sequence - tasks.messages).saturating_sub(failed.last_sequence);
    let left = (status.open + status.in_work - status.unclaimed) as f64;
    status.left_s = (status.tasks_per_s > 0.0).then(|| left / status.tasks_per_s);
    Ok(status)
}

/// The first message behind `after` and its number; the object is `None` if it is not understood.
async fn following<T: serde::de::DeserializeOwned>(
    messages: &Messages,
    subject: &str,
    after: u64,
) -> Result<Option<(u64, Option<T>)>, Trouble> {
    match messages.raw_message_builder().sequence(after + 1).next_by_subject(subject).send().await {
        Ok(message) => Ok(Some((message.sequence, serde_json::from_slice(&message.payload).ok()))),
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn text(status: &Json) -> String {
    let high =
        if status.high > 0 { format!(" ({} of high priority)", count(status.high)) } else { String::new() };
    let tasks = format!(
        "{} done, {} in work, {} open{high}, {} failed",
        several(status.done, "task"),
        count(status.in_work),
        count(status.open),
        count(status.failed),
    );
    let workers = several(status.workers, "worker");
    let workers = match status.left_s {
        Some(left) => format!(
            "{workers}: {:.1} tasks a minute, {:.0}x real time, {} left",
            60.0 * status.tasks_per_s,
            status.realtime_x,
            wait(left)
        ),
        None => workers,
    };
    let unclaimed = if status.unclaimed > 0 {
        format!("\n{} for builds that no worker has", several(status.unclaimed, "open task"))
    } else {
        String::new()
    };
    format!("{tasks}\n{workers}{unclaimed}")
}
