//! A seek in FLAC by an index of its frames, which is noted when a master is hashed, and never believed blindly.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tonepress::master::{Decoder, Master};
use tonepress::pcm::Pcm;
use tonepress::{Store, store::Options};

use crate::common::memory::watched;
use crate::common::signal::Music;
use crate::common::write::{pcm_le, samples};
use crate::common::{bits, frames_in, run, tool};

/// How often a master was read, and how much of it.
#[derive(Clone, Default)]
struct Count(Arc<[AtomicU64; 2]>);

impl Count {
    fn take(&self) -> [u64; 2] {
        [0, 1].map(|i| self.0[i].swap(0, Ordering::Relaxed))
    }

    fn open(&self, bytes: &[u8]) -> Master {
        let count = self.clone();
        watched(bytes.to_vec(), move |range| {
            count.0[0].fetch_add(1, Ordering::Relaxed);
            count.0[1].fetch_add(range.end - range.start, Ordering::Relaxed);
            Ok(())
        })
    }
}

/// Two minutes of something between music and noise, by `flac`.
fn flac(switches: &[&str]) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let (raw, path) = (dir.path().join("it.raw"), dir.path().join("it.flac"));
    let ints = samples(SAMPLES as usize, 2, 16);
    fs::write(&raw, pcm_le(&ints, 16)).unwrap();
    run(tool("flac")?
        .args(["-s", "-f", "--force-raw-format", "--endian=little", "--sign=signed", "--bps=16"])
        .args(["--channels=2", "--sample-rate=44100"])
        .args(switches)
        .arg(&raw)
        .arg("-o")
        .arg(&path));
    Some(fs::read(path).unwrap())
}

const SAMPLES: u64 = 120 * 44_100;
/// A segment: 20 s.
const SEGMENT: u64 = 20 * 44_100;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Options::new(dir.path()).open().unwrap();
    (dir, store)
}

/// The samples around the begin of a segment, read by a decoder that comes from nowhere.
fn first_samples(decoder: &mut Decoder, at: u64) -> Vec<Vec<u32>> {
    let mut pcm = Pcm::default();
    decoder.read(at..at + 1_000, &mut pcm).unwrap();
    bits(&pcm)
}

#[test]
fn a_segment_in_the_middle_is_found_by_one_read() {
    for switches in [&["-5"][..], &["-5", "--ogg"]] {
        let Some(bytes) = flac(switches) else { return };
        let (_dir, store) = store();
        let count = Count::default();
        let master = count.open(&bytes);
        store.masters().identify(&master).unwrap();
        let mut told = vec![String::new()];
        for at in [3 * SEGMENT, SEGMENT, 5 * SEGMENT + 7, SAMPLES - 1_000, 0] {
            count.take();
            let want = first_samples(&mut master.decoder().unwrap(), at);
            let [plain_reads, plain_bytes] = count.take();
            let mut decoder = store.masters().decoder(&master).unwrap();
            count.take();
            assert_eq!(first_samples(&mut decoder, at), want, "{at}");
            let [reads, bytes] = count.take();
            told.push(format!(
                "  {at}: {plain_reads} reads of {plain_bytes} bytes, by the index {reads} of {bytes}"
            ));
            if at > 0 {
                assert!(
                    reads <= 4 && bytes <= 256 << 10,
                    "{switches:?} at {at}: {reads} reads of {bytes} bytes"
                );
                assert!(bytes < plain_bytes, "{at}");
            }
        }
        println!("{switches:?}, {} bytes:{}", bytes.len(), told.join("\n"));
    }
}

/// Where a store keeps the index of its only master.
fn record(root: &Path) -> PathBuf {
    let frames = root.join("v1/masters/frames");
    let shard = fs::read_dir(frames).unwrap().next().unwrap().unwrap().path();
    fs::read_dir(shard).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn what_a_wrong_index_says_costs_time_and_nothing_else() {
    for switches in [&["-5"][..], &["-5", "--ogg"]] {
        let Some(bytes) = flac(switches) else { return };
        let (dir, store) = store();
        let master = Count::default().open(&bytes);
        store.masters().identify(&master).unwrap();
        let places = [3 * SEGMENT, SEGMENT + 1, SAMPLES - 1_000, 0];
        let want = places.map(|at| first_samples(&mut master.decoder().unwrap(), at));
        let path = record(dir.path());
        let good = fs::read_to_string(&path).unwrap();
        let [before, text, behind] = frames_in(&good);
        let replaced = |text: &str| [before, text, behind].concat();
        for bad in [
            // Two bytes too far from the second point on, cut, of other numbers, no base64, of another version, nothing.
            replaced(&format!("{}AB{}", &text[..8], &text[10..])),
            replaced(&text[..text.len() / 2 / 4 * 4]),
            replaced(&text.chars().rev().collect::<String>().replace('=', "A")),
            replaced(&text.to_ascii_lowercase()),
            replaced("!"),
            replaced(""),
            good.replace("\"version\": 1", "\"version\": 2"),
            good[..good.len() / 2].to_owned(),
            String::new(),
        ] {
            fs::write(&path, bad).unwrap();
            for (at, want) in places.iter().zip(&want) {
                let mut decoder = store.masters().decoder(&master).unwrap();
                assert_eq!(first_samples(&mut decoder, *at), *want, "{at}");
            }
        }
    }
}

/// The same frames in Ogg have the same id, and lie elsewhere.
#[test]
fn an_index_of_another_container_is_not_used() {
    let (Some(native), Some(ogg)) = (flac(&["-5"]), flac(&["-5", "--ogg"])) else { return };
    let (_dir, store) = store();
    let (native, ogg) = (Count::default().open(&native), Count::default().open(&ogg));
    let id = store.masters().identify(&native).unwrap();
    assert_eq!(ogg.id().unwrap(), id);
    let want = first_samples(&mut native.decoder().unwrap(), SEGMENT);
    assert_eq!(first_samples(&mut store.masters().decoder(&ogg).unwrap(), SEGMENT), want);
    // Nor does any other master have one.
    let music = Music::new(44_100, 9_000);
    let wav = crate::common::press::wav(&music, 44_100, 2, 9_000);
    let wav = Count::default().open(&wav);
    store.masters().identify(&wav).unwrap();
    first_samples(&mut store.masters().decoder(&wav).unwrap(), 100);
}
