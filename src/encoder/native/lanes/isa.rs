//! What an instruction set has to give.

use core::ops::{Add, Mul, Sub};

/// How many lanes there are.
pub(crate) const LANES: usize = 8;

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
