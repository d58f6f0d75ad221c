//! Which frames tags become.

use id3::frame::{Comment, ExtendedLink, ExtendedText, InvolvedPeopleList, InvolvedPeopleListItem};
use id3::frame::{Lyrics, UniqueFileIdentifier, Unknown};
use id3::{Content, Encoding, Frame};

use super::values;
use super::version::{Version, encoding, terminated};
use crate::tags::field::{self, FIELDS};
use crate::tags::model::{Note, Tags};
use crate::tags::parts::{LinkKind, Picture, PictureKind, SyncedLyrics};

/// The language of a text whose language is not known.
const UNKNOWN_LANGUAGE: &str = "XXX";

/// What a tag is to hold, in its order, and what has no room.
pub(super) struct Contents<'a> {
    pub(super) frames: Vec<Frame>,
    /// Behind the frames.
    pub(super) pictures: Vec<&'a Picture>,
    pub(super) notes: Vec<Note>,
}

/// The frames of `tags`, of `left` bytes at most, without pictures of more than `picture_bytes`.
pub(super) fn frames(tags: &Tags, version: Version, left: u64, picture_bytes: u64) -> Contents<'_> {
    let mut writer = Writer { tags, version, left, frames: Vec::new(), notes: Vec::new() };
    writer.texts();
    writer.links();
    writer.lyrics();
    let pictures = writer.pictures(picture_bytes);
    Contents { frames: writer.frames, pictures, notes: writer.notes }
}

struct Writer<'a> {
    tags: &'a Tags,
    version: Version,
    left: u64,
    frames: Vec<Frame>,
    notes: Vec<Note>,
}

impl<'a> Writer<'a> {
    /// Adds a frame whose texts are `len` bytes of UTF-8, if there is room for it.
    fn push(&mut self, what: &str, len: usize, id: &str, content: Content) {
        // Of one byte of UTF-8 UTF-16 makes two at most.
        let bytes = 64 + 2 * len as u64;
        if self.fits(what, bytes) {
            let encoding = match self.version {
                Version::V24 => Encoding::UTF8,
                Version::V23 if is_ascii(&content) => Encoding::Latin1,
                Version::V23 => Encoding::UTF16,
            };
            self.frames.push(Frame::with_content(id, content).set_encoding(Some(encoding)));
        }
    }

    fn fits(&mut self, what: &str, bytes: u64) -> bool {
        let fits = bytes <= self.left;
        if fits {
            self.left -= bytes;
        } else {
            self.notes.push(Note::TooLarge { what: what.to_owned(), bytes, limit: self.left });
        }
        fits
    }

    /// The values of a text as one: with NULs between them in v2.4, which v2.3 does not have.
    fn join(&self, values: &[String]) -> String {
        values.join(if self.version == Version::V24 { "\0" } else { "/" })
    }

    fn text(&mut self, name: &str, id: &str, values: &[String]) {
        let text = self.join(values);
        if text.is_empty() {
            return;
        }
        let len = text.len();
        let content = if id.starts_with('T') {
            Content::Text(text)
        } else {
            // Apple's own, which the crate takes for no texts.
            let mut data = vec![encoding(self.version)];
            terminated(&text, self.version, &mut data);
            Content::Unknown(Unknown { data, version: self.version.of_crate() })
        };
        self.push(name, len, id, content);
    }

    fn user(&mut self, description: &str, values: &[String]) {
        let (description, value) = (description.to_owned(), self.join(values));
        if !value.is_empty() {
            let (what, len) = (description.clone(), description.len() + value.len());
            self.push(&what, len, "TXXX", Content::ExtendedText(ExtendedText { description, value }));
        }
    }

    fn texts(&mut self) {
        let tags = self.tags;
        for field in FIELDS {
            let values = tags.get(field.name);
            if values.is_empty() {
                continue;
            }
            match (field.frame, self.version) {
                (field::Frame::Text("TDRL" | "TMOO" | "TSST"), Version::V23) => self.user(field.name, values),
                (field::Frame::Text(id @ ("TDRC" | "TDOR" | "TDRL")), version) => {
                    let dates = dates(&self.formed(field.name, values, "no date of ID3", values::date));
                    match (id, version) {
                        ("TDRC", Version::V23) => self.old_date(&dates),
                        ("TDOR", Version::V23) => self.original_year(&dates),
                        _ => self.text(field.name, id, &dates),
                    }
                }
                (field::Frame::Text(id @ "TCMP"), _) => {
                    let flags = self.formed(field.name, values, "neither 1 nor 0", values::flag);
                    self.text(field.name, id, &flags);
                }
                (field::Frame::Text(id @ "TBPM"), _) => {
                    let whole = self.formed(field.name, values, "no number", values::whole);
                    self.text(field.name, id, &whole);
                }
                (field::Frame::Text(id), _) => self.text(field.name, id, values),
                (field::Frame::User(description), _) => self.user(description, values),
                (field::Frame::Role(_) | field::Frame::Special, _) => {}
            }
            match field.name {
                "TRACKNUMBER" => self.number("TRCK", "TRACKNUMBER", "TRACKTOTAL"),
                "DISCNUMBER" => self.number("TPOS", "DISCNUMBER", "DISCTOTAL"),
                "TRACKTOTAL" if tags.get("TRACKNUMBER").is_empty() => self.user(field.name, values),
                "DISCTOTAL" if tags.get("DISCNUMBER").is_empty() => self.user(field.name, values),
                "MOVEMENT" => self.number("MVIN", "MOVEMENT", "MOVEMENTTOTAL"),
                "MOVEMENTTOTAL" if tags.get("MOVEMENT").is_empty() => self.user(field.name, values),
                "MUSICBRAINZ_TRACKID" => self.recording_id(values),
                _ => {}
            }
        }
        self.people();
        for (name, values) in tags.texts().filter(|(name, _)| field::known(name).is_none()) {
            if !name.starts_with("COMMENT:") && !name.starts_with("LYRICS:") {
                self.user(name, values);
            }
        }
        self.comments();
    }

