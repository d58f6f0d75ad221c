//! Cutting a rendition into segments costs next to nothing: its noise against the master, and its
//! size, are those of one that was encoded in one go. `docs/segments.md` has the measurements.
//!
//! `TONEPRESS_BENCH_MASTERS` may name a folder of FLACs, real music, to be tested as well.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use common::press::{ffmpeg_decodes, press, wav};
use common::signal::Music;
use tonepress::master::Master;
use tonepress::mp3::frame::RATES;
use tonepress::pcm::Pcm;

const PROFILES: [&str; 10] = [
    "128",
    "192",
    "320",
    "abr160",
    "v2",
    "128:native",
    "192:native",
    "320:native",
    "abr160:native",
    "v2:native",
];

/// The energy of what is left of the master when the decoded rendition is taken from it, at the gain
/// that leaves least: LAME turns its input down by up to 5 %, depending on the bitrate.
fn noise(master: &Pcm, decoded: &[f32]) -> f64 {
    let channels = master.channels();
    assert_eq!(decoded.len(), master.len() * channels, "plays another length");
    let [mut xx, mut xy, mut yy] = [0.0; 3];
    for (channel, plane) in master.planes().enumerate() {
        for (x, y) in plane.iter().zip(decoded[channel..].iter().step_by(channels)) {
            let (x, y) = (f64::from(*x), f64::from(*y));
            xx += x * x;
            xy += x * y;
            yy += y * y;
        }
    }
    xx - xy * xy / yy
}

/// What segments cost each profile: noise in decibels, size in per cent. Empty without a decoder.
fn costs(master: &Master) -> Vec<(&'static str, f64, f64)> {
    let pcm = common::decode_all(master);
    let file = tempfile::NamedTempFile::with_suffix(".mp3").unwrap();
    let mut costs = Vec::new();
    for profile in PROFILES {
        // At the master's own rate: resampled, it would be no reference any more.
        let profiles = ["", ":whole"].map(|end| format!("{profile}:rate={}{end}", master.info().rate.hz()));
        let mut sides = Vec::new();
        for (_, mp3) in press(master, &profiles.each_ref().map(String::as_str), 2) {
            std::fs::write(file.path(), &mp3).unwrap();
            let Some(decoded) = ffmpeg_decodes(file.path()) else { return Vec::new() };
            sides.push((noise(&pcm, &decoded), mp3.len() as f64));
        }
        let (noise, size) = (sides[0].0 / sides[1].0, sides[0].1 / sides[1].1);
        costs.push((profile, 10.0 * noise.log10(), 100.0 * (size - 1.0)));
        println!("{}, {:?}", master.name(), costs.last().unwrap());
    }
    costs
}

fn check_synthetic(name: &str, music: &Music, samples: u64) {
    let file = tempfile::NamedTempFile::with_suffix(".wav").unwrap();
    std::fs::write(file.path(), wav(music, 44_100, 2, samples)).unwrap();
    for (profile, decibels, per_cent) in costs(&Master::open(file.path()).unwrap()) {
        assert!(decibels <= 0.05, "{name}, {profile}: {decibels:+.3} dB of noise");
        // ABR is more generous at the start of each segment, and sounds better there.
        let limit = if profile.starts_with("abr") { 0.5 } else { 0.3 };
        assert!(per_cent <= limit, "{name}, {profile}: {per_cent:+.2} % of size");
    }
}

#[test]
fn seams_cost_next_to_nothing_in_music_with_pauses() {
    let samples = 32 * 44_100;
    check_synthetic("music", &Music::new(44_100, samples), samples);
}

#[test]
fn seams_cost_next_to_nothing_while_music_fades_in() {
    let samples = 32 * 44_100;
    check_synthetic("fade-in", &Music::new(44_100, samples).fading_in(26.0), samples);
}

/// Over all tracks together: at CBR, where a seam falls is luck, and a short track with a seam on a drum
/// stroke can lose a little more.
#[test]
fn seams_cost_next_to_nothing_in_real_music() {
    let Some(folder) = std::env::var_os("TONEPRESS_BENCH_MASTERS") else { return };
    let mut of_profile = [const { Vec::new() }; PROFILES.len()];
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "flac") {
            continue;
        }
        let master = Master::open(&file).unwrap();
        let info = master.info();
        if info.layout.channels() <= 2 && RATES.contains(&info.rate.hz()) {
            for (all, (_, decibels, per_cent)) in of_profile.iter_mut().zip(costs(&master)) {
                all.push((decibels, per_cent));
            }
        }
    }
    for (profile, all) in PROFILES.iter().zip(of_profile).filter(|(_, all)| !all.is_empty()) {
        let decibels = all.iter().map(|(decibels, _)| decibels).sum::<f64>() / all.len() as f64;
        let per_cent = all.iter().map(|(_, per_cent)| per_cent).sum::<f64>() / all.len() as f64;
        println!("{profile}: {decibels:+.3} dB, {per_cent:+.2} % over {} tracks", all.len());
        assert!(decibels <= 0.05, "{profile}: {decibels:+.3} dB of noise");
        assert!(!profile.starts_with("v2") || per_cent <= 0.3, "{profile}: {per_cent:+.2} % of size");
    }
}
