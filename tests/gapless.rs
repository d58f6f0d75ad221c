//! Other people's decoders play exactly the master's samples, each where it belongs.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::path::Path;
use std::sync::Arc;

use common::press::{ffmpeg_decodes, mpg123_decodes, press, wav};
use common::signal::Music;
use common::{run, tool};
use tonepress::SampleRate;
use tonepress::master::{FileSource, Master, convert::Converter};
use tonepress::mp3::frame::{RATES, Version};
use tonepress::pcm::Pcm;

/// Presses a master of `samples` at `rate`, and decodes what comes of it with each decoder.
fn check(rate: u32, channels: usize, samples: u64, profiles: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.wav");
    std::fs::write(&path, wav(&Music::new(rate, samples), rate, channels, samples)).unwrap();
    let master = Master::from_source("master", Arc::new(FileSource::open(&path).unwrap())).unwrap();
    for (plan, mp3) in press(&master, profiles, 2) {
        let what = format!("{samples} samples at {rate} Hz as {}", plan.profile());
        let expected = plan.samples().0;
        let out = SampleRate::new(plan.resolved().rate().hz()).unwrap();
        let per_master =
            (2 * u128::from(samples) * u128::from(out.hz()) + u128::from(rate)) / (2 * u128::from(rate));
        assert_eq!(u128::from(expected), per_master, "{what}: rounded length");

        let path = folder.path().join("rendition.mp3");
        std::fs::write(&path, &mp3).unwrap();
        let mut reference = Pcm::default();
        let whole = 0..master.info().samples.0;
        Converter::new(&master).unwrap().read(out, 0..expected, &whole, &mut reference).unwrap();
        for (decoder, decoded) in [("ffmpeg", ffmpeg_decodes(&path)), ("mpg123", mpg123_decodes(&path))] {
            let Some(decoded) = decoded else { continue };
            // ffmpeg forgets what is left to skip at the start once a frame is cut at its end. In MPEG-2,
            // whose frames are half as long, that is so up to 46 samples, in LAME's own files too.
            if decoder == "ffmpeg" && expected < 47 && plan.resolved().version() != Version::Mpeg1 {
                continue;
            }
            let channels = plan.resolved().channels();
            assert_eq!(decoded.len() as u64, expected * channels as u64, "{what}: samples from {decoder}");
            let left: Vec<f32> = decoded.chunks_exact(channels).map(|frame| frame[0]).collect();
            check_alignment(&left, reference.plane(0), &format!("{what} by {decoder}"));
        }
        check_validators(&path, expected as f64 / f64::from(out.hz()), &what);
    }
}

/// The decoded signal fits the master best where it is, not a sample earlier or later.
fn check_alignment(decoded: &[f32], master: &[f32], what: &str) {
    if master.len() < 2_000 {
        return; // too little to tell
    }
    let middle = 4..master.len() - 4;
    let error = |shift: usize| -> f64 {
        let square = |at: usize| f64::from(decoded[at + shift - 4] - master[at]).powi(2);
        middle.clone().map(square).sum()
    };
    let errors: Vec<f64> = (0..=8).map(error).collect();
    let best = errors.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    let power: f64 = master.iter().map(|&s| f64::from(s).powi(2)).sum();
    assert!(
        best == 4 || errors[best] > 0.9 * errors[4],
        "{what}: shifted by {}: {errors:?}",
        best.cast_signed() - 4
    );
    assert!(errors[4] < 0.25 * power, "{what}: noise {} of {power}", errors[4]);
}

/// mp3val says nothing but that tags are missing or the file is short, ffprobe nothing from 1 s on.
fn check_validators(mp3: &Path, seconds: f64, what: &str) {
    if let Some(mut mp3val) = tool("mp3val") {
        let said = String::from_utf8(run(mp3val.arg(mp3))).unwrap();
        let unexpected: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with("WARNING") || line.starts_with("ERROR"))
            .filter(|line| !line.contains("No supported tags") && !line.contains("Too few MPEG frames"))
            .collect();
        assert!(unexpected.is_empty(), "{what}: {unexpected:?}");
    }
    if seconds >= 1.0
        && let Some(mut ffprobe) = tool("ffprobe")
    {
        let output = ffprobe.args(["-v", "warning"]).arg(mp3).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{what}: {said}");
    }
}

#[test]
fn every_rate_and_length_plays_exactly() {
    for rate in RATES {
        let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
        let kbps = version.bitrates()[7];
        // From so many on there are two segments.
        let two = u64::from(rate) * 20;
        for samples in [1, 575, 576, 1151, 1152, 1153, two - 1, two, two + 577, 2 * two - 576] {
            let profile = format!("{kbps}:rate={rate}");
            let vbr = format!("v3:rate={rate}");
            let native = format!("{}:native", if samples % 4 < 2 { &profile } else { &vbr });
            check(rate, 1 + (samples % 2) as usize, samples, &[&profile, &vbr, &native]);
        }
    }
}

#[test]
fn resampled_masters_play_exactly() {
    for (rate, profile) in [
        (96_000, "128"),
        (88_200, "v2"),
        (192_000, "320"),
        (44_100, "64"),
        (44_100, "32:mono"),
        (44_100, "16:mono:rate=8000"),
        (44_100, "v4:rate=48000"),
        (48_000, "128:rate=44100"),
        (35_467, "128"),
        (8_000, "v2:rate=44100"),
    ] {
        for samples in [1_000, u64::from(rate) * 9 + 12_345] {
            check(rate, 2, samples, &[profile, &format!("{profile}:native")]);
        }
    }
}

#[test]
fn small_bitrates_keep_gapless_information_that_lame_drops() {
    check(44_100, 2, 50_000, &["32:rate=44100", "40:rate=44100", "48:rate=44100", "56:rate=44100"]);
    check(48_000, 1, 50_000, &["32:rate=48000"]);
    check(8_000, 2, 20_000, &["8", "16"]);
}

#[test]
fn the_odd_masters_of_the_ietf_play_exactly() {
    let Some(folder) = common::corpus("flac-subset-odd") else { return };
    let out = tempfile::tempdir().unwrap();
    let mut masters = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "flac") {
            continue;
        }
        masters += 1;
        let master = Master::open(&path).unwrap();
        for (plan, mp3) in press(&master, &["128", "v2"], 2) {
            let what = format!("{} as {}", path.display(), plan.profile());
            let rendition = out.path().join("rendition.mp3");
            std::fs::write(&rendition, &mp3).unwrap();
            let expected = plan.samples().0 * plan.resolved().channels() as u64;
            for decoded in [ffmpeg_decodes(&rendition), mpg123_decodes(&rendition)].into_iter().flatten() {
                assert_eq!(decoded.len() as u64, expected, "{what}");
            }
            check_validators(&rendition, master.info().seconds(), &what);
        }
    }
    assert!(masters > 0, "a corpus without masters");
}
