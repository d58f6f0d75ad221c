//! What a request costs, and how soon its first bytes come: hits, cold ranges, a whole rendition.
//!
//! Without `TONEPRESS_BENCH_MASTERS`, a folder of masters, the master is four minutes of made-up music. Elements
//! are milliseconds of audio: 100 Kelem/s is 100 times real time.

mod common;

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tonepress::engine::{OnDrop, Request, Shutdown};
use tonepress::store::Options;
use tonepress::{Engine, Plan, Profile, ReadAt};

use common::{master, profile};

const CANCEL: Request = Request { priority: tonepress::engine::Priority::Customer, on_drop: OnDrop::Cancel };

fn engine(threads: usize) -> Engine {
    let threads = NonZeroUsize::new(threads).expect("a thread at least");
    Engine::builder().threads(threads).build().expect("an engine")
}

/// Times `work` alone: what it leaves is cleared away in between.
fn time<T>(times: u64, mut work: impl FnMut() -> T) -> Duration {
    (0..times)
        .map(|_| {
            let began = Instant::now();
            let left = work();
            let took = began.elapsed();
            drop(left);
            took
        })
        .sum()
}

/// From a request to bytes of a rendition that nobody has asked for before.
fn cold(criterion: &mut Criterion) {
    let master = master();
    master.id().expect("an id");
    let mut group = criterion.benchmark_group("cold");
    group.sample_size(10);
    for text in ["128", "320"] {
        let profile = profile(text);
        let plan = Plan::new(master.info(), &profile).expect("a plan");
        let engine = engine(thread::available_parallelism().map_or(1, NonZeroUsize::get));
        let first = plan.info_bytes();
        let mut buf = vec![0; 64 << 10];
        group.bench_function(format!("first audio byte at {text}"), |bencher| {
            bencher.iter_custom(|times| {
                time(times, || {
                    let rendition = engine.request_with(&master, &profile, CANCEL).expect("room");
                    rendition.read_at(&mut buf[..1], first).expect("a byte");
                    rendition
                })
            });
        });
        let mut at = 1;
        group.bench_function(format!("64 KiB at a random place at {text}"), |bencher| {
            bencher.iter_custom(|times| {
                time(times, || {
                    at = at * 48_271 % 0x7fff_ffff;
                    let offset = at % (plan.size().likely() - 65_536);
                    let rendition = engine.request_with(&master, &profile, CANCEL).expect("room");
                    let mut read = 0;
                    while read < buf.len() {
                        read += rendition.read_at(&mut buf[read..], offset + read as u64).expect("bytes");
                    }
                    rendition
                })
            });
        });
        engine.shutdown(Shutdown::Cancel);
    }
}

/// A whole rendition, and six of one master, on one thread and more.
fn whole(criterion: &mut Criterion) {
    let master = master();
    let mut group = criterion.benchmark_group("whole");
    group.sample_size(10);
    let seconds = master.info().seconds();
    let fans = [("128", vec!["128"]), ("six profiles", vec!["128", "192", "256", "320", "v2", "v0"])];
    for (name, texts) in fans {
        let profiles: Vec<Profile> = texts.iter().map(|text| profile(text)).collect();
        group.throughput(common::audio(seconds * profiles.len() as f64));
        for threads in [1, 2] {
            let engine = engine(threads);
            group.bench_function(format!("{name}, {threads} threads"), |bencher| {
                bencher.iter(|| {
                    for rendition in engine.fan_out(&master, &profiles) {
                        black_box(rendition.expect("room").wait().expect("a rendition"));
                    }
                });
            });
        }
    }
}

/// What a store already has.
fn hits(criterion: &mut Criterion) {
    let root = tempfile::tempdir().expect("a folder");
    let store = Options::new(root.path()).open().expect("a store");
    let engine = Engine::builder().store(store).build().expect("an engine");
    let (master, profile) = (master(), profile("128:q=9"));
    engine.request(&master, &profile).expect("room").wait().expect("a rendition");
    let mut buf = vec![0; 64 << 10];
    criterion.bench_function("hit/request", |bencher| {
        bencher.iter(|| engine.request(&master, &profile).expect("a hit"));
    });
    criterion.bench_function("hit/request and read 64 KiB", |bencher| {
        bencher.iter(|| engine.request(&master, &profile).expect("a hit").read_at(&mut buf, 1_000_000));
    });
}

criterion_group!(benches, hits, cold, whole);
criterion_main!(benches);
