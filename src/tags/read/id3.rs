//! `ID3v2` in masters: of WAV and AIFF chunks, and in front of FLAC where it does not belong.
//!
//! Read by ourselves because a frame that is broken, compressed or huge must cost that frame only, and because
//! names with a slash in v2.3 (AC/DC) must not come apart.

mod text;

use std::ops::{Range, RangeInclusive};

use text::{Encoding, genres};

use crate::error::Result;
use crate::tags::field::{FIELDS, Field, Frame};
use crate::tags::lrc::MAX_LINES;
use crate::tags::parts::{LinkKind, PictureKind, SyncedLyrics};
use crate::tags::reading::{Reading, take, take_array};

pub(super) use text::genre;

/// The frames of v2.2 by their names since v2.3.
const OLD_NAMES: [(&[u8; 3], &str); 40] = [
    (b"TT1", "TIT1"),
    (b"TT2", "TIT2"),
    (b"TT3", "TIT3"),
    (b"TP1", "TPE1"),
    (b"TP2", "TPE2"),
    (b"TP3", "TPE3"),
    (b"TP4", "TPE4"),
    (b"TAL", "TALB"),
    (b"TRK", "TRCK"),
    (b"TPA", "TPOS"),
    (b"TYE", "TYER"),
    (b"TDA", "TDAT"),
    (b"TIM", "TIME"),
    (b"TOR", "TORY"),
    (b"TCO", "TCON"),
    (b"TCM", "TCOM"),
    (b"TXT", "TEXT"),
    (b"TRC", "TSRC"),
    (b"TPB", "TPUB"),
    (b"TCR", "TCOP"),
    (b"TBP", "TBPM"),
    (b"TKE", "TKEY"),
    (b"TLA", "TLAN"),
    (b"TMT", "TMED"),
    (b"TEN", "TENC"),
    (b"TCP", "TCMP"),
    (b"TST", "TSOT"),
    (b"TSP", "TSOP"),
    (b"TSA", "TSOA"),
    (b"TS2", "TSO2"),
    (b"TSC", "TSOC"),
    (b"TXX", "TXXX"),
    (b"COM", "COMM"),
    (b"ULT", "USLT"),
    (b"SLT", "SYLT"),
    (b"PIC", "APIC"),
    (b"UFI", "UFID"),
    (b"IPL", "IPLS"),
    (b"WAF", "WOAF"),
    (b"WAR", "WOAR"),
];

/// Reads the tag in `range`.
pub(super) fn read(reading: &mut Reading, range: Range<u64>) -> Result<()> {
    let Some(bytes) = reading.bytes("ID3 tag", range)? else { return Ok(()) };
    parse(reading, &bytes);
    Ok(())
}

fn parse(reading: &mut Reading, bytes: &[u8]) {
    let &[b'I', b'D', b'3', version @ 2..=4, _, flags, s0, s1, s2, s3, ref body @ ..] = bytes else {
        return reading.broken("ID3 tag", "it has no header of v2.2, v2.3 or v2.4");
    };
    let stated = synchsafe([s0, s1, s2, s3]);
    if stated > body.len() {
        reading.broken("the end of the ID3 tag", "it is cut off");
    }
    let mut body = &body[..stated.min(body.len())];
    let unsynchronised = flags & 0x80 != 0;
    let whole;
    if unsynchronised && version < 4 {
        whole = synchronise(body);
        body = &whole;
    }
    if flags & 0x40 != 0 {
        if version == 2 {
            return reading.broken("ID3 tag", "it is compressed");
        }
        // The extended header; only since v2.4 its size counts itself.
        let size = body.first_chunk::<4>().map_or(0, |&size| match version {
            3 => u32::from_be_bytes(size) as usize + 4,
            _ => synchsafe(size),
        });
        body = body.get(size..).unwrap_or_default();
    }
    let (dates, group, grouping) = Default::default();
    Frames { version, unsynchronised, dates, group, grouping }.read(reading, body);
}

/// The parts of the date of v2.3: year, day and month, hour and minute.
#[derive(Default)]
struct Dates {
    year: String,
    day: String,
    time: String,
}

