//! Small file systems.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::tool;

/// A small file system of its own at `at`; `None` (said aloud) where mounting is not allowed.
pub struct Mount(pub PathBuf);

impl Mount {
    pub fn new(at: &Path, size: &str) -> Option<Self> {
        let mut mount = tool("mount")?;
        let done = mount.args(["-t", "tmpfs", "-o", size, "tonepress-test"]).arg(at).output().unwrap();
        if done.status.success() {
            return Some(Self(at.to_owned()));
        }
        eprintln!("SKIPPED: no mounting here: {}", String::from_utf8_lossy(&done.stderr));
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
