//! How soon bytes come that nobody has asked for before: medians and the slowest in a hundred, beside
//! ffmpeg where there is one, run by run in turn.
//!
//! ```sh
//! cargo bench --bench first_byte -- song.flac
//! ```

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tonepress::engine::{OnDrop, Request, Shutdown};
use tonepress::master::Master;
use tonepress::master::convert::Converter;
use tonepress::pcm::Pcm;
use tonepress::rendition::press::SegmentEncoder;
use tonepress::{Engine, Plan, Profile, ReadAt};

/// How often everything is timed.
const RUNS: usize = 100;
/// What is wanted of a range.
const RANGE: u64 = 64 << 10;

const CANCEL: Request = Request { priority: tonepress::engine::Priority::Customer, on_drop: OnDrop::Cancel };

fn main() {
    let named = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let path = named
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/strings.flac"), PathBuf::from);
    let engine = Engine::builder().build().expect("an engine");
    println!("{} on {} threads, {RUNS} runs, in milliseconds", path.display(), engine.threads());
    for kbps in ["128", "320"] {
        measure(&engine, &path, kbps);
    }
    engine.shutdown(Shutdown::Cancel);
}

fn measure(engine: &Engine, path: &Path, kbps: &str) {
    let profile: Profile = kbps.parse().expect("a profile");
    let known = Master::open(path).expect("a master");
    known.id().expect("an id");
    let plan = Plan::new(known.info(), &profile).expect("a plan");
    let (info, size) = (plan.info_bytes(), plan.size().likely());
    let mut names = vec![
        "first byte, master known",
        "first byte, master opened anew",
        "64 KiB at a random place",
        "pressing one segment",
    ];
    let ffmpeg = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).status().is_ok();
    if ffmpeg {
        names.extend(["ffmpeg: first byte", "ffmpeg: 64 KiB from -ss there"]);
    }
    let mut times = vec![Vec::new(); names.len()];
    let mut random = 1_u64;
    for _ in 0..RUNS {
        random = random * 48_271 % 0x7fff_ffff;
        let offset = info + random % (size - info - RANGE);
        let mut taken = vec![
            time(|| ask(engine, &known, &profile, info..info + 1)),
            time(|| ask(engine, &Master::open(path).expect("a master"), &profile, info..info + 1)),
            time(|| ask(engine, &known, &profile, offset..offset + RANGE)),
            time(|| press_one(&known, &plan)),
        ];
        if ffmpeg {
            let at = plan.resolved().rate().seconds(plan.samples()) * offset as f64 / size as f64;
            taken.push(time(|| run_ffmpeg(path, kbps, 0.0, 1)));
            taken.push(time(|| run_ffmpeg(path, kbps, at, RANGE)));
        }
        for (all, taken) in times.iter_mut().zip(taken) {
            all.push(taken);
        }
    }
    println!("\n{kbps} kbps, {} segments                 median       p99", plan.segments());
    let mut medians = Vec::new();
    for (name, times) in names.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        medians.push(times[RUNS / 2]);
        println!("{name:<34}{:>9.2} {:>9.2}", times[RUNS / 2], times[RUNS - 1 - RUNS / 100]);
    }
    println!("a random place takes {:.2} x one segment", medians[2] / medians[3]);
    if ffmpeg {
        println!(
            "ffmpeg takes {:.1} x to the first byte, {:.1} x to a random place",
            medians[4] / medians[0],
            medians[5] / medians[2]
        );
    }
}

/// The milliseconds that `work` takes; what it leaves is cleared away afterwards.
fn time<T>(work: impl FnOnce() -> T) -> f64 {
    let began = Instant::now();
    let left = work();
    let taken = began.elapsed();
    drop(left);
    // Whatever was cancelled comes to its end.
    std::thread::sleep(Duration::from_millis(60));
    taken.as_secs_f64() * 1e3
}

/// Reads a range of a rendition that is not there.
fn ask(
    engine: &Engine,
    master: &Master,
    profile: &Profile,
    range: Range<u64>,
) -> tonepress::engine::Rendition {
    let rendition = engine.request_with(master, profile, CANCEL).expect("room");
    let mut buf = vec![0; usize::try_from(range.end - range.start).expect("a short range")];
    let mut read = 0;
    while read < buf.len() {
        read += rendition.read_at(&mut buf[read..], range.start + read as u64).expect("bytes");
    }
    rendition
}

/// Decodes and encodes the second segment, on one thread.
fn press_one(master: &Master, plan: &Plan) {
    let index = 1.min(plan.segments() - 1);
    let mut encoder = SegmentEncoder::new(plan, index).expect("an encoder");
    let mut converter = Converter::new(master).expect("a decoder");
    let (mut pcm, mut bytes) = (Pcm::default(), Vec::new());
    while !encoder.wanted().is_empty() {
        let wanted = encoder.wanted();
        let step = wanted.start..wanted.end.min(wanted.start + (1 << 17));
        converter.read(plan.resolved().rate(), step, &(0..0), &mut pcm).expect("audio");
        encoder.push(&pcm, &mut bytes).expect("frames");
    }
    encoder.finish(&mut bytes).expect("the last frames");
}

/// Reads so many bytes of what ffmpeg makes of the master from `at` seconds on. The first of them is of the audio: its
/// tags are off.
fn run_ffmpeg(path: &Path, kbps: &str, at: f64, bytes: u64) -> Ended {
    let mut child = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "quiet", "-ss", &at.to_string(), "-i"])
        .arg(path)
        .args(["-map", "a:0", "-c:a", "libmp3lame", "-b:a", &format!("{kbps}k"), "-compression_level", "4"])
        .args(["-write_xing", "0", "-id3v2_version", "0", "-flush_packets", "1", "-f", "mp3", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg");
    let mut buf = vec![0; usize::try_from(bytes).expect("a short range")];
    // Where the track ends before, there are fewer.
    let mut out = child.stdout.take().expect("a pipe");
    let mut read = 0;
    while read < buf.len() {
        match out.read(&mut buf[read..]) {
            Ok(0) | Err(_) => break,
            Ok(count) => read += count,
        }
    }
    Ended(child)
}

/// A program that is no longer wanted.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
