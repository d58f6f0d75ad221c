//! Channels mean something: where the file says they stand, whatever its format, and so what is heard of them.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tonepress::master::downmix::Downmix;
use tonepress::master::{Layout, Master};
use tonepress::pcm::Pcm;

use crate::common::write::{self, pcm_be, pcm_le, samples};
use crate::common::{cases, decode_all, run, tool};
use crate::mp4::open;

/// The bits of a channel mask: what they are called, and how loud they are on the left and the right before they
/// are scaled. ITU-R BS.775-3, and what stands above the listener.
const BITS: [(&str, f64, f64); 18] = [
    ("FL", 1.0, 0.0),
    ("FR", 0.0, 1.0),
    ("FC", R, R),
    ("LFE", 0.0, 0.0),
    ("BL", R, 0.0),
    ("BR", 0.0, R),
    ("FLC", 1.0, 0.0),
    ("FRC", 0.0, 1.0),
    ("BC", 0.5, 0.5),
    ("SL", R, 0.0),
    ("SR", 0.0, R),
    ("TC", 0.5, 0.5),
    ("TFL", R, 0.0),
    ("TFC", 0.5, 0.5),
    ("TFR", 0.0, R),
    ("TBL", R, 0.0),
    ("TBC", 0.5, 0.5),
    ("TBR", 0.0, R),
];
const R: f64 = std::f64::consts::FRAC_1_SQRT_2;