struct Frames {
    version: u8,
    unsynchronised: bool,
    dates: Dates,
    /// TIT1 and GRP1, of which iTunes keeps the grouping in the second, if there is one, and then a work in the first.
    group: Vec<String>,
    grouping: Vec<String>,
}

impl Frames {
    fn read(mut self, reading: &mut Reading, mut rest: &[u8]) {
        let id_len = if self.version == 2 { 3 } else { 4 };
        let header = if self.version == 2 { 6 } else { 10 };
        while rest.len() > header && rest[0] != 0 {
            let (id, size) = (&rest[..id_len], &rest[id_len..header]);
            let (size, flags) = match *size {
                [s0, s1, s2] => (u32::from_be_bytes([0, s0, s1, s2]) as usize, 0),
                [s0, s1, s2, s3, _, flags] => {
                    (frame_size([s0, s1, s2, s3], &rest[header..], self.version), flags)
                }
                _ => break,
            };
            let what = || format!("ID3 frame '{}'", id.escape_ascii());
            let odd = !is_id(id);
            let content = rest.get(header..).and_then(|rest| rest.get(..size));
            let Some(content) = content.filter(|_| !odd || is_next(&rest[header + size..], id_len)) else {
                reading.broken(
                    &what(),
                    if odd { "there is no such frame" } else { "it is longer than the tag" },
                );
                // There may be others behind it.
                match next_frame(rest, id_len, header) {
                    Some(next) => rest = &rest[next..],
                    None => break,
                }
                continue;
            };
            rest = &rest[header + size..];
            if odd {
                reading.broken(&what(), "there is no such frame");
                continue;
            }
            let name = match id_len {
                4 => str::from_utf8(id).unwrap_or_default(),
                _ => OLD_NAMES.iter().find(|(old, _)| old[..] == *id).map_or("", |&(_, name)| name),
            };
            if let Err(detail) = self.frame(reading, name, flags, content) {
                reading.broken(&format!("ID3 frame {name}"), detail);
            }
        }
        self.groupings(reading);
        let Dates { year, day, time } = self.dates;
        let mut date = year;
        if date.len() == 4
            && let Some((day, month)) = two_numbers(&day, 1..=31, 1..=12)
        {
            date = format!("{date}-{month}-{day}");
            if let Some((hour, minute)) = two_numbers(&time, 0..=23, 0..=59) {
                date = format!("{date}T{hour}:{minute}");
            }
        }
        reading.text_if_none("DATE", &date);
    }

    fn groupings(&self, reading: &mut Reading) {
        let mut grouping = &self.group;
        if !self.grouping.is_empty() {
            for work in std::mem::replace(&mut grouping, &self.grouping) {
                reading.text_if_none("WORK", work);
            }
        }
        for value in grouping {
            reading.text("GROUPING", value);
        }
    }

