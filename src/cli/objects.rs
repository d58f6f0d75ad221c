//! Masters in object storage: an object as named, all objects under a URL.

use std::path::{Path, PathBuf};

use tonepress::Error;
use tonepress::master::ObjectSource;

/// What is known of an object before it is opened.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// With the settings of its service, which are nobody else's business.
    pub(super) url: String,
    /// 0 if it was named, and not listed.
    pub(super) bytes: u64,
    /// Listed, not named.
    pub(super) found: bool,
}

impl Facts {
    /// The URL without the settings.
    pub(super) fn path(&self) -> PathBuf {
        shown(&self.url)
    }
}

/// `path` as a URL, if it is one.
pub(super) fn url(path: &Path) -> Option<&str> {
    path.to_str().filter(|path| ObjectSource::is_url(path))
}

/// The URL without the settings of its service: what people are shown.
pub(super) fn shown(url: &str) -> PathBuf {
    PathBuf::from(url.split('?').next().unwrap_or_default())
}

/// The objects under `url`, in order of their names; or the one that it names, under which nothing lies.
pub(super) fn list(url: &str) -> Result<Vec<Facts>, Error> {
    let listed = ObjectSource::list(url)?;
    if listed.is_empty() {
        return Ok(vec![Facts { url: url.to_owned(), bytes: 0, found: false }]);
    }
    Ok(listed.into_iter().map(|(url, bytes)| Facts { url, bytes, found: true }).collect())
}
