//! Newtypes for the quantities that are easy to mix up: rates, sample counts, frame counts, bitrates.

use std::fmt;
use std::ops::{Add, Sub};

/// A sampling frequency in hertz. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

impl SampleRate {
    /// The lowest rate a master may have: 8 kHz.
    pub const MIN: Self = Self(8_000);
    /// The highest rate a master may have: 384 kHz.
    pub const MAX: Self = Self(384_000);

    /// A rate between [`MIN`](Self::MIN) and [`MAX`](Self::MAX), or `None`.
    #[must_use]
    pub fn new(hz: u32) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&hz).then_some(Self(hz))
    }

    /// The rate in hertz.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// How long `samples` last at this rate, in seconds.
    ///
    /// ```
    /// use tonepress::{SampleRate, Samples};
    /// let rate = SampleRate::new(44_100).unwrap();
    /// assert_eq!(rate.seconds(Samples(22_050)), 0.5);
    /// ```
    #[must_use]
    pub fn seconds(self, samples: Samples) -> f64 {
        samples.0 as f64 / f64::from(self.0)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

/// A bitrate in kilobits (1,000 bits) per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kbps(pub u16);

impl fmt::Display for Kbps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kbps", self.0)
    }
}

/// A number of samples per channel, or the position of one from the start of the audio.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Samples(pub u64);

/// A number of MP3 frames, or the index of one; the Info frame is never counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frames(pub u64);

macro_rules! count {
    ($($name:ident),*) => {$(
        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

count!(Samples, Frames);
