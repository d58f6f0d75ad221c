//! Many threads that want the same steps of a master whose reading fails and panics now and then.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::float_cmp)] // small, and exact

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicBool;
use std::{io, thread};

use super::*;
use crate::master::MasterSource;

const SAMPLES: u64 = 60_000;
const STEPS: u64 = 12;

struct Dice(AtomicU64);

impl Dice {
    /// Shared by threads: which of them gets which number is chance, the numbers are not.
    fn below(&self, limit: u64) -> u64 {
        let at = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (at ^ (at >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) % limit
    }
}

/// A WAV in memory that cannot always be read.
struct Moody {
    bytes: Vec<u8>,
    dice: Dice,
    failing: AtomicBool,
}

impl MasterSource for Moody {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.failing.load(Ordering::Relaxed) {
            match self.dice.below(24) {
                0 => return Err(io::Error::other("not today")),
                1 => resume_unwind(Box::new("not today")),
                2..8 => thread::yield_now(),
                _ => {}
            }
        }
        let rest = self.bytes.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

fn moody(seed: u64) -> (Arc<Moody>, Source) {
    let data: Vec<u8> = (0..SAMPLES).flat_map(|at| (at as u16).to_le_bytes()).collect();
    let (len, rate) = (data.len() as u32, 44_100_u32);
    let format = [&1_u16.to_le_bytes()[..], &1_u16.to_le_bytes(), &rate.to_le_bytes()].concat();
    let format = [&format, &(2 * rate).to_le_bytes()[..], &[2, 0, 16, 0]].concat();
    let file = [b"RIFF", &(len + 36).to_le_bytes()[..], b"WAVEfmt ", &16_u32.to_le_bytes(), &format];
    let bytes = [&file.concat(), &b"data"[..], &len.to_le_bytes(), &data].concat();
    let moody = Arc::new(Moody { bytes, dice: Dice(AtomicU64::new(seed)), failing: AtomicBool::new(false) });
    let source: Arc<dyn MasterSource> = Arc::clone(&moody) as _;
    let source = Source::new(&Master::from_source("moody", source).unwrap());
    (moody, source)
}

fn wanted(step: u64) -> Wanted {
    let len = SAMPLES / STEPS;
    let step = step * len..(step + 1) * len;
    Wanted { rate: SampleRate::new(44_100).unwrap(), salvage: false, step, counted: 0..SAMPLES }
}

fn assert_is_step(got: &Decoded, step: u64) {
    let expected = wanted(step).step;
    assert_eq!(got.pcm.range(), expected);
    let mut samples = got.pcm.planes().next().unwrap().iter().zip(expected);
    assert!(samples.all(|(&got, at)| got == f32::from(at as u16 as i16) / 32_768.0));
}

/// A cache that four threads have asked for steps at random.
fn stress(seed: u64, limit: u64, gets: u64, is_moody: bool) -> PcmCache {
    let (cache, (moody, source)) = (PcmCache::new(limit), moody(seed));
    moody.failing.store(is_moody, Ordering::Relaxed);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut spare = Pcm::default();
                for _ in 0..gets {
                    let step = moody.dice.below(STEPS);
                    // Nobody knows how often it will be asked for.
                    let get = || cache.get(&source, &wanted(step), usize::MAX, &mut spare);
                    let got = catch_unwind(AssertUnwindSafe(get));
                    assert!(cache.bytes() <= limit);
                    let Ok(Ok(got)) = got else {
                        assert!(is_moody);
                        continue;
                    };
                    assert_is_step(&got, step);
                }
            });
        }
    });
    assert!(lock(&cache.table).slots.values().all(|slot| matches!(slot, Slot::Ready { .. })));
    cache
}

#[test]
fn each_step_is_decoded_once_while_there_is_room() {
    for seed in 0..100 {
        let cache = stress(seed, 4 * SAMPLES, 60, false);
        let (decoded, shared) = cache.counts();
        assert!(decoded <= STEPS, "{decoded} for seed {seed}");
        assert_eq!(decoded + shared, 4 * 60);
    }
}

#[test]
fn whatever_goes_wrong_nobody_waits_for_ever_and_the_limit_holds() {
    for seed in 0..200 {
        // Room for all, for some, for one, for none.
        for limit in [4 * SAMPLES, SAMPLES, 4 * SAMPLES / STEPS, 0] {
            stress(seed, limit, 30, true);
        }
    }
}

#[test]
fn a_step_that_all_have_pressed_is_let_go() {
    for seed in 0..100 {
        let (cache, (moody, source)) = (PcmCache::new(4 * SAMPLES), moody(seed));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut spare = Pcm::default();
                    for step in 0..STEPS {
                        let got = cache.get(&source, &wanted(step), 3, &mut spare).unwrap();
                        assert_is_step(&got, step);
                        if moody.dice.below(4) == 0 {
                            thread::yield_now();
                        }
                        if let Some(got) = Arc::into_inner(got) {
                            spare = got.pcm;
                        }
                    }
                });
            }
        });
        assert_eq!((cache.counts(), cache.bytes()), ((STEPS, 3 * STEPS), 0));
        // Of a master that is given up nothing stays either.
        let mut spare = Pcm::default();
        cache.get(&source, &wanted(0), 3, &mut spare).unwrap();
        assert_ne!(cache.bytes(), 0);
        cache.forget(&source);
        assert_eq!((cache.bytes(), lock(&cache.table).slots.len()), (0, 0));
    }
}