    fn frame(
        &mut self,
        reading: &mut Reading,
        name: &str,
        flags: u8,
        stored: &[u8],
    ) -> Result<(), &'static str> {
        let (plain, mut content);
        let (grouped, compressed, encrypted, with_length) = match self.version {
            2 => (false, false, false, false),
            3 => (flags & 0x20 != 0, flags & 0x80 != 0, flags & 0x40 != 0, false),
            _ => (flags & 0x40 != 0, flags & 0x08 != 0, flags & 0x04 != 0, flags & 0x01 != 0),
        };
        if compressed || encrypted {
            return Err("it is compressed or encrypted");
        }
        let skip = usize::from(grouped) + if with_length { 4 } else { 0 };
        content = stored.get(skip..).ok_or("it is too short")?;
        if self.version == 4 && (flags & 0x02 != 0 || self.unsynchronised) {
            plain = synchronise(content);
            content = &plain;
        }
        self.content(reading, name, content).ok_or("it is too short, or in no known encoding")
    }

    fn content(&mut self, reading: &mut Reading, name: &str, content: &[u8]) -> Option<()> {
        let rest = &mut &*content;
        let mut encoding = || take_array(rest).and_then(|[byte]| Encoding::new(byte));
        match name {
            "TXXX" => {
                let texts = encoding()?.texts(rest);
                let (name, values) = texts.split_first()?;
                for value in values {
                    reading.text(name, value);
                }
            }
            "TMCL" | "TIPL" | "IPLS" => {
                let texts = encoding()?.texts(rest);
                for [role, who] in texts.as_chunks().0 {
                    person(reading, role, who);
                }
            }
            "COMM" | "USLT" => {
                let encoding = encoding()?;
                take(rest, 3)?;
                let description = encoding.text(rest);
                let texts = encoding.texts(rest);
                let of = if name == "COMM" { "COMMENT" } else { "LYRICS" };
                let name = match &*description {
                    "" => of.to_owned(),
                    // What programs keep in comments for themselves.
                    other if crate::tags::field::is_of_the_file(other) => return Some(()),
                    other => format!("{of}:{other}"),
                };
                for text in &texts {
                    reading.text(&name, text);
                }
            }
            "SYLT" => read_synced(reading, encoding()?, rest)?,
            "APIC" => {
                let encoding = encoding()?;
                let mime = match self.version {
                    2 => format!("image/{}", String::from_utf8_lossy(take(rest, 3)?).to_lowercase()),
                    _ => Encoding::Latin1.text(rest),
                };
                let [kind] = take_array(rest)?;
                let description = encoding.text(rest);
                reading.picture(PictureKind(kind), &mime, &description, rest);
            }
            "UFID" => {
                let owner = Encoding::Latin1.text(rest);
                if owner == "http://musicbrainz.org" {
                    reading.text("MUSICBRAINZ_TRACKID", &String::from_utf8_lossy(rest));
                }
            }
            "WXXX" => {
                let kind = LinkKind::Other(encoding()?.text(rest));
                reading.link(kind, &Encoding::Latin1.text(rest));
            }
            _ if name.starts_with('W') => {
                let kind = link_kind(name)?;
                reading.link(kind, &Encoding::Latin1.text(rest));
            }
            // About the file or what is done with it, not about the music.
            "TSSE" | "TLEN" | "TSIZ" | "TFLT" | "TDEN" | "TDTG" | "TDLY" => {}
            "GRP1" => self.grouping = encoding()?.texts(rest),
            "MVNM" | "MVIN" => self.text(reading, name, &encoding()?.texts(rest)),
            _ if name.starts_with('T') => self.text(reading, name, &encoding()?.texts(rest)),
            _ => {}
        }
        Some(())
    }

    fn text(&mut self, reading: &mut Reading, frame: &str, values: &[String]) {
        let first = || values.first().cloned().unwrap_or_default();
        let name = match frame {
            "TRCK" => "TRACKNUMBER",
            "TPOS" => "DISCNUMBER",
            "MVIN" => "MOVEMENT",
            "TIT1" => return self.group = values.to_vec(),
            "TORY" => "ORIGINALDATE",
            "TYER" => return self.dates.year = first(),
            "TDAT" => return self.dates.day = first(),
            "TIME" => return self.dates.time = first(),
            "TCON" => {
                for genre in values.iter().flat_map(|value| genres(value)) {
                    reading.text("GENRE", &genre);
                }
                return;
            }
            _ => {
                let is = |field: &&Field| matches!(field.frame, Frame::Text(id) if id == frame);
                FIELDS.iter().find(is).map_or(frame, |field| field.name)
            }
        };
        for value in values {
            reading.text(name, value);
        }
    }
}

/// Two numbers of two digits each, if they are what they may be.
fn two_numbers(text: &str, first: RangeInclusive<u8>, second: RangeInclusive<u8>) -> Option<(&str, &str)> {
    let is = |text: &str, range: RangeInclusive<u8>| {
        text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse().is_ok_and(|number| range.contains(&number))
    };
    let (one, two) = text.split_at_checked(2)?;
    (text.len() == 4 && is(one, first) && is(two, second)).then_some((one, two))
}

fn link_kind(frame: &str) -> Option<LinkKind> {
    Some(match frame {
        "WOAF" => LinkKind::AudioFile,
        "WOAR" => LinkKind::Artist,
        "WOAS" => LinkKind::Source,
        "WPUB" => LinkKind::Publisher,
        "WCOM" => LinkKind::Shop,
        "WPAY" => LinkKind::Payment,
        "WCOP" => LinkKind::Copyright,
        _ => return None,
    })
}

