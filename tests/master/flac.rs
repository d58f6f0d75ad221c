//! FLAC from many encoders, and what its users have reported: decoded as others do, or refused by name.

use std::fs;
use std::path::Path;
use std::process::Command;

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::default::formats::FlacReader;
use tonepress::master::{Master, Verification};
use tonepress::{Error, Result};

use crate::common::write::{pcm_le, samples};
use crate::common::{bits, corpus, decode_all, run, tool};
use crate::formats::{Planes, planes};
use crate::mp4::open;

fn report(name: &str) -> Result<Master> {
    Master::open(Path::new("testdata/reports").join(name))
}

/// The samples and whether the MD5 matched.
fn whole(name: &str) -> (u64, Verification) {
    let master = report(name).unwrap();
    let samples = decode_all(&master).len() as u64;
    assert_eq!(samples, master.info().samples.0);
    (samples, master.verify().unwrap())
}

fn damaged(result: Result<impl Sized>) -> (u64, String) {
    match result.map(drop) {
        Err(Error::Damaged { at, detail, .. }) => (at, detail),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reported_a_stream_without_length_that_is_cut() {
    let (at, detail) = damaged(report("A1_unknown_cut_in_frame.flac"));
    assert_eq!((at, detail.as_str()), (9_728, "a FLAC frame is damaged or missing"));
}

#[test]
fn reported_a_stream_without_length_whose_last_frame_is_damaged() {
    let (at, detail) = damaged(report("A2_unknown_bitflip_last_frame.flac"));
    assert_eq!((at, detail.as_str()), (9_728, "a FLAC frame is damaged or missing"));
}

#[test]
fn reported_a_stream_without_length_whose_channels_change() {
    let (at, detail) = damaged(report("A3_unknown_channels_change.flac"));
    assert_eq!(at, 5_120);
    assert!(detail.contains("number of channels"), "{detail}");
}

#[test]
fn reported_a_line_feed_behind_the_audio() {
    assert_eq!(whole("B1_known_newline_behind.flac"), (10_240, Verification::Md5Matches));
}

#[test]
fn reported_a_rate_that_changes() {
    let master = report("C1_rate_changes.flac").unwrap();
    let (at, detail) = damaged(master.verify());
    assert_eq!(at, 5_120);
    assert!(detail.contains("rate"), "{detail}");
}

#[test]
fn reported_a_first_frame_that_is_number_100() {
    assert_eq!(whole("D1_first_frame_is_100.flac"), (2_560, Verification::NoMd5));
}

#[test]
fn reported_variable_blocks_of_old_encoders() {
    assert_eq!(whole("D3_old_variable_blocks.flac"), (11_699, Verification::Md5Matches));
}

#[test]
fn reported_block_sizes_that_are_too_small() {
    assert_eq!(whole("D5_max_block_too_small.flac"), (2_560, Verification::Md5Matches));
}

#[test]
fn reported_a_segment_of_ffmpeg() {
    assert_eq!(whole("I_seg1.flac"), (221_184, Verification::NoMd5));
}

#[test]
fn reported_a_chain_of_ogg_streams() {
    assert_eq!(whole("G1_chained.oga"), (8_820, Verification::Md5Matches));
}

/// Behind the audio of a stream without a length there may be tags, zeros and a few bytes, but nothing else.
#[test]
fn what_follows_the_audio_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.flac");
    let mut bytes = fs::read("testdata/short-24-96.flac").unwrap();
    let samples = Master::open("testdata/short-24-96.flac").unwrap().info().samples.0;
    bytes[21] &= 0xf0;
    bytes[22..26].fill(0);
    let ape = [b"APETAGEX\xd0\x07\0\0\x20\0\0\0\0\0\0\0\0\0\0\0".to_vec(), vec![0; 8]].concat();
    let harmless: [(&str, Vec<u8>); 6] = [
        ("nothing", vec![]),
        ("a line feed", b"\n".to_vec()),
        ("zeros", vec![0; 200_000]),
        ("ID3v1", [b"TAG".to_vec(), vec![b' '; 125]].concat()),
        ("APEv2", ape),
        ("Lyrics3", [b"LYRICSBEGININD00003111".to_vec(), b"000031LYRICS200".to_vec()].concat()),
    ];
    for (what, tail) in harmless {
        fs::write(&path, [&bytes[..], &tail].concat()).unwrap();
        let master = Master::open(&path).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(master.info().samples.0, samples, "{what}");
        master.verify().unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    // Tags behind each other, in any order, are no part of the audio, and do not change its id.
    let id = {
        fs::write(&path, &bytes).unwrap();
        Master::open(&path).unwrap().id().unwrap()
    };
    let lyrics = b"LYRICSBEGINEAL00003abcLYR00010[00:01]abcde";
    let lyrics = [&lyrics[..], format!("{:06}LYRICS200", lyrics.len()).as_bytes()].concat();
    let old_lyrics = [b"LYRICSBEGIN".to_vec(), vec![b'x'; 3_000], b"LYRICSEND".to_vec()].concat();
    let id3v1 = [b"TAG".to_vec(), vec![b' '; 125]].concat();
    let longer = [b"TAG+".to_vec(), vec![0; 223], id3v1.clone()].concat();
    let item = b"\x01\0\0\0\0\0\0\0Title\0x";
    let ape = |flags: u8| {
        let size = u32::try_from(item.len() + 32).unwrap().to_le_bytes();
        [b"APETAGEX\xd0\x07\0\0", &size[..], b"\x01\0\0\0\0\0\0", &[flags], &[0; 8]].concat()
    };
    let whole_ape = [&ape(0xa0)[..], item, &ape(0x80)].concat();
    let id3v2 = [&b"ID3\x04\0\x10\0\0\x01\0"[..], &[0; 128], b"3DI\x04\0\x10\0\0\x01\0"].concat();
    let tags = [lyrics, old_lyrics, id3v1, longer, whole_ape, id3v2];
    for first in 0..tags.len() {
        for second in 0..tags.len() {
            let tail = [&tags[first][..], &tags[second], &tags[(first + 3) % tags.len()]].concat();
            fs::write(&path, [&bytes[..], &tail].concat()).unwrap();
            let master = Master::open(&path).unwrap_or_else(|error| panic!("{first}, {second}: {error}"));
            assert_eq!(master.info().samples.0, samples, "{first}, {second}");
            assert_eq!(master.id().unwrap(), id, "{first}, {second}");
            assert_eq!(master.stray_bytes().unwrap(), 0, "{first}, {second}");
        }
    }
    let frame_begins = vec![0xff, 0xf8, 0xcb];
    let noise: Vec<u8> = (0..1_000_u32).map(|n| ((n * n) >> 3) as u8).collect();
    for (what, tail) in [("a frame that begins", frame_begins), ("noise", noise)] {
        fs::write(&path, [&bytes[..], &tail].concat()).unwrap();
        assert_eq!(damaged(Master::open(&path)).0, samples, "{what}");
    }
}

/// Small files by `flac`, each of 5,120 samples in blocks of 1,024: what STREAMINFO says in front, and the frames.
fn encoded(channels: usize, width: u32, rate: u32) -> Option<(Vec<u8>, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let (raw, path) = (dir.path().join("it.raw"), dir.path().join("it.flac"));
    fs::write(&raw, pcm_le(&samples(5_120, channels, width), width)).unwrap();
    run(tool("flac")?
        .args(["-s", "-f", "-b", "1024", "--no-padding", "--no-seektable", "--force-raw-format"])
        .args(["--endian=little", "--sign=signed"])
        .args([format!("--bps={width}"), format!("--channels={channels}"), format!("--sample-rate={rate}")])
        .arg("-o")
        .arg(&path)
        .arg(&raw));
    let mut bytes = fs::read(path).unwrap();
    let comments = u32::from_be_bytes([0, bytes[43], bytes[44], bytes[45]]) as usize;
    let frames = bytes.split_off(46 + comments);
    assert_eq!((bytes[42], frames[0]), (0x84, 0xff), "comments are the last block");
    Some((bytes, frames))
}

/// The head with another number of samples.
fn stating(head: &[u8], samples: u32) -> Vec<u8> {
    let mut head = head.to_vec();
    head[21] &= 0xf0;
    head[22..26].copy_from_slice(&samples.to_be_bytes());
    head
}

/// Opened and verified: how many samples, or where it is damaged and how.
fn judged(bytes: &[u8]) -> std::result::Result<u64, (u64, String)> {
    let result = open(bytes).and_then(|master| {
        master.verify()?;
        Ok(decode_all(&master).len() as u64)
    });
    result.map_err(|error| damaged(Err::<(), _>(error)))
}

#[test]
fn neighbours_of_a_last_frame_that_is_cut() {
    let Some((head, frames)) = encoded(2, 16, 44_100) else { return };
    let last = frames.windows(5).rposition(|it| it[..2] == [0xff, 0xf8] && it[4] == 4).unwrap();
    let id3v1 = [b"TAG".to_vec(), vec![b' '; 125]].concat();
    let ape = [&b"APETAGEX\xd0\x07\0\0\x20\0\0\0\0\0\0\0\0\0\0\x80"[..], &[0; 8]].concat();
    let lyrics = b"LYRICSBEGININD00003111000019LYRICS200".to_vec();
    let noise: Vec<u8> = (0..1_000_u32).map(|n| ((n * n) >> 3) as u8 | 1).collect();
    let tails =
        [vec![], id3v1.clone(), ape, lyrics, vec![0; 9_000], b"\n".to_vec(), [&[0; 90], &id3v1[..]].concat()];
    for tail in tails {
        for stated in [0, 5_120] {
            let head = stating(&head, stated);
            let with = |frames: &[u8]| judged(&[&head, frames, &tail].concat());
            assert_eq!(with(&frames), Ok(5_120), "{tail:?}");
            // However much of the last frame is there.
            for cut in [last + 1, last + 2, last + 9, last + 20, frames.len() - 100, frames.len() - 1] {
                let (at, _) = with(&frames[..cut]).unwrap_err();
                assert_eq!(at, 4_096, "{} of {}, {stated}, {tail:?}", cut - last, frames.len() - last);
            }
            let mut wrong = frames.clone();
            wrong[last + 30] ^= 1;
            assert_eq!(with(&wrong).unwrap_err().0, 4_096);
        }
        let with_noise = [&stating(&head, 0)[..], &frames, &noise, &tail].concat();
        assert_eq!(judged(&with_noise).unwrap_err().0, 5_120);
        assert_eq!(judged(&[&stating(&head, 5_120)[..], &frames, &noise, &tail].concat()), Ok(5_120));
    }
}

#[test]
fn neighbours_of_a_format_that_changes() {
    let Some((head, frames)) = encoded(2, 16, 44_100) else { return };
    for (channels, width, rate, what) in [
        (2, 24, 44_100, "width"),
        (1, 16, 44_100, "channels"),
        (3, 16, 44_100, "channels"),
        (2, 16, 48_000, "rate"),
        (2, 16, 22_050, "rate"),
    ] {
        let Some((_, others)) = encoded(channels, width, rate) else { return };
        for stated in [0, 10_240] {
            let (at, detail) = judged(&[&stating(&head, stated)[..], &frames, &others].concat()).unwrap_err();
            assert_eq!(at, 5_120, "{detail}");
            assert!(detail.contains("the format changes here") && detail.contains(what), "{detail}");
        }
        // From the first frame on it is not what STREAMINFO says.
        for stated in [0, 5_120] {
            let (at, detail) = judged(&[&stating(&head, stated)[..], &others].concat()).unwrap_err();
            assert_eq!(at, 0, "{detail}");
            assert!(detail.contains(what), "{detail}");
        }
    }
    // The same again, and a whole file behind another.
    for behind in [frames.clone(), [&head[..], &frames].concat()] {
        for stated in [0, 5_120, 10_240] {
            let result = judged(&[&stating(&head, stated)[..], &frames, &behind].concat());
            assert_eq!(result.unwrap_err().0, 5_120, "{stated}");
        }
    }
}

#[test]
fn neighbours_of_what_streaminfo_says_wrong() {
    let Some((head, frames)) = encoded(2, 16, 44_100) else { return };
    for (at, bytes) in [
        (8, &[0, 16, 0, 16][..]),
        (8, &[0x12, 0, 0x12, 0]),
        (8, &[0, 0, 0, 0]),
        (8, &[0xff, 0xff, 0, 16]),
        (12, &[0, 0, 1, 0, 0, 2]),
        (12, &[0xff; 6]),
    ] {
        let mut bytes = [&head[..at], bytes, &head[at + bytes.len()..], &frames].concat();
        assert_eq!(judged(&bytes), Ok(5_120), "{at}");
        bytes[26..42].fill(0);
        assert_eq!(open(&bytes).unwrap().verify().unwrap(), Verification::NoMd5);
        bytes[26] = 1;
        let (at, detail) = judged(&bytes).unwrap_err();
        assert!(at == 0 && detail.contains("MD5"), "{at}: {detail}");
    }
}

/// As `flac` decodes it.
fn by_flac(flac: &mut Command, path: &Path, channels: usize, bits: u32) -> Planes {
    let raw = run(flac
        .args(["-s", "-d", "-c", "--force-raw-format", "--endian=little", "--sign=signed"])
        .arg(path));
    let width = bits.div_ceil(8) as usize;
    let samples: Vec<i32> = raw
        .chunks_exact(width)
        .map(|bytes| {
            let mut word = [0; 4];
            word[4 - width..].copy_from_slice(bytes);
            i32::from_le_bytes(word) >> (32 - 8 * width)
        })
        .collect();
    planes(&samples, channels, bits)
}

/// As ffmpeg decodes it, to 32 bits.
fn by_ffmpeg(ffmpeg: &mut Command, path: &Path, channels: usize, bits: u32) -> Planes {
    let raw = run(ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(path).args([
        "-f",
        "s32le",
        "-c:a",
        "pcm_s32le",
        "-",
    ]));
    let samples: Vec<i32> =
        raw.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes) >> (32 - bits)).collect();
    planes(&samples, channels, bits)
}

