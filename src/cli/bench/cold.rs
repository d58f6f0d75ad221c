//! What the engine's customers wait for: bytes that do not exist yet, and those of a store.

use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tonepress::engine::{OnDrop, Priority, Request, Shutdown};
use tonepress::master::Master;
use tonepress::store::Options;
use tonepress::{Engine, Error, Plan, Profile, ReadAt};

use super::cost::Spread;
use super::results::{Cold, Hits};

/// What is read at a random place, and of a hit.
const RANGE: usize = 64 << 10;
/// How long hits are counted.
const COUNTED: Duration = Duration::from_millis(300);

fn engine(threads: usize) -> tonepress::engine::Builder {
    Engine::builder().threads(NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN))
}

/// What can be read before all is pressed: constant bitrates.
pub(super) fn cold(
    master: &Master,
    profiles: &[Profile],
    threads: usize,
    runs: usize,
) -> Result<Vec<Cold>, Error> {
    // A store would know it; there is none here.
    master.id()?;
    let mut place = 1;
    let mut all = Vec::new();
    for profile in profiles.iter().filter(|profile| profile.is_cbr()) {
        let plan = Plan::new(master.info(), profile)?;
        let (mut first, mut range) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            first.push(time(threads, master, profile, plan.info_bytes(), 1)?);
            place = place * 48_271 % 0x7fff_ffff;
            let last = plan.size().likely().saturating_sub(RANGE as u64);
            range.push(time(threads, master, profile, place % last.max(1), RANGE)?);
        }
        let (first_byte_s, range_s) = (Spread::of(first), Spread::of(range));
        all.push(Cold { profile: profile.to_string(), first_byte_s, range_s });
    }
    Ok(all)
}

/// From a request of an idle engine to `len` bytes at `offset`, in seconds.
fn time(threads: usize, master: &Master, profile: &Profile, offset: u64, len: usize) -> Result<f64, Error> {
    let engine = engine(threads).build()?;
    let cancelled = Request { priority: Priority::Customer, on_drop: OnDrop::Cancel };
    let mut buf = vec![0; len];
    let began = Instant::now();
    let rendition = engine.request_with(master, profile, cancelled)?;
    read(&rendition, &mut buf, offset)?;
    let took = began.elapsed().as_secs_f64();
    engine.shutdown(Shutdown::Cancel);
    Ok(took)
}

fn read(from: &impl ReadAt, buf: &mut [u8], offset: u64) -> Result<(), Error> {
    let mut done = 0;
    while done < buf.len() {
        match from.read_at(&mut buf[done..], offset + done as u64)? {
            0 => break,
            read => done += read,
        }
    }
    Ok(())
}

/// How often a rendition that a store has can be asked for and read from. `pressing` is what pressing it took.
pub(super) fn hits(
    master: &Master,
    profile: &Profile,
    (threads, runs): (usize, usize),
    pressing: f64,
    folder: &Path,
) -> Result<Hits, Error> {
    let engine = engine(threads).store(Options::new(folder.join("store")).open()?).build()?;
    engine.request(master, profile)?.wait()?;
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        one.push(count(&engine, master, profile, 1)?);
        all.push(count(&engine, master, profile, threads)?);
    }
    engine.shutdown(Shutdown::Finish);
    let (one, all) = (Spread::of(one), Spread::of(all));
    let times_faster_than_pressing = pressing * one.median;
    Ok(Hits { per_second_one_thread: one, per_second: all, times_faster_than_pressing })
}

/// Hits a second with so many threads asking.
fn count(engine: &Engine, master: &Master, profile: &Profile, threads: usize) -> Result<f64, Error> {
    let ask = || -> Result<f64, Error> {
        let (began, mut hits, mut buf) = (Instant::now(), 0_u32, vec![0; RANGE]);
        while began.elapsed() < COUNTED {
            read(&engine.request(master, profile)?, &mut buf, 0)?;
            hits += 1;
        }
        Ok(f64::from(hits) / began.elapsed().as_secs_f64())
    };
    thread::scope(|scope| {
        let askers: Vec<_> = (0..threads).map(|_| scope.spawn(ask)).collect();
        let panicked = |_| Err(Error::Internal { detail: "a thread panicked".to_owned() });
        askers.into_iter().map(|asker| asker.join().unwrap_or_else(panicked)).sum()
    })
}