/// Somebody who took part in some role.
fn person(reading: &mut Reading, role: &str, who: &str) {
    let field =
        FIELDS.iter().find(|f| matches!(f.frame, Frame::Role(name) if name.eq_ignore_ascii_case(role)));
    match field {
        Some(field) => reading.text(field.name, who),
        None if role.is_empty() || role.eq_ignore_ascii_case("performer") => reading.text("PERFORMER", who),
        None if who.is_empty() => {}
        None => reading.text("PERFORMER", &format!("{who} ({role})")),
    }
}

fn read_synced(reading: &mut Reading, encoding: Encoding, rest: &mut &[u8]) -> Option<()> {
    let language = String::from_utf8_lossy(take(rest, 3)?).into_owned();
    let [format, kind] = take_array(rest)?;
    let description = encoding.text(rest);
    if format != 2 || kind > 2 {
        reading.broken("synchronised texts", "they are no lyrics, or their times are not in milliseconds");
        return Some(());
    }
    let language = if language.eq_ignore_ascii_case("xxx") { String::new() } else { language };
    let mut lyrics = SyncedLyrics { language, description, lines: Vec::new() };
    let mut entries = Vec::new();
    while !rest.is_empty() && entries.len() < MAX_LINES {
        let text = encoding.text(rest);
        let Some(time) = take_array(rest).map(u32::from_be_bytes) else { break };
        entries.push((time, text));
    }
    lyrics.set(entries);
    if !lyrics.lines.is_empty() {
        reading.synced_lyrics(lyrics);
    }
    Some(())
}

/// Takes out the zeros that keep decoders from finding audio in a tag.
fn synchronise(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut last = 0;
    for &byte in bytes {
        if !(last == 0xff && byte == 0) {
            out.push(byte);
        }
        last = byte;
    }
    out
}

fn synchsafe(bytes: [u8; 4]) -> usize {
    bytes.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f))
}

fn is_id(id: &[u8]) -> bool {
    id.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The size of a frame. Some programs write that of v2.4 as in v2.3, and the other way round: then a frame or
/// padding follows there, not here.
fn frame_size(bytes: [u8; 4], content: &[u8], version: u8) -> usize {
    let (safe, plain) = (synchsafe(bytes), u32::from_be_bytes(bytes) as usize);
    let fits = |size: usize| content.get(size..).is_some_and(|next| is_next(next, 4));
    let is_plain = bytes.iter().any(|byte| byte & 0x80 != 0);
    match version {
        3 if is_plain || fits(plain) || !fits(safe) => plain,
        4 if is_plain || (!fits(safe) && fits(plain)) => plain,
        _ => safe,
    }
}

/// Whether `rest` may be what stands behind a frame: the end, padding, another frame.
fn is_next(rest: &[u8], id_len: usize) -> bool {
    matches!(rest, [] | [0, ..]) || rest.get(..id_len).is_some_and(is_id)
}

/// Where, behind a frame whose size is wrong, the next one begins: a name, a size that fits, and what may follow.
fn next_frame(rest: &[u8], id_len: usize, header: usize) -> Option<usize> {
    (1..rest.len()).find(|&at| {
        let Some((id, size)) = rest.get(at..at + header).map(|head| (&head[..id_len], &head[id_len..]))
        else {
            return false;
        };
        let size = match *size {
            [s0, s1, s2] => u32::from_be_bytes([0, s0, s1, s2]),
            [s0, s1, s2, s3, ..] => u32::from_be_bytes([s0, s1, s2, s3]),
            _ => return false,
        } as usize;
        let behind = rest.get(at + header..).and_then(|rest| rest.get(size..));
        is_id(id)
            && id[0].is_ascii_uppercase()
            && size > 0
            && behind.is_some_and(|rest| is_next(rest, id_len))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_frames_are_understood_in_both_ways() {
        let mut content = vec![b'x'; 300];
        content.extend(b"TIT2");
        assert_eq!(frame_size([0, 0, 2, 0x2c], &content, 4), 300, "as the standard has it");
        assert_eq!(frame_size([0, 0, 1, 0x2c], &content, 4), 300, "as iTunes had it");
        assert_eq!(frame_size([0, 0, 1, 0x2c], &content, 3), 300, "as the older standard has it");
        assert_eq!(frame_size([0, 0, 2, 0x2c], &content, 3), 300, "as others had it");
    }
}
