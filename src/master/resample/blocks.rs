//! Resampling block by block, eight pairs of blocks at once.
//!
//! A block of `len_in` samples is transformed, its frequencies are weighted, and as many of them as the other rate has are
//! transformed back to `len_out` samples; the ratio of the lengths is that of the rates. At both ends a block is wrong, by as
//! much as the filter reaches, so each block overlaps the one before and the one behind by that ("overlap-save", Oppenheim
//! and Schafer, Discrete-Time Signal Processing, 8.7.3).
//!
//! A block is real. So two that follow each other are the real and the imaginary part of one complex signal, and stay apart
//! (but for rounding, 140 dB below the louder one), since a symmetric filter is real in time and in frequency. Eight pairs,
//! of any channel, are the lanes of one transform.
//!
//! ```text
//!           |. . .|y0 y1 y2 y3 y4|. . .|                       block 0
//!                          |. . .|y5 y6 y7 y8 y9|. . .|        block 1
//! ```

// Kernels must be inlined into the function that has the processor's instructions. Gains are rounded to f32; numbers of
// samples are those of a block, or of what a slice holds.
#![allow(clippy::inline_always, clippy::cast_possible_truncation, clippy::needless_range_loop)]

use std::ops::Range;

use super::filter::gains;
use super::transform::{Point, Transform, roots_of_one};
use crate::lanes::{Best, Isa, LANES, dispatch, eight, eight_mut};
use crate::pcm::Pcm;

/// How far the filter reaches to both sides, in samples at the lower rate: nearly so, and at least.
const REACH: u64 = 320;
const LEAST_REACH: u64 = 288;
/// The most samples in a block: 2 MiB of points.
const MOST: u64 = 1 << 15;

/// Resamples by blocks of a length that has small factors.
pub(super) struct Blocks {
    best: Best,
    forward: Transform,
    /// A forward one, too: real and imaginary parts have changed places before and after it.
    inverse: Transform,
    /// By frequency of the output's block: where that lies in the input's transform, and its gain.
    taken: Vec<(u32, f32)>,
    /// Where each sample lies in the inverse transform.
    order: Vec<usize>,
    /// Samples that a block has before those that are right, and as many after them.
    margin_in: usize,
    margin_out: usize,
    points_in: Vec<Point>,
    points_out: Vec<Point>,
    /// The blocks of all lanes one after the other, the pairs' first ones before their second ones.
    rows: Vec<f32>,
}

impl Blocks {
    /// Between rates of which `unit_in` samples of one last as long as `unit_out` of the other; `None` if that asks for
    /// blocks too long, or of a length with other factors than 2, 3, 5 and 7.
    pub(super) fn new(best: Best, unit_in: u64, unit_out: u64) -> Option<Self> {
        let (units, margin) = geometry(unit_in, unit_out)?;
        let samples = |unit: u64, units: u64| (unit * units) as usize;
        let (len_in, len_out) = (samples(unit_in, units), samples(unit_out, units));
        let (roots_in, roots_out) = (roots_of_one(len_in), roots_of_one(len_out));
        let (forward, inverse) = (Transform::new(&roots_in), Transform::new(&roots_out));
        let shorter = len_in.min(len_out);
        let roots = if len_in > len_out { &roots_in } else { &roots_out };
        let gains = gains(roots, samples(unit_in.max(unit_out), margin), shorter / 2);
        let order = forward.order();
        let taken = (0..len_out).map(|frequency| {
            // Those of the upper half are negative.
            let magnitude = frequency.min(len_out - frequency);
            if magnitude > shorter / 2 {
                return (0, 0.0);
            }
            let place = if frequency == magnitude { frequency } else { len_in - magnitude };
            (order[place] as u32, (gains[magnitude] / len_in as f64) as f32)
        });
        Some(Self {
            best,
            taken: taken.collect(),
            order: inverse.order(),
            forward,
            inverse,
            margin_in: samples(unit_in, margin),
            margin_out: samples(unit_out, margin),
            points_in: vec![Point::default(); len_in],
            points_out: vec![Point::default(); len_out],
            rows: vec![0.0; 2 * LANES * len_in.max(len_out)],
        })
    }

