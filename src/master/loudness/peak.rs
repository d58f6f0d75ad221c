//! Peaks: the largest sample, and the largest value of the curve through the samples.
//!
//! The curve is looked at between samples by the interpolation of libebur128, a windowed sinc of 48 taps.
//! It is done here and not by the `ebur128` crate, where it is two fifths of the work: laid out by channel
//! and phase it takes a tenth of that, and the phase that gives the samples themselves is left out.

use std::f64::consts::PI;

use crate::pcm::Pcm;
use crate::units::SampleRate;

/// How many outputs are computed side by side.
const LANES: usize = 16;
/// Taps of the interpolation at its higher rate.
const TAPS: usize = 48;

/// The peaks of a stretch of audio, in linear terms, over all channels.
pub(super) struct Peaks {
    /// The largest sample.
    pub(super) sample: f32,
    /// The largest value at or between samples.
    pub(super) between: f32,
    interpolation: Interpolation,
    /// For each channel, the samples pushed last that the next need.
    recent: Vec<Vec<f32>>,
}

/// What is between two samples: the taps for each point there, the oldest sample's first.
enum Interpolation {
    /// Below 96 kHz.
    Fourfold([[f32; TAPS / 4]; 3]),
    /// Below 192 kHz.
    Twofold([[f32; TAPS / 2]; 1]),
    /// From there on samples are near enough.
    None,
}

impl Interpolation {
    fn new(rate: SampleRate) -> Self {
        match rate.hz() {
            ..96_000 => Self::Fourfold([1, 2, 3].map(|phase| taps(4, phase))),
            96_000..192_000 => Self::Twofold([taps(2, 1)]),
            _ => Self::None,
        }
    }

    /// How many samples before its own a point depends on.
    fn memory(&self) -> usize {
        match self {
            Self::Fourfold(_) => TAPS / 4 - 1,
            Self::Twofold(_) => TAPS / 2 - 1,
            Self::None => 0,
        }
    }

    /// The largest value between `samples`, from the first point on that has all it depends on.
    fn loudest(&self, samples: &[f32]) -> f32 {
        let largest = |peaks: &[f32]| peaks.iter().copied().fold(0.0, f32::max);
        match self {
            Self::Fourfold(phases) => largest(&phases.map(|taps| loudest(&taps, samples))),
            Self::Twofold(phases) => largest(&phases.map(|taps| loudest(&taps, samples))),
            Self::None => 0.0,
        }
    }
}

impl Peaks {
    pub(super) fn new(rate: SampleRate, channels: usize) -> Self {
        let interpolation = Interpolation::new(rate);
        // Before the first sample there is silence.
        let recent = vec![vec![0.0; interpolation.memory()]; channels];
        Self { sample: 0.0, between: 0.0, interpolation, recent }
    }

    /// Takes samples that the next depend on, but that do not count.
    pub(super) fn warm_up(&mut self, pcm: &Pcm) {
        for (recent, plane) in self.recent.iter_mut().zip(pcm.planes()) {
            recent.extend_from_slice(plane);
            recent.drain(..recent.len() - self.interpolation.memory());
        }
    }

    /// Takes samples that follow the last.
    pub(super) fn push(&mut self, pcm: &Pcm) {
        for (recent, plane) in self.recent.iter_mut().zip(pcm.planes()) {
            recent.extend_from_slice(plane);
            self.sample = self.sample.max(loudest(&[1.0], plane));
            self.between = self.between.max(self.sample).max(self.interpolation.loudest(recent));
            recent.drain(..recent.len() - self.interpolation.memory());
        }
    }
}

