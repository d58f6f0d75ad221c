//! One channel of a granule, made ready for quantising: left, right, mid or side.

use super::bands::{Bands, LINES, MAX_BANDS};
use super::f8::{F8, LANES};

/// By the lines of a band that a vector of eight still has: ones in those lanes.
const KEEP: [F8; LANES + 1] = keep();

const fn keep() -> [F8; LANES + 1] {
    let mut masks = [F8::ZERO; LANES + 1];
    let mut count = 0;
    while count <= LANES {
        let mut lane = 0;
        while lane < count {
            masks[count].0[lane] = 1.0;
            lane += 1;
        }
        count += 1;
    }
    masks
}

/// Lines in the order in which they are coded, and what quantising asks of them.
#[derive(Debug, Clone)]
pub(crate) struct Signal {
    /// |x|^(3/4), and zeros behind.
    pub(crate) power: [f32; LINES + LANES],
    /// 1 for lines below zero.
    pub(crate) negative: [u8; LINES],
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
        negative: [0; LINES],
        roots: [0.0; MAX_BANDS],
        sums: [0.0; MAX_BANDS],
        greatest: [0.0; MAX_BANDS],
    };

    /// Takes `lines`, in the order in which they are coded.
    #[inline(always)]
    pub(crate) fn set(&mut self, lines: &[f32; LINES], bands: &Bands) {
        let mut roots = [0.0; LINES + LANES];
        for (at, eight) in lines.as_chunks::<LANES>().0.iter().enumerate() {
            let magnitude = F8(*eight).abs();
            let root = magnitude.sqrt();
            root.store(&mut roots[LANES * at..]);
            (magnitude * root).sqrt().store(&mut self.power[LANES * at..]);
        }
        for (negative, line) in self.negative.iter_mut().zip(lines) {
            *negative = (line.to_bits() >> 31) as u8;
        }
        for band in 0..bands.count {
            let (start, end) = (usize::from(bands.start[band]), usize::from(bands.start[band + 1]));
            let (mut root, mut sum, mut greatest) = (F8::ZERO, F8::ZERO, F8::ZERO);
            let mut at = start;
            while at + LANES <= end {
                let power = F8::load(&self.power[at..]);
                root = root + F8::load(&roots[at..]);
                sum = sum + power;
                greatest = greatest.max(power);
                at += LANES;
            }
            if at < end {
                let keep = KEEP[end - at];
                let power = F8::load(&self.power[at..]) * keep;
                root = root + F8::load(&roots[at..]) * keep;
                sum = sum + power;
                greatest = greatest.max(power);
            }
            self.roots[band] = root.sum();
            self.sums[band] = sum.sum();
            self.greatest[band] = greatest.greatest();
        }
    }
}

/// By band: the energies of left and right lines, of their mid and of their side.
#[inline(always)]
pub(crate) fn energies(
    left: &[f32; LINES],
    right: &[f32; LINES],
    bands: &Bands,
    energy: &mut [[f32; MAX_BANDS]; 4],
) {
    for band in 0..bands.count {
        let (start, end) = (usize::from(bands.start[band]), usize::from(bands.start[band + 1]));
        let (mut of_left, mut of_right, mut both) = (F8::ZERO, F8::ZERO, F8::ZERO);
        let mut add = |l: F8, r: F8| {
            of_left = of_left + l * l;
            of_right = of_right + r * r;
            both = both + l * r;
        };
        let mut at = start;
        while at + LANES <= end {
            add(F8::load(&left[at..]), F8::load(&right[at..]));
            at += LANES;
        }
        if at < end {
            // The last vector of all ends with the lines.
            let from = at.min(LINES - LANES);
            let keep = if from == at { KEEP[end - at] } else { F8::splat(1.0) - KEEP[at - from] };
            add(F8::load(&left[from..]) * keep, F8::load(&right[from..]) * keep);
        }
        let (l, r, product) = (of_left.sum(), of_right.sum(), both.sum());
        let half = 0.5 * (l + r);
        energy[0][band] = l;
        energy[1][band] = r;
        energy[2][band] = if half + product > 0.0 { half + product } else { 0.0 };
        energy[3][band] = if half - product > 0.0 { half - product } else { 0.0 };
    }
}
