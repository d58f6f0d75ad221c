//! An engine's threads end with it. They are counted in the whole process, so this is one test.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::fs;
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use common::memory::music;
use common::press::engine;
use tonepress::store::Options;
use tonepress::{Engine, Profile};

/// Workers, those that publish, and those that look after a store. The kernel keeps 15 bytes of a name.
fn threads() -> [usize; 3] {
    let mut count = [0; 3];
    for task in fs::read_dir("/proc/self/task").unwrap() {
        // It may have ended meanwhile.
        let name = fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default();
        for (count, kind) in count.iter_mut().zip(["press ", "tonepress publi", "tonepress maps"]) {
            *count += usize::from(name.starts_with(kind));
        }
    }
    count
}

fn await_threads(expected: [usize; 3], when: &str) {
    let start = Instant::now();
    while threads() != expected {
        assert!(start.elapsed() < Duration::from_secs(60), "{when}: {:?}", threads());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn threads_end_when_the_last_engine_is_dropped() {
    await_threads([0, 0, 0], "before");
    let profile: Profile = "24:q=7".parse().unwrap();
    let master = music(22_050, 1, 160 * 22_050);

    // Nothing was asked for.
    let one = engine(3);
    let clone = one.clone();
    await_threads([3, 1, 0], "two clones");
    drop(one);
    assert_eq!(threads(), [3, 1, 0], "one clone is left");
    drop(clone);
    await_threads([0, 0, 0], "no engine");

    // What was asked for is finished before, and kept.
    let root = tempfile::tempdir().unwrap();
    let store = Options::new(root.path()).open().unwrap();
    let one = Engine::builder().store(store).threads(NonZeroUsize::new(2).unwrap()).build().unwrap();
    await_threads([2, 1, 1], "with a store");
    drop(one.request(&master, &profile).unwrap());
    drop(one);
    await_threads([0, 0, 0], "what was asked for is finished");
    let store = Options::new(root.path()).open().unwrap();
    assert_eq!(store.stat().unwrap().objects, 1);
    drop(store);
    await_threads([0, 0, 0], "no store");

    // A handle is good without its engine.
    let one = engine(2);
    let rendition = one.request(&master, &profile).unwrap();
    drop(one);
    assert!(!rendition.wait().unwrap().is_empty());
    await_threads([0, 1, 0], "complete, and the handle is there");
    drop(rendition);
    await_threads([0, 0, 0], "no handle");
}
