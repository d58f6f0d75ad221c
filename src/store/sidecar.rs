//! The facts of a stored rendition, beside it in a file that people can read.

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, Stage};
use crate::master::MasterId;
use crate::rendition::fingerprint::Fingerprint;
use crate::store::key::Key;
use crate::store::layout::StoreLayout;
use crate::store::text;
use crate::tags::Tags;

/// What is known of a stored rendition. JSON; fields may be added, so unknown ones are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sidecar {
    /// The version of this record.
    pub version: u32,
    /// The rendition's key.
    pub key: Key,
    /// BLAKE3 of the rendition's bytes, in hexadecimal digits.
    #[serde(with = "text")]
    pub digest: blake3::Hash,
    /// The rendition's size in bytes.
    pub bytes: u64,
    /// Its frames, without the Info frame.
    pub frames: u64,
    /// The samples per channel that a gapless player plays.
    pub samples: u64,
    /// The master it was pressed from.
    #[serde(with = "text")]
    pub master: MasterId,
    /// The profile as it was asked for, in canonical form.
    pub profile: String,
    /// The profile with every choice made.
    pub resolved: String,
    /// The build that pressed it.
    #[serde(with = "text")]
    pub fingerprint: Fingerprint,
    /// The same for people.
    pub engine: String,
    /// When it was published: seconds since 1970.
    pub published: u64,
    /// What people know it by.
    #[serde(flatten)]
    pub label: Label,
}

/// What people know a rendition by, as the master's tags said when it was pressed. Nothing depends on it. What they did
/// not say, or an earlier version did not write, is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Label {
    /// Whose music it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artist: Option<String>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album: Option<String>,
}

/// How many characters are kept of each part of a label: a sidecar is to stay within a block.
const LABEL: usize = 200;

impl Label {
    /// Artist, title and album, as far as these tags have them.
    #[must_use]
    pub fn of(tags: &Tags) -> Self {
        let text = |names: &[&str]| Some(tags.first_of(names)?.chars().take(LABEL).collect());
        Self { artist: text(&["ARTIST", "ALBUMARTIST"]), title: text(&["TITLE"]), album: text(&["ALBUM"]) }
    }
}

impl Sidecar {
    pub(super) const VERSION: u32 = 1;

    /// Reads the record of `key`; `None` if there is no file.
    pub(super) fn read(layout: &StoreLayout, key: &Key) -> Result<Option<Self>> {
        let path = layout.sidecar(key);
        let Some(json) = layout.read(&path)? else { return Ok(None) };
        let corrupt = |e: serde_json::Error| Error::Corrupt {
            name: path.display().to_string(),
            detail: format!("no sidecar of version {}: {e}", Self::VERSION),
        };
        serde_json::from_slice(&json).map(Some).map_err(corrupt)
    }

    pub(super) fn write(&self, mut to: impl Write, name: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::Internal { detail: format!("sidecar of {}: {e}", self.key) })?;
        to.write_all(&json).and_then(|()| to.write_all(b"\n")).map_err(Error::at(Stage::Write, name))
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
