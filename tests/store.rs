//! One process and its store: what is published is found, what is broken is a miss, the budget holds.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use common::renditions::Rendition;
use tempfile::TempDir;
use tonepress::master::MasterId;
use tonepress::rendition::fingerprint::Fingerprint;
use tonepress::store::{
    Begun, Copied, Fallback, Filter, Identified, Key, Lookup, Object, Options, Recipe, Scrub, Scrubbed,
};
use tonepress::{Error, ReadAt as _, Store};

fn options(root: &TempDir) -> Options {
    Options::new(root.path()).spill(root.path()).wait(Duration::from_millis(300))
}

fn store() -> (TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let store = options(&root).open().unwrap();
    (root, store)
}

fn master_id(number: u8) -> MasterId {
    format!("{number:064x}").parse().unwrap()
}

fn publish(store: &Store, rendition: &Rendition) -> Object {
    let (object, pressed) = rendition.obtain(store, Fallback::Refuse).unwrap();
    assert!(pressed);
    object
}

fn scrub(store: &Store) -> Scrubbed {
    store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap()
}

fn partials(root: &Path) -> Vec<PathBuf> {
    fs::read_dir(root.join("v1/partials")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The charge for an object, as docs/caching.md states it.
fn charge(bytes: u64) -> u64 {
    (bytes.div_ceil(4096) + 1) * 4096
}

fn charges(store: &Store) -> u64 {
    store.list(&Filter::default()).unwrap().iter().map(|entry| charge(entry.bytes)).sum()
}

/// What a writer of another program, or a failing disk, does to a file.
fn spoil(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_published_is_found_by_this_and_every_later_opening() {
    let (root, store) = store();
    for (number, profile) in [(1, "64:q=7"), (2, "v4:q=7"), (3, "abr48")] {
        let rendition = Rendition::new(number, profile, 22_050, 200_000);
        let key = rendition.recipe.key();
        assert!(store.get(&key).unwrap().is_none());
        let object = publish(&store, &rendition);
        let bytes = rendition.bytes();
        assert!(object.as_ref() == bytes, "{profile}");
        assert_eq!((object.len(), object.key().unwrap()), (bytes.len() as u64, key));
        assert_eq!(object.range(100..200), Some(&bytes[100..200]));
        assert_eq!(object.range(0..object.len() + 1), None);
        let mut buffer = [0; 64];
        assert_eq!(object.read_at(&mut buffer, object.len() - 10).unwrap(), 10);
        assert_eq!(buffer[..10], bytes[bytes.len() - 10..]);

        let again = options(&root).open().unwrap();
        for store in [&store, &again, &again] {
            assert!(store.get(&key).unwrap().unwrap().as_ref() == bytes);
        }
        assert!(matches!(rendition.begin(&again).unwrap(), Begun::Ready(_)));
        let path = store.path(&key);
        assert_eq!(object.path(), Some(&*path));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o222, 0, "read-only");
        assert!(fs::read(&path).unwrap() == bytes, "a playable file");
    }
    assert!(partials(root.path()).is_empty());
    assert_eq!(scrub(&store).objects, 3);
    assert_eq!(store.stat().unwrap().charged, charges(&store));
}

#[test]
fn the_sidecar_says_what_it_is() {
    let (_root, store) = store();
    let rendition = Rendition::small(7);
    let object = publish(&store, &rendition);
    let sidecar = store.sidecar(&object.key().unwrap()).unwrap().unwrap();
    assert_eq!(sidecar.digest, blake3::hash(object.as_ref()));
    assert_eq!((sidecar.key, sidecar.bytes), (object.key().unwrap(), object.len()));
    assert_eq!(
        (sidecar.master, sidecar.fingerprint),
        (rendition.recipe.master, rendition.recipe.fingerprint)
    );
    assert_eq!(
        (&*sidecar.profile, sidecar.resolved),
        ("24:rate=22050:q=7", rendition.plan.resolved().to_string())
    );
    assert_eq!(sidecar.samples, 552_000);
    // A field that a later version adds does not make it unreadable.
    let path = store.path(&object.key().unwrap()).with_extension("json");
    spoil(&path, |json| {
        json.splice(1..1, *b"\"mood\":\"calm\",");
    });
    assert!(store.sidecar(&object.key().unwrap()).unwrap().is_some());
}

#[test]
fn an_object_is_bytes_without_a_copy() {
    let (_root, store) = store();
    let object = publish(&store, &Rendition::small(1));
    let bytes = bytes::Bytes::from_owner(object.clone());
    assert_eq!(bytes.as_ptr(), object.as_ref().as_ptr());
    drop((object, store));
    assert_eq!(bytes.slice(..3)[0], 0xFF);
}

#[test]
fn an_object_is_copied_out_also_after_it_is_gone() {
    let (root, store) = store();
    let object = publish(&store, &Rendition::small(1));
    let out = root.path().join("out.mp3");
    for gone in [false, true] {
        if gone {
            store.remove(&[object.key().unwrap()]).unwrap();
        }
        let how = object.copy_to(&File::create(&out).unwrap(), "out.mp3").unwrap();
        assert!(matches!(how, Copied::Reflinked | Copied::Bytes));
        assert!(fs::read(&out).unwrap() == object.as_ref());
    }
}

#[test]
fn what_is_written_can_be_read_before_it_is_published() {
    let (_root, store) = store();
    let rendition = Rendition::small(1);
    let expected = rendition.bytes();
    let mut partial = rendition.partial(&store);
    let reader = partial.reader();
    let range = rendition.plan.segment_bytes(1).unwrap();
    partial.write_segment(1, &rendition.segment(1), true).unwrap();
    let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
    let mut buffer = vec![0; end - start];
    assert_eq!(reader.read_at(&mut buffer, range.start).unwrap(), buffer.len());
    assert!(buffer == expected[start..end]);
    assert!(store.get(&partial.key().unwrap()).unwrap().is_none(), "nobody else sees it");
    partial.write_segment(0, &rendition.segment(0), true).unwrap();
    assert!(partial.publish().unwrap().as_ref() == expected);
}

#[test]
fn segments_too_far_ahead_are_refused_where_they_would_pile_up() {
    let (_root, store) = store();
    let long = Rendition::new(1, "v9:q=9:rate=8000", 8_000, 8_000 * 6_000);
    let mut partial = long.partial(&store);
    assert_eq!(partial.accepts(), 0..256);
    assert!(long.plan.segments() > 256);
    assert!(matches!(partial.write_segment(256, b"", true), Err(Error::Internal { .. })));
}

#[test]
fn an_incomplete_rendition_is_never_published_and_leaves_nothing() {
    let (root, store) = store();
    let rendition = Rendition::small(1);
    let mut partial = rendition.partial(&store);
    partial.write_segment(0, &rendition.segment(0), true).unwrap();
    assert!(matches!(partial.publish(), Err(Error::Internal { .. })));
    let partial = rendition.partial(&store);
    drop(partial);
    assert!(partials(root.path()).is_empty());
    let stat = store.stat().unwrap();
    assert_eq!((stat.objects, stat.charged, stat.reserved, stat.writers), (0, 0, 0, 0));
}

#[test]
fn two_who_want_the_same_wait_a_while_and_then_both_press() {
    let (root, store) = store();
    let mut rendition = Rendition::small(1);
    rendition.press_now(); // or the one who waits may lose patience on a busy machine
    let mut first = rendition.partial(&store);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| rendition.obtain(&store, Fallback::Refuse).unwrap());
        thread::sleep(Duration::from_millis(50));
        rendition.write(&mut first).unwrap();
        let published = first.publish().unwrap();
        let (object, pressed) = waiting.join().unwrap();
        assert!(!pressed && object.as_ref() == published.as_ref());
    });
    store.remove(&[rendition.recipe.key()]).unwrap();

    let mut slow = rendition.partial(&store);
    let (object, pressed) = rendition.obtain(&store, Fallback::Refuse).unwrap();
    assert!(pressed, "after a while it is pressed a second time");
    rendition.write(&mut slow).unwrap();
    assert!(slow.publish().unwrap().as_ref() == object.as_ref());
    assert_eq!(store.stat().unwrap().charged, charges(&store), "counted once");
    assert!(partials(root.path()).is_empty());
}

