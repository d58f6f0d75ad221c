//! The hot loops, compiled for what the processor can do.
//!
//! They compute the same for all, so that they give the same samples; only the instructions differ.

use super::bits::Bits;
use super::error::Fault;
use super::predict::Predictor;
use super::rice::read_rice;

/// A set of instructions.
pub(super) trait Instructions {
    /// Whether [`sums`](Self::sums) are four products at once.
    const VECTORS: bool;

    /// [`read_rice`], compiled with them.
    fn read_rice<'a, P: Predictor>(
        bits: Bits<'a>,
        k: u32,
        predictor: &mut P,
        samples: &mut [i32],
    ) -> Result<Bits<'a>, Fault>;

    /// The sums of the samples, each times its four weights, of which each is one of 32 bits.
    fn sums(weights: &[[i64; 4]], samples: &[i32]) -> [i64; 4];
}

/// Those that every processor has.
pub(super) struct Any;

impl Instructions for Any {
    const VECTORS: bool = false;

    fn read_rice<'a, P: Predictor>(
        bits: Bits<'a>,
        k: u32,
        predictor: &mut P,
        samples: &mut [i32],
    ) -> Result<Bits<'a>, Fault> {
        read_rice(bits, k, predictor, samples)
    }

    #[inline(always)]
    fn sums(weights: &[[i64; 4]], samples: &[i32]) -> [i64; 4] {
        let mut sums = [0_i64; 4];
        for (weights, &sample) in weights.iter().zip(samples) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = sum.wrapping_add(weight.wrapping_mul(sample.into()));
            }
        }
        sums
    }
}

/// AVX2: four products at once; BMI1, BMI2 and LZCNT: shifts by a variable and leading zeros in one instruction each.
/// Only to be used where [`is_there`](Self::is_there) says so.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Avx2 {
    pub(super) fn is_there() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
    }
}

#[cfg(target_arch = "x86_64")]
impl Instructions for Avx2 {
    const VECTORS: bool = true;

    fn read_rice<'a, P: Predictor>(
        bits: Bits<'a>,
        k: u32,
        predictor: &mut P,
        samples: &mut [i32],
    ) -> Result<Bits<'a>, Fault> {
        // Without AVX2: of a predictor whose sums are not four products at once, the compiler makes slower code with it.
        #[target_feature(enable = "bmi1,bmi2,lzcnt")]
        fn compiled<'a, P: Predictor>(
            bits: Bits<'a>,
            k: u32,
            predictor: &mut P,
            samples: &mut [i32],
        ) -> Result<Bits<'a>, Fault> {
            read_rice(bits, k, predictor, samples)
        }
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
        fn compiled_with_avx2<'a, P: Predictor>(
            bits: Bits<'a>,
            k: u32,
            predictor: &mut P,
            samples: &mut [i32],
        ) -> Result<Bits<'a>, Fault> {
            read_rice(bits, k, predictor, samples)
        }
        #[allow(unsafe_code)]
        // SAFETY: the only condition is that the processor has these instructions, which whoever chose this
        // type has asked.
        unsafe {
            if P::VECTORS {
                compiled_with_avx2(bits, k, predictor, samples)
            } else {
                compiled(bits, k, predictor, samples)
            }
        }
    }

    #[inline(always)]
    fn sums(weights: &[[i64; 4]], samples: &[i32]) -> [i64; 4] {
        #[allow(unsafe_code)]
        // SAFETY: as above.
        unsafe {
            sums(weights, samples)
        }
    }
}

/// [`Instructions::sums`] by AVX2, whose product of 32 bits by 32 bits has 64.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn sums(weights: &[[i64; 4]], samples: &[i32]) -> [i64; 4] {
    use std::arch::x86_64::{
        _mm256_add_epi64, _mm256_extract_epi64, _mm256_mul_epi32, _mm256_set_epi64x, _mm256_set1_epi32,
        _mm256_setzero_si256,
    };
    let mut sums = _mm256_setzero_si256();
    for (&[a, b, c, d], &sample) in weights.iter().zip(samples) {
        let products = _mm256_mul_epi32(_mm256_set_epi64x(d, c, b, a), _mm256_set1_epi32(sample));
        sums = _mm256_add_epi64(sums, products);
    }
    [
        _mm256_extract_epi64::<0>(sums),
        _mm256_extract_epi64::<1>(sums),
        _mm256_extract_epi64::<2>(sums),
        _mm256_extract_epi64::<3>(sums),
    ]
}
