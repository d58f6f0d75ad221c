//! FLAC frames, native or in Ogg, placed by their own headers.
//!
//! In Ogg Symphonia finds them and seeks, but it seeks past the target and gives the first packets behind a
//! lost page the wrong time stamps. So every frame's position is read from the frame itself; whoever reads
//! them checks that none is missing. In native FLAC they are [found by ourselves](super::frames).

use std::ops::Range;

use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Result as SymphoniaResult;
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::units::Timestamp;
use symphonia::default::codecs::FlacDecoder;
use symphonia::default::formats::OggReader;

use super::contain::contain;
use super::decode::Packet;
use super::frames::{Scanner, header_sum};
use super::info::{Codec, Container, MasterInfo};
use super::reader::{TooFar, Watch, Window};
use super::source::Input;
use super::{Audio, Opened};
use crate::error::{Error, Result, Stage};
use crate::units::Samples;

/// What the STREAMINFO block says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StreamInfo {
    /// The block as it is handed to Symphonia, with the block sizes repaired.
    pub(super) block: [u8; 34],
    block_size: u16,
    pub(super) rate: u32,
    pub(super) channels: usize,
    pub(super) bits: u8,
    /// 0 if not stated.
    samples: u64,
}

impl StreamInfo {
    /// Reads the block. `variable` says whether the stream's frames count samples (else frames).
    ///
    /// Symphonia wants block sizes that agree with that, and none below 16; encoders (and libFLAC,
    /// which does not look) are more liberal.
    pub(super) fn parse(mut block: [u8; 34], variable: bool) -> Self {
        let mut min = u16::from_be_bytes([block[0], block[1]]);
        let mut max = u16::from_be_bytes([block[2], block[3]]).max(16);
        if !variable {
            min = max;
        } else if min >= max || min < 16 {
            min = 16;
            max = max.max(17);
        }
        block[..2].copy_from_slice(&min.to_be_bytes());
        block[2..4].copy_from_slice(&max.to_be_bytes());
        // The sizes in bytes are of no use, and wrong ones make Symphonia drop frames.
        block[4..10].fill(0);
        let packed = u64::from_be_bytes([
            block[10], block[11], block[12], block[13], block[14], block[15], block[16], block[17],
        ]);
        #[allow(clippy::cast_possible_truncation)] // masked
        Self {
            block,
            block_size: max,
            rate: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as usize + 1,
            bits: (packed >> 36 & 31) as u8 + 1,
            samples: packed & 0xf_ffff_ffff,
        }
    }

    /// Which samples a frame holds; `None` if it is no frame of this stream.
    pub(super) fn samples_of(&self, frame: &[u8]) -> Option<Range<u64>> {
        self.header(frame).map(|(samples, _)| samples)
    }

    /// Which samples a frame holds, and how long its header is; `None` if it is no frame of this stream, or
    /// the header's checksum is wrong.
    pub(super) fn header(&self, frame: &[u8]) -> Option<(Range<u64>, usize)> {
        let &[0xff, sync, sizes, format, first, ..] = frame else { return None };
        let channels = match format >> 4 {
            code @ 0..=7 => usize::from(code) + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = match format >> 1 & 7 {
            1 => 8,
            2 => 12,
            4 => 16,
            5 => 20,
            6 => 24,
            7 => 32,
            _ => self.bits,
        };
        if channels != self.channels || bits != self.bits || format & 1 != 0 {
            return None;
        }
        let ones = first.leading_ones();
        let tail = match ones {
            0 => 0,
            2..=7 => ones as usize - 1,
            _ => return None,
        };
        let mut number = u64::from(first) & (0x7f >> ones);
        for byte in frame.get(5..5 + tail)? {
            number = number << 6 | u64::from(byte & 0x3f);
        }
        let rest = frame.get(5 + tail..)?;
        let (len, size_bytes) = match sizes >> 4 {
            0 => return None,
            1 => (192, 0),
            code @ 2..=5 => (576 << (code - 2), 0),
            6 => (u64::from(*rest.first()?) + 1, 1),
            7 => (u64::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])) + 1, 2),
            code => (256 << (code - 8), 0),
        };
        let rate_bytes = match sizes & 15 {
            12 => 1,
            13 | 14 => 2,
            15 => return None,
            _ => 0,
        };
        let (header, sum) = frame.split_at_checked(5 + tail + size_bytes + rate_bytes)?;
        if len > self.block_size.into() || *sum.first()? != header_sum(header) {
            return None;
        }
        let start = match sync {
            0xf8 => number * u64::from(self.block_size),
            0xf9 => number,
            _ => return None,
        };
        Some((start..start + len, header.len() + 1))
    }

    pub(super) fn decoder(&self, options: AudioDecoderOptions) -> SymphoniaResult<Box<dyn AudioDecoder>> {
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_FLAC).with_extra_data(self.block.into());
        Ok(Box::new(FlacDecoder::try_new(&params, &options)?))
    }
}

