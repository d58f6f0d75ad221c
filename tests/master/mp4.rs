//! What M4A, MP4 and `QuickTime` files say of their packets.

use std::fs;
use std::path::Path;

use tonepress::Error;
use tonepress::master::{Master, Verification};
use tonepress::pcm::Pcm;

use crate::common::write::{self, pcm_be, pcm_le, samples};
use crate::common::{bits, decode_all, ffmpeg, run, tool};
use crate::formats::{Planes, planes};

/// Opens `bytes` as a file.
pub fn open(bytes: &[u8]) -> tonepress::Result<Master> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it");
    fs::write(&path, bytes).unwrap();
    Master::open(&path)
}

fn refused(bytes: &[u8], want: &str) {
    match open(bytes) {
        Err(Error::Unsupported { detail, .. }) => assert!(detail.contains(want), "{detail}"),
        other => panic!("{want}: {other:?}"),
    }
}

/// The samples as ffmpeg has them, of `width` bits.
pub fn by_ffmpeg(path: &Path, channels: usize, width: u32) -> Option<Planes> {
    let mut ffmpeg = tool("ffmpeg")?;
    let to = ["-map", "0:a:0", "-f", "s32le", "-c:a", "pcm_s32le", "-"];
    let raw = ffmpeg.args(["-nostdin", "-v", "quiet", "-i"]).arg(path).args(to).output().unwrap().stdout;
    let samples: Vec<i32> =
        raw.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes) >> (32 - width)).collect();
    Some(planes(&samples, channels, width))
}

/// The place behind the letters of an atom.
fn find(bytes: &[u8], kind: &[u8]) -> usize {
    bytes.windows(4).position(|it| it == kind).unwrap() + 4
}

const LISTED: &str = "testdata/reports/L_edit_list_start_942.m4a";

/// The same file with other edits: durations of 1/600 s, starts, speeds.
fn with_edits(edits: &[(u32, i32, u32)]) -> Vec<u8> {
    let mut bytes = fs::read(LISTED).unwrap();
    let at = find(&bytes, b"elst");
    let list: Vec<u8> = edits
        .iter()
        .flat_map(|&(duration, start, speed)| {
            [duration.to_be_bytes(), start.to_be_bytes(), speed.to_be_bytes()].concat()
        })
        .collect();
    bytes[at + 4..at + 8].copy_from_slice(&(edits.len() as u32).to_be_bytes());
    bytes.splice(at + 8..at + 20, list);
    // The index stands behind the audio.
    let longer = (edits.len() as u32).wrapping_sub(1).wrapping_mul(12);
    for kind in [b"moov", b"trak", b"edts", b"elst"] {
        let size = find(&bytes, kind) - 8;
        let old = u32::from_be_bytes(*bytes[size..].first_chunk().unwrap());
        bytes[size..size + 4].copy_from_slice(&old.wrapping_add(longer).to_be_bytes());
    }
    bytes
}

#[test]
fn reported_an_edit_list_that_starts_942_samples_in() {
    let master = Master::open(LISTED).unwrap();
    assert_eq!(master.info().samples.0, 26_460);
    assert_eq!(master.verify().unwrap(), Verification::NoChecksums);
    let samples = bits(&decode_all(&master));
    let whole = bits(&decode_all(&open(&with_edits(&[(0, 0, 0x1_0000)])).unwrap()));
    assert_eq!(whole[0].len(), 27_402);
    assert!(samples.iter().zip(&whole).all(|(some, all)| some[..] == all[942..]));
    // From anywhere, in any order.
    let mut decoder = master.decoder().unwrap();
    let mut pcm = Pcm::default();
    for (start, end) in [(26_000, 26_460), (0, 1), (3_000, 3_300), (3_153, 3_155), (0, 5_000)] {
        decoder.read(start..end, &mut pcm).unwrap();
        let got = bits(&pcm);
        assert!(got.iter().zip(&samples).all(|(got, all)| got[..] == all[start as usize..end as usize]));
    }
    if let Some(theirs) = by_ffmpeg(Path::new(LISTED), 2, 16) {
        assert!(samples == theirs);
    }
    // Another start is another recording, whatever its length.
    let ids = [(0, 0), (0, 941), (0, 942), (0, 4_096 + 942)]
        .map(|(duration, start)| open(&with_edits(&[(duration, start, 0x1_0000)])).unwrap().id().unwrap());
    assert_eq!(ids[2], master.id().unwrap());
    assert!((0..4).all(|one| (0..one).all(|other| ids[one] != ids[other])));
    let salvaged = {
        let mut pcm = Pcm::default();
        master.salvaging_decoder().unwrap().read(0..26_460, &mut pcm).unwrap();
        bits(&pcm)
    };
    assert!(salvaged == samples && master.gaps().unwrap().is_empty());
}

