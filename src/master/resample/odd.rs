//! Resampling by rubato, between rates that `blocks` does not take.
//!
//! rubato's [`Fft`] takes blocks of `n_in` samples to blocks of `n_out`, `n_in / n_out` being the
//! exact ratio of the rates. Of what it has heard before it keeps one thing only, the tail of the
//! previous block's convolution, which it adds to the next. So when the blocks lie on a grid that
//! is fixed for the whole stream, never where a range happens to start, every output block is a
//! function of two input blocks, and a range comes out the same whether it is computed alone or as
//! part of the whole.
//!
//! The filter delays by `n_in / 2` input samples (rounded down: where rubato puts the centre of its
//! sinc). The input grid is moved ahead by as much, which removes the delay exactly for all ratios,
//! where dropping output samples could be half a sample off.
//!
//! ```text
//! input    |0 0 0 0 x0 x1 x2|x3 x4 x5 x6 x7 x8 x9|x10 x11 ...    n_in = 7, 3 of them the delay
//! output                    |y0 y1 y2 y3 y4 ...  |              needs both input blocks
//! ```
//!
//! A block is also the length of the filter. It must be whole at both rates, so a rate that shares no divisor with
//! the other, such as 35,467 Hz, makes it (and the filter, whose ringing stays at the very edge of the band) a second
//! long. That is the bound: up to 384 kHz in and 48 kHz out it takes less than 64 MiB (383,999 Hz to 48 kHz: about
//! 50) and runs 45 times faster than stereo plays; up to 48 kHz on both sides about 10 MiB and 290 times.

use std::ops::Range;

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

use crate::error::{Error, Result};
use crate::pcm::Pcm;

/// The least number of samples in a block at the lower of the two rates: with it the band is clean to 21.4 kHz at
/// 44.1 kHz.
const MIN_BLOCK: u64 = 1_024;

/// Resamples by blocks of any length.
pub(super) struct Odd {
    fft: Fft<f64>,
    /// One block at the input's rate.
    block_in: Vec<f64>,
    /// One block at the output's rate.
    block_out: Vec<f64>,
}

impl Odd {
    /// Between rates of which `unit_in` samples of one last as long as `unit_out` of the other.
    pub(super) fn new(unit_in: u64, unit_out: u64) -> Result<Self> {
        let fft = Fft::new_custom(
            index(unit_in),
            index(unit_out),
            index(block_len(unit_in, unit_out)),
            1, // FFT block to a call
            1, // channel: they go one after the other, so that any number shares one set of buffers
            WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        )
        .map_err(|e| internal(&e))?;
        let (block_in, block_out) = (vec![0.0; fft.fft_size_in()], vec![0.0; fft.fft_size_out()]);
        Ok(Self { fft, block_in, block_out })
    }

    /// The samples of a block of output.
    pub(super) fn stride(unit_in: u64, unit_out: u64) -> u64 {
        block_len(unit_in, unit_out) / unit_in * unit_out
    }

    /// The input samples that the output samples `range` depend on, within `0..total_in`.
    pub(super) fn input_range(&self, range: &Range<u64>, total_in: u64) -> Range<u64> {
        let blocks = self.input_blocks(range);
        let position = |block: u64| (block * self.n_in()).saturating_sub(self.lead()).min(total_in);
        position(blocks.start)..position(blocks.end)
    }

    /// Appends the samples `range` to `output`'s planes. Of `input`, the samples `stream` count: they hold what `range`
    /// depends on.
    pub(super) fn resample(
        &mut self,
        input: &Pcm,
        stream: &Range<u64>,
        range: &Range<u64>,
        output: &mut Pcm,
    ) -> Result<()> {
        let blocks = self.input_blocks(range);
        for channel in 0..input.channels() {
            for block in blocks.clone() {
                self.load(input.plane(channel), stream, block);
                self.process()?;
                // The first block only leaves its tail for the second. What it adds its own head to
                // is of another range or channel, and dropped: hence no reset in between.
                if block > blocks.start {
                    let start = (block - 1) * self.n_out();
                    let from = index(range.start.saturating_sub(start));
                    let to = index((range.end - start).min(self.n_out()));
                    #[allow(clippy::cast_possible_truncation)] // rounding to f32 is the point
                    let samples = self.block_out[from..to].iter().map(|&sample| sample as f32);
                    output.plane_mut(channel).extend(samples);
                }
            }
        }
        Ok(())
    }

