//! Tags while they are read: within limits, and whatever is broken does not keep the rest from being read.

use std::ops::Range;

use crate::error::{Error, Result, Stage};
use crate::master::source::Input;
use crate::tags::field;
use crate::tags::model::{Note, Tags};
use crate::tags::parts::{LinkKind, Picture, PictureKind, SyncedLyrics, sniff};

/// How much of a master's tags is read. What is beyond is left out and noted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of tags all in all, with pictures: 64 MiB.
    pub bytes: u64,
    /// Bytes of one picture: 16 MiB, which is what a FLAC file can hold.
    pub picture_bytes: u64,
    /// Values of texts all in all: 10,000.
    pub values: usize,
    /// Pictures: 64.
    pub pictures: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, picture_bytes: 16 << 20, values: 10_000, pictures: 64 }
    }
}

/// More notes than these tell nobody more.
const MAX_NOTES: usize = 20;

/// Tags being read.
pub(super) struct Reading<'a> {
    pub(super) input: &'a Input,
    limits: &'a Limits,
    /// How many more bytes may be read.
    left: u64,
    /// How many values there are.
    values: usize,
    tags: Tags,
}

impl<'a> Reading<'a> {
    pub(super) fn new(input: &'a Input, limits: &'a Limits) -> Self {
        Self { input, limits, left: limits.bytes, values: 0, tags: Tags::default() }
    }

    /// What was read.
    pub(super) fn finish(mut self) -> Tags {
        self.tags.notes.truncate(MAX_NOTES);
        self.tags
    }

    /// Reads another tag, which only fills gaps.
    pub(super) fn less_trusted(&mut self, read: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = std::mem::take(&mut self.tags);
        let result = read(self);
        let other = std::mem::replace(&mut self.tags, before);
        self.tags.fill_from(other);
        result
    }

    /// The bytes in `range`, as far as the file goes; `None` (noted) if they are too many.
    pub(super) fn bytes(&mut self, what: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        let there = range.start.min(self.input.len)..range.end.min(self.input.len);
        let len = there.end.saturating_sub(there.start);
        if there.end < range.end {
            self.broken(what, "the file ends within it");
        }
        match usize::try_from(len) {
            Ok(size) if len <= self.left => {
                self.left -= len;
                let mut bytes = vec![0; size];
                let read = self.input.read_at(&mut bytes, there.start, Stage::Open)?;
                bytes.truncate(read);
                Ok(Some(bytes))
            }
            _ => {
                self.too_large(what, len, self.left);
                Ok(None)
            }
        }
    }

    /// What was found in the file's structure; damage is noted, and nothing was found then.
    pub(super) fn found<T: Default>(&mut self, what: &str, result: Result<T>) -> Result<T> {
        match result {
            Err(Error::Damaged { detail, .. }) => {
                self.broken(what, detail);
                Ok(T::default())
            }
            other => other,
        }
    }

    /// Takes a text, unless it is about the master's file rather than its music.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        let value = value.trim_end_matches('\0');
        if value.is_empty() || field::is_of_the_file(name) {
            return;
        }
        if self.values == self.limits.values {
            self.note(Note::TooMany { what: "texts".into(), limit: self.limits.values });
            return;
        }
        self.values += 1;
        let lyrics = matches!(&*field::canonical(name), "LYRICS" | "SYNCEDLYRICS");
        let Some(synced) = lyrics.then(|| SyncedLyrics::from_lrc(value)).flatten() else {
            self.tags.add(name, value);
            return;
        };
        if self.tags.get("LYRICS").is_empty() {
            self.tags.add("LYRICS", &synced.text());
        }
        self.tags.synced_lyrics.push(synced);
    }

    /// Takes a text where no better one is.
    pub(super) fn text_if_none(&mut self, name: &str, value: &str) {
        if self.tags.get(name).is_empty() {
            self.text(name, value);
        }
    }

    /// Takes a picture. Of its stated MIME type only what its content does not tell is believed.
    pub(super) fn picture(&mut self, kind: PictureKind, mime: &str, description: &str, data: &[u8]) {
        let (bytes, limit) = (data.len() as u64, self.limits.picture_bytes);
        if mime == "-->" {
            self.broken(&kind.to_string(), "it is a link, not a picture");
        } else if data.is_empty() {
            self.broken(&kind.to_string(), "it is empty");
        } else if bytes > limit {
            self.too_large(&kind.to_string(), bytes, limit);
        } else if self.tags.pictures.len() == self.limits.pictures {
            self.note(Note::TooMany { what: "pictures".into(), limit: self.limits.pictures });
        } else {
            let mime = sniff(data).unwrap_or(mime).to_owned();
            let description = description.replace('\0', " ");
            self.tags.pictures.push(Picture { kind, mime, description, data: data.into() });
        }
    }

    /// Whether there is such a picture already.
    pub(super) fn has_picture(&self, data: &[u8]) -> bool {
        self.tags.pictures.iter().any(|picture| *picture.data == *data)
    }

    pub(super) fn synced_lyrics(&mut self, lyrics: SyncedLyrics) {
        self.tags.synced_lyrics.push(lyrics);
    }

    pub(super) fn link(&mut self, kind: LinkKind, url: &str) {
        self.tags.set_link(kind, url);
    }

    pub(super) fn broken(&mut self, what: &str, detail: impl Into<String>) {
        self.note(Note::Broken { what: what.to_owned(), detail: detail.into() });
    }

    pub(super) fn too_large(&mut self, what: &str, bytes: u64, limit: u64) {
        self.note(Note::TooLarge { what: what.to_owned(), bytes, limit });
    }

    fn note(&mut self, note: Note) {
        if self.tags.notes.len() < MAX_NOTES && !self.tags.notes.contains(&note) {
            self.tags.notes.push(note);
        }
    }
}

/// Text without a stated encoding: UTF-8 if it is, else ISO 8859-1; up to the first NUL.
pub(super) fn text_of(bytes: &[u8]) -> String {
    let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect::<String>().trim().to_owned(),
    }
}

/// Takes `len` bytes off the front, if there are so many.
pub(super) fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

/// Takes `N` bytes off the front, if there are so many.
pub(super) fn take_array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}
