//! The model of tags: texts, pictures, lyrics and links, whatever the master's format.

use std::collections::BTreeMap;
use std::fmt;

use crate::tags::field;
use crate::tags::parts::{Gain, LinkKind, Picture, SyncedLyrics};

/// Texts, pictures, lyrics and links that belong to a piece of music.
///
/// Texts have the names of Vorbis comments, whatever the master's format: `TITLE`, `ARTIST`, `ALBUM`,
/// `ALBUMARTIST`, `TRACKNUMBER`, `TRACKTOTAL`, `DATE`, `GENRE`, `ISRC`, `LABEL`, `LYRICS`… Upper and lower case do
/// not matter, usual synonyms (`ALBUM ARTIST`, `ORGANIZATION`) are understood, other names are kept as they
/// are, and each may have several values.
///
/// ```
/// use tonepress::tags::{Gain, LinkKind, Tags};
///
/// let mut tags = Tags::default();
/// tags.set("Title", ["Für Elise"]);
/// tags.set("ARTIST", ["Ludwig", "Van"]);
/// tags.set("ORDERNUMBER", ["2026-4711"]); // travels as TXXX
/// tags.set_link(LinkKind::AudioFile, "https://shop.example/track/1");
/// tags.set_gain(Some(Gain { db: -6.5, peak: 0.98 }), None);
/// assert_eq!(tags.get("artist"), ["Ludwig", "Van"]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tags {
    texts: BTreeMap<String, Text>,
    pub(super) pictures: Vec<Picture>,
    pub(super) synced_lyrics: Vec<SyncedLyrics>,
    links: BTreeMap<LinkKind, String>,
    pub(super) notes: Vec<Note>,
}

/// The values of a text, and its name as it was spelt.
#[derive(Debug, Clone, Default)]
struct Text {
    name: String,
    values: Vec<String>,
}

/// What was not taken from a master's tags, or not written, and why. None of it keeps the audio from being pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// It could not be understood.
    Broken {
        /// What, such as "ID3 frame TIT2".
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// It is larger than the limit.
    TooLarge {
        /// What, such as "front cover".
        what: String,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// It was written, but not where players look for it.
    Elsewhere {
        /// What, such as "DATE".
        what: String,
        /// Where it is now, such as "TXXX".
        place: &'static str,
        /// Why.
        detail: String,
    },
    /// There are more of them than the limit; the first were taken.
    TooMany {
        /// What, such as "texts".
        what: String,
        /// The limit.
        limit: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken { what, detail } => write!(f, "{what} left out: {detail}"),
            Self::TooLarge { what, bytes, limit } => {
                write!(f, "{what} left out: {bytes} bytes, where {limit} are allowed")
            }
            Self::Elsewhere { what, place, detail } => write!(f, "{what} put into {place}: {detail}"),
            Self::TooMany { what, limit } => write!(f, "{what} beyond the first {limit} left out"),
        }
    }
}

impl Tags {
    /// The values of a text; none if there is no such text.
    #[must_use]
    pub fn get(&self, name: &str) -> &[String] {
        self.texts.get(&*field::canonical(name)).map_or(&[], |text| &text.values)
    }

    /// The values of the first of several texts that is there, joined by commas.
    #[must_use]
    pub fn first_of(&self, names: &[&str]) -> Option<String> {
        names
            .iter()
            .map(|name| self.get(name))
            .find(|values| !values.is_empty())
            .map(|values| values.join(", "))
    }

