//! What a signal asks for: the gain of each band for its noise, and so the bits for any common offset of the noise.
//!
//! Gains and offsets are in steps of 2^(1/4), as the format has them. With the gain G a line x is quantised to
//! |x|^(3/4) / a, where a = 2^(3 G / 16). The error of a uniform quantiser, a^2 / 12, is (4/3)^2 |x|^(1/2) times as large
//! when it is taken back to the power 4/3, so the noise of a band is a^2 sum |x|^(1/2) / 6.75.

use super::bands::{Bands, MAX_BANDS};
use super::math::{log2, log2_of_one_plus};
use super::signal::Signal;
use crate::lanes::{Isa, LANES, Portable, eight, eight_mut};

/// Steps for a doubling of a^2: 8/3.
const STEPS_PER_OCTAVE: f32 = 8.0 / 3.0;
/// log2(a) for a step: 3/16.
pub(crate) const LOG2_STEP: f32 = 3.0 / 16.0;
/// log2(6.75).
const LOG2_NOISE: f32 = 2.754_887_5;
/// A line of magnitude m in units of a takes about log2(1 + 5.4 m) bits.
const LOG2_BITS: f32 = 2.432_959_4;

/// The vectors that hold a number a band.
const VECTORS: usize = MAX_BANDS / LANES;

/// The bands of one signal.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    /// The gain that each band wants at an offset of 0.
    pub(crate) gain: [f32; MAX_BANDS],
    /// log2 of 5.4 times the mean magnitude in units of a, at an offset of 0; far below zero for silent bands.
    level: [f32; MAX_BANDS],
    /// The lines of each band.
    width: [f32; MAX_BANDS],
    sounding: bool,
    /// Vectors in use.
    vectors: usize,
}

/// The widths of bands, and what is computed from them for every granule.
#[derive(Debug, Clone)]
pub(crate) struct Widths {
    /// The lines of each band; 0 behind the last one.
    lines: [f32; MAX_BANDS],
    /// log2 of that, and 0 where there is none.
    log: [f32; MAX_BANDS],
    /// What each counts for in a mean: the square root.
    weight: [f32; MAX_BANDS],
    weights: f32,
    /// Vectors in use.
    vectors: usize,
}

impl Widths {
    /// Those of `bands`.
    pub(crate) fn new(bands: &Bands) -> Self {
        let mut lines = [0.0; MAX_BANDS];
        for band in 0..bands.count {
            lines[band] = f32::from(bands.start[band + 1] - bands.start[band]);
        }
        let (mut log, mut weight) = ([0.0; MAX_BANDS], [0.0; MAX_BANDS]);
        let vectors = bands.count.div_ceil(LANES);
        let isa = Portable;
        let mut weights = isa.splat(0.0);
        for at in (0..LANES * vectors).step_by(LANES) {
            let lines = isa.load(eight(&lines, at));
            isa.store(log2(isa, isa.max(lines, isa.splat(1.0))), eight_mut(&mut log, at));
            let root = isa.sqrt(lines);
            isa.store(root, eight_mut(&mut weight, at));
            weights = weights + root;
        }
        Self { lines, log, weight, weights: isa.sum(weights), vectors }
    }
}

/// How noise is spread over bands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// The part that follows the masking threshold; the rest is equal for all lines.
    pub(crate) masking: f32,
    /// How much of that rest follows the granule's own mean threshold, instead of nothing.
    pub(crate) own: f32,
}

impl Demand {
    pub(crate) const NONE: Self = Self {
        gain: [0.0; MAX_BANDS],
        level: [-200.0; MAX_BANDS],
        width: [0.0; MAX_BANDS],
        sounding: false,
        vectors: 0,
    };

    /// The demand of `signal`, in which `allowed` noise is masked by band.
    #[inline(always)]
    pub(crate) fn set<I: Isa>(
        &mut self,
        isa: I,
        signal: &Signal,
        allowed: &[f32; MAX_BANDS],
        widths: &Widths,
        shape: Shape,
    ) {
        self.sounding = signal.sums.iter().zip(&widths.lines).any(|(&sum, &lines)| lines > 0.0 && sum > 0.0);
        let mut logs = [(isa.splat(0.0), isa.splat(0.0)); VECTORS];
        for vector in 0..widths.vectors {
            let at = LANES * vector;
            let roots = log2(isa, isa.load(eight(&signal.roots, at)));
            let mean = log2(isa, isa.load(eight(&signal.sums, at))) - isa.load(eight(&widths.log, at));
            logs[vector] = (roots, mean);
        }
        self.set_by(isa, &logs, allowed, widths, shape);
    }

    /// About the demand of a signal of which only the energy of each band is known, as if its lines had a normal
    /// distribution: to compare signals.
    #[inline(always)]
    pub(crate) fn estimate<I: Isa>(
        &mut self,
        isa: I,
        energy: &[f32; MAX_BANDS],
        allowed: &[f32; MAX_BANDS],
        widths: &Widths,
        shape: Shape,
    ) {
        /// log2 of the means of |x|^(1/2) and |x|^(3/4) of a normal distribution of variance 1.
        const LOG2_ROOT: f32 = -0.282;
        const LOG2_POWER: f32 = -0.291;
        let mut logs = [(isa.splat(0.0), isa.splat(0.0)); VECTORS];
        for vector in 0..widths.vectors {
            let at = LANES * vector;
            let log_width = isa.load(eight(&widths.log, at));
            let line = log2(isa, isa.load(eight(energy, at))) - log_width;
            let roots = line * isa.splat(0.25) + isa.splat(LOG2_ROOT) + log_width;
            logs[vector] = (roots, line * isa.splat(0.375) + isa.splat(LOG2_POWER));
        }
        self.set_by(isa, &logs, allowed, widths, shape);
    }

