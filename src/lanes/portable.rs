//! Plain Rust: it defines the results.

use core::array::from_fn;
use core::ops::{Add, Mul, Sub};

use super::isa::{Isa, LANES, ROOT_HALF};

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

    #[inline(always)]
    fn abs(self, v: V) -> V {
        V(v.0.map(f32::abs))
    }

    #[inline(always)]
    fn sqrt(self, v: V) -> V {
        V(v.0.map(f32::sqrt))
    }

    #[inline(always)]
    fn div(self, a: V, b: V) -> V {
        V(from_fn(|i| a.0[i] / b.0[i]))
    }

    #[inline(always)]
    fn if_positive(self, x: V, yes: V, no: V) -> V {
        V(from_fn(|i| if x.0[i] > 0.0 { yes.0[i] } else { no.0[i] }))
    }

    #[inline(always)]
    fn sum(self, v: V) -> f32 {
        let l = v.0;
        ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
    }

    #[inline(always)]
    fn greatest(self, v: V) -> f32 {
        v.0.into_iter().fold(f32::NEG_INFINITY, |most, x| if x > most { x } else { most })
    }

    #[inline(always)]
    fn split(self, v: V) -> (V, V) {
        let exponent = v.0.map(|x| (x.to_bits() as i32).wrapping_sub(ROOT_HALF) >> 23);
        let mantissa =
            from_fn(|i| f32::from_bits((v.0[i].to_bits() as i32).wrapping_sub(exponent[i] << 23) as u32));
        (V(exponent.map(|e| e as f32)), V(mantissa))
    }

    #[inline(always)]
    fn scale(self, v: V, integers: V) -> V {
        V(from_fn(|i| f32::from_bits(v.0[i].to_bits().wrapping_add(integers.0[i].to_bits() << 23))))
    }

    #[inline(always)]
    fn store_integers(self, v: V, to: &mut [u16; LANES]) {
        *to = v.0.map(|x| x.to_bits() as u16);
    }

    #[inline(always)]
    fn negative(self, v: V) -> u8 {
        v.0.iter().rev().fold(0, |bits, x| bits << 1 | u8::from(x.is_sign_negative()))
    }
}
