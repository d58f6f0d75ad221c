//! Finding the frames of native FLAC, each by its own header and checksums.
//!
//! Not by Symphonia's reader: behind damage it loses frames that are intact, others in one go than after
//! a seek, and it stops at noise between them. Here a frame is what starts with a header whose checksum
//! is right and ends, before the next header or the end, where its own checksum is: the same frames,
//! wherever the search begins.

use std::ops::Range;

use crc::{CRC_8_SMBUS, CRC_16_UMTS, Crc, Table};

use super::decode::Packet;
use super::flac::Stream;
use super::source::Input;
use crate::error::{Result, Stage};

const HEADER_SUM: Crc<u8> = Crc::<u8>::new(&CRC_8_SMBUS);
const FRAME_SUM: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_UMTS);

/// How much is read at a time.
const BLOCK: usize = 64 << 10;

/// A header is at most so long: 4 bytes, 7 of the number, 2 each of size and rate, the checksum.
const HEADER: usize = 16;

/// Seeking narrows the place down to so many bytes.
const NARROW: u64 = 64 << 10;

/// A frame is believed to follow another, though some are missing between, if they are so many samples.
const AHEAD: u64 = 1 << 24;

/// Reads frame by frame.
pub(super) struct Scanner {
    /// What was read of the file, and where its first byte lies there.
    buf: Vec<u8>,
    start: u64,
    /// Where the next frame is looked for, in `buf`.
    at: usize,
    /// The bytes looked at since the last frame.
    scanned: u64,
}

impl Scanner {
    pub(super) fn new(stream: &Stream) -> Self {
        Self { buf: Vec::new(), start: stream.bytes.start, at: 0, scanned: 0 }
    }

    /// The next intact frame; `None` when there is none.
    pub(super) fn next(&mut self, input: &Input, stream: &Stream) -> Result<Option<Packet>> {
        self.scanned = 0;
        while self.find_sync(input, stream)? {
            let Some((samples, header)) = stream.info.header(&self.buf[self.at..]) else {
                self.at += 1;
                continue;
            };
            match self.find_end(input, stream, header, &samples)? {
                Ok(end) => {
                    let bytes = self.buf[self.at..end].into();
                    self.at = end;
                    return Ok(Some(Packet { samples, bytes }));
                }
                Err(next) => self.at = next,
            }
        }
        Ok(None)
    }

    /// Goes near sample `at`. The next frame tells where.
    pub(super) fn seek(&mut self, input: &Input, stream: &Stream, at: u64) -> Result<()> {
        let (mut low, mut high) = (stream.bytes.start, stream.bytes.end);
        while high - low > NARROW {
            let middle = low + (high - low) / 2;
            self.go_to(middle);
            match self.next(input, stream)? {
                Some(packet) if packet.samples.start <= at => low = middle,
                _ => high = middle,
            }
        }
        self.go_to(low);
        Ok(())
    }

    fn go_to(&mut self, position: u64) {
        self.buf.clear();
        (self.start, self.at) = (position, 0);
    }

    /// Goes to the next place where a header may be; false if there is none.
    fn find_sync(&mut self, input: &Input, stream: &Stream) -> Result<bool> {
        loop {
            if let Some(next) = sync(&self.buf, self.at) {
                self.count(input, next - self.at)?;
                self.at = next;
                if self.buf.len() - next < HEADER {
                    self.read(input, stream)?;
                }
                return Ok(true);
            }
            // The last byte may be the first of two.
            let seen = self.buf.len().saturating_sub(1).max(self.at);
            self.count(input, seen - self.at)?;
            self.at = seen;
            if !self.read(input, stream)? {
                return Ok(false);
            }
        }
    }

