//! Loudness: against the signals that the EBU publishes expected values for, against ffmpeg, and against itself.
// Numbers are small and positive, and whatever goes wrong fails the test.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::memory::watched;
use common::press::wav;
use common::signal::Music;
use common::{ffmpeg, run, tool, write};
use tonepress::master::Master;
use tonepress::master::loudness::{self, Loudness};
use tonepress::store::Options;

fn master(wav: Vec<u8>) -> Master {
    watched(wav, |_| Ok(()))
}

fn measure(wav: Vec<u8>) -> Loudness {
    loudness::measure(&master(wav)).unwrap()
}

/// A WAV of interleaved samples in floating point, its channels under a mask.
fn float_wav(rate: u32, mask: u32, samples: &[f32]) -> Vec<u8> {
    let channels = u16::try_from(mask.count_ones()).unwrap();
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    write::wav(&write::wav_extensible(3, channels, rate, 32, 32, mask), &data)
}

const STEREO: u32 = 0b11;
const NOTHING: f64 = f64::NEG_INFINITY;

/// 48 kHz: 1 kHz for so many seconds each, in every channel at a level of its own in dBFS.
fn tones<const N: usize>(mask: u32, parts: &[([f64; N], f64)]) -> Vec<u8> {
    let mut samples = Vec::new();
    for (levels, seconds) in parts {
        for n in 0..(seconds * 48_000.0) as u64 {
            let sine = (TAU * n as f64 / 48.0).sin();
            samples.extend(levels.map(|level| (sine * 10f64.powf(level / 20.0)) as f32));
        }
    }
    float_wav(48_000, mask, &samples)
}

fn both(parts: &[(f64, f64)]) -> Vec<u8> {
    let parts: Vec<_> = parts.iter().map(|&(level, seconds)| ([level; 2], seconds)).collect();
    tones(STEREO, &parts)
}

fn near(what: &str, value: Option<f64>, expected: f64, tolerance: f64) {
    let value = value.unwrap_or_else(|| panic!("{what}: none"));
    assert!((value - expected).abs() <= tolerance, "{what}: {value}, not {expected} ± {tolerance}");
}

/// EBU Tech 3341, table 1, cases 1 to 6.
#[test]
fn integrated_loudness_of_the_ebu_signals() {
    let lufs = |wav| measure(wav).integrated_lufs();
    near("case 1", lufs(both(&[(-23.0, 20.0)])), -23.0, 0.1);
    near("case 2", lufs(both(&[(-33.0, 20.0)])), -33.0, 0.1);
    near("case 3", lufs(both(&[(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)])), -23.0, 0.1);
    let gated = [(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)];
    near("case 4", lufs(both(&gated)), -23.0, 0.1);
    near("case 5", lufs(both(&[(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)])), -23.0, 0.1);
    let surround = tones(0b11_0111, &[([-28.0, -28.0, -24.0, -30.0, -30.0], 20.0)]);
    near("case 6", lufs(surround), -23.0, 0.1);
}

/// EBU Tech 3341, cases 15 to 19: crests between the samples, +0.2 and -0.4 dB allowed.
#[test]
fn true_peaks_of_the_ebu_signals() {
    let cases =
        [(4.0, 0.0, 0.5, -6.0), (4.0, 45.0, 0.5, -6.0), (6.0, 60.0, 0.5, -6.0), (8.0, 67.5, 0.5, -6.0)];
    for (period, degrees, amplitude, expected) in cases.into_iter().chain([(4.0, 45.0, 1.41, 3.0)]) {
        // Faded in and out, so that the signal stays within its band.
        let mut samples = Vec::new();
        for n in 0..48_000 {
            let fade = (f64::from(n.min(47_999 - n)) / 4_800.0).min(1.0);
            let sine = (TAU * (f64::from(n) / period + degrees / 360.0)).sin();
            samples.extend([(amplitude * fade * sine) as f32; 2]);
        }
        let peak = measure(float_wav(48_000, STEREO, &samples)).true_peak_dbtp();
        near(&format!("{period} at {degrees}°"), peak, expected - 0.1, 0.3);
    }
}