fn names(layout: &Layout) -> String {
    layout.positions().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn to_stereo(pcm: &Pcm, layout: &Layout) -> Vec<Vec<f32>> {
    let mut out = pcm.clone();
    if let Some(downmix) = Downmix::new(layout, 2) {
        downmix.apply(pcm, &mut out);
    }
    out.planes().map(<[f32]>::to_vec).collect()
}

/// What is heard of a report: its layout, left and right.
fn heard(name: &str) -> (String, Vec<Vec<f32>>) {
    let master = Master::open(Path::new("testdata/reports").join(name)).unwrap();
    let layout = master.info().layout;
    (layout.to_string(), to_stereo(&decode_all(&master), &layout))
}

#[test]
fn reported_low_frequencies_alone() {
    let (name, stereo) = heard("E1_mask_2.1_LFE_only.flac");
    assert_eq!(name, "2.1");
    assert!(stereo.iter().flatten().all(|&sample| sample == 0.0));
}

#[test]
fn reported_a_centre_alone() {
    for (file, want) in [("E2_mask_3.1_centre_only.flac", "3.1"), ("E4_mask_4.0_centre_only.flac", "4.0")] {
        let (name, stereo) = heard(file);
        assert_eq!(name, want);
        assert!(stereo[0] == stereo[1] && stereo[0].iter().any(|&sample| sample.abs() > 0.01), "{file}");
    }
}

/// The positions of a mask, and the gains of its channels on the left and the right, all scaled alike.
fn expected(mask: u32) -> (String, Vec<[f64; 2]>) {
    let bits: Vec<_> = (0..18).filter(|bit| mask >> bit & 1 == 1).map(|bit| BITS[bit]).collect();
    let mut gains: Vec<_> = bits.iter().map(|&(_, left, right)| [left, right]).collect();
    let loudest = |gains: &[[f64; 2]]| {
        [0, 1].map(|side| gains.iter().map(|gain| gain[side]).sum::<f64>()).into_iter().fold(0.0, f64::max)
    };
    if gains.len() == 1 || loudest(&gains) == 0.0 {
        gains.fill([1.0, 1.0]);
    }
    let scale = loudest(&gains);
    gains.iter_mut().flatten().for_each(|gain| *gain /= scale);
    let names: Vec<_> = bits.iter().map(|bit| bit.0).collect();
    (names.join(" "), gains)
}

/// A WAV of 16 bits under a mask.
fn wav(mask: u32, ints: &[i32]) -> Vec<u8> {
    let channels = u16::try_from(mask.count_ones()).unwrap();
    write::wav(&write::wav_extensible(1, channels, 44_100, 16, 16, mask), &pcm_le(ints, 16))
}

#[test]
fn every_mask_of_up_to_eight_channels() {
    for channels in 1..=8_usize {
        let bytes = wav((1 << channels) - 1, &vec![0; channels]);
        let at = bytes.windows(4).position(|it| it == b"fmt ").unwrap() + 8 + 20;
        for mask in (1..1_u32 << 18).filter(|mask| mask.count_ones() as usize == channels) {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(&mask.to_le_bytes());
            let layout = crate::common::memory::watched(bytes, |_| Ok(())).info().layout;
            let (want, gains) = expected(mask);
            if channels > 1 {
                assert_eq!(names(&layout), want);
            }
            let mut input = Pcm::default();
            input.reset(channels, 0);
            for channel in 0..channels {
                input.plane_mut(channel).extend((0..channels).map(|at| f32::from(u8::from(at == channel))));
            }
            for (side, plane) in to_stereo(&input, &layout).iter().enumerate() {
                for (gain, got) in gains.iter().zip(plane) {
                    assert!((gain[side] - f64::from(*got)).abs() < 1e-6, "{mask:#x}: {got}, not {gains:?}");
                }
            }
        }
    }
}

/// Masks that do not fit: bits that no channel is left for, or that mean nothing yet; channels without a bit; none.
#[test]
fn masks_that_do_not_fit() {
    for (channels, mask, want) in [
        (1, 0, "FC"),
        (1, 0x3f, "FC"),
        (2, 0, "FL FR"),
        (2, 0x3f, "FL FR"),
        (2, 0x8000_0003, "FL FR"),
        (3, 0x3, "FL FR -"),
        (3, 0xffff_ffff, "FL FR FC"),
        (4, 0x33f, "FL FR FC LFE"),
        (4, 0x8000_0007, "FL FR FC -"),
        (6, 0, "- - - - - -"),
        (6, 0x4, "FC - - - - -"),
    ] {
        let format = write::wav_extensible(1, channels, 44_100, 16, 16, mask);
        let bytes = write::wav(&format, &pcm_le(&vec![1_000; 300 * usize::from(channels)], 16));
        let master =
            crate::mp4::open(&bytes).unwrap_or_else(|error| panic!("{channels}, {mask:#x}: {error}"));
        assert_eq!(names(&master.info().layout), want, "{channels}, {mask:#x}");
        let stereo = to_stereo(&decode_all(&master), &master.info().layout);
        assert!(stereo.iter().flatten().any(|sample| *sample > 0.01), "{channels}, {mask:#x}");
    }
}

/// What ffmpeg's `pan` makes of `ints` with the gains of each mask, one stereo signal behind the other.
fn by_pan(ints: &[i32], channels: usize, masks: &[u32]) -> Option<Vec<f32>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.raw");
    fs::write(&path, pcm_le(ints, 16)).unwrap();
    let labels =
        |letter: char| (0..masks.len()).map(|n| format!("[{letter}{n}]")).collect::<Vec<_>>().concat();
    let mut filters = vec![format!("[0]aformat=flt,asplit={}{}", masks.len(), labels('a'))];
    for (n, &mask) in masks.iter().enumerate() {
        let (_, gains) = expected(mask);
        let side = |side: usize| {
            let terms =
                gains.iter().enumerate().map(|(channel, gain)| format!("{:.9}*c{channel}", gain[side]));
            terms.collect::<Vec<_>>().join("+")
        };
        filters.push(format!("[a{n}]pan=stereo|c0={}|c1={}[b{n}]", side(0), side(1)));
    }
    filters.push(format!("{}concat=n={}:v=0:a=1[out]", labels('b'), masks.len()));
    let raw = run(tool("ffmpeg")?
        .args(["-nostdin", "-v", "error", "-f", "s16le", "-ar", "44100", "-ac"])
        .arg(channels.to_string())
        .arg("-i")
        .arg(&path)
        .args([
            "-filter_complex",
            &filters.join(";"),
            "-map",
            "[out]",
            "-f",
            "f32le",
            "-c:a",
            "pcm_f32le",
            "-",
        ]));
    Some(raw.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(16), ..ProptestConfig::default() })]
    /// By ffmpeg's `pan` with the gains above, many masks at a time: every mask has its turn when there are many cases.
    #[test]
    fn downmixes_are_those_of_ffmpeg(channels in 1..=8_usize, from in 0..1_u32 << 18) {
        let of_channels = |mask: &u32| mask.count_ones() as usize == channels && *mask != 3;
        let masks: Vec<u32> = (from..1 << 18).chain(1..from).filter(of_channels).take(48).collect();
        let ints = samples(100, channels, 16);
        let Some(theirs) = by_pan(&ints, channels, &masks) else { return Ok(()) };
        prop_assert_eq!(theirs.len(), 200 * masks.len());
        for (&mask, theirs) in masks.iter().zip(theirs.chunks(200)) {
            let master = open(&wav(mask, &ints)).unwrap();
            let ours = to_stereo(&decode_all(&master), &master.info().layout);
            for (at, theirs) in theirs.iter().enumerate() {
                let ours = ours[at % 2][at / 2];
                prop_assert!((ours - theirs).abs() < 2e-6, "{:#x} at {}: {} and {}", mask, at, ours, theirs);
            }
        }
    }
}