/// As Symphonia decodes it, which shifts samples to the top of 32 bits.
fn by_symphonia(path: &Path, channels: usize) -> Planes {
    let source = Box::new(fs::File::open(path).unwrap());
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let mut reader = FlacReader::try_new(stream, FormatOptions::default()).unwrap();
    let track = reader.default_track(TrackType::Audio).unwrap();
    let params = track.codec_params.as_ref().unwrap().audio().unwrap().clone();
    let codecs = symphonia::default::get_codecs();
    let mut decoder = codecs.make_audio_decoder(&params, &AudioDecoderOptions::default()).unwrap();
    let (mut all, mut part) = (vec![Vec::new(); channels], Vec::<Vec<f32>>::new());
    while let Some(packet) = reader.next_packet().unwrap() {
        decoder.decode(&packet).unwrap().copy_to_vecs_planar(&mut part);
        for (all, part) in all.iter_mut().zip(&part) {
            all.extend(part.iter().map(|sample| sample.to_bits()));
        }
    }
    all
}

#[test]
fn files_for_testing_decoders_are_decoded_as_by_others() {
    let Some(folder) = corpus("flac-subset-odd") else { return };
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "flac") {
            continue;
        }
        let master = Master::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (channels, width) = (master.info().layout.channels(), u32::from(master.info().bits));
        let ours = bits(&decode_all(&master));
        assert_eq!(master.verify().unwrap(), Verification::Md5Matches, "{}", path.display());
        if let Some(mut flac) = tool("flac") {
            assert!(ours == by_flac(&mut flac, &path, channels, width), "flac: {}", path.display());
        }
        if let Some(mut ffmpeg) = tool("ffmpeg") {
            assert!(ours == by_ffmpeg(&mut ffmpeg, &path, channels, width), "ffmpeg: {}", path.display());
        }
        assert!(ours == by_symphonia(&path, channels), "symphonia: {}", path.display());
    }
}

