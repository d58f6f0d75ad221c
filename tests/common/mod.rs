//! What the tests share.
#![allow(dead_code, unreachable_pub, missing_docs)] // each test binary uses its part

use std::io::Write;
use std::process::{Command, Stdio};

pub mod signal;

/// How many cases a property test runs: `few` by default, more where `TONEPRESS_CASES` multiplies.
pub fn cases(few: u32) -> u32 {
    let factor = std::env::var("TONEPRESS_CASES").ok().and_then(|n| n.parse::<u32>().ok());
    few * factor.unwrap_or(1)
}

/// The external program `name`, or `None` when it is not installed, which is said loudly.
///
/// # Panics
/// With `TONEPRESS_REQUIRE_TOOLS=1` a missing program is a failure.
pub fn tool(name: &str) -> Option<Command> {
    let mut probe = Command::new(name);
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if probe.arg("--version").status().is_ok() {
        return Some(Command::new(name));
    }
    let required = std::env::var("TONEPRESS_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(!required, "{name} is not installed, and TONEPRESS_REQUIRE_TOOLS=1");
    // Not eprintln!: the test harness would swallow it.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "SKIPPED: {name} is not installed").expect("standard error is open");
    None
}
