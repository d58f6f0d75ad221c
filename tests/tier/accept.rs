//! Renditions of older builds in the tier.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tonepress::engine::{Origin, Priority};
use tonepress::rendition::fingerprint::Fingerprint;
use tonepress::store::{Access, Begun, Fallback, Key, Options, Recipe, TierOptions};
use tonepress::{Engine, ReadAt};

use crate::common::{press::wav, signal::Music};
use crate::scene::{expected, fill, master, profile, stats};

const OLDER: Fingerprint = Fingerprint::from_bytes([7; 32]);

const PROFILE: &str = "320";
/// What is in the tier as of an older build: the rendition at another profile, so that nobody takes one for the other.
const STAND_IN: &str = "320:mono";

/// Puts a rendition of an older build into the tier at `url`.
fn fill_older(url: &str) -> Key {
    let folder = tempfile::tempdir().unwrap();
    let store = Options::new(folder.path()).tier(TierOptions::new(url)).open().unwrap();
    let node = Engine::builder().store(store.clone()).build().unwrap();
    let recipe = |text: &str| {
        let plan = node.plan(&master(), &profile(text)).unwrap();
        (Recipe::new(master().id().unwrap(), *plan.resolved()).unwrap(), plan)
    };
    let older = Recipe { fingerprint: OLDER, ..recipe(PROFILE).0 };
    let (_, plan) = recipe(STAND_IN);
    let Begun::Press(mut partial) = store.begin(&older, &plan, Fallback::Refuse).unwrap() else {
        panic!("nobody has pressed it")
    };
    let bytes = expected(STAND_IN);
    for index in 0..plan.segments() {
        let range = plan.segment_bytes(index).unwrap();
        partial.write_segment(index, &bytes[range.start as usize..range.end as usize], true).unwrap();
    }
    let object = partial.publish().unwrap();
    assert_eq!(object.len(), bytes.len() as u64);
    assert!(store.finish_uploads(Duration::from_secs(60)));
    object.key().unwrap()
}

/// An engine that accepts the older build, and presses on one thread.
fn node(folder: &Path, url: &str) -> Engine {
    let tier = TierOptions::new(url).access(Access::Read);
    let store = Options::new(folder).accept([OLDER]).tier(tier).open().unwrap();
    Engine::builder().store(store).threads(std::num::NonZeroUsize::MIN).build().unwrap()
}

/// Tries all with a tier.
fn try_all(url: &str) {
    let older = fill_older(url);
    let (wanted, pressed) = (expected(STAND_IN), expected(PROFILE));
    let profile = profile(PROFILE);

    // Whoever waits for what it becomes gets the older one, with its key and its size.
    let local = tempfile::tempdir().unwrap();
    let engine = node(local.path(), url);
    let rendition = engine.request(&master(), &profile).unwrap();
    rendition.wait_chosen();
    assert_eq!(rendition.key(), Some(older), "{:?}", stats(&engine));
    assert_eq!(rendition.len().likely(), wanted.len() as u64);
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
    let local = tempfile::tempdir().unwrap();
    let engine = node(local.path(), url);
    let rendition = engine.request(&master(), &profile).unwrap();
    let own = rendition.key().unwrap();
    assert_ne!(own, older);
    assert!(rendition.wait().unwrap().as_ref() == pressed);
    assert_eq!(rendition.key(), Some(own));
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
    let local = tempfile::tempdir().unwrap();
    let engine = node(local.path(), &url);
    let rendition = engine.request(&master(), &profile(PROFILE)).unwrap();
    rendition.wait_chosen();
    assert!(rendition.wait().unwrap().as_ref() == expected(PROFILE));
    assert_eq!((stats(&engine).hits, stats(&engine).wrong), (0, 1));
}

#[test]
fn commands_accept_an_older_build() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("a.wav"), wav(&Music::new(44_100, 88_200), 44_100, 2, 88_200)).unwrap();
    let tonepress = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TONEPRESS_")) {
            command.env_remove(name);
        }
        let output = command.args(args).current_dir(dir).output().unwrap();
        (String::from_utf8([output.stdout, output.stderr].concat()).unwrap(), output.status.success())
    };
    // What this build has pressed, as another's: its sidecar and its key say so.
    let store = Options::new(dir.join("store")).open().unwrap();
    let node = Engine::builder().store(store.clone()).build().unwrap();
    let master = tonepress::master::Master::open(dir.join("a.wav")).unwrap();
    let id = store.masters().identify(&master).unwrap();
    let plan = node.plan(&master, &profile("128")).unwrap();
    let older = Recipe { fingerprint: OLDER, ..Recipe::new(id, *plan.resolved()).unwrap() };
    let Begun::Press(mut partial) = store.begin(&older, &plan, Fallback::Refuse).unwrap() else {
        panic!("nobody has pressed it")
    };
    let other = node.request(&master, &profile("128:mono")).unwrap().wait().unwrap();
    for index in 0..plan.segments() {
        let range = plan.segment_bytes(index).unwrap();
        let bytes = &other.as_ref()[range.start as usize..range.end as usize];
        partial.write_segment(index, bytes, true).unwrap();
    }
    let wanted = partial.publish().unwrap().as_ref().to_vec();
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
}
