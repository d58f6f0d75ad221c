//! The program as its users run it.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::press::wav;
use common::program::{err, objects, out, tonepress};
use common::signal::Music;
use common::tool;
use tempfile::TempDir;

/// A folder with two masters in folders, a cover and an MP3 that are none.
fn album() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, rate, channels, samples) in
        [("disc 1/one.wav", 44_100, 2, 200_000), ("disc 2/two.flac.wav", 22_050, 1, 90_000)]
    {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, wav(&Music::new(rate, samples), rate, channels, samples)).unwrap();
    }
    fs::write(folder.path().join("disc 1/cover.jpg"), b"\xFF\xD8\xFF\xE0 a picture").unwrap();
    fs::write(folder.path().join("disc 1/.hidden.wav"), b"RIFF").unwrap();
    folder
}

/// Every file below `folder`, relative to it.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

fn paths(names: &[&str]) -> BTreeSet<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

#[test]
fn encode_keeps_folders_and_plan_foretells_sizes() {
    let album = album();
    let planned = objects(&tonepress(&["plan", ".", "--to", "128,v2", "--json"], album.path()));
    let output = tonepress(&["encode", ".", "--to", "128,v2", "-o", "out", "--json"], album.path());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let encoded = objects(&output);
    assert_eq!(
        files(&album.path().join("out")),
        paths(&[
            "disc 1/one.128.mp3",
            "disc 1/one.v2.mp3",
            "disc 2/two.flac.128.mp3",
            "disc 2/two.flac.v2.mp3"
        ])
    );
    assert_eq!((planned.len(), encoded.len()), (4, 4));
    for object in &encoded {
        let plan =
            planned.iter().find(|p| p["master"] == object["master"] && p["profile"] == object["profile"]);
        let plan = plan.expect("a plan for each rendition");
        for field in ["sample_rate", "channels", "samples", "duration_s", "frames"] {
            assert_eq!(object[field], plan[field], "{field}");
        }
        if plan["exact"] == true {
            assert_eq!(object["audio_bytes"], plan["audio_bytes"]);
        }
        let path = album.path().join(object["path"].as_str().unwrap());
        assert_eq!(object["file_bytes"], fs::metadata(path).unwrap().len());
        assert!(object["master_id"].is_null(), "nobody has asked for it, so nothing was hashed");
        assert!(object["seconds"].as_f64().unwrap() > 0.0 && object["realtime_x"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn what_is_there_is_kept_unless_forced() {
    let album = album();
    let master = "disc 1/one.wav";
    assert!(tonepress(&["encode", master, "--to", "64"], album.path()).status.success());
    let path = album.path().join("disc 1/one.64.mp3");
    fs::write(&path, "mine").unwrap();
    let output = tonepress(&["encode", master, "--to", "64", "--json"], album.path());
    assert_eq!(objects(&output)[0]["skipped"], true);
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    assert!(err(&output).contains("1 was there already"), "{}", err(&output));
    assert!(tonepress(&["encode", master, "--to", "64", "--force"], album.path()).status.success());
    assert_ne!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn names_follow_the_template_and_never_replace_a_master_or_each_other() {
    let album = album();
    let encode =
        |name| tonepress(&["encode", "disc 1", "--to", "64,96", "--force", "--name", name], album.path());
    assert!(encode("{profile}/{stem}.mp3").status.success());
    assert!(album.path().join("disc 1/96/one.mp3").exists());

    let output = encode("{stem}.mp3");
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("would be written there at 64 and at 96"), "{}", err(&output));

    let before = fs::read(album.path().join("disc 1/one.wav")).unwrap();
    assert_eq!(encode("{stem}.wav").status.code(), Some(1));
    assert_eq!(fs::read(album.path().join("disc 1/one.wav")).unwrap(), before);
    assert_eq!(encode("{band}.mp3").status.code(), Some(2));
}

#[test]
fn a_broken_master_does_not_stop_the_others() {
    let album = album();
    let whole = fs::read(album.path().join("disc 1/one.wav")).unwrap();
    fs::write(album.path().join("cut.wav"), &whole[..whole.len() / 2]).unwrap();
    fs::write(album.path().join("text.wav"), "not audio").unwrap();
    let output = tonepress(
        &[
            "encode",
            "cut.wav",
            "missing.wav",
            "text.wav",
            "disc 1",
            "--to",
            "64,320:rate=22050",
            "-o",
            "out",
            "--json",
        ],
        album.path(),
    );
    assert_eq!(output.status.code(), Some(1));
    let objects = objects(&output);
    let failed: Vec<_> = objects.iter().filter(|object| object.get("error").is_some()).collect();
    assert!(objects.iter().any(|object| object["path"] == "out/one.64.mp3"), "{objects:?}");
    for (master, says) in [
        ("cut.wav", "damaged at sample"),
        ("text.wav", "not recognised as audio"),
        ("disc 1/one.wav", "at 22050 Hz MP3 has"),
    ] {
        let found =
            failed.iter().any(|o| o["master"] == master && o["error"].as_str().unwrap().contains(says));
        assert!(found, "{master}: {failed:?}");
    }
    assert!(err(&output).contains("; 3 masters and 1 rendition failed"), "{}", err(&output));
    assert_eq!(files(&album.path().join("out")), paths(&["one.64.mp3"]));
}

#[test]
fn wrong_usage_is_2_and_says_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    for (args, says) in [
        (&["encode", "x.flac", "--to", "129"][..], "128, 144"),
        (&["encode", "x.flac"], "--to"),
        (&["plan", "x.flac", "--to", "v12"], "v0 (best) to v9.999"),
        (&["encode", "x.flac", "--to", "128", "--jobs", "0"], "--jobs"),
        (&["press"], "unrecognized subcommand"),
    ] {
        let output = tonepress(args, folder.path());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(err(&output).contains(says), "{args:?}: {}", err(&output));
    }
}

#[test]
fn probe_tells_facts_and_checks() {
    let album = album();
    let wav = album.path().join("disc 1/one.wav");
    if let Some(mut flac) = tool("flac") {
        common::run(flac.args(["-s", "-o"]).arg(album.path().join("one.flac")).arg(&wav));
        let output = tonepress(&["probe", "--verify", "--json", "one.flac", "disc 1/one.wav"], album.path());
        let objects = objects(&output);
        assert_eq!(objects[0]["verification"], "md5 matches");
        assert_eq!(objects[1]["verification"], "no checksums");
        for object in &objects {
            assert_eq!((&object["sample_rate"], &object["samples"]), (&44_100.into(), &200_000.into()));
            assert_eq!((&object["bits"], &object["layout"]), (&16.into(), &"stereo".into()));
        }
    }
    let output = tonepress(&["probe", "disc 1/one.wav"], album.path());
    assert!(out(&output).contains("PCM in WAV, 16 bits, 44100 Hz, stereo"), "{}", out(&output));
    fs::write(album.path().join("fake.flac"), b"ID3\x03\0\0\0\0\0\0\xFF\xFB\x92\x64 and so on").unwrap();
    let output = tonepress(&["probe", "fake.flac"], album.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("MP3 is lossy"), "{}", err(&output));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let album = album();
    let list = vec!["disc 1"; 400];
    let args = [&["plan", "--to", "32,40,48,56,64,80,96,112,128", "--json"][..], &list].concat();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tonepress"))
        .args(args)
        .current_dir(album.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()));
}

#[test]
fn ctrl_c_leaves_no_half_file() {
    let album = album();
    let long = wav(&Music::new(44_100, 8_000_000), 44_100, 2, 8_000_000);
    fs::write(album.path().join("long.wav"), long).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tonepress"))
        .args(["encode", "long.wav", "--to", "128,320,v0", "-o", "out", "--jobs", "1"])
        .current_dir(album.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let folder = album.path().join("out");
    // As soon as there is something unfinished.
    while !folder.exists() || files(&folder).len() < 3 {
        assert!(child.try_wait().unwrap().is_none(), "it was over too soon");
        std::thread::yield_now();
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(files(&folder), paths(&[]));
}

#[test]
fn a_store_serves_what_was_pressed_before() {
    let album = album();
    let encode = |out: &str, more: &[&str]| {
        let args =
            [&["encode", "disc 1", "disc 2", "--to", "v2,64", "-o", out, "--cache", "store", "--json"], more]
                .concat();
        tonepress(&args, album.path())
    };
    let (first, second) = (encode("first", &[]), encode("second", &["--jobs", "1"]));
    assert!(first.status.success() && second.status.success(), "{}{}", err(&first), err(&second));
    assert!(objects(&first).iter().all(|object| object["cached"] == false));
    assert!(objects(&second).iter().all(|object| object["cached"] == true));
    let written = files(&album.path().join("first"));
    assert_eq!((written.len(), &written), (4, &files(&album.path().join("second"))));
    for file in written {
        let read = |folder: &str| fs::read(album.path().join(folder).join(&file)).unwrap();
        assert!(read("first") == read("second"), "{}", file.display());
    }
    // A retagged or renamed master is the same master.
    fs::rename(album.path().join("disc 1/one.wav"), album.path().join("disc 1/uno.wav")).unwrap();
    assert!(objects(&encode("third", &[])).iter().all(|object| object["cached"] == true));
}

#[test]
fn two_masters_with_the_same_audio_do_not_wait_for_each_other() {
    let album = album();
    fs::copy(album.path().join("disc 1/one.wav"), album.path().join("disc 1/twin.wav")).unwrap();
    let output =
        tonepress(&["encode", "disc 1", "--to", "64", "-o", "out", "--cache", "store"], album.path());
    assert!(output.status.success(), "{}", err(&output));
    let read = |name: &str| fs::read(album.path().join("out").join(name)).unwrap();
    assert!(read("one.64.mp3") == read("twin.64.mp3"));
}

#[test]
fn the_store_is_looked_after() {
    let album = album();
    let cache = |args: &[&str]| tonepress(&[&["cache", "--cache", "store"], args].concat(), album.path());
    assert_eq!(tonepress(&["cache", "stat"], album.path()).status.code(), Some(2), "which store?");
    assert_eq!(cache(&["stat"]).status.code(), Some(2), "no such folder");
    let args = ["encode", ".", "--to", "v2,64", "-o", "out", "--cache", "store"];
    assert!(tonepress(&args, album.path()).status.success());

    let sums = &objects(&cache(&["stat", "--json"]))[0];
    assert_eq!((&sums["renditions"], &sums["profiles"]["64"]["renditions"]), (&4.into(), &2.into()));
    let listed = objects(&cache(&["ls", "--json", "--profile", "64"]));
    assert_eq!(listed.len(), 2);
    let key = listed[0]["key"].as_str().unwrap();
    let path = out(&cache(&["path", &key[..12]]));
    assert_eq!(path.trim(), listed[0]["path"].as_str().unwrap());
    assert!(out(&cache(&["ls"])).contains(&key[..12]));
    assert!(objects(&cache(&["ls", "--json", "--stale"])).is_empty());
    assert!(objects(&cache(&["ls", "--json", "--unused-for", "1d"])).is_empty());

    // One pinned stays, the rest goes; nothing goes unless asked for.
    assert!(cache(&["pin", key]).status.success());
    assert_eq!(cache(&["rm"]).status.code(), Some(2));
    assert_eq!(objects(&cache(&["rm", "--all", "--json"])).len(), 3);
    assert_eq!(objects(&cache(&["ls", "--json"])).len(), 1);

    // A spoilt one is found, set aside, and pressed anew.
    let file = album.path().join(path.trim());
    let mut bytes = fs::read(&file).unwrap();
    bytes[1_000] ^= 1;
    fs::remove_file(&file).unwrap();
    fs::write(&file, bytes).unwrap();
    let verified = cache(&["verify", "--json"]);
    assert_eq!((verified.status.code(), &objects(&verified)[0]["ok"]), (Some(1), &false.into()));
    assert!(objects(&cache(&["gc", "--json"]))[0]["quarantined"].as_u64().unwrap() > 0);
    let args = ["encode", ".", "--to", "64", "-o", "again", "--cache", "store"];
    assert!(tonepress(&args, album.path()).status.success());
    assert!(cache(&["verify"]).status.success());
}

#[test]
fn hostile_names_control_neither_terminals_nor_json() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let bytes = wav(&Music::new(22_050, 30_000), 22_050, 1, 30_000);
    let long = format!("{}.wav", "x".repeat(251));
    let names: [&[u8]; 6] = [
        b"a\nb\x1b[2J.wav",
        "c\u{9b}31m\u{202e}.wav".as_bytes(),
        b"...wav",
        b"\xff\xfe.wav",
        b"'\"\\$(x).wav",
        long.as_bytes(),
    ];
    for name in names {
        fs::write(folder.path().join(OsStr::from_bytes(name)), &bytes).unwrap();
    }
    // Named one by one, since hidden files in folders are left out.
    let run = |args: &[&str]| {
        let paths = names.iter().map(|name| OsStr::from_bytes(name));
        Command::new(env!("CARGO_BIN_EXE_tonepress"))
            .args(args)
            .args(paths)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let is_shown = |text: &str| {
        text.lines().all(|line| !line.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}')))
    };
    for args in [&["probe"][..], &["plan", "--to", "32"], &["encode", "--to", "32", "-o", "out"]] {
        let human = run(args);
        assert!(
            is_shown(&out(&human)) && is_shown(&err(&human).replace("\x1b[1;31m", "").replace("\x1b[0m", "")),
            "{args:?}"
        );
        let output = run(&[args, &["--json"]].concat());
        assert!(is_shown(&out(&output)), "{args:?}");
        assert_eq!(objects(&output).len(), 6, "{args:?}: {}", err(&output));
    }
    // One name had no room for what is added to it, which was known before anything was encoded.
    let output = run(&["encode", "--force", "--json", "--to", "32", "-o", "out"]);
    assert_eq!(output.status.code(), Some(1));
    let failed: Vec<_> = objects(&output).into_iter().filter(|object| object["error"].is_string()).collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["error"].as_str().unwrap().contains("too long"), "{failed:?}");
    assert_eq!(files(&folder.path().join("out")).len(), 5);
    // "..": the stem of a file, and nothing to be led astray by.
    let output = tonepress(
        &["encode", "...wav", "--to", "32", "-o", "in/side", "--name", "{stem}/{profile}.mp3"],
        folder.path(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(files(&folder.path().join("in")), paths(&["side/32.mp3"]));
}

#[test]
fn a_damaged_master_is_salvaged_if_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = wav(&Music::new(22_050, 60_000), 22_050, 1, 60_000);
    let data = bytes.windows(4).position(|four| four == b"data").unwrap() + 8;
    bytes.truncate(data + 2 * 50_000);
    fs::write(folder.path().join("cut.wav"), bytes).unwrap();
    let encode = |profiles: &str| {
        tonepress(
            &["encode", "cut.wav", "--to", profiles, "--json", "--cache", "store", "-o", "out", "-f"],
            folder.path(),
        )
    };
    let strict = objects(&encode("32"));
    assert!(strict[0]["error"].as_str().unwrap().contains("damaged at sample 50000"), "{strict:?}");
    for cached in [false, true] {
        let output = encode("32,32:salvage");
        assert_eq!(output.status.code(), Some(1));
        let objects = objects(&output);
        let failed = objects.iter().find(|object| object["profile"] == "32").unwrap();
        assert!(failed["error"].as_str().unwrap().contains("damaged at sample 50000"), "{failed}");
        let salvaged = objects.iter().find(|object| object["profile"] == "32:salvage").unwrap();
        assert_eq!(salvaged["gaps"], serde_json::json!([[50_000, 60_000]]));
        assert_eq!((&salvaged["samples"], &salvaged["cached"]), (&60_000.into(), &cached.into()));
    }
    let human = tonepress(&["encode", "cut.wav", "--to", "32:salvage", "-o", "out", "-f"], folder.path());
    assert!(
        err(&human).contains("cut.wav: samples 50000 to 60000 are damaged or missing"),
        "{}",
        err(&human)
    );
    assert_eq!(files(&folder.path().join("out")), paths(&["cut.32:salvage.mp3"]));
}

#[test]
fn what_probe_found_counts_when_encoding_into_the_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.wav"), wav(&Music::new(22_050, 60_000), 22_050, 1, 60_000)).unwrap();
    let Some(mut flac) = tool("flac") else { return };
    assert!(flac.args(["-s", "a.wav"]).current_dir(folder.path()).status().unwrap().success());
    let path = folder.path().join("a.flac");
    let mut bytes = fs::read(&path).unwrap();
    bytes[30] ^= 1; // of the MD5
    fs::write(&path, bytes).unwrap();
    let encode =
        |profile| tonepress(&["encode", "a.flac", "--to", profile, "--cache", "store", "-f"], folder.path());
    assert_eq!(encode("32").status.code(), Some(0), "nobody has looked yet");
    let probed = tonepress(&["probe", "--verify", "--cache", "store", "a.flac"], folder.path());
    assert!(err(&probed).contains("the MD5 of the audio does not match"), "{}", err(&probed));
    for profile in ["32", "32:salvage"] {
        let output = encode(profile);
        assert_eq!(output.status.code(), Some(1));
        assert!(err(&output).contains("the MD5 of the audio does not match"), "{}", err(&output));
    }
}

#[test]
fn probe_measures_masters_and_albums_once() {
    let album = album();
    fs::copy(album.path().join("disc 1/one.wav"), album.path().join("disc 1/two.wav")).unwrap();
    let measure = |cache: &[&str]| {
        let args = [&["probe", "--loudness", "--json", "."], cache].concat();
        let output = tonepress(&args, album.path());
        assert!(output.status.success(), "{}", err(&output));
        objects(&output)
    };
    let plain = measure(&[]);
    assert_eq!(plain.len(), 4, "three masters, and one folder with more than one");
    let (master, folder) = (&plain[0]["loudness"], &plain[3]);
    assert_eq!((&folder["album"], &folder["masters"]), (&"./disc 1".into(), &2.into()));
    assert_eq!(&folder["loudness"], master, "an album of the same twice");
    let (lufs, gain) = (master["integrated_lufs"].as_f64().unwrap(), master["gain_db"].as_f64().unwrap());
    assert!((lufs + gain + 18.0).abs() < 0.011, "{master}");
    let store = tempfile::tempdir().unwrap();
    let cache = ["--cache", store.path().to_str().unwrap()];
    assert_eq!((measure(&cache), measure(&cache)), (plain.clone(), plain), "measured, and known");
    let text = out(&tonepress(&["probe", "--loudness", "disc 1"], album.path()));
    assert!(text.contains(" LUFS, range none, gain ") || text.contains(" LU, gain "), "{text}");
    assert!(text.contains("album disc 1, 2 masters\n  loudness "), "{text}");

    // An album of which a part is missing has no loudness.
    fs::write(album.path().join("disc 1/three.flac"), b"fLaC broken").unwrap();
    let output = tonepress(&["probe", "--loudness", "disc 1"], album.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("album disc 1: not measured, since 1 of 3"), "{}", err(&output));
}

#[test]
fn an_encoder_may_be_chosen_for_profiles_that_name_none() {
    let album = album();
    let planned = |args: &[&str], chosen: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tonepress"));
        command.args(["plan", "disc 1/one.wav", "--json"]).args(args).current_dir(album.path());
        if let Some(chosen) = chosen {
            command.env("TONEPRESS_ENCODER", chosen);
        }
        let output = command.output().unwrap();
        let plans = objects(&output);
        let profiles = plans.iter().map(|plan| plan["profile"].as_str().unwrap().to_owned());
        (output.status.code(), profiles.collect::<Vec<_>>())
    };
    let both = ["--to", "64,64:lame,64:native"];
    let profiles =
        |all: &[&str]| (Some(0), all.iter().map(|&profile| profile.to_owned()).collect::<Vec<_>>());
    assert_eq!(planned(&both, None), profiles(&["64", "64:lame", "64:native"]));
    assert_eq!(planned(&both, Some("native")), profiles(&["64:native", "64:lame"]));
    assert_eq!(planned(&[&both[..], &["--encoder", "lame"]].concat(), Some("native")), planned(&both, None));
    assert_eq!(planned(&[&both[..], &["--encoder", "blade"]].concat(), None).0, Some(2));

    let get = |args: &[&str]| {
        let output = tonepress(&[&["get", "disc 1/one.wav"], args].concat(), album.path());
        assert!(output.status.success(), "{}", err(&output));
        output.stdout
    };
    assert!(get(&["--to", "64", "--encoder", "native"]) == get(&["--to", "64:native"]));
    assert!(get(&["--to", "64:lame", "--encoder", "native"]) == get(&["--to", "64"]));
}
