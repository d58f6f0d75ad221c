//! From granules to frames.

use super::bands::{LINES, MAX_BANDS};
use super::code_part::{Source, code_within};
use super::demand::{Demand, Shape, Widths, total_bits};
use super::gains::silence;
use super::granule::{Block, Granule};
use super::part::Part;
use super::rate::{Limits, Rate, Spending};
use super::signal::{Signal, Work, energies};
use super::stream::{Frame, Stream};
use super::vbr::Quality;
use crate::lanes::{Best, Isa, LANES, dispatch};
use crate::mp3::frame::{FrameSize, Header, Mode, Version};
use crate::units::Kbps;

/// How a segment is coded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Settings {
    pub(crate) version: Version,
    /// Hertz.
    pub(crate) rate: u32,
    pub(crate) mode: Mode,
    pub(crate) coding: RateControl,
    /// Nothing above this many hertz is coded.
    pub(crate) lowpass: Option<u32>,
    /// How many frames there will be, if it is known: the reservoir is emptied on the way there.
    pub(crate) frames: Option<u64>,
}

/// How bits are spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RateControl {
    /// Every frame of this bitrate.
    Cbr(u16),
    /// This bitrate in the mean.
    Abr(u16),
    /// 0 (best) to 9.999.
    Vbr(f32),
}

/// Numbers found by listening machines: see the table of experiments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    pub(crate) shape: Shape,
    /// Thresholds of mid and side are at most this times the lesser one of left and right.
    pub(crate) side_limit: f32,
    /// How far the global gain may lie above what the bands without scale factors want, in steps.
    pub(crate) slack: f32,
}

/// What there is of each granule while a frame is coded.
struct Scratch {
    /// Those of short blocks, in the order in which they are coded; then mid and side, if those are coded.
    lines: [[f32; LINES]; 2],
    /// From this one on all are zero.
    used: usize,
    signals: [Signal; 2],
    demands: [Demand; 2],
    /// The noise that is masked in each band of left, right, mid and side, as far as these may be coded.
    allowed: [[f32; MAX_BANDS]; 4],
    block: Block,
}

/// The coder of one segment.
pub(crate) struct Coder {
    settings: Settings,
    tuning: Tuning,
    stream: Stream,
    rate: Rate,
    size: FrameSize,
    frames: u64,
    best: Best,
    /// Of long and short blocks.
    widths: [Widths; 2],
    scratch: Box<[Scratch; 2]>,
    parts: Box<[Part; 4]>,
    work: Box<Work>,
}

impl Coder {
    pub(crate) fn new(best: Best, settings: Settings) -> Self {
        let Settings { version, rate, mode, .. } = settings;
        let stream = Stream::new(version, rate, mode);
        let kbps = match settings.coding {
            RateControl::Cbr(kbps) | RateControl::Abr(kbps) => kbps,
            RateControl::Vbr(_) => version.max_bitrate().0,
        };
        let size = FrameSize::new(version, rate, Kbps(kbps));
        let header = Header { version, rate, bitrate: version.max_bitrate(), padding: false, mode };
        let heads = header.size() as f32 - stream.space(header) as f32;
        let spending = match settings.coding {
            RateControl::Cbr(_) => Spending::Constant,
            RateControl::Abr(_) => {
                let bytes = version.samples_per_frame() as f32 / 8.0 * 1000.0 * f32::from(kbps) / rate as f32;
                Spending::Average { bits: 8.0 * (bytes - heads) }
            }
            RateControl::Vbr(quality) => Spending::Quality(Quality::new(quality, rate)),
        };
        let per_channel =
            f32::from(kbps) / if mode == Mode::Mono { 1.0 } else { 2.0 } * 44_100.0 / rate as f32;
        let vbr = matches!(settings.coding, RateControl::Vbr(_));
        let tuning = Tuning {
            shape: Shape { masking: 0.6, own: if vbr { 0.6 } else { 0.0 } },
            side_limit: if per_channel >= 120.0 { 1.4 } else { 2.0 },
            slack: if per_channel >= 90.0 { 0.0 } else { 4.0 },
        };
        let widths = [&stream.bands().long, &stream.bands().short].map(Widths::new);
        let scratch = || Scratch {
            lines: [[0.0; LINES]; 2],
            used: LINES,
            signals: [const { Signal::SILENT }; 2],
            demands: [const { Demand::NONE }; 2],
            allowed: [[0.0; MAX_BANDS]; 4],
            block: Block::Long,
        };
        Self {
            settings,
            tuning,
            stream,
            rate: Rate::new(spending),
            size,
            frames: 0,
            best,
            widths,
            scratch: Box::new([scratch(), scratch()]),
            parts: Box::new(std::array::from_fn(|_| Part::new())),
            work: Box::new([0.0; LINES + LANES]),
        }
    }

