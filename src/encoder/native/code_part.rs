//! One part coded at one offset of the noise: gains, magnitudes, tables.

use super::bands::{Bands, MAX_BANDS};
use super::demand::{Demand, LOG2_STEP};
use super::gains::{Wanted, choose};
use super::math::exp2;
use super::part::{MAX_PART_BITS, Part};
use super::quantise::{VANISHING, quantise};
use super::signal::{Signal, Work};
use crate::lanes::{Best, Isa, LANES, dispatch, eight, eight_mut};

/// What a part is coded from.
pub(crate) struct Source<'a> {
    pub(crate) signal: &'a Signal,
    /// Its lines from this one on are all zero.
    pub(crate) used: usize,
    pub(crate) demand: &'a Demand,
    /// How far the global gain may lie above what the bands without scale factors want, in steps.
    pub(crate) slack: f32,
    pub(crate) bands: &'a Bands,
    pub(crate) mpeg1: bool,
    /// The channel's part of the first granule, where this is of the second.
    pub(crate) first: Option<&'a Part>,
}

/// Codes a part, whose block type is set, at an offset of the noise; where that is longer than can be told, more coarsely.
/// Returns its bits, and whether that was so.
#[inline(always)]
pub(crate) fn code_within<I: Isa>(
    (isa, best): (I, Best),
    part: &mut Part,
    source: &Source<'_>,
    offset: f32,
    work: &mut Work,
) -> (u32, bool) {
    let mut code = |offset| {
        code_part(best, part, source, offset, work);
        part.bits()
    };
    let bits = code(offset);
    if bits <= MAX_PART_BITS {
        return (bits, false);
    }
    let slope = source.demand.bits(isa, offset).1;
    (shorten(offset, bits, slope, &mut code), true)
}

dispatch! {
    /// Chooses the gains of a part, whose block type is set, at an offset of the noise, and quantises it.
    fn code_part(part: &mut Part, source: &Source<'_>, offset: f32, work: &mut Work) = code_part_kernel
}

#[inline(always)]
fn code_part_kernel<I: Isa>(isa: I, part: &mut Part, source: &Source<'_>, offset: f32, work: &mut Work) {
    let &Source { signal, used, demand, slack, bands, mpeg1, first } = source;
    let mut gain = [0.0; MAX_BANDS];
    let mut lines = [0.0; MAX_BANDS];
    let mut heard = [0.0; MAX_BANDS];
    for at in (0..MAX_BANDS).step_by(LANES) {
        let wanted = isa.load(eight(&demand.gain, at)) + isa.splat(offset);
        isa.store(wanted, eight_mut(&mut gain, at));
        isa.store(demand.lines(isa, offset, at), eight_mut(&mut lines, at));
        let steps = isa.load(eight(&signal.greatest, at)) * exp2(isa, wanted * isa.splat(-LOG2_STEP));
        let in_use = demand.in_use(isa, at);
        let in_use = isa.if_positive(steps - isa.splat(VANISHING), in_use, isa.splat(0.0));
        isa.store(in_use, eight_mut(&mut heard, at));
    }
    let wanted = Wanted { gain: &gain, lines: &lines, heard: &heard, slack };
    choose(isa, part, &wanted, mpeg1, first);
    let largest = quantise(isa, part, signal, used, bands, &heard, work);
    part.negative = signal.negative;
    part.spectrum.choose(&largest, bands, part.block);
}

/// Codes a part that is longer than can be told anew, more coarsely, and nearly as long as can be told. Returns its bits.
#[cold]
fn shorten(offset: f32, bits: u32, slope: f32, code: &mut impl FnMut(f32) -> u32) -> u32 {
    const NEAR: u32 = MAX_PART_BITS - 200;
    const AIM: f32 = (MAX_PART_BITS - 100) as f32;
    const TRIALS: u32 = 7;
    let mut fine = (offset, bits as f32);
    let mut coarse: Option<(f32, f32)> = None;
    let mut step = ((fine.1 - AIM) / slope.max(1.0)).clamp(1.0, 16.0);
    for trial in 0.. {
        // On the line through the nearest offsets on both sides, but not too near to either.
        let next = match coarse {
            Some(coarse) => {
                let share = (fine.1 - AIM) / (fine.1 - coarse.1).max(1.0);
                fine.0 + (coarse.0 - fine.0) * share.clamp(0.1, 0.9)
            }
            None => fine.0 + step,
        };
        let bits = code(next);
        if bits > MAX_PART_BITS {
            fine = (next, bits as f32);
            step *= 1.5;
        } else if bits >= NEAR || trial >= TRIALS {
            return bits;
        } else {
            coarse = Some((next, bits as f32));
        }
        if let Some(coarse) = coarse.filter(|_| trial >= TRIALS) {
            return code(coarse.0);
        }
    }
    bits
}
