//! The way to the queue: a runtime of its own with one thread, on which all that waits for the network is done.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{Context, Message};
use async_nats::{ConnectOptions, Event, ServerAddr};
use futures_core::Stream;
use tokio::runtime::{Builder, Runtime};

use super::super::super::report::{self, Failure};

/// How long an answer of the server is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What went wrong between us and the queue.
#[derive(Debug)]
pub(super) struct Trouble(String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl Trouble {
    /// Of what the client does not type.
    pub(super) fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A connection, and the thread that serves it.
pub(super) struct Link {
    runtime: Option<Runtime>,
    pub(super) jetstream: Context,
    /// Its address without a password, for people.
    pub(super) name: String,
}

impl Link {
    /// Connects. Later it does so again by itself, as often as need be.
    pub(super) fn open(server: &ServerAddr) -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("queue").enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::Other(format!("threads could not be started: {error}")))?;
        let name = format!("{}:{}", server.host(), server.port());
        let said = name.clone();
        let options = ConnectOptions::new()
            .name("tonepress")
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .event_callback(move |event| {
                match event {
                    Event::Disconnected => {
                        report::warn(&format!("{said}: the connection is lost; trying again"));
                    }
                    Event::Connected => report::detail(|| format!("{said}: connected")),
                    other => report::detail(|| format!("{said}: {other}")),
                }
                std::future::ready(())
            });
        let jetstream = runtime.block_on(async {
            let client = options.connect(server.clone()).await?;
            // It starts a task of its own.
            let mut jetstream = async_nats::jetstream::new(client);
            jetstream.set_timeout(PATIENCE);
            Ok(jetstream)
        });
        let jetstream = jetstream
            .map_err(|error: async_nats::ConnectError| Failure::Other(format!("{name}: {error}")))?;
        Ok(Self { runtime: Some(runtime), jetstream, name })
    }

    /// Waits for what the thread does.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime().block_on(future)
    }

    pub(super) fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("until it is dropped")
    }

    /// What became of the connection, in words.
    pub(super) fn failure(&self, trouble: &Trouble) -> Failure {
        Failure::Other(format!("{}: {trouble}", self.name))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // What hangs in a file system is not waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The next message of a consumer, if there is one now.
pub(super) async fn next(consumer: &PullConsumer) -> Result<Option<Message>, Trouble> {
    let mut messages = consumer.fetch().max_messages(1).messages().await?;
    let next = std::future::poll_fn(|context| Pin::new(&mut messages).poll_next(context));
    match tokio::time::timeout(PATIENCE, next).await {
        Ok(message) => message.transpose().map_err(Trouble::of),
        Err(_) => Err(Trouble::of("the server does not answer")),
    }
}
