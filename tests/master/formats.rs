//! Every format decodes to what its author put in, in any range.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use crate::common::write::{self, pcm_be, pcm_le, samples};
use crate::common::{bits, corpus, decode_all, ffmpeg, run, tool};
use proptest::prelude::*;
use tempfile::TempDir;
use tonepress::master::{Codec, Container, Decoder, Master, Verification};
use tonepress::pcm::Pcm;

pub type Planes = Vec<Vec<u32>>;

/// Interleaved integers of `bits` bits as planes of `f32` bits.
pub fn planes(samples: &[i32], channels: usize, bits: u32) -> Planes {
    let mut planes = vec![Vec::new(); channels];
    for (i, &sample) in samples.iter().enumerate() {
        let value = f64::from(sample) / (1_i64 << (bits - 1)) as f64;
        planes[i % channels].push((value as f32).to_bits());
    }
    planes
}

pub struct Fixture {
    pub path: PathBuf,
    pub want: Planes,
}

/// One short master of every format that the installed tools can make.
pub fn fixtures() -> &'static [Fixture] {
    static FIXTURES: OnceLock<(TempDir, Vec<Fixture>)> = OnceLock::new();
    &FIXTURES
        .get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            let list = make_fixtures(dir.path());
            (dir, list)
        })
        .1
}

fn make_fixtures(dir: &Path) -> Vec<Fixture> {
    let mut list = Vec::new();
    let mut add = |path: PathBuf, want: &Planes| list.push(Fixture { path, want: want.clone() });
    let save = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    // All of odd length, so that the last packets are short and chunks are padded.
    for (channels, depth, rate) in
        [(2_u16, 16_u16, 44_100_u32), (1, 8, 8_000), (2, 24, 96_000), (6, 24, 48_000)]
    {
        let frames = 50_001;
        let ints = samples(frames, channels.into(), depth.into());
        let want = planes(&ints, channels.into(), depth.into());
        let le = pcm_le(&ints, depth.into());
        let name = format!("{channels}x{depth}");
        let plain = write::wav_format(1, channels, rate, depth);
        let mask = if channels == 6 { 0x3f } else { 0 };
        let extensible = write::wav_extensible(1, channels, rate, depth, depth, mask);
        let wav = save(&format!("{name}.wav"), &write::wav(&extensible, &le));
        add(wav.clone(), &want);
        add(save(&format!("{name}-plain.wav"), &write::wav(&plain, &le)), &want);
        add(save(&format!("{name}-rf64.wav"), &write::rf64(&plain, &le)), &want);
        let be = pcm_be(&ints, depth.into());
        add(save(&format!("{name}.aiff"), &write::aiff(None, channels, rate, depth, &be)), &want);
        if depth == 8 {
            continue;
        }
        let depth = depth.to_string();
        let mut convert = |suffix: &str, arguments: &[&str]| {
            let to = dir.join(format!("{name}{suffix}"));
            let arguments = [arguments, &["-bits_per_raw_sample", &depth]].concat();
            if ffmpeg(&wav, &arguments, &to) {
                add(to, &want);
            }
        };
        let (flac, alac) = if depth == "16" { ("s16", "s16p") } else { ("s32", "s32p") };
        convert(".flac", &["-c:a", "flac", "-sample_fmt", flac]);
        convert(".oga", &["-c:a", "flac", "-sample_fmt", flac]);
        convert("-flac.mp4", &["-c:a", "flac", "-sample_fmt", flac, "-strict", "-2"]);
        convert("-alac.m4a", &["-c:a", "alac", "-sample_fmt", alac]);
        convert("-alac.caf", &["-c:a", "alac", "-sample_fmt", alac]);
        convert("-le.caf", &["-c:a", &format!("pcm_s{depth}le")]);
        convert("-be.caf", &["-c:a", &format!("pcm_s{depth}be")]);
        convert("-ffmpeg.wav", &["-c:a", &format!("pcm_s{depth}le"), "-rf64", "always"]);
        if depth == "16" {
            convert("-sowt.aifc", &["-c:a", "pcm_s16le", "-f", "aiff"]);
        }
        for (suffix, arguments) in [("-flac.flac", &["-5"][..]), ("-flac.oga", &["--ogg"])] {
            if let Some(mut flac) = tool("flac") {
                let to = dir.join(format!("{name}{suffix}"));
                run(flac.args(["-s", "-f"]).args(arguments).arg("-o").arg(&to).arg(&wav));
                add(to, &want);
            }
        }
    }
    list
}

