//! Finding masters: files as named, folders walked through.

use std::path::{Path, PathBuf};

use tonepress::Error;
use tonepress::master::{Limits, Master};
use walkdir::WalkDir;

/// A file that may be a master.
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    /// The folder named on the command line, or the one of the file named there.
    pub(crate) root: PathBuf,
    /// The folders between `root` and the file.
    pub(crate) dir: PathBuf,
    /// Found in a folder, not named: it need not be a master at all.
    pub(crate) found: bool,
}

/// All files under `paths`, in the order given and folders sorted by name, or why a place could not be read.
pub(crate) fn candidates(paths: &[PathBuf]) -> impl Iterator<Item = Result<Candidate, String>> {
    paths.iter().flat_map(|root| {
        WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_map(move |entry| {
            let entry = match entry {
                Ok(entry) if entry.file_type().is_dir() => return None,
                Ok(entry) => entry,
                Err(error) => return Some(Err(error.to_string())),
            };
            let found = entry.depth() > 0;
            // Hidden files in folders are nobody's masters: system clutter, unfinished copies.
            if found && entry.file_name().as_encoded_bytes().starts_with(b".") {
                return None;
            }
            let folder = entry.path().parent().unwrap_or(Path::new(""));
            let root = if found { root.as_path() } else { folder };
            let dir = folder.strip_prefix(root).unwrap_or(Path::new("")).to_owned();
            Some(Ok(Candidate { root: root.to_owned(), dir, path: entry.into_path(), found }))
        })
    })
}

impl Candidate {
    /// Opens the master. `None` if it lies in a folder that was walked and is none: a cover, a text,
    /// an MP3 from before.
    pub(crate) fn open(&self, limits: &Limits) -> Option<Result<Master, Error>> {
        match Master::open_with(&self.path, limits) {
            Err(Error::Unrecognised { .. } | Error::Lossy { .. }) if self.found => None,
            opened => Some(opened),
        }
    }

    /// The path for people and JSON.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }
}
