//! Eight f32 side by side. Plain loops over arrays, which the compiler turns into vector instructions where the
//! function around them allows those; as no operation is fused or reordered, the results are the same with and without.

use std::ops::{Add, Mul, Sub};

/// The number of lanes.
pub(crate) const LANES: usize = 8;

/// Eight numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(32))]
pub(crate) struct F8(pub(crate) [f32; LANES]);

macro_rules! each_lane {
    ($lane:ident, $value:expr) => {{
        let mut result = [0.0; LANES];
        let mut $lane = 0;
        while $lane < LANES {
            result[$lane] = $value;
            $lane += 1;
        }
        F8(result)
    }};
}

impl F8 {
    pub(crate) const ZERO: Self = Self([0.0; LANES]);

    /// The same number in all lanes.
    #[inline(always)]
    pub(crate) const fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    /// The first eight numbers of a slice.
    #[inline(always)]
    pub(crate) fn load(from: &[f32]) -> Self {
        let mut lanes = [0.0; LANES];
        lanes.copy_from_slice(&from[..LANES]);
        Self(lanes)
    }

    /// Into the first eight places of a slice.
    #[inline(always)]
    pub(crate) fn store(self, to: &mut [f32]) {
        to[..LANES].copy_from_slice(&self.0);
    }

    /// The square roots.
    #[inline(always)]
    pub(crate) fn sqrt(self) -> Self {
        each_lane!(lane, self.0[lane].sqrt())
    }

    /// The magnitudes.
    #[inline(always)]
    pub(crate) fn abs(self) -> Self {
        each_lane!(lane, self.0[lane].abs())
    }

    /// The lesser of each two; no lane may be NaN.
    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        each_lane!(lane, if self.0[lane] < other.0[lane] { self.0[lane] } else { other.0[lane] })
    }

    /// The greater of each two; no lane may be NaN.
    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        each_lane!(lane, if self.0[lane] > other.0[lane] { self.0[lane] } else { other.0[lane] })
    }

    /// The quotients.
    #[inline(always)]
    pub(crate) fn div(self, other: Self) -> Self {
        each_lane!(lane, self.0[lane] / other.0[lane])
    }

    /// The sum of all lanes: halves, quarters, pairs.
    #[inline(always)]
    pub(crate) fn sum(self) -> f32 {
        let l = self.0;
        ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
    }

    /// The greatest lane.
    #[inline(always)]
    pub(crate) fn greatest(self) -> f32 {
        let l = self.0;
        let greater = |a: f32, b: f32| if a > b { a } else { b };
        greater(
            greater(greater(l[0], l[4]), greater(l[2], l[6])),
            greater(greater(l[1], l[5]), greater(l[3], l[7])),
        )
    }
}

impl Add for F8 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        each_lane!(lane, self.0[lane] + other.0[lane])
    }
}

impl Sub for F8 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        each_lane!(lane, self.0[lane] - other.0[lane])
    }
}

impl Mul for F8 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        each_lane!(lane, self.0[lane] * other.0[lane])
    }
}
