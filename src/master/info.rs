//! What a master is: the facts that planning and pricing rest on.

use std::fmt;

use crate::units::{SampleRate, Samples};

/// How the audio is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Container {
    /// Native FLAC.
    Flac,
    /// FLAC in Ogg.
    Ogg,
    /// RIFF WAVE; RIFX and RF64 included.
    Wav,
    /// Wave64.
    Wave64,
    /// AIFF or AIFF-C.
    Aiff,
    /// MPEG-4 of audio alone, by its brand.
    M4a,
    /// MPEG-4.
    Mp4,
    /// `QuickTime`.
    Mov,
    /// Apple's Core Audio Format.
    Caf,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flac => "FLAC",
            Self::Ogg => "Ogg",
            Self::Wav => "WAV",
            Self::Wave64 => "Wave64",
            Self::Aiff => "AIFF",
            Self::M4a => "M4A",
            Self::Mp4 => "MP4",
            Self::Mov => "MOV",
            Self::Caf => "CAF",
        })
    }
}

/// How the samples are coded. All of them are lossless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Free Lossless Audio Codec.
    Flac,
    /// Apple Lossless.
    Alac,
    /// Integer PCM.
    Pcm,
    /// Floating-point PCM.
    Float,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flac => "FLAC",
            Self::Alac => "ALAC",
            Self::Pcm => "PCM",
            Self::Float => "float PCM",
        })
    }
}

/// Where a channel's loudspeaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Position {
    /// Front left.
    FrontLeft,
    /// Front right.
    FrontRight,
    /// Front centre; also the only channel of a mono master.
    FrontCentre,
    /// Low-frequency effects (the ".1").
    Lfe,
    /// Rear left: the surround left of 5.1 masters that have no side channels.
    RearLeft,
    /// Rear right.
    RearRight,
    /// Rear centre.
    RearCentre,
    /// Side left.
    SideLeft,
    /// Side right.
    SideRight,
    /// Between front left and centre.
    FrontLeftOfCentre,
    /// Between front right and centre.
    FrontRightOfCentre,
    /// Above the listener.
    TopCentre,
    /// Above front left.
    TopFrontLeft,
    /// Above the front centre.
    TopFrontCentre,
    /// Above front right.
    TopFrontRight,
    /// Above rear left.
    TopRearLeft,
    /// Above the rear centre.
    TopRearCentre,
    /// Above rear right.
    TopRearRight,
    /// Not stated, or none of these.
    Other,
}

/// Written as ffmpeg and others shorten it. Part of what a [`MasterId`](super::MasterId) is made of: never to be
/// changed.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::FrontLeft => "FL",
            Self::FrontRight => "FR",
            Self::FrontCentre => "FC",
            Self::Lfe => "LFE",
            Self::RearLeft => "BL",
            Self::RearRight => "BR",
            Self::RearCentre => "BC",
            Self::SideLeft => "SL",
            Self::SideRight => "SR",
            Self::FrontLeftOfCentre => "FLC",
            Self::FrontRightOfCentre => "FRC",
            Self::TopCentre => "TC",
            Self::TopFrontLeft => "TFL",
            Self::TopFrontCentre => "TFC",
            Self::TopFrontRight => "TFR",
            Self::TopRearLeft => "TBL",
            Self::TopRearCentre => "TBC",
            Self::TopRearRight => "TBR",
            Self::Other => "-",
        })
    }
}

/// The channels in the order of their planes: 1 to 8.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layout {
    positions: [Position; Self::MAX],
    count: u8,
}

impl Layout {
    /// The most channels that a master may have.
    pub const MAX: usize = 8;
    /// One channel.
    pub const MONO: Self = Self::of(&[Position::FrontCentre]);
    /// Left and right.
    pub const STEREO: Self = Self::of(&[Position::FrontLeft, Position::FrontRight]);

    /// The layout of channels at `positions`, in this order; `None` unless there are 1 to 8.
    #[must_use]
    pub fn new(positions: &[Position]) -> Option<Self> {
        (1..=Self::MAX).contains(&positions.len()).then(|| Self::of(positions))
    }

    const fn of(positions: &[Position]) -> Self {
        let mut all = [Position::Other; Self::MAX];
        let mut i = 0;
        while i < positions.len() {
            all[i] = positions[i];
            i += 1;
        }
        #[allow(clippy::cast_possible_truncation)] // at most 8
        Self { positions: all, count: positions.len() as u8 }
    }

    /// The usual layout of so many channels, for formats that state only their number: FLAC's
    /// (RFC 9639), which is also what WAV files without a channel mask mean.
    pub(super) fn usual(channels: usize) -> Option<Self> {
        use Position::{
            FrontCentre as Fc, FrontLeft as Fl, FrontRight as Fr, Lfe, RearCentre as Rc, RearLeft as Rl,
            RearRight as Rr, SideLeft as Sl, SideRight as Sr,
        };
        match channels {
            1 => Some(Self::MONO),
            2 => Some(Self::STEREO),
            3 => Self::new(&[Fl, Fr, Fc]),
            4 => Self::new(&[Fl, Fr, Rl, Rr]),
            5 => Self::new(&[Fl, Fr, Fc, Rl, Rr]),
            6 => Self::new(&[Fl, Fr, Fc, Lfe, Rl, Rr]),
            7 => Self::new(&[Fl, Fr, Fc, Lfe, Rc, Sl, Sr]),
            8 => Self::new(&[Fl, Fr, Fc, Lfe, Rl, Rr, Sl, Sr]),
            _ => None,
        }
    }

    /// The number of channels.
    #[must_use]
    pub const fn channels(&self) -> usize {
        self.count as usize
    }

    /// Where each channel belongs.
    #[must_use]
    pub fn positions(&self) -> &[Position] {
        &self.positions[..self.channels()]
    }
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.positions()).finish()
    }
}

/// Its name: `mono`, `stereo`, `quad`, or how many channels there are around the listener and for low frequencies,
/// such as `5.1`; `3 channels` where they have no places.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Position::{FrontLeft, FrontRight, Lfe, Other, RearLeft, RearRight};
        let count = |position| self.positions().iter().filter(|&&other| other == position).count();
        let lfe = count(Lfe);
        match *self {
            Self::MONO => f.pad("mono"),
            Self::STEREO => f.pad("stereo"),
            _ if self.positions() == [FrontLeft, FrontRight, RearLeft, RearRight] => f.pad("quad"),
            _ if count(Other) > 0 || self.channels() < 3 => f.pad(&format!("{} channels", self.channels())),
            _ => f.pad(&format!("{}.{lfe}", self.channels() - lfe)),
        }
    }
}

/// The facts of a master.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MasterInfo {
    /// How the audio is wrapped.
    pub container: Container,
    /// How the samples are coded.
    pub codec: Codec,
    /// The sampling rate: 8 to 384 kHz.
    pub rate: SampleRate,
    /// Bits per sample: 4 to 32 for integers, 32 or 64 for floating point.
    pub bits: u8,
    /// The channels.
    pub layout: Layout,
    /// The exact number of samples per channel, counted where the file does not state it. Never 0.
    pub samples: Samples,
}

impl MasterInfo {
    /// The facts of a master that need not be at hand: for plans and prices from a catalogue.
    #[must_use]
    pub const fn new(
        container: Container,
        codec: Codec,
        rate: SampleRate,
        bits: u8,
        layout: Layout,
        samples: Samples,
    ) -> Self {
        Self { container, codec, rate, bits, layout, samples }
    }

    /// The duration in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.rate.seconds(self.samples)
    }
}
