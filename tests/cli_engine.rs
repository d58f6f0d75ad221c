//! `get` and `prewarm`, as their users run them.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use common::press::wav;
use common::program::{err, objects, out, tonepress};
use common::signal::Music;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with masters of these names and lengths in seconds: mono at 22.05 kHz, which is pressed fast.
fn masters(named: &[(&str, u64)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, (name, seconds)) in (0..).zip(named) {
        // Different audio, but for every hundredth.
        let samples = seconds * 22_050 + 500 + 10 * (number % 100);
        let bytes = wav(&Music::new(22_050, samples), 22_050, 1, samples);
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn get(args: &[&str], folder: &Path) -> Vec<u8> {
    let args: Vec<_> = ["get"].iter().chain(args).copied().collect();
    let output = tonepress(&args, folder);
    assert!(output.status.success(), "{args:?}: {}", err(&output));
    output.stdout
}

/// What the store in `folder` has: profile by path of the object.
fn stored(folder: &Path) -> Vec<Value> {
    objects(&tonepress(&["cache", "ls", "--json", "--cache", "store"], folder))
}

/// The files that a store must not keep: those being written.
fn leftovers(folder: &Path) -> usize {
    fs::read_dir(folder.join("store/v1/partials")).map_or(0, Iterator::count)
}

#[test]
fn get_gives_what_encode_writes_and_any_range_of_it() {
    let folder = masters(&[("one.wav", 60)]);
    let dir = folder.path();
    assert!(tonepress(&["encode", "one.wav", "--to", "48,v5", "--no-tags"], dir).status.success());
    for profile in ["48", "v5"] {
        let whole = fs::read(dir.join(format!("one.{profile}.mp3"))).unwrap();
        assert_eq!(get(&["one.wav", "--to", profile], dir), whole);
        assert_eq!(get(&["one.wav", "--to", profile, "--cache", "store"], dir), whole);
        assert_eq!(get(&["one.wav", "--to", profile, "--cache", "store"], dir), whole, "from the store");
        assert!(get(&["one.wav", "--to", profile, "-o", "out/file.mp3"], dir).is_empty());
        assert_eq!(fs::read(dir.join("out/file.mp3")).unwrap(), whole);
        assert_eq!(fs::read_dir(dir.join("out")).unwrap().count(), 1, "nothing unfinished");
    }
    assert_eq!(stored(dir).len(), 2);

    let whole = fs::read(dir.join("one.48.mp3")).unwrap();
    let size = whole.len() as u64;
    let ranges = (0..size, 0..size + 1_000, 0..3).prop_map(move |(from, other, form)| match form {
        0 => (format!("{from}-"), from..size),
        1 => (format!("-{}", from + 1), size - from - 1..size),
        _ => {
            let (from, to) = (from.min(other), from.max(other));
            (format!("{from}-{to}"), from..(to + 1).min(size))
        }
    });
    let mut runner = TestRunner::new(Config::with_cases(common::cases(12)));
    let result = runner.run(&ranges, |(text, range)| {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        prop_assert_eq!(&get(&["one.wav", "--to", "48", "--range", &text], dir), &whole[range]);
        Ok(())
    });
    result.unwrap();
}

#[test]
fn a_range_presses_only_what_is_under_it_and_leaves_the_store_as_it_was() {
    let folder = masters(&[("one.wav", 120)]);
    let part = get(&["one.wav", "--to", "48", "--range", "300000-300099", "--cache", "store"], folder.path());
    assert_eq!(part.len(), 100);
    assert_eq!((stored(folder.path()).len(), leftovers(folder.path())), (0, 0));
    // Nothing to keep it from is there, so this one is.
    get(&["one.wav", "--to", "48", "--cache", "store"], folder.path());
    let again =
        get(&["one.wav", "--to", "48", "--range", "300000-300099", "--cache", "store"], folder.path());
    assert_eq!(part, again);
}

#[test]
fn a_key_is_enough_for_what_is_stored() {
    let folder = masters(&[("one.wav", 30)]);
    let dir = folder.path();
    let whole = get(&["one.wav", "--to", "48", "--cache", "store"], dir);
    // A download goes on when the master is gone, and the build is another.
    fs::remove_file(dir.join("one.wav")).unwrap();
    let key = stored(dir)[0]["key"].as_str().unwrap().to_owned();
    assert_eq!(get(&["--key", &key, "--cache", "store"], dir), whole);
    assert_eq!(get(&["--key", &key[..8], "--range", "5000-", "--cache", "store"], dir), whole[5_000..]);
    let unknown = "0".repeat(64);
    for (args, code, said) in [
        (vec!["get", "--key", unknown.as_str(), "--cache", "store"], 1, "no rendition under the key"),
        (vec!["get", "--key", &key, "--cache", "elsewhere"], 2, "no such folder"),
        (vec!["get", "--key", &key], 2, "which store?"),
        (vec!["get", "--key", &key, "--range", "9999999-", "--cache", "store"], 1, "bytes"),
        (vec!["get", "--key", &key, "one.wav", "--to", "48"], 2, "cannot be used with"),
        (vec!["get", "one.wav", "--to", "48"], 1, "one.wav"),
        (vec!["get", "one.wav"], 2, "--to"),
        (vec!["get", "one.wav", "--to", "48", "--range", "9-8"], 2, "9 is behind 8"),
    ] {
        let output = tonepress(&args, dir);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", err(&output));
        assert!(err(&output).contains(said), "{args:?}: {}", err(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn bytes_come_as_they_are_pressed_and_a_closed_pipe_is_no_error() {
    let folder = masters(&[("one.wav", 1_200)]);
    let args = ["get", "one.wav", "--to", "48", "--jobs", "1", "--cache", "store"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_tonepress"))
        .args(args)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut vec![0; 20_000]).unwrap();
    // The last of fifty segments cannot be pressed yet.
    assert!(stored(folder.path()).is_empty() && child.try_wait().unwrap().is_none());
    drop(stdout);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!((stored(folder.path()).len(), leftovers(folder.path())), (0, 0));
}

#[test]
fn prewarm_presses_what_is_missing_and_a_dry_run_foretells_it() {
    let folder = masters(&[("a.wav", 30), ("b.wav", 40)]);
    let dir = folder.path();
    fs::write(dir.join("broken.wav"), b"RIFF\x24\0\0\0WAVE").unwrap();
    fs::write(dir.join("cover.jpg"), b"a picture").unwrap();
    let prewarm = |more: &[&str]| {
        let args = ["prewarm", ".", "--to", "48,64,v5", "--json", "--cache", "store"];
        let output = tonepress(&[&args, more].concat(), dir);
        assert_eq!(output.status.code(), Some(1), "the broken one: {}", err(&output));
        objects(&output)
    };
    let of = |objects: &[Value], field: &str| -> Vec<Value> {
        objects.iter().filter(|object| object.get(field).is_some()).cloned().collect()
    };
    let planned = prewarm(&["--dry-run"]);
    assert!(stored(dir).is_empty());
    let pressed = prewarm(&["--nice"]);
    let summary = pressed.last().unwrap();
    assert_eq!(
        (&summary["pressed"], &summary["present"], &summary["failed"]),
        (&6.into(), &0.into(), &1.into())
    );
    assert_eq!(of(&pressed, "error").len(), 1);
    let mut exact = 0;
    for object in of(&pressed, "key") {
        let plan =
            planned.iter().find(|p| p["master"] == object["master"] && p["profile"] == object["profile"]);
        let plan = plan.unwrap();
        assert_eq!(
            fs::metadata(dir.join(object["path"].as_str().unwrap())).unwrap().len(),
            object["audio_bytes"]
        );
        if plan["exact"] == true {
            exact += 1;
            assert_eq!(plan["audio_bytes"], object["audio_bytes"]);
        }
    }
    assert_eq!(exact, 4);
    assert!(planned.last().unwrap()["seconds"].as_f64().unwrap() > 0.0);

    let again = prewarm(&[]);
    assert_eq!((of(&again, "skipped").len(), of(&again, "key").len()), (6, 0));
    assert_eq!(stored(dir).len(), 6);
}

#[test]
fn the_most_urgent_comes_first() {
    let folder = masters(&[("low.wav", 3), ("middle.wav", 30), ("high.wav", 60)]);
    let list = r#"
        {"master": "low.wav", "priority": -5}
        {"master": "middle.wav", "to": "64,48"}

        {"master": "high.wav", "to": ["32", "40"], "priority": 7}
        {"master": "middle.wav", "to": "64", "priority": -9}
    "#;
    fs::write(folder.path().join("list.jsonl"), list).unwrap();
    let args = ["prewarm", "--from", "list.jsonl", "--to", "24", "--jobs", "1", "--cache", "store", "--json"];
    let output = tonepress(&args, folder.path());
    assert!(output.status.success(), "{}", err(&output));
    let objects = objects(&output);
    let order: Vec<_> = objects.iter().filter_map(|object| object["master"].as_str()).collect();
    assert_eq!(order, ["high.wav", "high.wav", "middle.wav", "middle.wav", "low.wav"]);

    for (line, said) in [
        (r#"{"master": "low.wav", "to": "banana"}"#, "banana"),
        (r#"{"master": "low.wav", "prio": 1}"#, "prio"),
        (r#"{"to": "48"}"#, "master"),
        (r#"{"master": "low.wav"}"#, "no profile"),
        ("low.wav", "expected"),
    ] {
        fs::write(folder.path().join("list.jsonl"), format!("\n{line}\n")).unwrap();
        let output = tonepress(&["prewarm", "--from", "list.jsonl", "--cache", "other"], folder.path());
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(
            err(&output).contains("list.jsonl, line 2: ") && err(&output).contains(said),
            "{}",
            err(&output)
        );
    }
}

#[test]
fn a_killed_run_goes_on_and_an_interrupted_one_leaves_nothing_unfinished() {
    let folder = masters(&[("a.wav", 100), ("b.wav", 110), ("c.wav", 1_200)]);
    let dir = folder.path();
    let prewarm = ["prewarm", ".", "--to", "48,v5", "--json", "--cache", "store"];
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
        command.args(prewarm).current_dir(dir).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let until = |count: usize| {
        while stored(dir).len() < count {
            thread::sleep(Duration::from_millis(10));
        }
    };
    let mut child = start();
    until(1);
    child.kill().unwrap();
    child.wait().unwrap();
    let before = stored(dir).len() as u64;

    let child = start();
    until(4);
    let pid = i32::try_from(child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", err(&output));
    let summary = objects(&output).pop().unwrap();
    assert_eq!((&summary["interrupted"], &summary["present"]), (&true.into(), &before.into()));
    assert!(
        err(&output).contains("interrupted: ") && err(&output).contains(" left for the next run"),
        "{}",
        err(&output)
    );
    assert_eq!(leftovers(dir), 0);

    let output = tonepress(&prewarm, dir);
    assert!(output.status.success(), "{}{}", out(&output), err(&output));
    let summary = objects(&output).pop().unwrap();
    assert_eq!((&summary["pressed"], &summary["present"]), (&2.into(), &4.into()));
    assert!(tonepress(&["cache", "verify", "--cache", "store"], dir).status.success());
}

#[test]
fn what_a_run_wants_does_not_give_way_to_what_it_wants_next() {
    let folder = masters(&[("a.wav", 30), ("b.wav", 40), ("c.wav", 50)]);
    let dir = folder.path();
    // What was there before gives way, the least recently used first, and a dry run says so.
    get(&["c.wav", "--to", "8", "--cache", "store"], dir);
    let args = ["prewarm", ".", "--to", "160", "--cache", "store", "--cache-size", "1500000", "--json"];
    let planned = objects(&tonepress(&[&args[..], &["--dry-run"]].concat(), dir)).pop().unwrap();
    assert!(planned["no_room"].as_str().unwrap().contains("1500000"), "{planned}");
    let two =
        ["prewarm", "a.wav", "b.wav", "--to", "160", "--cache", "store", "--cache-size", "1440000", "--json"];
    let planned = objects(&tonepress(&[&two[..], &["--dry-run"]].concat(), dir)).pop().unwrap();
    assert_eq!(planned["evicts"], serde_json::json!([stored(dir)[0]["key"]]), "{planned}");

    let output = tonepress(&args, dir);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("2 renditions"), "{}", err(&output));
    let profiles: BTreeMap<_, _> = stored(dir)
        .iter()
        .map(|object| (object["bytes"].as_u64().unwrap(), object["profile"].clone()))
        .collect();
    assert_eq!(profiles.values().filter(|profile| **profile == "160").count(), 2, "{profiles:?}");
}

#[test]
fn a_long_list_is_gone_through_twice() {
    let names: Vec<_> = (0..1_000).map(|number| format!("{number}.wav")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let folder = masters(&all);
    let mut list = String::new();
    for (number, name) in names.iter().enumerate() {
        writeln!(list, r#"{{"master": "{name}", "to": "{}"}}"#, [8, 16, 24, 32][number % 4]).unwrap();
    }
    for (pressed, field) in [(true, "pressed"), (false, "present")] {
        let args = ["prewarm", "--from", "-", "--cache", "store", "--json"];
        let mut child = Command::new(env!("CARGO_BIN_EXE_tonepress"))
            .args(args)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", out(&output));
        let summary = objects(&output).pop().unwrap();
        assert!(summary[field].as_u64().unwrap() > 0 && (pressed || summary["pressed"] == 0), "{summary}");
        let all = ["pressed", "present"].map(|field| summary[field].as_u64().unwrap());
        assert_eq!(all.iter().sum::<u64>(), 1_000);
    }
}

/// Makes a FLAC master with these comments; says whether it could.
fn with_comments(wav: &Path, comments: &[&str], flac: &Path) -> bool {
    let Some(mut tool) = common::tool("flac") else { return false };
    let comments: Vec<_> = comments.iter().map(|comment| format!("--tag={comment}")).collect();
    common::run(tool.args(["-s", "-f", "-o"]).arg(flac).args(comments).arg(wav));
    true
}

#[test]
fn get_with_tags_gives_what_encode_writes_and_ranges_count_from_the_tag() {
    let folder = masters(&[("one.wav", 60)]);
    let dir = folder.path();
    if !with_comments(&dir.join("one.wav"), &["TITLE=One", "COMMENT=none"], &dir.join("one.flac")) {
        return;
    }
    let changes = ["--tag", "ORDERNUMBER=4711", "--strip", "comment", "--id3v23"];
    for profile in ["48", "v5"] {
        let bare = get(&["one.flac", "--to", profile], dir);
        for changes in [&[][..], &changes] {
            let encode = ["encode", "one.flac", "--to", profile, "--force"];
            assert!(tonepress(&[&encode, changes].concat(), dir).status.success());
            let whole = fs::read(dir.join(format!("one.{profile}.mp3"))).unwrap();
            let tag = whole.len() - bare.len();
            assert!(tag > 0 && whole[tag..] == bare && whole.starts_with(b"ID3"));
            // Options that change tags say that there are to be some.
            let tags = if changes.is_empty() { &["--tags"][..] } else { changes };
            let get = |more: &[&str]| get(&[&["one.flac", "--to", profile], tags, more].concat(), dir);
            assert!(get(&[]) == whole);
            for (from, to) in [(0, 9), (tag - 10, tag + 10), (tag, tag + 99), (100_000, 100_100)] {
                assert!(get(&["--range", &format!("{from}-{to}")]) == whole[from..=to], "{from}-{to}");
            }
            assert!(get(&["--range", "-50"]) == whole[whole.len() - 50..]);
            let last = whole.len() - 1;
            assert!(get(&["--range", &format!("{last}-"), "--cache", "store"]) == whole[last..]);
        }
    }
    for options in [&["--tags"][..], &["--tag", "TITLE=x"], &["--strip", "title"], &["--id3v23"]] {
        let args = [&["get", "--key", "00", "--cache", "store"], options].concat();
        let output = tonepress(&args, dir);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {}", err(&output));
        assert!(err(&output).contains("cannot be used with"), "{}", err(&output));
    }
}

/// `REPLAYGAIN_TRACK_GAIN` and `REPLAYGAIN_ALBUM_GAIN` in the tag of an MP3.
fn gains(mp3: &[u8]) -> [Option<String>; 2] {
    ["REPLAYGAIN_TRACK_GAIN\0", "REPLAYGAIN_ALBUM_GAIN\0"].map(|name| {
        let at = mp3.windows(name.len()).position(|window| window == name.as_bytes())? + name.len();
        let end = at + mp3[at..].windows(2).position(|window| window == b"dB")?;
        Some(String::from_utf8(mp3[at..end].to_vec()).unwrap().trim().to_owned())
    })
}

#[test]
fn loudness_that_is_known_is_written_into_tags_and_never_measured_for_them() {
    let folder = masters(&[("one.wav", 10), ("second.wav", 12)]);
    let dir = folder.path();
    fs::create_dir(dir.join("album")).unwrap();
    let tags =
        ["ALBUM=A", "ALBUMARTIST=B", "REPLAYGAIN_TRACK_GAIN=+1.00 dB", "REPLAYGAIN_ALBUM_GAIN=+2.00 dB"];
    for name in ["one", "second"] {
        let (wav, flac) = (dir.join(name).with_extension("wav"), dir.join("album").join(name));
        if !with_comments(&wav, &tags, &flac.with_extension("flac")) {
            return;
        }
    }
    let args = ["album/one.flac", "--to", "48", "--tags", "--cache", "store"];
    let said = |track: &str, album: &str| [Some(track.to_owned()), Some(album.to_owned())];
    assert_eq!(gains(&get(&args, dir)), said("+1.00", "+2.00"), "what the master says");

    let prewarm = |what: &str| {
        let output = tonepress(&["prewarm", what, "--to", "48", "--loudness", "--cache", "store"], dir);
        assert!(output.status.success(), "{}", err(&output));
    };
    let probed = objects(&tonepress(&["probe", "album", "--loudness", "--json"], dir));
    let gain = |object: &Value| format!("{:.2}", object["loudness"]["gain_db"].as_f64().unwrap());
    let (track, album) = (gain(&probed[0]), gain(&probed[2]));
    assert_eq!(probed[2]["album"], "B: A");

    prewarm("album/one.flac");
    assert_eq!(gains(&get(&args, dir)), said(&track, "+2.00"), "there may be more on the album");
    prewarm("album");
    assert_eq!(gains(&get(&args, dir)), said(&track, &album));
    let encode = ["encode", "album/one.flac", "--to", "48", "-o", "out", "--cache", "store"];
    assert!(tonepress(&encode, dir).status.success());
    assert_eq!(gains(&fs::read(dir.join("out/one.48.mp3")).unwrap()), said(&track, &album));
    let stripped = get(&[&args[..], &["--strip", "REPLAYGAIN_TRACK_GAIN"]].concat(), dir);
    assert_eq!(gains(&stripped), [None, Some(album)], "whoever asks decides");
}

#[test]
fn prewarm_verifies_once_and_presses_what_is_sound() {
    let folder = masters(&[("one.wav", 10), ("second.wav", 12)]);
    let dir = folder.path();
    fs::create_dir(dir.join("masters")).unwrap();
    for name in ["one", "second"] {
        let (wav, flac) = (dir.join(name).with_extension("wav"), dir.join("masters").join(name));
        if !with_comments(&wav, &[], &flac.with_extension("flac")) {
            return;
        }
    }
    let path = dir.join("masters/one.flac");
    let mut bytes = fs::read(&path).unwrap();
    bytes[30] ^= 1; // of the MD5
    fs::write(&path, bytes).unwrap();
    // What is stored of it from before is not given out any more either.
    get(&["masters/one.flac", "--to", "48", "--cache", "store"], dir);
    for (pressed, present) in [(2, 0), (0, 2)] {
        let args = ["prewarm", "masters", "--to", "48,32", "--verify", "--json", "--cache", "store"];
        let output = tonepress(&args, dir);
        assert_eq!(output.status.code(), Some(1));
        let objects = objects(&output);
        let failed: Vec<_> = objects.iter().filter(|object| object.get("error").is_some()).collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(failed[0]["error"].as_str().unwrap().contains("the MD5 of the audio does not match"));
        let summary = objects.last().unwrap();
        assert_eq!((&summary["pressed"], &summary["present"]), (&pressed.into(), &present.into()));
    }
    let output = tonepress(&["get", "masters/one.flac", "--to", "48", "--cache", "store"], dir);
    // It is an error when the master is identified, before or after the first bytes.
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("the MD5 of the audio does not match"), "{}", err(&output));
}

#[test]
fn shards_press_every_master_once_and_tell_what_is_worth_retrying() {
    let names: Vec<String> = (0..7).map(|number| format!("{number}.wav")).collect();
    let masters = masters(&names.iter().map(|name| (name.as_str(), 2)).collect::<Vec<_>>());
    let folder = masters.path();
    let run = |shard: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
        command.args(["prewarm", ".", "--to", "24:q=9", "--json", "--cache"]).args(shard);
        command.envs(variables.iter().copied()).current_dir(folder).output().unwrap()
    };
    let pressed = |output: &Output| {
        assert_eq!(output.status.code(), Some(0), "{}", err(output));
        let masters = objects(output).into_iter().filter(|object| object["kind"] == "rendition");
        let mut masters: Vec<_> =
            masters.map(|object| object["master"].as_str().unwrap().to_owned()).collect();
        // They end in any order.
        masters.sort();
        masters
    };
    let mut all = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        all.extend(pressed(&run(&["one", "--shard", shard], &[])));
    }
    let slurm = |task: &'static str| {
        let array = [("SLURM_ARRAY_TASK_MIN", "5"), ("SLURM_ARRAY_TASK_COUNT", "3")];
        let task = [("SLURM_ARRAY_TASK_ID", task), array[0], array[1]];
        pressed(&run(&["two"], &task))
    };
    assert_eq!(all, ["5", "6", "7"].map(slurm).concat(), "the same parts");
    all.sort();
    assert_eq!(all.len(), 7);
    all.dedup();
    assert_eq!(all.len(), 7);
    let refused = run(&["three"], &[("JOB_COMPLETION_INDEX", "0")]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("TONEPRESS_SHARD_COUNT"), "{}", err(&refused));

    // A master that is broken stays so; one that cannot be read may be readable another time.
    fs::write(folder.join("0.wav"), "RIFF").unwrap();
    assert_eq!(run(&["four", "0.wav"], &[]).status.code(), Some(1));
    fs::create_dir(folder.join("full")).unwrap();
    let limited = format!(
        "ulimit -f 8; trap '' XFSZ; exec '{}' prewarm 1.wav --to 160 --cache full",
        env!("CARGO_BIN_EXE_tonepress")
    );
    let cut = Command::new("sh").args(["-c", &limited]).current_dir(folder).output().unwrap();
    assert_eq!(cut.status.code(), Some(75), "{}", err(&cut));
}
