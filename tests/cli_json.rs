//! What every command says to machines is what docs/json.md says: the tables there are read and compared.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use common::documented::{checked, documented};
use common::press::wav;
use common::program::{err, objects, tonepress};
use common::signal::Music;
use serde_json::json;

fn master(folder: &Path, name: &str, rate: u32, samples: u64) {
    fs::write(folder.join(name), wav(&Music::new(rate, samples), rate, 2, samples)).unwrap();
}

#[test]
fn every_command_says_what_is_documented() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::create_dir(dir.join("album")).unwrap();
    master(dir, "album/one.wav", 44_100, 100_000);
    master(dir, "album/two.wav", 22_050, 50_000);
    fs::write(dir.join("album/bad.flac"), b"fLaC broken").unwrap();
    let mut seen = BTreeSet::new();
    let mut says = |args: &[&str], kinds: &[&str]| {
        let output = tonepress(&[args, &["--json"]].concat(), dir);
        let objects = objects(&output);
        let found = checked(&objects);
        let kinds: BTreeSet<_> = kinds.iter().map(|&kind| kind.to_owned()).collect();
        assert_eq!(found, kinds, "{args:?}: {}", err(&output));
        seen.extend(found);
        objects
    };
    let store = ["--cache", "store"];
    says(&["plan", "album", "nowhere", "--to", "64,v5,320"], &["plan", "failed"]);
    says(&["plan", "album", "--to", "320", "--nearest"], &["plan", "failed", "fell"]);
    says(&["probe", "album", "--verify"], &["master", "failed"]);
    fs::remove_file(dir.join("album/bad.flac")).unwrap();
    says(&["probe", "album", "--loudness"], &["master", "album"]);
    says(&["encode", "album", "--to", "64,v5", "-o", "out", "--dry-run"], &["planned"]);
    says(&["encode", "album", "--to", "64,v5", "-o", "out"], &["rendition"]);
    says(&["encode", "album", "--to", "64,v5", "-o", "out"], &["skipped"]);
    says(&["encode", "album", "--to", "64", "-o", "kept", "--cache", "store"], &["rendition"]);
    let prewarm = ["prewarm", "album", "--to", "64,32", "--cache", "store"];
    says(&[&prewarm[..], &["--dry-run"]].concat(), &["planned", "summary"]);
    says(&prewarm, &["rendition", "skipped", "summary"]);
    says(&["get", "album/one.wav", "--to", "64", "-o", "one.mp3", "--range", "100-199"], &["written"]);
    says(&[&["cache", "stat"], &store[..]].concat(), &["store"]);
    let listed = says(&[&["cache", "ls", "--sort", "size"], &store[..]].concat(), &["stored"]);
    let key = listed[0]["key"].as_str().unwrap();
    says(&["get", "--key", key, "-o", "two.mp3", "--cache", "store"], &["written"]);
    says(&[&["cache", "path", key], &store[..]].concat(), &["path"]);
    says(&[&["cache", "pin", key], &store[..]].concat(), &["pin"]);
    says(&[&["cache", "verify"], &store[..]].concat(), &["checked"]);
    says(&[&["cache", "gc"], &store[..]].concat(), &["collected"]);
    if cfg!(feature = "tier") {
        let url = format!("file://{}", dir.join("tier").display());
        let mut tier = |args: &[&str], kind| {
            says(&[&["cache", "tier"], args, &["--tier", &url], &store].concat(), &[kind])
        };
        tier(&["push"], "tier_done");
        tier(&["ls"], "tier_stored");
        tier(&["verify"], "tier_checked");
        tier(&["stat"], "tier");
        tier(&["pull"], "tier_done");
        tier(&["gc", "--older-than", "1h"], "tier_done");
    }
    says(&[&["cache", "rm", "--all"], &store[..]].concat(), &["removed"]);
    let bench = ["bench", "album/one.wav", "--runs", "1", "--to", "64,v5"];
    let results = says(&[&bench[..], &["--cost-per-core-hour", "0.05"]].concat(), &["bench"]);
    fs::write(dir.join("before.json"), results[0].to_string()).unwrap();
    says(&[&bench[..], &["--baseline", "before.json"]].concat(), &["bench"]);
    let is_here = |kind: &String| cfg!(feature = "tier") || !kind.starts_with("tier");
    let mut all: BTreeSet<_> = documented().into_keys().filter(is_here).collect();
    // Of a feature: tests/queue has them.
    all.retain(|kind| !["enqueued", "queue"].contains(&kind.as_str()));
    assert_eq!(seen, all, "each kind that is documented was said");
}

#[test]
fn names_are_not_lost_and_failed_walks_say_where() {
    let folder = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"a\xff.wav");
    let bytes = wav(&Music::new(22_050, 20_000), 22_050, 1, 20_000);
    fs::write(folder.path().join(name), bytes).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("link.wav")).unwrap();
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tonepress"))
            .args(args)
            .args([".", "--json"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        objects(&output)
    };
    for args in [&["plan", "--to", "32"][..], &["probe"], &["encode", "--to", "32", "-o", "out"]] {
        let objects = run(args);
        checked(&objects);
        let failed = objects.iter().find(|object| object["kind"] == "failed").unwrap();
        assert_eq!(failed["master"], "./link.wav", "{args:?}");
        assert!(!failed["error"].as_str().unwrap().contains("os error"), "{failed}");
        let good = objects.iter().find(|object| object["kind"] != "failed").unwrap();
        assert_eq!(
            (&good["master"], &good["master_base64"]),
            (&json!("./a\u{fffd}.wav"), &json!("Li9h/y53YXY="))
        );
    }
    let objects = run(&["encode", "--to", "32", "-o", "again"]);
    let made = objects.iter().find(|object| object["kind"] == "rendition").unwrap();
    assert_eq!(made["path_base64"], json!("YWdhaW4vYf8uMzIubXAz"));
}