#[test]
fn edit_lists_that_do_more_are_refused() {
    let normal = 0x1_0000;
    for (edits, samples) in [
        (vec![(600, 942, normal)], 26_460),
        (vec![(0, -1, normal), (600, 942, normal)], 26_460),
        (vec![(0, 4_095, normal)], 23_307),
        (vec![(0, 4_096, normal)], 23_306),
        (vec![(0, 27_401, normal)], 1),
        (vec![(5_000, 0, normal)], 27_402),
        (vec![], 27_402),
    ] {
        let master = open(&with_edits(&edits)).unwrap();
        assert_eq!(decode_all(&master).len(), samples, "{edits:?}");
        master.verify().unwrap();
    }
    refused(&with_edits(&[(590, 942, normal)]), "ends before the audio does");
    refused(&with_edits(&[(300, 0, normal), (321, 13_230, normal)]), "several parts");
    refused(&with_edits(&[(100, -1, normal), (600, 942, normal)]), "several parts");
    refused(&with_edits(&[(100, -1, normal)]), "silence");
    refused(&with_edits(&[(600, 942, normal / 2)]), "speed");
    refused(&with_edits(&[(0, 27_403, normal)]), "behind the end");
    assert!(matches!(open(&with_edits(&[(0, 27_402, normal)])), Err(Error::Empty { .. })));
}

#[test]
fn reported_a_last_packet_that_is_empty() {
    let path = Path::new("testdata/reports/H_alac_empty_last_packet.m4a");
    let check = |master: &Master| {
        assert_eq!(master.info().samples.0, 40_960);
        master.verify().unwrap();
        assert!(master.gaps().unwrap().is_empty());
        bits(&decode_all(master))
    };
    let master = Master::open(path).unwrap();
    let samples = check(&master);
    if let Some(theirs) = by_ffmpeg(path, samples.len(), 16) {
        assert!(samples == theirs);
    }
    // One that has no byte at all, and two of them.
    let whole = fs::read(path).unwrap();
    let sizes = find(&whole, b"stsz");
    let mut none = whole.clone();
    none[sizes + 12 + 40..sizes + 12 + 44].fill(0);
    assert!(check(&open(&none).unwrap()) == samples);
    assert_eq!(open(&none).unwrap().id().unwrap(), master.id().unwrap());
    none[sizes + 12 + 36..sizes + 12 + 44].fill(0);
    assert_eq!(open(&none).unwrap().info().samples.0, 36_864);
}

/// Sound of 16 or 24 bits as a WAV that ffmpeg reads, and its samples.
fn source(dir: &Path, channels: u16, rate: u32, width: u16) -> (std::path::PathBuf, Planes) {
    let path = dir.join(format!("{channels}x{width}.wav"));
    let ints = samples(60_001, channels.into(), width.into());
    let format = write::wav_format(1, channels, rate, width);
    fs::write(&path, write::wav(&format, &pcm_le(&ints, width.into()))).unwrap();
    (path, planes(&ints, channels.into(), width.into()))
}

/// Reads ranges in any order.
fn check_ranges(master: &Master, want: &Planes) {
    let mut decoder = master.decoder().unwrap();
    let mut pcm = Pcm::default();
    let end = want[0].len();
    for (start, count) in [(0, 1), (end - 1, 1), (20_000, 10_000), (19_990, 30), (end / 2, 5_000), (4_095, 2)]
    {
        let range = start..(start + count).min(end);
        decoder.read(range.start as u64..range.end as u64, &mut pcm).unwrap();
        assert!(bits(&pcm).iter().zip(want).all(|(got, want)| got[..] == want[range.clone()]), "{range:?}");
    }
}

