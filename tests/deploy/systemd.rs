//! The unit of a worker.

use std::fs;

use crate::common::tool;
use crate::deployed;

#[test]
fn systemd_understands_the_unit() {
    let Some(mut analyze) = tool("systemd-analyze") else { return };
    let text = fs::read_to_string(deployed("systemd/tonepress-work.service")).unwrap();
    // The program is where it is here.
    let installed = "/usr/local/bin/tonepress";
    assert!(text.contains(installed));
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("tonepress-work.service");
    fs::write(&unit, text.replace(installed, env!("CARGO_BIN_EXE_tonepress"))).unwrap();
    let output = analyze.args(["verify", "--man=no"]).arg(&unit).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // It reads all the machine's units, and may find fault with those of others.
    let about: Vec<_> = said.lines().filter(|line| line.contains("tonepress")).collect();
    assert!(about.is_empty(), "{about:#?}");
    assert!(output.status.success() || !said.contains("tonepress"), "{said}");
}
