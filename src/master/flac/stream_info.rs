//! What a stream says of itself, and where its frames belong.

use std::ops::Range;

use super::header::{Blocking, Format, FrameHeader, MAX_BLOCK};
use crate::error::Result;

/// What the STREAMINFO block says (RFC 9639, section 8.2), and how the stream's frames are numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::master) struct StreamInfo {
    pub(in crate::master) format: Format,
    /// 0 if not stated.
    pub(in crate::master) samples: u64,
    /// Of all samples, if stated.
    pub(in crate::master) md5: Option<[u8; 16]>,
    numbering: Numbering,
    /// The number of the first sample, by the frames' count: not 0 in what was cut out of a longer stream.
    origin: u64,
}

/// What the numbers of frames count that say they count frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbering {
    /// Frames of so many samples.
    Frames(u64),
    /// Samples, as in streams of variable blocks before that could be said in a frame.
    Samples,
}

impl StreamInfo {
    /// Reads the block. Until the first frames [tell more](Self::learn), the largest block size it states is
    /// that of all of them.
    pub(in crate::master) fn parse(block: &[u8; 34]) -> Self {
        let packed = u64::from_be_bytes([
            block[10], block[11], block[12], block[13], block[14], block[15], block[16], block[17],
        ]);
        let format = Format {
            rate: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as usize + 1,
            bits: (packed >> 36 & 31) as u32 + 1,
        };
        let mut md5 = [0; 16];
        md5.copy_from_slice(&block[18..]);
        Self {
            format,
            samples: packed & 0xf_ffff_ffff,
            md5: Some(md5).filter(|md5| *md5 != [0; 16]),
            numbering: Numbering::Frames(u16::from_be_bytes([block[2], block[3]]).into()),
            origin: 0,
        }
    }

    /// Whether a channel mask could say anything: one channel is in the middle.
    pub(in crate::master) fn may_have_mask(&self) -> bool {
        self.format.channels > 1
    }

    /// The header at the begin of `frame`; `None` if that is no frame of this stream.
    pub(in crate::master) fn header(&self, frame: &[u8]) -> Option<FrameHeader> {
        FrameHeader::parse(frame).ok().filter(|header| header.check(&self.format).is_ok())
    }

    /// Which samples a frame with that header holds; `None` if it lies before the stream's begin.
    pub(in crate::master) fn samples(&self, header: &FrameHeader) -> Option<Range<u64>> {
        let start = self.number(header).checked_sub(self.origin)?;
        Some(start..start + header.block as u64)
    }

    fn number(&self, header: &FrameHeader) -> u64 {
        match (header.blocking, self.numbering) {
            (Blocking::Fixed, Numbering::Frames(len)) => header.number * len,
            _ => header.number,
        }
    }

    /// Learns from the first frame, and the one behind it if there is one, what their numbers count. The block
    /// sizes in STREAMINFO are not to be relied on.
    pub(in crate::master) fn learn(&mut self, first: &FrameHeader, second: Option<&FrameHeader>) {
        let len = first.block as u64;
        let counts_samples = |second: &FrameHeader| len > 1 && second.number == first.number + len;
        self.numbering =
            if second.is_some_and(counts_samples) { Numbering::Samples } else { Numbering::Frames(len) };
    }

    /// Whether the stream was cut out of a longer one, of which the frame with this header was not the first. `last_end` gives
    /// the number of the sample behind the last frame: if not all is there that is stated, what was before is lost.
    pub(in crate::master) fn is_cut_out(
        &self,
        first: &FrameHeader,
        last_end: impl FnOnce() -> Result<u64>,
    ) -> Result<bool> {
        let start = self.samples(first).map_or(0, |samples| samples.start);
        Ok(start > 0 && (self.samples <= start || last_end()? == start + self.samples))
    }

    /// Lets the stream begin with the frame that has this header.
    pub(in crate::master) fn begin_at(&mut self, first: &FrameHeader) {
        self.origin = self.number(first);
    }

    /// As many samples as a frame can hold.
    pub(in crate::master) const MOST: u64 = MAX_BLOCK as u64;
}

#[cfg(test)]
mod tests {
    use super::super::checksum::header_sum;
    use super::*;

    fn info() -> StreamInfo {
        let mut block = [0; 34];
        block[..4].copy_from_slice(&[0x10, 0, 0x10, 0]);
        // 44,100 Hz, 2 channels, 16 bits, 5 samples.
        block[10..18].copy_from_slice(&[0x0a, 0xc4, 0x42, 0xf0, 0, 0, 0, 5]);
        StreamInfo::parse(&block)
    }

    #[test]
    fn streaminfo_says() {
        let info = info();
        assert_eq!(info.format, Format { rate: 44_100, channels: 2, bits: 16 });
        assert_eq!((info.samples, info.md5, info.numbering), (5, None, Numbering::Frames(4_096)));
    }

    fn with_sum(header: &[u8]) -> Vec<u8> {
        [header, &[header_sum(header)]].concat()
    }

    #[test]
    fn frames_say_where_they_are() {
        let info = info();
        let samples_of = |header: &[u8]| {
            assert_eq!(info.header(&[header, &[!header_sum(header)]].concat()), None);
            info.samples(&info.header(&with_sum(header))?)
        };
        // Fixed: frame 2 of 4,096; then number 0x123 in two bytes and a short last block.
        assert_eq!(samples_of(&[0xff, 0xf8, 0xc9, 0xa8, 2]), Some(8_192..12_288));
        let short = [0xff, 0xf8, 0x69, 0x18, 0xc4, 0xa3, 99];
        assert_eq!(samples_of(&short), Some(0x123 * 4_096..0x123 * 4_096 + 100));
        // Variable: sample 300.
        assert_eq!(samples_of(&[0xff, 0xf9, 0xc9, 0xa8, 0xc4, 0xac]), Some(300..4_396));
        assert_eq!(samples_of(&[0xff, 0xf8, 0xc9, 0x08, 2]), None, "one channel");
        assert_eq!(samples_of(&[0xff, 0xf8, 0xc9, 0xac, 2]), None, "24 bits");
        assert_eq!(samples_of(&[0xff, 0xf8, 0xca, 0xa8, 2]), None, "48 kHz");
        assert_eq!(samples_of(&[0xff, 0xf8, 0xc9, 0xa8]), None, "cut off");
    }

    #[test]
    fn numbers_count_what_the_first_frames_show() {
        let header = |number: u8, block: u8| {
            FrameHeader::parse(&with_sum(&[0xff, 0xf8, 0x69, 0x18, number, block - 1])).unwrap()
        };
        let mut info = info();
        info.learn(&header(3, 30), Some(&header(4, 30)));
        assert_eq!(info.samples(&header(5, 20)), Some(150..170));
        info.begin_at(&header(3, 30));
        assert_eq!(info.samples(&header(5, 20)), Some(60..80));
        assert_eq!(info.samples(&header(2, 30)), None);
        info.learn(&header(3, 30), Some(&header(33, 17)));
        info.begin_at(&header(3, 30));
        assert_eq!(info.samples(&header(33, 17)), Some(30..47));
        info.learn(&header(0, 30), None);
        assert_eq!(info.samples(&header(2, 30)), Some(57..87));
    }
}
