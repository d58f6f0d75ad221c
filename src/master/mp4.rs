//! MPEG-4 (M4A) and `QuickTime`: the sample tables of the first audio track.
//!
//! The track is taken whole: edit lists, which say what of it to play, are not followed.

use std::ops::Range;

use super::Opened;
use super::flac::StreamInfo;
use super::info::Container;
use super::packets::{Coding, Table};
use super::source::Input;
use crate::error::{Error, Result};

/// An atom without its header: what kind it is and where its content lies.
pub(super) type Atom = ([u8; 4], Range<u64>);

/// Opens a file of atoms that starts at `start`.
pub(super) fn open(input: &Input, start: u64) -> Result<Opened> {
    let Some(moov) = child(input, &(start..input.len), *b"moov")? else {
        return Err(input.damaged(0, "an MP4 file without its index (moov): cut off, or not finished"));
    };
    let mut tracks = 0;
    for (kind, track) in children(input, &moov)? {
        if &kind != b"trak" {
            continue;
        }
        let Some(media) = child(input, &track, *b"mdia")? else { continue };
        let Some(handler) = child(input, &media, *b"hdlr")? else { continue };
        tracks += 1;
        if input.array(handler.start + 8)? == *b"soun" {
            return open_track(input, &moov, &media);
        }
    }
    let detail = format!("an MP4 file of which none of the {tracks} tracks is audio");
    Err(Error::Unrecognised { name: input.name.clone(), detail })
}

fn open_track(input: &Input, moov: &Range<u64>, media: &Range<u64>) -> Result<Opened> {
    let header = required(input, media, *b"mdhd")?;
    let [version] = input.array(header.start)?;
    let scale = input.be32(header.start + if version == 1 { 20 } else { 12 })?;
    let information = required(input, media, *b"minf")?;
    let tables = required(input, &information, *b"stbl")?;
    let coding = coding(input, &required(input, &tables, *b"stsd")?)?;
    if child(input, moov, *b"mvex")?.is_some() {
        return Err(input.unsupported("fragmented MP4; ALAC in an MP4 with a single index is"));
    }
    let rate = coding.rate(input)?;
    if scale != rate.hz() {
        return Err(input
            .unsupported(format!("an MP4 audio track that counts in 1/{scale} s, not in samples ({rate})")));
    }
    let table = read_tables(input, &tables, coding)?;
    Opened::of_packets(input, Container::Mp4, table)
}

/// What the first sample description says.
fn coding(input: &Input, descriptions: &Range<u64>) -> Result<Coding> {
    let entries = descriptions.start + 8..descriptions.end;
    let Some((kind, entry)) = children(input, &entries)?.into_iter().next() else {
        return Err(input.damaged(0, "an MP4 audio track without description"));
    };
    // QuickTime's later versions have more fields before the atoms.
    let fields = match input.array::<10>(entry.start)? {
        [.., 0, 1] => 44,
        [.., 0, 2] => 64,
        _ => 28,
    };
    let inner = entry.start + fields..entry.end;
    match &kind {
        b"alac" => {
            let mut parent = inner;
            if let Some(wave) = child(input, &parent, *b"wave")? {
                parent = wave;
            }
            let config = required(input, &parent, *b"alac")?;
            // The first 4 bytes are a version and flags.
            let config = input.bytes(config.start + 4, (config.end - config.start).saturating_sub(4))?;
            Coding::alac(input, &config)
        }
        b"fLaC" => {
            // A version and flags, then metadata blocks of which STREAMINFO is the first.
            let config = required(input, &inner, *b"dfLa")?;
            Ok(Coding::Flac(StreamInfo::parse(&input.array(config.start + 8)?)))
        }
        _ => Err(other_codec(input, kind, &inner)),
    }
}

fn other_codec(input: &Input, kind: [u8; 4], inner: &Range<u64>) -> Error {
    let lossy = match &kind {
        b"mp4a" => match object_type(input, inner) {
            Some(0x69 | 0x6b) => "MP3",
            Some(0xdd) => "Vorbis",
            _ => "AAC",
        },
        b".mp3" | b"ms\0\x55" => "MP3",
        b"ac-3" | b"ec-3" => "AC-3",
        b"ac-4" => "AC-4",
        b"Opus" => "Opus",
        b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" => "DTS",
        b"samr" | b"sawb" => "AMR",
        b"ulaw" => "µ-law",
        b"alaw" => "A-law",
        b"ima4" | b"ms\0\x02" | b"ms\0\x11" => "ADPCM",
        b"MAC3" | b"MAC6" => "MACE",
        b"QDM2" | b"QDMC" => "QDesign Music",
        b"drms" | b"enca" => return input.unsupported("encrypted audio in MP4; ALAC without protection is"),
        _ => return input.unsupported(format!("'{}' in MP4; ALAC is", kind.escape_ascii())),
    };
    input.lossy(format!("{lossy} (in M4A)"))
}