#[test]
fn fragments_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let (from, want) = source(dir.path(), 2, 44_100, 16);
    let whole = dir.path().join("whole.m4a");
    if !ffmpeg(&from, &["-c:a", "alac"], &whole) {
        return;
    }
    let whole = Master::open(&whole).unwrap();
    for (codec, flags) in [
        ("alac", "frag_keyframe+empty_moov"),
        ("alac", "frag_keyframe+empty_moov+default_base_moof"),
        ("alac", "frag_every_frame"),
        ("alac", "dash"),
        ("alac", "frag_keyframe+delay_moov+omit_tfhd_offset"),
        ("flac", "frag_keyframe+empty_moov"),
    ] {
        let path = dir.path().join("it.mp4");
        let arguments = [
            "-c:a",
            codec,
            "-strict",
            "-2",
            "-movflags",
            flags,
            "-frag_duration",
            "200000",
            "-map_metadata",
            "-1",
        ];
        ffmpeg(&from, &arguments, &path);
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.windows(4).any(|it| it == b"moof"), "{flags}");
        let master = Master::open(&path).unwrap_or_else(|error| panic!("{flags}: {error}"));
        assert_eq!(master.info().samples.0, 60_001);
        assert!(bits(&decode_all(&master)) == want, "{flags}");
        check_ranges(&master, &want);
        master.verify().unwrap();
        if codec == "alac" {
            assert_eq!(master.id().unwrap(), whole.id().unwrap(), "{flags}");
        }
        // A fragment that is missing, and a file that is cut within one.
        let moofs: Vec<_> = (0..bytes.len() - 8).filter(|&at| &bytes[at + 4..at + 8] == b"moof").collect();
        let mut without = bytes.clone();
        without.drain(moofs[1]..moofs[2]);
        if !flags.contains("omit") && flags != "frag_every_frame" {
            let error = open(&without).map(drop).unwrap_err();
            assert!(matches!(error, Error::Damaged { at: 1.., .. }), "{flags}: {error:?}");
        }
        let cut = open(&bytes[..moofs[2] + 100]).map(drop).unwrap_err();
        assert!(matches!(cut, Error::Damaged { at: 1.., .. }), "{flags}: {cut:?}");
    }
}

#[test]
fn fragments_of_two_tracks_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (from, want) = source(dir.path(), 2, 44_100, 16);
    let Some(mut ffmpeg) = tool("ffmpeg") else { return };
    let path = dir.path().join("it.mp4");
    run(ffmpeg
        .args(["-nostdin", "-v", "error", "-y", "-i"])
        .arg(&from)
        .args(["-f", "lavfi", "-i", "testsrc=duration=1.4:size=64x64:rate=10", "-map", "1:v", "-map", "0:a"])
        .args([
            "-c:v",
            "mjpeg",
            "-c:a",
            "alac",
            "-movflags",
            "frag_keyframe+empty_moov",
            "-frag_duration",
            "300000",
        ])
        .arg(&path));
    let master = Master::open(&path).unwrap();
    assert!(bits(&decode_all(&master)) == want);
}

