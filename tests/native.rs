//! What the native encoder writes, heard by decoders that others wrote: at every rate and bitrate, in every mode.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::fs::File;
use std::path::Path;

use common::press::{info, mpg123_decodes, press_music};
use common::signal::Music;
use common::{run, tool};
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use tonepress::master::Layout;
use tonepress::mp3::frame::{RATES, Version};
use tonepress::{Plan, Profile, SampleRate};

/// What is wrong with an MP3 by the decoders that are there.
fn complaints(mp3: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |who: &str, said: &str, is_complaint: fn(&str) -> bool| {
        complaints
            .extend(said.lines().filter(|line| is_complaint(line)).map(|line| format!("{who}: {line}")));
    };
    if let Some(mut mpg123) = tool("mpg123") {
        let output = mpg123.args(["-q", "-t"]).arg(mp3).output().unwrap();
        complain("mpg123", &String::from_utf8_lossy(&output.stderr), |_| true);
    }
    if let Some(mut ffmpeg) = tool("ffmpeg") {
        let output =
            ffmpeg.args(["-nostdin", "-v", "warning", "-i"]).arg(mp3).args(["-f", "null", "-"]).output();
        complain("ffmpeg", &String::from_utf8_lossy(&output.unwrap().stderr), |_| true);
    }
    if let Some(mut madplay) = tool("madplay") {
        let output = madplay.args(["-o", "null:"]).arg(mp3).output().unwrap();
        complain("madplay", &String::from_utf8_lossy(&output.stderr), |line| line.contains("error"));
    }
    if let Some(mut mp3val) = tool("mp3val") {
        let said = String::from_utf8(run(mp3val.arg(mp3))).unwrap();
        complain("mp3val", &said, |line| {
            (line.starts_with("WARNING") || line.starts_with("ERROR"))
                && !line.contains("No supported tags")
                && !line.contains("Too few MPEG frames")
        });
    }
    complaints
}

/// All samples, interleaved, that Symphonia decodes of an MP3.
fn symphonia_decodes(mp3: &Path) -> Vec<f32> {
    let stream =
        MediaSourceStream::new(Box::new(File::open(mp3).unwrap()), MediaSourceStreamOptions::default());
    let mut format = symphonia::default::get_probe()
        .probe(
            Hint::new().with_extension("mp3"),
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .unwrap();
    let parameters = format.default_track(TrackType::Audio).unwrap().codec_params.clone().unwrap();
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters.audio().unwrap(), &AudioDecoderOptions::default())
        .unwrap();
    let (mut all, mut samples) = (Vec::new(), Vec::new());
    while let Some(packet) = format.next_packet().unwrap() {
        decoder.decode(&packet).unwrap().copy_to_vec_interleaved::<f32>(&mut samples);
        all.extend_from_slice(&samples);
    }
    all
}

#[test]
fn every_rate_bitrate_and_mode_is_valid_for_all_decoders() {
    let folder = tempfile::tempdir().unwrap();
    let mp3 = folder.path().join("rendition.mp3");
    for rate in RATES {
        let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
        let samples = u64::from(rate);
        let music = Music::new(rate, samples);
        let bitrates = version.bitrates().iter().map(ToString::to_string);
        let others = ["v0", "v3.5", "v6", "v9.999", "abr72", "abr144"].map(String::from);
        for coding in bitrates.chain(others) {
            for mode in ["mono", "stereo", "joint"] {
                let text = format!("{coding}:{mode}:rate={rate}:native");
                let profile: Profile = text.parse().unwrap();
                // Of what LAME has no settings for, there is no rendition either.
                let Ok(plan) = Plan::new(&info(rate, Layout::STEREO, samples), &profile) else { continue };
                std::fs::write(&mp3, press_music(&plan, &music, 0..plan.segments())).unwrap();
                assert_eq!(complaints(&mp3), [""; 0], "{text}");
            }
        }
    }
}

#[test]
fn decoders_hear_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mp3 = folder.path().join("rendition.mp3");
    for rate in RATES {
        let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
        let highest = version.max_bitrate().0;
        for profile in [format!("{highest}:native"), "v4:native".to_owned(), "48:mono:native".to_owned()] {
            let profile: Profile = format!("{profile}:rate={rate}").parse().unwrap();
            let samples = 2 * u64::from(rate);
            let plan = Plan::new(&info(rate, Layout::STEREO, samples), &profile).unwrap();
            std::fs::write(&mp3, press_music(&plan, &Music::new(rate, samples), 0..plan.segments())).unwrap();
            // Without what the encoder put before and behind it.
            let Some(one) = mpg123_decodes(&mp3) else { return };
            let other = symphonia_decodes(&mp3);
            let len = one.len().min(other.len());
            assert_eq!(one.len(), other.len(), "{profile} at {rate} Hz");
            let most = one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(len as u64 >= samples && most < 1e-4, "{profile} at {rate} Hz: {most} of {len} samples");
        }
    }
}
