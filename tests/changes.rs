//! Masters that change while they are read: nothing of them is finished, and nothing cached under the wrong
//! name. And what is known of a master's soundness, from one process to the next.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use common::press::{engine, wav};
use common::signal::Music;
use common::{run, tool};
use tonepress::engine::Rendition;
use tonepress::master::{Limits, Master, MasterSource, Verdict, Verification};
use tonepress::store::{Entry, Filter, Options, Store};
use tonepress::{Engine, Error, Profile, Result};

/// A master in memory that becomes another at the read with some number.
struct Changing {
    bytes: Mutex<Vec<u8>>,
    then: Vec<u8>,
    reads: AtomicU64,
    at: u64,
}

impl Changing {
    fn open(bytes: &[u8], then: &[u8], at: u64) -> Result<Master> {
        let (bytes, then) = (Mutex::new(bytes.to_vec()), then.to_vec());
        Master::from_source("changing", Arc::new(Self { bytes, then, reads: AtomicU64::new(0), at }))
    }
}

impl MasterSource for Changing {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut bytes = self.bytes.lock().unwrap();
        if self.reads.fetch_add(1, Ordering::SeqCst) == self.at {
            bytes.clone_from(&self.then);
        }
        let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(vec![u8::from(self.reads.load(Ordering::SeqCst) > self.at)])
    }
}

/// Presses a master into a store under its id; what went wrong may be anything on the way.
fn press(store: &Store, master: &Master, profile: &str, meanwhile: impl FnOnce()) -> Result<u64> {
    store.masters().identify(master)?;
    meanwhile();
    let engine = Engine::builder().store(store.clone()).threads(NonZeroUsize::new(2).unwrap()).build()?;
    Ok(engine.request(master, &profile.parse()?)?.wait()?.len())
}

fn store(folder: &Path) -> Store {
    Options::new(folder.join("store")).open().unwrap()
}

fn objects(store: &Store) -> Vec<Entry> {
    store.list(&Filter::default()).unwrap()
}

fn music(samples: u64, seed: u64) -> Vec<u8> {
    let mut bytes = wav(&Music::new(22_050, samples), 22_050, 1, samples);
    bytes.iter_mut().skip(200_000).step_by(1_000).for_each(|byte| *byte ^= u8::try_from(seed).unwrap());
    bytes
}

fn flac(wav: &[u8]) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.wav"), folder.path().join("a.flac"));
    fs::write(&from, wav).unwrap();
    run(tool("flac")?.args(["-s", "-o"]).arg(&to).arg(&from));
    Some(fs::read(to).unwrap())
}

#[test]
fn whenever_a_master_changes_nothing_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let (one, other) = (music(600_000, 0), music(600_000, 1));
    let longer = [&one[..], &[0; 5_000]].concat();
    let mut pairs =
        vec![(one.clone(), other.clone()), (one.clone(), one[..500_000].to_vec()), (one.clone(), longer)];
    if let (Some(one), Some(other)) = (flac(&one), flac(&other)) {
        pairs.push((one, other));
    }
    let mut changed = 0;
    for (one, then) in &pairs {
        for at in 0.. {
            let master = Changing::open(one, then, at);
            match master.and_then(|master| press(&store, &master, "24:rate=22050:q=9", || {})) {
                Err(Error::Changed { .. }) => changed += 1,
                // Too late to matter: all had been read.
                Ok(_) => break,
                // Opened when it had changed already, or half of each.
                Err(Error::Damaged { .. } | Error::Unsupported { .. }) if at < 8 => {}
                Err(error) => panic!("{at}: {error}"),
            }
            assert_eq!(objects(&store).len(), 0, "after {at} reads");
        }
        let all: Vec<_> = objects(&store).into_iter().map(|entry| entry.key).collect();
        assert_eq!(all.len(), 1);
        store.remove(&all).unwrap();
    }
    assert!(changed > 15, "{changed}");
}

