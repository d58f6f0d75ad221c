//! The program, run as its users run it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

pub fn tonepress(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tonepress")).args(args).current_dir(folder).output().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Standard output, an object a line.
pub fn objects(output: &Output) -> Vec<Value> {
    out(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
