//! What tags hold besides texts.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A picture, as it is stored: nothing is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picture {
    /// What it shows.
    pub kind: PictureKind,
    /// Such as `image/jpeg`.
    pub mime: String,
    /// In words.
    pub description: String,
    /// The encoded picture. Clones of the tags share it.
    pub data: Arc<[u8]>,
}

impl Picture {
    /// A picture whose MIME type follows from its first bytes; `None` if they are of no picture that is known
    /// (JPEG, PNG, GIF, WebP, BMP).
    #[must_use]
    pub fn new(kind: PictureKind, data: impl Into<Arc<[u8]>>) -> Option<Self> {
        let data = data.into();
        let mime = sniff(&data)?.to_owned();
        Some(Self { kind, mime, description: String::new(), data })
    }
}

/// The MIME type of a picture by its first bytes.
pub(super) fn sniff(data: &[u8]) -> Option<&'static str> {
    match data {
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [b'B', b'M', ..] => Some("image/bmp"),
        _ => None,
    }
}

/// What a picture shows, by the numbers that ID3 and FLAC share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureKind(pub u8);

impl PictureKind {
    /// None of the others.
    pub const OTHER: Self = Self(0);
    /// The front cover, which players show.
    pub const FRONT_COVER: Self = Self(3);
    /// The back cover.
    pub const BACK_COVER: Self = Self(4);
}

impl fmt::Display for PictureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 21] = [
            "picture",
            "file icon",
            "other file icon",
            "front cover",
            "back cover",
            "leaflet",
            "medium",
            "lead artist",
            "artist",
            "conductor",
            "band",
            "composer",
            "lyricist",
            "recording location",
            "recording session",
            "performance",
            "screen capture",
            "bright coloured fish",
            "illustration",
            "band logo",
            "publisher logo",
        ];
        f.pad(NAMES.get(usize::from(self.0)).unwrap_or(&"picture"))
    }
}

/// Lyrics with the time of every line, or of every word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SyncedLyrics {
    /// ISO 639-2, three letters; empty if unknown.
    pub language: String,
    /// In words; usually empty.
    pub description: String,
    /// Milliseconds from the start, and what is sung from then on: a line. Where words have times of their own, as in
    /// enhanced LRC, it is a piece of a line, with the space behind it; those that begin a line have a line feed before it,
    /// but for the first one.
    pub lines: Vec<(u32, String)>,
}

impl SyncedLyrics {
    /// The text alone, one line each.
    #[must_use]
    pub fn text(&self) -> String {
        let is_in_pieces = self.lines.iter().any(|(_, text)| text.starts_with('\n'));
        let texts: Vec<&str> = self.lines.iter().map(|(_, text)| text.as_str()).collect();
        if !is_in_pieces {
            return texts.join("\n");
        }
        let text = texts.concat();
        text.split('\n').map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// Takes lines, or their pieces as programs write them: with the line feed before a line or behind it.
    pub(super) fn set(&mut self, entries: Vec<(u32, String)>) {
        let count = |is: fn(&str) -> bool| entries.iter().filter(|(_, text)| is(text)).count();
        let (before, behind) = (count(|text| text.starts_with('\n')), count(|text| text.ends_with('\n')));
        let most = entries.len().saturating_sub(1);
        let is_in_pieces = before.max(behind) > 0 && before.max(behind) < most;
        let mut begins = false;
        self.lines = entries
            .into_iter()
            .map(|(time, text)| {
                let line = text.trim_matches(['\r', '\n']);
                let feed = if is_in_pieces && (begins || text.starts_with('\n')) { "\n" } else { "" };
                begins = text.ends_with('\n');
                (time, format!("{feed}{line}"))
            })
            .collect();
    }
}

/// What a link leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LinkKind {
    /// The page of this recording (WOAF).
    AudioFile,
    /// The artist's page (WOAR).
    Artist,
    /// The page of the source, such as the film (WOAS).
    Source,
    /// The publisher's page (WPUB).
    Publisher,
    /// Where it can be bought (WCOM).
    Shop,
    /// How it was paid for (WPAY).
    Payment,
    /// The licence (WCOP).
    Copyright,
    /// Anything else, in words (WXXX).
    Other(String),
}

/// How loud something is, for `ReplayGain`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// What a player is to add, in dB.
    pub db: f64,
    /// The highest sample (or true) peak, 1.0 being full scale.
    pub peak: f64,
}
