//! MPEG audio layer III frame headers: bitrates, sizes, parsing.
//!
//! Source: ISO/IEC 11172-3 §2.4.1.3 and §2.4.2.3, ISO/IEC 13818-3 §2.4.1.3; MPEG-2.5 is the
//! unofficial extension to 8-12 kHz that every decoder knows.

use crate::units::{Kbps, SampleRate};

/// Which of the three families of sampling rates a frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// 32, 44.1, 48 kHz.
    Mpeg1,
    /// 16, 22.05, 24 kHz.
    Mpeg2,
    /// 8, 11.025, 12 kHz.
    Mpeg25,
}

/// The nine sampling rates of MP3 in hertz, highest first.
pub const RATES: [u32; 9] = [48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

const KBPS_MPEG1: [u16; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBPS_MPEG2: [u16; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
/// The order of the two-bit rate field for MPEG-1; halved and quartered for the others.
const RATE_FIELD: [u32; 3] = [44_100, 48_000, 32_000];

impl Version {
    /// The version that has `rate`, or `None` if MP3 has no such rate.
    #[must_use]
    pub fn of(rate: SampleRate) -> Option<Self> {
        match rate.hz() {
            32_000 | 44_100 | 48_000 => Some(Self::Mpeg1),
            16_000 | 22_050 | 24_000 => Some(Self::Mpeg2),
            8_000 | 11_025 | 12_000 => Some(Self::Mpeg25),
            _ => None,
        }
    }

    /// Samples per channel in a frame.
    #[must_use]
    pub const fn samples_per_frame(self) -> u64 {
        match self {
            Self::Mpeg1 => 1152,
            Self::Mpeg2 | Self::Mpeg25 => 576,
        }
    }

    /// The bitrates that can be encoded, ascending. LAME, like most encoders, stops at 64 kbps for MPEG-2.5.
    #[must_use]
    pub fn bitrates(self) -> &'static [u16] {
        match self {
            Self::Mpeg1 => &KBPS_MPEG1,
            Self::Mpeg2 => &KBPS_MPEG2,
            Self::Mpeg25 => &KBPS_MPEG2[..8],
        }
    }

    /// The highest bitrate.
    #[must_use]
    pub fn max_bitrate(self) -> Kbps {
        Kbps(self.bitrates()[self.bitrates().len() - 1])
    }

    /// The size of the side information in bytes, without header and CRC.
    #[must_use]
    pub const fn side_info(self, mono: bool) -> usize {
        match (self, mono) {
            (Self::Mpeg1, false) => 32,
            (Self::Mpeg1, true) | (_, false) => 17,
            (_, true) => 9,
        }
    }

    /// The divisor from the MPEG-1 rate with the same header field.
    const fn divisor(self) -> u32 {
        match self {
            Self::Mpeg1 => 1,
            Self::Mpeg2 => 2,
            Self::Mpeg25 => 4,
        }
    }
}

/// The channel mode of a frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Left and right on their own.
    Stereo,
    /// Left/right or mid/side, frame by frame.
    Joint,
    /// Two unrelated channels.
    Dual,
    /// One channel.
    Mono,
}

/// A frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The MPEG version.
    pub version: Version,
    /// The sampling rate in hertz, one of [`RATES`].
    pub rate: u32,
    /// The bitrate.
    pub bitrate: Kbps,
    /// Whether the frame is one byte longer.
    pub padding: bool,
    /// The channel mode.
    pub mode: Mode,
}

impl Header {
    /// The size of a header in bytes.
    pub const SIZE: usize = 4;

    /// Reads a layer III header. `None` for anything else, free format included.
    ///
    /// ```
    /// use tonepress::mp3::frame::Header;
    /// let header = Header::parse([0xFF, 0xFB, 0x92, 0x64]).unwrap();
    /// assert_eq!((header.rate, header.bitrate.0, header.size()), (44_100, 128, 418));
    /// ```
    #[must_use]
    pub fn parse(bytes: [u8; 4]) -> Option<Self> {
        let word = u32::from_be_bytes(bytes);
        let version = match (word >> 19) & 0b11 {
            0b11 => Version::Mpeg1,
            0b10 => Version::Mpeg2,
            0b00 => Version::Mpeg25,
            _ => return None,
        };
        let layer3 = (word >> 17) & 0b11 == 0b01;
        if word >> 21 != 0x7FF || !layer3 {
            return None;
        }
        let kbps = if version == Version::Mpeg1 { &KBPS_MPEG1 } else { &KBPS_MPEG2 };
        let bitrate = kbps.get((((word >> 12) & 0xF) as usize).checked_sub(1)?)?;
        let rate = RATE_FIELD.get(((word >> 10) & 0b11) as usize)? / version.divisor();
        Some(Self {
            version,
            rate,
            bitrate: Kbps(*bitrate),
            padding: word & (1 << 9) != 0,
            mode: match (word >> 6) & 0b11 {
                0b00 => Mode::Stereo,
                0b01 => Mode::Joint,
                0b10 => Mode::Dual,
                _ => Mode::Mono,
            },
        })
    }

