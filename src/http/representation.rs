//! What is said of a file in answers, and what conditions are judged by.

use std::time::SystemTime;

use http::header::{ACCEPT_RANGES, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::conditions::Validators;
use crate::overlay::Overlay;
use crate::poll_bytes::PollBytes;
use crate::size::Size;
use crate::store::Key;

/// A file that can be asked for: what answers say of it before anything of it is opened.
#[derive(Debug, Clone)]
pub struct Representation {
    etag: HeaderValue,
    modified: Option<SystemTime>,
    kind: HeaderValue,
    size: Size,
    /// Of which rendition it is, and behind which overlay.
    of: Option<(Key, Overlay)>,
}

impl Representation {
    /// The rendition of this key, `size` bytes long, behind an overlay (an empty one for none). Its `ETag` changes when either
    /// does. It has no date: nothing about a rendition but its key tells one from another.
    #[must_use]
    pub fn rendition(key: &Key, size: Size, overlay: &Overlay) -> Self {
        let kind = HeaderValue::from_static("audio/mpeg");
        // Tags of overlays are hexadecimal digits and a dash in quotes.
        let etag = HeaderValue::try_from(overlay.etag(key)).unwrap_or(HeaderValue::from_static("\"\""));
        let of = Some((*key, overlay.clone()));
        Self { etag, modified: None, kind, size: size.behind(overlay.len()), of }
    }

    /// Any file. `None` unless `etag` is a strong entity tag with its quotes, such as `"a1"`.
    #[must_use]
    pub fn new(etag: &str, kind: HeaderValue, size: Size) -> Option<Self> {
        let opaque = etag.strip_prefix('"')?.strip_suffix('"')?;
        let allowed = opaque.bytes().all(|byte| byte > b' ' && byte != b'"' && byte != 0x7f);
        let etag = HeaderValue::try_from(etag).ok().filter(|_| allowed)?;
        Some(Self { etag, modified: None, kind, size, of: None })
    }

    /// It was last modified then; fractions of a second do not count.
    #[must_use]
    pub const fn modified(mut self, at: SystemTime) -> Self {
        self.modified = Some(at);
        self
    }

    /// The size: exact, or what is known of it before it is pressed.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// What is said of `opened` in its place, if that is another rendition than was thought: one of an older build.
    pub(super) fn instead(&self, opened: &dyn PollBytes) -> Option<Self> {
        let (key, overlay) = self.of.as_ref()?;
        let other = opened.key().filter(|other| other != key)?;
        let Size::Exact(size) = opened.size() else { return None };
        let audio = Size::Exact(size.saturating_sub(overlay.len()));
        Some(Self { modified: self.modified, ..Self::rendition(&other, audio, overlay) })
    }

    /// The entity tag, with its quotes.
    pub(super) fn etag(&self) -> &[u8] {
        self.etag.as_bytes()
    }

    pub(super) const fn content_type(&self) -> &HeaderValue {
        &self.kind
    }

    pub(super) fn validators(&self) -> Validators<'_> {
        Validators { etag: self.etag.as_bytes(), modified: self.modified }
    }

    /// Sets what conditions are judged by.
    pub(super) fn validate(&self, headers: &mut HeaderMap) {
        headers.insert(ETAG, self.etag.clone());
        if let Some(modified) = self.modified {
            insert(headers, LAST_MODIFIED, &httpdate::fmt_http_date(modified));
        }
    }

    /// Sets what is said of a file that is sent.
    pub(super) fn describe(&self, headers: &mut HeaderMap) {
        self.validate(headers);
        headers.insert(CONTENT_TYPE, self.kind.clone());
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
}

/// Sets a header to a text of our own, which has nothing in it that headers may not have.
pub(super) fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_tags_are_tags() {
        let made =
            |etag| Representation::new(etag, HeaderValue::from_static("a/b"), Size::Exact(1)).is_some();
        assert!(made("\"a-1\"") && made("\"\""));
        for etag in ["a", "\"a", "W/\"a\"", "\"a\"b\"", "\"a b\"", "\"a\n\"", ""] {
            assert!(!made(etag), "{etag}");
        }
    }
}
