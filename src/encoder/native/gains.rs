//! From the gains that bands want to a global gain and scale factors.

use super::bands::MAX_BANDS;
use super::granule::Block;
use super::part::Part;
use super::scalefactors::{PRETAB, Packing, limits};
use crate::lanes::{Isa, LANES, TO_INTEGER, eight};

/// The field of a gain of 0.
const ZERO_GAIN: i32 = 210;
/// The bits that a line in use is worth for each square of a step that its gain is off: a spread of the
/// noise in dB of d raises its mean power by 0.115 d^2 dB, and 6.02 dB are a bit.
const BITS_PER_SQUARE: f32 = 0.043;

/// What the gains of a part are chosen from.
pub(crate) struct Wanted<'a> {
    /// The gain by band.
    pub(crate) gain: &'a [f32; MAX_BANDS],
    /// The lines in use by band: what a deviation costs.
    pub(crate) lines: &'a [f32; MAX_BANDS],
    /// 1 for bands with a line that does not vanish at the gain that they want, 0 for others.
    pub(crate) heard: &'a [f32; MAX_BANDS],
    /// How far the global gain may lie above what bands without scale factors want.
    pub(crate) slack: f32,
}

/// The most that each scale factor can be: as [`limits`] says, in the first row, and with the preflag in MPEG-2; of
/// long and of short blocks. 0 for bands without one.
static LIMITS: [[[f32; MAX_BANDS]; 2]; 2] = {
    let mut table = [[[0.0; MAX_BANDS]; 2]; 2];
    let mut row = 0;
    while row < 2 {
        let limits = limits(row == 0, true);
        let mut band = 0;
        while band < 36 {
            if band < 21 {
                table[row][0][band] = limits[(band >= 11) as usize] as f32;
            }
            table[row][1][band] = limits[(band >= 18) as usize] as f32;
            band += 1;
        }
        row += 1;
    }
    table
};

/// What the preflag adds.
static PREFLAG: [f32; MAX_BANDS] = {
    let mut table = [0.0; MAX_BANDS];
    let mut band = 0;
    while band < PRETAB.len() {
        table[band] = PRETAB[band] as f32;
        band += 1;
    }
    table
};
static NO_PREFLAG: [f32; MAX_BANDS] = [0.0; MAX_BANDS];

/// A way to approach the wanted gains, and what it costs in bits.
struct Choice {
    cost: f32,
    coarse: bool,
    preflag: bool,
    scale: [u8; MAX_BANDS],
    packing: Packing,
}

/// Sets global gain, window gains and scale factors of `part`, whose block type is set. Groups of `first`, the part of the
/// first granule, are shared where that is cheaper.
#[inline(always)]
pub(crate) fn choose<I: Isa>(
    isa: I,
    part: &mut Part,
    wanted: &Wanted<'_>,
    mpeg1: bool,
    first: Option<&Part>,
) {
    part.shared = [false; 4];
    part.window_gain = [0; 3];
    let short = part.block == Block::Short;
    let coded = if short { 36 } else { 21 };
    let ends = if short { 39 } else { 22 };
    // The gains to reach, each in its window's own scale.
    let mut gain = *wanted.gain;
    let mut top = f32::MIN;
    if short {
        let mut tops = [f32::MIN; 3];
        for band in 0..coded {
            if wanted.heard[band] > 0.0 {
                tops[band % 3] = tops[band % 3].max(gain[band]);
            }
        }
        for window in 0..3 {
            let end = coded + window;
            if wanted.heard[end] > 0.0 {
                let limit = gain[end] + wanted.slack;
                tops[window] = if tops[window] == f32::MIN { limit } else { tops[window].min(limit) };
            }
            top = top.max(tops[window]);
        }
        for window in 0..3 {
            if tops[window] > f32::MIN {
                part.window_gain[window] = ((top - tops[window]) / 8.0).clamp(0.0, 7.0) as u8;
            }
            for band in (window..ends).step_by(3) {
                gain[band] += 8.0 * f32::from(part.window_gain[window]);
            }
        }
    } else {
        for band in 0..coded {
            if wanted.heard[band] > 0.0 && gain[band] > top {
                top = gain[band];
            }
        }
        if wanted.heard[coded] > 0.0 {
            let limit = gain[coded] + wanted.slack;
            top = if top == f32::MIN { limit } else { top.min(limit) };
        }
    }
    if top == f32::MIN {
        // Nothing is heard.
        silence(part, mpeg1);
        return;
    }
    let top = round(top);

    let mut best: Option<Choice> = None;
    for (coarse, preflag) in [(false, false), (true, false), (false, true), (true, true)] {
        if preflag && short {
            continue;
        }
        let choice = approach(isa, &gain, wanted, top as f32, coarse, preflag, short, mpeg1);
        if best.as_ref().is_none_or(|best| choice.cost < best.cost) {
            best = Some(choice);
        }
    }
    let Some(best) = best else { return };
    if let Some(first) = first.filter(|first| mpeg1 && !short && first.block != Block::Short) {
        let (cost, top) = as_first(&gain, wanted, first);
        if cost < best.cost {
            part.global_gain = field(top);
            (part.coarse, part.preflag, part.scale) = (first.coarse, first.preflag, first.scale);
            part.shared = [true; 4];
            part.packing = Packing::cheapest(&part.scale, false, true, part.preflag, part.shared);
            return;
        }
    }
    part.global_gain = field(top);
    (part.coarse, part.preflag, part.scale) = (best.coarse, best.preflag, best.scale);
    part.packing = best.packing;
}