/// Sines, noise, squares, silence, and stretches whose low bits are zero.
fn signal(channels: usize, bits: u32) -> Vec<i32> {
    let full = f64::from(i32::MAX >> (32 - bits));
    let mut x = 88_172_645_463_325_252_u64;
    let mut noise = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as f64 / u64::MAX as f64 * 2.0 - 1.0
    };
    let mut out = Vec::new();
    for at in 0..9_000 {
        for channel in 0..channels {
            let time = f64::from(at) * (1.0 + channel as f64);
            let value = match at / 1_500 {
                0 => (time * 0.03).sin() * 0.9,
                1 => noise(),
                2 => (time * 0.01).sin() * 0.9 + noise() * 0.05,
                3 => f64::from(at / 50 % 2) * 2.0 - 1.0,
                4 => 0.0,
                _ => (time * 0.002).sin(),
            };
            let sample = (value * full) as i32;
            let sample = if channel == 1 { -sample } else { sample };
            out.push(if at % 4_000 < 1_000 { sample & !3 } else { sample });
        }
    }
    out
}

#[test]
fn whatever_flac_encodes_is_decoded() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, path) = (dir.path().join("it.raw"), dir.path().join("it.flac"));
    for width in [8, 16, 24, 32] {
        for channels in [1, 2, 3, 8] {
            let samples = signal(channels, width);
            let bytes: Vec<u8> = samples
                .iter()
                .flat_map(|sample| sample.to_le_bytes()[..width as usize / 8].to_vec())
                .collect();
            fs::write(&raw, bytes).unwrap();
            for switches in [
                "-0",
                "-1",
                "-2 -M",
                "-3 --no-mid-side -b 65535",
                "-4 -b 17",
                "-5 -b 192 -r 0,15",
                "-6 -l 32 -b 4608 -r 15",
                "-7 -q 15",
                "-8 -e -p",
                "-8 -q 5",
                "--disable-constant-subframes --disable-fixed-subframes",
                "--disable-fixed-subframes --disable-verbatim-subframes",
            ] {
                let Some(mut flac) = tool("flac") else { return };
                run(flac
                    .args(["-s", "-f", "--lax", "--force-raw-format", "--endian=little", "--sign=signed"])
                    .args([format!("--bps={width}"), format!("--channels={channels}")])
                    .arg("--sample-rate=44100")
                    .args(switches.split(' '))
                    .arg(&raw)
                    .arg("-o")
                    .arg(&path));
                let master = Master::open(&path).unwrap();
                let ours = bits(&decode_all(&master));
                assert!(ours == planes(&samples, channels, width), "{width} bits, {channels}: {switches}");
                assert_eq!(master.verify().unwrap(), Verification::Md5Matches);
            }
        }
    }
}
