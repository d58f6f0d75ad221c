//! MPEG-4 (M4A) and `QuickTime`: the packets of the first audio track.

mod atoms;
mod description;
mod edits;
mod fragments;
mod tables;

use std::ops::Range;

use super::Opened;
use super::coding::PacketCoding;
use super::info::Container;
use super::packets::Table;
use super::source::Input;
use crate::error::{Error, Result};

use atoms::required;
pub(crate) use atoms::{child, children};

/// What the index says of the first audio track.
struct Track {
    coding: PacketCoding,
    /// Where it lies in the index, and its sample tables (stbl).
    place: Range<u64>,
    tables: Range<u64>,
    /// Its times count in so many parts of a second.
    scale: u32,
    /// The same of the times that are the whole movie's, if that is stated.
    movie_scale: Option<u32>,
    /// What says that more packets follow in fragments (mvex).
    more: Option<Range<u64>>,
}

/// Opens a file of atoms that starts at `start`.
pub(super) fn open(input: &Input, start: u64) -> Result<Opened> {
    let container = container(input, start)?;
    Opened::of_packets(input, container, start, read)
}

/// What the file calls itself: by its brands (ISO/IEC 14496-12, section 4.3), of which `QuickTime` did without at first.
fn container(input: &Input, start: u64) -> Result<Container> {
    if input.array(start + 4)? != *b"ftyp" {
        return Ok(Container::Mov);
    }
    Ok(match &input.array(start + 8)? {
        b"qt  " => Container::Mov,
        b"M4A " | b"M4B " | b"M4P " => Container::M4a,
        _ => Container::Mp4,
    })
}

fn read(input: &Input, start: u64) -> Result<Table> {
    let track = find(input, start)?;
    let mut table = tables::read(input, &track)?;
    if let Some(more) = &track.more {
        fragments::append(input, start, &track.place, more, &mut table)?;
    }
    let stated = table.samples();
    table.measure_last(input)?;
    edits::apply(input, &track, stated, &mut table)?;
    Ok(table)
}

fn find(input: &Input, start: u64) -> Result<Track> {
    let Some(moov) = child(input, &(start..input.len), *b"moov")? else {
        return Err(input.damaged(0, "an MP4 file without its index (moov): cut off, or not finished"));
    };
    let atoms = children(input, &moov)?;
    let first = |kind: &[u8; 4]| atoms.iter().find(|atom| atom.0 == *kind).map(|atom| atom.1.clone());
    let mut tracks = 0;
    for (_, track) in atoms.iter().filter(|atom| &atom.0 == b"trak") {
        let Some(media) = child(input, track, *b"mdia")? else { continue };
        let Some(handler) = child(input, &media, *b"hdlr")? else { continue };
        tracks += 1;
        if input.array(handler.start + 8)? != *b"soun" {
            continue;
        }
        let scale = time_scale(input, &required(input, &media, *b"mdhd")?)?;
        let information = required(input, &media, *b"minf")?;
        let tables = required(input, &information, *b"stbl")?;
        let coding = description::coding(input, &required(input, &tables, *b"stsd")?, scale)?;
        let rate = coding.rate(input)?;
        // PCM is counted where it lies.
        if scale != rate.hz() && !matches!(coding, PacketCoding::Pcm(_)) {
            return Err(input.unsupported(format!(
                "an MP4 audio track that counts in 1/{scale} s, not in samples ({rate})"
            )));
        }
        let movie_scale = first(b"mvhd").map(|header| time_scale(input, &header)).transpose()?;
        let (place, more) = (track.clone(), first(b"mvex"));
        return Ok(Track { coding, place, tables, scale, movie_scale, more });
    }
    let detail = format!("an MP4 file of which none of the {tracks} tracks is audio");
    Err(Error::Unrecognised { name: input.name.clone(), detail })
}

/// The unit of times that a header (mvhd, mdhd) states, in parts of a second.
fn time_scale(input: &Input, header: &Range<u64>) -> Result<u32> {
    let [version] = input.array(header.start)?;
    input.be32(header.start + if version == 1 { 20 } else { 12 })
}
