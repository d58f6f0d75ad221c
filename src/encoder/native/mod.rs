//! The native encoder: MPEG-1, 2 and 2.5 layer III, written for this project from the standards ISO/IEC 11172-3 and
//! 13818-3. It has the delay, the padding and the sizes of LAME, so plans are the same arithmetic; and it gives the
//! same bytes on every processor, as nothing in it is fused, reordered, or left to a mathematics library.

// Kernels must be inlined into the function that has the processor's instructions; numbers are converted between
// the few types of the format, within its limits; and loops over bands and lanes index several arrays at once.
#![allow(
    clippy::inline_always,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::needless_range_loop,
    clippy::float_cmp,
    clippy::large_stack_arrays,
    clippy::too_many_arguments,
    clippy::many_single_char_names,
    clippy::approx_constant,
    clippy::struct_field_names,
    clippy::fn_params_excessive_bools,
    clippy::too_many_lines
)]

mod analysis;
mod attack;
mod bands;
mod bits;
mod code_part;
mod coder;
mod codes;
#[cfg(test)]
mod decoder;
mod demand;
mod encoder;
mod gains;
mod granule;
mod huffman;
mod masking;
mod math;
mod mdct;
mod part;
mod partitions;
mod polyphase;
mod prototype;
mod quantise;
mod rate;
mod scalefactors;
mod signal;
mod spectrum;
mod stream;
#[cfg(test)]
mod tests;
mod vbr;

use super::{EncoderFacts, FrameEncoder, Resolved, ResolvedCoding, lame};
use crate::error::{Error, Result};
use crate::mp3::info::{Method, TagFacts};
use crate::profile::{Encoder, Profile};
use crate::units::SampleRate;
use coder::{RateControl, Settings};

/// Those of LAME.
pub(super) const FACTS: EncoderFacts = lame::FACTS;

/// Raised whenever its bytes change. Nothing else changes them, so it is its fingerprint.
pub(super) const VERSION: &str = "4";

/// No package of others is in it.
pub(super) const COMPONENTS: [(&str, &str); 0] = [];

/// The settings: rate, mode and low-pass are chosen as LAME would.
///
/// # Errors
/// As LAME's choice, and [`Error::Profile`] if another effort than the default is asked for.
pub(super) fn choose(profile: &Profile, rate: SampleRate, channels: usize) -> Result<Resolved> {
    if profile.effort != Profile::DEFAULT_EFFORT {
        let detail = "the native encoder has one effort: leave out :q, or say :lame".to_owned();
        return Err(Error::Profile { profile: profile.to_string(), detail });
    }
    let as_lame = lame::choose(profile, rate, channels)?;
    Ok(Resolved { encoder: Encoder::Native, ..as_lame })
}

/// What the Info frame says of it. Decoders look for the name LAME before they believe the delays.
pub(super) fn tag_facts(settings: &Resolved) -> TagFacts {
    let (method, vbr_quality, preset) = match settings.coding {
        ResolvedCoding::Cbr(kbps) => (Method::Cbr(kbps), 4, kbps.0),
        ResolvedCoding::Abr(kbps) => (Method::Abr(kbps), 4, kbps.0),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 9
        ResolvedCoding::Vbr(quality) => (Method::Vbr, quality as u32, 500 - 10 * quality as u16),
    };
    TagFacts {
        encoder: *b"LAME tone",
        method,
        quality: 100 - 10 * vbr_quality - u32::from(settings.effort),
        lowpass: settings.lowpass,
        ath_type: 0,
        safe_joint: false,
        noise_shaping: 1,
        preset,
    }
}

/// The native encoder at work.
pub(super) struct Native(encoder::Encoder);

impl Native {
    pub(super) fn new(settings: &Resolved, frames: Option<u64>) -> Self {
        Self(encoder::Encoder::new(Settings {
            version: settings.version(),
            rate: settings.rate.hz(),
            mode: settings.mode,
            coding: match settings.coding {
                ResolvedCoding::Cbr(kbps) => RateControl::Cbr(kbps.0),
                ResolvedCoding::Abr(kbps) => RateControl::Abr(kbps.0),
                ResolvedCoding::Vbr(quality) => RateControl::Vbr(quality),
            },
            lowpass: settings.lowpass,
            frames,
        }))
    }
}

impl FrameEncoder for Native {
    fn encode(&mut self, planes: &[&[f32]], out: &mut Vec<u8>) -> Result<()> {
        self.0.encode(planes, out);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.0.flush(out);
        Ok(())
    }

    fn frames(&self) -> u64 {
        self.0.frames()
    }
}
