//! Logarithms and powers of two by polynomials, the same on every machine. (Chebyshev fits; the tests compare with f64.)

use crate::lanes::{Isa, TO_INTEGER};

/// `log2(1 + t) / t` for a mantissa `1 + t` from sqrt(1/2) to sqrt(2).
const LOG2: [f32; 8] = [
    1.442_694_9,
    -0.721_352_76,
    0.480_924_04,
    -0.360_241_98,
    0.287_075_6,
    -0.248_821_81,
    0.234_209_85,
    -0.146_203_53,
];
/// `2^f` for f from -1/2 to 1/2.
const EXP2: [f32; 6] = [1.000_000_1, 0.693_147_2, 0.240_221_07, 0.055_503_27, 0.009_676_037, 0.001_340_043_3];

/// The sum of powers of `x`, from 0 up, times the numbers in `of`.
#[inline(always)]
fn polynomial<I: Isa, const N: usize>(isa: I, x: I::V, of: &[f32; N]) -> I::V {
    let mut sum = isa.splat(of[N - 1]);
    for &of in of[..N - 1].iter().rev() {
        sum = sum * x + isa.splat(of);
    }
    sum
}

/// log2 of numbers of at least 1.2e-38 (the smallest that is no denormal); smaller ones count as that.
/// Off by at most 3e-7, or that times the result.
#[inline(always)]
pub(crate) fn log2<I: Isa>(isa: I, x: I::V) -> I::V {
    let (exponent, mantissa) = isa.split(isa.max(x, isa.splat(f32::MIN_POSITIVE)));
    let t = mantissa - isa.splat(1.0);
    polynomial(isa, t, &LOG2) * t + exponent
}

/// 2 to the power of numbers from -126 to 126; those beyond count as these. Off by at most 3e-7 of the result.
#[inline(always)]
pub(crate) fn exp2<I: Isa>(isa: I, x: I::V) -> I::V {
    let x = isa.min(isa.max(x, isa.splat(-126.0)), isa.splat(126.0));
    let rounded = x + isa.splat(TO_INTEGER);
    let f = x - (rounded - isa.splat(TO_INTEGER));
    isa.scale(polynomial(isa, f, &EXP2), rounded)
}

/// log2(1 + 2^x) and its slope 2^x / (1 + 2^x), both off by at most 2e-3: for estimates.
#[inline(always)]
pub(crate) fn log2_of_one_plus<I: Isa>(isa: I, x: I::V) -> (I::V, I::V) {
    /// By powers of f, for 2^f.
    const POWER: [f32; 4] = [0.999_925, 0.693_121, 0.242_640, 0.055_922];
    /// By powers of e, for log2(1 + e).
    const LOG: [f32; 5] = [0.0, 1.442_147, -0.702_077, 0.367_342, -0.107_821];
    // With e = 2^-|x| the first is max(x, 0) + log2(1 + e), the second e / (1 + e) or 1 less that.
    let zero = isa.splat(0.0);
    let one = isa.splat(1.0);
    let down = isa.max(zero - isa.abs(x), isa.splat(-40.0));
    let rounded = down + isa.splat(TO_INTEGER);
    let f = down - (rounded - isa.splat(TO_INTEGER));
    let e = isa.scale(polynomial(isa, f, &POWER), rounded);
    let share = isa.div(e, one + e);
    (isa.max(x, zero) + polynomial(isa, e, &LOG), isa.if_positive(x, one - share, share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{LANES, Portable};
    use proptest::prelude::*;

    /// A function of eight numbers for one.
    fn one(function: impl Fn(<Portable as Isa>::V) -> <Portable as Isa>::V, x: f32) -> f32 {
        let mut lanes = [0.0; LANES];
        Portable.store(function(Portable.splat(x)), &mut lanes);
        lanes[0]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn logarithms_are_those_of_f64(x in prop::num::f32::POSITIVE) {
            let exact = f64::from(x.max(f32::MIN_POSITIVE)).log2();
            let error = (f64::from(one(|x| log2(Portable, x), x)) - exact).abs();
            prop_assert!(error <= 3e-7 * exact.abs().max(1.0), "log2 {x}: {error}");
        }

        #[test]
        fn the_estimate_of_bits_is_near(x in -50.0..50.0_f32) {
            let power = f64::from(x).exp2();
            let bits = one(|x| log2_of_one_plus(Portable, x).0, x);
            let slope = one(|x| log2_of_one_plus(Portable, x).1, x);
            prop_assert!((f64::from(bits) - (1.0 + power).log2()).abs() < 2e-3, "{x}: {bits}");
            prop_assert!((f64::from(slope) - power / (1.0 + power)).abs() < 2e-3, "{x}: {slope}");
        }

        #[test]
        fn powers_are_those_of_f64(x in -140.0..140.0_f32) {
            let exact = f64::from(x.clamp(-126.0, 126.0)).exp2();
            let error = (f64::from(one(|x| exp2(Portable, x), x)) / exact - 1.0).abs();
            prop_assert!(error <= 3e-7, "2^{x}: {error}");
        }
    }
}
