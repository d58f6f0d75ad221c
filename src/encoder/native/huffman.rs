//! Huffman tables made ready for counting and writing.
//!
//! A pair of magnitudes is one byte, `min(x, 15) << 4 | min(y, 15)`. There are fifteen different codes: tables 16 to
//! 23 share one and 24 to 31 another, and differ in the bits that follow for magnitudes from 15 up.

use super::codes::{
    Codes, TABLE_1, TABLE_2, TABLE_3, TABLE_5, TABLE_6, TABLE_7, TABLE_8, TABLE_9, TABLE_10, TABLE_11,
    TABLE_12, TABLE_13, TABLE_15, TABLE_16, TABLE_24,
};

/// The codes in ascending order of their tables; a code's place here is its lane in [`COUNT`].
const CODES: [Codes; 15] = [
    TABLE_1, TABLE_2, TABLE_3, TABLE_5, TABLE_6, TABLE_7, TABLE_8, TABLE_9, TABLE_10, TABLE_11, TABLE_12,
    TABLE_13, TABLE_15, TABLE_16, TABLE_24,
];
/// The table of each code: the first one where several share it.
const TABLE_OF_LANE: [u8; 15] = [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 24];
/// The lane that counts magnitudes from 15 up.
const ESCAPES: usize = 15;
const LANE_16: usize = 13;
const LANE_24: usize = 14;
/// Of tables 16 to 23 and 24 to 31: the bits of what a magnitude exceeds 15 by.
const LINBITS: [[u8; 8]; 2] = [[1, 2, 3, 4, 6, 8, 10, 13], [4, 5, 6, 7, 8, 9, 11, 13]];
/// The largest magnitude that can be coded.
pub(crate) const MAX_MAGNITUDE: u16 = 15 + 8_191;

/// The bits of a pair in each code, signs included, and how many of its magnitudes are 15 or more. Zero in
/// codes that do not have the pair.
pub(crate) type Count = [u16; 16];

/// [`Count`] by pair.
pub(crate) static COUNT: [Count; 256] = count();
/// By lane and pair: the code with room for the signs behind it, shifted up by eight, and its length.
static WRITE: [[u32; 256]; 15] = write();

const fn signs(x: usize, y: usize) -> u32 {
    (x > 0) as u32 + (y > 0) as u32
}

const fn count() -> [Count; 256] {
    let mut table = [[0; 16]; 256];
    let mut pair = 0;
    while pair < 256 {
        let (x, y) = (pair >> 4, pair & 15);
        let mut lane = 0;
        while lane < CODES.len() {
            let codes = &CODES[lane];
            if x < codes.size && y < codes.size {
                table[pair][lane] = codes.lengths[x * codes.size + y] as u16 + signs(x, y) as u16;
            }
            lane += 1;
        }
        table[pair][ESCAPES] = (x == 15) as u16 + (y == 15) as u16;
        pair += 1;
    }
    table
}

const fn write() -> [[u32; 256]; 15] {
    let mut table = [[0; 256]; 15];
    let mut lane = 0;
    while lane < CODES.len() {
        let codes = &CODES[lane];
        let mut x = 0;
        while x < codes.size {
            let mut y = 0;
            while y < codes.size {
                let at = x * codes.size + y;
                let length = codes.lengths[at] as u32 + signs(x, y);
                table[lane][x << 4 | y] = (codes.codes[at] as u32) << signs(x, y) << 8 | length;
                y += 1;
            }
            x += 1;
        }
        lane += 1;
    }
    table
}

/// By the largest magnitude of a region, 16 standing for all from 16 up: ones in the lanes of codes that do not reach it.
static OUT_OF_REACH: [Count; 17] = out_of_reach();

const fn out_of_reach() -> [Count; 17] {
    let mut masks = [[0; 16]; 17];
    let mut largest = 0;
    while largest < 17 {
        let mut lane = 0;
        while lane < 16 {
            let reach = if lane == ESCAPES {
                -1
            } else if lane >= LANE_16 {
                MAX_MAGNITUDE as isize
            } else {
                CODES[lane].size as isize - 1
            };
            if largest as isize > reach {
                masks[largest][lane] = 0xFFFF;
            }
            lane += 1;
        }
        largest += 1;
    }
    masks
}

/// By the bit length of what the largest magnitude exceeds 15 by (0 to 13): the member of each family with
/// the fewest bits that suffice.
static MEMBER: [[u8; 14]; 2] = [member(0), member(1)];

const fn member(family: usize) -> [u8; 14] {
    let mut members = [0; 14];
    let mut bits = 0;
    while bits < 14 {
        let mut at = 0;
        while (LINBITS[family][at] as usize) < bits {
            at += 1;
        }
        members[bits] = at as u8;
        bits += 1;
    }
    members
}

