//! The sample tables: how long packets last (stts), how large they are (stsz), how many lie together (stsc) and
//! where (stco or co64).

use std::ops::Range;

use super::Track;
use super::atoms::{child, entries, number, required};
use crate::error::Result;
use crate::master::packets::Table;
use crate::master::source::Input;

/// Reads the tables of a track.
pub(super) fn read(input: &Input, track: &Track) -> Result<Table> {
    let places = Places::read(input, &track.tables)?;
    let mut table = Table::new(track.coding.clone());
    match track.coding.pcm_frame() {
        Some(frame) => places.append_pcm(input, frame, &mut table)?,
        None => places.append(input, &entries::<8>(input, &track.tables, *b"stts", 4)?, &mut table)?,
    }
    Ok(table)
}

/// Where the samples are, which is what the tables call packets.
struct Places {
    /// The size of all of them, or 0: then each has its own.
    size: u32,
    each: Vec<[u8; 4]>,
    count: u32,
    /// The first chunk of a run, and how many packets are in each of its chunks.
    runs: Vec<[u8; 12]>,
    chunks: Vec<u64>,
}

impl Places {
    fn read(input: &Input, tables: &Range<u64>) -> Result<Self> {
        let sizes = required(input, tables, *b"stsz")?;
        let (size, count) = (input.be32(sizes.start + 4)?, input.be32(sizes.start + 8)?);
        let each = if size == 0 { entries::<4>(input, tables, *b"stsz", 8)? } else { Vec::new() };
        let runs = entries::<12>(input, tables, *b"stsc", 4)?;
        let chunks = if child(input, tables, *b"co64")?.is_some() {
            entries::<8>(input, tables, *b"co64", 4)?.into_iter().map(u64::from_be_bytes).collect()
        } else {
            let short = entries::<4>(input, tables, *b"stco", 4)?;
            short.into_iter().map(|offset| u32::from_be_bytes(offset).into()).collect()
        };
        Ok(Self { size, each, count, runs, chunks })
    }

    /// Where each chunk lies, and the indexes of its packets.
    fn chunks(&self) -> impl Iterator<Item = (u64, Range<u32>)> {
        let mut runs = self.runs.iter().map(|entry| (number(entry, 0), number(entry, 4))).peekable();
        let (mut in_chunk, mut index) = (0, 0_u32);
        (1..).zip(&self.chunks).map(move |(number, &offset)| {
            if let Some((_, count)) = runs.next_if(|&(first, _)| first == number) {
                in_chunk = count;
            }
            let first = index;
            index = index.saturating_add(in_chunk).min(self.count);
            (offset, first..index)
        })
    }

    /// The size of a packet.
    fn size(&self, index: u32) -> u32 {
        self.each.get(index as usize).map_or(self.size, |&size| u32::from_be_bytes(size))
    }

    fn append(&self, input: &Input, times: &[[u8; 8]], table: &mut Table) -> Result<()> {
        let mut times =
            times.iter().flat_map(|entry| std::iter::repeat_n(number(entry, 4), number(entry, 0) as usize));
        let mut placed = 0;
        for (mut offset, packets) in self.chunks() {
            placed = packets.end;
            for size in packets.map(|index| self.size(index)) {
                let Some(duration) = times.next() else {
                    return Err(input.damaged(table.samples(), "its table of times is too short"));
                };
                table.push(input, offset, size, duration.into())?;
                offset = offset.saturating_add(size.into());
            }
        }
        self.check_placed(input, placed, table)
    }

    /// PCM, of whose samples so many bytes are one for each channel. One of the tables' is the same, whatever they
    /// say of its size (`QuickTime` says 1), unless it holds a whole number of them.
    fn append_pcm(&self, input: &Input, frame: u32, table: &mut Table) -> Result<()> {
        let frames = |size: u32| u64::from(if size.is_multiple_of(frame) { size / frame } else { 1 });
        let mut placed = 0;
        for (offset, packets) in self.chunks() {
            placed = packets.end;
            let count = if self.each.is_empty() {
                frames(self.size) * u64::from(packets.end - packets.start)
            } else {
                packets.map(|index| frames(self.size(index))).sum()
            };
            table.push_pcm(input, offset, count, frame)?;
        }
        self.check_placed(input, placed, table)
    }

    fn check_placed(&self, input: &Input, placed: u32, table: &Table) -> Result<()> {
        if placed < self.count {
            return Err(input.damaged(table.samples(), "its table of places is too short"));
        }
        Ok(())
    }
}
