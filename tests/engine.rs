//! The engine: any range of a rendition from the moment it is asked for, and the same bytes always.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whatever goes wrong fails the test

mod common;

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use common::memory::{music, noise, watched};
use common::press::{engine, press, wav};
use common::signal::Music;
use proptest::prelude::*;
use tempfile::TempDir;
use tonepress::engine::{OnDrop, Priority, Rendition, Request, Shutdown};
use tonepress::master::{Master, Verdict};
use tonepress::read_at::Cursor;
use tonepress::store::{Options, Scrub};
use tonepress::{Encoder, Engine, Error, Plan, Profile, ReadAt, Size, Store};

/// Eight segments of mono at 22.05 kHz, pressed in no time.
const RATE: u32 = 22_050;
const SAMPLES: u64 = 8 * 20 * RATE as u64 + 12_345;

fn small() -> Master {
    music(RATE, 1, SAMPLES)
}

fn profile(text: &str) -> Profile {
    text.parse().unwrap()
}

fn with_store(threads: usize) -> (Engine, Store, TempDir) {
    let root = tempfile::tempdir().unwrap();
    let store = Options::new(root.path()).open().unwrap();
    let threads = NonZeroUsize::new(threads).unwrap();
    let engine = Engine::builder().store(store.clone()).threads(threads).build().unwrap();
    (engine, store, root)
}

