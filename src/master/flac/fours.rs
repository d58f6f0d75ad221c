//! Prediction of four samples at a time, for processors that form four sums at once, and for samples whose sums
//! need 64 bits, as those of 24 bits most often do.

use std::marker::PhantomData;

use super::instructions::Instructions;
use super::predict::{Linear, Predictor};

/// What the sums of a predictor are: numbers of 32 bits where those [do](Linear::is_short), or of 64.
pub(super) trait Sum: Copy {
    /// A coefficient.
    fn of(coef: i32) -> Self;

    /// A sum of 64 bits, of which as many are taken.
    fn of_long(sum: i64) -> Self;

    /// This and `coef` times `sample`.
    fn plus(self, coef: Self, sample: i32) -> Self;

    /// The sample whose prediction, before it is shifted, this is. `beyond` is not 0 if one was wider than 32 bits.
    fn sample(self, shift: u32, residual: i32, beyond: &mut i64) -> i32;
}

impl Sum for i32 {
    #[inline(always)]
    fn of(coef: i32) -> Self {
        coef
    }

    #[inline(always)]
    fn of_long(sum: i64) -> Self {
        sum as i32
    }

    #[inline(always)]
    fn plus(self, coef: Self, sample: i32) -> Self {
        self.wrapping_add(coef.wrapping_mul(sample))
    }

    #[inline(always)]
    fn sample(self, shift: u32, residual: i32, _: &mut i64) -> i32 {
        residual.wrapping_add(self >> shift)
    }
}

impl Sum for i64 {
    #[inline(always)]
    fn of(coef: i32) -> Self {
        coef.into()
    }

    #[inline(always)]
    fn of_long(sum: i64) -> Self {
        sum
    }

    #[inline(always)]
    fn plus(self, coef: Self, sample: i32) -> Self {
        self.wrapping_add(coef.wrapping_mul(sample.into()))
    }

    #[inline(always)]
    fn sample(self, shift: u32, residual: i32, beyond: &mut i64) -> i32 {
        let value = i64::from(residual) + (self >> shift);
        let narrow = value as i32;
        *beyond |= value ^ i64::from(narrow);
        narrow
    }
}

/// A linear predictor of up to `N` samples with sums `S`. What those before the latest count for each of the next
/// four are four sums that wait for nothing.
pub(super) struct Fours<I, S, const N: usize> {
    /// In the order of the samples: what each counts for the next one and for the three behind it. The latest is
    /// left out: it is waited for, and goes another way.
    weights: [[i64; 4]; N],
    /// The coefficients of the latest four.
    coefs: [S; 4],
    shift: u32,
    latest: i32,
    beyond: i64,
    instructions: PhantomData<I>,
}

impl<I: Instructions, S: Sum, const N: usize> Fours<I, S, N> {
    /// `first`: the first samples of the block.
    #[inline(always)]
    pub(super) fn new(linear: &Linear, first: &[i32]) -> Self {
        let coef = |ago: usize| linear.coefs.get(ago).copied().unwrap_or_default();
        let mut weights = [[0; 4]; N];
        for ago in 1..N {
            weights[N - 1 - ago] = [0, 1, 2, 3].map(|ahead| coef(ago + ahead).into());
        }
        Self {
            weights,
            coefs: [0, 1, 2, 3].map(|ago| S::of(coef(ago))),
            shift: linear.shift,
            latest: first[linear.order - 1],
            beyond: 0,
            instructions: PhantomData,
        }
    }
}

impl<I: Instructions, S: Sum, const N: usize> Predictor for Fours<I, S, N> {
    /// The latest sample, and what was too wide.
    type State = (i32, i64);

    const BACK: usize = N;

    const VECTORS: bool = true;

    #[inline(always)]
    fn state(&self) -> (i32, i64) {
        (self.latest, self.beyond)
    }

    #[inline(always)]
    fn keep(&mut self, (latest, beyond): (i32, i64)) {
        (self.latest, self.beyond) = (latest, beyond);
    }

    #[inline(always)]
    fn one(&mut self, (latest, beyond): &mut (i32, i64), residual: i32, samples: &mut [i32]) {
        let older = self.weights[..N - 1].iter().zip(&*samples);
        let sum = older.fold(0_i64, |sum, (weights, sample)| sum.plus(weights[0], *sample));
        let sum = S::of_long(sum).plus(self.coefs[0], *latest);
        *latest = sum.sample(self.shift, residual, beyond);
        samples[N] = *latest;
    }

    #[inline(always)]
    fn two(&mut self, state: &mut (i32, i64), residuals: [i32; 2], samples: &mut [i32]) {
        self.one(state, residuals[0], samples);
        self.one(state, residuals[1], &mut samples[1..]);
    }

    #[inline(always)]
    fn four(&mut self, (latest, beyond): &mut (i32, i64), residuals: [i32; 4], samples: &mut [i32]) {
        let [c0, c1, c2, c3] = self.coefs;
        let [a, b, c, d] = I::sums(&self.weights[..N - 1], &samples[..N - 1]).map(S::of_long);
        let last = *latest;
        let [a, b, c, d] = [a.plus(c0, last), b.plus(c1, last), c.plus(c2, last), d.plus(c3, last)];
        let one = a.sample(self.shift, residuals[0], beyond);
        let [b, c, d] = [b.plus(c0, one), c.plus(c1, one), d.plus(c2, one)];
        let two = b.sample(self.shift, residuals[1], beyond);
        let [c, d] = [c.plus(c0, two), d.plus(c1, two)];
        let three = c.sample(self.shift, residuals[2], beyond);
        *latest = d.plus(c0, three).sample(self.shift, residuals[3], beyond);
        samples[N..N + 4].copy_from_slice(&[one, two, three, *latest]);
    }

    fn is_narrow(&self) -> bool {
        self.beyond == 0
    }
}
