//! The modified discrete cosine transform of subbands (ISO/IEC 11172-3, C.1.5.3), subbands in the lanes.
//!
//! The standard's decoder has no factor, so ours has: 1/9 of long blocks, 1/3 of short ones. The windowed and folded input
//! is multiplied by 2 cos((2 n + 1) pi / (4 N)): of that the ordinary cosine transform (type II) gives sums of two
//! neighbouring lines. The multiplication is in the window.

use super::granule::Block;
use super::polyphase::{SLOTS, SUBBANDS, Slots};
use crate::lanes::{Best, Isa, LANES, dispatch, eight, eight_mut};
use crate::series::{PI, cos, sin, sqrt};

/// The lines of each subband, in rows of all subbands. Wider than the subbands, so that whole lanes can be taken one
/// subband further.
pub(crate) type Rows = [[f32; SUBBANDS + LANES]; SLOTS];

/// The window of `block` at slot `i` of 36 (ISO/IEC 11172-3, 2.4.3.4.10.3).
const fn long_window(block: Block, i: usize) -> f64 {
    let long = sin(PI / 36.0 * (i as f64 + 0.5));
    match (block, i) {
        (Block::Start, 18..=23) | (Block::Stop, 12..=17) => 1.0,
        (Block::Start, 24..=29) => sin(PI / 12.0 * (i as f64 - 18.0 + 0.5)),
        (Block::Stop, 6..=11) => sin(PI / 12.0 * (i as f64 - 6.0 + 0.5)),
        (Block::Start, 30..) | (Block::Stop, 0..=5) => 0.0,
        _ => long,
    }
}

/// What the two inputs of each folded sum are multiplied by. Sums 0 to 8 are of the newer granule's slots 8 - n and
/// 9 + n, sums 9 to 17 of the older one's slots n - 9 and 26 - n.
const fn long_fold(block: Block) -> [[f32; 2]; 18] {
    let mut fold = [[0.0; 2]; 18];
    let mut n = 0;
    while n < 18 {
        let scale = 2.0 * cos((2 * n + 1) as f64 * PI / 72.0) / 9.0;
        let (first, second) = if n < 9 {
            (-long_window(block, 26 - n), -long_window(block, 27 + n))
        } else {
            (long_window(block, n - 9), -long_window(block, 26 - n))
        };
        fold[n] = [(first * scale) as f32, (second * scale) as f32];
        n += 1;
    }
    fold
}

static LONG: [[f32; 2]; 18] = long_fold(Block::Long);
static START: [[f32; 2]; 18] = long_fold(Block::Start);
static STOP: [[f32; 2]; 18] = long_fold(Block::Stop);

/// The same of a short block: sums 0 to 2 of the window's slots 8 - n and 9 + n, 3 to 5 of n - 3 and 8 - n.
static SHORT: [[f32; 2]; 6] = {
    let mut fold = [[0.0; 2]; 6];
    let mut n = 0;
    while n < 6 {
        let scale = 2.0 * cos((2 * n + 1) as f64 * PI / 24.0) / 3.0;
        let (first, second, sign) = if n < 3 { (8 - n, 9 + n, -1.0) } else { (n - 3, 8 - n, 1.0) };
        let first = sin(PI / 12.0 * (first as f64 + 0.5));
        let second = sin(PI / 12.0 * (second as f64 + 0.5));
        fold[n] = [(sign * first * scale) as f32, (-second * scale) as f32];
        n += 1;
    }
    fold
};

/// The alias reduction's coefficients: line 17 - i of a subband turns by them against line i of the next.
const ALIASES: [[f32; 2]; 8] = {
    const C: [f64; 8] = [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037];
    let mut aliases = [[0.0; 2]; 8];
    let mut i = 0;
    while i < 8 {
        let root = sqrt(1.0 + C[i] * C[i]);
        aliases[i] = [(1.0 / root) as f32, (C[i] / root) as f32];
        i += 1;
    }
    aliases
};

/// The MDCT lines of the granule whose window looks at the slots `old` and `new`. What is behind the subbands in `rows`
/// must be zeros, and will be.
pub(crate) fn mdct(
    best: Best,
    block: Block,
    old: &Slots,
    new: &Slots,
    rows: &mut Rows,
    lines: &mut [f32; 576],
) {
    match block {
        Block::Long => long(best, &LONG, old, new, rows, lines),
        Block::Start => long(best, &START, old, new, rows, lines),
        Block::Stop => long(best, &STOP, old, new, rows, lines),
        Block::Short => short(best, old, new, lines),
    }
}