    /// All texts: name and values, sorted by name.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.texts.values().map(|text| (text.name.as_str(), text.values.as_slice()))
    }

    /// Gives a text these values in place of those it had; empty ones do not count. A number as "3/12" also says
    /// how many there are.
    pub fn set<S: Into<String>>(&mut self, name: &str, values: impl IntoIterator<Item = S>) {
        self.remove(name);
        for value in values {
            let value = value.into();
            if let Some(total) = total_of(&field::canonical(name)).filter(|_| value.contains('/')) {
                self.remove(total);
            }
            self.add(name, &value);
        }
    }

    /// Adds a value to a text. An empty one is none, and one with NULs is several.
    pub fn add(&mut self, name: &str, value: &str) {
        let name = name.split('\0').next().unwrap_or_default();
        let key = field::canonical(name);
        for value in value.split('\0').filter(|value| !value.is_empty() && !name.is_empty()) {
            match (total_of(&key), value.split_once('/')) {
                (Some(total_name), Some((number, total))) => {
                    self.add_number(&key, number);
                    self.add_number(total_name, total);
                }
                _ => self.push(&key, name, value),
            }
        }
    }

    /// A part of what was written as "3/12".
    fn add_number(&mut self, name: &str, value: &str) {
        let value = value.trim();
        if !value.is_empty() && self.get(name).is_empty() {
            self.push(name, name, value);
        }
    }

    fn push(&mut self, key: &str, name: &str, value: &str) {
        let known = field::known(key).is_some();
        let text = self.texts.entry(key.to_owned()).or_default();
        if text.values.is_empty() {
            if known { key } else { name }.clone_into(&mut text.name);
        }
        // What stands under two names is said once, and so are numbers.
        let once =
            known && (!name.eq_ignore_ascii_case(key) || total_of(key).is_some() || key.ends_with("TOTAL"));
        if !(once && text.values.iter().any(|other| other == value)) {
            text.values.push(value.to_owned());
        }
    }

    /// Removes a text.
    pub fn remove(&mut self, name: &str) {
        self.texts.remove(&*field::canonical(name));
    }

    /// The pictures; of the front covers the first is the one that players show.
    #[must_use]
    pub fn pictures(&self) -> &[Picture] {
        &self.pictures
    }

    /// Adds a picture.
    pub fn add_picture(&mut self, picture: Picture) {
        self.pictures.push(picture);
    }

    /// Puts a picture in the place of all of its kind.
    pub fn set_picture(&mut self, picture: Picture) {
        self.pictures.retain(|other| other.kind != picture.kind);
        self.pictures.push(picture);
    }

    /// Removes all pictures.
    pub fn remove_pictures(&mut self) {
        self.pictures.clear();
    }

    /// Lyrics with times. Plain ones are the text `LYRICS`.
    #[must_use]
    pub fn synced_lyrics(&self) -> &[SyncedLyrics] {
        &self.synced_lyrics
    }

    /// Gives the music these synchronised lyrics in place of those it had.
    pub fn set_synced_lyrics(&mut self, lyrics: impl IntoIterator<Item = SyncedLyrics>) {
        self.synced_lyrics = lyrics.into_iter().collect();
    }

    /// The links: one of each kind.
    pub fn links(&self) -> impl Iterator<Item = (&LinkKind, &str)> {
        self.links.iter().map(|(kind, url)| (kind, url.as_str()))
    }

    /// Sets a link; an empty URL removes it.
    pub fn set_link(&mut self, kind: LinkKind, url: &str) {
        let url = url.split('\0').next().unwrap_or_default();
        if url.is_empty() {
            self.links.remove(&kind);
        } else {
            self.links.insert(kind, url.to_owned());
        }
    }

    /// Removes all links.
    pub fn remove_links(&mut self) {
        self.links.clear();
    }

    /// Sets `ReplayGain` of the track and of its album in place of what the master says; `None` removes it.
    pub fn set_gain(&mut self, track: Option<Gain>, album: Option<Gain>) {
        self.set_gain_of("TRACK", track);
        self.set_gain_of("ALBUM", album);
    }

    /// Sets `ReplayGain` of the "TRACK" or the "ALBUM".
    pub(crate) fn set_gain_of(&mut self, of: &str, gain: Option<Gain>) {
        let (db, peak) = match gain {
            Some(gain) => (Some(format!("{:.2} dB", gain.db)), Some(format!("{:.6}", gain.peak))),
            None => (None, None),
        };
        // What others measured, or measured against, does not fit any more.
        self.remove(&format!("R128_{of}_GAIN"));
        self.remove(&format!("REPLAYGAIN_{of}_RANGE"));
        for other in OF_MEASUREMENTS {
            self.remove(other);
        }
        self.set(&format!("REPLAYGAIN_{of}_GAIN"), db);
        self.set(&format!("REPLAYGAIN_{of}_PEAK"), peak);
    }

    /// Whether there is nothing to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { texts, pictures, synced_lyrics, links, notes: _ } = self;
        texts.is_empty() && pictures.is_empty() && synced_lyrics.is_empty() && links.is_empty()
    }

    /// What was left out when the tags were read.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Takes from another, less trusted tag of the same master what is missing here.
    pub(super) fn fill_from(&mut self, other: Self) {
        let Self { texts, pictures, synced_lyrics, links, notes } = other;
        for (key, text) in texts {
            self.texts.entry(key).or_insert(text);
        }
        for (kind, url) in links {
            self.links.entry(kind).or_insert(url);
        }
        if self.pictures.is_empty() {
            self.pictures = pictures;
        }
        if self.synced_lyrics.is_empty() {
            self.synced_lyrics = synced_lyrics;
        }
        self.notes.extend(notes);
    }
}