    /// The frames so far.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// Completes all frames so far and appends them to `out`; the next one borrows no bits from them.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) {
        self.stream.flush(out);
        self.rate.note_empty();
    }

    /// Codes the granules of a frame and appends the frames that are complete to `out`.
    pub(crate) fn code(&mut self, granules: &[Granule], out: &mut Vec<u8>) {
        code(self.best, self, granules, out);
    }

    #[inline(always)]
    fn code_with<I: Isa>(&mut self, isa: I, granules: &[Granule], out: &mut Vec<u8>) {
        let channels = if self.settings.mode == Mode::Mono { 1 } else { 2 };
        self.take(granules, channels);
        let mid_side = self.settings.mode == Mode::Joint && self.is_mid_side_cheaper(isa, granules);
        self.prepare(isa, granules, channels, mid_side);
        let mut header = self.header();
        let bits = self.fit(isa, granules.len(), channels, self.limits(header));
        if !self.rate.is_constant() {
            header.bitrate = self.bitrate_for(header, (bits as usize).div_ceil(8));
        }
        let frame = Frame { header, mid_side, parts: &self.parts[..granules.len() * channels] };
        self.stream.add(&frame, out);
        self.frames += 1;
    }

    /// Takes what is to be kept of granules.
    #[inline(always)]
    fn take(&mut self, granules: &[Granule], channels: usize) {
        let signals = if self.settings.mode == Mode::Joint { 4 } else { channels };
        for (scratch, granule) in self.scratch.iter_mut().zip(granules) {
            scratch.block = granule.block[0];
            scratch.used = granule.used;
            if scratch.block == Block::Short {
                for (lines, from) in scratch.lines.iter_mut().zip(&granule.lines[..channels]) {
                    self.stream.bands().interleave(from, lines);
                }
            }
            for (signal, allowed) in scratch.allowed[..signals].iter_mut().enumerate() {
                *allowed = allow(granule, signal, &self.tuning);
            }
        }
    }

    /// Whether mid and side would take fewer bits than left and right.
    #[inline(always)]
    fn is_mid_side_cheaper<I: Isa>(&self, isa: I, granules: &[Granule]) -> bool {
        let offset = self.rate.mean_offset();
        let mut bits = [0.0; 4];
        let mut demand = Demand::NONE;
        for (scratch, granule) in self.scratch.iter().zip(granules) {
            let bands = self.stream.bands().of(scratch.block);
            let widths = &self.widths[usize::from(scratch.block == Block::Short)];
            let mut energy = [[0.0; MAX_BANDS]; 4];
            let [left, right] = ordered(&scratch.lines, granule);
            energies(isa, left, right, scratch.used, bands, &mut energy);
            for signal in 0..4 {
                let allowed = &scratch.allowed[signal];
                demand.estimate(isa, &energy[signal], allowed, widths, self.tuning.shape);
                bits[signal] += demand.bits(isa, offset).0;
            }
        }
        bits[2] + bits[3] < bits[0] + bits[1]
    }

    /// Makes the signals that are coded ready for quantising, and learns what they ask for.
    #[inline(always)]
    fn prepare<I: Isa>(&mut self, isa: I, granules: &[Granule], channels: usize, mid_side: bool) {
        for (scratch, granule) in self.scratch.iter_mut().zip(granules) {
            let bands = self.stream.bands().of(scratch.block);
            let widths = &self.widths[usize::from(scratch.block == Block::Short)];
            if mid_side {
                scratch.lines = *ordered(&scratch.lines, granule);
                to_mid_side(isa, &mut scratch.lines);
            }
            for channel in 0..channels {
                let signal = &mut scratch.signals[channel];
                let lines = if mid_side { &scratch.lines } else { ordered(&scratch.lines, granule) };
                signal.set(isa, &lines[channel], scratch.used, bands, &mut self.work);
                let allowed = &scratch.allowed[channel + if mid_side { 2 } else { 0 }];
                scratch.demands[channel].set(isa, signal, allowed, widths, self.tuning.shape);
            }
        }
    }

    /// The header of the next frame, with the largest bitrate that it may have.
    fn header(&self) -> Header {
        let Settings { version, rate, mode, coding, .. } = self.settings;
        let bitrate = match coding {
            RateControl::Cbr(kbps) => Kbps(kbps),
            RateControl::Abr(_) | RateControl::Vbr(_) => version.max_bitrate(),
        };
        let bytes = self.size.total(self.frames + 1) - self.size.total(self.frames);
        let padding = self.rate.is_constant() && bytes > self.size.base;
        Header { version, rate, bitrate, padding, mode }
    }

    /// What a frame with that header may take.
    fn limits(&self, header: Header) -> Limits {
        let own = self.stream.space(header);
        let most = own + self.stream.reservoir();
        let reservoir = self.stream.max_reservoir(header);
        let least = if self.rate.is_constant() { most.saturating_sub(reservoir) } else { 0 };
        let [least, most, own, reservoir] = [least, most, own, reservoir].map(|bytes| 8.0 * bytes as f32);
        Limits { least, most, own, reservoir }
    }

    /// Quantises all parts so that they fit. Returns their bits.
    #[inline(always)]
    fn fit<I: Isa>(&mut self, isa: I, granules: usize, channels: usize, limits: Limits) -> u32 {
        /// After so many trials the frame is silent.
        const TRIALS: u32 = 12;
        let part_count = granules * channels;
        let mut demands = [&self.scratch[0].demands[0]; 4];
        for (at, demand) in demands[..part_count].iter_mut().enumerate() {
            *demand = &self.scratch[at / channels].demands[at % channels];
        }
        let demands = &demands[..part_count];
        let attack = self.scratch[..granules].iter().any(|scratch| scratch.block == Block::Short);
        let left =
            self.settings.frames.map(|frames| frames.saturating_sub(self.frames)).filter(|&left| left > 0);
        let mut offset = self.rate.offset(isa, limits, left, demands, attack);

        let mut push = 1.0;
        for trial in 0.. {
            let (predicted, slope) = total_bits(isa, demands, offset);
            let (mut bits, mut capped) = (0, false);
            for at in 0..part_count {
                let scratch = &self.scratch[at / channels];
                let signal = at % channels;
                let (done, rest) = self.parts.split_at_mut(at);
                let part = &mut rest[0];
                part.block = scratch.block;
                let source = Source {
                    signal: &scratch.signals[signal],
                    used: scratch.used,
                    demand: &scratch.demands[signal],
                    slack: self.tuning.slack,
                    bands: self.stream.bands().of(scratch.block),
                    mpeg1: self.settings.version == Version::Mpeg1,
                    first: (at >= channels).then(|| &done[at - channels]),
                };
                let (of_part, was_capped) =
                    code_within((isa, self.best), part, &source, offset, &mut self.work);
                capped |= was_capped;
                bits += of_part;
            }
            let over = bits as f32 - limits.most;
            if over > 0.0 && trial < TRIALS {
                offset += (over / slope.max(1.0)).clamp(0.0, 16.0).max(push);
                push *= 1.6;
            } else if (bits as f32) < limits.least && trial < 2 && !capped {
                offset -= ((limits.least - bits as f32) / slope.max(1.0)).clamp(0.2, 8.0);
            } else {
                if over > 0.0 {
                    self.silence(part_count);
                    bits = 0;
                }
                self.rate.note(predicted, (LINES * part_count) as f32, bits as f32);
                return bits;
            }
        }
        unreachable!("trials end");
    }

    /// Nothing fits: all parts are silent.
    #[cold]
    fn silence(&mut self, part_count: usize) {
        for part in &mut self.parts[..part_count] {
            silence(part, self.settings.version == Version::Mpeg1);
            part.spectrum.magnitudes.fill(0);
            part.spectrum.choose(&[0; MAX_BANDS], self.stream.bands().of(part.block), part.block);
        }
    }

    /// The lowest bitrate of a frame that holds so many bytes of main data, or the highest one.
    fn bitrate_for(&self, header: Header, bytes: usize) -> Kbps {
        let mut bitrates = self.settings.version.bitrates().iter().map(|&kbps| Kbps(kbps));
        let space = |&bitrate: &Kbps| self.stream.space(Header { bitrate, ..header });
        let holds = |bitrate: &Kbps| space(bitrate) + self.stream.reservoir() >= bytes;
        bitrates.find(holds).unwrap_or(header.bitrate)
    }
}

