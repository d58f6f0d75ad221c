//! Renditions of older builds in the tier.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tonepress::engine::{Origin, Priority, Rendition};
use tonepress::master::Master;
use tonepress::rendition::fingerprint::Fingerprint;
use tonepress::store::{Access, Key, Options, Recipe, TierOptions};
use tonepress::{Engine, ReadAt};

use crate::common::{press::wav, renditions::keep, signal::Music};
use crate::scene::{expected, fill, master, profile, stats, store};

const OLDER: Fingerprint = Fingerprint::from_bytes([7; 32]);

const PROFILE: &str = "320";
/// What is in the tier as of an older build: the rendition at another profile, so that nobody takes one for the other.
const STAND_IN: &str = "320:mono";

/// Puts a rendition of an older build into the tier at `url`.
fn fill_older(url: &str) -> Key {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), url, Access::ReadWrite);
    let node = Engine::builder().store(store.clone()).build().unwrap();
    let recipe = |text: &str| {
        let plan = node.plan(&master(), &profile(text)).unwrap();
        (Recipe::new(master().id().unwrap(), *plan.resolved()).unwrap(), plan)
    };
    let older = Recipe { fingerprint: OLDER, ..recipe(PROFILE).0 };
    let object = keep(&store, &older, &recipe(STAND_IN).1, &expected(STAND_IN));
    assert!(store.finish_uploads(Duration::from_secs(60)));
    object.key().unwrap()
}

/// An engine that accepts the older build, and presses on one thread.
fn node(folder: &Path, url: &str) -> Engine {
    let tier = TierOptions::new(url).access(Access::Read);
    let store = Options::new(folder).accept([OLDER]).tier(tier).open().unwrap();
    Engine::builder().store(store).threads(std::num::NonZeroUsize::MIN).build().unwrap()
}

/// Asks nodes that have nothing until what they have chosen is right: where a machine is busy, whoever is to come first may not.
fn until(
    url: &str,
    mut is_right: impl FnMut(&Engine, &Rendition) -> bool,
) -> (tempfile::TempDir, Engine, Rendition) {
    for _ in 0..50 {
        let local = tempfile::tempdir().unwrap();
        let engine = node(local.path(), url);
        let rendition = engine.request(&master(), &profile(PROFILE)).unwrap();
        if is_right(&engine, &rendition) {
            return (local, engine, rendition);
        }
    }
    panic!("never in 50 times");
}

/// Tries all with a tier.
fn try_all(url: &str) {
    let older = fill_older(url);
    let (wanted, pressed) = (expected(STAND_IN), expected(PROFILE));
    let profile = profile(PROFILE);

    // Whoever waits for what it becomes gets the older one, with its key and its size.
    let (_local, engine, rendition) = until(url, |_, rendition| {
        rendition.wait_chosen();
        rendition.key() == Some(older)
    });
    assert_eq!(rendition.len().likely(), wanted.len() as u64);
    assert_eq!(rendition.ready(), vec![std::ops::Range { start: 0, end: wanted.len() as u64 }]);
    assert_eq!(rendition.progress().bytes_ready, wanted.len() as u64);
    let mut start = vec![0; 5_000];
    let read = rendition.read_at(&mut start, 0).unwrap();
    assert!(start[..read] == wanted[..read]);
    let object = rendition.wait().unwrap();
    assert!(object.as_ref() == wanted && object.path().is_some());
    assert_eq!(rendition.origin(), Some(Origin::Fetched));
    assert!(engine.request(&master(), &profile).unwrap().was_stored(), "it is in the store now");

    // Pre-warming does not take it.
    let warmed = engine.prewarm(&master(), &[profile]).remove(0).unwrap();
    assert!(warmed.wait().unwrap().as_ref() == pressed);

    // Nobody gets a mixture: who has seen some of what is pressed gets that.
    let (_local, _engine, rendition) = until(url, |_, rendition| rendition.key() != Some(older));
    let own = rendition.key();
    assert!(rendition.wait().unwrap().as_ref() == pressed);
    assert_eq!(rendition.key(), own);
    let end = pressed.len() as u64 - 1_000..pressed.len() as u64;
    let folder = tempfile::tempdir().unwrap();
    let range = node(folder.path(), url);
    let range = range.request_range(&master(), &profile, end.clone(), Priority::Customer).unwrap();
    range.wait_chosen();
    let mut bytes = vec![0; 500];
    let read = range.read_at(&mut bytes, end.start).unwrap();
    assert!(bytes[..read] == pressed[end.start as usize..][..read]);

    // One of this build wins.
    let own = fill(url, PROFILE);
    let local = tempfile::tempdir().unwrap();
    let engine = node(local.path(), url);
    let rendition = engine.request(&master(), &profile).unwrap();
    rendition.wait_chosen();
    assert_eq!(rendition.key(), Some(own));
    assert!(rendition.wait().unwrap().as_ref() == pressed);
}

#[test]
fn older_renditions_come_from_a_folder() {
    let tier = tempfile::tempdir().unwrap();
    try_all(&format!("file://{}", tier.path().display()));
}

#[cfg(feature = "aws")]
#[test]
fn older_renditions_come_from_servers() {
    crate::server::with_each("older", |server| try_all(&server.url("older")));
}

#[test]
fn a_damaged_older_rendition_is_never_served() {
    let tier = tempfile::tempdir().unwrap();
    let url = format!("file://{}", tier.path().display());
    let key = fill_older(&url).to_string();
    let place = tier.path().join("v1/objects").join(&key[..2]).join(format!("{key}.mp3"));
    let mut bytes = fs::read(&place).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&place, bytes).unwrap();
    until(&url, |engine, rendition| {
        rendition.wait_chosen();
        assert!(rendition.wait().unwrap().as_ref() == expected(PROFILE));
        assert_eq!(stats(engine).hits, 0);
        // It may have been pressed before the tier was asked.
        stats(engine).wrong == 1
    });
}

