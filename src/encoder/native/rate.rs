//! How many bits a frame may take, and how coarse its noise is.

use super::bands::LINES;
use super::demand::{Demand, offset_for, total_bits};
use super::vbr::Quality;
use crate::lanes::Isa;

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

/// What a frame really takes is this many times what [`total_bits`] predicts, less so many bits a line, but at least this part
/// of it. Measured on frames of 48 to 320 kbps.
const STRETCH: f32 = 1.3;
const LESS: f32 = 0.79;
const LEAST_PART: f32 = 0.45;
/// How many of the last frames of a segment empty the reservoir.
const CLOSING_FRAMES: u64 = 16;
/// How many of the first frames fill it.
const OPENING_FRAMES: f32 = 64.0;
/// How full the reservoir should be.
const FILL: f32 = 0.6;
/// How much of the distance from that is made good in a frame.
const REFILL: f32 = 0.15;
/// How much of what a frame wants beyond the mean it is granted.
const GRANTED: f32 = 0.65;
/// How fast the mean offset follows, after the first frames.
const FOLLOW: f32 = 0.02;
/// How fast the difference of real bits from predicted ones is learned, after the first frames.
const LEARN: f32 = 0.05;
/// What is expected is trusted as much as this many frames.
const TRUST: u32 = 4;
/// Frames differ from what is expected by no more than this in the mean, in bits a line.
const MAX_BEYOND: f32 = 0.6;
/// Noise that is finer than this in the mean is of no use.
const FINEST_MEAN: f32 = -80.0;
/// The debt of an average, in frames, that is paid back in a frame.
const PAY: f32 = 0.02;

/// The state of the control.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    spending: Spending,
    /// The mean of the offsets that fit the mean rate, in steps; of no frames, 0.
    mean_offset: f32,
    /// Bits that frames took beyond what was expected, in the mean.
    beyond: f32,
    /// Bits that frames have taken beyond the average.
    debt: f32,
    /// The frames so far that are not silent, those of the pre-roll too.
    frames: u32,
    /// The frames since the reservoir was last emptied.
    since_empty: u32,
}

impl Rate {
    pub(crate) fn new(spending: Spending) -> Self {
        Self { spending, mean_offset: 0.0, beyond: 0.0, debt: 0.0, frames: 0, since_empty: 0 }
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
        let lines = (LINES * demands.len()) as f32;
        let (own, extra) = match self.spending {
            Spending::Quality(quality) => {
                return quality.offset_at(isa, total_bits(isa, demands, quality.offset).0 / lines, attack);
            }
            Spending::Constant => (limits.own, self.reservoir_share(limits, frames_left)),
            Spending::Average { bits } => (bits, -PAY * self.debt),
        };
        if !demands.iter().any(|demand| demand.is_sounding()) {
            return self.mean_offset();
        }
        self.frames += 1;
        let wanted = to_predict(own - self.beyond, lines);
        let fitting = offset_for(isa, demands, wanted, self.mean_offset);
        let mean = if self.frames == 1 { fitting } else { self.mean_offset };
        let mean = (mean + self.pace(0, FOLLOW) * (fitting - mean).clamp(-20.0, 20.0)).max(FINEST_MEAN);
        self.mean_offset = mean;
        let wish = expected(total_bits(isa, demands, mean).0, lines) + self.beyond;
        let target = own + GRANTED * (wish - own) + extra;
        let target =
            if frames_left == Some(1) && self.spending == Spending::Constant { limits.most } else { target };
        let target = target.clamp(limits.least, limits.most);
        offset_for(isa, demands, to_predict(target - self.beyond, lines), fitting)
    }

    /// The bits that a frame takes from the reservoir besides what it wants; negative if it gives.
    fn reservoir_share(&self, limits: Limits, frames_left: Option<u64>) -> f32 {
        let held = limits.most - limits.own;
        match frames_left {
            Some(left) if left <= CLOSING_FRAMES => held / left as f32,
            _ => {
                let opening = (self.since_empty as f32 / OPENING_FRAMES).min(1.0);
                REFILL * (held - FILL * opening * limits.reservoir)
            }
        }
    }

    /// Takes note of a frame's bits, and of what was predicted for its lines.
    pub(crate) fn note(&mut self, predicted: f32, lines: f32, real: f32) {
        let limit = MAX_BEYOND * lines;
        self.beyond += self.pace(TRUST, LEARN)
            * ((real - expected(predicted, lines)).clamp(-limit, limit) - self.beyond);
        if let Spending::Average { bits } = self.spending {
            self.debt = (self.debt + real - bits).clamp(-100.0 * bits, 100.0 * bits);
        }
        self.since_empty += 1;
    }

    /// How fast a mean follows: at first it is that of all frames, and of what it began with, which counts as `trust` frames.
    fn pace(&self, trust: u32, later: f32) -> f32 {
        later.max(1.0 / (self.frames + trust) as f32)
    }

    /// Takes note that the reservoir is empty.
    pub(crate) fn note_empty(&mut self) {
        self.since_empty = 0;
    }

    /// Whether sizes of frames are chosen.
    pub(crate) fn is_constant(&self) -> bool {
        self.spending == Spending::Constant
    }

    pub(crate) fn mean_offset(&self) -> f32 {
        match self.spending {
            Spending::Quality(quality) => quality.offset,
            _ => self.mean_offset,
        }
    }
}

/// The bits that lines take for which so many are predicted.
fn expected(predicted: f32, lines: f32) -> f32 {
    (STRETCH * predicted - LESS * lines).max(LEAST_PART * predicted)
}

/// What has to be predicted for lines that are to take so many bits.
fn to_predict(bits: f32, lines: f32) -> f32 {
    ((bits + LESS * lines) / STRETCH).min(bits / LEAST_PART)
}