    /// Where the frame at `at` ends, or where to look for the next one if it is not intact. Its header is
    /// `header` bytes long, and it holds `samples` samples.
    fn find_end(
        &mut self,
        input: &Input,
        stream: &Stream,
        header: usize,
        samples: &Range<u64>,
    ) -> Result<Result<usize, usize>> {
        // As many bytes as no encoder needs, which could have stored the samples as they are.
        let plain =
            (samples.end - samples.start) * stream.info.channels as u64 * (u64::from(stream.info.bits) + 1)
                / 8;
        let most = usize::try_from(4 * plain).map_or(usize::MAX, |most| most.saturating_add(BLOCK));
        // Where the sum is right, but not followed by a later frame: by damage, or by chance, as once in
        // 65,536 sync codes that are audio. And where another frame may start.
        let (mut likely, mut next) = (None, None);
        let mut sum = FRAME_SUM.digest();
        sum.update(&self.buf[self.at..self.at + header]);
        let mut summed = self.at + header;
        loop {
            let sync = sync(&self.buf, summed);
            let (to, more) = match sync {
                Some(to) => (to, true),
                None if self.buf.len() - self.at > most => break,
                None => {
                    // The last byte may be the first of two.
                    let seen = self.buf.len().saturating_sub(1).max(summed);
                    self.count(input, seen - summed)?;
                    sum.update(&self.buf[summed..seen]);
                    summed = seen;
                    let kept = self.at;
                    let more = self.read(input, stream)?;
                    // Reading drops what lies before `at`.
                    summed -= kept;
                    (likely, next) = (likely.map(|at: usize| at - kept), next.map(|at: usize| at - kept));
                    if more {
                        continue;
                    }
                    (self.buf.len(), false)
                }
            };
            self.count(input, to - summed)?;
            sum.update(&self.buf[summed..to]);
            summed = to;
            if more && self.buf.len() - to < HEADER {
                let kept = self.at;
                self.read(input, stream)?;
                summed -= kept;
                (likely, next) = (likely.map(|at: usize| at - kept), next.map(|at: usize| at - kept));
            }
            let following = stream.info.header(&self.buf[summed..]);
            if sum.clone().finalize() == 0 {
                let follows = |next: u64| (samples.end..samples.end + AHEAD).contains(&next);
                let at_end = !more && likely.is_none();
                if at_end || following.as_ref().is_some_and(|(next, _)| follows(next.start)) {
                    return Ok(Ok(summed));
                }
                likely.get_or_insert(summed);
            }
            if following.is_some() {
                next.get_or_insert(summed);
            }
            if !more || summed - self.at > most {
                break;
            }
            // The sync code itself may be part of the frame.
            sum.update(&self.buf[summed..=summed]);
            summed += 1;
        }
        Ok(likely.ok_or(next.unwrap_or(self.at + 1)))
    }

    /// Reads on; false at the end of the stream. What lies before `at` is dropped.
    fn read(&mut self, input: &Input, stream: &Stream) -> Result<bool> {
        self.start += self.at as u64;
        self.buf.drain(..self.at);
        self.at = 0;
        let from = self.start + self.buf.len() as u64;
        let left = stream.bytes.end.saturating_sub(from);
        let count = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        let kept = self.buf.len();
        self.buf.resize(kept + count, 0);
        let read = input.read_at(&mut self.buf[kept..], from, Stage::Decode)?;
        self.buf.truncate(kept + read);
        Ok(read > 0)
    }

    fn count(&mut self, input: &Input, bytes: usize) -> Result<()> {
        self.scanned += bytes as u64;
        input.limit("bytes in search of a FLAC frame", self.scanned, input.limits.scanned_bytes)
    }
}

/// The checksum of a header.
pub(super) fn header_sum(header: &[u8]) -> u8 {
    HEADER_SUM.checksum(header)
}

/// Whether a frame's checksum is right.
pub(super) fn is_intact(frame: &[u8]) -> bool {
    !frame.is_empty() && FRAME_SUM.checksum(frame) == 0
}

/// Where, from `from` on, a frame may start: 14 bits of sync code, a reserved bit, how blocks are counted.
fn sync(buf: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += buf.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        match buf.get(at + 1)? {
            0xf8 | 0xf9 => return Some(at),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_frames() {
        assert!(is_intact(&[0, 0]));
        assert!(!is_intact(&[1, 0, 0]));
        assert!(!is_intact(&[]));
        // CRC-16 with polynomial 0x8005, nothing reflected.
        assert!(is_intact(b"123456789\xfe\xe8"));
    }

    #[test]
    fn syncs_are_found() {
        assert_eq!(sync(&[0xff, 0xff, 0xf8, 0xff], 0), Some(1));
        assert_eq!(sync(&[0xff, 0xff, 0xf8, 0xff], 2), None);
        assert_eq!(sync(&[0xff, 0xfa, 0xff, 0xf9], 0), Some(2));
    }
}
