//! Content decides what a file is, and what is refused is refused by name.

use std::fs;

use crate::common::write::{self, pcm_be, pcm_le, samples};
use crate::common::{bits, decode_all, ffmpeg, run, tool};
use crate::formats::planes;
use tonepress::Error;
use tonepress::master::{Codec, Container, Master, Position};

/// Opens `bytes` under a misleading name.
fn open(bytes: &[u8]) -> Result<Master, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("song.mp3");
    fs::write(&path, bytes).unwrap();
    Master::open(&path)
}

#[test]
fn lossy_formats_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let wav = dir.path().join("a.wav");
    fs::write(&wav, write::wav(&write::wav_format(1, 1, 8_000, 16), &pcm_le(&samples(80_000, 1, 16), 16)))
        .unwrap();
    let cases: [(&str, &[&str], &str); 20] = [
        ("a.mp3", &["-c:a", "libmp3lame"], "MP3"),
        ("b.mp3", &["-c:a", "libmp3lame", "-ar", "44100", "-id3v2_version", "0", "-write_xing", "0"], "MP3"),
        ("a.mp2", &["-c:a", "mp2", "-ar", "44100"], "MP2"),
        ("a.aac", &["-c:a", "aac"], "AAC"),
        ("a.m4a", &["-c:a", "aac"], "AAC"),
        ("b.mp4", &["-c:a", "libmp3lame", "-ar", "44100"], "MP3"),
        ("a.ogg", &["-c:a", "libvorbis"], "Vorbis"),
        ("a.opus", &["-c:a", "libopus"], "Opus"),
        ("a.spx", &["-c:a", "libspeex"], "Speex"),
        ("a.ac3", &["-c:a", "ac3", "-ar", "48000"], "AC-3"),
        ("adpcm.wav", &["-c:a", "adpcm_ms"], "ADPCM"),
        ("ima.wav", &["-c:a", "adpcm_ima_wav"], "ADPCM"),
        ("alaw.wav", &["-c:a", "pcm_alaw"], "A-law"),
        ("mulaw.wav", &["-c:a", "pcm_mulaw"], "µ-law"),
        ("mp3.wav", &["-c:a", "libmp3lame", "-f", "wav"], "MP3"),
        ("alaw.aiff", &["-c:a", "pcm_alaw", "-f", "aiff"], "A-law"),
        ("ima.aiff", &["-c:a", "adpcm_ima_qt", "-f", "aiff"], "ADPCM"),
        ("aac.caf", &["-c:a", "aac"], "AAC"),
        ("mulaw.caf", &["-c:a", "pcm_mulaw"], "µ-law"),
        ("opus.mp4", &["-c:a", "libopus"], "Opus"),
    ];
    for (name, arguments, codec) in cases {
        let to = dir.path().join(name);
        let Some(mut ffmpeg) = tool("ffmpeg") else { return };
        let made =
            ffmpeg.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(&wav).args(arguments).arg(&to).status();
        if !made.unwrap().success() {
            eprintln!("SKIPPED: this ffmpeg makes no {name}");
            continue;
        }
        match Master::open(&to) {
            Err(Error::Lossy { codec: found, .. }) => assert!(found.contains(codec), "{name}: {found}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn lossless_formats_that_are_not_supported_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let wav = dir.path().join("a.wav");
    fs::write(&wav, write::wav(&write::wav_format(1, 2, 44_100, 16), &pcm_le(&samples(8_000, 2, 16), 16)))
        .unwrap();
    for (name, want) in [("a.wv", "WavPack"), ("a.tta", "True Audio"), ("a.au", "Sun audio")] {
        let to = dir.path().join(name);
        if !ffmpeg(&wav, &[], &to) {
            return;
        }
        match Master::open(&to) {
            Err(Error::Unsupported { detail, .. }) => assert!(detail.starts_with(want), "{detail}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(matches!(open(b"MAC \x96\x0f"), Err(Error::Unsupported { .. })));
    assert!(matches!(open(b"DSD \x1c"), Err(Error::Unsupported { .. })));
}

#[test]
fn what_is_no_audio_is_not_recognised() {
    for (bytes, want) in [
        (&b""[..], "an empty file"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"<html>", "HTML"),
        (b"\x1a\x45\xdf\xa3\0\0", "Matroska"),
        (b"hello", "68 65 6c 6c 6f"),
        (&[0xff; 100], "ff ff"),
    ] {
        match open(bytes) {
            Err(Error::Unrecognised { detail, .. }) => assert!(detail.contains(want), "{detail}"),
            other => panic!("{want}: {other:?}"),
        }
    }
    assert!(matches!(Master::open("/does/not/exist"), Err(Error::Io { .. })));
    assert!(matches!(Master::open("/dev/null"), Err(Error::Io { .. })));
    assert!(matches!(Master::open(env!("CARGO_MANIFEST_DIR")), Err(Error::Io { .. })));
}

#[test]
fn limits_are_stated() {
    let data = [0; 4_800];
    let refused = |format: &[u8], want: &str| match open(&write::wav(format, &data)) {
        Err(Error::Unsupported { detail, .. }) => assert!(detail.contains(want), "{detail}"),
        other => panic!("{want}: {other:?}"),
    };
    refused(&write::wav_format(1, 2, 4_000, 16), "8000 Hz to 384000 Hz");
    refused(&write::wav_format(1, 2, 768_000, 16), "8000 Hz to 384000 Hz");
    refused(&write::wav_format(1, 9, 44_100, 16), "1 to 8");
    refused(&write::wav_format(1, 0, 44_100, 16), "1 to 8");
    refused(&write::wav_format(1, 1, 44_100, 64), "64 bits");
    assert!(open(&write::wav(&write::wav_format(1, 8, 384_000, 24), &data)).is_ok());
    let empty = open(&write::wav(&write::wav_format(1, 2, 44_100, 16), &[]));
    assert!(matches!(empty, Err(Error::Empty { .. })));
    let empty = open(&write::aiff(None, 2, 44_100, 16, &[]));
    assert!(matches!(empty, Err(Error::Empty { .. })), "{empty:?}");
}

#[test]
fn wav_in_all_its_codings() {
    let ints = samples(1_000, 2, 24);
    let check = |bytes: &[u8], codec, depth, want: &[Vec<u32>]| {
        let master = open(bytes).unwrap();
        assert_eq!((master.info().codec, master.info().bits), (codec, depth));
        assert!(bits(&decode_all(&master)) == want, "{codec} {depth}");
    };
    // 20 bits, left-aligned in 24, and 24 in 32.
    let twenty: Vec<i32> = ints.iter().map(|s| s >> 4 << 4).collect();
    let extensible = write::wav_extensible(1, 2, 44_100, 24, 20, 3);
    check(&write::wav(&extensible, &pcm_le(&twenty, 24)), Codec::Pcm, 20, &planes(&twenty, 2, 24));
    let wide: Vec<i32> = ints.iter().map(|s| s << 8).collect();
    let extensible = write::wav_extensible(1, 2, 44_100, 32, 24, 3);
    check(&write::wav(&extensible, &pcm_le(&wide, 32)), Codec::Pcm, 24, &planes(&ints, 2, 24));
    // 32-bit integers are rounded to the nearest f32.
    let full = samples(1_000, 2, 32);
    let format = write::wav_format(1, 2, 44_100, 32);
    check(&write::wav(&format, &pcm_le(&full, 32)), Codec::Pcm, 32, &planes(&full, 2, 32));
    // Floating point is taken as it is, beyond full scale and NaN too.
    let floats = [0.1_f32, -3.5, f32::NAN, f32::INFINITY, 1e-40, 0.5];
    let want: Vec<Vec<u32>> =
        (0..2).map(|c| floats.iter().skip(c).step_by(2).map(|f| f.to_bits()).collect()).collect();
    let bytes: Vec<u8> = floats.iter().flat_map(|f| f.to_le_bytes()).collect();
    check(&write::wav(&write::wav_format(3, 2, 44_100, 32), &bytes), Codec::Float, 32, &want);
    let extensible = write::wav_extensible(3, 2, 44_100, 32, 32, 3);
    check(&write::wav(&extensible, &bytes), Codec::Float, 32, &want);
    let floats = [0.1_f64, -3.5, 1e-300, 0.5];
    let want: Vec<Vec<u32>> =
        (0..2).map(|c| floats.iter().skip(c).step_by(2).map(|f| (*f as f32).to_bits()).collect()).collect();
    let bytes: Vec<u8> = floats.iter().flat_map(|f| f.to_le_bytes()).collect();
    check(&write::wav(&write::wav_format(3, 2, 44_100, 64), &bytes), Codec::Float, 64, &want);
}

#[test]
fn aiff_c_in_its_codings() {
    let ints = samples(1_001, 2, 16);
    let want = planes(&ints, 2, 16);
    let sowt = open(&write::aiff(Some(b"sowt"), 2, 44_100, 16, &pcm_le(&ints, 16))).unwrap();
    assert!(bits(&decode_all(&sowt)) == want);
    let none = open(&write::aiff(Some(b"NONE"), 2, 44_100, 16, &pcm_be(&ints, 16))).unwrap();
    assert_eq!(none.info().container, Container::Aiff);
    assert!(bits(&decode_all(&none)) == want);
    let floats: Vec<u8> = [0.25_f32, -2.0].iter().flat_map(|f| f.to_be_bytes()).collect();
    let float = open(&write::aiff(Some(b"fl32"), 2, 192_000, 32, &floats)).unwrap();
    assert_eq!((float.info().codec, float.info().rate.hz()), (Codec::Float, 192_000));
    assert!(bits(&decode_all(&float)) == [[0.25_f32.to_bits()], [(-2.0_f32).to_bits()]]);
}

#[test]
fn aiff_c_by_its_other_names() {
    for (width, big, little) in [
        (16, &[b"NONE", b"none", b"twos", b"in16"][..], &[b"sowt", b"61ni", b"ni16"][..]),
        (24, &[b"NONE", b"in24"], &[b"42ni", b"ni24"]),
        (32, &[b"NONE", b"in32"], &[b"23ni", b"ni32"]),
    ] {
        let ints = samples(101, 2, width);
        let want = planes(&ints, 2, width);
        let files = big.iter().map(|&kind| (kind, pcm_be(&ints, width)));
        for (kind, data) in files.chain(little.iter().map(|&kind| (kind, pcm_le(&ints, width)))) {
            let master = open(&write::aiff(Some(kind), 2, 44_100, width as u16, &data)).unwrap();
            assert!(bits(&decode_all(&master)) == want, "{}", kind.escape_ascii());
        }
    }
    let doubles: Vec<u8> = [0.25_f64, -2.0].iter().flat_map(|f| f.to_be_bytes()).collect();
    for kind in [b"fl64", b"FL64"] {
        let master = open(&write::aiff(Some(kind), 1, 8_000, 64, &doubles)).unwrap();
        assert_eq!(decode_all(&master).plane(0), [0.25, -2.0]);
    }
    match open(&write::aiff(Some(b"ACE8"), 2, 44_100, 16, &[0; 80])) {
        Err(Error::Lossy { codec, .. }) => assert_eq!(codec, "MACE (in AIFF)"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn wav_whose_numbers_are_big_endian() {
    for (width, tag) in [(8, 1), (16, 1), (24, 1), (32, 1), (32, 3)] {
        let ints = samples(101, 2, width);
        let little = write::wav(&write::wav_format(tag, 2, 44_100, width as u16), &pcm_le(&ints, width));
        let at = |kind: &[u8]| little.windows(4).position(|it| it == kind).unwrap();
        let mut bytes = little.clone();
        // Sizes, the fields of the format, and the samples.
        let data = at(b"data") + 8;
        let mut turn = |at: usize, len: usize| bytes[at..at + len].reverse();
        for place in [4, at(b"LIST") + 4, at(b"LIST") + 16, data - 4, at(b"fmt ") + 4, at(b"id3 ") + 4] {
            turn(place, 4);
        }
        for (place, len) in [(8, 2), (10, 2), (12, 4), (16, 4), (20, 2), (22, 2)] {
            turn(at(b"fmt ") + place, len);
        }
        let each = width as usize / 8;
        for sample in 0..202 {
            turn(data + sample * each, each);
        }
        bytes[3] = b'X';
        let master = open(&bytes).unwrap();
        let want = open(&little).unwrap();
        assert_eq!(master.info(), want.info());
        assert!(bits(&decode_all(&master)) == bits(&decode_all(&want)), "{width}");
        assert_eq!(master.tags().unwrap().get("TITLE"), ["abc"]);
    }
    let mut extensible = b"RIFX\0\0\0\0WAVEfmt \0\0\0\x28".to_vec();
    extensible.extend(*b"\xff\xfe\0\x03\0\0\xac\x44\0\0\0\0\0\x06\0\x10\0\x16\0\x10\0\0\0\x0b");
    extensible.extend(*b"\0\0\0\x01\0\0\0\x10\x80\0\0\xaa\0\x38\x9b\x71data\0\0\0\x06\0\0\0\0\0\0");
    assert_eq!(open(&extensible).unwrap().info().layout.to_string(), "2.1");
}

#[test]
fn wave64_of_others() {
    let dir = tempfile::tempdir().unwrap();
    for (channels, width) in [(2_u16, 16_u16), (6, 24), (1, 32)] {
        // A multiple of 8 bytes: ffmpeg counts the padding as audio.
        let ints = samples(20_000, channels.into(), width.into());
        let wav = dir.path().join("it.wav");
        let format = write::wav_format(1, channels, 48_000, width);
        fs::write(&wav, write::wav(&format, &pcm_le(&ints, width.into()))).unwrap();
        let want = planes(&ints, channels.into(), width.into());
        let path = dir.path().join("it.w64");
        let id = Master::open(&wav).unwrap().id().unwrap();
        let check = |by: &str| {
            let master = Master::open(&path).unwrap();
            assert_eq!(master.info().container, Container::Wave64);
            assert!(bits(&decode_all(&master)) == want, "{by}: {channels} x {width}");
            assert!(by == "sox" || master.id().unwrap() == id, "{by}");
        };
        let coding = format!("pcm_s{width}le");
        if ffmpeg(&wav, &["-c:a", &coding], &path) {
            check("ffmpeg");
            // To a pipe, and a file that is cut.
            let mut bytes = fs::read(&path).unwrap();
            let data = bytes.windows(4).position(|it| it == b"data").unwrap() + 16;
            let cut = open(&bytes[..bytes.len() - 4_000]).map(drop).unwrap_err();
            assert!(matches!(cut, Error::Damaged { at: 1.., .. }), "{cut:?}");
            bytes[data..data + 8].copy_from_slice(&i64::MAX.to_le_bytes());
            bytes.truncate(data + 8 + want[0].len() * usize::from(channels * width / 8));
            assert!(bits(&decode_all(&open(&bytes).unwrap())) == want);
        }
        if let Some(mut sox) = tool("sox") {
            run(sox.arg("-D").arg(&wav).arg(&path));
            check("sox");
        }
        if channels == 2
            && let Some(mut flac) = tool("flac")
        {
            let packed = dir.path().join("it.flac");
            run(flac.args(["-s", "-f", "-o"]).arg(&packed).arg(&wav));
            run(tool("flac")
                .unwrap()
                .args(["-s", "-f", "-d", "--force-wave64-format", "-o"])
                .arg(&path)
                .arg(&packed));
            check("flac");
        }
    }
}

#[test]
fn channels_stand_where_the_file_says() {
    use Position::{FrontCentre, FrontLeft, FrontRight, Lfe, Other, RearLeft, SideLeft};
    let layout = |format: &[u8]| open(&write::wav(format, &[0; 4_800])).unwrap().info().layout;
    assert_eq!(layout(&write::wav_format(1, 1, 44_100, 16)).to_string(), "mono");
    let surround = layout(&write::wav_format(1, 6, 44_100, 16));
    assert_eq!(surround.to_string(), "5.1");
    assert_eq!(surround.positions()[..5], [FrontLeft, FrontRight, FrontCentre, Lfe, RearLeft]);
    let side = layout(&write::wav_extensible(1, 6, 44_100, 16, 16, 0x60f));
    assert_eq!(side.positions()[4], SideLeft);
    let fewer = layout(&write::wav_extensible(1, 4, 44_100, 16, 16, 0x3));
    assert_eq!(fewer.positions(), [FrontLeft, FrontRight, Other, Other]);
}

#[test]
fn flac_of_32_bits_is_decoded_or_refused_but_never_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let wav = dir.path().join("a.wav");
    let ints = samples(20_000, 2, 32);
    fs::write(&wav, write::wav(&write::wav_format(1, 2, 44_100, 32), &pcm_le(&ints, 32))).unwrap();
    for arguments in [&["-8"][..], &["-8", "--no-mid-side"], &["-8", "-M"]] {
        let to = dir.path().join("a.flac");
        let Some(mut flac) = tool("flac") else { return };
        run(flac.args(["-s", "-f"]).args(arguments).arg("-o").arg(&to).arg(&wav));
        let master = Master::open(&to).unwrap();
        let mut pcm = tonepress::pcm::Pcm::default();
        match master.decoder().unwrap().read(0..20_000, &mut pcm) {
            Ok(()) => {
                assert!(bits(&pcm) == planes(&ints, 2, 32));
                assert_eq!(master.verify().unwrap(), tonepress::master::Verification::Md5Matches);
            }
            Err(error) => assert!(matches!(error, Error::Unsupported { .. }), "{error}"),
        }
    }
}