#[test]
fn what_was_spoilt_while_idle_is_a_miss_and_set_aside() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 4] = [
        ("truncated", |bytes| bytes.truncate(bytes.len() / 2)),
        ("emptied", Vec::clear),
        ("zeroed", |bytes| bytes.fill(0)),
        ("longer", |bytes| bytes.push(0)),
    ];
    for (what, change) in changes {
        let (root, store) = store();
        let rendition = Rendition::small(1);
        let key = publish(&store, &rendition).key().unwrap();
        spoil(&store.path(&key), change);
        let store = options(&root).open().unwrap();
        assert!(store.get(&key).unwrap().is_none(), "{what}");
        assert!(!store.path(&key).exists(), "{what}");
        assert_eq!(store.stat().unwrap().quarantined, 2, "{what}: it and its sidecar");
        let (object, pressed) = rendition.obtain(&store, Fallback::Refuse).unwrap();
        assert!(pressed && object.as_ref() == rendition.bytes());
        assert_eq!(store.gc(&[]).unwrap().quarantined, 2);
        assert_eq!(store.stat().unwrap().charged, charges(&store));
    }
}

#[test]
fn a_flipped_bit_is_found_by_scrubbing_or_on_first_open() {
    for on_open in [false, true] {
        let (root, store) = store();
        let rendition = Rendition::small(1);
        let key = publish(&store, &rendition).key().unwrap();
        publish(&store, &Rendition::small(2));
        spoil(&store.path(&key), |bytes| *bytes.last_mut().unwrap() ^= 1);
        let store = options(&root).verify_on_open(on_open).open().unwrap();
        if on_open {
            assert!(store.get(&key).unwrap().is_none());
        } else {
            let sums = scrub(&store);
            assert_eq!((sums.objects, sums.bad.len()), (2, 1));
            assert_eq!(sums.bad[0].key, key);
            assert!(sums.bad[0].quarantined.as_ref().unwrap().exists());
        }
        assert_eq!(store.stat().unwrap().quarantined, 2);
        assert!(rendition.obtain(&store, Fallback::Refuse).unwrap().1, "a miss, so pressed anew");
        assert!(scrub(&store).bad.is_empty());
    }
}

