//! What an instruction set has to give.

use core::ops::{Add, Mul, Sub};

/// How many lanes there are.
pub(crate) const LANES: usize = 8;

/// Adding it leaves the nearest integer in the low bits, of numbers of magnitudes up to 2^22.
pub(crate) const TO_INTEGER: f32 = 12_582_912.0;
/// The bits of sqrt(1/2).
pub(super) const ROOT_HALF: i32 = 0x3F35_04F3;

/// Proof that an instruction set is there, and its operations.
pub(crate) trait Isa: Copy {
    /// Eight numbers.
    type V: Copy + Add<Output = Self::V> + Sub<Output = Self::V> + Mul<Output = Self::V>;

    /// One number in all lanes.
    fn splat(self, x: f32) -> Self::V;
    /// Eight numbers of memory.
    fn load(self, from: &[f32; LANES]) -> Self::V;
    /// The greater of two, `b` if they are equal.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The lesser of two, `b` if they are equal.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// The high half of `a`, and above it the low half of `b`.
    fn middle(self, a: Self::V, b: Self::V) -> Self::V;
    /// Two times four numbers of memory.
    fn load_halves(self, low: &[f32; 4], high: &[f32; 4]) -> Self::V;
    /// Eight numbers to memory.
    fn store(self, v: Self::V, to: &mut [f32; LANES]);
    /// Lane i of vector j becomes lane j of vector i.
    fn transpose(self, rows: [Self::V; LANES]) -> [Self::V; LANES];
    /// The magnitudes.
    fn abs(self, v: Self::V) -> Self::V;
    /// The square roots.
    fn sqrt(self, v: Self::V) -> Self::V;
    /// The quotients.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `yes` in the lanes where `x` is above zero, `no` in the others.
    fn if_positive(self, x: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// The sum of all lanes: halves, quarters, pairs.
    fn sum(self, v: Self::V) -> f32;
    /// The greatest lane.
    fn greatest(self, v: Self::V) -> f32;
    /// Numbers that are no denormals as powers of two and what these are multiplied by, from sqrt(1/2) to sqrt(2).
    fn split(self, v: Self::V) -> (Self::V, Self::V);
    /// Numbers times two to the power of the integers that [`TO_INTEGER`] was added to.
    fn scale(self, v: Self::V, integers: Self::V) -> Self::V;
    /// The integers that [`TO_INTEGER`] was added to, from 0 up.
    fn store_integers(self, v: Self::V, to: &mut [u16; LANES]);
    /// One bit a lane, the lowest for the first: whether it is below zero (or the zero that is).
    fn negative(self, v: Self::V) -> u8;
}

/// The eight numbers of `slice` from `at` on.
#[inline(always)]
pub(crate) fn eight(slice: &[f32], at: usize) -> &[f32; LANES] {
    slice[at..].first_chunk().expect("eight numbers")
}

/// As [`eight`], to write to.
#[inline(always)]
pub(crate) fn eight_mut(slice: &mut [f32], at: usize) -> &mut [f32; LANES] {
    slice[at..].first_chunk_mut().expect("eight numbers")
}
