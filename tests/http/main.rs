//! The kit for backends: answers over renditions, against what nginx answers for the same file; readers, streams and ZIPs.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod aio;
mod answers;
mod hyper;
mod nginx;
mod zip;

use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::pin::Pin;

use ::http::{HeaderMap, HeaderName, Method, Response};
use http_body::Body as _;
use tonepress::http::Body;
use tonepress::master::Master;
use tonepress::poll_bytes::PollBytes;
use tonepress::{Engine, Profile};

fn strings() -> Master {
    Master::open("testdata/strings.flac").unwrap()
}

/// Eight segments that are pressed in no time.
fn long() -> Master {
    common::memory::music(22_050, 1, 8 * 20 * 22_050 + 12_345)
}

fn profile(text: &str) -> Profile {
    text.parse().unwrap()
}

fn engine(threads: usize) -> Engine {
    Engine::builder().threads(NonZeroUsize::new(threads).unwrap()).build().unwrap()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn headers(pairs: &[(&str, String)]) -> HeaderMap {
    let pair = |(name, value): &(&str, String)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    pairs.iter().map(pair).collect()
}

/// All bytes of a body, or why there are no more.
async fn bytes(body: &mut Body) -> tonepress::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        all.extend_from_slice(frame?.data_ref().unwrap());
    }
    Ok(all)
}

/// A range of what can be polled.
async fn range(source: &mut impl PollBytes, mut range: std::ops::Range<u64>) -> tonepress::Result<Vec<u8>> {
    let mut all = Vec::new();
    while !range.is_empty() {
        let bytes = poll_fn(|context| source.poll_bytes(context, range.clone())).await?;
        assert!(!bytes.is_empty() && bytes.len() as u64 <= range.end - range.start);
        range.start += bytes.len() as u64;
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

fn header<'a, T>(response: &'a Response<T>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

const GET: Method = Method::GET;