fn range(rendition: &impl ReadAt, range: Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap()];
    let mut filled = 0;
    while filled < bytes.len() {
        match rendition.read_at(&mut bytes[filled..], range.start + filled as u64).unwrap() {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    bytes
}

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

/// No leftovers, and every object is what it was when it was published.
fn assert_clean(store: &Store, root: &Path) {
    assert_eq!(files_in(&root.join("v1/partials")), 0, "leftovers");
    let scrubbed = store.verify(&Scrub::default(), |_| std::ops::ControlFlow::Continue(())).unwrap();
    assert!(scrubbed.bad.is_empty(), "{:?}", scrubbed.bad);
}

#[test]
fn every_kind_of_rendition_has_the_bytes_that_fan_out_gives() {
    let master = music(44_100, 2, 1_800_000);
    let profiles = [
        "128:q=7",
        "320:q=7",
        "v4:q=7",
        "abr96:q=7",
        "32:mono:rate=22050:q=7",
        "64:rate=48000:q=7",
        "96:whole:q=7",
    ];
    let expected = press(&master, &profiles, 2);
    for threads in [1, 3] {
        let engine = engine(threads);
        let asked: Vec<Profile> = profiles.iter().map(|text| profile(text)).collect();
        let renditions: Vec<_> = engine.fan_out(&master, &asked).into_iter().map(Result::unwrap).collect();
        for (rendition, (plan, bytes)) in renditions.iter().zip(&expected) {
            assert_eq!(rendition.plan(), plan);
            // Of a variable bitrate the size is exact once it is complete, which it may be by now.
            let exact = rendition.len().is_exact();
            assert!(exact == plan.size().is_exact() || exact && rendition.progress().complete);
            let mut read = Vec::new();
            Cursor::new(rendition.clone()).read_to_end(&mut read).unwrap();
            assert!(read == *bytes, "{} read while pressing", plan.profile());
            let object = rendition.wait().unwrap();
            assert!(object.as_ref() == bytes, "{} when complete", plan.profile());
            assert_eq!(rendition.len(), Size::Exact(bytes.len() as u64));
            assert!(rendition.progress().complete);
        }
        let stats = engine.stats();
        let segments: u64 = expected.iter().map(|(plan, _)| plan.segments()).sum();
        assert_eq!((stats.misses, stats.finished, stats.segments), (7, 7, segments));
    }
}

#[test]
fn renditions_of_a_master_share_its_decoding() {
    let (engine, master) = (engine(1), small());
    let asked = [32, 40, 56, 64].map(|kbps| profile(&format!("{kbps}:rate=22050:q=7")));
    // The worker is busy until all are asked for.
    let other = engine.request(&small(), &profile("160:q=0")).unwrap();
    while engine.stats().steps_decoded == 0 {
        thread::yield_now();
    }
    let renditions = engine.fan_out(&master, &asked);
    other.cancel();
    for rendition in renditions {
        rendition.unwrap().wait().unwrap();
    }
    let stats = engine.stats();
    assert!(stats.steps_shared > 100 && stats.steps_shared.is_multiple_of(3), "{stats:?}");
    assert!(stats.steps_decoded - stats.steps_shared / 3 < 8, "what the other took: {stats:?}");
    assert_eq!(stats.pcm_bytes, 0, "all have pressed it");
}

#[test]
fn a_range_is_pressed_without_what_lies_before_it() {
    let (engine, store, root) = with_store(1);
    let master = small();
    let expected = &press(&master, &["24:q=7"], 2)[0];
    let request = Request { on_drop: OnDrop::Cancel, ..Request::default() };
    let rendition = engine.request_with(&master, &profile("24:q=7"), request).unwrap();
    let end = expected.1.len() as u64;
    assert_eq!(rendition.len(), Size::Exact(end));
    let wanted = end - 1_000..end;
    assert_eq!(range(&rendition, wanted.clone()), expected.1[wanted.start as usize..]);
    let ready = rendition.ready();
    assert!(ready.iter().any(|ready| ready.start <= wanted.start && ready.end == end), "{ready:?}");
    assert!(rendition.progress().segments_done < 4, "{:?}", rendition.progress());
    drop(rendition);
    engine.shutdown(Shutdown::Finish);
    let stats = engine.stats();
    assert!(stats.segments < 6, "{stats:?}");
    assert_eq!(stats.cancelled, 1);
    assert_clean(&store, root.path());
}

#[test]
fn progress_counts_samples_and_bytes_of_vbr_too() {
    let (engine, master) = (engine(2), small());
    let rendition = engine.request(&master, &profile("v7:q=7")).unwrap();
    let (total, info) = (rendition.plan().samples().0, rendition.plan().info_bytes());
    let mut before = rendition.progress();
    while !before.complete {
        let now = rendition.progress();
        assert!(before.samples <= now.samples && now.samples <= total, "{before:?}, then {now:?}");
        assert!(before.bytes <= now.bytes, "{before:?}, then {now:?}");
        assert!(now.samples < total || now.bytes > 0, "{now:?}");
        before = now;
        std::thread::yield_now();
    }
    assert_eq!((before.samples, before.bytes), (total, rendition.wait().unwrap().len() - info));
}

#[test]
fn cursors_seek_in_what_does_not_exist_yet() {
    let (engine, master) = (engine(2), small());
    let expected = &press(&master, &["32:q=7"], 2)[0].1;
    let mut cursor = Cursor::new(engine.request(&master, &profile("32:q=7")).unwrap());
    let mut buf = [0; 500];
    for (to, from) in [(SeekFrom::End(-600), expected.len() - 600), (SeekFrom::Start(7), 7)] {
        cursor.seek(to).unwrap();
        cursor.read_exact(&mut buf).unwrap();
        assert_eq!(buf, expected[from..from + 500]);
    }
    assert_eq!(cursor.seek(SeekFrom::End(5)).unwrap(), expected.len() as u64 + 5);
    assert_eq!(cursor.read(&mut buf).unwrap(), 0);
    // Where a VBR rendition ends nobody knows yet.
    let mut vbr = Cursor::new(engine.request(&noise(9_000_000), &profile("v2")).unwrap());
    assert_eq!(vbr.seek(SeekFrom::End(0)).unwrap_err().kind(), io::ErrorKind::Unsupported);
    vbr.get_ref().clone().cancel();
}

#[test]
fn the_same_rendition_is_pressed_once_however_it_is_asked_for() {
    let (engine, store, root) = with_store(2);
    let path = root.path().join("master.wav");
    fs::write(&path, wav(&Music::new(RATE, SAMPLES), RATE, 1, SAMPLES)).unwrap();
    let master = Master::open(&path).unwrap();
    let segments = thread::scope(|scope| {
        let ask = |master: Master, text: &'static str| {
            let engine = engine.clone();
            scope.spawn(move || engine.request(&master, &profile(text)).unwrap().wait().unwrap().key())
        };
        let mut asked = Vec::new();
        for _ in 0..20 {
            asked.push(ask(master.clone(), "32:q=7"));
            // Opened again, and spelled otherwise.
            asked.push(ask(Master::open(&path).unwrap(), "cbr32:rate=22050:q=7"));
        }
        let mut keys: Vec<_> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
        keys.dedup();
        assert_eq!(keys.len(), 1);
        engine.stats().segments
    });
    assert_eq!(segments, 8);
    let stats = engine.stats();
    assert_eq!((stats.misses, stats.hits + stats.joins, stats.finished), (1, 39, 1));
    // A copy elsewhere is the same master once it is identified.
    let copy = root.path().join("copy.wav");
    fs::copy(&path, &copy).unwrap();
    let copy = Master::open(&copy).unwrap();
    let rendition = engine.request(&copy, &profile("32:q=7")).unwrap();
    assert!(!rendition.was_stored(), "nobody has hashed it");
    rendition.wait().unwrap();
    assert_eq!(engine.stats().segments, 8);
    assert!(engine.request(&copy, &profile("32:q=7")).unwrap().was_stored());
    engine.shutdown(Shutdown::Finish);
    assert_clean(&store, root.path());
}

