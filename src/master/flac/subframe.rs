//! Subframes: one channel of a frame (RFC 9639, section 9.2).

use super::bits::Bits;
use super::error::Fault;
use super::fours::Fours;
use super::instructions::{Any, Instructions};
use super::predict::{self, Differences, Linear, PAD, Pairs, Widest};
use super::residual;

const TOO_LONG: &str = "a predictor longer than its block";

/// What a subframe is, by its header.
enum Kind {
    Constant,
    Verbatim,
    /// Of this order.
    Fixed(usize),
    /// Of this order.
    Linear(usize),
}

/// The header: what the subframe is, and how many low bits of its samples are zero and left out.
fn header(bits: &mut Bits<'_>, width: u32) -> Result<(Kind, u32), Fault> {
    let code = bits.read_u32(8)?;
    if code >> 7 != 0 {
        return Err(Fault::Reserved("bit in a subframe"));
    }
    let kind = match code >> 1 {
        0 => Kind::Constant,
        1 => Kind::Verbatim,
        order @ 8..=12 => Kind::Fixed(order as usize - 8),
        order @ 32..=63 => Kind::Linear(order as usize - 31),
        _ => return Err(Fault::Reserved("kind of subframe")),
    };
    let wasted = if code & 1 == 0 { 0 } else { bits.read_unary(width)? + 1 };
    if wasted >= width {
        return Err(Fault::Forbidden("a subframe all of whose bits are wasted"));
    }
    Ok((kind, wasted))
}

/// A predictor's coefficients.
fn linear(bits: &mut Bits<'_>, order: usize) -> Result<Linear, Fault> {
    let precision = bits.read_u32(4)? + 1;
    if precision == 16 {
        return Err(Fault::Forbidden("coefficients of 16 bits"));
    }
    let shift = bits.read_u32(5)?;
    if shift >= 16 {
        return Err(Fault::Forbidden("a predictor that shifts to the left"));
    }
    let mut coefs = [0; PAD];
    for coef in &mut coefs[..order] {
        *coef = signed(bits, precision)?;
    }
    Ok(Linear { coefs, order, shift })
}

/// A number of up to 32 bits.
#[inline(always)]
fn signed(bits: &mut Bits<'_>, width: u32) -> Result<i32, Fault> {
    debug_assert!(width <= 32);
    bits.read_signed(width).map(|value| value as i32)
}

/// Decodes a subframe whose samples have up to 32 bits. `samples` are [`PAD`] zeros and the block.
pub(super) fn read<I: Instructions>(
    bits: &mut Bits<'_>,
    width: u32,
    samples: &mut [i32],
) -> Result<(), Fault> {
    let (kind, wasted) = header(bits, width)?;
    let stored = width - wasted;
    let block = &mut samples[PAD..];
    let is_narrow = match kind {
        Kind::Constant => {
            block.fill(signed(bits, stored)?);
            true
        }
        Kind::Verbatim => {
            for sample in block {
                *sample = signed(bits, stored)?;
            }
            true
        }
        Kind::Fixed(order) => {
            first(bits, order, stored, block)?;
            restore_fixed::<I>(bits, order, stored, samples)?
        }
        Kind::Linear(order) => {
            first(bits, order, stored, block)?;
            let linear = linear(bits, order)?;
            restore_linear::<I>(bits, &linear, stored, samples)?
        }
    };
    let block = &mut samples[PAD..];
    if !is_narrow || !predict::fit(block, stored) {
        return Err(Fault::Width(stored));
    }
    if wasted > 0 {
        for sample in block {
            *sample <<= wasted;
        }
    }
    Ok(())
}

