//! What commands say to machines: docs/json.md describes every field.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tonepress::Profile;

use super::report::{self, Failure};
use super::text::{is_hostile, without_numbers};

/// Rises when a field goes, or means something else; not when one is added.
pub(crate) const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Line<'a, T> {
    schema_version: u32,
    kind: &'a str,
    #[serde(flatten)]
    object: &'a T,
}

/// An object on a line of standard output, of a kind that docs/json.md describes.
pub(crate) fn line(kind: &str, object: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(&Line { schema_version: SCHEMA_VERSION, kind, object })
        .map_err(|error| Failure::Other(error.to_string()))?;
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        // serde_json leaves some for terminals to obey.
        if is_hostile(char) {
            let _ = write!(shown, "\\u{:04x}", u32::from(char)); // a String takes all
        } else {
            shown.push(char);
        }
    }
    report::line(shown)
}

/// The master that an object is about. Its name is as for people where it is no UTF-8; the bytes are in the second field
/// then.
#[derive(Serialize)]
pub(crate) struct Of<'a> {
    master: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    master_base64: Option<String>,
}

impl<'a> Of<'a> {
    pub(crate) fn new(master: &'a Path) -> Self {
        Self { master: master.to_string_lossy(), master_base64: bytes(master) }
    }
}

/// The file that an object is about, named likewise.
#[derive(Serialize)]
pub(crate) struct At<'a> {
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
}

impl<'a> At<'a> {
    pub(crate) fn new(path: &'a Path) -> Self {
        Self { path: path.to_string_lossy(), path_base64: bytes(path) }
    }
}

/// The bytes of a name that is no UTF-8.
fn bytes(name: &Path) -> Option<String> {
    name.to_str().is_none().then(|| STANDARD.encode(name.as_os_str().as_bytes()))
}

/// A failed master or rendition.
#[derive(Serialize)]
pub(crate) struct Failed<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    error: String,
}

impl<'a> Failed<'a> {
    pub(crate) fn new(master: &'a Path, profile: Option<&Profile>, error: &str) -> Self {
        Self::named(master, profile.map(Profile::to_string), error)
    }

    /// The same, where a profile is known by its name.
    pub(crate) fn named(master: &'a Path, profile: Option<String>, error: &str) -> Self {
        Self { of: Of::new(master), profile, error: without_numbers(error) }
    }
}

/// A rendition that was there already.
#[derive(Serialize)]
#[allow(clippy::struct_field_names)] // names of the JSON
pub(crate) struct Skipped<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    profile: String,
    #[serde(flatten)]
    at: At<'a>,
    skipped: bool,
}

impl<'a> Skipped<'a> {
    pub(crate) fn new(master: &'a Path, profile: &Profile, path: &'a Path) -> Self {
        Self { of: Of::new(master), profile: profile.to_string(), at: At::new(path), skipped: true }
    }
}

/// For fields that are left out then.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_name_that_is_no_utf_8_is_given_twice() {
        let of = |name: &'static [u8]| {
            serde_json::to_value(Of::new(Path::new(OsStr::from_bytes(name)))).unwrap_or_default()
        };
        assert_eq!(of(b"song.flac"), serde_json::json!({"master": "song.flac"}));
        assert_eq!(
            of(b"\xff.flac"),
            serde_json::json!({"master": "\u{fffd}.flac", "master_base64": "/y5mbGFj"})
        );
    }
}
