//! The program with masters in object storage and a tier.

use std::path::Path;
use std::process::Command;

use crate::common::{press::wav, signal::Music};

/// What it says, and whether all went well.
fn tonepress(args: &[&str], dir: &Path) -> (String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TONEPRESS_")) {
        command.env_remove(name);
    }
    let output = command.args(args).current_dir(dir).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&said).into_owned(), output.status.success())
}

fn music(seconds: u64) -> Vec<u8> {
    wav(&Music::new(44_100, seconds * 44_100), 44_100, 2, seconds * 44_100)
}

/// Tries all commands with the masters under `masters` and the tier at `tier`.
fn try_all(masters: &str, tier: &str) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let ok = |args: &[&str]| {
        let (said, well) = tonepress(args, dir);
        assert!(well, "{args:?}: {said}");
        said
    };
    // The settings of the service are nobody's business.
    let quiet = |said: String| {
        assert!(!said.contains("secret"), "{said}");
        said
    };
    let (place, settings) = masters
        .split_once('?')
        .map_or((masters, String::new()), |(place, settings)| (place, format!("?{settings}")));
    let one = format!("{place}/album/one.wav{settings}");
    let said = quiet(ok(&["plan", masters, "--to", "128", "--exclude", "live"]));
    assert!(said.contains("album/one.wav") && said.contains("album/two.wav"), "{said}");
    assert!(!said.contains("three") && !said.contains("note.txt"), "{said}");
    assert!(quiet(ok(&["probe", &one])).contains("44100"));
    ok(&["probe", "--verify", "--loudness", masters]);
    ok(&["get", &one, "--to", "128", "-o", "got.mp3"]);
    quiet(ok(&["encode", masters, "--to", "128", "--no-tags", "-o", "out"]));
    assert!(
        std::fs::read(dir.join("out/album/one.128.mp3")).unwrap()
            == std::fs::read(dir.join("got.mp3")).unwrap()
    );
    assert!(dir.join("out/live/three.128.mp3").is_file());
    let (said, well) = tonepress(&["encode", &one, "--to", "128"], dir);
    assert!(!well && said.contains("where to?"), "{said}");

    let node = |cache: &'static str| ["prewarm", masters, "--to", "128,v5", "--cache", cache, "--tier", tier];
    let said = quiet(ok(&node("a")));
    assert!(said.contains("6 renditions pressed"), "{said}");
    let said = ok(&["cache", "tier", "stat", "--cache", "a", "--tier", tier]);
    assert!(said.contains("6 renditions"), "{said}");
    ok(&["cache", "tier", "verify", "--cache", "a", "--tier", tier]);
    std::fs::create_dir(dir.join("b")).unwrap();
    let said = ok(&["cache", "tier", "pull", "--cache", "b", "--tier", tier]);
    assert!(said.contains("fetched 6 renditions"), "{said}");
    let said = quiet(ok(&node("b")));
    assert!(said.contains("0 renditions pressed"), "{said}");
    let said = ok(&["cache", "tier", "push", "--cache", "b", "--tier", tier]);
    assert!(said.contains("uploaded 0 renditions"), "{said}");
    let said = ok(&["cache", "tier", "gc", "--stale", "--cache", "b", "--tier", tier]);
    assert!(said.contains("removed 0 renditions"), "{said}");

    let (said, well) = tonepress(&["plan", &format!("{place}/nowhere{settings}"), "--to", "128"], dir);
    assert!(!well && said.contains("nowhere"), "{said}");
    let (said, well) = tonepress(&["get", &one, "--to", "128", "-o", "x.mp3", "--tier", tier], dir);
    assert!(!well && said.contains("--cache"), "{said}");
}

const MASTERS: [(&str, u64); 3] = [("album/one.wav", 3), ("album/two.wav", 4), ("live/three.wav", 5)];

#[test]
fn commands_take_folders_as_object_storage() {
    let (masters, tier) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, seconds) in MASTERS {
        let path = masters.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, music(seconds)).unwrap();
    }
    std::fs::write(masters.path().join("album/note.txt"), "no audio").unwrap();
    try_all(&format!("file://{}", masters.path().display()), &format!("file://{}", tier.path().display()));
}

#[cfg(feature = "aws")]
#[test]
fn commands_take_buckets() {
    crate::server::with_each("commands", |server| {
        for (name, seconds) in MASTERS {
            server.put(&format!("commands/masters/{name}"), &music(seconds));
        }
        server.put("commands/masters/album/note.txt", b"no audio");
        try_all(&server.url("commands/masters"), &server.url("commands/tier"));
    });
}
