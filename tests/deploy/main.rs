//! What deploy/ has for schedulers is run, as far as one machine allows.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

#[path = "../common/mod.rs"]
mod common;
mod kubernetes;
mod slurm;
mod systemd;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::press::wav;
use common::signal::Music;

/// What each shard is to press: short masters, enough for every shard to have some.
const MASTERS: usize = 12;

/// A file of deploy/.
fn deployed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

/// Writes masters into a folder.
fn write_masters(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for number in 0..MASTERS {
        let samples = 22_050 + number as u64;
        let bytes = wav(&Music::new(22_050, samples), 22_050, 1, samples);
        fs::write(folder.join(format!("{number}.wav")), bytes).unwrap();
    }
}

/// Checks that shards have pressed every master at as many profiles, and that no two have pressed the same; `said` is what each said.
fn check_shards(said: &[String], profiles: usize) {
    let mut keys = BTreeSet::new();
    let mut busy = 0;
    for text in said {
        let lines: Vec<_> = text.lines().filter(|line| line.contains("\"kind\":\"rendition\"")).collect();
        busy += usize::from(!lines.is_empty());
        for line in lines {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(keys.insert(object["key"].as_str().unwrap().to_owned()), "pressed twice: {line}");
        }
    }
    assert_eq!(keys.len(), profiles * MASTERS);
    assert!(busy > 1, "the work is shared");
}
