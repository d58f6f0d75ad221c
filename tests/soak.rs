//! Everything at once, at random, for as long as one likes: two engines and a third process that is killed
//! share a store that is too small. Every byte is compared with renditions that were pressed without either.
//!
//! A moment in every test run. `TONEPRESS_SOAK` says for how many seconds it is to go on, round after round
//! with a new seed each, which is printed; `TONEPRESS_SEED` repeats one: the same things are done, though
//! not at the same time.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)] // whatever goes wrong fails the test

mod common;

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use common::press::{press, wav};
use common::signal::Music;
use tonepress::engine::{OnDrop, Priority, Rendition, Request, Shutdown};
use tonepress::master::Master;
use tonepress::store::{Filter, Key, Options, Recipe, Scrub};
use tonepress::{Engine, Error, Profile, ReadAt, Store};

const PROFILES: [&str; 6] = ["24:q=7", "32:q=7:rate=16000", "48:q=7", "v8:q=7", "abr32:q=7", "24:whole:q=7"];
/// What the store may take: less than all renditions.
const BUDGET: u64 = 4 << 20;
/// What each of a process's threads does in a round.
const STEPS: u32 = 250;
/// How many handles a thread holds at most.
const HANDLES: usize = 6;

/// Random numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}

/// A rendition as it has to be.
struct Expected {
    master: Master,
    profile: Profile,
    bytes: Vec<u8>,
}

/// All of them, by their keys, and a damaged master that must not be pressed without `:salvage`.
struct Oracle {
    all: Vec<Expected>,
    damaged: Master,
}

impl Oracle {
    fn new(folder: &Path) -> Self {
        let mut all = Vec::new();
        let mut add = |master: &Master, profiles: &[&str]| {
            for (plan, bytes) in press(master, profiles, 2) {
                let (master, profile) = (master.clone(), *plan.profile());
                all.push(Expected { master, profile, bytes });
            }
        };
        for name in ["a.wav", "b.wav", "c.wav"] {
            add(&Master::open(folder.join(name)).unwrap(), &PROFILES);
        }
        let damaged = Master::open(folder.join("damaged.flac")).unwrap();
        assert!(!damaged.gaps().unwrap().is_empty());
        add(&damaged, &["48:q=7:salvage", "v8:q=7:salvage"]);
        Self { all, damaged }
    }

    fn by_key(&self) -> HashMap<Key, &[u8]> {
        let key = |expected: &Expected| {
            let plan = tonepress::Plan::new(expected.master.info(), &expected.profile).unwrap();
            Recipe::new(expected.master.id().unwrap(), *plan.resolved()).unwrap().key()
        };
        self.all.iter().map(|expected| (key(expected), &expected.bytes[..])).collect()
    }
}

/// Three masters of one, two and eight segments, and a damaged one.
fn write_masters(folder: &Path) {
    for (name, rate, samples) in
        [("a.wav", 22_050, 300_000), ("b.wav", 22_050, 1_200_345), ("c.wav", 22_050, 4_200_001)]
    {
        fs::write(folder.join(name), wav(&Music::new(rate, samples), rate, 1, samples)).unwrap();
    }
    let mut flac = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/strings.flac")).unwrap();
    let middle = flac.len() / 2;
    flac[middle..middle + 100].fill(0);
    fs::write(folder.join("damaged.flac"), flac).unwrap();
}

fn open(folder: &Path) -> Store {
    Options::new(folder.join("store")).max_bytes(BUDGET).wait(Duration::from_secs(2)).open().unwrap()
}

fn engine(store: &Store) -> Engine {
    let threads = NonZeroUsize::new(2).unwrap();
    // Hardly any decoded audio is kept, and the queue is short.
    Engine::builder().store(store.clone()).threads(threads).memory(12 << 20).queue(12).build().unwrap()
}

