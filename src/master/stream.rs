//! A FLAC stream in a file, native or in Ogg, whose frames are placed by their own headers.

use std::ops::Range;

use super::flac::{Format, FrameHeader, Scanner, StreamInfo, Tail, channel_mask, tail};
use super::info::{Codec, Container, MasterInfo};
use super::ogg::Pages;
use super::ogg_links;
use super::packet::Packet;
use super::positions;
use super::source::Input;
use super::{Audio, Opened};
use crate::error::{Error, Result, Stage};
use crate::units::Samples;

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
    let (mut block, mut comments) = (None, 0..0);
    let mut at = start + 4;
    loop {
        input.count_header()?;
        let header = input.be32(at)?;
        let (kind, size) = (header >> 24 & 0x7f, header & 0xff_ffff);
        if kind == 0 && size == 34 && block.is_none() {
            block = Some(input.array(at + 4)?);
        }
        if kind == 4 && comments.is_empty() {
            comments = at + 4..at + 4 + u64::from(size);
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
    let info = StreamInfo::parse(&block);
    if at >= end {
        return Err(if info.samples == 0 {
            Error::Empty { name: input.name.clone() }
        } else {
            input.damaged(0, format!("the file ends before its audio ({} samples)", info.samples))
        });
    }
    let mut stream = Stream { container: Container::Flac, info, bytes: at..end };
    stream.learn(input)?;
    let comments = if stream.may_have_mask() && comments.end <= input.len {
        input.bytes(comments.start, comments.end - comments.start)?
    } else {
        Vec::new()
    };
    describe(input, stream, &comments)
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
    let Some(block) = header.get(17..).and_then(|block| block.first_chunk()) else {
        return Err(input.damaged(0, "its Ogg FLAC header is too short"));
    };
    let info = StreamInfo::parse(block);
    let bytes = start..ogg_links::end_of_only_link(input, start, info.samples)?;
    let mut stream = Stream { container: Container::Ogg, info, bytes };
    stream.learn(input)?;
    // It is a block behind its header of 4 bytes.
    let packet = if stream.may_have_mask() { ogg_links::second_packet(input, start)? } else { Vec::new() };
    let comments = packet.get(4..).filter(|_| packet[0] & 0x7f == 4).unwrap_or_default();
    describe(input, stream, comments)
}

fn describe(input: &Input, stream: Stream, comments: &[u8]) -> Result<Opened> {
    let Format { rate, channels, bits } = stream.info.format;
    let rate = input.rate(rate)?;
    let layout =
        input.layout(channel_mask(comments).and_then(|mask| positions::masked(mask, channels)), channels)?;
    if bits < 4 {
        return Err(input.damaged(0, format!("FLAC with {bits} bits per sample, which cannot be")));
    }
    #[allow(clippy::cast_possible_truncation)] // up to 32
    let bits = bits as u8;
    let (container, samples) = (stream.container, Samples(stream.info.samples));
    let mut info = MasterInfo { container, codec: Codec::Flac, rate, bits, layout, samples };
    if samples.0 == 0 {
        count(input, &stream, &mut info)?;
    }
    Opened::new(input, info, Audio::Flac(stream))
}

/// Counts the samples of a stream that does not say how many it has.
fn count(input: &Input, stream: &Stream, info: &mut MasterInfo) -> Result<()> {
    let mut frames = stream.frames(input)?;
    let mut behind = frames.behind();
    while let Some(frame) = frames.next(input, &stream.info)? {
        let Range { start, end } = frame.samples;
        let counted = info.samples.0;
        if start != counted && !(input.limits.truncated && start > counted) {
            return Err(input.damaged(counted, stream.why_broken(input, behind)?));
        }
        info.samples = Samples(end);
        input.admit(info)?;
        behind = frames.behind();
    }
    // Nothing else tells whether that was all. Of nothing at all it is said elsewhere.
    let is_all = match behind {
        Some(at) => tail(input, &stream.info, at, stream.bytes.end)? == Tail::Harmless,
        None => true,
    };
    if is_all || input.limits.truncated || info.samples.0 == 0 {
        return Ok(());
    }
    Err(input.damaged(info.samples.0, stream.why_broken(input, behind)?))
}

impl Stream {
    /// Whether the frames lie one behind the other in `bytes`, rather than in the pages of an Ogg file.
    pub(super) fn is_native(&self) -> bool {
        self.container == Container::Flac
    }

    /// Whether a channel mask could say anything: one channel is in the middle.
    fn may_have_mask(&self) -> bool {
        self.info.format.channels > 1
    }

    /// A reader of the frames, at the first one.
    pub(super) fn frames(&self, input: &Input) -> Result<Frames> {
        if self.is_native() {
            return Ok(Frames::Native(Box::new(Scanner::new(&self.info, self.bytes.clone()))));
        }
        Ok(Frames::Ogg(Pages::open(input, &self.bytes)?, self.bytes.clone()))
    }

    /// Learns from the first frames how they are numbered. If the first is damaged, nothing.
    fn learn(&mut self, input: &Input) -> Result<()> {
        let mut frames = self.frames(input)?;
        let (first, second) = match &mut frames {
            Frames::Native(scanner) => {
                // No further: there may be anything else, without end.
                let Some(first) = header_at(input, self.bytes.start)? else { return Ok(()) };
                let Some(packet) = scanner.next(input, &self.info)? else { return Ok(()) };
                if scanner.behind() != self.bytes.start + packet.bytes.len() as u64 {
                    return Ok(());
                }
                (first, header_at(input, scanner.behind())?)
            }
            Frames::Ogg(pages, _) => {
                let mut header = || -> Result<_> {
                    let packet = pages.next(input, &self.info)?;
                    Ok(packet.and_then(|packet| FrameHeader::parse(&packet.bytes).ok()))
                };
                let Some(first) = header()? else { return Ok(()) };
                (first, header()?)
            }
        };
        self.info.learn(&first, second.as_ref());
        let Some(samples) = self.info.samples(&first) else { return Ok(()) };
        // Cut out of a longer stream, unless what was before it is lost.
        if samples.start > 0
            && (self.info.samples <= samples.start || self.ends_after(input, samples.start)?)
        {
            self.info.begin_at(&first);
        }
        Ok(())
    }

    /// Whether all samples, as they are stated, follow those before `start`.
    fn ends_after(&self, input: &Input, start: u64) -> Result<bool> {
        let mut frames = self.frames(input)?;
        frames.seek(input, &self.info, u64::MAX)?;
        let mut end = 0;
        while let Some(frame) = frames.next(input, &self.info)? {
            end = frame.samples.end;
        }
        Ok(end == start + self.info.samples)
    }

    /// How many bytes follow the last frame, if that is where the audio ends, and are no tag.
    pub(super) fn stray_bytes(&self, input: &Input, samples: u64) -> Result<u64> {
        let mut frames = self.frames(input)?;
        frames.seek(input, &self.info, samples)?;
        let mut end = 0;
        while let Some(frame) = frames.next(input, &self.info)? {
            end = frame.samples.end;
        }
        let behind = frames.behind().filter(|_| end == samples);
        Ok(behind.map_or(0, |behind| self.bytes.end.saturating_sub(behind)))
    }

    /// Why the audio does not go on as it should `behind` a frame.
    fn why_broken(&self, input: &Input, behind: Option<u64>) -> Result<String> {
        let change = behind.map_or(Ok(None), |behind| self.change(input, behind))?;
        Ok(change.unwrap_or_else(|| "a FLAC frame is damaged or missing".into()))
    }

    /// Whether the frame at `at` in the file is of another format, and how it differs.
    pub(super) fn change(&self, input: &Input, at: u64) -> Result<Option<String>> {
        Ok(match tail(input, &self.info, at, self.bytes.end)? {
            Tail::OtherFormat(how) => Some(format!("the format changes here: {how}")),
            _ => None,
        })
    }
}

/// The header of a frame at `at` in the file, if one is there.
fn header_at(input: &Input, at: u64) -> Result<Option<FrameHeader>> {
    let mut head = [0; FrameHeader::MOST];
    let read = input.read_at(&mut head, at, Stage::Open)?;
    Ok(FrameHeader::parse(&head[..read]).ok())
}

/// Reads frame by frame.
pub(super) enum Frames {
    Native(Box<Scanner>),
    /// And where the pages are.
    Ogg(Pages, Range<u64>),
}

impl Frames {
    /// The next intact frame (in Ogg, of an intact page); `None` when there is none.
    pub(super) fn next(&mut self, input: &Input, info: &StreamInfo) -> Result<Option<Packet>> {
        match self {
            Self::Native(scanner) => scanner.next(input, info),
            Self::Ogg(pages, _) => pages.next(input, info),
        }
    }

    /// Goes near sample `at`: before it, beyond it, or nowhere in particular. The next frame tells.
    pub(super) fn seek(&mut self, input: &Input, info: &StreamInfo, at: u64) -> Result<()> {
        match self {
            Self::Native(scanner) => scanner.seek(input, info, at),
            Self::Ogg(pages, bytes) => pages.seek(input, bytes, at),
        }
    }

    /// Where the last frame ended in the file, if that can be said.
    pub(super) fn behind(&self) -> Option<u64> {
        match self {
            Self::Native(scanner) => Some(scanner.behind()),
            Self::Ogg(..) => None,
        }
    }
}
