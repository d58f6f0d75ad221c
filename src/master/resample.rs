//! PCM at another sampling rate: any range of it, always the same bits.
//!
//! # The grid
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
//! where dropping output samples could be half a sample off: output sample `m` is the signal at
//! `m / to` seconds, input sample `n` at `n / from`.
//!
//! ```text
//! input    |0 0 0 0 x0 x1 x2|x3 x4 x5 x6 x7 x8 x9|x10 x11 ...    n_in = 7, 3 of them the delay
//! output                    |y0 y1 y2 y3 y4 ...  |              needs both input blocks
//! ```
//!
//! # The length of a block
//!
//! A block is also the length of the filter, so the shorter of `n_in` and `n_out` decides how near to
//! the band's edge it stays flat; what lies above the new band is down to the rounding of `f32` with
//! any of these (at least 149 dB below, 12 Hz above the edge already, in 88.2 to 44.1 kHz). Measured on
//! one Zen 5 core; "clean" is a sine less than -140 dB away from the ideal one:
//!
//! | least block | 88.2 to 44.1 kHz: clean to | 96 to 48 kHz, stereo | 48 to 44.1 | 192 to 48 |
//! |---|---|---|---|---|
//! | 256 | 19.7 kHz | 1075 x real time | 1404 | 587 |
//! | 512 | 20.8 kHz | 1002 | 1446 | 521 |
//! | **1024** | **21.4 kHz** | **916** | **1379** | **503** |
//! | 2048 | 21.7 kHz | 799 | 1249 | 482 |
//! | 4096 | 21.9 kHz | 718 | 1162 | 399 |
//!
//! At 44.1 kHz 1024 keeps all that LAME passes at constant bitrates (20.5 kHz at most) with room to
//! spare, and all but the last half kilohertz for V0, which has no lowpass; a segment of 7.68 s pays
//! less than 1 % for the blocks at its edges.
//!
//! A block must be whole at both rates. For the usual ones that asks for a multiple of at most 640
//! samples, but a rate that shares no divisor with the other, such as 35,467 Hz, makes the block (and
//! the filter, whose ringing stays at the very edge of the band) a second long. That is the bound: up
//! to 384 kHz in and 48 kHz out a resampler takes less than 64 MiB (383,999 Hz to 48 kHz: about 50) and
//! runs 45 times faster than stereo plays; up to 48 kHz on both sides about 10 MiB and 290 times. The
//! usual pairs take about 1 MiB.

use std::ops::Range;

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

use crate::error::{Error, Result};
use crate::pcm::Pcm;
use crate::units::SampleRate;

/// The least number of samples in a block at the lower of the two rates.
const MIN_BLOCK: u64 = 1_024;

/// Converts from one sampling rate to another. One per worker and pair of rates: it owns its
/// buffers and allocates nothing once it and the output are warm.
///
/// ```
/// use tonepress::{SampleRate, master::resample::Resampler, pcm::Pcm};
/// let [from, to] = [96_000, 48_000].map(|hz| SampleRate::new(hz).unwrap());
/// let mut resampler = Resampler::new(from, to)?;
///
/// // The second second of a stream of three.
/// let wanted = 48_000..96_000;
/// let needed = resampler.input_range(&wanted, 288_000);
/// let (mut input, mut output) = (Pcm::default(), Pcm::default());
/// input.reset(1, needed.start);
/// input.plane_mut(0).extend(needed.map(|n| (n as f32 * 0.01).sin()));
/// resampler.resample(&input, 288_000, wanted.clone(), &mut output)?;
/// assert_eq!(output.range(), wanted);
/// assert!((output.plane(0)[7] - (96_014.0 * 0.01_f32).sin()).abs() < 1e-3);
/// # Ok::<(), tonepress::Error>(())
/// ```
pub struct Resampler {
    fft: Fft<f64>,
    /// One block at the input's rate.
    block_in: Vec<f64>,
    /// One block at the output's rate.
    block_out: Vec<f64>,
}

