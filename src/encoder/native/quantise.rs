//! Quantising the lines of a part with the gains of its bands.

use super::bands::{Bands, LINES, MAX_BANDS};
use super::demand::LOG2_STEP;
use super::f8::{F8, LANES};
use super::gains::gain_of;
use super::huffman::MAX_MAGNITUDE;
use super::math::exp2;
use super::part::Part;
use super::signal::Signal;

/// What is added before the fraction is cut off: less than a half, as small magnitudes are more frequent within a step.
const ROUNDING: f32 = 0.405_4;
/// A line vanishes if it is less than this many steps.
pub(crate) const VANISHING: f32 = 1.0 - ROUNDING;
/// Adding it leaves the nearest integer in the low bits.
const TO_INTEGER: f32 = 8_388_608.0;

/// Quantises `signal` into `part`, all but the bands that are not heard.
#[inline(always)]
pub(crate) fn quantise(part: &mut Part, signal: &Signal, bands: &Bands, heard: &[bool; MAX_BANDS]) {
    let mut inverse = [0.0; MAX_BANDS];
    loop {
        for band in 0..bands.count {
            inverse[band] = -LOG2_STEP * gain_of(part, band) as f32;
        }
        let mut greatest = F8::ZERO;
        for at in (0..MAX_BANDS).step_by(LANES) {
            exp2(F8::load(&inverse[at..])).store(&mut inverse[at..]);
        }
        for band in 0..MAX_BANDS {
            if band >= bands.count || !heard[band] {
                inverse[band] = 0.0;
            }
        }
        for at in (0..MAX_BANDS).step_by(LANES) {
            greatest = greatest.max(F8::load(&inverse[at..]) * F8::load(&signal.greatest[at..]));
        }
        // What cannot be coded is quantised more coarsely, however fine it should be.
        if greatest.greatest() < f32::from(MAX_MAGNITUDE) || part.global_gain == u8::MAX {
            break;
        }
        part.global_gain += 1;
    }

    let mut steps = [0.0; LINES + LANES];
    for band in 0..bands.count {
        let step = F8::splat(inverse[band]);
        let mut at = usize::from(bands.start[band]);
        // A vector that reaches beyond its band is put right by the next one.
        while at < usize::from(bands.start[band + 1]) {
            step.store(&mut steps[at..]);
            at += LANES;
        }
    }
    let round = F8::splat(ROUNDING - 0.5);
    let integer = F8::splat(TO_INTEGER);
    let most = F8::splat(f32::from(MAX_MAGNITUDE));
    for (vector, magnitudes) in part.spectrum.magnitudes.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let at = LANES * vector;
        let scaled = (F8::load(&signal.power[at..]) * F8::load(&steps[at..]) + round).max(F8::ZERO).min(most);
        let integers = scaled + integer;
        for lane in 0..LANES {
            magnitudes[lane] = integers.0[lane].to_bits() as u16;
        }
    }
}
