//! What the tests share.
#![allow(dead_code, unreachable_pub, missing_docs)] // each test binary uses its part

pub mod renditions;
pub mod signal;

use std::process::Command;

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
    eprintln!("SKIPPED: {program} is not installed");
    None
}

/// How many cases a property test runs: `few` by default, more where `TONEPRESS_CASES` multiplies.
pub fn cases(few: u32) -> u32 {
    let factor = std::env::var("TONEPRESS_CASES").ok().and_then(|n| n.parse::<u32>().ok());
    few * factor.unwrap_or(1)
}
