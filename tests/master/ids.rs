//! Ids stay when tags change, and change when a sample does.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::common::write::{self, pcm_le, samples};
use crate::common::{ffmpeg, run, tool};
use crate::formats::fixtures;
use tonepress::master::{Container, Master, MasterId};

fn id(path: &Path) -> MasterId {
    Master::open(path).unwrap().id().unwrap()
}

fn fixture(name: &str) -> Option<&'static Path> {
    let found = fixtures().iter().find(|f| f.path.ends_with(name)).map(|f| f.path.as_path());
    if found.is_none() {
        eprintln!("SKIPPED: no {name} without its tool");
    }
    found
}

#[test]
fn retagging_keeps_the_id() {
    let dir = tempfile::tempdir().unwrap();
    let names = [
        "2x16.flac",
        "2x16.oga",
        "2x16.wav",
        "2x16.aiff",
        "2x16-alac.m4a",
        "2x16-alac.caf",
        "2x16-le.caf",
        "2x24.wav",
    ];
    for name in names {
        let Some(path) = fixture(name) else { continue };
        let tagged = dir.path().join(name);
        let tags = [
            "-c",
            "copy",
            "-metadata",
            "title=Another",
            "-metadata",
            "artist=A much longer name than before",
        ];
        let extra: &[&str] = if name.ends_with("aiff") { &["-write_id3v2", "1"] } else { &[] };
        if !ffmpeg(path, &[&tags[..], extra].concat(), &tagged) {
            return;
        }
        assert!(fs::read(path).unwrap() != fs::read(&tagged).unwrap(), "{name} has not changed");
        assert_eq!(id(path), id(&tagged), "{name}");
    }
}

#[test]
fn metaflac_keeps_the_id_and_so_do_foreign_tags() {
    let (Some(path), Some(mut metaflac)) = (fixture("2x16-flac.flac"), tool("metaflac")) else { return };
    let before = id(path);
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("tagged.flac");
    fs::copy(path, &to).unwrap();
    run(metaflac.args(["--remove", "--block-type=PADDING,SEEKTABLE", "--dont-use-padding"]).arg(&to));
    assert_eq!(id(&to), before);
    run(tool("metaflac").unwrap().args(["--set-tag=TITLE=x", "--add-padding=100000"]).arg(&to));
    assert_eq!(id(&to), before);
    // An ID3v2 tag in front, an APEv2 and an ID3v1 tag behind.
    let mut bytes = b"ID3\x04\0\0\0\0\x01\x00".to_vec();
    bytes.extend([b'x'; 128]);
    bytes.extend(fs::read(&to).unwrap());
    let items = b"\x01\0\0\0\0\0\0\0Title\0x";
    let ape = |flags: u8| {
        let size = u32::try_from(items.len() + 32).unwrap().to_le_bytes();
        [b"APETAGEX\xd0\x07\0\0", &size[..], b"\x01\0\0\0\0\0\0", &[flags], &[0; 8]].concat()
    };
    bytes.extend([&ape(0xa0)[..], items, &ape(0x80)].concat());
    bytes.extend(b"TAG");
    bytes.extend([b' '; 125]);
    fs::write(&to, &bytes).unwrap();
    let master = Master::open(&to).unwrap();
    assert_eq!(master.id().unwrap(), before);
    assert!(master.verify().is_ok());
}

#[test]
fn the_same_packets_in_another_container_are_the_same_master() {
    let dir = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("2x16.flac", "a.oga"),
        ("2x24.flac", "b.oga"),
        ("2x24.flac", "c.mp4"),
        ("2x24-alac.m4a", "d.caf"),
        ("6x24-alac.caf", "e.m4a"),
    ] {
        let (Some(from), to) = (fixture(from), dir.path().join(to)) else { continue };
        if ffmpeg(from, &["-c", "copy", "-strict", "-2"], &to) {
            assert_ne!(Master::open(&to).unwrap().info().container, Container::Flac);
            assert_eq!(id(from), id(&to), "{from:?}");
        }
    }
}

#[test]
fn one_sample_changes_the_id_and_so_does_what_it_means() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let ints = samples(5_000, 2, 16);
    let id_of = |format: &[u8], ints: &[i32]| {
        fs::write(&path, write::wav(format, &pcm_le(ints, 16))).unwrap();
        id(&path)
    };
    let plain = write::wav_format(1, 2, 44_100, 16);
    let mut changed = ints.clone();
    changed[7_777] ^= 1;
    let ids = [
        id_of(&plain, &ints),
        id_of(&plain, &changed),
        id_of(&plain, &ints[..ints.len() - 2]),
        id_of(&write::wav_format(1, 2, 48_000, 16), &ints),
        id_of(&write::wav_format(1, 1, 44_100, 16), &ints),
        id_of(&write::wav_extensible(1, 2, 44_100, 16, 12, 3), &ints),
        id_of(&write::wav_extensible(1, 2, 44_100, 16, 16, 0x30), &ints),
    ];
    assert_eq!(HashSet::from(ids).len(), ids.len(), "{ids:?}");
    let extensible = write::wav_extensible(1, 2, 44_100, 16, 16, 3);
    assert_eq!(id_of(&extensible, &ints), ids[0], "another way to say the same");
    // In every other format, one changed sample is another recording.
    for suffix in ["flac", "oga", "aiff", "m4a", "caf"] {
        let [a, b] = [&ints, &changed].map(|ints| {
            let wav = dir.path().join("y.wav");
            fs::write(&wav, write::wav(&plain, &pcm_le(ints, 16))).unwrap();
            let to = dir.path().join("y").with_extension(suffix);
            let arguments: &[&str] = match suffix {
                "m4a" => &["-c:a", "alac"],
                "oga" => &["-c:a", "flac"],
                _ => &[],
            };
            ffmpeg(&wav, arguments, &to).then(|| id(&to))
        });
        assert!(a.is_none() || a != b, "{suffix}");
    }
}

#[test]
fn ids_are_for_ever() {
    // Stores are keyed by them: if this fails, every cache in the world is lost.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let ints: Vec<i32> = (0..1_000).map(|i| i * 7 % 1_000 - 500).collect();
    fs::write(&path, write::wav(&write::wav_format(1, 2, 44_100, 16), &pcm_le(&ints, 16))).unwrap();
    assert_eq!(id(&path).to_string(), "db08099d8be036ee9c4783b8fa9bc42335788596a181d0ee59982d75978bf030");
}
