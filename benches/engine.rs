//! What a request costs, and how soon its first bytes come: hits, cold ranges, a whole rendition.
//!
//! Without `TONEPRESS_BENCH_MASTERS`, a folder of masters, the master is four minutes of made-up music.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tonepress::engine::{OnDrop, Request, Shutdown};
use tonepress::master::{Master, MasterSource};
use tonepress::store::Options;
use tonepress::{Engine, Plan, Profile, ReadAt};

const CANCEL: Request = Request { priority: tonepress::engine::Priority::Download, on_drop: OnDrop::Cancel };

struct Memory(Vec<u8>);

impl MasterSource for Memory {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// Chords under a drum of noise: 16-bit stereo at 44.1 kHz.
fn music(seconds: u32) -> Vec<u8> {
    let mut noise = 1_u32;
    let samples = (0..seconds * 44_100).flat_map(|at| {
        let t = f64::from(at) / 44_100.0;
        let chord: f64 =
            [110.0, 138.6, 165.0, 880.0].iter().map(|hz| (t * hz * std::f64::consts::TAU).sin()).sum();
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let drum = f64::from(noise >> 16) / 65_536.0 - 0.5;
        let drum = drum * (-20.0 * (t * 2.0).fract()).exp();
        #[allow(clippy::cast_possible_truncation)] // below full scale
        [chord * 0.1 + drum * 0.5, chord * 0.08 - drum * 0.3].map(|value| (value * 32_000.0) as i16)
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let size = u32::try_from(data.len()).expect("a short file");
    [
        b"RIFF".as_slice(),
        &(36 + size).to_le_bytes(),
        b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data",
        &size.to_le_bytes(),
        &data,
    ]
    .concat()
}

fn master() -> Master {
    let Some(folder) = std::env::var_os("TONEPRESS_BENCH_MASTERS") else {
        return Master::from_source("music", Arc::new(Memory(music(240)))).expect("a WAV");
    };
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().find_map(|path| Master::open(path).ok()).expect("a master in the folder")
}

fn engine(threads: usize) -> Engine {
    let threads = NonZeroUsize::new(threads).expect("a thread at least");
    Engine::builder().threads(threads).build().expect("an engine")
}

fn profile(text: &str) -> Profile {
    text.parse().expect("a profile")
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
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the elements are seconds of audio
    let seconds = master.info().seconds() as u64;
    let fans = [("128", vec!["128"]), ("six profiles", vec!["128", "192", "256", "320", "v2", "v0"])];
    for (name, texts) in fans {
        let profiles: Vec<Profile> = texts.iter().map(|text| profile(text)).collect();
        group.throughput(Throughput::Elements(seconds * profiles.len() as u64));
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
