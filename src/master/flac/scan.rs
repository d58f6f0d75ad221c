//! Finding the frames of native FLAC, each by its own header and checksums.
//!
//! A frame is what starts with a header whose checksum is right and ends, before the next header or the end,
//! where its own checksum is: the same frames, wherever the search begins. Where something else follows, the
//! frame is decoded to see where it ends.

use std::ops::Range;

use super::super::frame_index::Point;
use super::super::packet::Packet;
use super::super::source::Input;
use super::super::window::{BLOCK, Window, narrow};
use super::checksum::{frame_sum, frame_sum_on};
use super::decoder::FrameDecoder;
use super::header::FrameHeader;
use super::stream_info::StreamInfo;
use crate::error::Result;

/// A frame is believed to follow another, though some are missing between, if they are so many samples.
const AHEAD: u64 = 1 << 24;

/// Reads frame by frame.
pub(in crate::master) struct Scanner {
    /// The next frame is looked for where this is.
    window: Window,
    /// Where the last one ended in the file, or the first was looked for.
    behind: u64,
    /// The bytes looked at since the last frame.
    scanned: u64,
    /// For frames whose end nothing else tells.
    decoder: FrameDecoder,
}

impl Scanner {
    pub(in crate::master) fn new(info: &StreamInfo, bytes: Range<u64>) -> Self {
        let (start, decoder) = (bytes.start, FrameDecoder::new(info.format));
        Self { window: Window::new(bytes), behind: start, scanned: 0, decoder }
    }

    /// The next intact frame; `None` when there is none.
    pub(in crate::master) fn next(&mut self, input: &Input, info: &StreamInfo) -> Result<Option<Packet>> {
        self.scanned = 0;
        while self.find_sync(input)? {
            let header = info.header(self.window.rest());
            let Some((header, samples)) = header.and_then(|header| Some((header, info.samples(&header)?)))
            else {
                self.window.at += 1;
                continue;
            };
            match self.find_end(input, info, &header, &samples)? {
                Ok(end) => {
                    let bytes = self.window.buf[self.window.at..end].into();
                    self.window.at = end;
                    self.behind = self.window.place();
                    return Ok(Some(Packet { samples, lead: 0, bytes, summed: true }));
                }
                Err(next) => self.window.at = next,
            }
        }
        Ok(None)
    }

    /// Where the last frame ended in the file; before there was one, where it was looked for.
    pub(in crate::master) fn behind(&self) -> u64 {
        self.behind
    }

    /// Goes near sample `at`. The next frame tells where. `near`: a frame before it, if it is there.
    pub(in crate::master) fn seek(
        &mut self,
        input: &Input,
        info: &StreamInfo,
        at: u64,
        near: Option<Point>,
    ) -> Result<()> {
        if let Some(Point { sample, offset }) = near
            && let bytes = self.window.bytes()
            && let Some(place) = bytes.start.checked_add(offset).filter(|place| *place < bytes.end)
            && self.is_frame(input, info, place, sample)?
        {
            self.go_to(place);
            return Ok(());
        }
        let place = narrow(self.window.bytes(), |middle| {
            self.go_to(middle);
            Ok(self.next(input, info)?.is_some_and(|packet| packet.samples.start <= at))
        })?;
        self.go_to(place);
        Ok(())
    }

    /// Whether the intact frame that begins with `sample` lies at `place`.
    fn is_frame(&mut self, input: &Input, info: &StreamInfo, place: u64, sample: u64) -> Result<bool> {
        self.go_to(place);
        // No further: what is there may be anything.
        if self.window.rest().len() < FrameHeader::MOST {
            self.window.read(input)?;
        }
        let found = info.header(self.window.rest()).and_then(|header| info.samples(&header));
        if found.is_none_or(|samples| samples.start != sample) {
            return Ok(false);
        }
        let frame = self.next(input, info)?;
        Ok(frame.is_some_and(|frame| self.behind == place + frame.bytes.len() as u64))
    }

    fn go_to(&mut self, position: u64) {
        self.window.go_to(position);
        self.behind = position;
    }

    /// Goes to the next place where a header may be; false if there is none.
    fn find_sync(&mut self, input: &Input) -> Result<bool> {
        loop {
            if let Some(next) = sync(&self.window.buf, self.window.at) {
                self.count(input, next - self.window.at)?;
                self.window.at = next;
                if self.window.buf.len() - next < FrameHeader::MOST {
                    self.window.read(input)?;
                }
                return Ok(true);
            }
            // The last byte may be the first of two.
            let seen = self.window.buf.len().saturating_sub(1).max(self.window.at);
            self.count(input, seen - self.window.at)?;
            self.window.at = seen;
            if !self.window.read(input)? {
                return Ok(false);
            }
        }
    }