/// EBU Tech 3342, table 1, cases 1 to 4: ±1 LU allowed.
#[test]
fn loudness_range_of_the_ebu_signals() {
    let range = |levels: &[f64]| {
        let parts: Vec<_> = levels.iter().map(|&level| (level, 20.0)).collect();
        measure(both(&parts)).range_lu()
    };
    near("case 1", range(&[-20.0, -30.0]), 10.0, 1.0);
    near("case 2", range(&[-20.0, -15.0]), 5.0, 1.0);
    near("case 3", range(&[-40.0, -20.0]), 20.0, 1.0);
    near("case 4", range(&[-50.0, -35.0, -20.0, -35.0, -50.0]), 15.0, 1.0);
}

#[test]
fn channels_weigh_what_bs_1770_says() {
    let lufs = |wav| measure(wav).integrated_lufs();
    let alone = lufs(tones(0b100, &[([-20.0], 2.0)])).unwrap();
    near("mono is one channel", Some(alone), -23.0, 0.02);
    let one = |mask, channel: usize| {
        let mut levels = [NOTHING; 8];
        levels[channel] = -20.0;
        lufs(tones(mask, &[(levels, 2.0)]))
    };
    // Front left and right, centre, effects, rear left and right, side left and right.
    for (channel, weight) in [(0, 0.0), (2, 0.0), (4, 0.0), (6, 1.49), (7, 1.49)] {
        near(&format!("channel {channel} of 7.1"), one(0x63f, channel), alone + weight, 0.02);
    }
    assert_eq!(one(0x63f, 3), None, "low-frequency effects do not count");
    let five = tones(0x3f, &[([NOTHING, NOTHING, NOTHING, NOTHING, -20.0, NOTHING], 2.0)]);
    near("surround of 5.1", lufs(five), alone + 1.49, 0.02);
}

#[test]
fn silence_has_no_loudness() {
    let silent = measure(float_wav(44_100, STEREO, &vec![0.0; 400_000]));
    assert_eq!((silent.integrated_lufs(), silent.range_lu(), silent.gain_db()), (None, None, None));
    assert_eq!((silent.true_peak_dbtp(), silent.sample_peak_dbfs()), (None, None));
    // Below the gate, and shorter than a block: there is a peak, but no loudness.
    for short in [both(&[(-80.0, 5.0)]), both(&[(-20.0, 0.39)])] {
        let short = measure(short);
        assert_eq!((short.integrated_lufs(), short.range_lu()), (None, None));
        assert!(short.true_peak_dbtp().is_some());
    }
    let blip = measure(both(&[(-20.0, 1.0)]));
    near("a second", blip.integrated_lufs(), -20.0, 0.1);
    assert_eq!(blip.range_lu(), None, "there is no block of 3 s");
    near("gain", blip.gain_db(), 2.0, 0.1);
    // What silence is on an album adds nothing to it.
    assert_eq!(loudness::album([&silent, &blip]), blip);
    assert_eq!(loudness::album([]), silent);
}

#[test]
fn measured_is_what_is_pressed() {
    let tone = |gain: f32, odd: f32| {
        let mut samples: Vec<_> = (0..96_000).map(|n| gain * (n as f32 * 0.05).sin()).collect();
        samples[50_000] = odd;
        measure(float_wav(48_000, STEREO, &samples))
    };
    assert_eq!(tone(0.5, f32::NAN), tone(0.5, 0.0));
    assert_eq!(tone(0.5, f32::INFINITY), tone(0.5, 0.0));
    assert_eq!(tone(4.0, 0.0).sample_peak().to_bits(), 1.0_f64.to_bits());
}

/// A minute of stereo in stretches of 20 s and an incomplete hop.
fn minute() -> Vec<u8> {
    wav(&Music::new(44_100, 2_700_001), 44_100, 2, 2_700_001)
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let master = master(minute());
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| loudness::measure(&master).unwrap())
    };
    let one = with(1);
    assert!([2, 3, 7].into_iter().all(|threads| with(threads) == one));
}

/// The crate that filters for us measures the minute in one piece.
#[test]
fn stretches_join_to_the_whole() {
    let master = master(minute());
    let ours = loudness::measure(&master).unwrap();
    let pcm = common::decode_all(&master);
    let mut serial = ebur128::EbuR128::new(2, 44_100, ebur128::Mode::all()).unwrap();
    serial.add_frames_planar_f32(&pcm.planes().collect::<Vec<_>>()).unwrap();
    near("loudness", ours.integrated_lufs(), serial.loudness_global().unwrap(), 0.06); // in bins of 0.1
    let largest = |of: &dyn Fn(u32) -> f64| of(0).max(of(1));
    near("true peak", Some(ours.true_peak()), largest(&|c| serial.true_peak(c).unwrap()), 1e-6);
    near("sample peak", Some(ours.sample_peak()), largest(&|c| serial.sample_peak(c).unwrap()), 0.0);
}

