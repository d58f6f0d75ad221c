//! What is fuzzed, and what must hold whatever comes in.
//!
//! Each target takes bytes and panics if a promise is broken. `fuzz_targets/` hands them to libFuzzer;
//! `tests/fuzz_smoke.rs` of the library runs the same code over the seeds and mutations of them.

pub mod decode;
pub mod frame;
pub mod info;
pub mod manifest;
mod masters;
pub mod object;
pub mod plan;
pub mod probe;
pub mod profile;
pub mod range;
mod stored;
mod take;

/// One entry to the library.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What is run on each input.
    pub run: fn(&[u8]),
    /// What to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target { name: "probe", run: probe::run, seeds: masters::seeds },
    Target { name: "decode", run: decode::run, seeds: decode::seeds },
    Target { name: "frame", run: frame::run, seeds: frame::seeds },
    Target { name: "profile", run: profile::run, seeds: profile::seeds },
    Target { name: "plan", run: plan::run, seeds: plan::seeds },
    Target { name: "info", run: info::run, seeds: info::seeds },
    Target { name: "manifest", run: manifest::run, seeds: manifest::seeds },
    Target { name: "object", run: object::run, seeds: object::seeds },
    Target { name: "range", run: range::run, seeds: range::seeds },
];
