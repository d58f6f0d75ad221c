//! From granules to frames.

use super::bands::{Bands, LINES, MAX_BANDS};
use super::demand::{Demand, LOG2_STEP, Shape, Widths, total_bits};
use super::gains::{Wanted, choose, silence};
use super::granule::{Block, Granule};
use super::lanes::{Best, Isa, LANES, dispatch, eight, eight_mut};
use super::math::exp2;
use super::part::{MAX_PART_BITS, Part};
use super::quantise::{VANISHING, quantise};
use super::rate::{Limits, Rate, Spending};
use super::signal::{Signal, Work, energies};
use super::stream::{Frame, Stream};
use super::vbr::Quality;
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
    }

    /// Codes the granules of a frame and appends the frames that are complete to `out`.
    pub(crate) fn code(&mut self, granules: &[Granule], out: &mut Vec<u8>) {
        code(self.best, self, granules, out);
    }

    #[inline(always)]
    fn code_with<I: Isa>(&mut self, isa: I, granules: &[Granule], out: &mut Vec<u8>) {
        let channels = if self.settings.mode == Mode::Mono { 1 } else { 2 };
        let part_count = granules.len() * channels;
        let shape = self.tuning.shape;
        let bands = self.stream.bands();
        for (scratch, granule) in self.scratch.iter_mut().zip(granules) {
            scratch.block = granule.block[0];
            scratch.used = granule.used;
            if scratch.block == Block::Short {
                for (lines, from) in scratch.lines.iter_mut().zip(&granule.lines[..channels]) {
                    bands.interleave(from, lines);
                }
            }
            let signals = if self.settings.mode == Mode::Joint { 4 } else { channels };
            for (signal, allowed) in scratch.allowed[..signals].iter_mut().enumerate() {
                *allowed = allow(granule, signal, &self.tuning);
            }
        }
        let scratches = &mut self.scratch[..granules.len()];
        let attack = scratches.iter().any(|scratch| scratch.block == Block::Short);
        let mut mid_side = false;
        if self.settings.mode == Mode::Joint {
            let offset = self.rate.mean_offset();
            let mut bits = [0.0; 4];
            let mut demand = Demand::NONE;
            for (scratch, granule) in scratches.iter().zip(granules) {
                let bands = bands.of(scratch.block);
                let widths = &self.widths[usize::from(scratch.block == Block::Short)];
                let mut energy = [[0.0; MAX_BANDS]; 4];
                let [left, right] = ordered(&scratch.lines, granule);
                energies(isa, left, right, scratch.used, bands, &mut energy);
                for signal in 0..4 {
                    demand.estimate(isa, &energy[signal], &scratch.allowed[signal], widths, shape);
                    bits[signal] += demand.bits(isa, offset).0;
                }
            }
            mid_side = bits[2] + bits[3] < bits[0] + bits[1];
        }
        for (scratch, granule) in scratches.iter_mut().zip(granules) {
            let bands = bands.of(scratch.block);
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
                scratch.demands[channel].set(isa, signal, allowed, widths, shape);
            }
        }
        let mut demands = [&self.scratch[0].demands[0]; 4];
        for (at, demand) in demands[..part_count].iter_mut().enumerate() {
            *demand = &self.scratch[at / channels].demands[at % channels];
        }
        let demands = &demands[..part_count];

        let padding = self.rate.is_constant()
            && self.size.total(self.frames + 1) - self.size.total(self.frames) > self.size.base;
        let largest = match self.settings.coding {
            RateControl::Cbr(kbps) => Kbps(kbps),
            _ => self.settings.version.max_bitrate(),
        };
        let header = Header {
            version: self.settings.version,
            rate: self.settings.rate,
            bitrate: largest,
            padding,
            mode: self.settings.mode,
        };
        let own = self.stream.space(header);
        let most = own + self.stream.reservoir();
        let reservoir = self.stream.max_reservoir(header);
        let least = if self.rate.is_constant() { most.saturating_sub(reservoir) } else { 0 };
        let limits = Limits {
            least: 8.0 * least as f32,
            most: 8.0 * most as f32,
            own: 8.0 * own as f32,
            reservoir: 8.0 * reservoir as f32,
        };
        let left =
            self.settings.frames.map(|frames| frames.saturating_sub(self.frames)).filter(|&left| left > 0);
        let mut offset = self.rate.offset(isa, limits, left, demands, attack);

        let mut trial = 0;
        let mut push = 1.0;
        let (predicted, bits) = loop {
            let (predicted, slope) = total_bits(isa, demands, offset);
            let (mut bits, mut capped) = (0, false);
            for at in 0..part_count {
                let scratch = &self.scratch[at / channels];
                let signal = at % channels;
                let (done, rest) = self.parts.split_at_mut(at);
                let first = (at >= channels).then(|| &done[at - channels]);
                let part = &mut rest[0];
                part.block = scratch.block;
                let source = Source {
                    signal: &scratch.signals[signal],
                    used: scratch.used,
                    demand: &scratch.demands[signal],
                    tuning: &self.tuning,
                    bands: self.stream.bands().of(scratch.block),
                    mpeg1: self.settings.version == Version::Mpeg1,
                    first,
                };
                let mut code = |offset| {
                    code_part(self.best, part, &source, offset, &mut self.work);
                    part.bits()
                };
                let mut of_part = code(offset);
                if of_part > MAX_PART_BITS {
                    capped = true;
                    of_part =
                        shorten(offset, of_part, scratch.demands[signal].bits(isa, offset).1, &mut code);
                }
                bits += of_part;
            }
            let over = bits as f32 - limits.most;
            if over > 0.0 {
                if trial >= 12 {
                    let mpeg1 = self.settings.version == Version::Mpeg1;
                    for part in &mut self.parts[..part_count] {
                        silence(part, mpeg1);
                        part.spectrum.magnitudes.fill(0);
                        let bands = self.stream.bands().of(part.block);
                        part.spectrum.choose(&[0; MAX_BANDS], bands, part.block);
                    }
                    break (predicted, 0);
                }
                offset += (over / slope.max(1.0)).clamp(0.0, 16.0).max(push);
                push *= 1.6;
            } else if (bits as f32) < limits.least && trial < 2 && !capped {
                offset -= ((limits.least - bits as f32) / slope.max(1.0)).clamp(0.2, 8.0);
            } else {
                break (predicted, bits);
            }
            trial += 1;
        };
        self.rate.note(predicted, bits as f32);

        let mut header = header;
        if !self.rate.is_constant() {
            let bytes = (bits as usize).div_ceil(8);
            for &kbps in self.settings.version.bitrates() {
                header.bitrate = Kbps(kbps);
                if self.stream.space(header) + self.stream.reservoir() >= bytes {
                    break;
                }
            }
        }
        let frame = Frame { header, mid_side, parts: &self.parts[..part_count] };
        self.stream.add(&frame, out);
        self.frames += 1;
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

