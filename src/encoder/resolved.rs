//! A profile with every choice made.

use std::fmt;

use crate::mp3::frame::{Mode, Version};
use crate::profile::Encoder;
use crate::units::{Kbps, SampleRate};

/// A profile with every choice made for one master: the same for all spellings that mean the same.
///
/// [`Profile::resolve`](crate::Profile::resolve) makes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolved {
    pub(crate) encoder: Encoder,
    pub(crate) rate: SampleRate,
    pub(crate) mode: Mode,
    pub(crate) coding: ResolvedCoding,
    pub(crate) lowpass: Option<u32>,
    pub(crate) effort: u8,
    pub(crate) whole: bool,
    pub(crate) salvage: bool,
}

/// As [`Coding`](crate::profile::Coding), with VBR quality as LAME uses it: at rates that it chose itself it maps the
/// customer's quality to another (V7 of a 44.1 kHz master is 32 kHz at 5.633).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ResolvedCoding {
    /// Constant bitrate.
    Cbr(Kbps),
    /// Average bitrate.
    Abr(Kbps),
    /// LAME's internal VBR quality.
    Vbr(f32),
}

impl Resolved {
    /// The encoder.
    #[must_use]
    pub const fn encoder(&self) -> Encoder {
        self.encoder
    }

    /// The sampling rate of the rendition: one of MP3's nine.
    #[must_use]
    pub const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// How channels are coded: [`Mode::Mono`], [`Mode::Stereo`] or [`Mode::Joint`].
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// How bits are spent.
    #[must_use]
    pub const fn coding(&self) -> ResolvedCoding {
        self.coding
    }

    /// Where the encoder's low-pass begins, in hertz; `None` for no low-pass.
    #[must_use]
    pub const fn lowpass(&self) -> Option<u32> {
        self.lowpass
    }

    /// The effort as the encoder uses it: efforts that it treats alike are one (LAME's VBR knows 0, 5, 6 and 7).
    #[must_use]
    pub const fn effort(&self) -> u8 {
        self.effort
    }

    /// Whether it is one segment instead of a grid.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether silence stands for what is damaged or missing in the master.
    #[must_use]
    pub const fn is_salvaged(&self) -> bool {
        self.salvage
    }

    /// The MPEG version of its frames.
    #[must_use]
    pub fn version(&self) -> Version {
        Version::of(self.rate).unwrap_or_else(|| unreachable!("only MP3's rates are resolved to"))
    }

    /// Whether the size is known beforehand.
    #[must_use]
    pub const fn is_cbr(&self) -> bool {
        matches!(self.coding, ResolvedCoding::Cbr(_))
    }

    /// 1 or 2.
    #[must_use]
    pub fn channels(&self) -> usize {
        if self.mode == Mode::Mono { 1 } else { 2 }
    }
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.coding {
            ResolvedCoding::Cbr(kbps) => write!(f, "CBR {kbps}")?,
            ResolvedCoding::Abr(kbps) => write!(f, "ABR {kbps}")?,
            ResolvedCoding::Vbr(quality) => write!(f, "VBR {quality}")?,
        }
        let mode = match self.mode {
            Mode::Mono => "mono",
            Mode::Joint => "joint stereo",
            Mode::Stereo | Mode::Dual => "stereo",
        };
        write!(f, ", {}, {mode}, ", self.rate)?;
        match self.lowpass {
            Some(hz) => write!(f, "low-pass {hz} Hz")?,
            None => f.write_str("no low-pass")?,
        }
        let (whole, salvage) =
            (if self.whole { ", whole" } else { "" }, if self.salvage { ", salvage" } else { "" });
        write!(f, ", q {}{whole}{salvage}", self.effort)
    }
}
