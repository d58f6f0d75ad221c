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
                Err(error) if error.depth() > 0 && error.path().is_some_and(is_hidden) => return None,
                Err(error) => return Some(Err(why_not(&error))),
            };
            let found = entry.depth() > 0;
            if found && is_hidden(entry.path()) {
                return None;
            }
            let folder = entry.path().parent().unwrap_or(Path::new(""));
            let root = if found { root.as_path() } else { folder };
            let dir = folder.strip_prefix(root).unwrap_or(Path::new("")).to_owned();
            Some(Ok(Candidate { root: root.to_owned(), dir, path: entry.into_path(), found }))
        })
    })
}

/// Hidden files in folders are nobody's masters: system clutter, unfinished copies, locks of editors.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Why a place could not be read.
fn why_not(error: &walkdir::Error) -> String {
    let Some(path) = error.path() else { return error.to_string() };
    let is_link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => {
            format!("{}: a link to {}, in which it lies", path.display(), ancestor.display())
        }
        (None, Some(why)) if is_link => format!("{}: a link that leads nowhere ({why})", path.display()),
        (None, Some(why)) => format!("{}: {why}", path.display()),
        (None, None) => error.to_string(),
    }
}

/// How errors call the container of masters with such a name, if there is one.
fn promised(path: &Path) -> Option<&'static str> {
    let suffix = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match &*suffix {
        "flac" => "FLAC",
        "oga" | "ogg" => "Ogg",
        "wav" | "wave" | "rf64" => "WAV",
        "w64" => "Wave64",
        "aiff" | "aif" | "aifc" => "AIFF",
        "m4a" => "M4A",
        "caf" => "CAF",
        _ => return None,
    })
}

impl Candidate {
    /// Opens the master. `None` if it lies in a folder that was walked and is none: a cover, a text,
    /// an MP3 from before. One that is none though it is called like one may be a failed copy.
    pub(crate) fn open(&self, limits: &Limits) -> Option<Result<Master, Error>> {
        let is_nobodys = |error: &Error| match (error, promised(&self.path)) {
            (Error::Unrecognised { .. } | Error::Lossy { .. }, None) => true,
            // A name that is right: such files may hold lossy audio.
            (Error::Lossy { codec, .. }, Some(container)) => codec.ends_with(&format!("(in {container})")),
            _ => false,
        };
        match Master::open_with(&self.path, limits) {
            Err(error) if self.found && is_nobodys(&error) => None,
            opened => Some(opened),
        }
    }

    /// The path for people and JSON.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }
}
