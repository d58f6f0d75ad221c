//! Planar floating-point audio that knows where in its stream it lies.

use std::ops::Range;

/// Samples of one stretch of audio: one plane per channel, ±1.0 full scale.
///
/// `f32` holds 16- and 24-bit integers exactly. The buffer is meant to be reused: [`reset`](Self::reset)
/// keeps its memory.
///
/// ```
/// use tonepress::pcm::Pcm;
/// let mut pcm = Pcm::default();
/// pcm.reset(2, 1_000);
/// pcm.plane_mut(0).extend([0.5, 0.25]);
/// pcm.plane_mut(1).extend([0.0, -0.5]);
/// assert_eq!(pcm.range(), 1_000..1_002);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pcm {
    start: u64,
    planes: Vec<Vec<f32>>,
}

impl Pcm {
    /// Empties the buffer and gives it `channels` planes whose first sample will be number `start` of its stream.
    pub fn reset(&mut self, channels: usize, start: u64) {
        self.start = start;
        self.planes.resize_with(channels, Vec::new);
        for plane in &mut self.planes {
            plane.clear();
        }
    }

    /// The number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.planes.len()
    }

    /// The number of samples in each channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.planes.first().map_or(0, Vec::len)
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which samples of the stream these are.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.start..self.start + self.len() as u64
    }

    /// One channel.
    ///
    /// # Panics
    /// If there is no such channel.
    #[must_use]
    pub fn plane(&self, channel: usize) -> &[f32] {
        &self.planes[channel]
    }

    /// One channel, to fill. All planes must end with the same length.
    ///
    /// # Panics
    /// If there is no such channel.
    #[must_use]
    pub fn plane_mut(&mut self, channel: usize) -> &mut Vec<f32> {
        &mut self.planes[channel]
    }

    /// All channels, to fill. All must end with the same length.
    pub(crate) fn planes_mut(&mut self) -> &mut [Vec<f32>] {
        &mut self.planes
    }

    /// All channels.
    pub fn planes(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.planes.iter().map(Vec::as_slice)
    }

    /// Makes every sample one that an encoder can take: NaN and infinities become silence, values
    /// beyond full scale are clamped to ±1.0. Only what lies within `counted` (positions in the
    /// stream) is counted, so that stretches that overlap are not counted twice.
    pub fn repair(&mut self, counted: &Range<u64>) -> Repairs {
        let mut repairs = Repairs::default();
        for plane in &mut self.planes {
            for (position, sample) in (self.start..).zip(plane) {
                let (fixed, count) = if !sample.is_finite() {
                    (0.0, &mut repairs.not_finite)
                } else if sample.abs() > 1.0 {
                    (sample.clamp(-1.0, 1.0), &mut repairs.clamped)
                } else {
                    continue;
                };
                *sample = fixed;
                *count += u64::from(counted.contains(&position));
            }
        }
        repairs
    }
}

/// How many samples (over all channels) of a floating-point master could not be used as they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repairs {
    /// NaN or infinite: replaced by silence.
    pub not_finite: u64,
    /// Beyond full scale: clamped to ±1.0.
    pub clamped: u64,
}

impl std::ops::AddAssign for Repairs {
    fn add_assign(&mut self, other: Self) {
        self.not_finite += other.not_finite;
        self.clamped += other.clamped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repair_changes_all_but_counts_only_the_given_range() {
        let mut pcm = Pcm::default();
        pcm.reset(1, 10);
        pcm.plane_mut(0).extend([f32::NAN, 1.5, -2.0, f32::INFINITY, 0.5]);
        let repairs = pcm.repair(&(11..13));
        assert_eq!(pcm.plane(0), [0.0, 1.0, -1.0, 0.0, 0.5]);
        assert_eq!(repairs, Repairs { not_finite: 0, clamped: 2 });
    }
}
