//! Finding masters: files as named, folders walked through, objects listed.

use std::io;
use std::path::{Path, PathBuf};

use globset::GlobSet;
use tonepress::Error;
use tonepress::master::{Limits, Master};
use walkdir::WalkDir;

#[cfg(feature = "tier")]
use super::objects;
use super::report::detail;
use super::spool::{self, called};
use super::text::plain;

/// A file that may be a master.
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    /// The folder named on the command line, or the one of the file named there.
    pub(crate) root: PathBuf,
    /// The folders between `root` and the file.
    pub(crate) dir: PathBuf,
    /// Found in a folder, not named: it need not be a master at all.
    pub(crate) found: bool,
    /// If it is in object storage.
    #[cfg(feature = "tier")]
    pub(super) object: Option<objects::Facts>,
}

/// A place that could not be read, or a master that could not be opened, and why.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) path: PathBuf,
    pub(crate) error: String,
}

/// All files under `paths`, in the order given and folders sorted by name, without those that are to be left out; or why
/// a place could not be read.
pub(crate) fn candidates<'a>(
    paths: &'a [PathBuf],
    exclude: &'a GlobSet,
) -> impl Iterator<Item = Result<Candidate, Unread>> {
    paths.iter().flat_map(move |root| {
        #[cfg(feature = "tier")]
        if let Some(url) = objects::url(root) {
            return Box::new(listed(url, exclude)) as Box<dyn Iterator<Item = _>>;
        }
        let is_wanted = move |entry: &walkdir::DirEntry| {
            // What is named is wanted.
            let below = entry.path().strip_prefix(root).unwrap_or(Path::new(""));
            let wanted = entry.depth() == 0 || !exclude.is_match(below);
            if !wanted {
                detail(|| format!("{}: excluded", plain(&entry.path().to_string_lossy())));
            }
            wanted
        };
        // A pipe is no folder, and not to be looked into.
        let walked = (!spool::is_stream(root)).then(|| {
            WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_entry(is_wanted)
        });
        let streamed = walked.is_none().then(|| Ok(Candidate::streamed(root)));
        let found = walked.into_iter().flatten().filter_map(move |entry| found(root, entry));
        Box::new(streamed.into_iter().chain(found)) as Box<dyn Iterator<Item = _>>
    })
}

/// What was found on a walk through `root`; `None` if it is not to be looked at.
fn found(root: &Path, entry: walkdir::Result<walkdir::DirEntry>) -> Option<Result<Candidate, Unread>> {
    let entry = match entry {
        Ok(entry) if entry.file_type().is_dir() => return None,
        Ok(entry) => entry,
        Err(error)
            if error.depth() > 0 && error.path().is_some_and(|path| is_hidden(path) || is_gone(path)) =>
        {
            return None;
        }
        Err(error) => {
            let path = error.path().unwrap_or(root).to_owned();
            return Some(Err(Unread { error: why_not(&error, &path), path }));
        }
    };
    let found = entry.depth() > 0;
    if found && is_hidden(entry.path()) {
        return None;
    }
    let folder = entry.path().parent().unwrap_or(Path::new(""));
    let root = if found { root } else { folder };
    let (root, dir) = (root.to_owned(), folder.strip_prefix(root).unwrap_or(Path::new("")).to_owned());
    Some(Ok(Candidate::file(entry.into_path(), root, dir, found)))
}

/// The objects under a URL, or the one that it names.
#[cfg(feature = "tier")]
fn listed<'a>(url: &str, exclude: &'a GlobSet) -> impl Iterator<Item = Result<Candidate, Unread>> + use<'a> {
    let root = objects::shown(url);
    let (listed, failed) = match objects::list(url) {
        Ok(listed) => (listed, None),
        Err(error) => (Vec::new(), Some(Err(Unread { path: root.clone(), error: error.to_string() }))),
    };
    let is_wanted = move |candidate: &Candidate| {
        // A folder that is left out is so with all that is in it.
        let is_excluded =
            candidate.found && candidate.below().ancestors().any(|below| exclude.is_match(below));
        if is_excluded {
            detail(|| format!("{}: excluded", plain(&candidate.name())));
        }
        !(is_excluded || candidate.found && is_hidden(&candidate.path))
    };
    let found = listed.into_iter().map(move |facts| Candidate::object(facts, &root)).filter(is_wanted);
    failed.into_iter().chain(found.map(Ok))
}

/// The masters under `paths`, opened, each with where it was found; or why one could not be. What is no master and need not
/// be one is passed over.
pub(crate) fn opened<'a>(
    paths: &'a [PathBuf],
    exclude: &'a GlobSet,
    limits: &'a Limits,
) -> impl Iterator<Item = Result<(Candidate, Master), Unread>> {
    candidates(paths, exclude).filter_map(move |candidate| {
        let candidate = match candidate {
            Ok(candidate) => candidate,
            Err(unread) => return Some(Err(unread)),
        };
        Some(match candidate.open(limits)? {
            Ok(master) => Ok((candidate, master)),
            Err(error) => Err(Unread { path: candidate.path, error: error.to_string() }),
        })
    })
}