dispatch! {
    /// A granule of one window.
    fn long(fold: &[[f32; 2]; 18], old: &Slots, new: &Slots, rows: &mut Rows, lines: &mut [f32; 576]) = long_kernel
}

#[inline(always)]
fn long_kernel<I: Isa>(
    isa: I,
    fold: &[[f32; 2]; 18],
    old: &Slots,
    new: &Slots,
    rows: &mut Rows,
    lines: &mut [f32; 576],
) {
    for band in (0..SUBBANDS).step_by(LANES) {
        let slot = |of: &Slots, i: usize| isa.load(eight(&of[i], band));
        let sum = |n: usize, first, second| first * isa.splat(fold[n][0]) + second * isa.splat(fold[n][1]);
        let x = core::array::from_fn(|n| {
            if n < 9 {
                sum(n, slot(new, 8 - n), slot(new, 9 + n))
            } else {
                sum(n, slot(old, n - 9), slot(old, 26 - n))
            }
        });
        for (row, v) in rows.iter_mut().zip(lines_18(isa, x)) {
            isa.store(v, eight_mut(row, band));
        }
    }
    reduce_aliases(isa, rows);
    for band in (0..SUBBANDS).step_by(LANES) {
        for first in [0, 8, 10] {
            let v = isa.transpose([0, 1, 2, 3, 4, 5, 6, 7].map(|i| isa.load(eight(&rows[first + i], band))));
            for (i, v) in v.into_iter().enumerate() {
                isa.store(v, eight_mut(lines, SLOTS * (band + i) + first));
            }
        }
    }
}

/// The standard's butterflies, turned back.
#[inline(always)]
fn reduce_aliases<I: Isa>(isa: I, rows: &mut Rows) {
    for (i, &[cs, ca]) in ALIASES.iter().enumerate() {
        for band in (0..SUBBANDS).step_by(LANES) {
            let (cs, ca) = if band + LANES == SUBBANDS {
                // The last subband has no neighbour.
                (isa.load(&[cs, cs, cs, cs, cs, cs, cs, 1.0]), isa.load(&[ca, ca, ca, ca, ca, ca, ca, 0.0]))
            } else {
                (isa.splat(cs), isa.splat(ca))
            };
            let (below, above) = (isa.load(eight(&rows[17 - i], band)), isa.load(eight(&rows[i], band + 1)));
            isa.store(below * cs + above * ca, eight_mut(&mut rows[17 - i], band));
            isa.store(above * cs - below * ca, eight_mut(&mut rows[i], band + 1));
        }
    }
}

dispatch! {
    /// A granule of three windows.
    fn short(old: &Slots, new: &Slots, lines: &mut [f32; 576]) = short_kernel
}

#[inline(always)]
fn short_kernel<I: Isa>(isa: I, old: &Slots, new: &Slots, lines: &mut [f32; 576]) {
    for window in 0..3 {
        for band in (0..SUBBANDS).step_by(LANES) {
            let slot = |i: usize| {
                let i = 6 + 6 * window + i;
                isa.load(eight(if i < SLOTS { &old[i] } else { &new[i - SLOTS] }, band))
            };
            let sum =
                |n: usize, first, second| first * isa.splat(SHORT[n][0]) + second * isa.splat(SHORT[n][1]);
            let x = core::array::from_fn(|n| {
                if n < 3 { sum(n, slot(8 - n), slot(9 + n)) } else { sum(n, slot(n - 3), slot(8 - n)) }
            });
            let v = lines_6(isa, x);
            let v = isa.transpose([0, 1, 2, 3, 4, 5, 5, 5].map(|i| v[i]));
            for (i, v) in v.into_iter().enumerate() {
                let mut six = [0.0; LANES];
                isa.store(v, &mut six);
                lines[192 * window + 6 * (band + i)..][..6].copy_from_slice(&six[..6]);
            }
        }
    }
}