/// Codes a part that is longer than can be told anew, more coarsely, and nearly as long as can be told. Returns its bits.
#[inline(always)]
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

/// What a part is coded from.
struct Source<'a> {
    signal: &'a Signal,
    /// Its lines from this one on are all zero.
    used: usize,
    demand: &'a Demand,
    tuning: &'a Tuning,
    bands: &'a Bands,
    mpeg1: bool,
    /// The channel's part of the first granule, where this is of the second.
    first: Option<&'a Part>,
}

dispatch! {
    /// Chooses the gains of a part, whose block type is set, at an offset of the noise, and quantises it.
    fn code_part(part: &mut Part, source: &Source<'_>, offset: f32, work: &mut Work) = code_part_kernel
}

#[inline(always)]
fn code_part_kernel<I: Isa>(isa: I, part: &mut Part, source: &Source<'_>, offset: f32, work: &mut Work) {
    let &Source { signal, used, demand, tuning, bands, mpeg1, first } = source;
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
    let wanted = Wanted { gain: &gain, lines: &lines, heard: &heard, slack: tuning.slack };
    choose(isa, part, &wanted, mpeg1, first);
    let largest = quantise(isa, part, signal, used, bands, &heard, work);
    part.negative = signal.negative;
    part.spectrum.choose(&largest, bands, part.block);
}
