//! What a VBR quality means: how fine the noise is.
//!
//! At a fixed offset of the noise, sparse sounds get few bits and dense ones many: more unevenly than they are heard. So the
//! offset depends on the bits that a frame would take: half of the usual makes the noise finer. The numbers are chosen so
//! that music comes out at the same mean bitrates as LAME's.

use super::math::log2;
use crate::lanes::Isa;

/// By quality, 0 to 9: the offset of the noise, in steps, of a frame that takes [`USUAL`] bits a line.
const OFFSETS: [f32; 10] = [-26.6, -24.7, -22.85, -21.9, -20.65, -18.85, -17.2, -15.85, -15.25, -14.95];
/// By quality: the bits a line of music in stereo at 44.1 kHz.
const USUAL: [f32; 10] = [2.58, 2.32, 2.08, 1.96, 1.80, 1.59, 1.43, 1.27, 1.22, 0.85];
/// Steps for a doubling of the bits at the best quality, less one for each quality below: where all noise is coarse, dense
/// sounds cannot spare what makes it finer in sparse ones.
const EVENING: f32 = 11.0;
/// The most steps that noise becomes finer, and coarser. Attacks take many bits, and need them.
const FINER: f32 = 12.0;
const COARSER: f32 = 4.0;
const ATTACK: f32 = -3.0;

/// A quality, made ready for one sampling rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quality {
    /// The offset, in steps, for the usual bits.
    pub(crate) offset: f32,
    /// The usual bits of a line.
    usual: f32,
    /// Steps for a doubling of the bits.
    evening: f32,
}

impl Quality {
    /// For a quality of 0 (best) to 9.999, at `rate` hertz.
    pub(crate) fn new(quality: f32, rate: u32) -> Self {
        let below = (quality as usize).min(8);
        let part = quality - below as f32;
        let at = |table: &[f32; 10]| table[below] + part * (table[below + 1] - table[below]);
        let (more, finer) = of_rate(rate);
        Self { offset: at(&OFFSETS) - finer, usual: at(&USUAL) * more, evening: EVENING - quality }
    }

    /// The offset for a frame that takes so many bits a line at the usual one; in an attack noise is always finer.
    #[inline(always)]
    pub(crate) fn offset_at<I: Isa>(self, isa: I, bits: f32, attack: bool) -> f32 {
        let octaves = isa.greatest(log2(isa, isa.splat(bits / self.usual)));
        let most = if attack { ATTACK } else { COARSER };
        self.offset + (self.evening * octaves).clamp(-FINER, most)
    }
}

/// The usual bits of a line at other rates, as parts of those at 44.1 kHz, since low frequencies take more; and by how
/// many steps noise is finer there.
fn of_rate(rate: u32) -> (f32, f32) {
    match rate {
        48_000 => (0.94, -0.7),
        32_000 => (1.21, -0.3),
        24_000 => (1.17, -1.15),
        22_050 => (1.18, -0.65),
        16_000 => (1.38, 1.5),
        12_000 | 11_025 => (1.40, 1.5),
        8_000 => (1.49, 1.5),
        _ => (1.0, 0.0),
    }
}