/// The cosine transform (type IV) of 18 numbers, already times 2 cos((2 n + 1) pi / 72).
#[inline(always)]
fn lines_18<I: Isa>(isa: I, x: [I::V; 18]) -> [I::V; 18] {
    /// 2 cos((2 n + 1) pi / 36)
    const TURN: [f32; 9] = {
        let mut turn = [0.0; 9];
        let mut n = 0;
        while n < 9 {
            turn[n] = (2.0 * cos((2 * n + 1) as f64 * PI / 36.0)) as f32;
            n += 1;
        }
        turn
    };
    let half = isa.splat(0.5);
    // Type II of 18 numbers is type II of 9 sums, and type IV of 9 differences.
    let even = cosines_9(isa, core::array::from_fn(|n| x[n] + x[17 - n]));
    let mut odd = cosines_9(isa, core::array::from_fn(|n| (x[n] - x[17 - n]) * isa.splat(TURN[n])));
    odd[0] = odd[0] * half;
    for k in 1..9 {
        odd[k] = odd[k] - odd[k - 1];
    }
    let mut lines = [even[0] * half; 18];
    for k in 1..18 {
        let sum = if k % 2 == 0 { even[k / 2] } else { odd[k / 2] };
        lines[k] = sum - lines[k - 1];
    }
    lines
}

/// The same of 6 numbers, already times 2 cos((2 n + 1) pi / 24).
#[inline(always)]
fn lines_6<I: Isa>(isa: I, x: [I::V; 6]) -> [I::V; 6] {
    /// 2 cos((2 n + 1) pi / 12)
    const TURN: [f32; 3] = [
        (2.0 * cos(PI / 12.0)) as f32,
        (2.0 * cos(3.0 * PI / 12.0)) as f32,
        (2.0 * cos(5.0 * PI / 12.0)) as f32,
    ];
    let half = isa.splat(0.5);
    let even = cosines_3(isa, core::array::from_fn(|n| x[n] + x[5 - n]));
    let mut odd = cosines_3(isa, core::array::from_fn(|n| (x[n] - x[5 - n]) * isa.splat(TURN[n])));
    odd[0] = odd[0] * half;
    for k in 1..3 {
        odd[k] = odd[k] - odd[k - 1];
    }
    let mut lines = [even[0] * half; 6];
    for k in 1..6 {
        let sum = if k % 2 == 0 { even[k / 2] } else { odd[k / 2] };
        lines[k] = sum - lines[k - 1];
    }
    lines
}

/// The cosine transform (type II) of 9 numbers: X\[k\] = sum over n of x\[n\] cos((2 n + 1) k pi / 18).
#[inline(always)]
fn cosines_9<I: Isa>(isa: I, x: [I::V; 9]) -> [I::V; 9] {
    const COS_30: f32 = cos(PI / 6.0) as f32;
    const COS_40: f32 = cos(2.0 * PI / 9.0) as f32;
    const COS_50: f32 = cos(5.0 * PI / 18.0) as f32;
    const COS_70: f32 = cos(7.0 * PI / 18.0) as f32;
    const COS_80: f32 = cos(4.0 * PI / 9.0) as f32;
    let half = isa.splat(0.5);
    let [s0, s1, s2, s3] = core::array::from_fn(|n| x[n] + x[8 - n]);
    let [d0, d1, d2, d3] = core::array::from_fn(|n| x[n] - x[8 - n]);
    // cos 20 = cos 40 + cos 80 saves products.
    let (c40, c80) = (isa.splat(COS_40), isa.splat(COS_80));
    let (s03, s02, s23) = (s0 - s3, s0 - s2, s2 - s3);
    let rest = s1 * half - x[4];
    let x0 = ((s0 + s1) + (s2 + s3)) + x[4];
    let x2 = (s03 * c40 + s02 * c80) + rest;
    let x4 = (s02 * c40 - s23 * c80) - rest;
    let x6 = (s0 + (s2 + s3)) * half - (s1 + x[4]);
    let x8 = (s03 * c80 + s23 * c40) - rest;
    // cos 10 = cos 50 + cos 70 too.
    let (c30, c50, c70) = (isa.splat(COS_30), isa.splat(COS_50), isa.splat(COS_70));
    let (d02, d03, d23) = (d0 + d2, d0 + d3, d2 - d3);
    let rest = d1 * c30;
    let x1 = (d02 * c50 + d03 * c70) + rest;
    let x3 = (d0 - (d2 + d3)) * c30;
    let x5 = (d03 * c50 - d23 * c70) - rest;
    let x7 = (d02 * c70 + d23 * c50) - rest;
    [x0, x1, x2, x3, x4, x5, x6, x7, x8]
}

/// The cosine transform (type II) of 3 numbers.
#[inline(always)]
fn cosines_3<I: Isa>(isa: I, x: [I::V; 3]) -> [I::V; 3] {
    const COS_30: f32 = cos(PI / 6.0) as f32;
    let sum = x[0] + x[2];
    [sum + x[1], (x[0] - x[2]) * isa.splat(COS_30), sum * isa.splat(0.5) - x[1]]
}
