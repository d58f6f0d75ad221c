//! Prediction: from residuals to samples (RFC 9639, sections 9.2.5 and 9.2.6).
//!
//! A predictor is a recursion: each sample needs the one before it. The reader of residuals hands over a few
//! at a time, so that the processor reads the next ones while it waits for the samples.

/// So many zeros lie before each block of samples, so that a predictor may look back further than it needs.
pub(super) const PAD: usize = 32;

/// Makes samples of residuals.
pub(super) trait Predictor {
    /// What changes from sample to sample; small, to stay in registers.
    type State: Copy;

    /// How many samples it looks back.
    const BACK: usize;

    /// Whether its [`four`](Self::four) is made of AVX2, if there is that.
    const VECTORS: bool = false;

    /// The state that the next sample finds.
    fn state(&self) -> Self::State;

    /// Puts it back.
    fn keep(&mut self, state: Self::State);

    /// Puts the next sample, that of `residual`, behind the first [`BACK`](Self::BACK) ones of `samples`, which
    /// are those before it.
    fn one(&mut self, state: &mut Self::State, residual: i32, samples: &mut [i32]);

    /// The same for the next two.
    fn two(&mut self, state: &mut Self::State, residuals: [i32; 2], samples: &mut [i32]);

    /// The same for the next four.
    #[inline(always)]
    fn four(&mut self, state: &mut Self::State, residuals: [i32; 4], samples: &mut [i32]) {
        let [a, b, c, d] = residuals;
        self.two(state, [a, b], samples);
        self.two(state, [c, d], &mut samples[2..]);
    }

    /// Whether no sample was wider than 32 bits (33 where it can hold them).
    fn is_narrow(&self) -> bool {
        true
    }
}

/// The coefficients of a predictor, the one of the latest sample first, and by how much their sum is shifted.
#[derive(Clone, Copy)]
pub(super) struct Linear {
    pub(super) coefs: [i32; PAD],
    pub(super) order: usize,
    pub(super) shift: u32,
}

impl Linear {
    /// The fixed predictor of an order, 0 to 4, as a linear one.
    pub(super) fn fixed(order: usize) -> Self {
        let mut coefs = [0; PAD];
        let of_order: &[i32] = match order {
            0 => &[],
            1 => &[1],
            2 => &[2, -1],
            3 => &[3, -3, 1],
            _ => &[4, -6, 4, -1],
        };
        coefs[..of_order.len()].copy_from_slice(of_order);
        Self { coefs, order, shift: 0 }
    }

    /// Whether sums of 32 bits do, as long as the samples fit so many.
    pub(super) fn is_short(&self, bits: u32) -> bool {
        let most: u64 = self.coefs.iter().map(|coef| u64::from(coef.unsigned_abs())).sum();
        most << (bits - 1) < 1 << 31
    }
}

/// Differences of order `N`, of up to 28 bits: summed up.
pub(super) struct Differences<const N: usize>([i32; N]);

impl<const N: usize> Differences<N> {
    /// `first`: the first samples.
    #[inline(always)]
    pub(super) fn new(first: &[i32]) -> Self {
        // The latest difference of each order.
        let mut latest = [0; N];
        let mut row = [0_i32; N];
        row.copy_from_slice(&first[..N]);
        for order in 0..N {
            latest[order] = row[N - 1];
            for i in (order + 1..N).rev() {
                row[i] = row[i].wrapping_sub(row[i - 1]);
            }
        }
        Self(latest)
    }
}

impl<const N: usize> Predictor for Differences<N> {
    type State = [i32; N];

    const BACK: usize = 0;

    #[inline(always)]
    fn state(&self) -> [i32; N] {
        self.0
    }

    #[inline(always)]
    fn keep(&mut self, state: [i32; N]) {
        self.0 = state;
    }

    #[inline(always)]
    fn one(&mut self, state: &mut [i32; N], residual: i32, samples: &mut [i32]) {
        let mut value = residual;
        for difference in state.iter_mut().rev() {
            value = value.wrapping_add(*difference);
            *difference = value;
        }
        samples[0] = value;
    }

    #[inline(always)]
    fn two(&mut self, state: &mut [i32; N], residuals: [i32; 2], samples: &mut [i32]) {
        self.one(state, residuals[0], samples);
        self.one(state, residuals[1], &mut samples[1..]);
    }
}