/// What one customer after another does.
fn customers(seed: u64, steps: u32, engines: &[Engine], oracle: &Oracle) {
    let mut dice = Dice(seed);
    let mut handles: Vec<(Rendition, &Expected)> = Vec::new();
    for _ in 0..steps {
        if handles.is_empty() || handles.len() < HANDLES && dice.below(4) == 0 {
            let expected = dice.of(&oracle.all);
            let request = Request {
                priority: *dice.of(&[
                    Priority::Member,
                    Priority::Customer,
                    Priority::Guest,
                    Priority::Prewarm,
                ]),
                on_drop: *dice.of(&[OnDrop::Finish, OnDrop::Cancel]),
            };
            match dice.of(engines).request_with(&expected.master, &expected.profile, request) {
                Ok(rendition) => handles.push((rendition, expected)),
                Err(Error::Busy { .. }) => thread::sleep(Duration::from_millis(dice.below(20))),
                Err(error) => panic!("{error}"),
            }
            continue;
        }
        let at = dice.below(handles.len() as u64) as usize;
        let (rendition, expected) = &handles[at];
        let end = expected.bytes.len() as u64;
        match dice.below(64) {
            0..28 => {
                let start = dice.below(end + 2_000);
                let mut buf = vec![0; dice.below(30_000) as usize];
                let read = rendition.read_at(&mut buf, start).unwrap();
                compare(expected, start, &buf[..read], buf.len());
            }
            28..36 => {
                let start = dice.below(end);
                let mut buf = vec![0; 5_000];
                let mut context = Context::from_waker(Waker::noop());
                if let Poll::Ready(read) = rendition.poll_read_at(&mut context, &mut buf, start) {
                    let read = read.unwrap();
                    compare(expected, start, &buf[..read], buf.len());
                }
            }
            36..40 => {
                let copy = (rendition.clone(), *expected);
                handles.push(copy);
            }
            40..44 => rendition.set_priority(*dice.of(&[
                Priority::Member,
                Priority::Customer,
                Priority::Guest,
                Priority::Prewarm,
            ])),
            44..52 => handles.swap_remove(at).0.cancel(),
            52..58 => drop(handles.swap_remove(at)),
            58..61 => {
                let object = rendition.wait().unwrap();
                assert!(object.as_ref() == expected.bytes, "{}", expected.profile);
            }
            61 => {
                let strict = dice.of(engines).request(&oracle.damaged, &"48:q=7".parse().unwrap());
                if let Ok(strict) = strict {
                    let error = strict.wait().unwrap_err();
                    assert!(matches!(error, Error::Damaged { .. }), "{error}");
                }
            }
            62 => {
                let store = dice.of(engines).store().unwrap();
                let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
                assert!(sums.bad.is_empty(), "{:?}", sums.bad);
            }
            _ => {
                let store = dice.of(engines).store().unwrap();
                store.gc(&[]).unwrap();
                store.remove(&rendition.key().into_iter().collect::<Vec<_>>()).unwrap();
            }
        }
    }
}

/// What was read from `start` on is what is there, and something if there is anything.
#[track_caller]
fn compare(expected: &Expected, start: u64, read: &[u8], asked: usize) {
    let rest = expected.bytes.get(start as usize..).unwrap_or_default();
    assert!(rest.starts_with(read), "{} from {start} on", expected.profile);
    assert_eq!(read.is_empty(), rest.is_empty() || asked == 0, "{} at {start}", expected.profile);
}

/// The other process, which ends with this one.
struct Other(Child);

impl Other {
    fn start(folder: &Path, seed: u64) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["the_other_process", "--exact", "--nocapture"]);
        command.env("TONEPRESS_ROOT", folder).env("TONEPRESS_SEED", seed.to_string());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains("begins")), "it did not begin");
        Self(child)
    }

    /// SIGKILL. It may have come to its end, but not to a bad one.
    fn kill(mut self) {
        self.0.kill().unwrap();
        let status = self.0.wait().unwrap();
        assert!(status.success() || status.signal() == Some(9), "{status}");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_other_process() {
    let Some(folder) = std::env::var_os("TONEPRESS_ROOT").map(PathBuf::from) else { return };
    let oracle = Oracle::new(&folder);
    println!("begins");
    let seed = std::env::var("TONEPRESS_SEED").unwrap().parse().unwrap();
    customers(seed, 20 * STEPS, &[engine(&open(&folder))], &oracle);
}

fn round(seed: u64, folder: &Path, oracle: &Oracle) {
    let mut dice = Dice(seed);
    let engines = [engine(&open(folder)), engine(&open(folder))];
    let seeds = [dice.below(1 << 31), dice.below(1 << 31), dice.below(1 << 31)];
    thread::scope(|scope| {
        for seed in &seeds[1..] {
            scope.spawn(|| customers(*seed, STEPS, &engines, oracle));
        }
        let other = Other::start(folder, seeds[0]);
        thread::sleep(Duration::from_millis(dice.below(3_000)));
        other.kill();
    });
    for engine in &engines {
        engine.shutdown(*dice.of(&[Shutdown::Finish, Shutdown::Cancel]));
    }
    drop(engines);

    // The books are right, nothing is left over, and whatever is there is what it has to be.
    let store = open(folder);
    store.gc(&[]).unwrap();
    assert_eq!(fs::read_dir(folder.join("store/v1/partials")).unwrap().count(), 0, "leftovers");
    let by_key = oracle.by_key();
    let entries = store.list(&Filter::default()).unwrap();
    for entry in &entries {
        let object = store.get(&entry.key).unwrap().unwrap();
        assert!(object.as_ref() == by_key[&entry.key], "{}", entry.key);
    }
    let charged: u64 = entries.iter().map(|entry| (entry.bytes.div_ceil(4096) + 1) * 4096).sum();
    let stat = store.stat().unwrap();
    assert_eq!((stat.objects, stat.charged, stat.reserved), (entries.len() as u64, charged, 0));
    assert!(charged <= BUDGET);
}

#[test]
fn whatever_happens_every_byte_is_right() {
    if std::env::var_os("TONEPRESS_ROOT").is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_masters(folder.path());
    let oracle = Oracle::new(folder.path());
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let time = Duration::from_secs(number("TONEPRESS_SOAK").unwrap_or(0));
    let begun = Instant::now();
    let mut seed = number("TONEPRESS_SEED").unwrap_or(1);
    loop {
        round(seed, folder.path(), &oracle);
        if begun.elapsed() >= time {
            break;
        }
        seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos().into();
        // Not println!: the test harness would keep it to itself.
        writeln!(std::io::stderr(), "{} s, seed {seed}", begun.elapsed().as_secs()).unwrap();
    }
}
