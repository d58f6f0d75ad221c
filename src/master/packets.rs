//! Packets at known places: ALAC, FLAC or PCM in M4A and CAF, whose headers hold a table of them.
//!
//! The tables are read by ourselves: Symphonia's M4A reader seeks every track, so a short chapter
//! track makes it fail, and its CAF reader seeks relative to where it happens to be. With a table
//! at hand, finding a sample's packet is one binary search.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::coding::{PacketCoding, PcmPackets};
use super::packet::Packet;
use super::source::Input;
use crate::error::{Error, Result, Stage};

/// No packet of audio is larger.
const MAX_PACKET: u32 = 16 << 20;

/// No master has more packets: these are four days of ALAC at 48 kHz. It keeps a table that
/// points at the same bytes again and again from filling the memory.
const MAX_PACKETS: usize = 4 << 20;

/// Some encoders write a packet without samples at the end; nobody writes more of them.
const MAX_EMPTY: usize = 16;

/// Where the packets are.
pub(super) struct Table {
    pub(super) coding: PacketCoding,
    entries: Vec<Entry>,
    /// How many samples the packets hold.
    held: u64,
    /// How many of them, at the begin, are no part of the master.
    lead: u64,
    /// The sum of the packets' sizes.
    bytes: u64,
}

struct Entry {
    offset: u64,
    size: u32,
    start: u64,
}

impl Entry {
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.size.into())
    }
}

impl Table {
    /// A table without packets.
    pub(super) fn new(coding: PacketCoding) -> Self {
        Self { coding, entries: Vec::new(), held: 0, lead: 0, bytes: 0 }
    }

    /// Adds a packet of `size` bytes at `offset` that holds `samples` samples. Only the last ones may be empty.
    pub(super) fn push(&mut self, input: &Input, offset: u64, size: u32, samples: u64) -> Result<()> {
        input.limit("packets", self.entries.len() as u64 + 1, MAX_PACKETS as u64)?;
        if let Some(empty) = self.entries.last().filter(|entry| entry.size == 0 && size > 0) {
            return Err(input.damaged(empty.start, "its table states an empty packet"));
        }
        if size > MAX_PACKET || samples > self.coding.max_samples() {
            return Err(input.damaged(self.held, "its table states an impossible packet"));
        }
        self.count_bytes(input, offset, size)?;
        self.entries.push(Entry { offset, size, start: self.held });
        self.held += samples;
        Ok(())
    }

    /// Adds PCM at `offset`: `frames` samples of each channel, which are `frame` bytes together.
    pub(super) fn push_pcm(
        &mut self,
        input: &Input,
        mut offset: u64,
        mut frames: u64,
        frame: u32,
    ) -> Result<()> {
        while frames > 0 {
            let room = match self.entries.last() {
                Some(last) if last.end() == offset => PcmPackets::MOST - (self.held - last.start),
                _ => 0,
            };
            let count = frames.min(if room > 0 { room } else { PcmPackets::MOST });
            #[allow(clippy::cast_possible_truncation)] // of which a packet holds few
            let size = count as u32 * frame;
            match self.entries.last_mut() {
                Some(last) if room > 0 => {
                    last.size += size;
                    self.count_bytes(input, offset, size)?;
                    self.held += count;
                }
                _ => self.push(input, offset, size, count)?,
            }
            offset = offset.saturating_add(size.into());
            frames -= count;
        }
        Ok(())
    }

    /// Counts bytes of packets.
    fn count_bytes(&mut self, input: &Input, offset: u64, size: u32) -> Result<()> {
        if offset.saturating_add(size.into()) <= input.len {
            // Or a small file could ask for more reading than any disk can do.
            self.bytes += u64::from(size);
            if self.bytes > input.len {
                return Err(input.damaged(self.held, "its table states the same bytes again and again"));
            }
        } else if !input.limits.truncated {
            return Err(input.damaged(self.held, "the file ends here, before its stated end"));
        }
        Ok(())
    }

    /// Ends the audio after `samples`, within the last packets.
    pub(super) fn truncate(&mut self, samples: u64) {
        self.held = self.held.min(samples);
        self.entries.retain(|entry| entry.start < samples);
    }

    /// Lets the audio begin `lead` samples behind the begin of the first packet.
    pub(super) fn begin_at(&mut self, lead: u64) {
        let before = self.find(lead);
        self.entries.drain(..before);
        let base = self.entries.first().map_or(0, |first| first.start);
        self.entries.iter_mut().for_each(|entry| entry.start -= base);
        self.held -= base;
        self.lead = lead - base;
        if let (PacketCoding::Pcm(pcm), Some(first)) = (&self.coding, self.entries.first_mut()) {
            // A packet of PCM is cut as one likes.
            #[allow(clippy::cast_possible_truncation)] // within a packet
            let cut = self.lead as u32 * pcm.frame();
            first.offset += u64::from(cut);
            first.size -= cut;
            self.held -= self.lead;
            self.entries.iter_mut().for_each(|entry| entry.start = entry.start.saturating_sub(self.lead));
            self.lead = 0;
        }
    }