#[test]
fn two_engines_on_one_store_press_a_rendition_once() {
    let root = tempfile::tempdir().unwrap();
    let new = || {
        let store = Options::new(root.path()).open().unwrap();
        Engine::builder().store(store).threads(NonZeroUsize::MIN).build().unwrap()
    };
    let (one, other) = (new(), new());
    // Different masters for the programs, the same for the store.
    let (first, second) = (small(), small());
    let (a, b) = (
        one.request(&first, &profile("24:q=7")).unwrap(),
        other.request(&second, &profile("24:q=7")).unwrap(),
    );
    assert_eq!(a.wait().unwrap().as_ref(), b.wait().unwrap().as_ref());
    let segments = one.stats().segments + other.stats().segments;
    assert_eq!(segments, 8, "{:?} {:?}", one.stats(), other.stats());
    one.shutdown(Shutdown::Finish);
    other.shutdown(Shutdown::Finish);
    assert_clean(one.store().unwrap(), root.path());
}

#[test]
fn a_broken_master_fails_its_own_requests_with_its_own_error() {
    let (engine, store, root) = with_store(2);
    let bytes = wav(&Music::new(RATE, SAMPLES), RATE, 1, SAMPLES);
    let broken = watched(bytes, |range| {
        if range.end > 4_000_000 { Err(io::Error::other("the disk is on fire")) } else { Ok(()) }
    });
    let renditions = engine.fan_out(&broken, &[profile("24:q=7"), profile("v7:q=7")]);
    let good = engine.request(&small(), &profile("24:q=7")).unwrap();
    for rendition in renditions {
        let rendition = rendition.unwrap();
        let error = rendition.wait().unwrap_err();
        assert!(
            error.to_string().contains("memory") && error.to_string().contains("the disk is on fire"),
            "{error}"
        );
        let read = rendition.read_at(&mut [0; 9], 100).unwrap_err();
        assert_eq!(read.to_string(), error.to_string(), "readers are told the same");
    }
    assert_eq!(good.wait().unwrap().len(), good.plan().size().likely());
    assert_eq!((engine.stats().failed, engine.stats().finished), (2, 1));
    engine.shutdown(Shutdown::Finish);
    assert_clean(&store, root.path());
}