    /// The values in the form that their frame asks for, each once. Those that have none are kept apart.
    fn formed(
        &mut self,
        name: &str,
        values: &[String],
        why_not: &str,
        form: fn(&str) -> Option<String>,
    ) -> Vec<String> {
        let (mut formed, mut others) = (Vec::new(), Vec::new());
        for value in values {
            match form(value) {
                Some(value) if formed.contains(&value) => {}
                Some(value) => formed.push(value),
                None => {
                    let (what, detail) = (name.to_owned(), format!("'{value}' is {why_not}"));
                    self.notes.push(Note::Elsewhere { what, place: "TXXX", detail });
                    others.push(value.clone());
                }
            }
        }
        self.user(name, &others);
        formed
    }

    /// A number and, behind a slash, how many there are.
    fn number(&mut self, id: &str, name: &str, total: &str) {
        let (Some(number), total) = (self.tags.get(name).first(), self.tags.get(total).first()) else {
            return;
        };
        let text = total.map_or_else(|| number.clone(), |total| format!("{number}/{total}"));
        self.text(name, id, &[text]);
    }

    /// A date in the frames of v2.3: the year, the day only if it is known to the day.
    fn old_date(&mut self, values: &[String]) {
        let Some(date) = values.first() else { return };
        let digits = |range: std::ops::Range<usize>| {
            date.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let Some(year) = digits(0..4) else { return };
        self.text("DATE", "TYER", &[year.to_owned()]);
        if let (Some(month), Some(day)) = (digits(5..7), digits(8..10)) {
            self.text("DATE", "TDAT", &[format!("{day}{month}")]);
            if let (Some(hour), Some(minute)) = (digits(11..13), digits(14..16)) {
                self.text("DATE", "TIME", &[format!("{hour}{minute}")]);
            }
        }
    }

    fn original_year(&mut self, values: &[String]) {
        if let Some(year) = values.first().and_then(|date| date.get(..4)) {
            self.text("ORIGINALDATE", "TORY", &[year.to_owned()]);
        }
    }

    fn recording_id(&mut self, values: &[String]) {
        let [id, others @ ..] = values else { return };
        let content = Content::UniqueFileIdentifier(UniqueFileIdentifier {
            owner_identifier: "http://musicbrainz.org".into(),
            identifier: id.clone().into_bytes(),
        });
        self.push("MUSICBRAINZ_TRACKID", id.len(), "UFID", content);
        self.user("MusicBrainz Track Id", others);
    }

    /// Who took part, and how: musicians apart from others in v2.4.
    fn people(&mut self) {
        let (mut musicians, mut others) = (Vec::new(), Vec::new());
        for performer in self.tags.get("PERFORMER") {
            let named = performer.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
            let (name, role) = named.unwrap_or((performer, "performer"));
            musicians.push(person(role, name));
        }
        for field in FIELDS {
            if let field::Frame::Role(role) = field.frame {
                others.extend(self.tags.get(field.name).iter().map(|name| person(role, name)));
            }
        }
        let lists = match self.version {
            Version::V24 => vec![("TMCL", musicians), ("TIPL", others)],
            Version::V23 => vec![("IPLS", [musicians, others].concat())],
        };
        for (id, items) in lists {
            if !items.is_empty() {
                let len = items.iter().map(|item| item.involvement.len() + item.involvee.len() + 8).sum();
                let content = Content::InvolvedPeopleList(InvolvedPeopleList { items });
                self.push("PERFORMER", len, id, content);
            }
        }
    }

    /// Comments: one without a description, which is what players show, the others each with one.
    fn comments(&mut self) {
        for (description, text) in self.described("COMMENT") {
            let len = description.len() + text.len();
            let content = Content::Comment(Comment { lang: UNKNOWN_LANGUAGE.into(), description, text });
            self.push("COMMENT", len, "COMM", content);
        }
    }

    /// The values of a text that has several descriptions, or is to have them.
    fn described(&self, name: &str) -> Vec<(String, String)> {
        let numbered = |first: &str, values: &[String]| -> Vec<_> {
            let number =
                |index: usize| format!("{first}{}{}", if first.is_empty() { "" } else { " " }, index + 1);
            let described = values.iter().enumerate().map(|(index, text)| {
                (if index == 0 { first.to_owned() } else { number(index) }, text.clone())
            });
            described.collect()
        };
        let mut all = numbered("", self.tags.get(name));
        for (other, values) in self.tags.texts() {
            if let Some(description) = other.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')) {
                all.extend(numbered(description, values));
            }
        }
        all
    }

