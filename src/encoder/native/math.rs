//! Logarithms and powers of two by polynomials, the same on every machine. (Chebyshev fits; the tests compare with f64.)

use super::f8::{F8, LANES};

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

/// log2 of numbers of at least 1.2e-38 (the smallest that is no denormal); smaller ones count as that.
/// Off by at most 3e-7, or that times the result.
#[inline(always)]
pub(crate) fn log2(x: F8) -> F8 {
    const ROOT_HALF: u32 = 0x3F35_04F3;
    let x = x.max(F8::splat(f32::MIN_POSITIVE));
    let mut exponent = [0.0; LANES];
    let mut t = [0.0; LANES];
    for lane in 0..LANES {
        let bits = x.0[lane].to_bits();
        let shift = (bits.wrapping_sub(ROOT_HALF) as i32) >> 23;
        exponent[lane] = shift as f32;
        t[lane] = f32::from_bits(bits.wrapping_sub((shift << 23) as u32)) - 1.0;
    }
    let t = F8(t);
    let mut sum = F8::splat(LOG2[7]);
    for power in (0..7).rev() {
        sum = sum * t + F8::splat(LOG2[power]);
    }
    sum * t + F8(exponent)
}

/// 2 to the power of numbers from -126 to 126; those beyond count as these. Off by at most 3e-7 of the result.
#[inline(always)]
pub(crate) fn exp2(x: F8) -> F8 {
    /// Adding it leaves the nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.max(F8::splat(-126.0)).min(F8::splat(126.0));
    let rounded = x + F8::splat(ROUND);
    let f = x - (rounded - F8::splat(ROUND));
    let mut sum = F8::splat(EXP2[5]);
    for power in (0..5).rev() {
        sum = sum * f + F8::splat(EXP2[power]);
    }
    let mut result = [0.0; LANES];
    for lane in 0..LANES {
        let shift = rounded.0[lane].to_bits() << 23;
        result[lane] = f32::from_bits(sum.0[lane].to_bits().wrapping_add(shift));
    }
    F8(result)
}

/// log2(1 + 2^x) and its slope 2^x / (1 + 2^x), both off by at most 2e-3: for estimates.
#[inline(always)]
pub(crate) fn log2_of_one_plus(x: F8) -> (F8, F8) {
    /// Adding it leaves the nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // With e = 2^-|x| the first is max(x, 0) + log2(1 + e), the second e / (1 + e) or 1 less that.
    let down = (F8::ZERO - x.abs()).max(F8::splat(-40.0));
    let rounded = down + F8::splat(ROUND);
    let f = down - (rounded - F8::splat(ROUND));
    let sum = ((F8::splat(0.055_922) * f + F8::splat(0.242_640)) * f + F8::splat(0.693_121)) * f
        + F8::splat(0.999_925);
    let mut e = [0.0; LANES];
    for lane in 0..LANES {
        e[lane] = f32::from_bits(sum.0[lane].to_bits().wrapping_add(rounded.0[lane].to_bits() << 23));
    }
    let e = F8(e);
    let log = (((F8::splat(-0.107_821) * e + F8::splat(0.367_342)) * e - F8::splat(0.702_077)) * e
        + F8::splat(1.442_147))
        * e;
    let share = e.div(F8::splat(1.0) + e);
    let mut used = [0.0; LANES];
    for lane in 0..LANES {
        used[lane] = if x.0[lane] > 0.0 { 1.0 - share.0[lane] } else { share.0[lane] };
    }
    (x.max(F8::ZERO) + log, F8(used))
}

/// [`log2`] of one number.
#[cfg(test)]
#[inline(always)]
pub(crate) fn log2_of(x: f32) -> f32 {
    log2(F8::splat(x)).0[0]
}

/// [`exp2`] of one number.
#[cfg(test)]
#[inline(always)]
pub(crate) fn exp2_of(x: f32) -> f32 {
    exp2(F8::splat(x)).0[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn logarithms_are_those_of_f64(x in prop::num::f32::POSITIVE) {
            let exact = f64::from(x.max(f32::MIN_POSITIVE)).log2();
            let error = (f64::from(log2_of(x)) - exact).abs();
            prop_assert!(error <= 3e-7 * exact.abs().max(1.0), "log2 {x}: {error}");
        }

        #[test]
        fn the_estimate_of_bits_is_near(x in -50.0..50.0_f32) {
            let power = f64::from(x).exp2();
            let (bits, slope) = log2_of_one_plus(F8::splat(x));
            prop_assert!((f64::from(bits.0[0]) - (1.0 + power).log2()).abs() < 2e-3, "{x}: {}", bits.0[0]);
            prop_assert!((f64::from(slope.0[0]) - power / (1.0 + power)).abs() < 2e-3, "{x}: {}", slope.0[0]);
        }

        #[test]
        fn powers_are_those_of_f64(x in -140.0..140.0_f32) {
            let exact = f64::from(x.clamp(-126.0, 126.0)).exp2();
            let error = (f64::from(exp2_of(x)) / exact - 1.0).abs();
            prop_assert!(error <= 3e-7, "2^{x}: {error}");
        }
    }
}
