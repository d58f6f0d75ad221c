//! A deterministic signal that keeps an encoder busy: chords, percussion, noise, and silence.

use std::ops::Range;

use tonepress::pcm::Pcm;

/// Music-like stereo of some length; any range of it can be had.
pub struct Music {
    rate: f64,
    samples: u64,
    /// The seconds over which it rises, from 80 dB below.
    fade_in: f64,
}

impl Music {
    pub fn new(rate: u32, samples: u64) -> Self {
        Self { rate: f64::from(rate), samples, fade_in: 0.0 }
    }

    /// The same, faded in evenly in decibels from -80: a long quiet passage.
    pub fn fading_in(self, seconds: f64) -> Self {
        Self { fade_in: seconds, ..self }
    }

    /// Fills `pcm` with `range`, cut at the end of the signal.
    pub fn fill(&self, pcm: &mut Pcm, channels: usize, range: Range<u64>) {
        pcm.reset(channels, range.start);
        for at in range.start..range.end.min(self.samples) {
            for channel in 0..channels {
                let sample = self.sample(at, channel);
                pcm.plane_mut(channel).push(sample);
            }
        }
    }

    /// One sample, exact in 16 bits.
    pub fn sample(&self, at: u64, channel: usize) -> f32 {
        let t = at as f64 / self.rate;
        let beat = (t * 2.0) as u64;
        let since = t * 2.0 - beat as f64;
        // Every 8th bar of 4 beats is silent, so that encoders meet digital silence.
        if beat / 4 % 8 == 7 {
            return 0.0;
        }
        let root = 110.0 * 2f64.powf(f64::from([0, 5, 7, 3][(beat / 4 % 4) as usize]) / 12.0);
        let pan = if channel == 0 { 1.0 } else { 0.7 };
        let mut value = 0.0;
        for (step, gain) in [(1.0, 0.25), (1.26, 0.15), (1.5, 0.15), (4.0, 0.04), (9.0, 0.02)] {
            value += gain * pan * (std::f64::consts::TAU * root * step * t).sin();
        }
        let noise = hash(at * 2 + channel as u64);
        value += noise * 0.35 * (-40.0 * since).exp();
        if t < self.fade_in {
            value *= 10f64.powf(-4.0 * (1.0 - t / self.fade_in));
        }
        ((value * 30_000.0).round() / 32_768.0) as f32
    }
}

/// White noise, ±1, the same for the same number.
fn hash(n: u64) -> f64 {
    let mut x = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}
