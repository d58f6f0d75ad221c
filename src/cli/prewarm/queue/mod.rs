//! `prewarm enqueue`, `prewarm work` and `prewarm status`: pre-warming by many machines, which take their tasks from a queue of a NATS
//! server.
//!
//! A task leaves the queue when all its renditions are in the worker's store. Correctness never depends on the queue: a task that is given to
//! two workers is pressed twice, to the same bytes.

mod desk;
mod enqueue;
mod failure;
mod feed;
mod hand;
mod hold;
mod link;
mod park;
mod status;
mod streams;
mod task;
mod work;

use super::super::report::Failure;
use super::super::{Outcome, args};

pub(super) fn run(action: &args::QueueAction) -> Result<Outcome, Failure> {
    match action {
        args::QueueAction::Enqueue(args) => enqueue::run(args),
        args::QueueAction::Work(args) => work::run(args),
        args::QueueAction::Status(args) => status::run(args),
    }
}
