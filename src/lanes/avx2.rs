//! AVX2.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256, _CMP_GT_OQ, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_ps, _mm_max_ps, _mm_max_ss,
    _mm_movehdup_ps, _mm_movehl_ps, _mm_packus_epi32, _mm_storeu_si128, _mm256_add_epi32, _mm256_add_ps,
    _mm256_and_si256, _mm256_andnot_ps, _mm256_blendv_ps, _mm256_castps_si256, _mm256_castps128_ps256,
    _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_castsi256_si128, _mm256_cmp_ps, _mm256_cvtepi32_ps,
    _mm256_div_ps, _mm256_extractf128_ps, _mm256_extracti128_si256, _mm256_insertf128_ps, _mm256_loadu_ps,
    _mm256_max_ps, _mm256_min_ps, _mm256_movemask_ps, _mm256_mul_ps, _mm256_permute2f128_ps,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_shuffle_ps, _mm256_slli_epi32, _mm256_sqrt_ps,
    _mm256_srai_epi32, _mm256_storeu_ps, _mm256_sub_epi32, _mm256_sub_ps, _mm256_unpackhi_ps,
    _mm256_unpacklo_ps,
};
use core::ops::{Add, Mul, Sub};

use super::isa::{Isa, LANES, ROOT_HALF};

/// Exists only where the processor has AVX2, and the instructions for bits that came with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// If the processor has it.
    pub(crate) fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        all.then_some(Self(()))
    }
}

/// Eight numbers: only an [`Avx2`] makes one, so the processor has AVX2 wherever one exists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct V(__m256);

impl Add for V {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: a `V` exists, so the processor has AVX2.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }
}

impl Sub for V {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: a `V` exists, so the processor has AVX2.
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
}

impl Mul for V {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: a `V` exists, so the processor has AVX2.
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
}

impl Isa for Avx2 {
    type V = V;

    #[inline(always)]
    fn splat(self, x: f32) -> V {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        V(unsafe { _mm256_set1_ps(x) })
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> V {
        // SAFETY: an `Avx2` exists, and eight numbers are there to be read.
        V(unsafe { _mm256_loadu_ps(from.as_ptr()) })
    }

    #[inline(always)]
    fn max(self, a: V, b: V) -> V {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        V(unsafe { _mm256_max_ps(a.0, b.0) })
    }

    #[inline(always)]
    fn min(self, a: V, b: V) -> V {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        V(unsafe { _mm256_min_ps(a.0, b.0) })
    }

    #[inline(always)]
    fn middle(self, a: V, b: V) -> V {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        V(unsafe { _mm256_permute2f128_ps::<0x21>(a.0, b.0) })
    }

    #[inline(always)]
    fn load_halves(self, low: &[f32; 4], high: &[f32; 4]) -> V {
        // SAFETY: an `Avx2` exists, and four numbers are there to be read, twice.
        V(unsafe {
            let low = _mm256_castps128_ps256(_mm_loadu_ps(low.as_ptr()));
            _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(high.as_ptr()))
        })
    }

    #[inline(always)]
    fn store(self, v: V, to: &mut [f32; LANES]) {
        // SAFETY: an `Avx2` exists, and there is room for eight numbers.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), v.0) }
    }

    #[inline(always)]
    fn transpose(self, r: [V; LANES]) -> [V; LANES] {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        unsafe {
            // Pairs of rows, then fours within each half, then the halves.
            let pair =
                |i: usize| (_mm256_unpacklo_ps(r[i].0, r[i + 1].0), _mm256_unpackhi_ps(r[i].0, r[i + 1].0));
            let ((a0, a1), (b0, b1), (c0, c1), (d0, d1)) = (pair(0), pair(2), pair(4), pair(6));
            let fours = |x0, x1, y0, y1| {
                [
                    _mm256_shuffle_ps::<0x44>(x0, y0),
                    _mm256_shuffle_ps::<0xee>(x0, y0),
                    _mm256_shuffle_ps::<0x44>(x1, y1),
                    _mm256_shuffle_ps::<0xee>(x1, y1),
                ]
            };
            let (low, high) = (fours(a0, a1, b0, b1), fours(c0, c1, d0, d1));
            core::array::from_fn(|i| {
                V(if i < 4 {
                    _mm256_permute2f128_ps::<0x20>(low[i], high[i])
                } else {
                    _mm256_permute2f128_ps::<0x31>(low[i - 4], high[i - 4])
                })
            })
        }
    }

    #[inline(always)]
    fn abs(self, v: V) -> V {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        V(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), v.0) })
    }

    #[inline(always)]
    fn sqrt(self, v: V) -> V {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        V(unsafe { _mm256_sqrt_ps(v.0) })
    }

    #[inline(always)]
    fn div(self, a: V, b: V) -> V {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        V(unsafe { _mm256_div_ps(a.0, b.0) })
    }

    #[inline(always)]
    fn if_positive(self, x: V, yes: V, no: V) -> V {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        V(unsafe { _mm256_blendv_ps(no.0, yes.0, _mm256_cmp_ps::<_CMP_GT_OQ>(x.0, _mm256_set1_ps(0.0))) })
    }

    #[inline(always)]
    fn sum(self, v: V) -> f32 {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(v.0), _mm256_extractf128_ps::<1>(v.0));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn greatest(self, v: V) -> f32 {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        unsafe {
            let four = _mm_max_ps(_mm256_castps256_ps128(v.0), _mm256_extractf128_ps::<1>(v.0));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn split(self, v: V) -> (V, V) {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        unsafe {
            let bits = _mm256_castps_si256(v.0);
            let exponent = _mm256_srai_epi32::<23>(_mm256_sub_epi32(bits, _mm256_set1_epi32(ROOT_HALF)));
            let mantissa = _mm256_sub_epi32(bits, _mm256_slli_epi32::<23>(exponent));
            (V(_mm256_cvtepi32_ps(exponent)), V(_mm256_castsi256_ps(mantissa)))
        }
    }

    #[inline(always)]
    fn scale(self, v: V, integers: V) -> V {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        unsafe {
            let shift = _mm256_slli_epi32::<23>(_mm256_castps_si256(integers.0));
            V(_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v.0), shift)))
        }
    }

    #[inline(always)]
    fn store_integers(self, v: V, to: &mut [u16; LANES]) {
        // SAFETY: an `Avx2` exists, and there is room for eight numbers of two bytes.
        unsafe {
            let low = _mm256_and_si256(_mm256_castps_si256(v.0), _mm256_set1_epi32(0xFFFF));
            let packed = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256::<1>(low));
            _mm_storeu_si128(to.as_mut_ptr().cast(), packed);
        }
    }

    #[inline(always)]
    fn negative(self, v: V) -> u8 {
        // SAFETY: an `Avx2` exists, so the processor has AVX2.
        unsafe { _mm256_movemask_ps(v.0) as u8 }
    }
}
