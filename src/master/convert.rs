//! A master's PCM as renditions want it: at another rate, with one or two channels.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use super::downmix::Downmix;
use super::resample::Resampler;
use super::{Codec, Decoder, FrameIndex, Layout, Master};
use crate::error::Result;
use crate::pcm::{Pcm, Repairs};
use crate::units::SampleRate;

/// Reads a master at any rate: decodes, mixes more than two channels down to stereo, resamples. One
/// per worker and master; it keeps its decoder open and its buffers warm.
pub struct Converter {
    master: Master,
    decoder: Decoder,
    downmix: Option<Downmix>,
    resamplers: HashMap<SampleRate, Resampler>,
    decoded: Pcm,
    mixed: Pcm,
}

impl Converter {
    /// A converter with a decoder of its own.
    ///
    /// # Errors
    /// Those of [`Master::decoder`].
    pub fn new(master: &Master) -> Result<Self> {
        Ok(Self::with(master, master.decoder()?))
    }

    /// One that gives silence for what is damaged or missing: for profiles with `:salvage`.
    ///
    /// # Errors
    /// Those of [`Master::salvaging_decoder`].
    pub fn salvaging(master: &Master) -> Result<Self> {
        Ok(Self::with(master, master.salvaging_decoder()?))
    }

    /// The one that a rendition wants. It seeks by `frames`.
    pub(crate) fn for_rendition(
        master: &Master,
        salvage: bool,
        frames: Option<Arc<FrameIndex>>,
    ) -> Result<Self> {
        Ok(Self::with(master, master.decoder_by(salvage, frames)?))
    }

    fn with(master: &Master, decoder: Decoder) -> Self {
        let layout = master.info().layout;
        Self {
            decoder,
            downmix: if layout.channels() > 2 { Downmix::new(&layout, 2) } else { None },
            resamplers: HashMap::new(),
            decoded: Pcm::default(),
            mixed: Pcm::default(),
            master: master.clone(),
        }
    }

    /// Fills `pcm` with samples `range` at `rate`: one channel for a mono master, two for all others.
    ///
    /// Samples that no encoder can take are repaired; of those in `counted` (positions in the master)
    /// it is told how many.
    ///
    /// # Errors
    /// Those of [`Decoder::read`].
    pub fn read(
        &mut self,
        rate: SampleRate,
        range: Range<u64>,
        counted: &Range<u64>,
        pcm: &mut Pcm,
    ) -> Result<Repairs> {
        let info = self.master.info();
        if rate == info.rate {
            // The last stage is the one that writes to `pcm`.
            let decoded = if self.downmix.is_some() { &mut self.decoded } else { &mut *pcm };
            self.decoder.read(range, decoded)?;
            let repairs = repair(info.codec, decoded, counted);
            if let Some(downmix) = &self.downmix {
                downmix.apply(&self.decoded, pcm);
            }
            return Ok(repairs);
        }

        let resampler = match self.resamplers.entry(rate) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Resampler::new(info.rate, rate)?),
        };
        self.decoder.read(resampler.input_range(&range, info.samples.0), &mut self.decoded)?;
        let repairs = repair(info.codec, &mut self.decoded, counted);
        let input = match &self.downmix {
            Some(downmix) => {
                downmix.apply(&self.decoded, &mut self.mixed);
                &self.mixed
            }
            None => &self.decoded,
        };
        resampler.resample(input, info.samples.0, range, pcm)?;
        Ok(repairs)
    }
}

/// Only floating-point samples can be beyond repairable bounds.
fn repair(codec: Codec, pcm: &mut Pcm, counted: &Range<u64>) -> Repairs {
    if codec == Codec::Float { pcm.repair(counted) } else { Repairs::default() }
}

/// From the one or two channels that [`Converter::read`] gives to those of a rendition; `None` where
/// nothing needs doing.
#[must_use]
pub fn to_channels(given: usize, wanted: usize) -> Option<Downmix> {
    let layout = if given == 1 { Layout::MONO } else { Layout::STEREO };
    Downmix::new(&layout, wanted)
}