    /// The output samples of a pair of blocks.
    pub(super) fn stride(unit_in: u64, unit_out: u64) -> Option<u64> {
        let (units, margin) = geometry(unit_in, unit_out)?;
        Some(2 * unit_out * (units - 2 * margin))
    }

    /// The input samples that the output samples `range` depend on, within `0..total_in`.
    pub(super) fn input_range(&self, range: &Range<u64>, total_in: u64) -> Range<u64> {
        let pairs = self.pairs(range);
        if pairs.is_empty() {
            return 0..0;
        }
        let (start, end) = (2 * pairs.start * self.hop_in(), 2 * pairs.end * self.hop_in());
        let margin = self.margin_in as u64;
        start.saturating_sub(margin).min(total_in)..(end + margin).min(total_in)
    }

    /// Appends the samples `range` to `output`'s planes. Of `input`, the samples `stream` count: they hold what `range`
    /// depends on.
    pub(super) fn resample(
        &mut self,
        input: &Pcm,
        stream: &Range<u64>,
        range: &Range<u64>,
        output: &mut Pcm,
    ) {
        let pairs = self.pairs(range);
        let mut all =
            (0..input.channels()).flat_map(|channel| pairs.clone().map(move |pair| (channel, pair)));
        loop {
            let lanes: [_; LANES] = core::array::from_fn(|_| all.next());
            if lanes[0].is_none() {
                return;
            }
            let used_lanes = || lanes.into_iter().flatten().enumerate();
            for (lane, (channel, pair)) in used_lanes() {
                self.load(lane, input.plane(channel), stream, 2 * pair);
                self.load(LANES + lane, input.plane(channel), stream, 2 * pair + 1);
            }
            self.transform();
            for (lane, (channel, pair)) in used_lanes() {
                self.unload(lane, output.plane_mut(channel), range, 2 * pair);
                self.unload(LANES + lane, output.plane_mut(channel), range, 2 * pair + 1);
            }
        }
    }

    /// The pairs of blocks that hold output samples of `range`.
    fn pairs(&self, range: &Range<u64>) -> Range<u64> {
        if range.is_empty() {
            return 0..0;
        }
        range.start / (2 * self.hop_out())..range.end.div_ceil(2 * self.hop_out())
    }

    /// Copies the input of `block` into a row, of the `stream` that begins with `plane`'s first sample.
    fn load(&mut self, row: usize, plane: &[f32], stream: &Range<u64>, block: u64) {
        let (margin, len) = (self.margin_in as u64, self.forward.len());
        // Positions are counted from the margin of the first block here, where there is silence.
        let start = block * self.hop_in();
        let row = &mut self.rows[row * len..][..len];
        let from = (stream.start + margin).clamp(start, start + len as u64);
        let to = (stream.end + margin).clamp(from, start + len as u64);
        let (before, after) = row.split_at_mut((from - start) as usize);
        let (samples, after) = after.split_at_mut((to - from) as usize);
        before.fill(0.0);
        if from < to {
            samples.copy_from_slice(&plane[(from - margin - stream.start) as usize..][..samples.len()]);
        }
        after.fill(0.0);
    }

    /// From the input's rows to the output's.
    fn transform(&mut self) {
        to_points(self.best, &self.rows, &mut self.points_in);
        self.forward.run(self.best, &mut self.points_in);
        take(self.best, &self.points_in, &self.taken, &mut self.points_out);
        self.inverse.run(self.best, &mut self.points_out);
        let right = self.margin_out..self.inverse.len() - self.margin_out;
        to_rows(self.best, &self.points_out, &self.order[right], &mut self.rows);
    }

