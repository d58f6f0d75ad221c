//! Reading masters: decoding, seeking, identifying.
//!
//! Elements are milliseconds of audio: 1 Melem/s is 1,000 times real time.

mod common;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tonepress::master::Master;
use tonepress::pcm::Pcm;

/// How much is decoded at a time, as in a fan-out.
const STEP: u64 = 1 << 17;

/// One of each kind, or those given.
fn masters() -> Vec<Master> {
    let given = common::given();
    if !given.is_empty() {
        return given;
    }
    let mut masters: Vec<_> = ["strings.flac", "short-24-96.flac", "short.m4a", "short.oga", "short.aiff"]
        .map(common::testdata)
        .into();
    masters.push(common::music(44_100, 24));
    masters
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.sample_size(20);
    for master in masters() {
        let samples = master.info().samples.0;
        group.throughput(common::audio(master.info().seconds()));
        group.bench_function(common::name(&master), |b| {
            let mut pcm = Pcm::default();
            b.iter(|| {
                let mut decoder = master.decoder().expect("a decoder");
                let mut at = 0;
                while at < samples {
                    let end = samples.min(at + STEP);
                    decoder.read(at..end, &mut pcm).expect("samples");
                    at = end;
                }
            });
        });
    }
}

/// What a range of a rendition has to begin with.
fn seek(c: &mut Criterion) {
    let mut group = c.benchmark_group("seek and decode 1 s");
    for master in masters() {
        let info = master.info();
        let (samples, len) = (info.samples.0, u64::from(info.rate.hz()).min(info.samples.0));
        group.throughput(common::audio(len as f64 / f64::from(info.rate.hz())));
        group.bench_function(common::name(&master), |b| {
            let (mut decoder, mut pcm) = (master.decoder().expect("a decoder"), Pcm::default());
            let mut place = 1;
            b.iter(|| {
                place = place * 48_271 % 0x7fff_ffff;
                let start = place % (samples - len + 1);
                decoder.read(start..start + len, &mut pcm).expect("samples");
            });
        });
    }
}

/// Hashing the audio, which a new master costs once.
fn identify(c: &mut Criterion) {
    let mut group = c.benchmark_group("open and identify");
    for master in masters() {
        group.throughput(common::audio(master.info().seconds()));
        // Each knows its id after the first time.
        let again = || if master.name() == "music" { common::music(44_100, 24) } else { reopened(&master) };
        group.bench_function(common::name(&master), |b| {
            b.iter_batched(again, |master| black_box(master.id().expect("an id")), BatchSize::PerIteration);
        });
    }
}

fn reopened(master: &Master) -> Master {
    Master::open(master.name()).expect("a master")
}

criterion_group!(benches, decode, seek, identify);
criterion_main!(benches);
