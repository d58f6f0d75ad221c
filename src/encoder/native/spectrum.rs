//! The quantised lines of a granule of a channel: which Huffman tables they take, how many bits, and those bits.

use super::bands::{Bands, LINES, MAX_BANDS, PAIRS};
use super::bits::BitWriter;
use super::granule::Block;
use super::huffman::{COUNT, Count, QUAD_LENGTHS_A, QUAD_WRITE, Writing, best_table, writing};

/// The most bands that the first region and the second one can have.
const REGION_BANDS: [usize; 2] = [16, 8];

/// Quantised lines and how they are coded.
#[derive(Debug, Clone)]
pub(crate) struct Spectrum {
    /// Magnitudes in the order in which they are coded.
    pub(crate) magnitudes: [u16; LINES],
    /// Pairs of magnitudes, each at most 15: `x << 4 | y`.
    pairs: [u8; PAIRS],
    /// The pairs coded one by one. Behind them no magnitude is above 1.
    pub(crate) big_pairs: usize,
    /// Fours of magnitudes behind the pairs. Behind them all is zero.
    pub(crate) quads: usize,
    /// Of each of three regions.
    pub(crate) tables: [u8; 3],
    /// The bands of the first region and of the second.
    pub(crate) regions: [u8; 2],
    /// Whether fours are in table B.
    pub(crate) quads_in_b: bool,
    /// All of it.
    pub(crate) bits: u32,
}

impl Spectrum {
    /// Silence.
    pub(crate) const fn new() -> Self {
        Self {
            magnitudes: [0; LINES],
            pairs: [0; PAIRS],
            big_pairs: 0,
            quads: 0,
            tables: [0; 3],
            regions: [6, 7],
            quads_in_b: false,
            bits: 0,
        }
    }

    /// Chooses how to code [`magnitudes`](Self::magnitudes), of which the largest of each band are known, and counts the bits.
    #[inline(always)]
    pub(crate) fn choose(&mut self, largest: &[u16; MAX_BANDS], bands: &Bands, block: Block) {
        for (pair, magnitudes) in self.pairs.iter_mut().zip(self.magnitudes.as_chunks::<2>().0) {
            *pair = (magnitudes[0].min(15) << 4 | magnitudes[1].min(15)) as u8;
        }
        self.find_parts();
        let quads = self.choose_quads();
        self.bits = quads + self.choose_regions(largest, bands, block);
    }

    /// Where pairs end and fours end.
    #[inline(always)]
    fn find_parts(&mut self) {
        let mut end = last(&self.pairs, PAIRS, u64::MAX);
        self.big_pairs = last(&self.pairs, end, 0xEEEE_EEEE_EEEE_EEEE);
        // Fours must not reach beyond the last line.
        let odd = (end - self.big_pairs) % 2;
        if odd == 1 && end == PAIRS {
            self.big_pairs += 1;
        } else {
            end += odd;
        }
        self.quads = (end - self.big_pairs) / 2;
    }

    #[inline(always)]
    fn choose_quads(&mut self) -> u32 {
        let (mut in_a, mut signs) = (0, 0);
        let coded = &self.pairs[self.big_pairs..self.big_pairs + 2 * self.quads];
        for quad in coded.as_chunks::<2>().0 {
            let index = quad_index(*quad);
            in_a += u32::from(QUAD_LENGTHS_A[index]);
            signs += index.count_ones();
        }
        let in_b = 4 * self.quads as u32;
        self.quads_in_b = in_b < in_a;
        signs + in_a.min(in_b)
    }