fn restore_fixed<I: Instructions>(
    bits: &mut Bits<'_>,
    order: usize,
    stored: u32,
    samples: &mut [i32],
) -> Result<bool, Fault> {
    let first = &samples[PAD..];
    match order {
        // Sums of so many differences need four bits more.
        1..=4 if stored > 28 => residual::restore::<I, _>(
            bits,
            order,
            Fours::<I, i64, 4>::new(&Linear::fixed(order), first),
            samples,
        ),
        0 => residual::restore::<I, _>(bits, order, Differences::<0>::new(first), samples),
        1 => residual::restore::<I, _>(bits, order, Differences::<1>::new(first), samples),
        2 => residual::restore::<I, _>(bits, order, Differences::<2>::new(first), samples),
        3 => residual::restore::<I, _>(bits, order, Differences::<3>::new(first), samples),
        _ => residual::restore::<I, _>(bits, order, Differences::<4>::new(first), samples),
    }
}

fn restore_linear<I: Instructions>(
    bits: &mut Bits<'_>,
    linear: &Linear,
    stored: u32,
    samples: &mut [i32],
) -> Result<bool, Fault> {
    let order = linear.order;
    macro_rules! with {
        ($predictor:expr) => {
            residual::restore::<I, _>(bits, order, $predictor, samples)
        };
    }
    // The least size that has all coefficients; the others are 0.
    macro_rules! of_order {
        ($predictor:ident $(, $param:ty)*) => {
            match order {
                ..=4 => with!($predictor::<$($param,)* 4>::new(linear, &samples[PAD..])),
                5..=6 => with!($predictor::<$($param,)* 6>::new(linear, &samples[PAD..])),
                7..=8 => with!($predictor::<$($param,)* 8>::new(linear, &samples[PAD..])),
                9..=10 => with!($predictor::<$($param,)* 10>::new(linear, &samples[PAD..])),
                11..=12 => with!($predictor::<$($param,)* 12>::new(linear, &samples[PAD..])),
                13..=16 => with!($predictor::<$($param,)* 16>::new(linear, &samples[PAD..])),
                17..=24 => with!($predictor::<$($param,)* 24>::new(linear, &samples[PAD..])),
                _ => with!($predictor::<$($param,)* 32>::new(linear, &samples[PAD..])),
            }
        };
    }
    match (order, linear.is_short(stored)) {
        (..=2, true) => with!(Pairs::<2>::new(linear, &samples[PAD..])),
        (7.., true) if I::VECTORS => of_order!(Fours, I, i32),
        (_, true) => of_order!(Pairs),
        (_, false) => of_order!(Fours, I, i64),
    }
}

/// The samples that a predictor starts with.
fn first(bits: &mut Bits<'_>, order: usize, stored: u32, block: &mut [i32]) -> Result<(), Fault> {
    let Some(first) = block.get_mut(..order) else {
        return Err(Fault::Forbidden(TOO_LONG));
    };
    for sample in first {
        *sample = signed(bits, stored)?;
    }
    Ok(())
}

/// Decodes a subframe of samples of 32 or 33 bits into `samples`. `scratch` is [`PAD`] and the
/// block long.
pub(super) fn read_widest(
    bits: &mut Bits<'_>,
    width: u32,
    scratch: &mut [i32],
    samples: &mut Vec<i64>,
) -> Result<(), Fault> {
    let (kind, wasted) = header(bits, width)?;
    let stored = width - wasted;
    let len = scratch.len() - PAD;
    samples.clear();
    match kind {
        Kind::Constant => samples.resize(len, bits.read_signed(stored)?),
        Kind::Verbatim => {
            for _ in 0..len {
                samples.push(bits.read_signed(stored)?);
            }
        }
        Kind::Fixed(order) | Kind::Linear(order) => {
            if order > len {
                return Err(Fault::Forbidden(TOO_LONG));
            }
            for _ in 0..order {
                samples.push(bits.read_signed(stored)?);
            }
            let linear = if let Kind::Linear(_) = kind { linear(bits, order)? } else { Linear::fixed(order) };
            if !residual::restore::<Any, _>(bits, order, Widest::new(linear, samples), scratch)? {
                return Err(Fault::Width(stored));
            }
        }
    }
    if samples.iter().any(|sample| sample << (64 - stored) >> (64 - stored) != *sample) {
        return Err(Fault::Width(stored));
    }
    for sample in samples {
        *sample <<= wasted;
    }
    Ok(())
}
