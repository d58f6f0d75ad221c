//! Where everything lies in a ZIP, and what its records say (PKWARE's APPNOTE 6.3, sections 4.3 and 4.5.3).

use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;

use crate::error::{Error, Result};

/// What does not fit 32 bits, or 16, stands in a ZIP64 record, and this in its place.
const BEYOND: u32 = u32::MAX;
const MANY: u16 = u16::MAX;
/// The checksum stands behind the data; names are UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
/// 1 January 1980, 0:00: the first date there is, so that the same members give the same bytes.
const DATE: [u8; 4] = [0, 0, 0x21, 0];
/// Unix (3), and version 4.5 of the specification (45), which knows ZIP64.
const MADE_BY: u16 = 0x032d;
/// A regular file that its owner may write and everybody read.
const MODE: u32 = 0o100_644 << 16;

/// A part of a ZIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// In front of a member.
    Header(usize),
    Data(usize),
    /// Behind a member: its checksum.
    Descriptor(usize),
    /// All members, and the records that end the file.
    Directory,
    /// Beyond the end.
    End,
}

#[derive(Debug)]
pub(super) struct Layout {
    places: Vec<Place>,
    /// Where the directory begins.
    directory: u64,
    len: u64,
}

#[derive(Debug)]
struct Place {
    name: String,
    size: u64,
    /// Where the header begins.
    start: u64,
}

impl Place {
    /// Whether the size takes 64 bits.
    const fn is_large(&self) -> bool {
        self.size >= BEYOND as u64
    }

    const fn data(&self) -> u64 {
        self.start + 30 + self.name.len() as u64 + if self.is_large() { 20 } else { 0 }
    }

    const fn descriptor(&self) -> u64 {
        self.data() + self.size
    }

    const fn end(&self) -> u64 {
        self.descriptor() + if self.is_large() { 24 } else { 16 }
    }

    /// The 64-bit values that the directory has of it.
    fn large_values(&self) -> Vec<u64> {
        let sizes = if self.is_large() { vec![self.size; 2] } else { Vec::new() };
        let start = (self.start >= u64::from(BEYOND)).then_some(self.start);
        sizes.into_iter().chain(start).collect()
    }
}

impl Layout {
    pub(super) fn new(members: impl Iterator<Item = (String, u64)>) -> Result<Self> {
        let mut names = HashSet::new();
        let mut places = Vec::new();
        let mut start = 0;
        for (name, size) in members {
            check(&name)?;
            if !names.insert(name.clone()) {
                return Err(unsupported(name, "is there twice"));
            }
            let place = Place { name, size, start };
            start = place.end();
            places.push(place);
        }
        let mut layout = Self { places, directory: start, len: start };
        layout.len += layout.directory(&vec![0; layout.places.len()]).len() as u64;
        Ok(layout)
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// What lies at a byte.
    pub(super) fn piece(&self, at: u64) -> Piece {
        if at >= self.directory {
            return if at < self.len { Piece::Directory } else { Piece::End };
        }
        let member = self.places.partition_point(|place| place.end() <= at);
        let place = &self.places[member];
        if at < place.data() {
            Piece::Header(member)
        } else if at < place.descriptor() {
            Piece::Data(member)
        } else {
            Piece::Descriptor(member)
        }
    }

    /// Where a piece begins.
    pub(super) fn start(&self, piece: Piece) -> u64 {
        match piece {
            Piece::Header(member) => self.places[member].start,
            Piece::Data(member) => self.places[member].data(),
            Piece::Descriptor(member) => self.places[member].descriptor(),
            Piece::Directory => self.directory,
            Piece::End => self.len,
        }
    }

    /// Where the bytes of a member lie; `None` if there is no such member.
    pub(super) fn data(&self, member: usize) -> Option<Range<u64>> {
        self.places.get(member).map(|place| place.data()..place.descriptor())
    }

    /// What a range has of a member, counted from its first byte.
    pub(super) fn within(&self, member: usize, range: &Range<u64>) -> Range<u64> {
        let place = &self.places[member];
        let [start, end] = [range.start, range.end].map(|at| at.saturating_sub(place.data()).min(place.size));
        start..end
    }

    pub(super) fn header(&self, member: usize) -> Vec<u8> {
        let place = &self.places[member];
        let sizes = if place.is_large() { BEYOND } else { 0 };
        let mut record = Vec::from(*b"PK\x03\x04");
        put16(&mut record, &[version(place.is_large()), FLAGS, 0]);
        record.extend(DATE);
        put32(&mut record, &[0, sizes, sizes]);
        put16(&mut record, &[short(place.name.len()), if place.is_large() { 20 } else { 0 }]);
        record.extend(place.name.as_bytes());
        if place.is_large() {
            put_large(&mut record, &[0, 0]);
        }
        record
    }

    pub(super) fn descriptor(&self, member: usize, crc: u32) -> Vec<u8> {
        let place = &self.places[member];
        let mut record = Vec::from(*b"PK\x07\x08");
        put32(&mut record, &[crc]);
        if place.is_large() {
            put64(&mut record, &[place.size, place.size]);
        } else {
            put32(&mut record, &[low(place.size), low(place.size)]);
        }
        record
    }

    /// The directory and the records behind it.
    pub(super) fn directory(&self, crcs: &[u32]) -> Vec<u8> {
        let mut records = Vec::new();
        for (place, crc) in self.places.iter().zip(crcs) {
            let large = place.large_values();
            records.extend(*b"PK\x01\x02");
            put16(&mut records, &[MADE_BY, version(!large.is_empty()), FLAGS, 0]);
            records.extend(DATE);
            put32(&mut records, &[*crc, low(place.size), low(place.size)]);
            let extra = if large.is_empty() { 0 } else { 4 + 8 * large.len() };
            // No comment, on the first disk, not text.
            put16(&mut records, &[short(place.name.len()), short(extra), 0, 0, 0]);
            put32(&mut records, &[MODE, low(place.start)]);
            records.extend(place.name.as_bytes());
            if !large.is_empty() {
                put_large(&mut records, &large);
            }
        }
        let (count, size) = (self.places.len() as u64, records.len() as u64);
        if count >= u64::from(MANY) || size.max(self.directory) >= u64::from(BEYOND) {
            let end = self.directory + size;
            records.extend(*b"PK\x06\x06");
            put64(&mut records, &[44]);
            put16(&mut records, &[MADE_BY, version(true)]);
            put32(&mut records, &[0, 0]);
            put64(&mut records, &[count, count, size, self.directory]);
            // Where that record is.
            records.extend(*b"PK\x06\x07");
            put32(&mut records, &[0]);
            put64(&mut records, &[end]);
            put32(&mut records, &[1]);
        }
        records.extend(*b"PK\x05\x06");
        let count = u16::try_from(count).unwrap_or(MANY);
        put16(&mut records, &[0, 0, count, count]);
        put32(&mut records, &[low(size), low(self.directory)]);
        put16(&mut records, &[0]);
        records
    }
}

/// The error of a member that gives fewer bytes than were said.
pub(super) fn cut_short(name: &str) -> Error {
    Error::Internal { detail: format!("{name} in a ZIP is shorter than it was said to be") }
}

/// What was opened is not what was planned.
pub(super) fn other_size(name: &str, size: u64, said: u64) -> Error {
    Error::Internal { detail: format!("{name} in a ZIP has {size} bytes instead of {said}") }
}

/// `len` of the bytes from `start` on, or what there is of them.
pub(super) fn cut(bytes: &Bytes, start: u64, len: u64) -> Bytes {
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(index(start)..index(start.saturating_add(len)))
}

/// Whether a name stays in the folder where it is unpacked, on every system.
fn check(name: &str) -> Result<()> {
    let detail = if name.len() >= usize::from(MANY) {
        "is longer than 65,535 bytes"
    } else if name.contains(|c: char| c.is_control() || matches!(c, '\\' | ':')) {
        "has characters that some systems take for something else"
    } else if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        "leads elsewhere"
    } else {
        return Ok(());
    };
    Err(unsupported(name.to_owned(), detail))
}

