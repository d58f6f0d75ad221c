//! Scale factor bands (ISO/IEC 11172-3 table B.8, ISO/IEC 13818-3 table B.2), and how lines are ordered.

use super::granule::Block;

/// The lines of a granule.
pub(crate) const LINES: usize = 576;
/// They are coded in pairs.
pub(crate) const PAIRS: usize = LINES / 2;
/// The most bands that a granule of a channel has, rounded up to whole lanes.
pub(crate) const MAX_BANDS: usize = 40;

static LONG_44100: [u16; 23] =
    [0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342, 418, 576];
static LONG_48000: [u16; 23] =
    [0, 4, 8, 12, 16, 20, 24, 30, 36, 42, 50, 60, 72, 88, 106, 128, 156, 190, 230, 276, 330, 384, 576];
static LONG_32000: [u16; 23] =
    [0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 54, 66, 82, 102, 126, 156, 194, 240, 296, 364, 448, 550, 576];
static LONG_24000: [u16; 23] =
    [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 114, 136, 162, 194, 232, 278, 332, 394, 464, 540, 576];
/// Of 22.05, 16, 12 and 11.025 kHz.
static LONG_22050: [u16; 23] =
    [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576];
static LONG_8000: [u16; 23] = [
    0, 12, 24, 36, 48, 60, 72, 88, 108, 132, 160, 192, 232, 280, 336, 400, 476, 566, 568, 570, 572, 574, 576,
];

static SHORT_44100: [u16; 14] = [0, 4, 8, 12, 16, 22, 30, 40, 52, 66, 84, 106, 136, 192];
static SHORT_48000: [u16; 14] = [0, 4, 8, 12, 16, 22, 28, 38, 50, 64, 80, 100, 126, 192];
static SHORT_32000: [u16; 14] = [0, 4, 8, 12, 16, 22, 30, 42, 58, 78, 104, 138, 180, 192];
static SHORT_24000: [u16; 14] = [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 136, 180, 192];
static SHORT_22050: [u16; 14] = [0, 4, 8, 12, 18, 24, 32, 42, 56, 74, 100, 132, 174, 192];
/// Of 16, 12 and 11.025 kHz.
static SHORT_16000: [u16; 14] = [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 134, 174, 192];
static SHORT_8000: [u16; 14] = [0, 8, 16, 24, 36, 52, 72, 96, 124, 160, 162, 164, 166, 192];

/// Of long blocks, with the last one, which has no scale factor.
pub(crate) const LONG: usize = 22;
/// Of one window of short blocks, with the last one.
pub(crate) const SHORT: usize = 13;

/// Where the bands of long blocks begin and end, in lines, at `rate` hertz.
pub(crate) fn long(rate: u32) -> &'static [u16; LONG + 1] {
    match rate {
        48_000 => &LONG_48000,
        44_100 => &LONG_44100,
        32_000 => &LONG_32000,
        24_000 => &LONG_24000,
        8_000 => &LONG_8000,
        _ => &LONG_22050,
    }
}

/// Where the bands of each window of short blocks begin and end.
pub(crate) fn short(rate: u32) -> &'static [u16; SHORT + 1] {
    match rate {
        48_000 => &SHORT_48000,
        44_100 => &SHORT_44100,
        32_000 => &SHORT_32000,
        24_000 => &SHORT_24000,
        22_050 => &SHORT_22050,
        8_000 => &SHORT_8000,
        _ => &SHORT_16000,
    }
}

/// The bands of a granule in the order in which lines are coded. The bands of short blocks are those of
/// the standard times three: window 0, 1, 2 of the first, and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bands {
    /// Where each band begins; from `count` on 576.
    pub(crate) start: [u16; MAX_BANDS + 1],
    /// 22 or 39; the last one or three have no scale factors.
    pub(crate) count: usize,
    /// Where the second region of Huffman tables begins in blocks whose regions are fixed.
    pub(crate) fixed_region: u16,
    /// Of start and stop blocks, the bands before that.
    pub(crate) fixed_bands: usize,
}

/// The bands of one sampling rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BandTable {
    pub(crate) long: Bands,
    pub(crate) short: Bands,
    /// By band and line within a window: where each line of short windows goes when lines are coded.
    short_start: [u16; 14],
}

impl BandTable {
    /// The bands at `rate` hertz, one of MP3's nine.
    pub(crate) fn new(rate: u32) -> Self {
        let (long, short) = (*long(rate), *short(rate));
        let mut starts = [[LINES as u16; MAX_BANDS + 1]; 2];
        starts[0][..23].copy_from_slice(&long);
        for (band, edge) in short.windows(2).enumerate() {
            for window in 0..3 {
                let width = edge[1] - edge[0];
                starts[1][3 * band + window] = 3 * edge[0] + window as u16 * width;
            }
        }
        Self {
            long: Bands { start: starts[0], count: 22, fixed_region: long[8], fixed_bands: 8 },
            short: Bands { start: starts[1], count: 39, fixed_region: 3 * short[3], fixed_bands: 9 },
            short_start: short,
        }
    }

    /// The bands of a block type.
    pub(crate) fn of(&self, block: Block) -> &Bands {
        if block == Block::Short { &self.short } else { &self.long }
    }

    /// Lines of three windows, one after the other, in the order in which they are coded: band by band,
    /// in each band window by window.
    pub(crate) fn interleave(&self, windows: &[f32; LINES], coded: &mut [f32; LINES]) {
        for (band, edge) in self.short_start.windows(2).enumerate() {
            let (from, to) = (usize::from(edge[0]), usize::from(edge[1]));
            for window in 0..3 {
                let at = usize::from(self.short.start[3 * band + window]);
                coded[at..at + to - from].copy_from_slice(&windows[192 * window + from..192 * window + to]);
            }
        }
    }
}
