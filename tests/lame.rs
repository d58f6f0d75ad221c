//! The oracle is libmp3lame itself, called directly: no code of ours between the PCM and its bytes.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test
#![allow(unsafe_code)]

mod common;

use common::press::{info, press_music};
use common::signal::Music;
use mp3lame_encoder::ffi;
use tonepress::master::Layout;
use tonepress::mp3::info::Info;
use tonepress::{Plan, Profile};

/// What libmp3lame makes of 16-bit PCM in one go: its Info frame, and the audio frames.
fn lame(
    setup: impl Fn(*mut ffi::lame_global_flags),
    rate: u32,
    channels: usize,
    pcm: &[Vec<i16>],
) -> (Vec<u8>, Vec<u8>) {
    // SAFETY: the calls and buffers are those of lame.h's documented sequence; the output buffer is
    // larger than its worst case of 1.25 * samples + 7200 bytes, the tag's than any frame.
    unsafe {
        let gfp = ffi::lame_init();
        ffi::lame_set_in_samplerate(gfp, rate.cast_signed());
        ffi::lame_set_num_channels(gfp, i32::try_from(channels).unwrap());
        setup(gfp);
        assert_eq!(ffi::lame_init_params(gfp), 0);
        let len = pcm[0].len();
        let mut out = vec![0; len * 5 / 4 + 3 * 7200];
        let mut used = 0;
        for start in (0..len).step_by(1152) {
            let n = i32::try_from((len - start).min(1152)).unwrap();
            let (left, right) = (&pcm[0][start], &pcm[channels - 1][start]);
            let space = i32::try_from(out.len() - used).unwrap();
            let written = ffi::lame_encode_buffer(gfp, left, right, n, &raw mut out[used], space);
            used += usize::try_from(written).unwrap();
        }
        let space = i32::try_from(out.len() - used).unwrap();
        used += usize::try_from(ffi::lame_encode_flush(gfp, &raw mut out[used], space)).unwrap();
        out.truncate(used);
        let mut tag = vec![0; 2880];
        let size = ffi::lame_get_lametag_frame(gfp, tag.as_mut_ptr(), tag.len());
        tag.truncate(size);
        ffi::lame_close(gfp);
        let audio = out.split_off(size);
        (tag, audio)
    }
}

fn ours(plan: &Plan, music: &Music) -> (Vec<u8>, Vec<u8>) {
    let mut info = press_music(plan, music, 0..plan.segments());
    let audio = info.split_off(usize::try_from(plan.info_bytes()).unwrap());
    (info, audio)
}

fn plan(rate: u32, layout: Layout, samples: u64, profile: &str) -> Plan {
    Plan::new(&info(rate, layout, samples), &profile.parse::<Profile>().unwrap()).unwrap()
}

/// The way a person who knows LAME would set it up for a profile, leaving the rest to LAME.
fn setup(gfp: *mut ffi::lame_global_flags, profile: &str) {
    let mut parts = profile.split(':');
    let coding = parts.next().unwrap();
    // SAFETY: setters on a fresh handle.
    unsafe {
        ffi::lame_set_quality(gfp, 4);
        if let Some(quality) = coding.strip_prefix('v') {
            ffi::lame_set_VBR(gfp, ffi::vbr_mode::vbr_default);
            ffi::lame_set_VBR_quality(gfp, quality.parse().unwrap());
        } else if let Some(kbps) = coding.strip_prefix("abr") {
            ffi::lame_set_VBR(gfp, ffi::vbr_mode::vbr_abr);
            ffi::lame_set_VBR_mean_bitrate_kbps(gfp, kbps.parse().unwrap());
        } else {
            ffi::lame_set_brate(gfp, coding.parse().unwrap());
        }
        for option in parts {
            match option.split_once('=') {
                Some(("q", q)) => ffi::lame_set_quality(gfp, q.parse().unwrap()),
                Some(("rate", rate)) => ffi::lame_set_out_samplerate(gfp, rate.parse().unwrap()),
                None if option == "stereo" => ffi::lame_set_mode(gfp, ffi::MPEG_mode::STEREO),
                _ => 0,
            };
        }
    }
}

fn ints(music: &Music, channels: usize, samples: u64) -> Vec<Vec<i16>> {
    #[allow(clippy::cast_possible_truncation)] // the signal is exact in 16 bits
    let plane = |channel| (0..samples).map(|at| (music.sample(at, channel) * 32_768.0) as i16).collect();
    (0..channels).map(plane).collect()
}