    /// Ends the audio where the last packet ends by its own account: not every program that
    /// writes the table does. ffmpeg counts a full packet in CAF, and none when it copies that to M4A.
    pub(super) fn measure_last(&mut self, input: &Input) -> Result<()> {
        for _ in 0..MAX_EMPTY {
            let Some((last, held)) = self.held_by_last(input)? else { break };
            let start = self.entries[last].start;
            let stated = if self.held > start { self.held - start } else { self.coding.max_samples() };
            self.held = start + held.min(stated);
            if held > 0 {
                break;
            }
            self.entries.truncate(last);
        }
        Ok(())
    }

    /// The index of the last packet and how many samples it holds, if it says so.
    fn held_by_last(&self, input: &Input) -> Result<Option<(usize, u64)>> {
        let Some(last) = self.entries.len().checked_sub(1) else { return Ok(None) };
        let entry = &self.entries[last];
        if entry.size == 0 {
            return Ok(Some((last, 0)));
        }
        if !matches!(self.coding, PacketCoding::Alac(_)) || entry.end() > input.len {
            return Ok(None);
        }
        let packet = self.read(input, last, Stage::Open)?;
        Ok(packet.and_then(|packet| alac_samples(&packet.bytes)).map(|held| (last, held)))
    }

    pub(super) fn samples(&self) -> u64 {
        self.held - self.lead
    }

    /// The index of the packet that holds sample `at`.
    pub(super) fn find(&self, at: u64) -> usize {
        self.entries.partition_point(|entry| entry.start <= at.saturating_add(self.lead)).saturating_sub(1)
    }

    /// Reads the packet with an index; `None` behind the last.
    pub(super) fn read(&self, input: &Input, index: usize, stage: Stage) -> Result<Option<Packet>> {
        let Some(entry) = self.entries.get(index) else { return Ok(None) };
        let end = self.entries.get(index + 1).map_or(self.held, |next| next.start);
        let start = entry.start.max(self.lead);
        let mut bytes = vec![0; entry.size as usize].into_boxed_slice();
        if input.read_at(&mut bytes, entry.offset, stage)? < bytes.len() {
            return Err(input.damaged(start - self.lead, "the file ends here, before its stated end"));
        }
        #[allow(clippy::cast_possible_truncation)] // within a packet
        let lead = (start - entry.start) as usize;
        Ok(Some(Packet {
            samples: start - self.lead..end.max(start) - self.lead,
            lead,
            bytes,
            summed: false,
        }))
    }

    /// Where the samples lie, if they are PCM in one piece.
    pub(super) fn pcm_in_one_piece(&self) -> Option<(&PcmPackets, Range<u64>)> {
        let PacketCoding::Pcm(pcm) = &self.coding else { return None };
        let (first, last) = (self.entries.first()?, self.entries.last()?);
        let is_one = self.entries.windows(2).all(|pair| pair[0].end() == pair[1].offset);
        is_one.then(|| (pcm, first.offset..last.end()))
    }
}

/// How many samples an ALAC packet holds, if it says so: only those that are not full do.
fn alac_samples(packet: &[u8]) -> Option<u64> {
    // 3 bits of tag, 4 of instance, 12 unused, then: is it partial? 2 bits of shift, 1 of coding, the number.
    let head = u64::from_be_bytes(*packet.first_chunk()?);
    let is_audio = matches!(head >> 61, 0 | 1 | 3);
    (is_audio && head >> 44 & 1 == 1).then_some(head >> 9 & 0xffff_ffff)
}

/// Reads the table of a file whose content starts at the given place.
pub(super) type ReadTable = fn(&Input, u64) -> Result<Table>;

/// A table in the headers of its file, read anew when somebody wants it: a catalogue opens many masters and reads few.
pub(super) struct TableOnFile {
    pub(super) coding: PacketCoding,
    samples: u64,
    /// How many samples of the first packet are no part of the master.
    pub(super) lead: u64,
    start: u64,
    read: ReadTable,
    /// While anybody has it. Locked behind a master's salvage, never the other way round.
    loaded: Mutex<Weak<Table>>,
}

impl TableOnFile {
    /// Where to find `table` again.
    pub(super) fn new(table: &Table, start: u64, read: ReadTable) -> Self {
        let (coding, samples, lead) = (table.coding.clone(), table.samples(), table.lead);
        Self { coding, samples, lead, start, read, loaded: Mutex::default() }
    }

    /// The table; whoever comes while it is read waits for it.
    pub(super) fn load(&self, input: &Input) -> Result<Arc<Table>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = loaded.upgrade() {
            return Ok(table);
        }
        input.begin_headers();
        let table = Arc::new(input.blame((self.read)(input, self.start))?);
        if table.samples() != self.samples {
            return Err(Error::Changed { name: input.name.clone() });
        }
        *loaded = Arc::downgrade(&table);
        Ok(table)
    }
}
