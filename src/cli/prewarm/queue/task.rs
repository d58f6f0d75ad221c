//! A task: a master, and all the profiles that one encoder is to press it at.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tonepress::Profile;
use tonepress::rendition::fingerprint::Fingerprint;

use super::super::super::masters::Candidate;
use super::super::list::Wanted;

/// Rises when a worker of before would misunderstand.
const VERSION: u32 = 1;

/// As it lies in the queue: JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Task {
    version: u32,
    /// For people, if it is no UTF-8.
    master: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    master_base64: Option<String>,
    /// The size of its file.
    bytes: u64,
    /// When its file was changed, in nanoseconds since 1970: another master in its place is another task.
    modified: u64,
    /// Found in a folder, not named: it need not be a master at all.
    found: bool,
    to: Vec<String>,
    nearest: bool,
}

impl Task {
    /// A task for what is wanted, at the profiles of one encoder.
    ///
    /// # Errors
    /// If the current folder, from which its path is to be reckoned, is unknown.
    pub(super) fn new(wanted: &Wanted, profiles: &[Profile], nearest: bool) -> io::Result<Self> {
        let path = wanted.candidate.address()?;
        let modified = fs::metadata(&path).and_then(|meta| meta.modified()).ok();
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        Ok(Self {
            version: VERSION,
            master: path.to_string_lossy().into_owned(),
            master_base64: path.to_str().is_none().then(|| STANDARD.encode(path.as_os_str().as_bytes())),
            bytes: wanted.bytes,
            modified: u64::try_from(modified.as_nanos()).unwrap_or(u64::MAX),
            found: wanted.candidate.found,
            to: profiles.iter().map(Profile::to_string).collect(),
            nearest,
        })
    }

    /// What lies in the queue.
    ///
    /// # Errors
    /// What this build does not understand.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, String> {
        let task: Self = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        match task.version {
            VERSION => Ok(task),
            other => Err(format!("it is of version {other}, and this build understands {VERSION}")),
        }
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default() // texts and numbers
    }

    /// Tells it from all others of its build.
    pub(super) fn id(&self) -> String {
        short(blake3::hash(&self.payload()))
    }

    /// Where its failure is kept: another try of the same master and encoder takes its place.
    pub(super) fn place(&self, build: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(build.as_bytes()).update(&[0]).update(self.path().as_os_str().as_bytes());
        short(hasher.finalize())
    }

    pub(super) fn path(&self) -> PathBuf {
        let bytes = self.master_base64.as_ref().and_then(|text| STANDARD.decode(text).ok());
        bytes.map_or_else(|| PathBuf::from(&self.master), |bytes| OsString::from_vec(bytes).into())
    }

    pub(super) fn is_nearest(&self) -> bool {
        self.nearest
    }

    /// What a worker is to do.
    ///
    /// # Errors
    /// A profile that this build does not know.
    pub(super) fn wanted(&self) -> Result<Wanted, String> {
        let profiles: Result<_, tonepress::Error> = self.to.iter().map(|profile| profile.parse()).collect();
        Ok(Wanted {
            candidate: Candidate::at(self.path(), self.found, self.bytes),
            profiles: profiles.map_err(|error| error.to_string())?,
            priority: 0,
            bytes: self.bytes,
        })
    }
}

/// How subjects and consumers call a build: by the fingerprint of one encoder, so that whoever has another takes none of its tasks.
pub(super) fn build(fingerprint: Fingerprint) -> String {
    format!("{fingerprint:.32}")
}

/// All builds of this program: one an encoder.
pub(super) fn builds() -> tonepress::Result<Vec<String>> {
    Ok(Fingerprint::current()?.into_iter().map(build).collect())
}

fn short(hash: blake3::Hash) -> String {
    hash.to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn wanted(path: &[u8]) -> Wanted {
        let path = PathBuf::from(OsStr::from_bytes(path));
        let candidate = Candidate::at(path, true, 7);
        Wanted { candidate, profiles: vec!["192".parse().unwrap()], priority: 0, bytes: 7 }
    }

    #[test]
    fn a_task_is_read_as_it_was_written() {
        for name in [&b"/m/song.flac"[..], b"/m/a\xff.wav", "/m/J\u{f3}ga.flac".as_bytes()] {
            let asked = wanted(name);
            let task = Task::new(&asked, &asked.profiles, true).unwrap();
            let read = Task::parse(&task.payload()).unwrap();
            assert_eq!((&read, read.id()), (&task, task.id()));
            let again = read.wanted().unwrap();
            assert_eq!(again.candidate.path, asked.candidate.path);
            assert_eq!(again.profiles, asked.profiles);
        }
    }

    #[test]
    fn what_differs_has_another_id_and_a_later_version_is_refused() {
        let asked = wanted(b"/m/song.flac");
        let task = Task::new(&asked, &asked.profiles, false).unwrap();
        let other = Task { bytes: 8, ..task.clone() };
        assert_ne!(task.id(), other.id());
        assert_eq!(task.place("a"), other.place("a"));
        assert_ne!(task.place("a"), task.place("b"));
        let later = Task { version: 2, ..task };
        assert!(Task::parse(&later.payload()).unwrap_err().contains("version 2"));
        assert!(Task::parse(b"{}").is_err());
    }
}
