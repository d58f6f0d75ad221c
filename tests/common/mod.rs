//! What the integration tests share: other people's tools as oracles, the corpus, small writers.

// Every test program compiles this module anew, uses a part of it and exports nothing. Numbers are
// small and positive, and whatever goes wrong fails the test.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unwrap_used
)]

pub mod documented;
pub mod memory;
pub mod mount;
pub mod press;
pub mod program;
pub mod renditions;
pub mod signal;
pub mod write;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tonepress::master::Master;
use tonepress::pcm::Pcm;

/// How many cases a property test runs: `few` by default, more where `TONEPRESS_CASES` multiplies.
pub fn cases(few: u32) -> u32 {
    let factor = std::env::var("TONEPRESS_CASES").ok().and_then(|n| n.parse::<u32>().ok());
    few * factor.unwrap_or(1)
}

/// A command for `program`; `None` (said aloud) if it is not installed. With
/// `TONEPRESS_REQUIRE_TOOLS=1`, as in CI, the test fails instead.
pub fn tool(program: &str) -> Option<Command> {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()));
    if found {
        return Some(Command::new(program));
    }
    assert!(
        std::env::var_os("TONEPRESS_REQUIRE_TOOLS").is_none_or(|v| v != "1"),
        "{program} is not installed, and TONEPRESS_REQUIRE_TOOLS=1"
    );
    // Not eprintln!: the test harness would swallow it.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {program} is not installed");
    None
}

/// Runs a command that must succeed and gives its standard output.
pub fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// `ffmpeg` from `from` to `to` with `arguments` between. False if there is no ffmpeg.
pub fn ffmpeg(from: &Path, arguments: &[&str], to: &Path) -> bool {
    let Some(mut ffmpeg) = tool("ffmpeg") else { return false };
    run(ffmpeg.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(from).args(arguments).arg(to));
    true
}

/// A folder of the test corpus; `None` (said aloud) where it is not available. It lies beside the
/// repository, in `../shared/corpus`, or where `TONEPRESS_CORPUS` says.
pub fn corpus(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TONEPRESS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let folder = root.join(folder);
    if !folder.is_dir() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: no corpus at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// The whole of a master, by one read.
pub fn decode_all(master: &Master) -> Pcm {
    let mut pcm = Pcm::default();
    master.decoder().unwrap().read(0..master.info().samples.0, &mut pcm).unwrap();
    pcm
}

/// The bits of all samples: NaN equals NaN, and 0 does not equal -0.
pub fn bits(pcm: &Pcm) -> Vec<Vec<u32>> {
    pcm.planes().map(|plane| plane.iter().map(|sample| sample.to_bits()).collect()).collect()
}

/// A record of where frames lie, in three parts: what stands before them, they, and what stands behind.
pub fn frames_in(record: &str) -> [&str; 3] {
    let start = record.find("\"frames\": \"").unwrap() + 11;
    let end = start + record[start..].find('"').unwrap();
    [&record[..start], &record[start..end], &record[end..]]
}
