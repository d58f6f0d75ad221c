//! The hot loop, compiled for what the processor can do.
//!
//! It is the same code for all, so that it gives the same samples; only the instructions differ.

use super::bits::Bits;
use super::error::Fault;
use super::predict::Predictor;
use super::rice::read_rice;

/// A set of instructions.
pub(super) trait Instructions {
    /// [`read_rice`], compiled with them.
    fn read_rice<'a, P: Predictor>(
        bits: Bits<'a>,
        k: u32,
        predictor: &mut P,
        samples: &mut [i32],
    ) -> Result<Bits<'a>, Fault>;
}

/// Those that every processor has.
pub(super) struct Any;

impl Instructions for Any {
    fn read_rice<'a, P: Predictor>(
        bits: Bits<'a>,
        k: u32,
        predictor: &mut P,
        samples: &mut [i32],
    ) -> Result<Bits<'a>, Fault> {
        read_rice(bits, k, predictor, samples)
    }
}

/// BMI1, BMI2 and LZCNT: shifts by a variable and leading zeros in one instruction each. Only to be used where [`is_there`](Self::is_there) says so.
#[cfg(target_arch = "x86_64")]
pub(super) struct Bmi;

#[cfg(target_arch = "x86_64")]
impl Bmi {
    pub(super) fn is_there() -> bool {
        is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
    }
}

#[cfg(target_arch = "x86_64")]
impl Instructions for Bmi {
    fn read_rice<'a, P: Predictor>(
        bits: Bits<'a>,
        k: u32,
        predictor: &mut P,
        samples: &mut [i32],
    ) -> Result<Bits<'a>, Fault> {
        #[target_feature(enable = "bmi1,bmi2,lzcnt")]
        fn compiled<'a, P: Predictor>(
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
            compiled(bits, k, predictor, samples)
        }
    }
}
