//! A FLAC stream in a file, native or in Ogg, whose frames are placed by their own headers.

use std::ops::Range;

use super::flac::{FrameHeader, Scanner, StreamInfo, Tail, tail};
use super::source::Input;
use crate::error::{Result, Stage};

/// A native FLAC stream in a file.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) info: StreamInfo,
    /// Where the frames are.
    pub(super) bytes: Range<u64>,
}

impl Stream {
    /// A reader of the frames, at the first one.
    pub(super) fn frames(&self) -> Scanner {
        Scanner::new(&self.info, self.bytes.clone())
    }

    /// Learns from the first frames how they are numbered. If the first is damaged, nothing.
    pub(super) fn learn(&mut self, input: &Input) -> Result<()> {
        // No further: there may be anything else, without end.
        let Some(first) = header_at(input, self.bytes.start)? else { return Ok(()) };
        let mut frames = self.frames();
        let Some(packet) = frames.next(input, &self.info)? else { return Ok(()) };
        if frames.behind() != self.bytes.start + packet.bytes.len() as u64 {
            return Ok(());
        }
        let second = header_at(input, frames.behind())?;
        self.info.learn(&first, second.as_ref());
        if self.info.is_cut_out(&first, || Ok(self.last_frame(input, u64::MAX)?.0))? {
            self.info.begin_at(&first);
        }
        Ok(())
    }

    /// The number of the sample behind the last frame, which lies near or behind sample `at`, and where that frame ends in
    /// the file.
    fn last_frame(&self, input: &Input, at: u64) -> Result<(u64, u64)> {
        let mut frames = self.frames();
        frames.seek(input, &self.info, at, None)?;
        let mut end = 0;
        while let Some(frame) = frames.next(input, &self.info)? {
            end = frame.samples.end;
        }
        Ok((end, frames.behind()))
    }

    /// How many bytes follow the last frame, if that is where the audio ends, and are no tag.
    pub(super) fn stray_bytes(&self, input: &Input, samples: u64) -> Result<u64> {
        let (end, behind) = self.last_frame(input, samples)?;
        Ok(if end == samples { self.bytes.end.saturating_sub(behind) } else { 0 })
    }

    /// Why the audio does not go on as it should `behind` a frame.
    pub(super) fn why_broken(&self, input: &Input, behind: u64) -> Result<String> {
        Ok(self.change(input, behind)?.unwrap_or_else(|| "a FLAC frame is damaged or missing".into()))
    }

    /// If the frame at `at` in the file is of another format, how it differs.
    pub(super) fn change(&self, input: &Input, at: u64) -> Result<Option<String>> {
        Ok(match tail(input, &self.info, at, self.bytes.end)? {
            Tail::OtherFormat(change) => Some(change),
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