#[test]
fn a_scrub_can_be_a_sample_slowed_down_and_ended() {
    let (_root, store) = store();
    for number in 0..4 {
        publish(&store, &Rendition::small(number));
    }
    let none = Scrub { sample: 0.0, ..Scrub::default() };
    assert_eq!(store.verify(&none, |_| ControlFlow::Continue(())).unwrap().objects, 0);
    assert_eq!(store.verify(&Scrub::default(), |_| ControlFlow::Break(())).unwrap().objects, 1);
    let slow = Scrub { bytes_per_second: Some(1_000_000), ..Scrub::default() };
    let start = std::time::Instant::now();
    let sums = store.verify(&slow, |_| ControlFlow::Continue(())).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    assert!(sums.bytes as f64 / seconds <= 1_010_000.0, "{} bytes in {seconds} s", sums.bytes);
}

#[test]
fn an_entry_without_its_sidecar_cannot_be_verified() {
    let (_root, store) = store();
    let key = publish(&store, &Rendition::small(1)).key().unwrap();
    fs::remove_file(store.path(&key).with_extension("json")).unwrap();
    assert!(scrub(&store).bad[0].fault.as_ref().unwrap().contains("missing"));
    assert!(store.get(&key).unwrap().is_none());
}

#[test]
fn the_budget_holds_and_the_least_recently_used_go_first() {
    let root = tempfile::tempdir().unwrap();
    let need = charge(Rendition::small(9).plan.size().cap());
    let store = options(&root).max_bytes(3 * need).open().unwrap();
    let keys: Vec<Key> =
        (0..3).map(|number| publish(&store, &Rendition::small(number)).key().unwrap()).collect();
    let used = |key: &Key, hours_ago: u64| {
        let time = SystemTime::now() - Duration::from_secs(3_600 * hours_ago);
        File::open(store.path(key)).unwrap().set_modified(time).unwrap();
    };
    used(&keys[0], 5);
    used(&keys[1], 9);
    used(&keys[2], 7);
    store.pin(&keys[1], true).unwrap();
    // A hit, by a process that did not have it open, moves the first to the young ones.
    options(&root).open().unwrap().get(&keys[0]).unwrap().unwrap();

    publish(&store, &Rendition::small(9));
    let left: Vec<bool> = keys.iter().map(|key| store.get(key).unwrap().is_some()).collect();
    assert_eq!(left, [true, true, false], "the pinned one stays, the oldest of the others went");
    let stat = store.stat().unwrap();
    assert!(stat.charged <= 3 * need && stat.charged == charges(&store), "{stat:?}");
    assert!(!store.path(&keys[2]).with_extension("json").exists());

    for number in 10..30 {
        publish(&store, &Rendition::small(number));
        assert!(store.stat().unwrap().charged <= 3 * need + 4096);
    }
    assert!(store.get(&keys[1]).unwrap().is_some());
    assert!(store.remove(&keys[1..2]).unwrap().is_empty(), "unpin first");
    store.pin(&keys[1], false).unwrap();
    assert_eq!(store.remove(&keys[1..2]).unwrap().len(), 1);
}