/// Texts about how loudness was measured, of whatever it was.
const OF_MEASUREMENTS: [&str; 4] =
    ["REPLAYGAIN_REFERENCE_LOUDNESS", "REPLAYGAIN_ALGORITHM", "MP3GAIN_MINMAX", "MP3GAIN_ALBUM_MINMAX"];

/// The text that says how many there are of what this one numbers.
fn total_of(name: &str) -> Option<&'static str> {
    match name {
        "TRACKNUMBER" => Some("TRACKTOTAL"),
        "DISCNUMBER" => Some("DISCTOTAL"),
        "MOVEMENT" => Some("MOVEMENTTOTAL"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_synonyms_and_no_case() {
        let mut tags = Tags::default();
        tags.add("Album Artist", "a");
        tags.add("albumartist", "b");
        tags.add("Favourite Colour", "green");
        tags.add("FAVOURITE COLOUR", "blue");
        assert_eq!(tags.get("ALBUM_ARTIST"), ["a", "b"]);
        let texts: Vec<_> = tags.texts().map(|(name, values)| (name, values.len())).collect();
        assert_eq!(texts, [("ALBUMARTIST", 2), ("Favourite Colour", 2)]);
        tags.remove("Albumartist");
        assert!(tags.get("ALBUMARTIST").is_empty());
    }

    #[test]
    fn what_is_said_twice_counts_once_and_what_is_empty_not_at_all() {
        let mut tags = Tags::default();
        for (name, value) in [("COMMENT", "x"), ("DESCRIPTION", "x"), ("COMMENT", ""), ("ISRC", "a\0b")] {
            tags.add(name, value);
        }
        assert_eq!(tags.get("COMMENT"), ["x"]);
        assert_eq!(tags.get("ISRC"), ["a", "b"]);
        tags.set("COMMENT", [""]);
        tags.remove("ISRC");
        assert!(tags.is_empty());
    }

    #[test]
    fn numbers_and_totals_come_apart() {
        let mut tags = Tags::default();
        tags.add("TRACKNUMBER", "3/12");
        tags.add("TOTALTRACKS", "12");
        tags.add("DISCNUMBER", "/2");
        assert_eq!(
            (tags.get("TRACKNUMBER"), tags.get("TRACKTOTAL")),
            (&["3".into()][..], &["12".into()][..])
        );
        assert_eq!((tags.get("DISCNUMBER").len(), tags.get("DISCTOTAL")), (0, &["2".into()][..]));
        tags.set("Track", ["4/13"]);
        assert_eq!(
            (tags.get("TRACKNUMBER"), tags.get("TRACKTOTAL")),
            (&["4".into()][..], &["13".into()][..])
        );
    }

    #[test]
    fn gain_is_written_as_replay_gain_has_it() {
        let mut tags = Tags::default();
        tags.set("REPLAYGAIN_ALBUM_GAIN", ["-1 dB"]);
        for other in ["R128_TRACK_GAIN", "r128_album_gain", "replaygain_reference_loudness", "MP3GAIN_MINMAX"]
        {
            tags.set(other, ["1"]);
        }
        tags.set_gain(Some(Gain { db: -6.498, peak: 0.5 }), None);
        assert_eq!(tags.get("REPLAYGAIN_TRACK_GAIN"), ["-6.50 dB"]);
        assert_eq!(tags.get("REPLAYGAIN_TRACK_PEAK"), ["0.500000"]);
        assert!(tags.get("REPLAYGAIN_ALBUM_GAIN").is_empty());
        assert_eq!(tags.texts().count(), 2, "{tags:?}");
    }
}
