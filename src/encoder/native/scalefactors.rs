//! How scale factors are packed: ISO/IEC 11172-3 §2.4.2.7, ISO/IEC 13818-3 §2.4.3.2.

use super::bits::BitWriter;

/// What is added to the scale factors of bands 0 to 20 of long blocks with the preflag (table B.6).
pub(crate) const PRETAB: [u8; 21] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 2];

/// By `scalefac_compress` of MPEG-1: bits of a scale factor in the lower bands and in the upper ones.
const LENGTHS_MPEG1: [[u8; 2]; 16] = [
    [0, 0],
    [0, 1],
    [0, 2],
    [0, 3],
    [3, 0],
    [1, 1],
    [1, 2],
    [1, 3],
    [2, 1],
    [2, 2],
    [2, 3],
    [3, 1],
    [3, 2],
    [3, 3],
    [4, 2],
    [4, 3],
];

/// How scale factors of long and short blocks fall into four groups. In MPEG-1 these are also the groups that `scfsi` shares.
const GROUPS: [[u8; 4]; 2] = [[6, 5, 5, 5], [9, 9, 9, 9]];
/// Of long and short blocks, by the bits that the lower and the upper bands need: the `scalefac_compress` with the
/// fewest bits in all.
static CHEAPEST_MPEG1: [[[u8; 4]; 5]; 2] = [cheapest_mpeg1([11, 10]), cheapest_mpeg1([18, 18])];

const fn cheapest_mpeg1(counts: [u8; 2]) -> [[u8; 4]; 5] {
    let mut table = [[15; 4]; 5];
    let (mut low, mut high) = (0, 0);
    while low < 5 {
        let mut least = u8::MAX;
        let mut compress = 0;
        while compress < 16 {
            let lengths = LENGTHS_MPEG1[compress];
            let bits = lengths[0] * counts[0] + lengths[1] * counts[1];
            if lengths[0] >= low as u8 && lengths[1] >= high as u8 && bits < least {
                (least, table[low][high]) = (bits, compress as u8);
            }
            compress += 1;
        }
        high += 1;
        if high == 4 {
            (low, high) = (low + 1, 0);
        }
    }
    table
}

/// The second way of MPEG-2: the last group has no bits.
const GROUPS_MPEG2_TOP_ZERO: [[u8; 4]; 2] = [[6, 5, 7, 3], [9, 9, 12, 6]];
/// The third way of MPEG-2, which implies the preflag.
const GROUPS_MPEG2_PREFLAG: [u8; 4] = [11, 10, 0, 0];

/// The most that the scale factors of each group can be; with the preflag in MPEG-2, of 11 and 10 bands.
pub(crate) const fn limits(mpeg1: bool, preflag: bool) -> [u8; 2] {
    if !mpeg1 && preflag { [7, 3] } else { [15, 7] }
}

/// A way to pack the scale factors of a granule of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Packing {
    /// `scalefac_compress`
    pub(crate) compress: u16,
    /// Bits of one scale factor, by group.
    lengths: [u8; 4],
    /// Scale factors by group.
    counts: [u8; 4],
}

impl Packing {
    /// The packing with the fewest bits for `scale`, of which the groups in `shared` are not sent (MPEG-1
    /// only). No scale factor may be beyond its [`limits`].
    #[inline(always)]
    pub(crate) fn cheapest(scale: &[u8], short: bool, mpeg1: bool, preflag: bool, shared: [bool; 4]) -> Self {
        if mpeg1 {
            let counts = GROUPS[usize::from(short)];
            let [a, b, c, d] = group_lengths(scale, counts, shared);
            let compress = CHEAPEST_MPEG1[usize::from(short)][usize::from(a.max(b))][usize::from(c.max(d))];
            let [low, high] = LENGTHS_MPEG1[usize::from(compress)];
            return Self { compress: compress.into(), lengths: [low, low, high, high], counts };
        }
        if preflag {
            let lengths = group_lengths(scale, GROUPS_MPEG2_PREFLAG, [false; 4]);
            let compress = 500 + 3 * u16::from(lengths[0]) + u16::from(lengths[1]);
            return Self { compress, lengths, counts: GROUPS_MPEG2_PREFLAG };
        }
        let plain = {
            let counts = GROUPS[usize::from(short)];
            let lengths = group_lengths(scale, counts, [false; 4]);
            let [a, b, c, d] = lengths.map(u16::from);
            Self { compress: (5 * a + b) << 4 | c << 2 | d, lengths, counts }
        };
        let top_zero = {
            let counts = GROUPS_MPEG2_TOP_ZERO[usize::from(short)];
            let lengths = group_lengths(scale, counts, [false; 4]);
            let [a, b, c, _] = lengths.map(u16::from);
            Self { compress: 400 + ((5 * a + b) << 2 | c), lengths, counts }
        };
        let possible = top_zero.lengths[3] == 0 && top_zero.lengths[2] < 4;
        if possible && top_zero.bits([false; 4]) < plain.bits([false; 4]) { top_zero } else { plain }
    }

    /// The bits of the scale factors, but for those of groups that are shared.
    #[inline(always)]
    pub(crate) fn bits(&self, shared: [bool; 4]) -> u32 {
        let mut bits = 0;
        for group in 0..4 {
            bits +=
                u32::from(!shared[group]) * u32::from(self.lengths[group]) * u32::from(self.counts[group]);
        }
        bits
    }

    /// Writes the scale factors.
    #[inline(always)]
    pub(crate) fn write(&self, scale: &[u8], shared: [bool; 4], writer: &mut BitWriter) {
        let mut band = 0;
        for group in 0..4 {
            let end = band + usize::from(self.counts[group]);
            if !shared[group] && self.lengths[group] > 0 {
                for &factor in &scale[band..end] {
                    writer.put(factor.into(), self.lengths[group].into());
                }
            }
            band = end;
        }
    }
}

/// The bits that the largest scale factor of each group needs.
#[inline(always)]
fn group_lengths(scale: &[u8], counts: [u8; 4], skipped: [bool; 4]) -> [u8; 4] {
    let mut lengths = [0; 4];
    let mut band = 0;
    for group in 0..4 {
        let end = band + usize::from(counts[group]);
        if !skipped[group] {
            let all = scale[band..end].iter().fold(0, |all, &factor| all | factor);
            lengths[group] = (8 - all.leading_zeros()) as u8;
        }
        band = end;
    }
    lengths
}
