//! The atoms of MP4 that iTunes made the custom: moov.udta.meta.ilst.

use std::ops::Range;

use super::id3::genre;
use crate::error::Result;
use crate::master::mp4::{child, children};
use crate::tags::field::FIELDS;
use crate::tags::parts::PictureKind;
use crate::tags::reading::{Reading, take_array};

/// Reads the tags of a file of atoms that starts at `start`.
pub(super) fn read(reading: &mut Reading, start: u64) -> Result<()> {
    let mut parent = start..reading.input.len;
    for kind in [b"moov", b"udta", b"meta", b"ilst"] {
        let found = child(reading.input, &parent, *kind);
        let Some(found) = reading.found("MP4 tags", found)? else { return Ok(()) };
        parent = found;
        // A version and flags come first, but not in QuickTime's files.
        if kind == b"meta" && reading.input.array::<4>(parent.start).is_ok_and(|flags| flags == [0; 4]) {
            parent.start = (parent.start + 4).min(parent.end);
        }
    }
    let items = children(reading.input, &parent);
    for (kind, item) in reading.found("MP4 tags", items)? {
        read_item(reading, kind, &item)?;
    }
    Ok(())
}

fn read_item(reading: &mut Reading, kind: [u8; 4], item: &Range<u64>) -> Result<()> {
    let known = FIELDS.iter().find(|field| field.atoms.contains(&kind));
    let wanted =
        known.is_some() || matches!(&kind, b"covr" | b"----" | b"trkn" | b"disk" | b"tmpo" | b"gnre");
    if !wanted {
        // The encoder, and what only concerns a shop and its customer, or a programme guide.
        return Ok(());
    }
    let what = format!("MP4 atom {}", kind.escape_ascii());
    let inner = children(reading.input, item);
    let mut name = known.map_or(String::new(), |field| field.name.to_owned());
    let mut first = true;
    for (part, range) in reading.found(&what, inner)? {
        // Each begins with a version and flags, which say of data what type it is.
        let Some(bytes) = reading.bytes(&what, range)? else { continue };
        let rest = &mut bytes.as_slice();
        let Some(flags) = take_array(rest).map(u32::from_be_bytes) else { continue };
        match &part {
            b"name" => name = String::from_utf8_lossy(rest).into_owned(),
            b"data" => {
                take_array::<4>(rest); // a locale
                match &kind {
                    b"covr" => {
                        let kind = if first { PictureKind::FRONT_COVER } else { PictureKind::OTHER };
                        reading.picture(kind, "image/", "", rest);
                        first = false;
                    }
                    b"trkn" => read_pair(reading, "TRACKNUMBER", "TRACKTOTAL", rest),
                    b"disk" => read_pair(reading, "DISCNUMBER", "DISCTOTAL", rest),
                    b"tmpo" => reading.text(
                        "BPM",
                        &number(rest).filter(|&bpm| bpm > 0).map_or(String::new(), |bpm| bpm.to_string()),
                    ),
                    b"gnre" => {
                        let id = number(rest).and_then(|number| u8::try_from(number.checked_sub(1)?).ok());
                        reading.text_if_none("GENRE", &id.and_then(genre).unwrap_or_default());
                    }
                    b"cpil" => {
                        if number(rest).is_some_and(|flag| flag != 0) {
                            reading.text(&name, "1");
                        }
                    }
                    _ => {
                        let value = match flags & 0xff_ffff {
                            2 => utf16(rest),
                            21 => number(rest).map_or(String::new(), |number| number.to_string()),
                            _ => String::from_utf8_lossy(rest).into_owned(),
                        };
                        if !name.is_empty() {
                            reading.text(&name, &value);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Two bytes of nothing, a number, how many there are; 0 for what is not known.
fn read_pair(reading: &mut Reading, name: &str, total: &str, bytes: &[u8]) {
    for (name, bytes) in [(name, bytes.get(2..4)), (total, bytes.get(4..6))] {
        if let Some(value) = bytes.and_then(number).filter(|&value| value != 0) {
            reading.text(name, &value.to_string());
        }
    }
}

/// A whole number of one to eight bytes.
fn number(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.first()? & 0x80 != 0;
    (bytes.len() <= 8).then(|| {
        bytes.iter().fold(if negative { -1 } else { 0 }, |number, &byte| number << 8 | i64::from(byte))
    })
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.as_chunks().0.iter().map(|&unit| u16::from_be_bytes(unit)).collect();
    String::from_utf16_lossy(&units)
}
