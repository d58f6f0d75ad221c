//! The arguments of `prewarm enqueue`, `prewarm work` and `prewarm status`, as typed.

use async_nats::ServerAddr;
use clap::{Subcommand, ValueEnum};

use super::wants::Wants;
use crate::cli::help::{ENQUEUE_HELP, STATUS_HELP, WORK_HELP};
use crate::cli::options::{Cache, Jobs, Json, Nice};

#[derive(Debug, Subcommand)]
pub(crate) enum QueueAction {
    /// Put tasks into a queue: one a master, with all its profiles
    #[command(after_help = ENQUEUE_HELP)]
    Enqueue(Enqueue),
    /// Press what a queue asks for, until stopped
    #[command(after_help = WORK_HELP)]
    Work(WorkOff),
    /// Tell how far a queue is, and what failed
    #[command(after_help = STATUS_HELP)]
    Status(Queue),
}

/// Which queue.
#[derive(Debug, clap::Args)]
pub(crate) struct Queue {
    /// The NATS server, such as <nats://queue.example:4222>; tls:// and <nats://USER:PASSWORD@…> are understood
    #[arg(long = "queue", value_name = "URL", env = "TONEPRESS_QUEUE", hide_env_values = true, value_parser = server)]
    pub(crate) server: ServerAddr,
    #[command(flatten)]
    pub(crate) json: Json,
}

fn server(text: &str) -> Result<ServerAddr, String> {
    let server: ServerAddr = text.parse().map_err(|error: std::io::Error| error.to_string())?;
    match server.scheme() {
        _ if server.host().is_empty() => Err("it names no host".to_owned()),
        "nats" | "tls" => Ok(server),
        other => Err(format!("a queue is at nats:// or tls://, not at {other}://")),
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Enqueue {
    #[command(flatten)]
    pub(crate) wants: Wants,
    /// What is high is pressed before all that is normal; so is what a list gives a priority above 0
    #[arg(long, value_name = "WHICH", default_value = "normal")]
    pub(crate) priority: Urgency,
    #[command(flatten)]
    pub(crate) queue: Queue,
}

/// Which tasks are taken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Urgency {
    /// Before all others
    High,
    /// In the order in which they came
    Normal,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WorkOff {
    #[command(flatten)]
    pub(crate) queue: Queue,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) nice: Nice,
    #[command(flatten)]
    pub(crate) cache: Cache,
}