    /// Where the frame at `at` ends, or where to look for the next one if it is not intact.
    fn find_end(
        &mut self,
        input: &Input,
        info: &StreamInfo,
        header: &FrameHeader,
        samples: &Range<u64>,
    ) -> Result<Result<usize, usize>> {
        // As many bytes as no encoder needs, which could have stored the samples as they are.
        let plain = header.block * info.format.channels * (info.format.bits as usize + 1) / 8;
        let most = 4 * plain + BLOCK;
        // Where the sum is right, but not followed by a later frame: by damage, or by chance, as once in
        // 65,536 sync codes that are audio. And where another frame may start.
        let (mut likely, mut next) = (None, None);
        let mut summed = self.window.at + header.len;
        let mut sum = frame_sum(&self.window.buf[self.window.at..summed]);
        loop {
            let sync = sync(&self.window.buf, summed);
            let (to, more) = match sync {
                Some(to) => (to, true),
                None if self.window.rest().len() > most => break,
                None => {
                    // The last byte may be the first of two.
                    let seen = self.window.buf.len().saturating_sub(1).max(summed);
                    self.count(input, seen - summed)?;
                    sum = frame_sum_on(sum, &self.window.buf[summed..seen]);
                    summed = seen;
                    let kept = self.window.at;
                    let more = self.window.read(input)?;
                    // Reading drops what lies before `at`.
                    summed -= kept;
                    (likely, next) = (likely.map(|at: usize| at - kept), next.map(|at: usize| at - kept));
                    if more {
                        continue;
                    }
                    (self.window.buf.len(), false)
                }
            };
            self.count(input, to - summed)?;
            sum = frame_sum_on(sum, &self.window.buf[summed..to]);
            summed = to;
            if more && self.window.buf.len() - to < FrameHeader::MOST {
                let kept = self.window.at;
                self.window.read(input)?;
                summed -= kept;
                (likely, next) = (likely.map(|at: usize| at - kept), next.map(|at: usize| at - kept));
            }
            let following = info.header(&self.window.buf[summed..]).and_then(|header| info.samples(&header));
            if sum == 0 {
                let follows = |next: u64| (samples.end..samples.end + AHEAD).contains(&next);
                let at_end = !more && likely.is_none();
                if at_end || following.as_ref().is_some_and(|next| follows(next.start)) {
                    return Ok(Ok(summed));
                }
                likely.get_or_insert(summed);
            }
            if following.is_some() {
                next.get_or_insert(summed);
            }
            if !more || summed - self.window.at > most {
                break;
            }
            // The sync code itself may be part of the frame.
            sum = frame_sum_on(sum, &self.window.buf[summed..=summed]);
            summed += 1;
        }
        // It reads as many bytes, and makes as many samples, in the worst case.
        self.count(input, header.block * info.format.channels)?;
        let end = self.decoder.end(self.window.rest()).ok();
        Ok(end.map(|end| self.window.at + end).or(likely).ok_or(next.unwrap_or(self.window.at + 1)))
    }

    fn count(&mut self, input: &Input, bytes: usize) -> Result<()> {
        self.scanned += bytes as u64;
        input.limit("bytes in search of a FLAC frame", self.scanned, input.limits.scanned_bytes)
    }
}

impl StreamInfo {
    /// Where, from `from` on, the header of a frame of this stream is in `bytes`, and which samples it says it holds.
    pub(in crate::master) fn find(&self, bytes: &[u8], from: usize) -> Option<(usize, Range<u64>)> {
        let mut at = from;
        while let Some(next) = sync(bytes, at) {
            if let Some(samples) = self.header(&bytes[next..]).and_then(|header| self.samples(&header)) {
                return Some((next, samples));
            }
            at = next + 1;
        }
        None
    }
}

/// Where, from `from` on, a frame may start: 14 bits of sync code, a reserved bit, how blocks are counted.
fn sync(buf: &[u8], from: usize) -> Option<usize> {
    let rest = buf.get(from..)?;
    let is_sync = |&at: &usize| rest.get(at + 1).is_some_and(|second| second & 0xfe == 0xf8);
    memchr::memchr_iter(0xff, rest).find(is_sync).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_are_found() {
        assert_eq!(sync(&[0xff, 0xff, 0xf8, 0xff], 0), Some(1));
        assert_eq!(sync(&[0xff, 0xff, 0xf8, 0xff], 2), None);
        assert_eq!(sync(&[0xff, 0xfa, 0xff, 0xf9], 0), Some(2));
        for at in 0..100 {
            let mut bytes = vec![0xff; 120];
            bytes[at + 1] = 0xf8;
            assert_eq!(sync(&bytes, 0), Some(at));
            assert_eq!(sync(&bytes, at), Some(at));
            assert_eq!(sync(&bytes, at + 1), None);
        }
    }
}