#[test]
fn promises_count_before_a_byte_is_written() {
    let root = tempfile::tempdir().unwrap();
    let need = charge(Rendition::small(9).plan.size().cap());
    let store = options(&root).max_bytes(2 * need).open().unwrap();
    let first = Rendition::small(1).partial(&store);
    let _second = Rendition::small(2).partial(&store);
    let third = Rendition::small(3);
    assert!(matches!(third.begin(&store), Err(Error::StoreFull { .. })));
    let (object, _) = third.obtain(&store, Fallback::Uncached).unwrap();
    assert!(object.path().is_none() && object.as_ref() == third.bytes(), "had, but not kept");
    assert!(store.get(&object.key().unwrap()).unwrap().is_none());
    drop(first);
    assert!(third.begin(&store).is_ok());
}

#[test]
fn nothing_is_evicted_for_what_can_never_fit() {
    let root = tempfile::tempdir().unwrap();
    let small = Rendition::small(1);
    let store = options(&root).max_bytes(2 * charge(small.plan.size().cap())).open().unwrap();
    let key = publish(&store, &small).key().unwrap();
    let large = Rendition::new(2, "160:q=7", 22_050, 2_000_000);
    assert!(matches!(large.begin(&store), Err(Error::StoreFull { .. })));
    let free = options(&root).min_free(u64::MAX / 2).open().unwrap();
    assert!(matches!(Rendition::small(3).begin(&free), Err(Error::StoreFull { .. })));
    assert!(store.get(&key).unwrap().is_some());
}

#[test]
fn a_lost_or_old_ledger_is_written_anew_from_what_is_there() {
    let (root, store) = store();
    for number in 0..3 {
        publish(&store, &Rendition::small(number));
    }
    let _writing = Rendition::small(9).partial(&store);
    let before = store.stat().unwrap();
    assert_eq!((before.objects, before.writers), (3, 1));
    let ledger = root.path().join("v1/ledger.json");
    let json = fs::read_to_string(&ledger).unwrap();
    let other_boot =
        json.replacen("\"boot\":\"", "\"boot\":\"x", 1).replace("\"objects\":3", "\"objects\":9");
    for damage in [None, Some(""), Some("{\"boot\":"), Some(&*other_boot)] {
        match damage {
            None => fs::remove_file(&ledger).unwrap(),
            Some(text) => fs::write(&ledger, text).unwrap(),
        }
        let mut after = store.stat().unwrap();
        after.free = before.free;
        assert_eq!(after, before);
    }
}

#[test]
fn folders_removed_while_running_cost_a_miss_and_nothing_else() {
    let (root, store) = store();
    let rendition = Rendition::small(1);
    let object = publish(&store, &rendition);
    let other = Rendition::small(2);
    let mut partial = other.partial(&store);
    fs::remove_dir_all(root.path().join("v1")).unwrap();
    other.write(&mut partial).unwrap();
    let uncached = partial.publish().unwrap();
    assert!(uncached.path().is_none() && uncached.as_ref() == other.bytes());
    assert!(object.as_ref() == rendition.bytes(), "a map outlives its file");
    thread::sleep(Duration::from_millis(1_100));
    assert!(store.get(&object.key().unwrap()).unwrap().is_none(), "noticed within a second");
    publish(&store, &rendition);
    assert!(options(&root).open().unwrap().get(&object.key().unwrap()).unwrap().is_some());
}