#[test]
fn a_panic_in_a_worker_is_an_error_of_its_job() {
    let engine = engine(2);
    let bytes = wav(&Music::new(RATE, SAMPLES), RATE, 1, SAMPLES);
    let cursed = watched(bytes, |range| {
        assert!(range.end < 3_000_000, "a curse");
        Ok(())
    });
    let error = engine.request(&cursed, &profile("24:q=7")).unwrap().wait().unwrap_err();
    assert!(matches!(&error, Error::Internal { detail } if detail.contains("a curse")), "{error}");
    engine.request(&small(), &profile("24:q=7")).unwrap().wait().unwrap();
}

#[test]
fn too_much_at_once_is_refused_with_a_time_to_come_back() {
    let engine = Engine::builder().threads(NonZeroUsize::MIN).queue(2).build().unwrap();
    let master = noise(20_000_000);
    let one = engine.request(&master, &profile("128")).unwrap();
    let two = engine.request(&master, &profile("192")).unwrap();
    let error = engine.request(&master, &profile("320")).unwrap_err();
    let Error::Busy { queued: 2, retry_after } = error else { panic!("{error}") };
    assert!(
        retry_after > Duration::from_millis(99) && retry_after < Duration::from_mins(2),
        "{retry_after:?}"
    );
    let joined = engine.request(&master, &profile("128")).unwrap();
    assert_eq!(engine.stats().refused, 1);
    for rendition in [one, two, joined] {
        rendition.cancel();
    }
    engine.request(&small(), &profile("24:q=7")).unwrap().wait().unwrap();
}

#[test]
fn what_nobody_wants_is_cancelled_or_finished_as_was_asked() {
    let (engine, store, root) = with_store(2);
    let long = noise(40_000_000);
    let cancel = Request { on_drop: OnDrop::Cancel, ..Request::default() };
    let ask = |text: &str, request| engine.request_with(&long, &profile(text), request).unwrap();

    // One of two wants it still.
    let (one, other) = (ask("128", cancel), ask("128", cancel));
    one.cancel();
    range(&other, 0..2_000);
    let stopped = other.clone();
    drop(other);
    range(&stopped, 5_000_000..5_001_000);
    drop(stopped);
    assert_eq!(engine.stats().queue, 0);

    let finished = engine.request(&small(), &profile("24:q=7")).unwrap();
    let plan = finished.plan().clone();
    drop(finished);
    engine.shutdown(Shutdown::Finish);
    assert_eq!((engine.stats().cancelled, engine.stats().finished), (1, 1));
    assert!(matches!(engine.request(&small(), &profile("64")), Err(Error::ShuttingDown)));
    let objects = store.list(&tonepress::store::Filter::default()).unwrap();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].bytes, plan.size().likely());
    assert_clean(&store, root.path());
}

#[test]
fn shutting_down_in_the_middle_leaves_a_clean_store() {
    let (engine, store, root) = with_store(2);
    let long = noise(30_000_000);
    let renditions = engine.fan_out(&long, &[profile("128"), profile("v2"), profile("320:whole")]);
    let reader = renditions[0].as_ref().unwrap().clone();
    range(&reader, 0..10_000);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| reader.read_at(&mut [0; 100], 9_000_000));
        engine.shutdown(Shutdown::Cancel);
        // Either it came in time, or it was told.
        match waiting.join().unwrap() {
            Ok(read) => assert!(read > 0),
            Err(error) => assert!(matches!(error, Error::Cancelled { .. }), "{error}"),
        }
    });
    for rendition in renditions {
        assert!(matches!(rendition.unwrap().wait(), Err(Error::Cancelled { .. })));
    }
    assert_clean(&store, root.path());
}

/// Wakes a thread that polls.
struct Unpark(Thread, AtomicUsize);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.unpark();
    }
}

