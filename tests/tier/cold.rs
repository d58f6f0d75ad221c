//! How long a node with an empty store takes, with a tier and without: a measurement, which prints a table.
//! `cargo test --release --features aws --test tier -- --ignored --nocapture cold`

use std::time::{Duration, Instant};

use tonepress::engine::Priority;
use tonepress::master::Master;
use tonepress::store::{Access, Object, Options, TierOptions};
use tonepress::{Engine, ReadAt};

use crate::common::memory;
use crate::proxy::{Fate, Proxy};
use crate::scene::{fill_with, profile};
use crate::server::with_each;

/// Round trip and bytes a second of each connection.
const LINE: Fate = Fate::Line(Duration::from_millis(25), 80_000_000);
const RUNS: usize = 9;

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn engine(folder: &std::path::Path, tier: Option<&str>) -> Engine {
    let mut options = Options::new(folder);
    if let Some(url) = tier {
        options = options.tier(TierOptions::new(url).access(Access::Read));
    }
    Engine::builder().store(options.open().unwrap()).build().unwrap()
}

/// The time to the first byte of `from`, and to all from there on.
fn read(
    engine: &Engine,
    master: &Master,
    text: &str,
    expected: &Object,
    range: Option<std::ops::Range<u64>>,
) -> (Duration, Duration) {
    let expected = expected.as_ref();
    let began = Instant::now();
    let rendition = match range.clone() {
        Some(range) => engine.request_range(master, &profile(text), range, Priority::Customer),
        None => engine.request(master, &profile(text)),
    }
    .unwrap();
    let range = range.unwrap_or(0..expected.len() as u64);
    let (mut at, mut first, mut buf) = (range.start, None, vec![0; 256 << 10]);
    while at < range.end {
        let len = buf.len().min((range.end - at) as usize);
        let read = rendition.read_at(&mut buf[..len], at).unwrap();
        // The Info frame is known without either.
        if at > 2_000 {
            first.get_or_insert_with(|| began.elapsed());
        }
        assert!(buf[..read] == expected[at as usize..][..read]);
        at += read as u64;
    }
    let all = began.elapsed();
    (first.unwrap_or(all), all)
}

#[test]
#[ignore = "a measurement"]
fn cold_node() {
    with_each("cold", |server| {
        let url = server.url("cold");
        let master = memory::music(44_100, 2, 240 * 44_100);
        master.id().unwrap();
        for text in ["320", "320:native", "v2"] {
            let expected = fill_with(&url, &master, text);
            let len = expected.len();
            let ranges = if text == "v2" { vec![None] } else { vec![None, Some(len - 200_000..len)] };
            for range in ranges {
                let proxy = Proxy::new(server.port, |_| LINE);
                let through = server.url_through(proxy.port, "cold");
                let mut times: [Vec<_>; 4] = Default::default();
                let (mut requests, mut bytes) = (Vec::new(), Vec::new());
                for _ in 0..RUNS {
                    for tier in [None, Some(&*through)] {
                        let folder = tempfile::tempdir().unwrap();
                        let engine = engine(folder.path(), tier);
                        proxy.forget();
                        let (first, all) = read(&engine, &master, text, &expected, range.clone());
                        let at = usize::from(tier.is_some()) * 2;
                        times[at].push(first);
                        times[at + 1].push(all);
                        if tier.is_some() {
                            let stats = engine.store().unwrap().tier_stats().unwrap();
                            requests.push(stats.requests);
                            bytes.push(stats.bytes_fetched);
                        }
                    }
                }
                let [press_first, press_all, tier_first, tier_all] = times.map(median);
                requests.sort_unstable();
                bytes.sort_unstable();
                println!(
                    "{} {text} {}: pressing {press_first:.0} / {press_all:.0} ms, with tier {tier_first:.0} / {tier_all:.0} ms, {} requests, {} of {len} bytes",
                    server.name,
                    if range.is_some() { "last 200 kB" } else { "whole" },
                    requests[RUNS / 2],
                    bytes[RUNS / 2],
                );
            }
        }
    });
}