    #[inline(always)]
    fn choose_regions(&mut self, largest: &[u16; MAX_BANDS], bands: &Bands, block: Block) -> u32 {
        self.tables = [0; 3];
        if self.big_pairs == 0 {
            return 0;
        }
        // Sums of the counts before each band.
        let mut sums: [Count; MAX_BANDS + 1] = [[0; 16]; MAX_BANDS + 1];
        let mut sum: Count = [0; 16];
        let (mut used, mut at) = (0, 0);
        while at < self.big_pairs {
            let end = usize::from(bands.start[used + 1] / 2).min(self.big_pairs);
            for &pair in &self.pairs[at..end] {
                let count = &COUNT[usize::from(pair)];
                for lane in 0..16 {
                    sum[lane] = sum[lane].wrapping_add(count[lane]);
                }
            }
            used += 1;
            sums[used] = sum;
            at = end;
        }
        if block != Block::Long {
            let cut = bands.fixed_bands.min(used);
            let coded = [region(&sums, largest, 0, cut), region(&sums, largest, cut, used)];
            self.tables = [coded[0].0, coded[1].0, 0];
            return coded[0].1 + coded[1].1;
        }
        let clipped = |cut: usize| cut.min(used);
        // It begins at the same place whatever was coded before: the same lines must always take the same bits.
        let mut first = (used / 4 + 1).min(REGION_BANDS[0]);
        let mut second = (2 * used / 3).clamp(first + 1, (first + REGION_BANDS[1]).min(bands.count));
        let mut coded = [
            region(&sums, largest, 0, clipped(first)),
            region(&sums, largest, clipped(first), clipped(second)),
            region(&sums, largest, clipped(second), used),
        ];
        // One cut at a time is moved by a band as long as that saves bits.
        let mut moved = true;
        while moved {
            moved = false;
            for cut in [first.wrapping_sub(1), first + 1] {
                let possible = (1..=REGION_BANDS[0]).contains(&cut)
                    && (cut + 1..=cut + REGION_BANDS[1]).contains(&second);
                if possible {
                    let (zero, one) = (
                        region(&sums, largest, 0, clipped(cut)),
                        region(&sums, largest, clipped(cut), clipped(second)),
                    );
                    if zero.1 + one.1 < coded[0].1 + coded[1].1 {
                        (coded[0], coded[1], first, moved) = (zero, one, cut, true);
                        break;
                    }
                }
            }
            for cut in [second - 1, second + 1] {
                let possible = (first + 1..=first + REGION_BANDS[1]).contains(&cut) && cut <= bands.count;
                if possible {
                    let (one, two) = (
                        region(&sums, largest, clipped(first), clipped(cut)),
                        region(&sums, largest, clipped(cut), used),
                    );
                    if one.1 + two.1 < coded[1].1 + coded[2].1 {
                        (coded[1], coded[2], second, moved) = (one, two, cut, true);
                        break;
                    }
                }
            }
        }
        self.regions = [first as u8, (second - first) as u8];
        self.tables = coded.map(|region| region.0);
        coded[0].1 + coded[1].1 + coded[2].1
    }

    /// The pairs where the second and the third region begin.
    #[inline(always)]
    pub(crate) fn cuts(&self, bands: &Bands, block: Block) -> [usize; 2] {
        if block == Block::Long {
            let first = usize::from(self.regions[0]);
            let second = first + usize::from(self.regions[1]);
            [bands.start[first], bands.start[second]].map(|line| usize::from(line / 2))
        } else {
            [usize::from(bands.fixed_region / 2), PAIRS]
        }
    }

    /// Writes the lines. By pair, `negative` is 2 if the first line is below zero, and 1 if the second is.
    #[inline(always)]
    pub(crate) fn write(&self, negative: &[u8; PAIRS], bands: &Bands, block: Block, writer: &mut BitWriter) {
        let cuts = self.cuts(bands, block);
        // The signs that are written, those of lines that are not zero.
        let mut signs = [0; PAIRS];
        for ((signs, &pair), &negative) in signs.iter_mut().zip(&self.pairs).zip(negative) {
            *signs = if pair & 15 > 0 { negative & (u8::from(pair > 15) << 1 | 1) } else { negative >> 1 };
        }
        let mut at = 0;
        for (table, end) in self.tables.into_iter().zip([cuts[0], cuts[1], PAIRS]) {
            let end = end.min(self.big_pairs);
            if at < end && table != 0 {
                let how = writing(table);
                if how.linbits == 0 {
                    write_pairs(&self.pairs[at..end], &signs[at..end], how.codes, writer);
                } else {
                    self.write_long_pairs(at..end, &how, &signs, writer);
                }
            }
            at = end.max(at);
        }
        let fours = self.big_pairs..self.big_pairs + 2 * self.quads;
        let codes = &QUAD_WRITE[usize::from(self.quads_in_b)];
        for (pairs, negative) in
            self.pairs[fours.clone()].as_chunks().0.iter().zip(negative[fours].as_chunks().0)
        {
            let index = quad_index(*pairs);
            let [first, second] = negative.map(usize::from);
            let (code, length) = codes[index][first << 2 | second];
            writer.put(code.into(), length.into());
        }
    }