/// A FLAC stream in a file.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) container: Container,
    pub(super) info: StreamInfo,
    /// Native: the frames. Ogg: everything.
    pub(super) bytes: Range<u64>,
}

/// Opens a native FLAC file whose marker is at `start`.
pub(super) fn open(input: &Input, start: u64) -> Result<Opened> {
    let mut block = None;
    let mut at = start + 4;
    loop {
        input.count_header()?;
        let header = input.be32(at)?;
        let (kind, size) = (header >> 24 & 0x7f, header & 0xff_ffff);
        if kind == 0 && size == 34 && block.is_none() {
            block = Some(input.array(at + 4)?);
        }
        at += 4 + u64::from(size);
        if header >> 31 == 1 {
            break;
        }
    }
    let Some(block) = block else {
        return Err(input.damaged(0, "a FLAC file without STREAMINFO"));
    };
    let end = without_tags(input, at)?;
    if at >= end {
        let stated = StreamInfo::parse(block, false).samples;
        return Err(if stated == 0 {
            Error::Empty { name: input.name.clone() }
        } else {
            input.damaged(0, format!("the file ends before its audio ({stated} samples)"))
        });
    }
    let mut sync = [0; 2];
    input.read_at(&mut sync, at, Stage::Open)?;
    let info = StreamInfo::parse(block, sync[1] & 1 != 0);
    describe(input, Stream { container: Container::Flac, info, bytes: at..end })
}

/// Where the audio from `start` ends: before an `ID3v1` and an `APEv2` tag, which some programs append.
fn without_tags(input: &Input, start: u64) -> Result<u64> {
    let mut end = input.len;
    if end >= start + 128 && input.array::<3>(end - 128)? == *b"TAG" {
        end -= 128;
    }
    if end >= start + 32 {
        let footer: [u8; 32] = input.array(end - 32)?;
        if footer.starts_with(b"APETAGEX") {
            let size = u32::from_le_bytes([footer[12], footer[13], footer[14], footer[15]]);
            let header = if footer[23] & 0x80 != 0 { 32 } else { 0 };
            let size = u64::from(size) + header;
            if size <= end - start {
                end -= size;
            }
        }
    }
    Ok(end)
}

/// Opens an Ogg file whose first packet, at `start`, is the header of a FLAC stream.
pub(super) fn open_ogg(input: &Input, start: u64, header: &[u8]) -> Result<Opened> {
    let Some(block) = header.get(17..51).and_then(|block| block.try_into().ok()) else {
        return Err(input.damaged(0, "its Ogg FLAC header is too short"));
    };
    let bytes = start..end_of_pages(input, start)?;
    let mut stream = Stream { container: Container::Ogg, info: StreamInfo::parse(block, false), bytes };
    // Whether frames count samples or frames stands in the first of them.
    if let Some(packet) = Pages::open(&stream, input)?.next_packet(input)? {
        stream.info = StreamInfo::parse(block, packet.get(1).is_some_and(|sync| sync & 1 != 0));
    }
    describe(input, stream)
}