/// A chunk of AIFF before its sound.
fn aiff_with(chunk: &[u8], channels: u16) -> Vec<u8> {
    let mut bytes = write::aiff(None, channels, 44_100, 16, &pcm_be(&samples(9, channels.into(), 16), 16));
    bytes.splice(
        12..12,
        [b"CHAN", &(chunk.len() as u32).to_be_bytes()[..], chunk, &[0][..chunk.len() % 2]].concat(),
    );
    let size = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&size.to_be_bytes());
    bytes
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[test]
fn aiff_and_caf_say_where_channels_stand() {
    let caf = |chunk: &[u8], channels: u32| {
        let mut bytes = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20".to_vec();
        bytes.extend(44_100_f64.to_be_bytes());
        bytes.extend(b"lpcm");
        bytes.extend(words(&[0, 2 * channels, 1, channels, 16]));
        bytes.extend(b"chan");
        bytes.extend((chunk.len() as u64).to_be_bytes());
        bytes.extend(chunk);
        bytes.extend(b"data");
        bytes.extend((4 + 18 * u64::from(channels)).to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(vec![0; 18 * channels as usize]);
        bytes
    };
    let labels = |labels: &[u32]| {
        let mut chunk = vec![0, 0, labels.len() as u32];
        for &label in labels {
            chunk.extend([label, 0, 0, 0, 0]);
        }
        words(&chunk)
    };
    for (chunk, channels, want) in [
        (words(&[124 << 16 | 6, 0, 0]), 6, "FC FL FR BL BR LFE"),
        (words(&[121 << 16 | 6, 0, 0]), 6, "FL FR FC LFE BL BR"),
        (words(&[115 << 16 | 4, 0, 0]), 4, "FL FR FC BC"),
        (words(&[128 << 16 | 8, 0, 0]), 8, "FL FR FC LFE SL SR BL BR"),
        (words(&[0x1_0000, 0x107, 0]), 4, "FL FR FC BC"),
        (words(&[0x1_0000, 0xb, 0]), 3, "FL FR LFE"),
        (labels(&[3, 4, 2, 1]), 4, "FC LFE FR FL"),
        (labels(&[1, 2, 13, 15]), 4, "FL FR TFL TFR"),
        (words(&[999 << 16 | 4, 0, 0]), 4, "FL FR BL BR"),
        (vec![1], 5, "FL FR FC BL BR"),
    ] {
        let layout = open(&aiff_with(&chunk, channels)).unwrap().info().layout;
        assert_eq!(names(&layout), want);
        assert_eq!(open(&caf(&chunk, channels.into())).unwrap().info().layout, layout);
    }
}

#[test]
fn flac_says_where_channels_stand_in_and_out_of_ogg() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("it.raw"), dir.path().join("it.flac"));
    for (channels, mask, want) in [
        (3, "0x0007", "FL FR FC"),
        (3, "0xB", "FL FR LFE"),
        (4, "0x107", "FL FR FC BC"),
        (6, "0x60f", "FL FR FC LFE SL SR"),
        (8, "0xff", "FL FR FC LFE BL BR FLC FRC"),
        (8, "0x503f", "FL FR FC LFE BL BR TFL TFR"),
        (2, "0x3", "FL FR"),
        (2, "0x30", "BL BR"),
        (2, "0x0", "FL FR"),
        (3, "0x0", "- - -"),
        (3, "nonsense", "FL FR FC"),
        (1, "0x8", "FC"),
    ] {
        let ints = samples(9, channels, 16);
        fs::write(&from, pcm_le(&ints, 16)).unwrap();
        for ogg in [&[][..], &["--ogg", "-T", "TITLE=it"]] {
            let Some(mut flac) = tool("flac") else { return };
            let tag = format!("WaveFormatExtensible_channel_mask={mask}");
            run(flac
                .args(["-s", "-f", "--force-raw-format", "--endian=little", "--sign=signed", "--bps=16"])
                .args(["--sample-rate=44100", &format!("--channels={channels}"), "-T", &tag])
                .args(ogg)
                .arg("-o")
                .arg(&to)
                .arg(&from));
            let layout = Master::open(&to).unwrap().info().layout;
            assert_eq!(names(&layout), want, "{mask}, {ogg:?}");
        }
    }
}
