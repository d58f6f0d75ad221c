//! Mutagen, an implementation of tags that has nothing to do with ours.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::run;

/// A Python that has mutagen; `None` (said aloud) if there is none. In CI the test fails instead.
fn python() -> Option<Command> {
    for python in ["python3", "/usr/bin/python3"] {
        let found = Command::new(python).args(["-c", "import mutagen"]).stderr(Stdio::null()).status();
        if found.is_ok_and(|status| status.success()) {
            let mut command = Command::new(python);
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tags/tagger.py"));
            return Some(command);
        }
    }
    assert!(
        std::env::var_os("TONEPRESS_REQUIRE_TOOLS").is_none_or(|v| v != "1"),
        "no Python has mutagen, and TONEPRESS_REQUIRE_TOOLS=1"
    );
    let _ = writeln!(std::io::stderr(), "SKIPPED: no Python has mutagen");
    None
}

/// Writes tags into a master. False if there is no mutagen.
pub fn write(file: &Path, tags: &Value) -> bool {
    let Some(mut python) = python() else { return false };
    let mut child = python.arg("write").arg(file).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(tags.to_string().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{}", file.display());
    true
}

/// What mutagen reads in a master or an MP3.
pub fn read(file: &Path) -> Option<Value> {
    let json = run(python()?.arg("read").arg(file));
    Some(serde_json::from_slice(&json).unwrap())
}
