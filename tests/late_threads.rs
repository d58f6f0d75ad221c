//! Threads that start late, or share one core, delay the work and never stop it.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use common::press::wav;
use common::signal::Music;
use common::tool;

/// Far beyond what a healthy run takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Many more segments than threads, of a kind that is pressed fast.
fn long_master(folder: &Path) {
    let rate = 8_000;
    let samples = 900 * u64::from(rate);
    fs::write(folder.join("long.wav"), wav(&Music::new(rate, samples), rate, 1, samples)).unwrap();
}

/// Runs the program on one core; false if there is no `taskset`.
fn on_one_core(folder: &Path, args: &[&str]) -> bool {
    let Some(mut taskset) = tool("taskset") else { return false };
    let command = taskset.args(["-c", "0", env!("CARGO_BIN_EXE_tonepress")]).args(args).current_dir(folder);
    let mut program = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    loop {
        if let Some(status) = program.try_wait().unwrap() {
            assert!(status.success(), "{args:?}: {status}");
            return true;
        }
        if began.elapsed() > PATIENCE {
            program.kill().unwrap();
            program.wait().unwrap();
            panic!("{args:?} hangs");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn encode_ends_on_one_core_however_many_threads_it_has() {
    let folder = tempfile::tempdir().unwrap();
    long_master(folder.path());
    for run in 0..8 {
        let (jobs, out) = (["2", "3", "4", "8"][run % 4], format!("out{run}"));
        if !on_one_core(folder.path(), &["encode", "long.wav", "--to", "8,16,24", "--jobs", jobs, "-o", &out])
        {
            return;
        }
    }
}
