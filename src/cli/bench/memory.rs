//! What a process holds in memory at most.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, io, thread};

use tonepress::Profile;
use tonepress::master::Master;

use super::results::Memory;

/// The peak of `tonepress encode`; `None` where the system does not tell it.
pub(super) fn peak(
    what: String,
    masters: &[Master],
    profiles: &[Profile],
    threads: usize,
    folder: &Path,
) -> Result<Option<Memory>, String> {
    let to: Vec<String> = profiles.iter().map(Profile::to_string).collect();
    let failed = |error: io::Error| format!("measuring memory: {error}");
    let program = env::current_exe().map_err(failed)?;
    // Masters of one name in several folders shall not become MP3s of one name.
    let links = folder.join("links");
    fs::create_dir_all(&links).map_err(failed)?;
    let mut named = Vec::new();
    for (id, master) in masters.iter().enumerate() {
        let link = links.join(id.to_string());
        if !link.exists() {
            fs::canonicalize(master.name()).and_then(|path| symlink(path, &link)).map_err(failed)?;
        }
        named.push(link);
    }
    let mut child = Command::new(program)
        .args(["encode", "--force", "--jobs", &threads.to_string(), "--to", &to.join(","), "-o"])
        .arg(folder.join("memory"))
        .args(named)
        .env_remove("TONEPRESS_CACHE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    // The system keeps the highest value until the process ends: only what grows in the last
    // moment can be missed.
    let mut peak = None;
    let status = loop {
        peak = high_water(child.id()).or(peak);
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        thread::sleep(Duration::from_millis(2));
    };
    if !status.success() {
        return Err(format!("tonepress encode: {status}"));
    }
    Ok(peak.map(|peak_bytes| Memory { what, peak_bytes }))
}

fn high_water(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1_024)
}
