//! How many bits a frame may take, and how coarse its noise is.

use super::bands::LINES;
use super::demand::{Demand, offset_for, total_bits};
use super::lanes::Isa;
use super::vbr::Quality;

/// How bits are spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Spending {
    /// Every frame has the same size, but for padding.
    Constant,
    /// Frames of any size, with a mean.
    Average {
        /// Bits of main data a frame, in the mean.
        bits: f32,
    },
    /// Frames of any size, with an offset of the noise that depends on little else.
    Quality(Quality),
}

/// What a frame may take in bits of main data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Less would be lost.
    pub(crate) least: f32,
    /// More does not fit.
    pub(crate) most: f32,
    /// What a frame has itself.
    pub(crate) own: f32,
    /// What the reservoir holds at most.
    pub(crate) reservoir: f32,
}

/// How many of the last frames of a segment empty the reservoir.
const CLOSING_FRAMES: u64 = 8;
/// How full the reservoir should be.
const FILL: f32 = 0.6;
/// How much of the distance from that is made good in a frame.
const REFILL: f32 = 0.15;
/// How much of what a frame wants beyond the mean it is granted.
const GRANTED: f32 = 0.8;
/// How fast the mean offset follows.
const FOLLOW: f32 = 0.02;
/// How fast the difference of real bits from predicted ones is learned.
const LEARN: f32 = 0.05;
/// Noise that is finer than this in the mean is of no use.
const FINEST_MEAN: f32 = -80.0;
/// The debt of an average, in frames, that is paid back in a frame.
const PAY: f32 = 0.02;

/// The state of the control.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    spending: Spending,
    /// The mean of the offsets that fit the mean rate, in steps.
    mean_offset: Option<f32>,
    /// Bits that frames took beyond what was predicted, in the mean.
    beyond: f32,
    /// Bits that frames have taken beyond the average.
    debt: f32,
}

impl Rate {
    pub(crate) fn new(spending: Spending) -> Self {
        Self { spending, mean_offset: None, beyond: 200.0, debt: 0.0 }
    }

    /// The offset to start with, for what is asked of a frame.
    #[inline(always)]
    pub(crate) fn offset<I: Isa>(
        &mut self,
        isa: I,
        limits: Limits,
        frames_left: Option<u64>,
        demands: &[&Demand],
        attack: bool,
    ) -> f32 {
        let (own, extra) = match self.spending {
            Spending::Quality(quality) => {
                let lines = (LINES * demands.len()) as f32;
                return quality.offset_at(isa, total_bits(isa, demands, quality.offset).0 / lines, attack);
            }
            Spending::Constant => {
                let fill = match frames_left {
                    Some(left) if left <= CLOSING_FRAMES => {
                        FILL * left.saturating_sub(1) as f32 / CLOSING_FRAMES as f32
                    }
                    _ => FILL,
                };
                let held = limits.most - limits.own;
                let refill =
                    if frames_left.is_some_and(|left| left <= CLOSING_FRAMES) { 1.0 } else { REFILL };
                (limits.own, refill * (held - fill * limits.reservoir))
            }
            Spending::Average { bits } => (bits, -PAY * self.debt),
        };
        let fitting = offset_for(isa, demands, own - self.beyond, self.mean_offset.unwrap_or(0.0));
        let mean = self.mean_offset.unwrap_or(fitting);
        let mean = (mean + FOLLOW * (fitting - mean).clamp(-20.0, 20.0)).max(FINEST_MEAN);
        self.mean_offset = Some(mean);
        let wish = total_bits(isa, demands, mean).0 + self.beyond;
        let target = own + GRANTED * (wish - own) + extra;
        let target =
            if frames_left == Some(1) && self.spending == Spending::Constant { limits.most } else { target };
        let target = target.clamp(limits.least, limits.most);
        offset_for(isa, demands, target - self.beyond, fitting)
    }

    /// Takes note of a frame's bits.
    pub(crate) fn note(&mut self, predicted: f32, real: f32) {
        self.beyond += LEARN * ((real - predicted).clamp(-500.0, 2_000.0) - self.beyond);
        if let Spending::Average { bits } = self.spending {
            self.debt = (self.debt + real - bits).clamp(-100.0 * bits, 100.0 * bits);
        }
    }

    /// Whether sizes of frames are chosen.
    pub(crate) fn is_constant(&self) -> bool {
        self.spending == Spending::Constant
    }

    pub(crate) fn mean_offset(&self) -> f32 {
        match self.spending {
            Spending::Quality(quality) => quality.offset,
            _ => self.mean_offset.unwrap_or(0.0),
        }
    }
}