    /// Appends what is right of `block` and in `range` to `plane`.
    fn unload(&self, row: usize, plane: &mut Vec<f32>, range: &Range<u64>, block: u64) {
        let hop = self.hop_out();
        let stride = (hop as usize).next_multiple_of(LANES);
        let start = block * hop;
        let from = range.start.clamp(start, start + hop) - start;
        let to = range.end.clamp(start, start + hop) - start;
        plane.extend_from_slice(&self.rows[row * stride..][from as usize..to as usize]);
    }

    /// How many samples a block lies behind the one before, at the input's rate.
    fn hop_in(&self) -> u64 {
        (self.forward.len() - 2 * self.margin_in) as u64
    }

    /// As many at the output's rate: those that are right.
    fn hop_out(&self) -> u64 {
        (self.inverse.len() - 2 * self.margin_out) as u64
    }
}

/// How many units a block has, and how many of them are margin at each end; `None` if it would be too long, or of a length
/// with other factors than 2, 3, 5 and 7.
fn geometry(unit_in: u64, unit_out: u64) -> Option<(u64, u64)> {
    let least = unit_in.min(unit_out);
    let margin = ((REACH + least / 2) / least).max(LEAST_REACH.div_ceil(least));
    // At least eight, so that blocks are whole vectors.
    let units = (6 * margin).next_power_of_two();
    let is_smooth = |unit: u64| [2, 3, 5, 7].into_iter().fold(unit, without) == 1;
    (units * unit_in.max(unit_out) <= MOST && is_smooth(unit_in) && is_smooth(unit_out))
        .then_some((units, margin))
}

/// `number` divided by `factor` as often as it can be.
fn without(mut number: u64, factor: u64) -> u64 {
    while number.is_multiple_of(factor) {
        number /= factor;
    }
    number
}

dispatch! { fn to_points(rows: &[f32], points: &mut [Point]) = rows_to_points }
dispatch! { fn take(from: &[Point], taken: &[(u32, f32)], to: &mut [Point]) = take_frequencies }
dispatch! { fn to_rows(points: &[Point], order: &[usize], rows: &mut [f32]) = points_to_rows }

/// Sample `n` of all rows becomes point `n`.
#[inline(always)]
fn rows_to_points<I: Isa>(isa: I, rows: &[f32], points: &mut [Point]) {
    let stride = points.len();
    for (n, points) in points.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let (mut re, mut im) = ([isa.splat(0.0); LANES], [isa.splat(0.0); LANES]);
        for lane in 0..LANES {
            re[lane] = isa.load(eight(rows, lane * stride + n * LANES));
            im[lane] = isa.load(eight(rows, (LANES + lane) * stride + n * LANES));
        }
        (re, im) = (isa.transpose(re), isa.transpose(im));
        for at in 0..LANES {
            isa.store(re[at], &mut points[at].re);
            isa.store(im[at], &mut points[at].im);
        }
    }
}

/// Takes the frequencies, weighted. Real and imaginary part change places: that makes the next transform an inverse one,
/// but for its results, whose parts have changed places too.
#[inline(always)]
fn take_frequencies<I: Isa>(isa: I, from: &[Point], taken: &[(u32, f32)], to: &mut [Point]) {
    for (&(place, gain), to) in taken.iter().zip(to) {
        let (from, gain) = (&from[place as usize], isa.splat(gain));
        isa.store(isa.load(&from.im) * gain, &mut to.re);
        isa.store(isa.load(&from.re) * gain, &mut to.im);
    }
}

