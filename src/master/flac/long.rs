//! Prediction whose sums have 64 bits: of samples of 24 bits, most often.

use std::marker::PhantomData;

use super::instructions::Instructions;
use super::predict::{Linear, Predictor};

/// A linear predictor of up to `N` samples whose sums have 64 bits. It makes four samples at a time: what those
/// before the latest count for each of the four are four sums that wait for nothing.
pub(super) struct Long<I, const N: usize> {
    /// In the order of the samples: what each counts for the next one and for the three behind it. The latest is
    /// left out: it is waited for, and goes another way.
    weights: [[i64; 4]; N],
    /// The coefficients of the latest four.
    coefs: [i64; 4],
    shift: u32,
    latest: i32,
    beyond: i64,
    instructions: PhantomData<I>,
}

impl<I: Instructions, const N: usize> Long<I, N> {
    /// `first`: the first samples of the block.
    #[inline(always)]
    pub(super) fn new(linear: &Linear, first: &[i32]) -> Self {
        let coef = |ago: usize| linear.coefs.get(ago).map_or(0, |&coef| i64::from(coef));
        let mut weights = [[0; 4]; N];
        for ago in 1..N {
            weights[N - 1 - ago] = [0, 1, 2, 3].map(|ahead| coef(ago + ahead));
        }
        Self {
            weights,
            coefs: [0, 1, 2, 3].map(coef),
            shift: linear.shift,
            latest: first[linear.order - 1],
            beyond: 0,
            instructions: PhantomData,
        }
    }

    /// The sample whose prediction, before it is shifted, is `sum`.
    #[inline(always)]
    fn sample(&self, sum: i64, residual: i32, beyond: &mut i64) -> i32 {
        let value = i64::from(residual) + (sum >> self.shift);
        let narrow = value as i32;
        *beyond |= value ^ i64::from(narrow);
        narrow
    }
}

impl<I: Instructions, const N: usize> Predictor for Long<I, N> {
    /// The latest sample, and what was too wide.
    type State = (i32, i64);

    const BACK: usize = N;

    const BY_FOUR: bool = true;

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
        let sum = older.fold(0_i64, |sum, (weights, sample)| {
            sum.wrapping_add(weights[0].wrapping_mul((*sample).into()))
        });
        let sum = sum.wrapping_add(self.coefs[0].wrapping_mul((*latest).into()));
        *latest = self.sample(sum, residual, beyond);
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
        let sums = I::sums(&self.weights[..N - 1], &samples[..N - 1]);
        let product = |coef: i64, sample: i32| coef.wrapping_mul(sample.into());
        let plus = |sum: i64, coef: i64, sample: i32| sum.wrapping_add(product(coef, sample));
        let last = *latest;
        let rest = [plus(sums[1], c1, last), plus(sums[2], c2, last), plus(sums[3], c3, last)];
        let a = self.sample(plus(sums[0], c0, last), residuals[0], beyond);
        let rest = [plus(rest[0], c0, a), plus(rest[1], c1, a), plus(rest[2], c2, a)];
        let b = self.sample(rest[0], residuals[1], beyond);
        let rest = [plus(rest[1], c0, b), plus(rest[2], c1, b)];
        let c = self.sample(rest[0], residuals[2], beyond);
        *latest = self.sample(plus(rest[1], c0, c), residuals[3], beyond);
        samples[N..N + 4].copy_from_slice(&[a, b, c, *latest]);
    }

    fn is_narrow(&self) -> bool {
        self.beyond == 0
    }
}