/// The kind of `mp4a`: the byte behind the tag 4 (decoder configuration) in its descriptor.
fn object_type(input: &Input, inner: &Range<u64>) -> Option<u8> {
    let esds = child(input, inner, *b"esds").ok()??;
    let bytes = input.bytes(esds.start, (esds.end - esds.start).min(64)).ok()?;
    // Version and flags, tag 3, its length, 3 bytes, tag 4, its length.
    let mut at = 4;
    for (tag, skip) in [(3, 3), (4, 0)] {
        if *bytes.get(at)? != tag {
            return None;
        }
        at += 1 + bytes.get(at + 1..)?.iter().take_while(|&&byte| byte & 0x80 != 0).count() + 1 + skip;
    }
    bytes.get(at).copied()
}

/// The packets, by the tables that say how long they last (stts), how large they are (stsz), how
/// many lie together (stsc) and where (stco or co64).
fn read_tables(input: &Input, tables: &Range<u64>, coding: Coding) -> Result<Table> {
    let times = entries::<8>(input, tables, *b"stts", 4)?;
    let mut times =
        times.iter().flat_map(|entry| std::iter::repeat_n(number(entry, 4), number(entry, 0) as usize));
    let sizes = required(input, tables, *b"stsz")?;
    let (size, count) = (input.be32(sizes.start + 4)?, input.be32(sizes.start + 8)?);
    let each = if size == 0 { entries::<4>(input, tables, *b"stsz", 8)? } else { Vec::new() };
    let runs = entries::<12>(input, tables, *b"stsc", 4)?;
    let chunks: Vec<u64> = if child(input, tables, *b"co64")?.is_some() {
        entries::<8>(input, tables, *b"co64", 4)?.into_iter().map(u64::from_be_bytes).collect()
    } else {
        entries::<4>(input, tables, *b"stco", 4)?.into_iter().map(|o| u32::from_be_bytes(o).into()).collect()
    };

    let mut table = Table::new(coding);
    let mut runs = runs.iter().map(|entry| (number(entry, 0), number(entry, 4))).peekable();
    let mut in_chunk = 0;
    let mut index = 0;
    for (number, mut offset) in (1..).zip(chunks) {
        if let Some((_, count)) = runs.next_if(|&(first, _)| first == number) {
            in_chunk = count;
        }
        for _ in 0..in_chunk {
            if index == count {
                break;
            }
            let size = each.get(index as usize).map_or(size, |&size| u32::from_be_bytes(size));
            let Some(duration) = times.next() else {
                return Err(input.damaged(table.samples(), "its table of times is too short"));
            };
            if size == 0 {
                return Err(input.damaged(table.samples(), "its table states an empty packet"));
            }
            table.push(input, offset, size, duration.into())?;
            offset = offset.saturating_add(size.into());
            index += 1;
        }
    }
    if index < count {
        return Err(input.damaged(table.samples(), "its table of places is too short"));
    }
    Ok(table)
}

/// The number that stands `at` bytes into an entry.
fn number(entry: &[u8], at: usize) -> u32 {
    entry.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// The entries of a table, of `N` bytes each, whose number stands `skip` bytes into the atom.
fn entries<const N: usize>(
    input: &Input,
    parent: &Range<u64>,
    kind: [u8; 4],
    skip: u64,
) -> Result<Vec<[u8; N]>> {
    let atom = required(input, parent, kind)?;
    let count = input.be32(atom.start + skip)?;
    let first = atom.start + skip + 4;
    let size = u64::from(count) * N as u64;
    if first.saturating_add(size) > atom.end {
        return Err(input.damaged(0, format!("its table '{}' is cut off", kind.escape_ascii())));
    }
    let bytes = input.bytes(first, size)?;
    Ok(bytes.as_chunks().0.to_vec())
}

fn required(input: &Input, parent: &Range<u64>, kind: [u8; 4]) -> Result<Range<u64>> {
    child(input, parent, kind)?
        .ok_or_else(|| input.damaged(0, format!("an MP4 track without '{}'", kind.escape_ascii())))
}

pub(crate) fn child(input: &Input, parent: &Range<u64>, kind: [u8; 4]) -> Result<Option<Range<u64>>> {
    let mut at = parent.start;
    while let Some(atom) = next_atom(input, at, parent.end)? {
        if atom.0 == kind {
            return Ok(Some(atom.1));
        }
        at = atom.1.end;
    }
    Ok(None)
}

/// The atoms within a range.
pub(crate) fn children(input: &Input, parent: &Range<u64>) -> Result<Vec<Atom>> {
    let mut atoms = Vec::new();
    let mut at = parent.start;
    while let Some(atom) = next_atom(input, at, parent.end)? {
        at = atom.1.end;
        atoms.push(atom);
    }
    Ok(atoms)
}

/// The atom that starts at `at`, if there is one before `end`; if it claims to be longer it ends there.
fn next_atom(input: &Input, at: u64, end: u64) -> Result<Option<Atom>> {
    if at.saturating_add(8) > end {
        return Ok(None);
    }
    let (size, kind) = input.pair(at)?;
    let (head, size) = match u32::from_be_bytes(size) {
        0 => (8, end - at),
        1 => (16, u64::from_be_bytes(input.array(at + 8)?)),
        size => (8, size.into()),
    };
    if size < head {
        return Ok(None);
    }
    let end = at.saturating_add(size).min(end);
    Ok(Some((kind, (at + head).min(end)..end)))
}