#[test]
fn what_the_store_has_is_found_by_who_may_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("a.wav"), wav(&Music::new(44_100, 88_200), 44_100, 2, 88_200)).unwrap();
    let store = Options::new(dir.join("store")).accept([OLDER]).open().unwrap();
    let engine = Engine::builder().store(store.clone()).build().unwrap();
    let master = Master::open(dir.join("a.wav")).unwrap();
    let plan = |text: &str| engine.plan(&master, &profile(text)).unwrap();
    let press = |text: &str| {
        let alone = Engine::builder().build().unwrap();
        alone.request(&master, &profile(text)).unwrap().wait().unwrap().as_ref().to_vec()
    };
    let (wanted, pressed) = (press(STAND_IN), press(PROFILE));
    let id = store.masters().identify(&master).unwrap();
    let older = Recipe { fingerprint: OLDER, ..Recipe::new(id, *plan(PROFILE).resolved()).unwrap() };
    keep(&store, &older, &plan(STAND_IN), &wanted);
    assert!(engine.request(&master, &profile(PROFILE)).unwrap().was_stored());

    // Whoever asks before anybody has hashed the master.
    fs::copy(dir.join("a.wav"), dir.join("b.wav")).unwrap();
    let unknown = Master::open(dir.join("b.wav")).unwrap();
    let rendition = engine.request(&unknown, &profile(PROFILE)).unwrap();
    assert!(!rendition.was_stored());
    assert!(rendition.wait().unwrap().as_ref() == wanted);
    assert_eq!((rendition.key(), rendition.origin()), (Some(older.key()), Some(Origin::Stored)));

    // Ranges are of this build, wherever they lie.
    let all = 0..pressed.len() as u64;
    let range = engine.request_range(&master, &profile(PROFILE), all, Priority::Customer).unwrap();
    assert!(!range.was_stored());
    let (mut bytes, mut at) = (vec![0; pressed.len()], 0);
    while at < bytes.len() {
        at += range.read_at(&mut bytes[at..], at as u64).unwrap();
    }
    assert!(bytes == pressed);
}

#[test]
fn commands_accept_an_older_build() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("a.wav"), wav(&Music::new(44_100, 88_200), 44_100, 2, 88_200)).unwrap();
    let with_environment = |args: &[&str], accept: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TONEPRESS_")) {
            command.env_remove(name);
        }
        if let Some(accept) = accept {
            command.env("TONEPRESS_ACCEPT", accept);
        }
        let output = command.args(args).current_dir(dir).output().unwrap();
        (String::from_utf8([output.stdout, output.stderr].concat()).unwrap(), output.status.success())
    };
    let tonepress = |args: &[&str]| with_environment(args, None);
    // What this build has pressed, as another's: its sidecar and its key say so.
    let store = Options::new(dir.join("store")).open().unwrap();
    let node = Engine::builder().store(store.clone()).build().unwrap();
    let master = Master::open(dir.join("a.wav")).unwrap();
    let id = store.masters().identify(&master).unwrap();
    let plan = node.plan(&master, &profile("128")).unwrap();
    let older = Recipe { fingerprint: OLDER, ..Recipe::new(id, *plan.resolved()).unwrap() };
    let other = node.request(&master, &profile("128:mono")).unwrap().wait().unwrap();
    let plan = node.plan(&master, &profile("128:mono")).unwrap();
    let wanted = keep(&store, &older, &plan, other.as_ref()).as_ref().to_vec();
    let build = OLDER.to_string();
    let (said, well) = tonepress(&["cache", "stat", "--json", "--cache", "store"]);
    assert!(well && said.contains(&build), "{said}");

    let get = ["get", "a.wav", "--to", "128", "-o", "got.mp3", "--cache", "store", "--accept", &build];
    let (said, well) = tonepress(&get);
    assert!(well, "{said}");
    assert!(fs::read(dir.join("got.mp3")).unwrap() == wanted);
    let encode =
        ["encode", "a.wav", "--to", "128", "--no-tags", "-o", "out", "--cache", "store", "--accept", &build];
    let (said, well) = tonepress(&encode);
    assert!(well, "{said}");
    assert!(fs::read(dir.join("out/a.128.mp3")).unwrap() == wanted);

    let (said, well) = tonepress(&["get", "a.wav", "--to", "128", "-o", "x.mp3", "--accept", "0707"]);
    assert!(!well && said.contains("64 hexadecimal digits"), "{said}");
    let (said, well) = tonepress(&["get", "a.wav", "--to", "128", "-o", "x.mp3", "--accept", &build]);
    assert!(!well && said.contains("--cache"), "{said}");

    // What is set for all commands concerns those that have a store.
    let accept = Some(build.as_str());
    let (said, well) = with_environment(&["get", "a.wav", "--to", "128", "-o", "own.mp3"], accept);
    assert!(well, "{said}");
    assert!(fs::read(dir.join("own.mp3")).unwrap() != wanted);
    let get = ["get", "a.wav", "--to", "128", "-o", "set.mp3", "--cache", "store"];
    let (said, well) = with_environment(&get, Some(&format!("{},{build}", "08".repeat(32))));
    assert!(well, "{said}");
    assert!(fs::read(dir.join("set.mp3")).unwrap() == wanted);
    let (said, well) = with_environment(&get, Some("0707"));
    assert!(!well && said.contains("TONEPRESS_ACCEPT") && said.contains("64 hexadecimal digits"), "{said}");
}