/// Every `factor`-th tap of a sinc under a Hann window, backwards.
#[allow(clippy::cast_possible_truncation)] // rounding to f32 is meant
fn taps<const N: usize>(factor: usize, phase: usize) -> [f32; N] {
    std::array::from_fn(|index| {
        let tap = ((N - 1 - index) * factor + phase) as f64;
        let window = 0.5 - 0.5 * (2.0 * PI * tap / TAPS as f64).cos();
        // Never 0, which is where the samples themselves are.
        let x = PI * (tap - TAPS as f64 / 2.0) / factor as f64;
        (window * x.sin() / x) as f32
    })
}

/// The largest absolute value of `samples` filtered by `taps`.
fn loudest<const N: usize>(taps: &[f32; N], samples: &[f32]) -> f32 {
    let mut peaks = [0.0_f32; LANES];
    let mut at = 0;
    while let Some(window) = samples.get(at..at + LANES + N - 1) {
        let mut sums = [0.0_f32; LANES];
        for (lag, &tap) in taps.iter().enumerate() {
            for (sum, &sample) in sums.iter_mut().zip(&window[lag..lag + LANES]) {
                *sum += tap * sample;
            }
        }
        for (peak, sum) in peaks.iter_mut().zip(sums) {
            *peak = if sum.abs() > *peak { sum.abs() } else { *peak };
        }
        at += LANES;
    }
    let rest = samples[at..].windows(N).map(|window| {
        let sum: f32 = window.iter().zip(taps).fold(0.0, |sum, (&sample, &tap)| sum + tap * sample);
        sum.abs()
    });
    rest.chain(peaks).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sine of amplitude 1 whose samples never come nearer to its crest than `distance` of a period.
    fn sine(period: usize, distance: f64, samples: usize) -> Pcm {
        let mut pcm = Pcm::default();
        pcm.reset(1, 0);
        let phase = |n: usize| 2.0 * PI * (0.25 + distance + n as f64 / period as f64);
        #[allow(clippy::cast_possible_truncation)] // rounding is meant
        pcm.plane_mut(0).extend((0..samples).map(|n| phase(n).sin() as f32));
        pcm
    }

    #[test]
    fn crests_between_samples_are_seen() {
        for (rate, period) in [(44_100, 4), (48_000, 6), (48_000, 8), (96_000, 4), (96_000, 8)] {
            let mut peaks = Peaks::new(SampleRate::new(rate).unwrap(), 1);
            let pcm = sine(period, 0.5 / period as f64, 24 * 400);
            peaks.warm_up(&pcm);
            peaks.push(&pcm);
            let under = (PI / period as f64).cos();
            assert!((f64::from(peaks.sample) - under).abs() < 1e-3, "{rate}: {}", peaks.sample);
            assert!((f64::from(peaks.between) - 1.0).abs() < 0.02, "{rate}/{period}: {}", peaks.between);
        }
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let rate = SampleRate::new(44_100).unwrap();
        let whole = sine(5, 0.06, 1_000);
        let mut peaks = Peaks::new(rate, 1);
        peaks.push(&whole);
        for cut in [1, 3, 11, 12, 500, 998] {
            let part = |from: usize, to: usize| {
                let mut pcm = Pcm::default();
                pcm.reset(1, from as u64);
                pcm.plane_mut(0).extend(&whole.plane(0)[from..to]);
                pcm
            };
            let mut pieces = Peaks::new(rate, 1);
            pieces.push(&part(0, cut));
            pieces.push(&part(cut, 1_000));
            assert_eq!((pieces.sample, pieces.between), (peaks.sample, peaks.between));
            let mut behind = Peaks::new(rate, 1);
            behind.warm_up(&part(0, cut));
            behind.push(&part(cut, 1_000));
            assert!(behind.between <= peaks.between);
        }
    }

    #[test]
    fn from_192_khz_on_samples_are_taken_as_they_are() {
        let mut peaks = Peaks::new(SampleRate::new(192_000).unwrap(), 1);
        peaks.push(&sine(4, 0.125, 100));
        assert!((peaks.between - 0.5_f32.sqrt()).abs() < 1e-6, "{}", peaks.between);
    }
}
