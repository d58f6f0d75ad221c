//! Pre-warming by workers that take their tasks from a real NATS server.
// Numbers are small, and whatever goes wrong fails the test.
#![allow(clippy::cast_possible_truncation, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod manners;
mod server;
mod storm;
mod unit;
