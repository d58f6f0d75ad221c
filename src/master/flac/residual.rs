//! Residuals: what prediction left over, coded by Rice's codes (RFC 9639, section 9.2.7).

use super::bits::Bits;
use super::error::Fault;
use super::instructions::Instructions;
use super::predict::{PAD, Predictor};
use super::rice;

/// Reads the residual of `predictor` and has it restored: `samples` are [`PAD`] zeros and the block, of which
/// the first `order` samples are there. False if a sample is too wide.
#[inline(always)]
pub(super) fn restore<I: Instructions, P: Predictor>(
    bits: &mut Bits<'_>,
    order: usize,
    mut predictor: P,
    samples: &mut [i32],
) -> Result<bool, Fault> {
    let width = match bits.read_u32(2)? {
        0 => 4,
        1 => 5,
        _ => return Err(Fault::Reserved("coding of a residual")),
    };
    let partition_order = bits.read_u32(4)?;
    let block = samples.len() - PAD;
    let len = block >> partition_order;
    if len << partition_order != block {
        return Err(Fault::Forbidden("partitions that do not divide the block"));
    }
    // The RFC wants more than `order`; encoders write, and decoders take, as many.
    if len < order {
        return Err(Fault::Forbidden("a partition shorter than the predictor"));
    }
    let escape = (1 << width) - 1;
    let mut start = PAD + order;
    for end in (PAD + len..=samples.len()).step_by(len) {
        let partition = &mut samples[start - P::BACK..end];
        *bits = match bits.read_u32(width)? {
            k if k == escape => read_plain(*bits, &mut predictor, partition)?,
            k if k <= rice::FAST => I::read_rice(*bits, k, &mut predictor, partition)?,
            k => rice::read_long(*bits, k, &mut predictor, partition)?,
        };
        start = end;
    }
    Ok(predictor.is_narrow())
}

/// A partition whose numbers stand there as they are. `samples` here and below: those that the predictor
/// looks back on, then the partition.
fn read_plain<'a, P: Predictor>(
    mut bits: Bits<'a>,
    predictor: &mut P,
    samples: &mut [i32],
) -> Result<Bits<'a>, Fault> {
    let width = bits.read_u32(5)?;
    let mut state = predictor.state();
    for at in 0..samples.len() - P::BACK {
        let residual = if width == 0 { 0 } else { bits.read_signed(width)? as i32 };
        predictor.one(&mut state, residual, &mut samples[at..]);
    }
    predictor.keep(state);
    Ok(bits)
}
