//! The program, run as its users run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::run;

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

/// The folder of `tonepress-store`, `examples/hyper` and `examples/fleet_sim`, which `cargo test --test NAME`
/// alone does not build. They are asked for all at once and with the features of the whole workspace, as
/// `cargo test --workspace` has just built them: with others the library would be compiled anew each time.
pub fn examples() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_tonepress")).parent().unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--workspace", "--bin", "tonepress-store"]);
    build.args(["--example", "hyper", "--example", "fleet_sim"]);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    run(build.current_dir(env!("CARGO_MANIFEST_DIR")));
    folder.to_owned()
}