    /// The blocks of the input grid that the output samples `range` depend on.
    fn input_blocks(&self, range: &Range<u64>) -> Range<u64> {
        if range.is_empty() {
            return 0..0;
        }
        range.start / self.n_out()..range.end.div_ceil(self.n_out()) + 1
    }

    /// Fills the input block with number `block` of the grid, of the `stream` that begins with
    /// `plane`'s first sample.
    fn load(&mut self, plane: &[f32], stream: &Range<u64>, block: u64) {
        // Positions are counted from the grid's origin here, `lead` before the stream's.
        let (start, end) = (block * self.n_in(), (block + 1) * self.n_in());
        let from = (stream.start + self.lead()).clamp(start, end);
        let to = (stream.end + self.lead()).clamp(from, end);
        self.block_in.fill(0.0);
        if from < to {
            let samples = &plane[index(from - self.lead() - stream.start)..];
            let block = &mut self.block_in[index(from - start)..index(to - start)];
            for (to, &from) in block.iter_mut().zip(samples) {
                *to = f64::from(from);
            }
        }
    }

    /// Turns the input block into the output block.
    fn process(&mut self) -> Result<()> {
        let (n_in, n_out) = (self.block_in.len(), self.block_out.len());
        let input = SequentialSlice::new(&self.block_in, 1, n_in).map_err(|e| internal(&e))?;
        let mut output = SequentialSlice::new_mut(&mut self.block_out, 1, n_out).map_err(|e| internal(&e))?;
        self.fft.process_into_buffer(&input, &mut output, None).map_err(|e| internal(&e))?;
        Ok(())
    }

    fn n_in(&self) -> u64 {
        self.block_in.len() as u64
    }

    fn n_out(&self) -> u64 {
        self.block_out.len() as u64
    }

    /// How much silence the grid puts before the stream: a block, less the filter's delay.
    fn lead(&self) -> u64 {
        self.n_in() - self.n_in() / 2
    }
}

/// The input's block length: whole at both rates, at least [`MIN_BLOCK`] at both, and for the sake of the FFT the
/// smallest such length times a power of two.
fn block_len(unit_in: u64, unit_out: u64) -> u64 {
    unit_in * MIN_BLOCK.div_ceil(unit_in.min(unit_out)).next_power_of_two()
}

fn internal(why: &impl std::fmt::Display) -> Error {
    Error::Internal { detail: format!("resampling: {why}") }
}

/// A length that fits the memory, since it is one of a block or of a part of a slice.
#[allow(clippy::cast_possible_truncation)]
fn index(n: u64) -> usize {
    n as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::resample::gcd;

    #[test]
    fn blocks_are_whole_and_of_a_bounded_length() {
        for from in (8_000..=384_000).step_by(997).chain([11_025, 44_100, 48_000, 96_000, 383_999, 384_000]) {
            for to in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
                let unit = gcd(from, to);
                let n_in = block_len(from / unit, to / unit);
                assert_eq!(n_in * to % from, 0, "{from} to {to}");
                assert!(n_in.min(n_in * to / from) >= MIN_BLOCK, "{from} to {to}");
                let bound = (2 * MIN_BLOCK).max(from.min(to)) * from.max(to) / from.min(to);
                assert!(n_in.max(n_in * to / from) <= bound, "{from} to {to}");
            }
        }
        let odd = Odd::new(147, 160).unwrap();
        assert_eq!((odd.n_in(), odd.n_out()), (1_176, 1_280));
    }
}