#[test]
fn asynchronous_readers_are_woken_when_there_is_something() {
    let (engine, master) = (engine(2), small());
    let expected = &press(&master, &["32:q=7"], 2)[0].1;
    let rendition = engine.request(&master, &profile("32:q=7")).unwrap();
    let unpark = Arc::new(Unpark(thread::current(), AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&unpark));
    let mut context = Context::from_waker(&waker);
    let (mut read, mut pending) = (Vec::new(), 0);
    let mut buf = vec![0; 8 << 10];
    loop {
        match rendition.poll_read_at(&mut context, &mut buf, read.len() as u64) {
            Poll::Ready(Ok(0)) => break,
            Poll::Ready(Ok(count)) => read.extend_from_slice(&buf[..count]),
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => {
                pending += 1;
                thread::park();
            }
        }
    }
    assert!(read == *expected);
    assert!(pending > 0 && unpark.1.load(Ordering::Relaxed) > 0);
    let object = loop {
        match rendition.poll_wait(&mut context) {
            Poll::Ready(object) => break object.unwrap(),
            Poll::Pending => thread::park(),
        }
    };
    assert!(object.as_ref() == expected);
}

#[test]
fn prewarming_gives_way() {
    let (engine, master) = (engine(1), small());
    let many: Vec<Profile> = [16, 24, 32, 40].map(|kbps| profile(&format!("{kbps}:q=7"))).into();
    let prewarm: Vec<_> =
        engine.prewarm(&music(RATE, 1, SAMPLES), &many).into_iter().map(Result::unwrap).collect();
    let download = engine.request(&master, &profile("56:q=7")).unwrap();
    download.wait().unwrap();
    assert!(prewarm.iter().all(|rendition| !rendition.progress().complete));
    // Unless somebody changes their mind.
    prewarm[3].set_priority(Priority::Customer);
    prewarm[3].wait().unwrap();
    assert!(prewarm[..3].iter().all(|rendition| !rendition.progress().complete));
    for rendition in &prewarm {
        rendition.wait().unwrap();
    }
}

/// Reads all of `ranges`, in pieces of `piece` bytes.
fn read_ranges(rendition: &Rendition, expected: &[u8], ranges: &[(f64, u64)], piece: usize) {
    let end = expected.len() as u64;
    let mut buf = vec![0; piece];
    for &(at, len) in ranges {
        let mut offset = (at * end as f64) as u64;
        let stop = (offset + len).min(end);
        while offset < stop {
            let read = rendition.read_at(&mut buf, offset).unwrap();
            assert!(read > 0);
            let from = offset as usize;
            assert!(buf[..read] == expected[from..from + read], "wrong bytes at {offset}");
            offset += read as u64;
        }
    }
    assert_eq!(rendition.read_at(&mut buf, end).unwrap(), 0);
    assert_eq!(rendition.read_at(&mut buf, u64::MAX).unwrap(), 0);
}

#[test]
fn whatever_is_read_in_whatever_order_is_what_is_published() {
    let master = small();
    let expected = press(&master, &["24:q=7", "40:q=7", "v8:q=7"], 2);
    let readers = prop::collection::vec(
        (prop::collection::vec((0.0..1.0, 1_u64..30_000), 1..6), 1_usize..20_000),
        1..6,
    );
    let strategy = (0_usize..3, 1_usize..4, readers);
    proptest!(ProptestConfig::with_cases(common::cases(12)), |((which, threads, readers) in strategy)| {
        let engine = engine(threads);
        let (plan, bytes) = &expected[which];
        let rendition = engine.request(&master, plan.profile()).unwrap();
        thread::scope(|scope| {
            for (ranges, piece) in &readers {
                let rendition = rendition.clone();
                scope.spawn(move || read_ranges(&rendition, bytes, ranges, *piece));
            }
        });
        let object = rendition.wait().unwrap();
        prop_assert!(object.as_ref() == bytes);
        prop_assert_eq!(engine.stats().segments, plan.segments());
    });
}