impl Resampler {
    /// A resampler between two different rates.
    ///
    /// # Errors
    /// [`Error::Internal`] when rubato refuses the rates; it takes all pairs.
    pub fn new(from: SampleRate, to: SampleRate) -> Result<Self> {
        let (from, to) = (u64::from(from.hz()), u64::from(to.hz()));
        let fft = Fft::new_custom(
            index(from),
            index(to),
            index(block_len(from, to)),
            1, // FFT block to a call
            1, // channel: they go one after the other, so that any number shares one set of buffers
            WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        )
        .map_err(|e| internal(&format!("resampling {from} Hz to {to} Hz"), e))?;
        let (block_in, block_out) = (vec![0.0; fft.fft_size_in()], vec![0.0; fft.fft_size_out()]);
        Ok(Self { fft, block_in, block_out })
    }

    /// How many samples `samples` at rate `from` become at rate `to`: `samples * to / from`, rounded
    /// to the nearest, halves up.
    ///
    /// ```
    /// use tonepress::{SampleRate, master::resample::Resampler};
    /// let [from, to] = [96_000, 44_100].map(|hz| SampleRate::new(hz).unwrap());
    /// assert_eq!(Resampler::output_len(from, to, 960_000), 441_000);
    /// assert_eq!(Resampler::output_len(from, to, 1), 0);
    /// ```
    #[must_use]
    pub fn output_len(from: SampleRate, to: SampleRate, samples: u64) -> u64 {
        let (from, to) = (u128::from(from.hz()), u128::from(to.hz()));
        let len = (2 * u128::from(samples) * to + from) / (2 * from);
        u64::try_from(len).unwrap_or(u64::MAX)
    }

    /// The input samples that the output samples `range` depend on, within `0..total_in`.
    #[must_use]
    pub fn input_range(&self, range: &Range<u64>, total_in: u64) -> Range<u64> {
        let blocks = self.input_blocks(range);
        let position = |block: u64| (block * self.n_in()).saturating_sub(self.lead()).min(total_in);
        position(blocks.start)..position(blocks.end)
    }

