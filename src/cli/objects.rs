//! Masters in object storage: an object as named, all objects under a URL.

use std::path::{Path, PathBuf};

use globset::GlobSet;
use tonepress::master::ObjectSource;

use super::masters::{Candidate, Unread, is_hidden};
use super::report::detail;
use super::text::plain;

/// What is known of an object before it is opened.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// With the settings of its service, which are nobody else's business.
    pub(super) url: String,
    pub(super) bytes: u64,
}

/// `path` as a URL, if it is one.
pub(crate) fn url(path: &Path) -> Option<&str> {
    path.to_str().filter(|path| ObjectSource::is_url(path))
}

/// The URL without the settings of its service: what people are shown.
fn shown(url: &str) -> PathBuf {
    PathBuf::from(url.split('?').next().unwrap_or_default())
}

/// The objects under `url`, in order of their names and without those that are to be left out; or the one that it names.
pub(super) fn candidates<'a>(
    url: &str,
    exclude: &'a GlobSet,
) -> impl Iterator<Item = Result<Candidate, Unread>> + use<'a> {
    let root = shown(url);
    let (listed, failed) = match ObjectSource::list(url) {
        Ok(listed) => (listed, None),
        Err(error) => (Vec::new(), Some(Err(Unread { path: root.clone(), error: error.to_string() }))),
    };
    // Nothing lies under an object.
    let named = (listed.is_empty() && failed.is_none()).then(|| {
        let facts = Facts { url: url.to_owned(), bytes: 0 };
        let parent = root.parent().unwrap_or(Path::new("")).to_owned();
        Ok(candidate(facts, parent, false))
    });
    let found = listed
        .into_iter()
        .map(move |(url, bytes)| candidate(Facts { url, bytes }, root.clone(), true))
        .filter(|candidate| !is_hidden(&candidate.path))
        .filter(|candidate| is_wanted(candidate, exclude))
        .map(Ok);
    failed.into_iter().chain(named).chain(found)
}

fn candidate(facts: Facts, root: PathBuf, found: bool) -> Candidate {
    let path = shown(&facts.url);
    let dir = path.parent().and_then(|folder| folder.strip_prefix(&root).ok()).unwrap_or(Path::new(""));
    Candidate { dir: dir.to_owned(), path, root, found, object: Some(facts) }
}

/// Whether neither it nor a folder that it is in is to be left out.
fn is_wanted(candidate: &Candidate, exclude: &GlobSet) -> bool {
    let wanted = !candidate.below().ancestors().any(|below| exclude.is_match(below));
    if !wanted {
        detail(|| format!("{}: excluded", plain(&candidate.name())));
    }
    wanted
}