#[test]
fn an_entry_that_vanishes_is_a_miss() {
    let (root, store) = store();
    let rendition = Rendition::small(1);
    let key = publish(&store, &rendition).key().unwrap();
    thread::scope(|scope| {
        let getting = scope.spawn(|| {
            let store = options(&root).open_maps(0).open().unwrap();
            let mut hits = 0;
            for _ in 0..20_000 {
                hits += u32::from(store.get(&key).unwrap().is_some());
            }
            hits
        });
        while !getting.is_finished() {
            store.remove(&[key]).unwrap();
            rendition.obtain(&store, Fallback::Refuse).unwrap();
        }
        println!("{} hits of 20,000", getting.join().unwrap());
    });
}

#[test]
fn lists_and_collections_choose_by_what_is_known() {
    let (_root, store) = store();
    let old = Fingerprint::from_bytes([1; 32]);
    let mut stale = Rendition::small(1);
    stale.recipe = Recipe { fingerprint: old, ..stale.recipe };
    let stale_key = publish(&store, &stale).key().unwrap();
    let key = publish(&store, &Rendition::small(1)).key().unwrap();
    assert_ne!(key, stale_key);
    publish(&store, &Rendition::new(2, "v4:q=7", 22_050, 100_000));
    let count = |filter: Filter| store.list(&filter).unwrap().len();
    assert_eq!(count(Filter::default()), 3);
    assert_eq!(count(Filter { master: Some(master_id(1)), ..Filter::default() }), 2);
    assert_eq!(count(Filter { profile: Some("v4:q=7".to_owned()), ..Filter::default() }), 1);
    assert_eq!(count(Filter { fingerprint: Some(old), ..Filter::default() }), 1);
    assert_eq!(count(Filter { key: Some(key.to_string()[..6].to_owned()), ..Filter::default() }), 1);
    assert_eq!(count(Filter { unused_since: Some(SystemTime::UNIX_EPOCH), ..Filter::default() }), 0);
    store.pin(&key, true).unwrap();
    assert_eq!(count(Filter { pinned: Some(true), ..Filter::default() }), 1);

    assert!(store.get(&stale_key).unwrap().is_some(), "readable by key as long as it is there");
    assert_eq!(store.gc(&Fingerprint::current().unwrap()).unwrap().stale, 1);
    assert!(store.get(&stale_key).unwrap().is_none());
    assert_eq!(count(Filter::default()), 2);
}

#[test]
fn readers_keep_their_maps_when_everything_is_evicted() {
    let (root, store) = store();
    let renditions: Vec<Rendition> = (0..4).map(Rendition::small).collect();
    let expected: Vec<Vec<u8>> = renditions.iter().map(Rendition::bytes).collect();
    let objects: Vec<Object> = renditions.iter().map(|rendition| publish(&store, rendition)).collect();
    let keys: Vec<Key> = objects.iter().filter_map(Object::key).collect();
    let started = std::sync::Barrier::new(101);
    thread::scope(|scope| {
        for reader in 0..100 {
            let (objects, expected, started) = (&objects, &expected, &started);
            scope.spawn(move || {
                let object = objects[reader % 4].clone();
                started.wait();
                for _ in 0..20 {
                    assert!(object.as_ref() == expected[reader % 4]);
                }
            });
        }
        started.wait();
        assert_eq!(store.remove(&keys).unwrap().len(), 4);
    });
    assert_eq!(deleted_maps(root.path()), 4, "the space is still held");
    drop(objects);
    assert_eq!(deleted_maps(root.path()), 0, "and given back");
    assert_eq!(store.stat().unwrap().charged, 0);
}

/// How many files below `root` this process has mapped that have no name any more.
fn deleted_maps(root: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let root = root.to_str().unwrap();
    maps.lines().filter(|line| line.contains(root) && line.ends_with("(deleted)")).count()
}