/// Opens a master that was named: a file, or what can be read only once.
pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Master, Error> {
    if spool::is_stream(path) { spool::open(path, limits) } else { Master::open_with(path, limits) }
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
fn why_not(error: &walkdir::Error, path: &Path) -> String {
    let is_link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => {
            format!("{}: a link to {}, in which it lies", path.display(), ancestor.display())
        }
        (None, Some(why)) if is_link => format!("{}: a link that leads nowhere ({why})", path.display()),
        (None, Some(why)) => format!("{}: {why}", path.display()),
        (None, None) => format!("{}: cannot be read", path.display()),
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
    fn file(path: PathBuf, root: PathBuf, dir: PathBuf, found: bool) -> Self {
        Self {
            path,
            root,
            dir,
            found,
            #[cfg(feature = "tier")]
            object: None,
        }
    }

    #[cfg(feature = "tier")]
    fn object(facts: objects::Facts, root: &Path) -> Self {
        let (path, found) = (facts.path(), facts.found);
        let folder = path.parent().unwrap_or(Path::new(""));
        let root = if found { root } else { folder };
        let dir = folder.strip_prefix(root).unwrap_or(Path::new("")).to_owned();
        let root = root.to_owned();
        Self { path, root, dir, found, object: Some(facts) }
    }

    /// Where others find it, in whatever folder they were started: its absolute path, or its URL without the settings of its
    /// service, which they have themselves.
    #[cfg(feature = "queue-nats")]
    pub(crate) fn address(&self) -> std::io::Result<PathBuf> {
        #[cfg(feature = "tier")]
        if self.object.is_some() {
            return Ok(self.path.clone());
        }
        std::path::absolute(&self.path)
    }

    /// What lies at an [`address`](Self::address) and has so many bytes.
    #[cfg(feature = "queue-nats")]
    pub(crate) fn at(address: PathBuf, found: bool, bytes: u64) -> Self {
        let root = address.parent().unwrap_or(Path::new("")).to_owned();
        #[cfg(feature = "tier")]
        if let Some(url) = objects::url(&address) {
            return Self::object(objects::Facts { url: url.to_owned(), bytes, found }, &root);
        }
        #[cfg(not(feature = "tier"))]
        let _ = bytes; // a file tells
        Self::file(address, root, PathBuf::new(), found)
    }

    /// Its size in bytes, as far as that is known before it is opened.
    pub(crate) fn bytes(&self) -> u64 {
        #[cfg(feature = "tier")]
        if let Some(object) = &self.object {
            return object.bytes;
        }
        self.path.metadata().map_or(0, |meta| meta.len())
    }

    /// Whether it lies in a folder, so that something can be written beside it.
    pub(crate) fn has_folder(&self) -> bool {
        #[cfg(feature = "tier")]
        if self.object.is_some() {
            return false;
        }
        !self.is_stream()
    }

    /// Its path below [`root`](Self::root).
    pub(crate) fn below(&self) -> PathBuf {
        self.dir.join(self.path.file_name().unwrap_or_default())
    }

    /// Standard input, or a pipe. MP3s of it are not written beside it.
    fn streamed(path: &Path) -> Self {
        Self::file(path.to_owned(), PathBuf::new(), PathBuf::new(), false)
    }

    pub(crate) fn is_stream(&self) -> bool {
        !self.found && spool::is_stream(&self.path)
    }

    /// Opens the master. `None` if it lies in a folder that was walked and is none: a cover, a text,
    /// an MP3 from before, or what is gone again. One that is none though it is called like one may be a failed copy.
    pub(crate) fn open(&self, limits: &Limits) -> Option<Result<Master, Error>> {
        let is_nobodys = |error: &Error| match (error, promised(&self.path)) {
            (Error::Unrecognised { .. } | Error::Lossy { .. }, None) => true,
            // A name that is right: such files may hold lossy audio.
            (Error::Lossy { container: Some(found), .. }, Some(promised)) => found == promised,
            _ => false,
        };
        match self.try_open(limits) {
            Err(error) if self.found && (is_nobodys(&error) || self.is_gone()) => {
                detail(|| format!("{}: passed over, no master", plain(&self.name())));
                None
            }
            opened => Some(opened),
        }
    }

    fn try_open(&self, limits: &Limits) -> Result<Master, Error> {
        #[cfg(feature = "tier")]
        if let Some(object) = &self.object {
            return Master::open_with(&object.url, limits);
        }
        if self.found { Master::open_with(&self.path, limits) } else { open(&self.path, limits) }
    }

    fn is_gone(&self) -> bool {
        #[cfg(feature = "tier")]
        if self.object.is_some() {
            return false;
        }
        is_gone(&self.path)
    }

    /// The path for people.
    pub(crate) fn name(&self) -> String {
        called(&self.path)
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
        let none = GlobSet::empty();
        let mut all = candidates(&named, &none);

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