#[test]
fn an_album_is_gated_as_one_programme() {
    let parts = [&[(-16.0, 21.33), (-30.0, 7.0)][..], &[(-45.0, 30.07)], &[(-20.0, 12.0), (-22.0, 25.55)]];
    let tracks: Vec<_> = parts.iter().map(|part| measure(both(part))).collect();
    let album = loudness::album(&tracks);
    let whole = measure(both(&parts.concat()));
    near("album", album.integrated_lufs(), whole.integrated_lufs().unwrap(), 0.1);
    near("true peak", album.true_peak_dbtp(), whole.true_peak_dbtp().unwrap(), 0.1);
    let average = tracks.iter().filter_map(Loudness::integrated_lufs).sum::<f64>() / 3.0;
    assert!((album.integrated_lufs().unwrap() - average).abs() > 5.0, "no average of averages");
    // From what is kept, to the bit.
    let kept = serde_json::to_string(&tracks).unwrap();
    let again: Vec<Loudness> = serde_json::from_str(&kept).unwrap();
    assert_eq!((&again, loudness::album(&again)), (&tracks, album));
}

#[test]
fn the_store_has_a_master_measured_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Options::new(folder.path()).open().unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let master = watched(both(&[(-20.0, 5.0)]), move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    master.id().unwrap();
    let reads = || count.load(Ordering::Relaxed);
    let before = reads();
    let measured = store.masters().loudness(&master).unwrap();
    let after = reads();
    assert!(after > before);
    assert_eq!(measured, loudness::measure(&master).unwrap());
    let before = reads();
    let store = Options::new(folder.path()).open().unwrap();
    assert_eq!(store.masters().loudness(&master).unwrap(), measured);
    assert_eq!(reads(), before, "nothing was decoded again");
}

/// I, LRA and the true peak in dBTP as ffmpeg has them.
fn by_ffmpeg(path: &Path) -> Option<[f64; 3]> {
    let filter = "ebur128=peak=true:metadata=1,ametadata=mode=print:file=-";
    let mut ffmpeg = tool("ffmpeg")?;
    let printed = run(ffmpeg
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-map", "a:0", "-af", filter, "-f", "null", "-"]));
    let printed = String::from_utf8(printed).unwrap();
    let last = |name: &str| {
        let value = printed.lines().rev().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let peaks = (0..8).map(|channel| last(&format!("lavfi.r128.true_peaks_ch{channel}=")));
    let peak = 20.0 * peaks.fold(0.0, f64::max).log10();
    Some([last("lavfi.r128.I="), last("lavfi.r128.LRA="), peak])
}

fn agrees_with_ffmpeg(path: &Path) {
    let Some([lufs, range, peak]) = by_ffmpeg(path) else { return };
    let ours = loudness::measure(&Master::open(path).unwrap()).unwrap();
    let name = path.display().to_string();
    println!("{name}: ffmpeg {lufs:.2} LUFS, {range:.2} LU, {peak:.2} dBTP");
    near(&name, ours.integrated_lufs(), lufs, 0.1);
    near(&name, ours.range_lu(), range, 0.1);
    near(&name, ours.true_peak_dbtp(), peak, 0.3);
}

/// Music of our own; and, where `TONEPRESS_TRACKS` names a folder of masters, all of those.
#[test]
fn music_is_as_loud_as_ffmpeg_finds_it() {
    let strings = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/strings.flac");
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str| folder.path().join(name);
    let mut tracks: Vec<PathBuf> = vec![strings.clone()];
    if ffmpeg(&strings, &["-vn", "-ac", "1"], &made("mono.flac")) {
        tracks.push(made("mono.flac"));
    }
    for rate in ["48000", "96000", "192000"] {
        let path = made(&format!("{rate}.flac"));
        if ffmpeg(&strings, &["-vn", "-ar", rate, "-sample_fmt", "s32", "-bits_per_raw_sample", "24"], &path)
        {
            tracks.push(path);
        }
    }
    if let Some(more) = std::env::var_os("TONEPRESS_TRACKS") {
        tracks.extend(std::fs::read_dir(more).unwrap().map(|entry| entry.unwrap().path()));
    }
    for path in &tracks {
        agrees_with_ffmpeg(path);
    }
}
