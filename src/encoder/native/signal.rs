//! One channel of a granule, made ready for quantising: left, right, mid or side.

use super::bands::{Bands, LINES, MAX_BANDS, PAIRS};
use crate::lanes::{Isa, LANES, eight, eight_mut};

/// By the lines of a band that a vector of eight still has: ones in those lanes.
const KEEP: [[f32; LANES]; LANES + 1] = keep();

const fn keep() -> [[f32; LANES]; LANES + 1] {
    let mut masks = [[0.0; LANES]; LANES + 1];
    let mut count = 0;
    while count <= LANES {
        let mut lane = 0;
        while lane < count {
            masks[count][lane] = 1.0;
            lane += 1;
        }
        count += 1;
    }
    masks
}

/// By which of eight lines are below zero, one bit each: the same by pair, as in [`Signal::negative`].
static BY_PAIR: [[u8; LANES / 2]; 256] = by_pair();

const fn by_pair() -> [[u8; LANES / 2]; 256] {
    let mut table = [[0; LANES / 2]; 256];
    let mut lines = 0;
    while lines < 256 {
        let mut pair = 0;
        while pair < LANES / 2 {
            let both = (lines >> (2 * pair)) as u8;
            table[lines][pair] = (both & 1) << 1 | both >> 1 & 1;
            pair += 1;
        }
        lines += 1;
    }
    table
}

/// Room for a number a line, and for the vector that reaches beyond the last one.
pub(crate) type Work = [f32; LINES + LANES];

/// Lines in the order in which they are coded, and what quantising asks of them.
#[derive(Debug, Clone)]
pub(crate) struct Signal {
    /// |x|^(3/4), and zeros behind.
    pub(crate) power: Work,
    /// By pair of lines: 2 if the first is below zero, and 1 if the second is.
    pub(crate) negative: [u8; PAIRS],
    /// By band: the sum of |x|^(1/2), to which the noise of a step is proportional.
    pub(crate) roots: [f32; MAX_BANDS],
    /// By band: the sum of |x|^(3/4).
    pub(crate) sums: [f32; MAX_BANDS],
    /// By band: the greatest |x|^(3/4).
    pub(crate) greatest: [f32; MAX_BANDS],
}

impl Signal {
    /// Silence.
    pub(crate) const SILENT: Self = Self {
        power: [0.0; LINES + LANES],
        negative: [0; PAIRS],
        roots: [0.0; MAX_BANDS],
        sums: [0.0; MAX_BANDS],
        greatest: [0.0; MAX_BANDS],
    };

    /// Takes `lines`, in the order in which they are coded; from line `used` on all are zero. `roots` is overwritten.
    #[inline(always)]
    pub(crate) fn set<I: Isa>(
        &mut self,
        isa: I,
        lines: &[f32; LINES],
        used: usize,
        bands: &Bands,
        roots: &mut Work,
    ) {
        let vectors = used.div_ceil(LANES);
        for (vector, (lines, negative)) in
            lines.as_chunks().0[..vectors].iter().zip(self.negative.as_chunks_mut().0).enumerate()
        {
            let line = isa.load(lines);
            let magnitude = isa.abs(line);
            let root = isa.sqrt(magnitude);
            isa.store(root, eight_mut(roots, LANES * vector));
            isa.store(isa.sqrt(magnitude * root), eight_mut(&mut self.power, LANES * vector));
            *negative = BY_PAIR[usize::from(isa.negative(line))];
        }
        roots[LANES * vectors..].fill(0.0);
        self.power[LANES * vectors..].fill(0.0);
        for band in 0..bands.count {
            let (start, end) = (usize::from(bands.start[band]), usize::from(bands.start[band + 1]).min(used));
            let (mut root, mut sum, mut greatest) = (isa.splat(0.0), isa.splat(0.0), isa.splat(0.0));
            let mut at = start;
            while at < end {
                let (mut roots, mut power) = (isa.load(eight(roots, at)), isa.load(eight(&self.power, at)));
                if at + LANES > end {
                    let keep = isa.load(&KEEP[end - at]);
                    (roots, power) = (roots * keep, power * keep);
                }
                root = root + roots;
                sum = sum + power;
                greatest = isa.max(greatest, power);
                at += LANES;
            }
            self.roots[band] = isa.sum(root);
            self.sums[band] = isa.sum(sum);
            self.greatest[band] = isa.greatest(greatest);
        }
    }
}

/// By band: the energies of left and right lines, of their mid and of their side. From line `used` on all are zero.
#[inline(always)]
pub(crate) fn energies<I: Isa>(
    isa: I,
    left: &[f32; LINES],
    right: &[f32; LINES],
    used: usize,
    bands: &Bands,
    energy: &mut [[f32; MAX_BANDS]; 4],
) {
    for band in 0..bands.count {
        let (start, end) = (usize::from(bands.start[band]), usize::from(bands.start[band + 1]).min(used));
        let (mut of_left, mut of_right, mut both) = (isa.splat(0.0), isa.splat(0.0), isa.splat(0.0));
        let mut at = start;
        while at < end {
            // The last vector of all ends with the lines.
            let from = at.min(LINES - LANES);
            let (mut l, mut r) = (isa.load(eight(left, from)), isa.load(eight(right, from)));
            if at + LANES > end {
                let keep = isa.load(&KEEP[end - from]) - isa.load(&KEEP[at - from]);
                (l, r) = (l * keep, r * keep);
            }
            of_left = of_left + l * l;
            of_right = of_right + r * r;
            both = both + l * r;
            at += LANES;
        }
        let (l, r, product) = (isa.sum(of_left), isa.sum(of_right), isa.sum(both));
        let half = 0.5 * (l + r);
        energy[0][band] = l;
        energy[1][band] = r;
        energy[2][band] = if half + product > 0.0 { half + product } else { 0.0 };
        energy[3][band] = if half - product > 0.0 { half - product } else { 0.0 };
    }
}