#[test]
fn a_whole_rendition_is_lames_own_serial_output() {
    for (rate, layout, profile) in [
        (44_100, Layout::STEREO, "128"),
        (44_100, Layout::STEREO, "320"),
        (44_100, Layout::STEREO, "192:q=2"),
        (44_100, Layout::STEREO, "128:stereo"),
        (44_100, Layout::STEREO, "v0"),
        (44_100, Layout::STEREO, "v2"),
        (44_100, Layout::STEREO, "v4.5"),
        (44_100, Layout::STEREO, "abr160"),
        (44_100, Layout::MONO, "96"),
        (48_000, Layout::STEREO, "256"),
        (48_000, Layout::MONO, "v3"),
        (32_000, Layout::STEREO, "v6"),
        (22_050, Layout::STEREO, "64"),
        (24_000, Layout::MONO, "v5"),
        (16_000, Layout::MONO, "32"),
        (11_025, Layout::MONO, "v6:rate=11025"),
        (8_000, Layout::MONO, "16"),
    ] {
        let channels = layout.channels();
        for samples in [1, 576, 1152, 40_000, 500_001] {
            let music = Music::new(rate, samples);
            let plan = plan(rate, layout, samples, &format!("{profile}:whole"));
            assert_eq!(plan.resolved().rate().hz(), rate, "{profile} at {rate} would need resampling");
            let (_, theirs) =
                lame(|gfp| setup(gfp, profile), rate, channels, &ints(&music, channels, samples));
            let (_, ours) = ours(&plan, &music);
            assert!(
                ours == theirs,
                "{profile} at {rate}, {samples} samples: {} and {} bytes",
                ours.len(),
                theirs.len()
            );
        }
    }
}

/// Of a whole rendition, so that frame sizes are LAME's too.
#[test]
fn the_info_frame_is_lames_but_for_what_is_better_or_absent() {
    let samples = 150_000;
    for (rate, layout) in [
        (44_100, Layout::STEREO),
        (48_000, Layout::MONO),
        (32_000, Layout::STEREO),
        (22_050, Layout::STEREO),
        (8_000, Layout::MONO),
    ] {
        let mut profiles: Vec<String> =
            ["v0", "v2", "v4", "v5.5", "v9", "abr48", "abr64", "abr160", "abr175", "abr176", "abr320"]
                .map(str::to_owned)
                .to_vec();
        profiles.extend(["32", "48", "64", "96", "128", "160", "192", "224", "320"].map(str::to_owned));
        profiles.extend((0..=9).map(|q| format!("128:q={q}")));
        profiles.extend((0..=9).map(|q| format!("v3:q={q}")));
        for profile in profiles {
            let profile = format!("{profile}:rate={rate}");
            let parsed: Profile = format!("{profile}:whole").parse().unwrap();
            let music = Music::new(rate, samples);
            let master = info(rate, layout, samples);
            let Ok(plan) = Plan::new(&master, &parsed) else { continue }; // not at this rate
            let channels = layout.channels();
            let (theirs, audio) =
                lame(|gfp| setup(gfp, &profile), rate, channels, &ints(&music, channels, samples));
            let (ours, _) = ours(&plan, &music);
            let told = Info::parse(&ours).unwrap();
            if theirs.is_empty() {
                // LAME gives the tag up where a frame of the bitrate is too small for it.
                assert!(plan.resolved().is_cbr(), "{profile} at {rate}");
                continue;
            }
            let lames = Info::parse(&theirs).unwrap();
            assert_eq!(
                (told.frames, told.bytes, told.delay, told.padding),
                (lames.frames, lames.bytes, lames.delay, lames.padding),
                "{profile} at {rate}"
            );
            assert_eq!(told.bytes, (ours.len() + audio.len()) as u64);
            let crc = if plan.resolved().is_cbr() { 0 } else { lames.music_crc };
            assert_eq!(told.music_crc, crc, "{profile} at {rate}");
            // LAME's is coarse; that ours is exact is for the press tests to show.
            for (entry, (a, b)) in told.toc.iter().zip(lames.toc).enumerate().skip(1) {
                assert!(a.abs_diff(b) <= 10, "{profile} at {rate}: TOC entry {entry} is {a}, LAME says {b}");
            }
            // All other bytes are equal: blank out what was compared above, and the tag's CRC.
            let tag = ours.windows(4).position(|w| w == b"Info" || w == b"Xing").unwrap();
            let rest = |frame: &[u8]| {
                let mut frame = frame.to_vec();
                frame[3] &= !0x30; // LAME leaves the mode extension of its last frame there
                frame[tag + 16..tag + 116].fill(0);
                frame[tag + 152..tag + 156].fill(0);
                frame
            };
            let (a, b) = (rest(&ours), rest(&theirs));
            let differ: Vec<_> = (0..a.len())
                .filter(|&i| a[i] != b[i])
                .map(|i| (i.cast_signed() - tag.cast_signed(), a[i], b[i]))
                .collect();
            assert!(
                a.len() == b.len() && differ.is_empty(),
                "{profile} at {rate} (ours, LAME's): {differ:?}"
            );
        }
    }
}
