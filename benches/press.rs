//! Pressing: one segment by profile, beside LAME alone; resampling; planning.
//!
//! Elements are milliseconds of audio: 100 Kelem/s is 100 times real time.

mod common;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use tonepress::encoder::floor::Floor;
use tonepress::master::Master;
use tonepress::master::convert::{Converter, to_channels};
use tonepress::master::resample::Resampler;
use tonepress::pcm::Pcm;
use tonepress::rendition::press::SegmentEncoder;
use tonepress::{Plan, SampleRate};

const PROFILES: [&str; 10] =
    ["128", "192", "256", "320", "v2", "v0", "abr160", "64:mono", "96:rate=22050", "128:q=2"];

/// The PCM of a plan's segment, with its channels.
fn pcm(master: &Master, plan: &Plan, index: u64) -> Pcm {
    let (mut read, mut mixed) = (Pcm::default(), Pcm::default());
    let mut converter = Converter::new(master).expect("a converter");
    converter.read(plan.resolved().rate(), plan.segment(index).pcm, &(0..0), &mut read).expect("samples");
    match to_channels(read.channels(), plan.resolved().channels()) {
        Some(mix) => mix.apply(&read, &mut mixed),
        None => mixed = read,
    }
    mixed
}

fn segment(c: &mut Criterion) {
    let master = common::master();
    let mut group = c.benchmark_group("one segment");
    group.sample_size(10);
    for text in PROFILES {
        let plan = Plan::new(master.info(), &common::profile(text)).expect("a plan");
        let index = plan.segments() / 2;
        let pcm = pcm(&master, &plan, index);
        group.throughput(common::audio(plan.resolved().rate().seconds(tonepress::Samples(pcm.len() as u64))));
        let mut bytes = Vec::new();
        group.bench_function(text, |b| {
            b.iter(|| {
                bytes.clear();
                let mut encoder = SegmentEncoder::new(&plan, index).expect("an encoder");
                encoder.push(&pcm, &mut bytes).expect("encoding");
                encoder.finish(&mut bytes).expect("encoding");
            });
        });
        let frame = usize::try_from(plan.resolved().version().samples_per_frame()).expect("a small number");
        let planes: Vec<_> = pcm.planes().collect();
        let frames: Vec<Vec<&[f32]>> = (0..pcm.len() / frame)
            .map(|at| planes.iter().map(|plane| &plane[at * frame..(at + 1) * frame]).collect())
            .collect();
        group.bench_function(format!("{text}, LAME alone"), |b| {
            b.iter(|| {
                bytes.clear();
                let mut floor = Floor::new(plan.resolved()).expect("an encoder");
                for planes in &frames {
                    floor.encode(planes, &mut bytes).expect("encoding");
                }
                floor.finish(&mut bytes).expect("encoding");
            });
        });
    }
}

/// What starting a segment costs: LAME's tables and ours.
fn start(c: &mut Criterion) {
    let master = common::music(44_100, 60);
    for text in ["128", "v2"] {
        let plan = Plan::new(master.info(), &common::profile(text)).expect("a plan");
        c.bench_function(&format!("start a segment at {text}"), |b| {
            b.iter(|| SegmentEncoder::new(&plan, 1).expect("an encoder"));
        });
    }
}

fn resample(c: &mut Criterion) {
    let mut group = c.benchmark_group("resample 3 s of stereo");
    group.throughput(common::audio(3.0));
    for (from, to) in
        [(96_000, 48_000), (88_200, 44_100), (48_000, 44_100), (96_000, 44_100), (44_100, 22_050)]
    {
        let rates = [from, to].map(|hz| SampleRate::new(hz).expect("a rate"));
        let mut resampler = Resampler::new(rates[0], rates[1]).expect("a resampler");
        let total = 10 * u64::from(from);
        let wanted = 3 * u64::from(to)..6 * u64::from(to);
        let needed = resampler.input_range(&wanted, total);
        let (mut input, mut output) = (Pcm::default(), Pcm::default());
        input.reset(2, needed.start);
        for channel in 0..2 {
            input.plane_mut(channel).extend(needed.clone().map(|at| (at as f32 * 0.01).sin()));
        }
        group.bench_function(format!("{from} to {to} Hz"), |b| {
            b.iter(|| resampler.resample(&input, total, wanted.clone(), &mut output).expect("samples"));
        });
    }
}

fn plan(c: &mut Criterion) {
    let master = common::master();
    for text in ["128", "v2"] {
        let profile = common::profile(text);
        c.bench_function(&format!("plan {text}"), |b| {
            b.iter(|| Plan::new(master.info(), black_box(&profile)).expect("a plan").size());
        });
    }
}

criterion_group!(benches, segment, start, resample, plan);
criterion_main!(benches);