#[test]
fn no_more_maps_are_kept_than_was_said_and_those_used_last_stay() {
    let root = tempfile::tempdir().unwrap();
    let store = options(&root).open_maps(2).open().unwrap();
    let keys: Vec<Key> =
        (0..4).map(|number| publish(&store, &Rendition::small(number)).key().unwrap()).collect();
    let is_mapped = |key: &Key| {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().any(|line| line.ends_with(store.path(key).to_str().unwrap()))
    };
    let mapped = || keys.iter().map(is_mapped).collect::<Vec<_>>();
    // Times are told apart by the millisecond.
    let tick = || thread::sleep(Duration::from_millis(3));
    tick();
    for (asked, expected) in [
        (0, [true, false, false, true]),
        (3, [true, false, false, true]),
        (1, [false, true, false, true]),
        (1, [false, true, false, true]),
        (2, [false, true, true, false]),
    ] {
        assert!(store.get(&keys[asked]).unwrap().is_some());
        assert_eq!(mapped(), expected, "{asked}");
        tick();
    }
}

#[test]
fn what_others_evict_is_a_miss_soon_and_its_maps_go_though_nobody_asks() {
    let (root, store) = store();
    let asked = publish(&store, &Rendition::small(1)).key().unwrap();
    let forgotten = publish(&store, &Rendition::small(2)).key().unwrap();
    let other = options(&root).open().unwrap();
    assert_eq!(other.remove(&[asked, forgotten]).unwrap().len(), 2);
    assert_eq!(deleted_maps(root.path()), 2);
    let start = Instant::now();
    while store.get(&asked).unwrap().is_some() {
        assert!(start.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(10));
    }
    // No hit, and no other rendition, has to come for the rest.
    while deleted_maps(root.path()) > 0 {
        assert!(start.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn many_threads_find_publish_and_evict_at_once() {
    let root = tempfile::tempdir().unwrap();
    let store = options(&root).open_maps(3).open().unwrap();
    let renditions: Vec<Rendition> = (0..6).map(Rendition::small).collect();
    let expected: Vec<Vec<u8>> = renditions.iter().map(Rendition::bytes).collect();
    let keys: Vec<Key> =
        renditions.iter().map(|rendition| publish(&store, rendition).key().unwrap()).collect();
    thread::scope(|scope| {
        for thread in 0..4 {
            let (store, keys, expected) = (&store, &keys, &expected);
            scope.spawn(move || {
                for turn in 0..5_000 {
                    let number = (turn * 7 + thread) % keys.len();
                    let object = store.get(&keys[number]).unwrap();
                    // The last one comes and goes.
                    assert!(number == 5 || object.is_some());
                    assert!(object.is_none_or(|object| object.as_ref() == expected[number]));
                }
            });
        }
        for _ in 0..20 {
            store.remove(&keys[5..]).unwrap();
            publish(&store, &renditions[5]);
        }
    });
    drop(renditions);
    assert_eq!(deleted_maps(root.path()), 0);
}

#[test]
fn what_cannot_be_booked_when_it_is_identified_goes_on_uncached() {
    let lock = |root: &TempDir| {
        let file = File::open(root.path().join("v1/ledger.lock")).unwrap();
        file.lock().unwrap();
        file
    };
    let rendition = Rendition::small(3);
    for broken in ["locked", "removed"] {
        for fallback in [Fallback::Uncached, Fallback::Refuse] {
            let (root, store) = store();
            let mut partial = store.begin_unidentified(&rendition.plan, fallback).unwrap();
            assert!(partial.is_stored());
            partial.write_segment(0, &rendition.segment(0), true).unwrap();
            let locked = (broken == "locked").then(|| lock(&root));
            if broken == "removed" {
                fs::remove_dir_all(root.path().join("v1/partials")).unwrap();
            }
            let identified = partial.identify(&rendition.recipe);
            match (fallback, broken) {
                (Fallback::Uncached, _) => {
                    assert!(matches!(identified, Ok(Identified::Ours)), "{broken}: {identified:?}");
                    assert!(!partial.is_stored() && partial.key() == Some(rendition.recipe.key()));
                    // Asked again, as of one that somebody else presses.
                    assert!(matches!(partial.identify(&rendition.recipe), Ok(Identified::Ours)));
                    for index in 1..rendition.plan.segments() {
                        partial.write_segment(index, &rendition.segment(index), true).unwrap();
                    }
                    let object = partial.publish().unwrap();
                    assert!(object.path().is_none() && object.as_ref() == rendition.bytes(), "{broken}");
                }
                (Fallback::Refuse, "locked") => {
                    assert!(matches!(identified, Err(Error::StoreBusy { .. })), "{identified:?}");
                }
                (Fallback::Refuse, _) => {
                    assert!(matches!(identified, Err(Error::Io { .. })), "{identified:?}");
                }
            }
            drop(locked);
            // Nothing is left of it, in the books neither, and the store works.
            let stat = store.stat().unwrap();
            assert!(fallback == Fallback::Refuse || (stat.writers, stat.reserved) == (0, 0), "{stat:?}");
            assert!(publish(&store, &rendition).path().is_some());
            assert!(fallback == Fallback::Refuse || partials(root.path()).is_empty());
        }
    }
}

#[test]
fn a_name_that_is_no_utf_8_is_known_like_others() {
    let (root, store) = store();
    let masters = store.masters();
    let path = root.path().join(OsStr::from_bytes(b"na\xefve.flac"));
    // What its name looks like to people is another's name.
    let namesake = root.path().join(path.file_name().unwrap().to_string_lossy().as_ref());
    assert_ne!(path, namesake);
    for path in [&path, &namesake] {
        fs::write(path, "some audio").unwrap();
    }
    thread::sleep(Duration::from_millis(2_100));
    for (path, number) in [(&path, 5), (&namesake, 6)] {
        let Lookup::Unknown(stamp) = masters.lookup(path).unwrap() else { panic!("{path:?} is known") };
        assert!(masters.record(path, &stamp, master_id(number)).unwrap());
    }
    for (gone, pruned) in [(None, 0), (Some(&namesake), 1), (None, 0)] {
        gone.map_or(Ok(()), fs::remove_file).unwrap();
        assert_eq!(masters.prune().unwrap(), pruned);
        assert_eq!(masters.lookup(&path).unwrap(), Lookup::Known(master_id(5)));
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(masters.prune().unwrap(), 1);
}

#[test]
fn a_master_is_known_until_its_file_changes() {
    let (root, store) = store();
    let masters = store.masters();
    let path = root.path().join("master.flac");
    fs::write(&path, "some audio").unwrap();
    let unknown = |path: &Path| match masters.lookup(path).unwrap() {
        Lookup::Unknown(stamp) => stamp,
        Lookup::Known(id) => panic!("{path:?} is known as {id}"),
    };
    let id = master_id(5);
    let stamp = unknown(&path);
    assert!(masters.record(&path, &stamp, id).unwrap());
    unknown(&path); // recorded within the clock's granularity: not to be trusted
    thread::sleep(Duration::from_millis(2_100));
    assert!(masters.record(&path, &stamp, id).unwrap());
    assert_eq!(masters.lookup(&path).unwrap(), Lookup::Known(id));
    assert_eq!(options(&root).open().unwrap().masters().lookup(&path).unwrap(), Lookup::Known(id));

    // The same size and time, but another file under the name.
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let other = root.path().join("other.flac");
    fs::write(&other, "same audio").unwrap();
    File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
    fs::rename(&other, &path).unwrap();
    unknown(&path);
    assert!(!masters.record(&path, &stamp, id).unwrap(), "changed while it was hashed");

    assert!(matches!(masters.lookup(&other), Err(Error::Io { .. })));
    fs::remove_file(&path).unwrap();
    assert_eq!(masters.prune().unwrap(), 1);
}

#[test]
fn what_is_learnt_of_a_master_is_kept_beside_what_others_learnt() {
    let (_root, store) = store();
    let masters = store.masters();
    let id = master_id(5);
    assert_eq!(masters.fact::<f64>(&id, "loudness"), None);
    masters.note(&id, "loudness", &-14.5).unwrap();
    masters.note(&id, "verified", &true).unwrap();
    masters.note(&id, "loudness", &-15.0).unwrap();
    assert_eq!(masters.fact(&id, "loudness"), Some(-15.0));
    assert_eq!(masters.fact(&id, "verified"), Some(true));
    assert_eq!(masters.fact::<String>(&id, "verified"), None, "of another shape");
}