    /// The header's four bytes, as LAME writes them: no CRC, "original" set.
    ///
    /// # Panics
    /// If rate or bitrate do not belong to the version.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        let version = match self.version {
            Version::Mpeg1 => 0b11,
            Version::Mpeg2 => 0b10,
            Version::Mpeg25 => 0b00,
        };
        let kbps = if self.version == Version::Mpeg1 { &KBPS_MPEG1 } else { &KBPS_MPEG2 };
        let index = |found: Option<usize>| {
            u32::try_from(found.expect("a rate and a bitrate of the version")).expect("a small index")
        };
        let bitrate = index(kbps.iter().position(|&k| k == self.bitrate.0)) + 1;
        let rate = index(RATE_FIELD.iter().position(|&r| r / self.version.divisor() == self.rate));
        let mode = match self.mode {
            Mode::Stereo => 0b00,
            Mode::Joint => 0b01,
            Mode::Dual => 0b10,
            Mode::Mono => 0b11,
        };
        let word = 0x7FF << 21
            | version << 19
            | 0b01 << 17
            | 1 << 16
            | bitrate << 12
            | rate << 10
            | u32::from(self.padding) << 9
            | mode << 6
            | 1 << 2;
        word.to_be_bytes()
    }

    /// The frame's size in bytes, header included.
    #[must_use]
    pub fn size(self) -> u64 {
        FrameSize::new(self.version, self.rate, self.bitrate).base + u64::from(self.padding)
    }
}

/// How many bytes a frame of some rate and bitrate takes: `base`, and one more in a fraction
/// `remainder / rate` of the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSize {
    /// Bytes of a frame without padding.
    pub base: u64,
    /// What the division leaves: 0 means that no frame is ever padded.
    pub remainder: u64,
    rate: u64,
}

impl FrameSize {
    /// The frame size at `rate` (hertz) and `bitrate`.
    #[must_use]
    pub fn new(version: Version, rate: u32, bitrate: Kbps) -> Self {
        let bytes_per_second_times_rate = version.samples_per_frame() / 8 * 1000 * u64::from(bitrate.0);
        let rate = u64::from(rate);
        Self { base: bytes_per_second_times_rate / rate, remainder: bytes_per_second_times_rate % rate, rate }
    }

    /// The bytes in the first `frames` frames of a stream that starts with no padding owed and an
    /// unpadded frame, as LAME's do (`slot_lag` in `lame_init_params` and `encode_mp3_frame`).
    #[must_use]
    pub fn total(self, frames: u64) -> u64 {
        frames * self.base + (frames.saturating_sub(1) * self.remainder).div_ceil(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// LAME's rule, step by step: padding is owed when the lag falls below zero.
    fn lame_total(size: FrameSize, frames: u64) -> u64 {
        let (mut lag, mut total) = (size.remainder.cast_signed(), 0);
        for _ in 0..frames {
            lag -= size.remainder.cast_signed();
            let padded = lag < 0;
            if padded {
                lag += size.rate.cast_signed();
            }
            total += size.base + u64::from(padded);
        }
        total
    }

    proptest! {
        #[test]
        fn totals_follow_lames_rule(rate in 0..RATES.len(), index in 0..14_usize, frames in 0..2_000_u64) {
            let rate = RATES[rate];
            let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
            let kbps = version.bitrates()[index % version.bitrates().len()];
            let size = FrameSize::new(version, rate, Kbps(kbps));
            prop_assert_eq!(size.total(frames), lame_total(size, frames));
        }

        #[test]
        fn a_header_parses_to_what_was_written(bytes: [u8; 4]) {
            if let Some(header) = Header::parse(bytes) {
                prop_assert_eq!(Header::parse(header.to_bytes()), Some(header));
                prop_assert!(header.size() >= 24);
            }
        }
    }

    #[test]
    fn sizes_are_those_of_the_standard() {
        for (kbps, rate, size) in [(128, 44_100, 417), (320, 48_000, 960), (64, 22_050, 208), (8, 8_000, 72)]
        {
            let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
            assert_eq!(FrameSize::new(version, rate, Kbps(kbps)).base, size, "{kbps} kbps at {rate} Hz");
        }
    }
}