dispatch! {
    /// Codes the granules of a frame.
    fn code(coder: &mut Coder, granules: &[Granule], out: &mut Vec<u8>) = code_kernel
}

#[inline(always)]
fn code_kernel<I: Isa>(isa: I, coder: &mut Coder, granules: &[Granule], out: &mut Vec<u8>) {
    coder.code_with(isa, granules, out);
}

/// Left and right, or the only channel, in the order in which they are coded: `lines` has those of short blocks.
#[inline(always)]
fn ordered<'a>(lines: &'a [[f32; LINES]; 2], granule: &'a Granule) -> &'a [[f32; LINES]; 2] {
    if granule.block[0] == Block::Short { lines } else { &granule.lines }
}

/// Left and right become mid and side.
#[inline(always)]
fn to_mid_side<I: Isa>(isa: I, lines: &mut [[f32; LINES]; 2]) {
    let root_half = isa.splat(std::f32::consts::FRAC_1_SQRT_2);
    let [one, other] = lines;
    for (one, other) in one.as_chunks_mut().0.iter_mut().zip(other.as_chunks_mut().0) {
        let (left, right) = (isa.load(one), isa.load(other));
        isa.store((left + right) * root_half, one);
        isa.store((left - right) * root_half, other);
    }
}

/// Thresholds of mid and side are at least this times the lesser one of left and right: a faint side is not heard so well
/// as its own threshold says.
const SIDE_FLOOR: f32 = 0.25;

/// The noise that is masked in each band of left, right, mid or side.
#[inline(always)]
fn allow(granule: &Granule, signal: usize, tuning: &Tuning) -> [f32; MAX_BANDS] {
    let mut allowed = [0.0; MAX_BANDS];
    allowed[..39].copy_from_slice(&granule.allowed[signal]);
    if signal >= 2 {
        let [left, right, ..] = &granule.allowed;
        for band in 0..39 {
            let lesser = if left[band] < right[band] { left[band] } else { right[band] };
            let most = tuning.side_limit * lesser;
            allowed[band] = allowed[band].max(SIDE_FLOOR * lesser);
            allowed[band] = if allowed[band] < most { allowed[band] } else { most };
        }
    }
    allowed
}