    /// Writes pairs with a table that has more bits for magnitudes from 15 up.
    #[inline(always)]
    fn write_long_pairs(
        &self,
        pairs: std::ops::Range<usize>,
        how: &Writing,
        signs: &[u8; PAIRS],
        writer: &mut BitWriter,
    ) {
        let is_short = |pair: u8| pair < 0xF0 && pair & 15 < 15;
        // Large magnitudes lie at low frequencies: behind the last of them there is nothing to look for.
        let long = self.pairs[pairs.clone()].iter().rposition(|&pair| !is_short(pair));
        let short = long.map_or(pairs.start, |last| pairs.start + last + 1);
        let mut at = pairs.start;
        while at < short {
            let pair = self.pairs[at];
            if is_short(pair) {
                let (mut word, mut length) = code_of(how.codes, pair, signs[at]);
                at += 1;
                if is_short(self.pairs[at]) {
                    let (second, behind) = code_of(how.codes, self.pairs[at], signs[at]);
                    (word, length) = (word << behind | second, length + behind);
                    at += 1;
                }
                writer.put(word, length);
                continue;
            }
            let signs = u64::from(signs[at]);
            let (code, length) = code_of(how.codes, pair, 0);
            let (x, y) = (pair >> 4, pair & 15);
            // The rest of the first and its sign, then those of the second: at most 17 + 2 (13 + 1) bits.
            let (sign_bits, of_y) = (u32::from(x > 0) + u32::from(y > 0), u32::from(y > 0));
            let (mut word, mut length) = (code >> sign_bits, length - sign_bits);
            for (value, rest, bits, sign) in [
                (x, self.magnitudes[2 * at], u32::from(x > 0), signs >> of_y),
                (y, self.magnitudes[2 * at + 1], of_y, signs & 1),
            ] {
                if value == 15 {
                    word = word << how.linbits | u64::from(rest - 15);
                    length += how.linbits;
                }
                word = word << bits | sign & u64::from(bits);
                length += bits;
            }
            writer.put(word, length);
            at += 1;
        }
        write_pairs(&self.pairs[short..pairs.end], &signs[short..pairs.end], how.codes, writer);
    }
}

/// The code of a pair with its signs, and its length.
#[inline(always)]
fn code_of(codes: &[u32; 256], pair: u8, signs: u8) -> (u64, u32) {
    let entry = codes[usize::from(pair)];
    (u64::from(entry >> 8) | u64::from(signs), entry & 0xFF)
}

/// Writes pairs of magnitudes with their signs, two at a time: together they have at most 42 bits.
#[inline(always)]
fn write_pairs(pairs: &[u8], signs: &[u8], codes: &[u32; 256], writer: &mut BitWriter) {
    let (twos, last) = pairs.as_chunks();
    let (two_signs, last_signs) = signs.as_chunks();
    for (&[one, two], &[of_one, of_two]) in twos.iter().zip(two_signs) {
        let ((first, before), (second, behind)) = (code_of(codes, one, of_one), code_of(codes, two, of_two));
        writer.put(first << behind | second, before + behind);
    }
    if let (&[pair], &[signs]) = (last, last_signs) {
        let (code, length) = code_of(codes, pair, signs);
        writer.put(code, length);
    }
}

/// Of the first `end` pairs: behind the last one with a bit of `mask`, which is the same in every byte.
#[inline(always)]
fn last(pairs: &[u8; PAIRS], end: usize, mask: u64) -> usize {
    let chunks = pairs.as_chunks::<8>().0;
    let mut chunk = end.div_ceil(8);
    while chunk > 0 {
        let word = u64::from_le_bytes(chunks[chunk - 1]) & mask;
        if word != 0 {
            return 8 * chunk - (word.leading_zeros() / 8) as usize;
        }
        chunk -= 1;
    }
    0
}

/// The best table for the bands `from` to `to`, and its bits.
#[inline(always)]
fn region(sums: &[Count; MAX_BANDS + 1], largest: &[u16; MAX_BANDS], from: usize, to: usize) -> (u8, u32) {
    let largest = largest[from..to].iter().fold(0, |most, &magnitude| magnitude.max(most));
    best_table(&sums[from], &sums[to], largest)
}

/// Two pairs of 0 and 1 as four bits.
#[inline(always)]
fn quad_index(pairs: [u8; 2]) -> usize {
    let two = |pair: u8| usize::from(pair >> 3 | pair & 1);
    two(pairs[0]) << 2 | two(pairs[1])
}
