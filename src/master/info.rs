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
    /// RIFF WAVE, RF64 included.
    Wav,
    /// AIFF or AIFF-C.
    Aiff,
    /// MPEG-4 (M4A).
    Mp4,
    /// Apple's Core Audio Format.
    Caf,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flac => "FLAC",
            Self::Ogg => "Ogg",
            Self::Wav => "WAV",
            Self::Aiff => "AIFF",
            Self::Mp4 => "M4A",
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
    /// Not stated, or above the listener.
    Other,
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

    /// The layout of `channels` channels under a channel mask as WAV and CAF have it. Channels
    /// beyond those in the mask have no stated position; one or two channels always are mono or
    /// stereo if the mask does not say otherwise.
    pub(super) fn masked(mask: u32, channels: usize) -> Option<Self> {
        use Position::{
            FrontCentre, FrontLeft, FrontLeftOfCentre, FrontRight, FrontRightOfCentre, Lfe, Other,
            RearCentre, RearLeft, RearRight, SideLeft, SideRight,
        };
        const BITS: [Position; 11] = [
            FrontLeft,
            FrontRight,
            FrontCentre,
            Lfe,
            RearLeft,
            RearRight,
            FrontLeftOfCentre,
            FrontRightOfCentre,
            RearCentre,
            SideLeft,
            SideRight,
        ];
        if channels == 1 || (channels == 2 && mask == 0) {
            return Self::usual(channels);
        }
        let stated = (0..u32::BITS)
            .filter(|bit| mask & (1 << bit) != 0)
            .map(|bit| BITS.get(bit as usize).copied().unwrap_or(Other));
        let all: Vec<_> = stated.chain(std::iter::repeat(Other)).take(channels).collect();
        Self::new(&all)
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

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lfe = self.positions().iter().filter(|&&p| p == Position::Lfe).count();
        let full = self.channels() - lfe;
        match (*self, lfe) {
            (Self::MONO, _) => f.pad("mono"),
            (Self::STEREO, _) => f.pad("stereo"),
            (_, 0) if full < 3 => f.pad(&format!("{full} channels")),
            _ => f.pad(&format!("{full}.{lfe}")),
        }
    }
}

/// The facts of a master.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The duration in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.rate.seconds(self.samples)
    }
}