    /// Fills `output` with exactly the samples `range` of the resampled stream.
    ///
    /// `input` holds at least [`input_range`](Self::input_range) of a stream of `total_in` samples,
    /// with any number of channels; beyond both ends of the stream there is silence, and `range`
    /// may reach there. The samples must be finite: one that is not spoils its whole block. The
    /// result can exceed ±1.0 by a little where the input touches full scale.
    ///
    /// # Errors
    /// [`Error::Internal`] when `input` lacks samples.
    pub fn resample(
        &mut self,
        input: &Pcm,
        total_in: u64,
        range: Range<u64>,
        output: &mut Pcm,
    ) -> Result<()> {
        let (needed, given) = (self.input_range(&range, total_in), input.range());
        if needed.start < needed.end && (needed.start < given.start || given.end < needed.end) {
            return Err(internal("resampling", format!("given {given:?}, needs {needed:?}")));
        }
        output.reset(input.channels(), range.start);
        let stream = given.start..given.end.min(total_in);
        let blocks = self.input_blocks(&range);
        for channel in 0..input.channels() {
            for block in blocks.clone() {
                self.load(input.plane(channel), &stream, block);
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
        let input = SequentialSlice::new(&self.block_in, 1, n_in).map_err(|e| internal("resampling", e))?;
        let mut output =
            SequentialSlice::new_mut(&mut self.block_out, 1, n_out).map_err(|e| internal("resampling", e))?;
        self.fft.process_into_buffer(&input, &mut output, None).map_err(|e| internal("resampling", e))?;
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

/// The input's block length for rates `from` and `to`: whole at both rates, at least [`MIN_BLOCK`] at
/// both, and for the sake of the FFT the smallest such length times a power of two.
fn block_len(from: u64, to: u64) -> u64 {
    let unit = gcd(from, to);
    let blocks = MIN_BLOCK.div_ceil(from.min(to) / unit).next_power_of_two();
    from / unit * blocks
}

fn internal(what: &str, why: impl std::fmt::Display) -> Error {
    Error::Internal { detail: format!("{what}: {why}") }
}

/// A length that fits the memory, since it is one of a block or of a part of a slice.
#[allow(clippy::cast_possible_truncation)]
fn index(n: u64) -> usize {
    n as usize
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resampler(from: u32, to: u32) -> Resampler {
        Resampler::new(SampleRate::new(from).unwrap(), SampleRate::new(to).unwrap()).unwrap()
    }

    #[test]
    fn blocks_have_the_exact_ratio_and_a_bounded_length() {
        for from in (8_000..=384_000).step_by(997).chain([11_025, 44_100, 48_000, 96_000, 383_999, 384_000]) {
            for to in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
                let n_in = block_len(from, to);
                assert_eq!(n_in * to % from, 0, "{from} to {to}");
                assert!(n_in.min(n_in * to / from) >= MIN_BLOCK, "{from} to {to}");
                let bound = (2 * MIN_BLOCK).max(from.min(to)) * from.max(to) / from.min(to);
                assert!(n_in.max(n_in * to / from) <= bound, "{from} to {to}");
            }
        }
        let resampler = resampler(44_100, 48_000);
        assert_eq!((resampler.n_in(), resampler.n_out()), (1_176, 1_280));
    }

    #[test]
    fn lengths_round_to_the_nearest() {
        let len = |from, to, samples| {
            Resampler::output_len(SampleRate::new(from).unwrap(), SampleRate::new(to).unwrap(), samples)
        };
        assert_eq!((len(96_000, 48_000, 0), len(96_000, 48_000, 1), len(96_000, 48_000, 2)), (0, 1, 1));
        assert_eq!((len(44_100, 48_000, 1), len(44_100, 48_000, 6), len(44_100, 48_000, 147)), (1, 7, 160));
        // Longer than any file, and no overflow.
        assert_eq!(len(8_000, 48_000, 1 << 60), 6 << 60);
    }

    #[test]
    fn input_ranges_are_two_blocks_within_the_stream() {
        let resampler = resampler(96_000, 48_000); // blocks of 2048 and 1024
        assert_eq!(resampler.input_range(&(0..1), 100_000), 0..3_072);
        assert_eq!(resampler.input_range(&(0..1_024), 100_000), 0..3_072);
        assert_eq!(resampler.input_range(&(1_023..1_025), 100_000), 0..5_120);
        assert_eq!(resampler.input_range(&(2_048..3_072), 100_000), 3_072..7_168);
        assert_eq!(resampler.input_range(&(2_048..3_072), 4_000), 3_072..4_000);
        assert!(resampler.input_range(&(9_000..9_001), 4_000).is_empty());
        assert!(resampler.input_range(&(7..7), 4_000).is_empty());
    }

    #[test]
    fn missing_input_is_an_error_and_silence_beyond_the_end_is_not() {
        let mut resampler = resampler(96_000, 48_000);
        let (mut input, mut output) = (Pcm::default(), Pcm::default());
        input.reset(2, 1);
        (0..2).for_each(|channel| input.plane_mut(channel).resize(3_999, 0.5));
        let missing = resampler.resample(&input, 4_000, 0..10, &mut output).unwrap_err();
        assert!(missing.to_string().contains("given 1..4000, needs 0..3072"), "{missing}");
        resampler.resample(&input, 4_000, 1_000_000..1_000_003, &mut output).unwrap();
        assert_eq!((output.plane(1), output.range().start), ([0.0; 3].as_slice(), 1_000_000));
        resampler.resample(&input, 4_000, 5..5, &mut output).unwrap();
        assert_eq!((output.channels(), output.len()), (2, 0));
    }
}
