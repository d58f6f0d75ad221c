//! The fuzz targets over their seeds and deterministic mutations of them: what libFuzzer runs for hours
//! (see fuzz/README.md), a moment in every test run. `TONEPRESS_CASES` multiplies that.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test
#![allow(missing_docs, unreachable_pub, dead_code)] // of the module that is included

mod common;
#[path = "../fuzz/src/lib.rs"]
mod tonepress_fuzz;

use tonepress_fuzz::TARGETS;

/// Numbers that are not random but look it.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (usize::try_from(self.0 >> 33).unwrap()) % limit.max(1)
    }

    /// Changes `bytes` here and there, as fuzzers do.
    fn mutate(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..=self.below(4) {
            // Headers are where the decisions are: half of the changes go there.
            let reach = if self.below(2) == 0 { bytes.len().min(128) } else { bytes.len() };
            let at = self.below(reach);
            let len = self.below(16).min(bytes.len() - at);
            match self.below(7) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..at + len)),
                2 => {
                    let from = self.below(other.len());
                    let piece = &other[from..(from + len).min(other.len())];
                    bytes.splice(at..at, piece.iter().copied());
                }
                3 => {
                    let value: u64 = [0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF_FFFF, u64::MAX][self.below(8)];
                    for (byte, new) in
                        bytes[at..].iter_mut().zip(value.to_be_bytes()).take(1 << self.below(4))
                    {
                        *byte = new;
                    }
                }
                _ if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ => {}
            }
        }
    }
}

/// Says which case it was, should it fail.
struct Case(&'static str, usize, u32);

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("target {}, seed {}, mutation {}", self.0, self.1, self.2);
        }
    }
}

/// Each target's seeds, and some mutations of each.
#[track_caller]
fn smoke(name: &str, mutations: u32) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = (target.seeds)();
    let mut dice = Dice(1);
    for (number, seed) in seeds.iter().enumerate() {
        for mutation in 0..=common::cases(mutations) {
            let mut bytes = seed.clone();
            if mutation > 0 {
                dice.mutate(&mut bytes, &seeds[(number + 1) % seeds.len()]);
            }
            let _case = Case(target.name, number, mutation);
            (target.run)(&bytes);
        }
    }
}

macro_rules! smoke {
    ($($name:ident $mutations:literal),*) => {
        $(#[test]
        fn $name() {
            smoke(stringify!($name), $mutations);
        })*

        #[test]
        fn no_target_is_left_out() {
            assert_eq!(TARGETS.map(|target| target.name), [$(stringify!($name)),*]);
        }
    };
}

smoke!(probe 500, decode 300, frame 5_000, profile 5_000, plan 5_000, info 3_000, manifest 300, object 300, range 5_000);
