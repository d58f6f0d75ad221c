//! What several integration tests need.

use std::io::Write;
use std::process::{Command, Stdio};

/// The external program `name`, or `None` when it is not installed, which is said loudly.
///
/// # Panics
/// With `TONEPRESS_REQUIRE_TOOLS=1` a missing program is a failure.
pub(crate) fn tool(name: &str) -> Option<Command> {
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