#[test]
fn pcm_in_quicktime_and_mp4() {
    let dir = tempfile::tempdir().unwrap();
    for (coding, channels, rate, width) in [
        ("pcm_s16le", 2_u16, 44_100_u32, 16_u16),
        ("pcm_s16be", 1, 48_000, 16),
        ("pcm_s24le", 2, 96_000, 24),
        ("pcm_s24be", 6, 48_000, 24),
        ("pcm_s32le", 2, 192_000, 24),
        ("pcm_s32be", 2, 44_100, 24),
        ("pcm_f32le", 2, 44_100, 24),
        ("pcm_f32be", 1, 8_000, 24),
        ("pcm_f64le", 2, 44_100, 24),
        ("pcm_f64be", 2, 44_100, 24),
    ] {
        let (from, want) = source(dir.path(), channels, rate, width);
        let path = dir.path().join(format!("{coding}.mov"));
        if !ffmpeg(&from, &["-c:a", coding], &path) {
            return;
        }
        let master = Master::open(&path).unwrap_or_else(|error| panic!("{coding}: {error}"));
        assert_eq!((master.info().rate.hz(), master.info().samples.0), (rate, 60_001), "{coding}");
        assert!(bits(&decode_all(&master)) == want, "{coding}");
        check_ranges(&master, &want);
        // The same numbers in CAF are the same master, if they are written in the same order.
        let caf = dir.path().join("it.caf");
        if ffmpeg(&path, &["-c:a", "copy"], &caf) {
            let caf = Master::open(&caf).unwrap();
            assert_eq!(
                caf.id().unwrap() == master.id().unwrap(),
                caf.info().bits == master.info().bits,
                "{coding}"
            );
        }
    }
    // Between pictures, so in many pieces.
    let (from, want) = source(dir.path(), 2, 44_100, 16);
    let path = dir.path().join("film.mov");
    let Some(mut ffmpeg) = tool("ffmpeg") else { return };
    run(ffmpeg
        .args(["-nostdin", "-v", "error", "-y", "-i"])
        .arg(&from)
        .args(["-f", "lavfi", "-i", "testsrc=duration=1.4:size=64x64:rate=10", "-map", "1:v", "-map", "0:a"])
        .args(["-c:v", "mjpeg", "-c:a", "pcm_s16le"])
        .arg(&path));
    let film = Master::open(&path).unwrap();
    assert!(bits(&decode_all(&film)) == want);
    check_ranges(&film, &want);
    film.verify().unwrap();
    let alone = dir.path().join("alone.mov");
    run(tool("ffmpeg")
        .unwrap()
        .args(["-nostdin", "-v", "error", "-y", "-i"])
        .arg(&path)
        .args(["-vn", "-c:a", "copy"])
        .arg(&alone));
    assert_eq!(Master::open(&alone).unwrap().id().unwrap(), film.id().unwrap());
}

