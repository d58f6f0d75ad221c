//! One segment's encoder: analysis and coding, frame by frame.

use super::analysis::Analysis;
use super::coder::{Coder, Settings};
use super::granule::Granule;
use crate::lanes::Best;
use crate::mp3::frame::Mode;

/// Encodes one segment.
pub(crate) struct Encoder {
    analysis: Analysis,
    coder: Coder,
    granules: Box<[Granule; 2]>,
    granules_per_frame: usize,
    channels: usize,
}

impl Encoder {
    pub(crate) fn new(settings: Settings) -> Self {
        Self::with(Best::detect(), settings)
    }

    /// With instructions that are not the best ones: the bytes are the same.
    pub(crate) fn with(best: Best, settings: Settings) -> Self {
        let channels = if settings.mode == Mode::Mono { 1 } else { 2 };
        Self {
            analysis: Analysis::new(best, settings.rate, channels, settings.lowpass),
            coder: Coder::new(best, settings),
            granules: Box::new([const { Granule::SILENT }; 2]),
            granules_per_frame: if settings.version.samples_per_frame() == 1_152 { 2 } else { 1 },
            channels,
        }
    }

    /// Takes one frame of PCM, full scale at +-1.0, and appends the bytes that are complete to `out`. What is not a
    /// number counts as silence.
    pub(crate) fn encode(&mut self, planes: &[&[f32]], out: &mut Vec<u8>) {
        let granules = &mut self.granules[..self.granules_per_frame];
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