    fn links(&mut self) {
        for (kind, url) in self.tags.links() {
            let link = latin(url);
            let id = match kind {
                LinkKind::AudioFile => "WOAF",
                LinkKind::Artist => "WOAR",
                LinkKind::Source => "WOAS",
                LinkKind::Publisher => "WPUB",
                LinkKind::Shop => "WCOM",
                LinkKind::Payment => "WPAY",
                LinkKind::Copyright => "WCOP",
                LinkKind::Other(description) => {
                    let description = description.replace('\0', " ");
                    let len = description.len() + link.len();
                    self.push(
                        "a link",
                        len,
                        "WXXX",
                        Content::ExtendedLink(ExtendedLink { description, link }),
                    );
                    continue;
                }
            };
            self.push("a link", link.len(), id, Content::Link(link));
        }
    }

    fn lyrics(&mut self) {
        let language = self.tags.get("LANGUAGE").first();
        let is_code = |code: &&String| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_lowercase());
        let language = language.filter(is_code).map_or(UNKNOWN_LANGUAGE, String::as_str);
        for (description, text) in self.described("LYRICS") {
            let len = description.len() + text.len();
            let content = Content::Lyrics(Lyrics { lang: language.into(), description, text });
            self.push("LYRICS", len, "USLT", content);
        }
        for lyrics in self.tags.synced_lyrics() {
            // By ourselves: the crate ends the frame with a byte that some readers stumble over.
            let data = synced(lyrics, language, self.version);
            let version = self.version.of_crate();
            self.push("synchronised lyrics", data.len(), "SYLT", Content::Unknown(Unknown { data, version }));
        }
    }

    /// The pictures that have room.
    fn pictures(&mut self, limit: u64) -> Vec<&'a Picture> {
        let (front, others): (Vec<_>, Vec<_>) =
            self.tags.pictures().iter().partition(|picture| picture.kind == PictureKind::FRONT_COVER);
        let mut pictures = Vec::new();
        for picture in front.into_iter().chain(others) {
            let (what, bytes) = (picture.kind.to_string(), picture.data.len() as u64);
            let around = 64 + picture.mime.len() as u64 + 2 * picture.description.len() as u64;
            if bytes > limit {
                self.notes.push(Note::TooLarge { what, bytes, limit });
            } else if self.fits(&what, bytes + around) {
                pictures.push(picture);
            }
        }
        pictures
    }
}

fn is_ascii(content: &Content) -> bool {
    match content {
        Content::Text(text) => text.is_ascii(),
        Content::ExtendedText(text) => text.description.is_ascii() && text.value.is_ascii(),
        Content::Comment(comment) => comment.description.is_ascii() && comment.text.is_ascii(),
        Content::Lyrics(lyrics) => lyrics.description.is_ascii() && lyrics.text.is_ascii(),
        Content::ExtendedLink(link) => link.description.is_ascii(),
        Content::InvolvedPeopleList(list) => {
            list.items.iter().all(|item| item.involvement.is_ascii() && item.involvee.is_ascii())
        }
        _ => true,
    }
}

fn person(role: &str, name: &str) -> InvolvedPeopleListItem {
    InvolvedPeopleListItem { involvement: role.to_owned(), involvee: name.to_owned() }
}

/// Dates without those that another says more exactly.
fn dates(values: &[String]) -> Vec<String> {
    let vague =
        |date: &&String| values.iter().any(|other| other.len() > date.len() && other.starts_with(&***date));
    values.iter().filter(|date| !vague(date)).cloned().collect()
}

/// A URL in ASCII: what is not is written as in any URL.
fn latin(url: &str) -> String {
    let mut link = String::with_capacity(url.len());
    for byte in url.bytes() {
        match byte {
            0x21..=0x7e => link.push(char::from(byte)),
            _ => link.extend(format!("%{byte:02X}").chars()),
        }
    }
    link
}

/// The content of a frame of lyrics with times in milliseconds.
fn synced(lyrics: &SyncedLyrics, language: &str, version: Version) -> Vec<u8> {
    const MILLISECONDS: u8 = 2;
    const LYRICS: u8 = 1;
    let language = if lyrics.language.is_empty() { language } else { &lyrics.language };
    let mut bytes = vec![encoding(version)];
    bytes.extend(language.bytes().chain(std::iter::repeat(b' ')).take(3));
    bytes.extend([MILLISECONDS, LYRICS]);
    terminated(&lyrics.description, version, &mut bytes);
    for (time, line) in &lyrics.lines {
        terminated(line, version, &mut bytes);
        bytes.extend(time.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_ascii() {
        assert_eq!(latin("https://a.example/é b"), "https://a.example/%C3%A9%20b");
    }
}
