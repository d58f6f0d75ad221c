//! From every kind of master into MP3s, as other programs read both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::press::{ffmpeg_decodes, mpg123_decodes, wav};
use crate::common::signal::Music;
use crate::common::{ffmpeg, run, tool};
use crate::tagger;

const SAMPLES: u64 = 60_000;

/// Runs the program in `folder` and gives its lines of JSON.
fn tonepress(folder: &Path, args: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_tonepress"))
        .args(args)
        .arg("--json")
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A master without tags in the format that `name` ends with. `None` without ffmpeg.
fn master(folder: &TempDir, name: &str) -> Option<PathBuf> {
    let plain = folder.path().join("plain.wav");
    fs::write(&plain, wav(&Music::new(44_100, SAMPLES), 44_100, 2, SAMPLES)).unwrap();
    let path = folder.path().join(name);
    let codec = match path.extension()?.to_str()? {
        "m4a" | "caf" => "alac",
        "aiff" => "pcm_s16be",
        "wav" => "pcm_s16le",
        _ => "flac",
    };
    ffmpeg(&plain, &["-c:a", codec, "-bitexact", "-map_metadata", "-1"], &path).then_some(path)
}

fn jpeg() -> String {
    format!("ffd8ffe0{}", "00ff".repeat(1_000))
}

fn png() -> String {
    format!("89504e470d0a1a0a{}", "fffb9000".repeat(500))
}

/// Every text of the kinds that shops have, with several values where there can be several.
fn texts() -> Value {
    json!({
        "TITLE": ["Für Elise 🎹"],
        "ARTIST": ["Людвиг ван Бетховен", "AC/DC", "羽生善治"],
        "ALBUM": ["ألبوم"],
        "ALBUMARTIST": ["Various", "Διάφοροι"],
        "TRACKNUMBER": ["3"],
        "TRACKTOTAL": ["12"],
        "DISCNUMBER": ["1"],
        "DISCTOTAL": ["2"],
        "DATE": ["2001-02-03"],
        "ORIGINALDATE": ["1810-04-27"],
        "GENRE": ["Klassik", "日本の歌"],
        "COMPOSER": ["Ludwig", "Van"],
        "LYRICIST": ["Nobody"],
        "PERFORMER": ["Jane Doe (viola)", "Σω (τρομπόνι)"],
        "CONDUCTOR": ["Herbert"],
        "PRODUCER": ["Bob", "Rick"],
        "ENGINEER": ["Al"],
        "ISRC": ["DEABC0100001"],
        "BARCODE": ["0123456789012"],
        "LABEL": ["Ein Label", "Another"],
        "CATALOGNUMBER": ["CAT 1"],
        "COPYRIGHT": ["2001 Ein Label ©"],
        "BPM": ["120"],
        "KEY": ["Am"],
        "LANGUAGE": ["deu"],
        "COMMENT": ["Ein Kommentar\nin zwei Zeilen 👍🏽", "Noch einer"],
        "LYRICS": ["Tränen\nund Träume"],
        "COMPILATION": ["1"],
        "TITLESORT": ["Elise, Für"],
        "ARTISTSORT": ["Beethoven, Ludwig van"],
        "ALBUMSORT": ["Album"],
        "ALBUMARTISTSORT": ["Various"],
        "COMPOSERSORT": ["Beethoven"],
        "MUSICBRAINZ_TRACKID": ["a98ff4b4-5b5d-4b5c-8f0e-2d6b7ad5c7d1"],
        "MUSICBRAINZ_ALBUMID": ["b98ff4b4-5b5d-4b5c-8f0e-2d6b7ad5c7d1"],
        "MUSICBRAINZ_ARTISTID": ["c98ff4b4-5b5d-4b5c-8f0e-2d6b7ad5c7d1", "d98ff4b4-5b5d-4b5c-8f0e-2d6b7ad5c7d1"],
        "REPLAYGAIN_TRACK_GAIN": ["-6.48 dB"],
        "REPLAYGAIN_TRACK_PEAK": ["0.988553"],
        "REPLAYGAIN_ALBUM_GAIN": ["-7.00 dB"],
        "REPLAYGAIN_ALBUM_PEAK": ["1.000000"],
        "FAVOURITE COLOUR": ["grün", "青"],
    })
}

/// Names as all who write and read them agree on, values in a fixed order.
fn normal(tags: &Value) -> Value {
    let texts = tags["texts"].as_object().unwrap();
    let texts = texts.iter().map(|(name, values)| (name.to_uppercase(), values.clone())).collect();
    let mut pictures = tags["pictures"].as_array().unwrap().clone();
    pictures.sort_by_key(Value::to_string);
    json!({"texts": Value::Object(texts), "pictures": pictures})
}

/// The decoded audio is as long as the master, and nobody complains.
fn plays(mp3: &Path) {
    for decoded in [ffmpeg_decodes(mp3), mpg123_decodes(mp3)].into_iter().flatten() {
        assert_eq!(decoded.len() as u64, 2 * SAMPLES, "{}", mp3.display());
    }
    if let Some(mut mp3val) = tool("mp3val") {
        let said = String::from_utf8(run(mp3val.arg(mp3))).unwrap();
        let complaint = said.lines().find(|line| line.starts_with("WARNING") || line.starts_with("ERROR"));
        assert_eq!(complaint, None);
    }
}

/// What ffprobe shows of a file.
fn ffprobe(file: &Path) -> Option<Value> {
    let mut ffprobe = tool("ffprobe")?;
    let shown = run(ffprobe.args(["-v", "error", "-of", "json", "-show_format", "-show_streams"]).arg(file));
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    // Ogg's tags are those of its stream.
    let tags =
        [&shown["format"]["tags"], &shown["streams"][0]["tags"]].into_iter().find(|tags| tags.is_object());
    let tags = tags?.as_object().unwrap().iter();
    Some(
        tags.map(|(name, value)| (name.to_lowercase(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    )
}

#[test]
fn every_text_and_picture_goes_from_every_format_into_the_mp3() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.flac", "b.oga", "c.wav", "d.aiff", "e.m4a"] {
        let Some(path) = master(&folder, name) else { return };
        let pictures = match name {
            // Which has covers only.
            "e.m4a" => json!([[3, "image/png", "", png()]]),
            _ => json!([[4, "image/jpeg", "Rückseite", jpeg()], [3, "image/png", "前", png()]]),
        };
        let tags = json!({"texts": texts(), "pictures": pictures, "lyrics": [], "links": {}});
        if !tagger::write(&path, &tags) {
            return;
        }
        let wanted = normal(&tags);
        assert_eq!(normal(&tagger::read(&path).unwrap()), wanted, "{name} as it was written");

        let probed = &tonepress(folder.path(), &["probe", name])[0];
        assert_eq!(
            normal(&json!({"texts": probed["tags"], "pictures": []}))["texts"],
            wanted["texts"],
            "{name}"
        );
        assert!(probed.get("tag_notes").is_none(), "{name}: {probed}");

        let made = &tonepress(folder.path(), &["encode", name, "--to", "128", "-o", "out"])[0];
        let mp3 = folder.path().join(made["path"].as_str().unwrap());
        let read = tagger::read(&mp3).unwrap();
        assert_eq!(normal(&read), wanted, "{name}");
        assert_eq!(
            (&read["version"], &read["pictures"][0][0]),
            (&json!("2.4"), &json!(3)),
            "front cover first"
        );
        let tag = made["file_bytes"].as_u64().unwrap() - made["audio_bytes"].as_u64().unwrap();
        assert_eq!(
            (tag % 4096, fs::metadata(&mp3).unwrap().len()),
            (0, made["file_bytes"].as_u64().unwrap())
        );
        plays(&mp3);

        if let (Some(of_master), Some(of_mp3)) = (ffprobe(&path), ffprobe(&mp3)) {
            for (key, value) in [
                ("title", "Für Elise 🎹"),
                ("album", "ألبوم"),
                ("track", "3/12"),
                ("disc", "1/2"),
                ("date", "2001-02-03"),
                ("copyright", "2001 Ein Label ©"),
                ("comment", "Ein Kommentar\nin zwei Zeilen 👍🏽"),
            ] {
                assert_eq!(of_mp3[key], value, "{name}");
                // Ogg and FLAC have numbers and totals apart; of several values some show the first, some all.
                let first = value.split('/').next().unwrap();
                let there = of_master[key].as_str().unwrap();
                assert!(there.starts_with(value) || there == first, "{name}: {key} is {there}");
            }
            assert!(of_mp3["artist"].as_str().unwrap().starts_with("Людвиг ван Бетховен"), "{name}");
        }
    }
}

#[test]
fn old_players_get_v2_3() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = master(&folder, "a.flac") else { return };
    let tags =
        json!({"texts": texts(), "pictures": [[3, "image/png", "前", png()]], "lyrics": [], "links": {}});
    if !tagger::write(&path, &tags) {
        return;
    }
    tonepress(folder.path(), &["encode", "a.flac", "--to", "128", "--id3v23"]);
    let mp3 = folder.path().join("a.128.mp3");
    plays(&mp3);
    let mut read = tagger::read(&mp3).unwrap();
    assert_eq!(read["version"], "2.3");
    let mut wanted = texts();
    for (_, values) in wanted.as_object_mut().unwrap() {
        let joined: Vec<_> = values.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect();
        *values = json!([joined.join("/")]);
    }
    // Lists of people stay lists, of the original date there is a year, and one reader splits what has slashes.
    for name in ["PERFORMER", "PRODUCER", "COMMENT"] {
        wanted[name] = texts()[name].clone();
    }
    wanted["ORIGINALDATE"] = json!(["1810"]);
    for (name, values) in read["texts"].as_object_mut().unwrap() {
        if wanted[name].as_array().is_none_or(|wanted| wanted.len() <= 1) {
            let joined: Vec<_> =
                values.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect();
            *values = json!([joined.join("/")]);
        }
    }
    assert_eq!(normal(&read), normal(&json!({"texts": wanted, "pictures": tags["pictures"]})));
}

#[test]
fn words_with_times_travel() {
    let folder = tempfile::tempdir().unwrap();
    let sung = json!([
        ["Zei", 1_000],
        ["le ", 1_400],
        ["eins", 1_700],
        ["\nzwei ", 2_500],
        ["😀", 3_000],
        ["\ndrei", 9_000]
    ]);
    let (Some(with_id3), Some(with_lrc)) = (master(&folder, "a.aiff"), master(&folder, "b.flac")) else {
        return;
    };
    if !tagger::write(&with_id3, &json!({"texts": {}, "pictures": [], "lyrics": sung, "links": {}})) {
        return;
    }
    let lrc = "[00:01.00]<00:01.00>Zei<00:01.40>le <00:01.70> eins <00:02.00>\n[00:02.5]zwei <00:03.00>😀\n[00:09]drei";
    tagger::write(&with_lrc, &json!({"texts": {"LYRICS": [lrc]}, "pictures": []}));
    for (master, version) in [("a.aiff", "2.4"), ("b.flac", "2.4"), ("a.aiff", "2.3"), ("b.flac", "2.3")] {
        let mut args = vec!["encode", master, "--to", "128", "--force"];
        args.extend((version == "2.3").then_some("--id3v23"));
        let made = tonepress(folder.path(), &args);
        let read = tagger::read(&folder.path().join(made[0]["path"].as_str().unwrap())).unwrap();
        assert_eq!((&read["lyrics"], &read["version"]), (&sung, &json!(version)), "{master}");
        if master == "b.flac" {
            assert_eq!(read["texts"]["LYRICS"], json!(["Zeile eins\nzwei 😀\ndrei"]));
        }
    }
}

#[test]
fn lyrics_with_times_and_links_travel() {
    let folder = tempfile::tempdir().unwrap();
    let sung = json!([["Zeile eins", 1_000], ["zwei 😀", 2_500], ["", 61_230]]);
    let Some(with_id3) = master(&folder, "a.aiff") else { return };
    let links = json!({"WOAF": "https://shop.example/track/1", "WPUB": "https://shop.example/label"});
    if !tagger::write(&with_id3, &json!({"texts": {}, "pictures": [], "lyrics": sung, "links": links})) {
        return;
    }
    let with_lrc = master(&folder, "b.flac").unwrap();
    let lrc = "[ti:Lied]\n[00:01.00]Zeile eins\n[00:02.5]zwei 😀\n[01:01.23]";
    for name in ["SYNCEDLYRICS", "LYRICS"] {
        tagger::write(&with_lrc, &json!({"texts": {name: [lrc]}, "pictures": []}));
        for (master, version) in [("a.aiff", "2.4"), ("b.flac", "2.4"), ("a.aiff", "2.3"), ("b.flac", "2.3")]
        {
            let mut args = vec!["encode", master, "--to", "128", "--force"];
            args.extend((version == "2.3").then_some("--id3v23"));
            let made = tonepress(folder.path(), &args);
            let read = tagger::read(&folder.path().join(made[0]["path"].as_str().unwrap())).unwrap();
            assert_eq!((&read["lyrics"], &read["version"]), (&sung, &json!(version)), "{master}");
            if master == "a.aiff" {
                assert_eq!(read["links"], links);
            } else {
                assert_eq!(read["texts"]["LYRICS"], json!(["Zeile eins\nzwei 😀\n"]));
            }
        }
    }
}

#[test]
fn chunks_of_wav_and_caf_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_) = master(&folder, "plain.flac") else { return };
    let plain = folder.path().join("plain.wav");
    let metadata =
        ["title=Törn", "artist=Jemand", "album=Ein Album", "date=2001", "genre=Jazz", "comment=schön"];
    let arguments: Vec<&str> = metadata.iter().flat_map(|text| ["-metadata", *text]).collect();
    for (name, more) in [
        ("info.wav", &["-c:a", "pcm_s16le"][..]),
        ("info.caf", &["-c:a", "alac"]),
        (
            "both.wav",
            &["-write_bext", "1", "-metadata", "originator=Studio", "-metadata", "description=Take 5"],
        ),
    ] {
        let path = folder.path().join(name);
        assert!(ffmpeg(&plain, &[&arguments, more].concat(), &path));
        let tags = tonepress(folder.path(), &["probe", name])[0]["tags"].clone();
        for text in &metadata {
            let (key, value) = text.split_once('=').unwrap();
            assert_eq!(tags[key.to_uppercase()][0], value, "{name}: {tags}");
        }
        if name == "both.wav" {
            assert_eq!(tags["ORIGINATOR"], json!(["Studio"]));
        }
        assert!(tags.get("ENCODER").is_none() && tags.get("ISFT").is_none(), "{tags}");
        let made = tonepress(folder.path(), &["encode", name, "--to", "128"]);
        let shown = ffprobe(&folder.path().join(made[0]["path"].as_str().unwrap())).unwrap();
        assert_eq!((&shown["title"], &shown["date"]), (&json!("Törn"), &json!("2001")), "{name}");
    }
}

