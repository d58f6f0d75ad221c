//! A thousand readers at once. Alone in its program, since it looks at the memory of the whole process.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whatever goes wrong fails the test

mod common;

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use common::memory::watched;
use common::press::press;
use common::write;
use tonepress::engine::{Rendition, Shutdown};
use tonepress::master::Master;
use tonepress::store::{Filter, Options};
use tonepress::{Engine, Profile, ReadAt};

const MASTERS: u64 = 10;
const PROFILES: [&str; 5] = ["24:rate=22050:q=7", "32:q=7", "40:q=7", "48:q=7", "64:rate=22050:q=7"];
const READERS: usize = 1_000;
/// What the engine may hold of decoded audio.
const MEMORY: u64 = 24 << 20;

/// Random numbers, the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

/// 90 s of humming with crackles, mono at 22.05 kHz.
fn master(number: u64) -> Master {
    let mut random = Random(number);
    let samples = (0..90 * 22_050_u64).map(|at| {
        let hum = (at as f64 * (0.01 + number as f64 * 0.003)).sin() * 9_000.0;
        hum as i32 + (random.next() % 601) as i32 - 300
    });
    let samples: Vec<i32> = samples.collect();
    watched(write::wav(&write::wav_format(1, 1, 22_050, 16), &write::pcm_le(&samples, 16)), |_| Ok(()))
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// What a reader got: from where, how much, and a hash of it.
type Read = (u64, usize, u64);

/// Seeks about and reads: slowly if it is one of the slow ones, and not to the end.
fn reader(number: usize, rendition: &Rendition) -> Vec<Read> {
    let mut random = Random(number as u64);
    let end = rendition.len().likely();
    let mut reads = Vec::new();
    for _ in 0..4 {
        let mut offset = random.next() % end;
        for _ in 0..3 {
            let mut buf = vec![0; 1 + random.next() as usize % 20_000];
            let read = rendition.read_at(&mut buf, offset).unwrap();
            reads.push((offset, read, hash(&buf[..read])));
            offset += read as u64;
            if number.is_multiple_of(10) {
                thread::sleep(Duration::from_millis(50));
            }
        }
        if number % 7 == 3 {
            break; // and hangs up
        }
    }
    reads
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn a_thousand_readers_get_the_right_bytes_of_what_is_pressed_once() {
    let root = tempfile::tempdir().unwrap();
    let store = Options::new(root.path()).open().unwrap();
    let threads = NonZeroUsize::new(2).unwrap();
    let engine = Engine::builder().store(store.clone()).threads(threads).memory(MEMORY).build().unwrap();
    let masters: Vec<Master> = (0..MASTERS).map(master).collect();
    let ask = |which: usize| {
        let (master, profile) = (&masters[which / PROFILES.len()], PROFILES[which % PROFILES.len()]);
        engine.request(master, &profile.parse::<Profile>().unwrap()).unwrap()
    };
    let renditions = masters.len() * PROFILES.len();
    let before = peak();

    let reads: Vec<(usize, Vec<Read>)> = thread::scope(|scope| {
        let spawn = |number: usize| {
            let ask = &ask;
            let small = thread::Builder::new().stack_size(128 << 10);
            let read = move || (number % renditions, reader(number, &ask(number % renditions)));
            small.spawn_scoped(scope, read).unwrap()
        };
        let readers: Vec<_> = (0..READERS).map(spawn).collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    let complete: Vec<Rendition> = (0..renditions).map(ask).collect();
    let objects: Vec<_> = complete.iter().map(|rendition| rendition.wait().unwrap()).collect();

    for (which, reads) in &reads {
        for &(offset, len, seen) in reads {
            let bytes = objects[*which].range(offset..offset + len as u64).unwrap();
            assert_eq!(hash(bytes), seen, "rendition {which}: {len} bytes at {offset}");
        }
    }
    for (master, which) in [(&masters[3], 3), (&masters[9], 9)] {
        for ((_, expected), object) in
            press(master, &PROFILES, 2).iter().zip(&objects[which * PROFILES.len()..])
        {
            assert!(object.as_ref() == expected);
        }
    }
    let stats = engine.stats();
    let segments: HashMap<_, _> = complete.iter().map(|it| (it.key(), it.plan().segments())).collect();
    assert_eq!(segments.len(), renditions);
    assert_eq!(stats.segments, segments.values().sum::<u64>(), "each segment once: {stats:?}");
    assert_eq!((stats.misses, stats.finished, stats.failed), (renditions as u64, renditions as u64, 0));
    assert_eq!(stats.hits + stats.joins, READERS as u64, "and the {renditions} asked for first were missed");
    engine.shutdown(Shutdown::Finish);
    assert_eq!(store.list(&Filter::default()).unwrap().len(), renditions);
    assert_eq!(fs::read_dir(root.path().join("v1/partials")).unwrap().count(), 0);

    // Threads' stacks, LAME's tables and what readers hold come on top of the decoded audio.
    let (more, bound) = (peak() - before, MEMORY + (160 << 20));
    println!("{} MiB more than before; {stats:?}", more >> 20);
    assert!(more < bound, "{} MiB more than before", more >> 20);
}