#[test]
fn a_file_that_is_written_to_is_not_cached_and_one_that_is_replaced_is_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let path = folder.path().join("master.wav");
    let profile = "24:rate=22050:q=9";
    let bytes = music(1_200_000, 0);
    for change in ["truncated", "appended to", "written over"] {
        fs::write(&path, &bytes).unwrap();
        let master = Master::open(&path).unwrap();
        let pressed = press(&store, &master, profile, || {
            let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            match change {
                "truncated" => file.set_len(1_000_000).unwrap(),
                "appended to" => file.set_len(3_000_000).unwrap(),
                _ => file.write_all(&music(1_200_000, 9)).unwrap(),
            }
        });
        assert!(matches!(pressed, Err(Error::Changed { .. })), "{change}: {pressed:?}");
        assert_eq!(objects(&store).len(), 0, "{change}");
    }
    // The file that was opened is still there, under no name, and whole.
    fs::write(&path, &bytes).unwrap();
    let master = Master::open(&path).unwrap();
    let id = master.id().unwrap();
    press(&store, &master, profile, || {
        let new = folder.path().join("new.wav");
        fs::write(&new, music(1_200_000, 9)).unwrap();
        fs::rename(&new, &path).unwrap();
    })
    .unwrap();
    let stored = objects(&store);
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].sidecar.as_ref().unwrap().master, id);
    // Its successor is another master.
    assert_ne!(store.masters().identify(&Master::open(&path).unwrap()).unwrap(), id);
}

#[test]
fn what_verification_found_is_known_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let Some(sound) = flac(&music(300_000, 0)) else { return };
    let open = |bytes: &[u8]| Changing::open(bytes, bytes, u64::MAX).unwrap();
    // The MD5 stands last in STREAMINFO.
    let (mut wrong, mut none, mut broken) = (sound.clone(), sound.clone(), sound.clone());
    wrong[30] ^= 1;
    none[26..42].fill(0);
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    for (bytes, want) in [
        (&sound, Verdict::Sound(Verification::Md5Matches)),
        (&wrong, Verdict::WrongMd5),
        (&none, Verdict::Sound(Verification::NoMd5)),
    ] {
        // The same audio: of what two files say of it the last counts.
        let master = open(bytes);
        store(folder.path())
            .masters()
            .note_verdict(&master.id().unwrap(), &master.verdict().unwrap())
            .unwrap();
        let store = store(folder.path());
        let known = store.masters().verdict(&master.id().unwrap()).unwrap();
        assert_eq!(known, want);
        assert_eq!(known.allow("a", false).is_ok(), want != Verdict::WrongMd5);
        assert_eq!(
            known.allow("a", true).is_ok(),
            want != Verdict::WrongMd5,
            "nobody can tell what to salvage"
        );
        assert_eq!(store.masters().verify(&master).unwrap(), want);
    }
    let master = open(&broken);
    let store = store(folder.path());
    assert_eq!(store.masters().verdict(&master.id().unwrap()), None);
    let found = store.masters().verify(&master).unwrap();
    assert_eq!(store.masters().verdict(&master.id().unwrap()), Some(found.clone()));
    assert!(matches!(found.allow("a", false), Err(Error::Damaged { at, .. }) if at > 0), "{found:?}");
    found.allow("a", true).unwrap();
}

#[test]
fn salvaged_and_not_from_one_master_are_two_renditions() {
    let Some(mut bytes) = flac(&music(600_000, 0)) else { return };
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes.truncate(middle * 19 / 10);
    let limits = Limits { truncated: true, ..Limits::default() };
    let source =
        Changing { bytes: Mutex::new(bytes), then: Vec::new(), reads: AtomicU64::new(0), at: u64::MAX };
    let master = Master::from_source_with("broken", Arc::new(source), &limits).unwrap();
    let gaps = master.gaps().unwrap();
    assert_eq!((gaps.len(), gaps[1].end), (2, 600_000), "{gaps:?}");
    let pressed = |threads: usize, profiles: &[&str]| {
        let profiles: Vec<Profile> = profiles.iter().map(|profile| profile.parse().unwrap()).collect();
        let press = |rendition: Result<Rendition>| {
            let rendition = rendition?;
            Ok((rendition.wait()?.as_ref().to_vec(), rendition.gaps()?))
        };
        engine(threads).fan_out(&master, &profiles).into_iter().map(press).collect::<Vec<Result<_>>>()
    };
    let together = pressed(3, &["24", "24:salvage", "v9:salvage", "24:rate=16000:salvage:whole"]);
    for result in &together[1..] {
        let (bytes, told) = result.as_ref().unwrap();
        assert!(!bytes.is_empty() && *told == gaps);
    }
    match &together[0] {
        // Whichever of its segments is pressed first.
        Err(error) => assert!(
            matches!(*error, Error::Damaged { at, .. } if gaps.iter().any(|gap| gap.start == at)),
            "{error}"
        ),
        Ok(_) => panic!("a damaged master was pressed"),
    }
    let alone = pressed(1, &["24:salvage"]);
    assert!(alone[0].as_ref().unwrap().0 == together[1].as_ref().unwrap().0, "threads and company matter");
}
