//! Quantising the lines of a part with the gains of its bands.

use super::bands::{Bands, MAX_BANDS};
use super::demand::LOG2_STEP;
use super::gains::gain_of;
use super::huffman::MAX_MAGNITUDE;
use super::math::exp2;
use super::part::Part;
use super::signal::{Signal, Work};
use crate::lanes::{Isa, LANES, TO_INTEGER, eight, eight_mut};

/// What is added before the fraction is cut off: less than a half, as small magnitudes are more frequent within a step.
const ROUNDING: f32 = 0.405_4;
/// A line vanishes if it is less than this many steps.
pub(crate) const VANISHING: f32 = 1.0 - ROUNDING;

/// Quantises the first `used` lines of `signal`, behind which all are zero, into `part`, but for the bands that are not
/// heard: those whose lane in `heard` is 0 instead of 1. Returns the largest magnitude of each band. `steps` is overwritten.
#[inline(always)]
pub(crate) fn quantise<I: Isa>(
    isa: I,
    part: &mut Part,
    signal: &Signal,
    used: usize,
    bands: &Bands,
    heard: &[f32; MAX_BANDS],
    steps: &mut Work,
) -> [u16; MAX_BANDS] {
    let mut inverse = [0.0; MAX_BANDS];
    loop {
        for band in 0..bands.count {
            inverse[band] = -LOG2_STEP * gain_of(part, band) as f32;
        }
        let mut greatest = isa.splat(0.0);
        for at in (0..MAX_BANDS).step_by(LANES) {
            let step = exp2(isa, isa.load(eight(&inverse, at))) * isa.load(eight(heard, at));
            greatest = isa.max(greatest, step * isa.load(eight(&signal.greatest, at)));
            isa.store(step, eight_mut(&mut inverse, at));
        }
        // What cannot be coded is quantised more coarsely, however fine it should be.
        if isa.greatest(greatest) < f32::from(MAX_MAGNITUDE) || part.global_gain == u8::MAX {
            break;
        }
        part.global_gain += 1;
    }

    for band in 0..bands.count {
        let step = isa.splat(inverse[band]);
        let mut at = usize::from(bands.start[band]);
        // A vector that reaches beyond its band is put right by the next one.
        while at < usize::from(bands.start[band + 1]).min(used) {
            isa.store(step, eight_mut(steps, at));
            at += LANES;
        }
    }
    let round = isa.splat(ROUNDING - 0.5);
    let most = isa.splat(f32::from(MAX_MAGNITUDE));
    let (sounding, silent) = part.spectrum.magnitudes.split_at_mut(LANES * used.div_ceil(LANES));
    silent.fill(0);
    for (vector, magnitudes) in sounding.as_chunks_mut().0.iter_mut().enumerate() {
        let at = LANES * vector;
        let scaled = isa.load(eight(&signal.power, at)) * isa.load(eight(steps, at)) + round;
        let scaled = isa.min(isa.max(scaled, isa.splat(0.0)), most);
        isa.store_integers(scaled + isa.splat(TO_INTEGER), magnitudes);
    }
    // The greater a line, the greater what it becomes.
    let mut largest = [0; MAX_BANDS];
    for (vector, largest) in largest.as_chunks_mut().0.iter_mut().enumerate() {
        let at = LANES * vector;
        let scaled = isa.load(eight(&signal.greatest, at)) * isa.load(eight(&inverse, at)) + round;
        let scaled = isa.min(isa.max(scaled, isa.splat(0.0)), most);
        isa.store_integers(scaled + isa.splat(TO_INTEGER), largest);
    }
    largest
}