#[test]
fn tags_at_the_wrong_end_of_flac() {
    let folder = tempfile::tempdir().unwrap();
    let Some(flac) = master(&folder, "a.flac") else { return };
    let Some(aiff) = master(&folder, "b.aiff") else { return };
    let of_flac = json!({"texts": {"TITLE": ["in comments"]}, "pictures": [], "lyrics": [], "links": {}});
    let of_id3 = json!({"texts": {"TITLE": ["in ID3"], "ARTIST": ["in ID3"]}, "pictures": [], "lyrics": [], "links": {}});
    if !tagger::write(&flac, &of_flac) || !tagger::write(&aiff, &of_id3) {
        return;
    }
    let id = tonepress(folder.path(), &["probe", "a.flac"])[0]["master_id"].clone();
    // A prefix of ID3, and behind the audio APE, which is not looked at.
    let aiff = fs::read(&aiff).unwrap();
    let start = aiff.windows(4).rposition(|four| four == b"ID3 ").unwrap() + 8;
    let size = u32::from_be_bytes(aiff[start - 4..start].try_into().unwrap()) as usize;
    let prefix = &aiff[start..start + size];
    let mut item = b"\x02\0\0\0\0\0\0\0Year\0ab".to_vec();
    let footer = |flags: u32| {
        let numbers = [2_000, item.len() as u32 + 32, 1, flags, 0, 0];
        [b"APETAGEX".to_vec(), numbers.iter().flat_map(|number| number.to_le_bytes()).collect()].concat()
    };
    let ends = [footer(0xA000_0000), footer(0x8000_0000)];
    item.splice(0..0, ends[0].clone());
    fs::write(&flac, [prefix, &fs::read(&flac).unwrap(), &item, &ends[1]].concat()).unwrap();

    let probed = &tonepress(folder.path(), &["probe", "--verify", "a.flac"])[0];
    assert_eq!(probed["master_id"], id);
    assert_eq!(probed["tags"], json!({"TITLE": ["in comments"], "ARTIST": ["in ID3"]}));
    tonepress(folder.path(), &["encode", "a.flac", "--to", "128"]);
    plays(&folder.path().join("a.128.mp3"));
}

