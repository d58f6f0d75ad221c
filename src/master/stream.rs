//! A FLAC stream in a file, native or in Ogg, whose frames are placed by their own headers.

use std::ops::Range;

use super::flac::{FrameHeader, Scanner, StreamInfo, Tail, tail};
use super::info::Container;
use super::ogg::Pages;
use super::packet::Packet;
use super::source::Input;
use crate::error::{Result, Stage};

/// A FLAC stream in a file.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) container: Container,
    pub(super) info: StreamInfo,
    /// Native: the frames. Ogg: everything.
    pub(super) bytes: Range<u64>,
}

impl Stream {
    /// Whether the frames lie one behind the other in `bytes`, rather than in the pages of an Ogg file.
    pub(super) fn is_native(&self) -> bool {
        self.container == Container::Flac
    }

    /// Whether a channel mask could say anything: one channel is in the middle.
    pub(super) fn may_have_mask(&self) -> bool {
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
    pub(super) fn learn(&mut self, input: &Input) -> Result<()> {
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
    pub(super) fn why_broken(&self, input: &Input, behind: Option<u64>) -> Result<String> {
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