fn atom(kind: &[u8], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// An MP4 with PCM in one chunk, whose samples are `each` bytes by the table, described by `description`.
fn pcm_mp4(scale: u32, description: &[u8], each: u32, data: &[u8]) -> Vec<u8> {
    let head = atom(b"ftyp", b"isom\0\0\0\0");
    let count = data.len() as u32 / each;
    let moov = |place: u32| {
        let tables = [
            atom(b"stsd", &[words(&[0, 1]), description.to_vec()].concat()),
            atom(b"stts", &words(&[0, 1, count, 1])),
            atom(b"stsc", &words(&[0, 1, 1, count, 1])),
            atom(b"stsz", &words(&[0, each, count])),
            atom(b"stco", &words(&[0, 1, place])),
        ];
        let media = [
            atom(b"mdhd", &words(&[0, 0, 0, scale, count, 0])),
            atom(b"hdlr", &[&[0; 8][..], b"soun", &[0; 12]].concat()),
            atom(b"minf", &atom(b"stbl", &tables.concat())),
        ];
        atom(b"moov", &atom(b"trak", &atom(b"mdia", &media.concat())))
    };
    let place = head.len() + moov(0).len() + 8;
    [head, moov(place as u32), atom(b"mdat", data)].concat()
}

/// A description of version 0 (ISO's) and the atoms behind it.
fn sound(kind: &[u8], channels: u16, width: u16, rate: u32, atoms: &[u8]) -> Vec<u8> {
    let rate = if rate < 65_536 { rate << 16 } else { 0 };
    let fields =
        [&[0; 6][..], &[0, 1], &[0; 8], &channels.to_be_bytes(), &width.to_be_bytes(), &[0; 4]].concat();
    atom(kind, &[&fields[..], &rate.to_be_bytes(), atoms].concat())
}

#[test]
fn pcm_as_iso_has_it() {
    let ints = samples(5_003, 2, 24);
    let want = planes(&ints, 2, 24);
    let config = |little: u8, width: u8| atom(b"pcmC", &[0, 0, 0, 0, little, width]);
    for (little, data) in [(1, pcm_le(&ints, 24)), (0, pcm_be(&ints, 24))] {
        for (rate, each) in [(44_100, 6), (96_000, 6)] {
            let description = sound(b"ipcm", 2, 24, rate, &config(little, 24));
            let master = open(&pcm_mp4(rate, &description, each, &data)).unwrap();
            assert_eq!((master.info().rate.hz(), master.info().bits), (rate, 24));
            assert!(bits(&decode_all(&master)) == want);
        }
    }
    let floats: Vec<u8> = [0.5_f32, -1.0].iter().flat_map(|it| it.to_le_bytes()).collect();
    let master = open(&pcm_mp4(8_000, &sound(b"fpcm", 1, 32, 8_000, &config(1, 32)), 4, &floats)).unwrap();
    assert_eq!(decode_all(&master).plane(0), [0.5, -1.0]);
    // Old tables of QuickTime say 1 of the size, and mean a sample of each channel.
    let short = samples(100, 2, 16);
    let mut old = pcm_mp4(44_100, &sound(b"sowt", 2, 16, 44_100, &[]), 4, &pcm_le(&short, 16));
    let sizes = find(&old, b"stsz");
    old[sizes + 7] = 1;
    assert!(bits(&decode_all(&open(&old).unwrap())) == planes(&short, 2, 16));
    // Eight bits, with a sign and without.
    for (kind, data, want) in [(b"twos", [0x40, 0x80], [0.5, -1.0]), (b"raw ", [0xc0, 0], [0.5, -1.0])] {
        let master = open(&pcm_mp4(8_000, &sound(kind, 1, 8, 8_000, &[]), 1, &data)).unwrap();
        assert_eq!(decode_all(&master).plane(0), want);
    }
    refused(&pcm_mp4(44_100, &sound(b"ipcm", 2, 20, 44_100, &config(1, 20)), 6, &[0; 60]), "20 bits");
    refused(&pcm_mp4(44_100, &sound(b"raw ", 2, 16, 44_100, &[]), 4, &[0; 60]), "16 bits");
    refused(&pcm_mp4(44_100, &sound(b"ipcm", 9, 16, 44_100, &config(1, 16)), 18, &[0; 180]), "9 channels");
    assert!(matches!(
        open(&pcm_mp4(44_100, &sound(b"ipcm", 2, 16, 44_100, &[]), 4, &[0; 60])),
        Err(Error::Damaged { .. })
    ));
}

#[test]
fn pcm_in_mp4_says_where_channels_stand() {
    let layout = |channels: u16, atoms: &[u8]| {
        let atoms = [&atom(b"pcmC", &[0, 0, 0, 0, 1, 16])[..], atoms].concat();
        let description = sound(b"ipcm", channels, 16, 48_000, &atoms);
        let each = 2 * u32::from(channels);
        let layout =
            open(&pcm_mp4(48_000, &description, each, &vec![0; 40 * each as usize])).unwrap().info().layout;
        layout.positions().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let chnl = |body: &[u8]| atom(b"chnl", &[&[0; 4][..], body].concat());
    assert_eq!(layout(6, &[]), "FL FR FC LFE BL BR");
    assert_eq!(layout(6, &chnl(&[1, 6, 0, 0, 0, 0, 0, 0, 0, 0])), "FC FL FR BL BR LFE");
    assert_eq!(layout(3, &chnl(&[1, 0, 0, 1, 3])), "FL FR LFE");
    assert_eq!(layout(3, &chnl(&[1, 0, 0, 1, 126])), "FL FR FC");
    assert_eq!(layout(4, &chnl(&[1, 6, 0, 0, 0, 0, 0, 0, 0, 0])), "FL FR BL BR");
    assert_eq!(layout(4, &atom(b"chan", &words(&[0, 0x1_0000, 0x107, 0]))), "FL FR FC BC");
    assert_eq!(layout(6, &atom(b"chan", &words(&[0, 124 << 16 | 6, 0, 0]))), "FC FL FR BL BR LFE");
}