/// The cheapest table for a region and its bits, given the sums of [`Count`] before and behind the region and its
/// largest magnitude. Of equals the lowest table.
#[inline(always)]
pub(crate) fn best_table(before: &Count, behind: &Count, largest: u16) -> (u8, u32) {
    if largest == 0 {
        return (0, 0);
    }
    let mut bits = [0_u16; 16];
    for lane in 0..16 {
        bits[lane] = behind[lane].wrapping_sub(before[lane]);
    }
    let escapes = bits[ESCAPES];
    let mut first = 0;
    if largest >= 15 {
        let excess = (16 - (largest - 15).leading_zeros()) as usize;
        first = excess;
        bits[LANE_16] += escapes * u16::from(LINBITS[0][usize::from(MEMBER[0][excess])]);
        bits[LANE_24] += escapes * u16::from(LINBITS[1][usize::from(MEMBER[1][excess])]);
    }
    let mask = &OUT_OF_REACH[usize::from(largest.min(16))];
    let mut best = u32::MAX;
    for lane in 0..16 {
        best = best.min(u32::from(bits[lane] | mask[lane]) << 4 | lane as u32);
    }
    let lane = (best & 15) as usize;
    let table = match lane {
        LANE_16 => 16 + MEMBER[0][first],
        LANE_24 => 24 + MEMBER[1][first],
        _ => TABLE_OF_LANE[lane],
    };
    (table, best >> 4)
}

/// What writing with a table needs: the codes by pair, and the bits for large magnitudes.
pub(crate) struct Writing {
    pub(crate) codes: &'static [u32; 256],
    pub(crate) linbits: u32,
}

/// How pairs are written with a table, which must not be 0, 4 or 14.
pub(crate) fn writing(table: u8) -> Writing {
    let (lane, linbits) = match table {
        16..24 => (LANE_16, LINBITS[0][usize::from(table - 16)]),
        24.. => (LANE_24, LINBITS[1][usize::from(table - 24)]),
        _ => (TABLE_OF_LANE.iter().position(|&t| t == table).unwrap_or_default(), 0),
    };
    Writing { codes: &WRITE[lane], linbits: linbits.into() }
}

/// Codes of four magnitudes of 0 or 1, `v << 3 | w << 2 | x << 1 | y`, in table A (B has four bits each, its codes
/// are 15 less the magnitudes): lengths without signs, and codes.
pub(crate) const QUAD_LENGTHS_A: [u8; 16] = [1, 4, 4, 5, 4, 6, 5, 6, 4, 5, 5, 6, 5, 6, 6, 6];
pub(crate) const QUAD_CODES_A: [u16; 16] = [1, 5, 4, 5, 6, 5, 4, 4, 7, 3, 6, 0, 7, 2, 3, 1];

/// In tables A and B, by four magnitudes and which of them are negative, in the same order: code with signs, and length.
pub(crate) static QUAD_WRITE: [[[(u16, u8); 16]; 16]; 2] = quad_write();

const fn quad_write() -> [[[(u16, u8); 16]; 16]; 2] {
    let mut table = [[[(0, 0); 16]; 16]; 2];
    let mut index = 0;
    while index < 16 {
        let mut negative = 0;
        while negative < 16 {
            let mut a = (QUAD_CODES_A[index], QUAD_LENGTHS_A[index]);
            let mut b = (15 - index as u16, 4);
            let mut line = 8;
            while line > 0 {
                if index & line != 0 {
                    let sign = (negative & line != 0) as u16;
                    a = (a.0 << 1 | sign, a.1 + 1);
                    b = (b.0 << 1 | sign, b.1 + 1);
                }
                line >>= 1;
            }
            (table[0][index][negative], table[1][index][negative]) = (a, b);
            negative += 1;
        }
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_complete_prefix_code() {
        let quads = Codes { size: 4, lengths: &QUAD_LENGTHS_A, codes: &QUAD_CODES_A };
        for codes in CODES.iter().chain([&quads]) {
            assert_eq!(codes.lengths.len(), codes.size * codes.size);
            let mut places: Vec<(u32, u32)> = codes
                .lengths
                .iter()
                .zip(codes.codes)
                .map(|(&length, &code)| (u32::from(code) << (24 - length), 1 << (24 - length)))
                .collect();
            places.sort_unstable();
            let mut next = 0;
            for (place, width) in places {
                assert_eq!(place, next, "codes tile the space");
                next += width;
            }
            assert_eq!(next, 1 << 24);
        }
    }

    #[test]
    fn the_best_table_is_the_cheapest_that_reaches() {
        let zero = [0; 16];
        for pair in 1..256_usize {
            let (x, y) = (pair >> 4, pair & 15);
            let (table, bits) = best_table(&zero, &COUNT[pair], x.max(y) as u16);
            let cheapest = CODES
                .iter()
                .zip(TABLE_OF_LANE)
                .filter(|(codes, _)| x < codes.size && y < codes.size)
                .map(|(codes, table)| {
                    let linbits = if table >= 16 { writing(table).linbits } else { 0 };
                    let escapes = u32::from(x == 15) + u32::from(y == 15);
                    u32::from(codes.lengths[x * codes.size + y]) + signs(x, y) + escapes * linbits
                })
                .min();
            assert_eq!(Some(bits), cheapest, "({x}, {y}) in table {table}");
        }
    }

    #[test]
    fn the_bits_for_large_magnitudes_suffice() {
        for largest in [15, 16, 17, 18, 19, 22, 23, 30, 31, 270, 1_038, MAX_MAGNITUDE] {
            let (table, _) = best_table(&[0; 16], &COUNT[0xF0], largest);
            let linbits = if table >= 16 { writing(table).linbits } else { 0 };
            assert!(u32::from(largest) - 15 < 1 << linbits, "{largest} in table {table}");
        }
    }
}
