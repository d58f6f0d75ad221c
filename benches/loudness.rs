//! What it costs to measure loudness, and what it costs ffmpeg, if that is installed.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use tonepress::master::{Master, loudness};

/// Ten times 24 seconds, as FLAC if there is ffmpeg to make it.
const STRINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/strings.flac");

fn ffmpeg(arguments: &[&str]) -> bool {
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments)
        .stdout(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn measure(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let long = folder.path().join("long.flac");
    let made = ffmpeg(&["-stream_loop", "9", "-i", STRINGS, "-map", "a", &long.display().to_string()]);
    let path = if made { long.as_path() } else { Path::new(STRINGS) };
    let master = Master::open(path).expect("a master");
    let seconds = master.info().seconds().round();
    let mut group = c.benchmark_group(format!("loudness of {seconds} s"));
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        group.bench_function(format!("{threads} threads"), |b| {
            b.iter(|| pool.install(|| loudness::measure(&master).expect("a measurement")));
        });
    }
    if made {
        let name = path.display().to_string();
        let filter = "ebur128=peak=true:framelog=verbose";
        group.bench_function("ffmpeg", |b| {
            b.iter(|| assert!(ffmpeg(&["-i", &name, "-af", filter, "-f", "null", "-"])));
        });
    }
    group.finish();
    let track = loudness::measure(&master).expect("a measurement");
    let tracks = vec![track; 12];
    c.bench_function("album of 12", |b| b.iter(|| loudness::album(black_box(&tracks)).gain_db()));
}

criterion_group!(benches, measure);
criterion_main!(benches);