#[test]
fn what_is_typed_changes_tags_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = master(&folder, "a.flac") else { return };
    let tags = json!({
        "texts": {"TITLE": ["alt"], "ARTIST": ["bleibt"], "COMMENT": ["weg"]},
        "pictures": [[3, "image/png", "", png()]],
    });
    if !tagger::write(&path, &tags) {
        return;
    }
    let cover: Vec<u8> = jpeg()
        .as_bytes()
        .chunks(2)
        .map(|hex| u8::from_str_radix(str::from_utf8(hex).unwrap(), 16).unwrap())
        .collect();
    fs::write(folder.path().join("cover.jpg"), cover).unwrap();
    let encode = |more: &[&str]| {
        let args = [&["encode", "a.flac", "--to", "128", "--cache", "store", "--force"], more].concat();
        let made = tonepress(folder.path(), &args).remove(0);
        (fs::read(folder.path().join("a.128.mp3")).unwrap(), made)
    };
    let (bare, made) = encode(&["--no-tags"]);
    assert_eq!((&made["audio_bytes"], &made["cached"]), (&made["file_bytes"], &json!(false)));
    let typed = ["--tag", "title=neu", "--tag", "Bestellung=4711", "--tag", "BESTELLUNG=4712"];
    let (tagged, made) = encode(&[&typed[..], &["--cover", "cover.jpg", "--strip", "comment"]].concat());
    assert_eq!(made["cached"], true);
    assert!(tagged.ends_with(&bare));
    let read = tagger::read(&folder.path().join("a.128.mp3")).unwrap();
    assert_eq!(
        read["texts"],
        json!({"TITLE": ["neu"], "ARTIST": ["bleibt"], "Bestellung": ["4711", "4712"]})
    );
    assert_eq!(read["pictures"], json!([[3, "image/jpeg", "", jpeg()]]));

    // A master with other tags is the same master: nothing is pressed, and one rendition serves both.
    tagger::write(&path, &json!({"texts": {"TITLE": ["ganz anders"]}, "pictures": []}));
    let (retagged, made) = encode(&[]);
    assert_eq!(made["cached"], true);
    assert!(retagged.ends_with(&bare) && retagged.len() == bare.len() + 4_096);
    // Without tags there is no tag.
    tagger::write(&path, &json!({"texts": {}, "pictures": []}));
    assert!(encode(&[]).0 == bare);
    assert_eq!(tonepress(folder.path(), &["cache", "ls", "--cache", "store"]).len(), 1);
}
