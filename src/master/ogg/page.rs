//! The head of a page (RFC 3533, section 6).

use crc::{Algorithm, Crc, Table};

/// What every page starts with: the capture pattern and the only version there is.
pub(super) const MAGIC: &[u8; 5] = b"OggS\0";

/// The bytes before the sizes of the segments.
pub(super) const FIXED: usize = 27;

/// No page has more bytes.
pub(super) const MOST: usize = FIXED + 255 + 255 * 255;

/// Where the checksum stands.
const SUM: usize = 22;

/// x³² + x²⁶ + x²³ + … + 1, not reflected, from 0 on.
static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&Algorithm {
    width: 32,
    poly: 0x04c1_1db7,
    init: 0,
    refin: false,
    refout: false,
    xorout: 0,
    check: 0x89a1_897f,
    residue: 0,
});

/// The head of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    flags: u8,
    /// In FLAC the number of samples up to the end of the last packet that ends here.
    pub(super) granule: u64,
    /// Which stream it is of.
    pub(super) serial: u32,
    /// The page's number in its stream.
    pub(super) number: u32,
    /// How many segments it has.
    pub(super) segments: usize,
    /// How many bytes it has in all.
    pub(super) len: usize,
}

impl Page {
    /// The head of the page that `bytes` begin with, as far as they go.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; FIXED] = bytes.first_chunk()?;
        let segments = usize::from(head[26]);
        let sizes = bytes.get(FIXED..FIXED + segments)?;
        let body: usize = sizes.iter().map(|&size| usize::from(size)).sum();
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        head.starts_with(MAGIC).then(|| Self {
            flags: head[5],
            granule: u64::from(word(10)) << 32 | u64::from(word(6)),
            serial: word(14),
            number: word(18),
            segments,
            len: FIXED + segments + body,
        })
    }

    /// The page that `bytes` begin with, if all of it is there and its checksum is right.
    pub(super) fn intact(bytes: &[u8]) -> Option<Self> {
        let page = Self::parse(bytes)?;
        let bytes = bytes.get(..page.len)?;
        let mut sum = CRC.digest();
        sum.update(&bytes[..SUM]);
        sum.update(&[0; 4]);
        sum.update(&bytes[SUM + 4..]);
        (sum.finalize().to_le_bytes() == bytes[SUM..SUM + 4]).then_some(page)
    }

    /// Whether its first bytes go on with a packet of the page before.
    pub(super) fn goes_on(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether it is its stream's first page.
    pub(super) fn is_first(&self) -> bool {
        self.flags & 2 != 0
    }

    /// Whether it is its stream's last page.
    pub(super) fn is_last(&self) -> bool {
        self.flags & 4 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_ogg() {
        assert_eq!(CRC.checksum(b"123456789"), CRC.algorithm.check);
    }

    #[test]
    fn only_whole_and_intact_pages_are_believed() {
        let file = std::fs::read("testdata/short.oga").unwrap();
        let page = Page::intact(&file).unwrap();
        assert!(page.is_first() && !page.goes_on() && !page.is_last());
        assert_eq!((page.number, page.granule, page.segments), (0, 0, 1));
        for cut in 0..page.len {
            assert_eq!(Page::intact(&file[..cut]), None, "cut at {cut}");
            let mut bytes = file.clone();
            bytes[cut] ^= 0x10;
            assert_eq!(Page::intact(&bytes), None, "a bit at {cut}");
        }
    }
}