/// Where the last complete Ogg page ends. Symphonia refuses a whole file for the half page at the
/// end of a truncated one.
fn end_of_pages(input: &Input, start: u64) -> Result<u64> {
    const MAX_PAGE: u64 = 27 + 255 + 255 * 255;
    let tail = start.max(input.len.saturating_sub(2 * MAX_PAGE));
    let bytes = input.bytes(tail, input.len - tail)?;
    let end_of = |at: usize| {
        let page = bytes.get(at..)?;
        let lengths = page.get(27..27 + usize::from(*page.get(26)?))?;
        let end = at + 27 + lengths.len() + lengths.iter().map(|&length| usize::from(length)).sum::<usize>();
        (page.starts_with(b"OggS") && end <= bytes.len()).then_some(end as u64)
    };
    let end = (0..bytes.len()).rev().find_map(end_of);
    Ok(end.map_or(input.len, |end| tail + end))
}

fn describe(input: &Input, stream: Stream) -> Result<Opened> {
    let info = &stream.info;
    let rate = input.rate(info.rate)?;
    let layout = input.layout(None, info.channels)?;
    let bits = info.bits;
    if bits < 4 {
        return Err(input.damaged(0, format!("FLAC with {bits} bits per sample, which cannot be")));
    }
    let (container, samples) = (stream.container, Samples(info.samples));
    let mut info = MasterInfo { container, codec: Codec::Flac, rate, bits, layout, samples };
    if samples.0 == 0 {
        count(input, &stream, &mut info)?;
    }
    Opened::new(input, info, Audio::Flac(stream))
}

/// Counts the samples of a stream that does not say how many it has.
fn count(input: &Input, stream: &Stream, info: &mut MasterInfo) -> Result<()> {
    let mut frames = stream.frames(input)?;
    while let Some(frame) = frames.next(input, stream)? {
        let Range { start, end } = frame.samples;
        let counted = info.samples.0;
        if start != counted && !(input.limits.truncated && start > counted) {
            return Err(input.damaged(counted, "a FLAC frame is damaged or missing"));
        }
        info.samples = Samples(end);
        input.admit(info)?;
    }
    Ok(())
}

impl Stream {
    /// Whether the frames lie one behind the other in `bytes`, rather than in the pages of an Ogg file.
    pub(super) fn is_native(&self) -> bool {
        self.container == Container::Flac
    }

    /// A reader of the frames, at the first one.
    pub(super) fn frames(&self, input: &Input) -> Result<Frames> {
        if self.is_native() {
            return Ok(Frames::Native(Scanner::new(self)));
        }
        Ok(Frames::Ogg(Pages::open(self, input)?))
    }
}

/// Reads frame by frame.
pub(super) enum Frames {
    Native(Scanner),
    Ogg(Pages),
}

impl Frames {
    /// The next intact frame (in Ogg, of an intact page); `None` when there is none.
    pub(super) fn next(&mut self, input: &Input, stream: &Stream) -> Result<Option<Packet>> {
        match self {
            Self::Native(scanner) => scanner.next(input, stream),
            Self::Ogg(pages) => pages.next(input, stream),
        }
    }

    /// Goes near sample `at`: before it, beyond it, or nowhere in particular. The next frame tells.
    pub(super) fn seek(&mut self, input: &Input, stream: &Stream, at: u64) -> Result<()> {
        match self {
            Self::Native(scanner) => scanner.seek(input, stream, at),
            Self::Ogg(pages) => pages.seek(input, stream, at),
        }
    }
}

/// Reads the frames in an Ogg file, by Symphonia.
pub(super) struct Pages {
    reader: Box<dyn FormatReader>,
    track: u32,
    watch: Watch,
    /// Whether the reader has panicked, and is not to be used any more.
    broken: bool,
}

impl Pages {
    fn open(stream: &Stream, input: &Input) -> Result<Self> {
        let watch = Watch::new(input.limits.scanned_bytes);
        let window = Window::new(input.source.clone(), stream.bytes.clone(), watch.clone());
        let source = MediaSourceStream::new(Box::new(window), MediaSourceStreamOptions::default());
        let reader = contain(|| OggReader::try_new(source, FormatOptions::default()));
        check(input, &watch)?;
        let reader: Box<dyn FormatReader> = match reader {
            Some(Ok(reader)) => Box::new(reader),
            Some(Err(error)) => return Err(input.damaged(0, format!("no FLAC frame found ({error})"))),
            None => return Err(input.damaged(0, "no FLAC frame found")),
        };
        // With several, Symphonia's seeking can loop for ever.
        let [track] = reader.tracks() else {
            return Err(input.unsupported("several streams in one Ogg file; a single FLAC stream is"));
        };
        Ok(Self { track: track.id, reader, watch, broken: false })
    }

