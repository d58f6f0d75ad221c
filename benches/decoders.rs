//! Decoding FLAC beside others: ours, Symphonia, `flac -d` and ffmpeg, in turns, medians of seven.
//!
//! What is counted is processor time in user mode, so that writing and other programs do not count. `flac -d` verifies the MD5,
//! too. Needs `flac` and `ffmpeg`, which also make the files, of `testdata/strings.flac`.

#![allow(missing_docs)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::default::formats::FlacReader;
use tonepress::master::Master;
use tonepress::pcm::Pcm;

const ROUNDS: usize = 7;

/// How much is decoded at a time, as in a fan-out: so much of up to four channels, less of more.
const STEP: u64 = 1 << 17;

/// What it is called, how often the music is repeated, how ffmpeg makes it, and the switches of `flac`.
const KINDS: [(&str, u32, &[&str], &[&str]); 6] = [
    ("44.1 kHz, 16 bits, -8", 20, &[], &["-8"]),
    ("44.1 kHz, 16 bits, -0", 20, &[], &["-0"]),
    ("96 kHz, 24 bits, -8", 6, &["-ar", "96000", "-c:a", "pcm_s24le"], &["-8"]),
    ("96 kHz, 24 bits, -5", 6, &["-ar", "96000", "-c:a", "pcm_s24le"], &["-5"]),
    ("44.1 kHz, 16 bits, mono, -8", 30, &["-ac", "1"], &["-8"]),
    (
        "44.1 kHz, 16 bits, 5.1, -8",
        8,
        &["-af", "pan=5.1|FL=FL|FR=FR|FC=.5*FL+.5*FR|LFE=.2*FL|BL=.6*FR|BR=.6*FL"],
        &["-8"],
    ),
];

fn main() {
    // As a test it only has to be there.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    println!(
        "| x real time, one core | tonepress | Symphonia | `flac -d` | ffmpeg | over Symphonia | over `flac -d` |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, times, arguments, switches) in KINDS {
        let path = make(dir.path(), times, arguments, switches);
        let seconds = Master::open(&path).expect("a master").info().seconds();
        let decoders: [fn(&Path); 4] = [ours, symphonia, flac, ffmpeg];
        let mut times = [const { Vec::new() }; 4];
        for _ in 0..ROUNDS {
            for (decoder, times) in decoders.iter().zip(&mut times) {
                let before = user_seconds();
                decoder(&path);
                times.push(user_seconds() - before);
            }
        }
        let [ours, symphonia, flac, ffmpeg] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            seconds / times[ROUNDS / 2]
        });
        println!(
            "| {name} | {ours:.0} | {symphonia:.0} | {flac:.0} | {ffmpeg:.0} | {:.2} | {:.2} |",
            ours / symphonia,
            ours / flac
        );
    }
}

/// What this process and its children have taken.
fn user_seconds() -> f64 {
    let of = |who| getrusage(who).expect("usage").user_time().num_microseconds() as f64 / 1e6;
    of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)
}

fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stderr(Stdio::null()).status().expect("a program");
    assert!(status.success(), "{command:?}");
}

fn make(dir: &Path, times: u32, arguments: &[&str], switches: &[&str]) -> PathBuf {
    let music = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/strings.flac");
    let (wav, path) = (dir.join("it.wav"), dir.join("it.flac"));
    run(Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-stream_loop", &(times - 1).to_string(), "-i"])
        .arg(music)
        .args(arguments)
        .arg(&wav));
    run(Command::new("flac").args(["-s", "-f"]).args(switches).arg("-o").arg(&path).arg(&wav));
    path
}

fn ours(path: &Path) {
    let master = Master::open(path).expect("a master");
    let (mut decoder, mut pcm) = (master.decoder().expect("a decoder"), Pcm::default());
    let samples = master.info().samples.0;
    let step = 4 * STEP / master.info().layout.channels().max(4) as u64;
    let mut at = 0;
    while at < samples {
        let end = samples.min(at + step);
        decoder.read(at..end, &mut pcm).expect("samples");
        at = end;
    }
}

fn symphonia(path: &Path) {
    let source = Box::new(File::open(path).expect("a file"));
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let mut reader = FlacReader::try_new(stream, FormatOptions::default()).expect("FLAC");
    let track = reader.default_track(TrackType::Audio).expect("a track");
    let params = track.codec_params.as_ref().and_then(|params| params.audio()).expect("audio").clone();
    let codecs = symphonia::default::get_codecs();
    let mut decoder = codecs.make_audio_decoder(&params, &AudioDecoderOptions::default()).expect("a decoder");
    let mut planes = Vec::<Vec<f32>>::new();
    while let Some(packet) = reader.next_packet().expect("a packet") {
        decoder.decode(&packet).expect("samples").copy_to_vecs_planar(&mut planes);
    }
}

fn flac(path: &Path) {
    run(Command::new("flac").args(["-s", "-d", "-f", "-o", "/dev/null"]).arg(path));
}

fn ffmpeg(path: &Path) {
    run(Command::new("ffmpeg")
        .args(["-v", "error", "-threads", "1", "-i"])
        .arg(path)
        .args(["-f", "null", "-"])
        .stdout(Stdio::null()));
}