    /// Sets gains and levels; `logs` has log2 of the sum of |x|^(1/2) and of the mean of |x|^(3/4) of each eight bands.
    #[inline(always)]
    fn set_by<I: Isa>(
        &mut self,
        isa: I,
        logs: &[(I::V, I::V); VECTORS],
        allowed: &[f32; MAX_BANDS],
        widths: &Widths,
        shape: Shape,
    ) {
        self.vectors = widths.vectors;
        self.width = widths.lines;
        // log2 of the masked noise of a line.
        let mut masked = [isa.splat(0.0); VECTORS];
        let mut sum = isa.splat(0.0);
        for vector in 0..self.vectors {
            let at = LANES * vector;
            let threshold = log2(isa, isa.load(eight(allowed, at))) - isa.load(eight(&widths.log, at));
            masked[vector] = threshold;
            sum = sum + threshold * isa.load(eight(&widths.weight, at));
        }
        let mean = isa.sum(sum) / widths.weights;
        let rest = isa.splat((1.0 - shape.masking) * shape.own * mean + LOG2_NOISE);
        for vector in 0..self.vectors {
            let at = LANES * vector;
            let (roots, mean) = logs[vector];
            let noise = masked[vector] * isa.splat(shape.masking) + rest + isa.load(eight(&widths.log, at));
            let gain = (noise - roots) * isa.splat(STEPS_PER_OCTAVE);
            isa.store(gain, eight_mut(&mut self.gain, at));
            let level = mean + isa.splat(LOG2_BITS) - gain * isa.splat(LOG2_STEP);
            isa.store(level, eight_mut(&mut self.level, at));
        }
    }

    /// The bits at an offset, and by how many they fall with a step more: the lines in use times log2(a).
    #[inline(always)]
    pub(crate) fn bits<I: Isa>(&self, isa: I, offset: f32) -> (f32, f32) {
        let shift = isa.splat(offset * LOG2_STEP);
        let (mut bits, mut lines) = (isa.splat(0.0), isa.splat(0.0));
        for vector in 0..self.vectors {
            let at = LANES * vector;
            let width = isa.load(eight(&self.width, at));
            let (each, used) = log2_of_one_plus(isa, isa.load(eight(&self.level, at)) - shift);
            bits = bits + width * each;
            lines = lines + width * used;
        }
        (isa.sum(bits), isa.sum(lines) * LOG2_STEP)
    }

    /// Whether there is any line but zeros.
    #[inline(always)]
    pub(crate) fn is_sounding(&self) -> bool {
        self.sounding
    }

    /// How many of the lines of eight bands from band `at` on are in use at an offset, about.
    #[inline(always)]
    pub(crate) fn lines<I: Isa>(&self, isa: I, offset: f32, at: usize) -> I::V {
        let level = isa.load(eight(&self.level, at)) - isa.splat(offset * LOG2_STEP);
        isa.load(eight(&self.width, at)) * log2_of_one_plus(isa, level).1
    }

    /// 1 in each of eight lanes from `at` on that has a band, 0 in the others.
    #[inline(always)]
    pub(crate) fn in_use<I: Isa>(&self, isa: I, at: usize) -> I::V {
        isa.min(isa.load(eight(&self.width, at)), isa.splat(1.0))
    }
}

/// The bits of several demands at one offset, and by how many they fall with a step more.
#[inline(always)]
pub(crate) fn total_bits<I: Isa>(isa: I, demands: &[&Demand], offset: f32) -> (f32, f32) {
    let (mut bits, mut slope) = (0.0, 0.0);
    for demand in demands {
        let (of_part, fall) = demand.bits(isa, offset);
        bits += of_part;
        slope += fall;
    }
    (bits, slope)
}

/// The offset at which the demands take about `wanted` bits, by Newton's method from `start`.
#[inline(always)]
pub(crate) fn offset_for<I: Isa>(isa: I, demands: &[&Demand], wanted: f32, start: f32) -> f32 {
    /// No step may leave the region where the line through a point tells anything.
    const MAX_STEP: f32 = 24.0;
    /// A part cannot take many more bits than this.
    const LONGEST: f32 = 3_800.0;
    let parts = demands.iter().filter(|demand| demand.is_sounding()).count();
    let wanted = wanted.min(LONGEST * parts as f32);
    let mut offset = start;
    for _ in 0..8 {
        let (bits, slope) = total_bits(isa, demands, offset);
        if slope < 0.01 {
            break;
        }
        let step = ((bits - wanted) / slope).clamp(-MAX_STEP, MAX_STEP);
        offset += step;
        // The next step would be about the square of this one.
        if step.abs() < 0.5 {
            break;
        }
    }
    offset.clamp(-400.0, 400.0)
}
