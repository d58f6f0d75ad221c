//! Learning what an ABR or VBR rendition's Info frame must say, from its frames as they pass by.

use crate::mp3::frame::Header;
use crate::mp3::info::{TOC_ENTRIES, music_crc};

/// Follows audio bytes from the first frame to the last, in pieces of any length: counts frames,
/// notes where those of the table of contents start, and computes the CRC.
pub(crate) struct FrameIndex {
    toc_frames: [u64; TOC_ENTRIES],
    toc: [u64; TOC_ENTRIES],
    /// The first entry whose frame has not come yet.
    next_entry: usize,
    frames: u64,
    bytes: u64,
    /// Where the next frame starts.
    next_frame: u64,
    /// The part of a header that has come.
    header: [u8; Header::SIZE],
    crc: crc::Digest<'static, u16, crc::Table<16>>,
}

/// What the frames told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Indexed {
    /// How many frames there were.
    pub(crate) frames: u64,
    /// How many bytes they had.
    pub(crate) bytes: u64,
    /// Where the frames of the table of contents start, from the first frame on.
    pub(crate) toc: [u64; TOC_ENTRIES],
    /// The CRC of all bytes.
    pub(crate) crc: u16,
}

impl FrameIndex {
    /// An index that notes the places of `toc_frames`, which ascend.
    pub(crate) fn new(toc_frames: impl Iterator<Item = u64>) -> Self {
        let mut frames = [0; TOC_ENTRIES];
        for (slot, frame) in frames.iter_mut().zip(toc_frames) {
            *slot = frame;
        }
        Self {
            toc_frames: frames,
            toc: [0; TOC_ENTRIES],
            next_entry: 0,
            frames: 0,
            bytes: 0,
            next_frame: 0,
            header: [0; Header::SIZE],
            crc: music_crc(),
        }
    }

    /// Takes the next bytes. `Err` holds the position at which a frame should start but does not.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), u64> {
        self.crc.update(bytes);
        while !bytes.is_empty() {
            // Either within a frame's body, which is skipped, or within the header of the next.
            let take = if self.bytes < self.next_frame {
                let body = self.next_frame - self.bytes;
                usize::try_from(body).map_or(bytes.len(), |body| body.min(bytes.len()))
            } else {
                #[allow(clippy::cast_possible_truncation)] // at most 3
                let have = (self.bytes - self.next_frame) as usize;
                let take = (Header::SIZE - have).min(bytes.len());
                self.header[have..have + take].copy_from_slice(&bytes[..take]);
                if have + take == Header::SIZE {
                    self.frame_starts()?;
                }
                take
            };
            self.bytes += take as u64;
            bytes = &bytes[take..];
        }
        Ok(())
    }

    fn frame_starts(&mut self) -> Result<(), u64> {
        let header = Header::parse(self.header).ok_or(self.next_frame)?;
        while self.toc_frames.get(self.next_entry) == Some(&self.frames) {
            self.toc[self.next_entry] = self.next_frame;
            self.next_entry += 1;
        }
        self.frames += 1;
        self.next_frame += header.size();
        Ok(())
    }

    /// What was learnt; `Err` holds the position of a frame that is not complete.
    pub(crate) fn finish(self) -> Result<Indexed, u64> {
        if self.bytes != self.next_frame {
            return Err(self.next_frame);
        }
        Ok(Indexed { frames: self.frames, bytes: self.bytes, toc: self.toc, crc: self.crc.finalize() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two frames of 417 and 418 bytes, over and over.
    fn frames(pairs: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..pairs {
            for (third, size) in [(0x90, 417), (0x92, 418)] {
                let start = bytes.len();
                bytes.extend([0xFF, 0xFB, third, 0x64]);
                bytes.resize(start + size, 0xAA);
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn the_cut_into_pieces_does_not_matter(pieces in prop::collection::vec(1..900_usize, 1..40)) {
            let bytes = frames(8);
            let mut index = FrameIndex::new((0..100).map(|entry| entry * 16 / 100));
            let mut rest = &bytes[..];
            for piece in pieces.into_iter().cycle() {
                if rest.is_empty() { break; }
                let (now, later) = rest.split_at(piece.min(rest.len()));
                index.push(now).unwrap();
                rest = later;
            }
            let indexed = index.finish().unwrap();
            prop_assert_eq!((indexed.frames, indexed.bytes), (16, bytes.len() as u64));
            prop_assert_eq!(indexed.toc[7], 417);
            prop_assert_eq!(indexed.toc[99], 7 * 835 + 417);
            prop_assert_eq!(indexed.crc, crc::Crc::<u16>::new(&crc::CRC_16_ARC).checksum(&bytes));
        }
    }

    #[test]
    fn what_is_no_frame_or_half_a_frame_is_an_error() {
        let mut bytes = frames(2);
        bytes[417] = 0;
        assert_eq!(FrameIndex::new(0..0).push(&bytes), Err(417));
        let mut index = FrameIndex::new(0..0);
        index.push(&frames(1)[..800]).unwrap();
        assert_eq!(index.finish(), Err(835));
    }
}