/// A store keeps what it has, but does not serve it any more once its master was found to be bad.
#[test]
fn a_bad_master_is_an_error_also_of_what_is_stored() {
    let (engine, store, root) = with_store(2);
    let (mono, salvaged) = (profile("32"), profile("32:salvage"));
    let [held, fresh] = [small(), small()];
    for profile in [mono, salvaged] {
        engine.request(&held, &profile).unwrap().wait().unwrap();
        assert!(engine.request(&held, &profile).unwrap().was_stored());
    }
    let id = held.id().unwrap();
    assert_eq!(fresh.id().unwrap(), id);
    let damaged = Verdict::Damaged { at: 7, detail: "noise".to_owned() };
    // As another process does.
    let noted = |verdict: &Verdict| {
        Options::new(root.path()).open().unwrap().masters().note_verdict(&id, verdict).unwrap();
    };
    noted(&damaged);
    let refused = |master: &Master, profile: &Profile| match engine.request(master, profile) {
        Err(Error::Damaged { .. }) => true,
        Ok(rendition) if rendition.was_stored() => false,
        other => panic!("{other:?}"),
    };
    assert!(refused(&fresh, &mono) && engine.find(&fresh, &mono).is_err());
    assert!(!refused(&fresh, &salvaged), "it was made of a damaged one");
    while !refused(&held, &mono) {
        thread::sleep(Duration::from_millis(50)); // one that was asked about just now
    }
    assert!(refused(&held, &mono) && !refused(&held, &salvaged));

    // Found through a master it counts for that one at once.
    noted(&Verdict::WrongMd5);
    assert_eq!(store.masters().verify(&fresh).unwrap(), Verdict::WrongMd5);
    assert!(refused(&fresh, &mono) && refused(&fresh, &salvaged));
    assert_eq!(store.stat().unwrap().objects, 2);
}

#[test]
fn an_engine_may_have_another_encoder_for_profiles_that_name_none() {
    let master = small();
    let engine = Engine::builder().encoder(Encoder::Native).build().unwrap();
    for (asked, expected) in [("64", "64:native"), ("64:lame", "64:lame"), ("v4", "v4:native")] {
        let rendition = engine.request(&master, &profile(asked)).unwrap();
        assert_eq!(rendition.plan().profile(), &profile(expected));
        let planned = engine.plan(&master, &profile(asked)).unwrap();
        assert_eq!(planned.size(), Plan::new(master.info(), &profile(expected)).unwrap().size());
        assert!(rendition.wait().unwrap().as_ref() == press(&master, &[expected], 1)[0].1, "{asked}");
    }
}

#[test]
fn of_a_range_only_what_is_under_it_is_pressed_until_somebody_wants_more() {
    let (master, profile) = (small(), profile("64"));
    let whole = press(&master, &["64"], 2).remove(0).1;
    let engine = engine(2);
    let plan = engine.plan(&master, &profile).unwrap();
    let bytes = plan.segment_bytes(3).unwrap().start..plan.segment_bytes(4).unwrap().end;
    let rendition = engine.request_range(&master, &profile, bytes.clone(), Priority::Customer).unwrap();
    assert!(range(&rendition, bytes.clone()) == whole[bytes.start as usize..bytes.end as usize]);
    while rendition.progress().segments_done < 2 {
        thread::yield_now();
    }
    thread::sleep(Duration::from_millis(200));
    assert_eq!(rendition.progress().segments_done, 2);
    // Somebody else asks for all of it.
    let other = engine.request(&master, &profile).unwrap();
    assert!(other.wait().unwrap().as_ref() == whole);
    assert_eq!((engine.stats().misses, engine.stats().joins), (1, 1));

    // And who asked for a range may wait for the rest.
    let engine = self::engine(2);
    let rendition = engine.request_range(&master, &profile, 0..1, Priority::Customer).unwrap();
    assert!(rendition.wait().unwrap().as_ref() == whole);
    // What nobody wants holds up no end.
    let engine = self::engine(2);
    let rendition = engine.request_range(&master, &profile, bytes.clone(), Priority::Customer).unwrap();
    engine.shutdown(Shutdown::Finish);
    assert_eq!((rendition.progress().segments_done, engine.stats().cancelled), (2, 1));
    // Nothing is left of what was given up.
    let engine = self::engine(2);
    drop(engine.request_range(&master, &profile, bytes, Priority::Customer).unwrap());
    assert_eq!((engine.stats().queue, engine.stats().cancelled), (0, 1));
}
