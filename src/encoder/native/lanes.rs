//! Eight lanes of `f32`, and the instruction sets that have them.
//!
//! Kernels are written once, over [`Isa`], and inlined into one function for each instruction set. Every
//! operation is a single IEEE one in every lane, and nothing is fused, so all of them give the same bits.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

use core::ops::{Add, Mul, Sub};

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
pub(crate) use portable::Portable;

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

/// The best instruction set of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Best {
    /// Plain Rust.
    Portable(Portable),
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

impl Best {
    /// What this machine has.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = Avx2::detect() {
            return Self::Avx2(avx2);
        }
        Self::Portable(Portable)
    }
}

/// Defines a function that runs a kernel, which is generic over [`Isa`], with the best instruction set.
macro_rules! dispatch {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $kernel:path) => {
        $(#[$doc])*
        $vis fn $name(best: $crate::encoder::native::lanes::Best, $($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2(isa: $crate::encoder::native::lanes::Avx2, $($arg: $type),*) $(-> $result)? {
                $kernel(isa, $($arg),*)
            }
            match best {
                $crate::encoder::native::lanes::Best::Portable(isa) => $kernel(isa, $($arg),*),
                #[cfg(target_arch = "x86_64")]
                #[allow(unsafe_code)]
                // SAFETY: an `Avx2` exists only where the processor has AVX2.
                $crate::encoder::native::lanes::Best::Avx2(isa) => unsafe { avx2(isa, $($arg),*) },
            }
        }
    };
}
pub(crate) use dispatch;