    fn next(&mut self, input: &Input, stream: &Stream) -> Result<Option<Packet>> {
        while let Some(bytes) = self.next_packet(input)? {
            // What is no frame is left out, so that whoever counts finds it missing.
            if let Some(samples) = stream.info.samples_of(&bytes) {
                self.watch.progress();
                return Ok(Some(Packet { samples, bytes }));
            }
        }
        Ok(None)
    }

    fn next_packet(&mut self, input: &Input) -> Result<Option<Box<[u8]>>> {
        if self.broken {
            return Ok(None);
        }
        let packet = contain(|| self.reader.next_packet());
        self.broken = packet.is_none();
        check(input, &self.watch)?;
        // Any error of Symphonia's means that no more frame can be found; which samples are
        // missing then is for the reader of the frames to say.
        Ok(packet.and_then(Result::ok).flatten().map(|packet| packet.data))
    }

    fn seek(&mut self, input: &Input, stream: &Stream, at: u64) -> Result<()> {
        if self.broken {
            *self = Self::open(stream, input)?;
        }
        self.watch.progress();
        let to = SeekTo::Timestamp { ts: Timestamp::new(at.cast_signed()), track_id: self.track };
        self.broken = contain(|| self.reader.seek(SeekMode::Accurate, to)).is_none();
        check(input, &self.watch)
    }
}

/// An error if the source has failed, or was read too far without a frame.
fn check(input: &Input, watch: &Watch) -> Result<()> {
    match watch.take() {
        None => Ok(()),
        Some(error) if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooFar>) => {
            let limit = input.limits.scanned_bytes;
            input.limit("bytes in search of a FLAC frame", limit + 1, limit)
        }
        Some(source) => Err(Error::io(Stage::Decode, input.name.as_str())(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> StreamInfo {
        let mut block = [0; 34];
        block[..4].copy_from_slice(&[0x10, 0, 0x10, 0]);
        // 44,100 Hz, 2 channels, 16 bits, 5 samples.
        block[10..18].copy_from_slice(&[0x0a, 0xc4, 0x42, 0xf0, 0, 0, 0, 5]);
        StreamInfo::parse(block, false)
    }

    #[test]
    fn streaminfo_says() {
        let info = info();
        assert_eq!((info.rate, info.channels, info.bits, info.samples), (44_100, 2, 16, 5));
        assert_eq!(info.block_size, 4_096);
    }

    #[test]
    fn frames_say_where_they_are() {
        let info = info();
        let samples_of = |header: &[u8]| {
            let frame = [header, &[header_sum(header)]].concat();
            let (samples, len) = info.header(&frame)?;
            assert_eq!(len, frame.len());
            assert_eq!(info.header(&[header, &[!header_sum(header)]].concat()), None);
            Some(samples)
        };
        // Fixed: frame 2 of 4,096; then number 0x123 in two bytes and a short last block.
        assert_eq!(samples_of(&[0xff, 0xf8, 0xc9, 0xa8, 2]), Some(8_192..12_288));
        let short = [0xff, 0xf8, 0x69, 0x18, 0xc4, 0xa3, 99];
        assert_eq!(samples_of(&short), Some(0x123 * 4_096..0x123 * 4_096 + 100));
        // Variable: sample 300.
        assert_eq!(samples_of(&[0xff, 0xf9, 0xc9, 0xa8, 0xc4, 0xac]), Some(300..4_396));
        assert_eq!(samples_of(&[0xff, 0xf8, 0xc9, 0x08, 2]), None, "one channel");
        assert_eq!(samples_of(&[0xff, 0xf8, 0xc9, 0xac, 2]), None, "24 bits");
        assert_eq!(samples_of(&[0xff, 0xf8, 0xc9, 0xa8]), None, "cut off");
    }
}
