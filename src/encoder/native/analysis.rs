//! From PCM to granules: lines, block types and what is masked.

use super::attack::{Attacks, Detector};
use super::granule::{Block, Granule};
use super::masking::Masking;
use super::mdct::{Rows, mdct};
use super::polyphase::{Polyphase, SLOTS, SUBBANDS, Slots};
use crate::lanes::{Best, LANES};
use crate::series::{PI, cos};

/// The granules of slots that are kept: two to look at, one to know the next block type, and what a frame brings.
const RING: usize = 5;
/// The rates below this have one granule in a frame (MPEG-2 and 2.5).
const TWO_GRANULES_FROM: u32 = 32_000;

/// Analyses the PCM of one encoder, frame by frame.
pub(crate) struct Analysis {
    best: Best,
    channels: usize,
    /// In a frame.
    granules: usize,
    polyphase: Polyphase,
    /// Granule g of slots is at g modulo [`RING`]. The window of granule g looks at g and g + 1.
    slots: Box<[[Slots; RING]; 2]>,
    rows: Box<Rows>,
    /// In the slots at the same place.
    attacks: [Attacks; RING],
    detectors: [Detector; 2],
    /// Of the last granule given out.
    last: Block,
    /// Granules of slots so far: the first are the silence before the PCM.
    arrived: usize,
    lowpass: Lowpass,
    masking: Masking,
}

impl Analysis {
    /// For PCM at `rate` hertz, one of MP3's nine, with one or two channels. Nothing passes much above `lowpass` hertz.
    pub(crate) fn new(best: Best, rate: u32, channels: usize, lowpass: Option<u32>) -> Self {
        let granules = if rate >= TWO_GRANULES_FROM { 2 } else { 1 };
        Self {
            best,
            channels,
            granules,
            polyphase: Polyphase::new(best, channels, granules),
            slots: Box::new([[[[0.0; 32]; SLOTS]; RING]; 2]),
            rows: Box::new([[0.0; SUBBANDS + LANES]; SLOTS]),
            attacks: [Attacks::default(); RING],
            detectors: [Detector::new(); 2],
            last: Block::Long,
            arrived: 1,
            lowpass: Lowpass::new(rate, lowpass),
            masking: Masking::new(best, rate, channels),
        }
    }

    /// The samples of a frame.
    #[cfg(test)]
    pub(crate) fn frame_samples(&self) -> usize {
        576 * self.granules
    }

    /// Takes one frame of PCM a channel, full scale at +-1.0, and gives the granules of the frame before it. Of the
    /// first frame nothing is given yet: then false is returned.
    pub(crate) fn push(&mut self, planes: &[&[f32]], out: &mut [Granule]) -> bool {
        let first = self.arrived;
        self.polyphase.push(planes, &mut self.slots, first % RING);
        self.arrived += self.granules;
        for granule in first..self.arrived {
            let mut found = Attacks::default();
            for channel in 0..self.channels {
                let attacks = self.detectors[channel].find(self.best, &self.slots[channel][granule % RING]);
                found.early |= attacks.early;
                found.late |= attacks.late;
            }
            self.attacks[granule % RING] = found;
        }
        // The first frame's granules of slots begin at 1; those of its lines begin at 0, and wait for the next frame.
        let Some(first) = (first - 1).checked_sub(self.granules) else { return false };
        for (granule, out) in (first..).zip(&mut out[..self.granules]) {
            let block = self.block(granule);
            self.last = block;
            out.block = [block; 2];
            out.used = self.lowpass.used(block);
            for channel in 0..self.channels {
                let slots = &self.slots[channel];
                let lines = &mut out.lines[channel];
                let (old, new) = (&slots[granule % RING], &slots[(granule + 1) % RING]);
                mdct(self.best, block, old, new, &mut self.rows, lines);
                self.lowpass.apply(block, lines);
            }
        }
        self.masking.fill(&mut out[..self.granules]);
        true
    }

    /// Whether an attack wants granule `granule` short.
    fn short(&self, granule: usize) -> bool {
        self.attacks[granule % RING].late || self.attacks[(granule + 1) % RING].early
    }

    fn block(&self, granule: usize) -> Block {
        let before = self.last == Block::Short || self.last == Block::Start;
        let next = self.short(granule + 1);
        match (self.last, self.short(granule)) {
            (Block::Start, _) | (_, true) => Block::Short,
            // A window that begins and ends short is short.
            _ if before && next => Block::Short,
            _ if next => Block::Start,
            (Block::Short, _) => Block::Stop,
            _ => Block::Long,
        }
    }
}

/// Which lines pass, by block size.
#[derive(Debug, Clone)]
struct Lowpass {
    long: Edge,
    short: Edge,
}

/// The lines around the highest one that passes.
#[derive(Debug, Clone)]
struct Edge {
    /// The first line that is made smaller, and by how much each is from there on; the others are 0.
    first: usize,
    gains: Vec<f32>,
}

impl Lowpass {
    /// `lowpass` is a figure of LAME's, and means what it means there: with the frequencies cut into 31 equal parts, lines
    /// fall from three quarters of a part below the next edge on, and are gone at that edge.
    fn new(rate: u32, lowpass: Option<u32>) -> Self {
        let edge = |lines: usize| {
            let part = lines as f64 / 31.0;
            let parts = lowpass.map_or(32.0, |hz| (f64::from(hz) / (f64::from(rate) / 2.0) * 31.0).ceil());
            let (begin, end) = ((parts - 0.75) * part, parts * part);
            let gain = |line: usize| {
                let at = (line as f64 + 0.5 - begin) / (end - begin);
                if at <= 0.0 { 1.0 } else { (0.5 + 0.5 * cos(at.min(1.0) * PI)) as f32 }
            };
            let first = (0..lines).find(|&line| gain(line) < 1.0).unwrap_or(lines);
            Edge { first, gains: (first..lines).map(gain).take_while(|&gain| gain > 0.0).collect() }
        };
        Self { long: edge(576), short: edge(192) }
    }

    /// Where the lines that are always zero begin, in the order in which lines are coded.
    fn used(&self, block: Block) -> usize {
        // Short windows are mixed there.
        if block == Block::Short { 576 } else { self.long.first + self.long.gains.len() }
    }

    fn apply(&self, block: Block, lines: &mut [f32; 576]) {
        let (edge, window) = if block == Block::Short { (&self.short, 192) } else { (&self.long, 576) };
        for lines in lines.chunks_exact_mut(window) {
            let (falling, rest) = lines[edge.first..].split_at_mut(edge.gains.len());
            for (line, gain) in falling.iter_mut().zip(&edge.gains) {
                *line *= gain;
            }
            rest.fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests;
