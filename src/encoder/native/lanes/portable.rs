//! Plain Rust: it defines the results.

use core::array::from_fn;
use core::ops::{Add, Mul, Sub};

use super::isa::{Isa, LANES};

/// Always there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

/// Eight numbers.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
pub(crate) struct V([f32; LANES]);

impl Add for V {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl Sub for V {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] - other.0[i]))
    }
}

impl Mul for V {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] * other.0[i]))
    }
}

impl Isa for Portable {
    type V = V;

    #[inline(always)]
    fn splat(self, x: f32) -> V {
        V([x; LANES])
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> V {
        V(*from)
    }

    #[inline(always)]
    fn max(self, a: V, b: V) -> V {
        V(from_fn(|i| if a.0[i] > b.0[i] { a.0[i] } else { b.0[i] }))
    }

    #[inline(always)]
    fn min(self, a: V, b: V) -> V {
        V(from_fn(|i| if a.0[i] < b.0[i] { a.0[i] } else { b.0[i] }))
    }

    #[inline(always)]
    fn middle(self, a: V, b: V) -> V {
        V(from_fn(|i| if i < 4 { a.0[4 + i] } else { b.0[i - 4] }))
    }

    #[inline(always)]
    fn load_halves(self, low: &[f32; 4], high: &[f32; 4]) -> V {
        V(from_fn(|i| if i < 4 { low[i] } else { high[i - 4] }))
    }

    #[inline(always)]
    fn store(self, v: V, to: &mut [f32; LANES]) {
        *to = v.0;
    }

    #[inline(always)]
    fn transpose(self, rows: [V; LANES]) -> [V; LANES] {
        from_fn(|i| V(from_fn(|j| rows[j].0[i])))
    }
}