/// No scale factors.
pub(crate) fn silence(part: &mut Part, mpeg1: bool) {
    part.scale = [0; MAX_BANDS];
    (part.coarse, part.preflag, part.shared) = (false, false, [false; 4]);
    part.window_gain = [0; 3];
    part.global_gain = field(0);
    part.packing = Packing::cheapest(&part.scale, part.block == Block::Short, mpeg1, false, part.shared);
}

#[inline(always)]
fn approach<I: Isa>(
    isa: I,
    gain: &[f32; MAX_BANDS],
    wanted: &Wanted<'_>,
    top: f32,
    coarse: bool,
    preflag: bool,
    short: bool,
    mpeg1: bool,
) -> Choice {
    let (step, per_step) = if coarse { (4.0, 0.25) } else { (2.0, 0.5) };
    let limits = &LIMITS[usize::from(!mpeg1 && preflag)][usize::from(short)];
    let pre = if preflag { &PREFLAG } else { &NO_PREFLAG };
    let top = isa.splat(top);
    let integer = isa.splat(TO_INTEGER);
    let mut scale = [0; MAX_BANDS];
    let mut cost = isa.splat(0.0);
    for at in (0..if short { MAX_BANDS } else { 24 }).step_by(LANES) {
        let (limit, pre) = (isa.load(eight(limits, at)), isa.load(eight(pre, at)));
        let (gain, heard) = (isa.load(eight(gain, at)), isa.load(eight(wanted.heard, at)));
        let below = (top - gain) * isa.splat(per_step) - pre;
        let rounded = isa.min(isa.max(below, isa.splat(0.0)), limit) * heard + integer;
        let off = top - isa.splat(step) * ((rounded - integer) + pre) - gain;
        let weight = isa.if_positive(limit, isa.load(eight(wanted.lines, at)) * heard, isa.splat(0.0));
        cost = cost + weight * off * off;
        let mut eight = [0; LANES];
        isa.store_integers(rounded, &mut eight);
        for (scale, factor) in scale[at..].iter_mut().zip(eight) {
            *scale = factor as u8;
        }
    }
    let packing = Packing::cheapest(&scale, short, mpeg1, preflag, [false; 4]);
    let cost = packing.bits([false; 4]) as f32 + BITS_PER_SQUARE * isa.sum(cost);
    Choice { cost, coarse, preflag, scale, packing }
}

/// What the scale factors of the first granule would cost, and the global gain for them.
#[inline(always)]
fn as_first(gain: &[f32; MAX_BANDS], wanted: &Wanted<'_>, first: &Part) -> (f32, i32) {
    let mut tops = [0.0; MAX_BANDS];
    let (mut sum, mut lines) = (0.0, 0.0);
    for band in 0..22 {
        if wanted.heard[band] > 0.0 {
            tops[band] = gain[band] + below_top(first, band) as f32;
            sum += wanted.lines[band] * tops[band];
            lines += wanted.lines[band];
        }
    }
    if lines < 0.5 {
        return (f32::MAX, 0);
    }
    let top = round(sum / lines);
    let mut cost = 0.0;
    for band in 0..22 {
        if wanted.heard[band] > 0.0 {
            let off = top as f32 - tops[band];
            cost += wanted.lines[band] * off * off;
        }
    }
    (BITS_PER_SQUARE * cost, top)
}

/// How far the gain of a band lies below the global gain.
#[inline(always)]
pub(crate) fn below_top(part: &Part, band: usize) -> i32 {
    let shift = if part.coarse { 2 } else { 1 };
    if part.block == Block::Short {
        return (i32::from(part.scale[band]) << shift) + 8 * i32::from(part.window_gain[band % 3]);
    }
    let pre = if part.preflag && band < PRETAB.len() { PRETAB[band] } else { 0 };
    i32::from(part.scale[band] + pre) << shift
}

/// The gain of a band in steps of 2^(1/4).
#[inline(always)]
pub(crate) fn gain_of(part: &Part, band: usize) -> i32 {
    i32::from(part.global_gain) - ZERO_GAIN - below_top(part, band)
}

/// The field of a global gain, as near as it can be told.
pub(crate) fn field(gain: i32) -> u8 {
    (gain + ZERO_GAIN).clamp(0, 255) as u8
}

/// The nearest integer.
#[inline(always)]
fn round(x: f32) -> i32 {
    let x = x.clamp(-300.0, 300.0) + 512.5;
    x as i32 - 512
}