/// Point number `n` in `order` becomes sample `n` of all rows; its parts have changed places.
#[inline(always)]
fn points_to_rows<I: Isa>(isa: I, points: &[Point], order: &[usize], rows: &mut [f32]) {
    let stride = order.len().next_multiple_of(LANES);
    for (n, order) in order.chunks(LANES).enumerate() {
        let (mut re, mut im) = ([isa.splat(0.0); LANES], [isa.splat(0.0); LANES]);
        for (at, &place) in order.iter().enumerate() {
            re[at] = isa.load(&points[place].im);
            im[at] = isa.load(&points[place].re);
        }
        (re, im) = (isa.transpose(re), isa.transpose(im));
        for lane in 0..LANES {
            isa.store(re[lane], eight_mut(rows, lane * stride + n * LANES));
            isa.store(im[lane], eight_mut(rows, (LANES + lane) * stride + n * LANES));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::Portable;

    /// Those of the rates of music, as units of time, of which none is refused.
    fn pairs() -> impl Iterator<Item = (u64, u64)> {
        let from = [
            8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000,
            176_400, 192_000,
        ];
        let to = [16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
        from.into_iter().flat_map(move |from| to.map(|to| (from, to))).filter(|(from, to)| from != to).map(
            |(from, to)| {
                let unit = super::super::gcd(from, to);
                (from / unit, to / unit)
            },
        )
    }

    #[test]
    fn blocks_have_the_exact_ratio_and_are_mostly_right() {
        for (unit_in, unit_out) in pairs() {
            let blocks = Blocks::new(Best::detect(), unit_in, unit_out).expect("a pair of usual rates");
            let [len_in, len_out] =
                [&blocks.forward, &blocks.inverse].map(|transform| transform.len() as u64);
            assert_eq!(len_in * unit_out, len_out * unit_in, "{unit_in} to {unit_out}");
            assert_eq!(blocks.hop_in() * unit_out, blocks.hop_out() * unit_in, "{unit_in} to {unit_out}");
            assert!(3 * blocks.hop_out() >= 2 * len_out, "{unit_in} to {unit_out}: {}", blocks.hop_out());
            let reach = (blocks.margin_in.min(blocks.margin_out)) as u64;
            assert!(reach >= LEAST_REACH, "{unit_in} to {unit_out}: {reach}");
        }
    }

    #[test]
    fn other_pairs_are_refused() {
        for (unit_in, unit_out) in [(8_009, 8_000), (8_000, 8_009), (24, 1), (1, 24), (11, 10)] {
            assert!(Blocks::new(Best::detect(), unit_in, unit_out).is_none(), "{unit_in} to {unit_out}");
        }
        // One unit would be too short for the filter: there are two.
        assert_eq!(geometry(640, 441), Some((8, 1)));
        assert_eq!(geometry(256, 441), Some((16, 2)));
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        for (unit_in, unit_out) in pairs() {
            let mut input = Pcm::default();
            input.reset(2, 0);
            let mut seed = 7_u32;
            for channel in 0..2 {
                input.plane_mut(channel).extend((0..30_000).map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    f32::from((seed >> 16) as u16) / 32_768.0 - 1.0
                }));
            }
            let end = 30_000 * unit_out / unit_in + 100;
            let [best, portable] = [Best::detect(), Best::Portable(Portable)].map(|best| {
                let mut output = Pcm::default();
                output.reset(2, 50);
                let mut blocks = Blocks::new(best, unit_in, unit_out).expect("a pair of usual rates");
                blocks.resample(&input, &(0..30_000), &(50..end), &mut output);
                assert_eq!(output.range(), 50..end);
                output.planes().flatten().map(|sample| sample.to_bits()).collect::<Vec<_>>()
            });
            assert!(best == portable, "{unit_in} to {unit_out}");
        }
    }

    #[test]
    fn a_silent_channel_stays_silent() {
        let mut input = Pcm::default();
        input.reset(2, 0);
        input.plane_mut(0).extend((0..20_000_u16).map(|n| f32::from(n % 100) / 100.0));
        input.plane_mut(1).resize(20_000, 0.0);
        let mut output = Pcm::default();
        output.reset(2, 0);
        Blocks::new(Best::detect(), 2, 1).expect("usual").resample(
            &input,
            &(0..20_000),
            &(0..10_000),
            &mut output,
        );
        assert!(output.plane(0).iter().any(|&sample| sample > 0.5));
        assert!(output.plane(1).iter().all(|&sample| sample == 0.0));
    }
}
