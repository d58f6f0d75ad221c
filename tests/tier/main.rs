//! The tier and masters in object storage, against real servers that these tests start: radosgw and moto. What does not
//! need a server uses a folder.

// Tests fail by panicking, export nothing, and use small numbers.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::similar_names
)]

#[path = "../common/mod.rs"]
mod common;

mod accept;
#[cfg(all(feature = "aws", feature = "azure"))]
mod azure;
mod cli;
#[cfg(feature = "aws")]
mod cold;
#[cfg(feature = "aws")]
mod faults;
mod folder;
mod masters;
#[cfg(feature = "aws")]
mod proxy;
#[cfg(feature = "aws")]
mod round_trips;
mod runtimes;
mod scene;
#[cfg(feature = "aws")]
mod server;
