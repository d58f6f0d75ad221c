//! Eight lanes of `f32`, and the instruction sets that have them.
//!
//! Kernels are written once, over [`Isa`], and inlined into one function for each instruction set. Every
//! operation is a single IEEE one in every lane, and nothing is fused, so all of them give the same bits.
//!
//! A closure may not be inlined, and what is not has no vector instructions: each operation is a call then, through memory. So
//! what kernels hand on are numbers and `#[inline(always)]` functions. `nm` finds none of `_mm256_` in a release build.

// Kernels must be inlined into the function that has the processor's instructions; integers are kept in the bits of
// lanes.
#![allow(
    clippy::inline_always,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::many_single_char_names
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
mod isa;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
pub(crate) use isa::{Isa, LANES, TO_INTEGER, eight, eight_mut};
pub(crate) use portable::Portable;

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
        $vis fn $name(best: $crate::lanes::Best, $($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
            fn avx2(isa: $crate::lanes::Avx2, $($arg: $type),*) $(-> $result)? {
                $kernel(isa, $($arg),*)
            }
            match best {
                $crate::lanes::Best::Portable(isa) => $kernel(isa, $($arg),*),
                #[cfg(target_arch = "x86_64")]
                #[allow(unsafe_code)]
                // SAFETY: an `Avx2` exists only where the processor has all of these.
                $crate::lanes::Best::Avx2(isa) => unsafe { avx2(isa, $($arg),*) },
            }
        }
    };
}
pub(crate) use dispatch;
