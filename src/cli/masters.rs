//! Finding masters: files as named, folders walked through.

use std::io;
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
                Err(error)
                    if error.depth() > 0
                        && error.path().is_some_and(|path| is_hidden(path) || is_gone(path)) =>
                {
                    return None;
                }
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

/// The masters under `paths`, opened, each with where it was found; or why one could not be, with the name of its file
/// if it has one. What is no master and need not be one is passed over.
pub(crate) fn opened(
    paths: &[PathBuf],
    limits: &Limits,
) -> impl Iterator<Item = Result<(Candidate, Master), (String, String)>> {
    candidates(paths).filter_map(move |candidate| {
        let candidate = match candidate {
            Ok(candidate) => candidate,
            Err(error) => return Some(Err((String::new(), error))),
        };
        Some(match candidate.open(limits)? {
            Ok(master) => Ok((candidate, master)),
            Err(error) => Err((candidate.name(), error.to_string())),
        })
    })
}

/// Hidden files in folders are nobody's masters: system clutter, unfinished copies, locks of editors.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Whether there is nothing at `path` any more, though its folder was seen to hold it: other programs put files there and
/// take them away, and so does a store that lies among the masters. A link that leads nowhere is there.
fn is_gone(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
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
    /// an MP3 from before, or what is gone again. One that is none though it is called like one may be a failed copy.
    pub(crate) fn open(&self, limits: &Limits) -> Option<Result<Master, Error>> {
        let is_nobodys = |error: &Error| match (error, promised(&self.path)) {
            (Error::Unrecognised { .. } | Error::Lossy { .. }, None) => true,
            // A name that is right: such files may hold lossy audio.
            (Error::Lossy { container: Some(found), .. }, Some(promised)) => found == promised,
            _ => false,
        };
        match Master::open_with(&self.path, limits) {
            Err(error) if self.found && (is_nobodys(&error) || is_gone(&self.path)) => None,
            opened => Some(opened),
        }
    }

    /// The path for people and JSON.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_gone_before_its_turn_is_no_failure_unless_it_was_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let file = |name: &str| root.join(name);
        for name in ["1", "2", "4"] {
            fs::write(file(name), "no audio").unwrap();
        }
        fs::create_dir(file("3")).unwrap();
        std::os::unix::fs::symlink("nowhere", file("5")).unwrap();
        let named = [root.clone(), file("6")];
        let mut all = candidates(&named);

        let first = all.next().unwrap().unwrap();
        assert_eq!(first.path, file("1"));
        assert!(first.open(&Limits::default()).is_none(), "no master");
        // The names in the folder have been read; these go before they are looked at.
        fs::remove_file(file("2")).unwrap();
        fs::remove_dir(file("3")).unwrap();
        let second = all.next().unwrap().unwrap();
        assert_eq!(second.path, file("2"));
        assert!(second.open(&Limits::default()).is_none(), "gone");
        assert_eq!(all.next().unwrap().unwrap().path, file("4"), "the folder is passed over");
        assert!(all.next().unwrap().is_err(), "a link that leads nowhere");
        assert!(all.next().unwrap().is_err(), "named, and not there");
        assert!(all.next().is_none());
        let named = Candidate { found: false, ..second };
        assert!(matches!(named.open(&Limits::default()), Some(Err(Error::Io { .. }))));
    }
}