/// A linear predictor of up to `N` samples, two or more, whose sums have 32 bits. It makes two samples at a
/// time: their sums are the lower and the upper half of one of 64 bits, so that one multiplication serves both.
pub(super) struct Pairs<const N: usize> {
    /// In the order of the samples: what each counts for the next sample and, in the upper half, for the
    /// one behind it. The latest is left out: it is waited for, and goes another way.
    weights: [i64; N],
    first: i32,
    second: i32,
    shift: u32,
    latest: i32,
}

impl<const N: usize> Pairs<N> {
    /// `first`: the first samples of the block.
    #[inline(always)]
    pub(super) fn new(linear: &Linear, first: &[i32]) -> Self {
        let Linear { coefs, shift, order } = linear;
        let mut weights = [0; N];
        for ago in 1..N {
            let behind = coefs.get(ago + 1).map_or(0, |&coef| i64::from(coef));
            weights[N - 1 - ago] = (behind << 32).wrapping_add(coefs[ago].into());
        }
        Self { weights, first: coefs[0], second: coefs[1], shift: *shift, latest: first[order - 1] }
    }

    /// What the samples up to the one before the latest, which are the first of `samples`, count for the
    /// next one and for the one behind it.
    #[inline(always)]
    fn sums(&self, samples: &[i32]) -> (i32, i32) {
        let older = self.weights[..N - 1].iter().zip(samples);
        let sum = older
            .fold(0_i64, |sum, (weight, sample)| sum.wrapping_add(weight.wrapping_mul((*sample).into())));
        // The halves.
        (sum as i32, (sum.wrapping_sub((sum as i32).into()) >> 32) as i32)
    }
}

impl<const N: usize> Predictor for Pairs<N> {
    /// The latest sample.
    type State = i32;

    const BACK: usize = N;

    #[inline(always)]
    fn state(&self) -> i32 {
        self.latest
    }

    #[inline(always)]
    fn keep(&mut self, latest: i32) {
        self.latest = latest;
    }

    #[inline(always)]
    fn one(&mut self, latest: &mut i32, residual: i32, samples: &mut [i32]) {
        let sum = self.sums(samples).0.wrapping_add(self.first.wrapping_mul(*latest));
        *latest = residual.wrapping_add(sum >> self.shift);
        samples[N] = *latest;
    }

    #[inline(always)]
    fn two(&mut self, latest: &mut i32, residuals: [i32; 2], samples: &mut [i32]) {
        let (one, two) = self.sums(samples);
        let two = two.wrapping_add(self.second.wrapping_mul(*latest));
        let one = one.wrapping_add(self.first.wrapping_mul(*latest));
        let one = residuals[0].wrapping_add(one >> self.shift);
        let two = two.wrapping_add(self.first.wrapping_mul(one));
        *latest = residuals[1].wrapping_add(two >> self.shift);
        (samples[N], samples[N + 1]) = (one, *latest);
    }
}

/// A linear predictor of samples of up to 33 bits, which are kept elsewhere than their residuals.
pub(super) struct Widest<'a> {
    linear: Linear,
    /// The samples so far.
    samples: &'a mut Vec<i64>,
    beyond: i64,
}

impl<'a> Widest<'a> {
    pub(super) fn new(linear: Linear, samples: &'a mut Vec<i64>) -> Self {
        Self { linear, samples, beyond: 0 }
    }
}

impl Predictor for Widest<'_> {
    type State = ();

    const BACK: usize = 0;

    fn state(&self) {}

    fn keep(&mut self, (): ()) {}

    fn one(&mut self, (): &mut (), residual: i32, _: &mut [i32]) {
        let latest = self.samples.iter().rev().zip(&self.linear.coefs[..self.linear.order]);
        let sum: i64 = latest.map(|(sample, coef)| sample * i64::from(*coef)).sum();
        let value = i64::from(residual) + (sum >> self.linear.shift);
        let narrow = value << 31 >> 31;
        self.beyond |= value ^ narrow;
        self.samples.push(narrow);
    }

    fn two(&mut self, state: &mut (), residuals: [i32; 2], samples: &mut [i32]) {
        self.one(state, residuals[0], samples);
        self.one(state, residuals[1], samples);
    }

    fn is_narrow(&self) -> bool {
        self.beyond == 0
    }
}

/// Whether all samples fit so many bits.
#[inline(always)]
pub(super) fn fit(samples: &[i32], bits: u32) -> bool {
    let all = samples.iter().fold(0, |all, sample| all | sample ^ sample >> 31);
    all.leading_zeros() > 32 - bits
}
