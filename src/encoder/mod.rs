//! Encoders, behind one seam: what chooses their settings, what they are fed with, and what others must know
//! of them.
//!
//! An encoder takes PCM a frame at a time and gives the bytes of MP3 frames. Segments, sizes, Info frames and keys
//! are the same arithmetic for all encoders; what differs is told by each encoder.

pub mod floor;
mod lame;
mod native;
mod processor;
mod resolve;
mod resolved;

pub use crate::profile::Encoder;
pub use resolved::{Resolved, ResolvedCoding};

pub(crate) use processor::LAME_FLAGS;

use crate::error::Result;
use crate::mp3::info::TagFacts;
use crate::profile::Profile;
use crate::units::SampleRate;

/// An encoder at work. It is fed one frame after the other.
pub(crate) trait FrameEncoder: Send {
    /// Encodes the next frame and appends the bytes that are ready to `out`.
    ///
    /// There is one plane for each channel of the rendition, of one frame's samples each (1,152 or 576), full
    /// scale being ±1.0.
    fn encode(&mut self, planes: &[&[f32]], out: &mut Vec<u8>) -> Result<()>;

    /// Completes the frames encoded so far and appends the bytes that were held back. Frames that follow borrow
    /// no bits from them.
    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()>;

    /// The number of frames encoded so far, including those whose bytes are still held back.
    fn frames(&self) -> u64;
}

/// What plans must know of an encoder.
pub(crate) struct EncoderFacts {
    /// Samples by which it delays its input.
    pub(crate) delay: u32,
    /// Frames that it must have seen beyond the one that it finishes.
    pub(crate) look_ahead: u64,
    /// Frames before a segment that warm it up and are thrown away.
    pub(crate) pre_roll: u64,
}

impl Encoder {
    /// Makes every choice that `profile` leaves open, for PCM at `rate` with `channels` channels.
    ///
    /// The bitrate stays as asked for: whether the chosen rate allows it is the caller's to check.
    fn choose(self, profile: &Profile, rate: SampleRate, channels: usize) -> Result<Resolved> {
        match self {
            Self::Lame => lame::choose(profile, rate, channels),
            Self::Native => native::choose(profile, rate, channels),
        }
    }

    /// An encoder with these settings. If the number of frames that it will be asked for is known, it spends by then what it
    /// has saved.
    ///
    /// # Errors
    /// [`Error::Processor`](crate::Error::Processor), or [`Error::Internal`](crate::Error::Internal) if the settings
    /// are refused.
    pub(crate) fn start(settings: &Resolved, frames: Option<u64>) -> Result<Box<dyn FrameEncoder>> {
        Ok(match settings.encoder {
            Self::Lame => Box::new(lame::Lame::new(settings)?),
            Self::Native => Box::new(native::Native::new(settings, frames)),
        })
    }

    pub(crate) const fn facts(self) -> EncoderFacts {
        match self {
            Self::Lame => lame::FACTS,
            Self::Native => native::FACTS,
        }
    }

    /// What the Info frame says of an encoder with these settings.
    pub(crate) fn tag_facts(settings: &Resolved) -> Result<TagFacts> {
        match settings.encoder {
            Self::Lame => lame::tag_facts(settings),
            Self::Native => Ok(native::tag_facts(settings)),
        }
    }

    /// The packages that it is made of, at the versions that this release was made with: a part of its
    /// fingerprint.
    #[must_use]
    pub const fn components(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Lame => &lame::COMPONENTS,
            Self::Native => &native::COMPONENTS,
        }
    }

    /// Its version, such as "3.100".
    #[must_use]
    pub fn version(self) -> String {
        match self {
            Self::Lame => lame::version(),
            Self::Native => native::VERSION.to_owned(),
        }
    }

    /// Refuses to go on where its code cannot run.
    ///
    /// # Errors
    /// [`Error::Processor`](crate::Error::Processor).
    pub fn require_processor(self) -> Result<()> {
        match self {
            // The native encoder's settings are chosen as LAME would.
            Self::Lame | Self::Native => processor::require(),
        }
    }
}