fn unsupported(name: String, detail: &str) -> Error {
    Error::Unsupported { name, detail: format!("as a name in a ZIP it {detail}") }
}

/// The version of the specification that is needed: 2.0, or 4.5 for ZIP64.
const fn version(large: bool) -> u16 {
    if large { 45 } else { 20 }
}

fn low(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(BEYOND)
}

fn short(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(MANY)
}

fn put16(to: &mut Vec<u8>, values: &[u16]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put32(to: &mut Vec<u8>, values: &[u32]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put64(to: &mut Vec<u8>, values: &[u64]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// The extra field of ZIP64.
fn put_large(to: &mut Vec<u8>, values: &[u64]) {
    put16(to, &[1, short(8 * values.len())]);
    put64(to, values);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(sizes: &[u64]) -> Layout {
        Layout::new(sizes.iter().enumerate().map(|(n, &size)| (format!("{n}.mp3"), size))).unwrap()
    }

    #[test]
    fn pieces_lie_side_by_side() {
        for sizes in [&[][..], &[0], &[5, 0, 7], &[u64::from(u32::MAX), 3]] {
            let layout = layout(sizes);
            let mut at = 0;
            let mut seen = Vec::new();
            while at < layout.len() {
                let piece = layout.piece(at);
                assert_eq!(layout.start(piece), at, "{piece:?}");
                seen.push(piece);
                at += match piece {
                    Piece::Header(member) => layout.header(member).len() as u64,
                    Piece::Data(member) => sizes[member],
                    Piece::Descriptor(member) => layout.descriptor(member, 0).len() as u64,
                    Piece::Directory => layout.directory(&vec![0; sizes.len()]).len() as u64,
                    Piece::End => 0,
                };
            }
            assert_eq!((at, layout.piece(at)), (layout.len(), Piece::End));
            let data = sizes.iter().filter(|&&size| size > 0).count();
            assert_eq!(seen.len(), 2 * sizes.len() + data + 1);
        }
    }

    #[test]
    fn ranges_are_cut_to_members() {
        let layout = layout(&[100, 100]);
        let data = layout.data(1).unwrap();
        assert_eq!(layout.within(1, &(data.start + 5..data.end + 50)), 5..100);
        assert_eq!(layout.within(1, &(0..data.start + 5)), 0..5);
        assert!(layout.within(0, &data).is_empty());
        assert_eq!(layout.data(2), None);
    }

    #[test]
    fn names_stay_where_they_are_unpacked() {
        let made = |name: &str| Layout::new([(name.to_owned(), 1)].into_iter()).is_ok();
        assert!(made("Album/01 Für Elise.mp3") && made(&"a".repeat(65_534)));
        for name in ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a\\b", "c:a", "a\0", "a\nb"] {
            assert!(!made(name), "{name}");
        }
        assert!(!made(&"a".repeat(65_536)));
        assert!(Layout::new([("a".to_owned(), 1), ("a".to_owned(), 1)].into_iter()).is_err());
    }
}
