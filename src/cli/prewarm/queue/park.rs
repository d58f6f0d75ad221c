//! Tasks that the server gives to nobody any more: those that were given to workers as often as may be are reported as failed, and leave the
//! queue; those that it has forgotten are given out again.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageErrorKind};
use serde::Deserialize;

use super::desk::Desk;
use super::failure::{FailedTask, Reason};
use super::link::{Trouble, next};
use super::streams::failed_subject;
use super::task::Task;

/// How often it is looked whether there are any.
const PAUSE: Duration = Duration::from_secs(5);
/// After how many looks it is looked for those that the server has forgotten.
const LOOKS: u32 = 12;

/// What the server says of such a task.
#[derive(Deserialize)]
struct Advisory {
    stream_seq: u64,
    deliveries: u64,
}

/// Parks them, for ever.
pub(super) async fn run(desk: Arc<Desk>) {
    for look in (0..LOOKS).cycle() {
        // Trouble with the queue is told by those who take tasks.
        while let Ok(true) = park_one(&desk).await {}
        if look == 0 {
            let _ = revive(&desk).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether there was one.
async fn park_one(desk: &Desk) -> Result<bool, Trouble> {
    let Some(message) = next(&desk.streams.parked().await?).await? else { return Ok(false) };
    if let Ok(advisory) = serde_json::from_slice::<Advisory>(&message.payload) {
        park(desk, &advisory).await?;
    }
    // Only now: if this worker is killed before, another does it again, to the same end.
    message.double_ack().await.map_err(Trouble::of)?;
    Ok(true)
}

async fn park(desk: &Desk, advisory: &Advisory) -> Result<(), Trouble> {
    let raw = match desk.streams.tasks.get_raw_message(advisory.stream_seq).await {
        Ok(raw) => raw,
        // A worker that was slow has settled it after all, or it has been parked.
        Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    // The subject is "tonepress.task.BUILD.…".
    let build = raw.subject.split('.').nth(2).unwrap_or_default();
    if let Ok(task) = Task::parse(&raw.payload) {
        let error = format!(
            "given to a worker {} times, and each died over it or hung; not tried again",
            advisory.deliveries
        );
        let place = failed_subject(&task.place(build));
        let reason = Reason { profile: None, error };
        let failed = FailedTask::new(task, vec![reason], advisory.deliveries, desk.name());
        desk.publish(place, Some(advisory.stream_seq), &failed).await?;
    }
    desk.streams.tasks.delete_message(advisory.stream_seq).await?;
    Ok(())
}

/// A server that is killed may forget who has which task. Such tasks lie where they were, though all of them were given out and nobody
/// has them. Their consumer is made anew, which gives them out again: what was settled is found in the store, and leaves. How often they
/// were given out is counted from the start then.
async fn revive(desk: &Desk) -> Result<(), Trouble> {
    for (_, mut consumer) in desk.streams.consumers(desk.builds()).await? {
        let info = consumer.info().await?.clone();
        if !is_idle(&info) {
            continue;
        }
        let (name, subject) = (info.name.clone(), info.config.filter_subject.clone());
        let given_out = info.delivered.stream_sequence;
        // What is still to be parked lies there, too.
        if !desk.streams.is_parking_over().await? {
            return Ok(());
        }
        let tasks = &desk.streams.tasks;
        match tasks.raw_message_builder().sequence(1).next_by_subject(subject.as_str()).send().await {
            Ok(first) if first.sequence <= given_out => {
                // Another worker may have done it meanwhile, and somebody have a task of the new one.
                let now = consumer.info().await?;
                if now.created == info.created && is_idle(now) {
                    drop(tasks.delete_consumer(&name).await);
                }
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether all that it has was given out, and nobody has any of it.
fn is_idle(info: &Info) -> bool {
    info.num_pending == 0 && info.num_ack_pending == 0
}