#[test]
fn every_format_decodes_to_what_was_encoded() {
    for Fixture { path, want } in fixtures() {
        let master = Master::open(path).unwrap();
        let info = master.info();
        assert_eq!(info.samples.0, 50_001, "{path:?}");
        assert_eq!(info.layout.channels(), want.len(), "{path:?}");
        assert!(bits(&decode_all(&master)) == *want, "{path:?}");
        match info.codec {
            Codec::Flac if info.container == Container::Flac => {
                assert_eq!(master.verify().unwrap(), Verification::Md5Matches, "{path:?}");
            }
            Codec::Flac => assert!(master.verify().is_ok(), "{path:?}"),
            _ => assert_eq!(master.verify().unwrap(), Verification::NoChecksums, "{path:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Each fixture has one decoder that serves all its cases, so its history is random too.
    #[test]
    fn any_range_equals_the_slice_of_a_full_decode(
        index: prop::sample::Index,
        start in 0_u64..=50_001,
        len in prop_oneof![0_u64..50, 0_u64..20_000, 30_000_u64..=50_001],
        back in prop_oneof![Just(0_u64), 0_u64..20_000],
    ) {
        static DECODERS: OnceLock<Vec<Mutex<Decoder>>> = OnceLock::new();
        let decoders = DECODERS.get_or_init(|| {
            fixtures().iter().map(|f| Mutex::new(Master::open(&f.path).unwrap().decoder().unwrap())).collect()
        });
        let index = index.index(decoders.len());
        let Fixture { path, want } = &fixtures()[index];
        let end = (start + len).min(50_001);
        let mut pcm = Pcm::default();
        let mut decoder = decoders[index].lock().unwrap();
        // Then on from some samples before the end, as segments do.
        let again = end.saturating_sub(back);
        for (start, end) in [(start, end), (again, (again + 2_000).min(50_001))] {
            decoder.read(start..end, &mut pcm).unwrap();
            prop_assert_eq!(pcm.range(), start..end);
            let slice = |plane: &Vec<u32>| plane[start as usize..end as usize].to_vec();
            let want: Planes = want.iter().map(slice).collect();
            prop_assert!(bits(&pcm) == want, "{:?} {}..{}", path, start, end);
        }
    }
}

#[test]
fn the_corpus_decodes_as_flac_decodes_it() {
    let Some(corpus) = corpus("flac-subset-odd") else { return };
    let mut count = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "flac") {
            continue;
        }
        let Some(mut flac) = tool("flac") else { return };
        let raw = run(flac
            .args(["-d", "-s", "-c", "--force-raw-format", "--endian=little", "--sign=signed"])
            .arg(&path));
        let master = Master::open(&path).unwrap();
        let info = master.info();
        let bytes = usize::from(info.bits.div_ceil(8));
        let ints: Vec<i32> = raw
            .chunks_exact(bytes)
            .map(|sample| {
                let mut wide = [0; 4];
                wide[4 - bytes..].copy_from_slice(sample);
                i32::from_le_bytes(wide) >> (32 - 8 * bytes)
            })
            .collect();
        let want = planes(&ints, info.layout.channels(), info.bits.into());
        assert_eq!(info.samples.0, want[0].len() as u64, "{path:?}");
        assert!(bits(&decode_all(&master)) == want, "{path:?}");
        assert_eq!(master.verify().unwrap(), Verification::Md5Matches, "{path:?}");
        count += 1;
    }
    assert!(count >= 20, "{count} files");
}

#[test]
fn the_files_in_testdata_are_what_their_readme_says() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let facts = |name: &str| {
        let master = Master::open(testdata.join(name)).unwrap();
        assert!(master.verify().is_ok(), "{name}");
        let info = master.info();
        (info.container, info.codec, info.rate.hz(), info.bits, info.layout.to_string(), info.samples.0)
    };
    let stereo = || "stereo".to_owned();
    let short = |container, codec| (container, codec, 44_100, 16, stereo(), 66_150);
    assert_eq!(facts("strings.flac"), (Container::Flac, Codec::Flac, 44_100, 16, stereo(), 1_058_400));
    assert_eq!(facts("short-24-96.flac"), (Container::Flac, Codec::Flac, 96_000, 24, stereo(), 144_000));
    assert_eq!(facts("short.oga"), short(Container::Ogg, Codec::Flac));
    assert_eq!(facts("short.m4a"), short(Container::M4a, Codec::Alac));
    assert_eq!(facts("short.caf"), short(Container::Caf, Codec::Alac));
    assert_eq!(facts("short.aiff"), short(Container::Aiff, Codec::Pcm));
    assert_eq!(facts("short-5.1.wav"), (Container::Wav, Codec::Pcm, 44_100, 16, "5.1".to_owned(), 22_050));
    // The same samples, five times encoded.
    let sound = |name: &str| bits(&decode_all(&Master::open(testdata.join(name)).unwrap()));
    let aiff = sound("short.aiff");
    for name in ["short.oga", "short.m4a", "short.caf"] {
        assert!(sound(name) == aiff, "{name}");
    }
}

#[test]
fn masters_are_shared_and_decoders_are_sent() {
    fn shared<T: Send + Sync + Clone>() {}
    fn sent<T: Send>() {}
    shared::<Master>();
    sent::<Decoder>();
}
