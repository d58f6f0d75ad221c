//! Frames and the bit reservoir.
//!
//! Main data is one stream of bytes; headers and side information are put in between where a frame begins. So how far a
//! frame's main data begins before its own frame (`main_data_begin`) is the space of all frames so far less the main
//! data so far.

use std::collections::VecDeque;

use super::bands::BandTable;
use super::bits::BitWriter;
use super::part::{MAX_PART_BITS, Part};
use crate::mp3::frame::{Header, Mode, Version};

/// Header and side information: at most 4 + 32 bytes.
const MAX_HEAD: usize = 36;
/// What decoders have room for: main data that begins before a frame, and that frame, are no more bytes than the
/// largest frame there is, of 320 kbps at 32 kHz.
const MAX_BUFFER: usize = 1_440;

/// A frame whose space for main data is not full yet.
struct Slot {
    head: [u8; MAX_HEAD],
    /// Bytes of main data between this head and the next.
    space: usize,
}

/// The frames of one segment in the making.
pub(crate) struct Stream {
    version: Version,
    mode: Mode,
    head_bytes: usize,
    bands: BandTable,
    slots: VecDeque<Slot>,
    /// Main data of frames that are not out yet.
    main: Vec<u8>,
    /// Space of the frames in `slots` that main data does not fill yet.
    free: usize,
    writer: BitWriter,
    head: BitWriter,
}

/// A frame's parts, granule by granule, with what all of them share.
pub(crate) struct Frame<'a> {
    pub(crate) header: Header,
    /// Whether two channels are their sum and difference.
    pub(crate) mid_side: bool,
    /// Granule by granule, channel by channel.
    pub(crate) parts: &'a [Part],
}

impl Stream {
    /// A stream without frames.
    pub(crate) fn new(version: Version, rate: u32, mode: Mode) -> Self {
        let max_main = 4 * (MAX_PART_BITS as usize).div_ceil(8);
        Self {
            version,
            mode,
            head_bytes: Header::SIZE + version.side_info(mode == Mode::Mono),
            bands: BandTable::new(rate),
            slots: VecDeque::with_capacity(256),
            main: Vec::with_capacity(4 * max_main),
            free: 0,
            writer: BitWriter::new(max_main),
            head: BitWriter::new(MAX_HEAD),
        }
    }

    pub(crate) fn bands(&self) -> &BandTable {
        &self.bands
    }

    /// The bytes of frames so far that the next frame's main data can still use.
    pub(crate) fn reservoir(&self) -> usize {
        self.free
    }

    /// The bytes for main data that a frame with this header has itself.
    #[allow(clippy::cast_possible_truncation)] // at most 1,441
    pub(crate) fn space(&self, header: Header) -> usize {
        header.size() as usize - self.head_bytes
    }

    /// The most bytes that may be left free behind a frame with this header.
    #[allow(clippy::cast_possible_truncation)] // at most 1,441
    pub(crate) fn max_reservoir(&self, header: Header) -> usize {
        let furthest = if self.version == Version::Mpeg1 { 511 } else { 255 };
        furthest.min(MAX_BUFFER.saturating_sub(header.size() as usize))
    }

    /// Adds a frame and appends the frames that are complete to `out`.
    ///
    /// # Panics
    /// If the parts do not fit: the caller must have seen to that.
    #[inline(always)]
    pub(crate) fn add(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        self.writer.clear();
        for part in frame.parts {
            part.write_main(&self.bands, &mut self.writer);
        }
        let main = self.writer.finish();
        let begin = self.free;
        let space = frame.header.size() as usize - self.head_bytes;
        let free = (begin + space).checked_sub(main.len()).expect("a frame's main data fits");
        self.main.extend_from_slice(main);
        self.free = free.min(self.max_reservoir(frame.header));
        // What the reservoir cannot hold is lost.
        self.main.resize(self.main.len() + free - self.free, 0);

        let mut slot = Slot { head: [0; MAX_HEAD], space };
        slot.head[..self.head_bytes].copy_from_slice(self.write_head(frame, begin));
        self.slots.push_back(slot);
        self.emit(out);
    }

    fn write_head(&mut self, frame: &Frame<'_>, begin: usize) -> &[u8] {
        let head = &mut self.head;
        head.clear();
        let mut header = frame.header.to_bytes();
        header[3] |= u8::from(frame.mid_side) << 5;
        head.put(u32::from_be_bytes(header).into(), 32);
        let mono = self.mode == Mode::Mono;
        let mpeg1 = self.version == Version::Mpeg1;
        if mpeg1 {
            head.put(begin as u64, 9);
            head.put(0, if mono { 5 } else { 3 });
            let channels = if mono { 1 } else { 2 };
            for part in &frame.parts[channels..] {
                let shared = part.shared.iter().fold(0, |bits, &shared| bits << 1 | u64::from(shared));
                head.put(shared, 4);
            }
        } else {
            head.put(begin as u64, 8);
            head.put(0, if mono { 1 } else { 2 });
        }
        for part in frame.parts {
            part.write_side(mpeg1, head);
        }
        head.finish()
    }

    /// Appends the frames whose space is full.
    fn emit(&mut self, out: &mut Vec<u8>) {
        let mut sent = 0;
        while let Some(slot) = self.slots.front() {
            let end = sent + slot.space;
            if end > self.main.len() {
                break;
            }
            out.extend_from_slice(&slot.head[..self.head_bytes]);
            out.extend_from_slice(&self.main[sent..end]);
            sent = end;
            self.slots.pop_front();
        }
        self.main.drain(..sent);
    }

    /// Fills what is free, so that all frames are complete, and appends them to `out`.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) {
        self.main.resize(self.main.len() + self.free, 0);
        self.free = 0;
        self.emit(out);
    }
}
