//! One segment's encoder: analysis and coding, frame by frame.

use super::analysis::Analysis;
use super::coder::{Coder, Settings};
use super::granule::Granule;
use crate::mp3::frame::Mode;

/// Samples of a channel in the largest frame.
const MAX_FRAME: usize = 1_152;
/// Samples are clipped to this many times full scale: far more than any decoder gives.
const MAX_SAMPLE: f32 = 16.0;

/// Encodes one segment.
pub(crate) struct Encoder {
    analysis: Analysis,
    coder: Coder,
    granules: Box<[Granule; 2]>,
    planes: Box<[[f32; MAX_FRAME]; 2]>,
    frame_samples: usize,
    channels: usize,
}

impl Encoder {
    pub(crate) fn new(settings: Settings) -> Self {
        let channels = if settings.mode == Mode::Mono { 1 } else { 2 };
        Self {
            analysis: Analysis::new(settings.rate, channels, settings.lowpass),
            coder: Coder::new(settings),
            granules: Box::new([const { Granule::SILENT }; 2]),
            planes: Box::new([[0.0; MAX_FRAME]; 2]),
            frame_samples: if settings.version.samples_per_frame() == 1_152 { 1_152 } else { 576 },
            channels,
        }
    }

    /// As [`new`](Self::new), without any instructions that not every processor has: the bytes are the same.
    #[cfg(test)]
    pub(crate) fn portable(settings: Settings) -> Self {
        use super::lanes::{Best, Portable};
        let mut encoder = Self::new(settings);
        encoder.analysis =
            Analysis::with(Best::Portable(Portable), settings.rate, encoder.channels, settings.lowpass);
        encoder.coder.make_portable();
        encoder
    }

    /// Takes one frame of PCM, full scale at +-1.0, and appends the bytes that are complete to `out`. What is not a
    /// number counts as silence.
    pub(crate) fn encode(&mut self, planes: &[&[f32]], out: &mut Vec<u8>) {
        for (plane, samples) in self.planes.iter_mut().zip(&planes[..self.channels]) {
            for (sample, &given) in plane.iter_mut().zip(&samples[..self.frame_samples]) {
                *sample = if given.is_nan() { 0.0 } else { given.clamp(-MAX_SAMPLE, MAX_SAMPLE) };
            }
        }
        let planes = [&self.planes[0][..self.frame_samples], &self.planes[1][..self.frame_samples]];
        let granules = &mut self.granules[..self.frame_samples / 576];
        if self.analysis.push(&planes[..self.channels], granules) {
            self.coder.code(granules, out);
        }
    }

    /// Completes the frames encoded so far, so that the next borrows no bits from them.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) {
        self.coder.flush(out);
    }

    /// The frames encoded so far: one less than were taken.
    pub(crate) fn frames(&self) -> u64 {
        self.coder.frames()
    }
}
