//! The header of a frame (RFC 9639, section 9.1).

use super::checksum::header_sum;
use super::error::{Fault, FrameError};

/// No frame holds more samples per channel.
pub(in crate::master) const MAX_BLOCK: usize = 65_535;

/// What all frames of a stream have in common: the part of STREAMINFO that decoding needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master) struct Format {
    /// In Hz.
    pub(in crate::master) rate: u32,
    /// 1 to 8.
    pub(in crate::master) channels: usize,
    /// The width of a sample: 4 to 32.
    pub(in crate::master) bits: u32,
}

/// What the number of a frame counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master) enum Blocking {
    /// Frames, which hold equally many samples, but for the last.
    Fixed,
    /// Samples.
    Variable,
}

/// How the channels are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master) enum Channels {
    /// Each as it is; how many.
    Independent(usize),
    /// Left, and left minus right.
    LeftSide,
    /// Left minus right, and right.
    SideRight,
    /// The mean of both, and left minus right.
    MidSide,
}

impl Channels {
    /// How many there are.
    #[must_use]
    pub(in crate::master) fn count(self) -> usize {
        match self {
            Self::Independent(count) => count,
            _ => 2,
        }
    }

    /// Which of them is a difference, and has one bit more.
    #[must_use]
    pub(in crate::master) fn side(self) -> Option<usize> {
        match self {
            Self::Independent(_) => None,
            Self::SideRight => Some(0),
            Self::LeftSide | Self::MidSide => Some(1),
        }
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master) struct FrameHeader {
    /// What [`number`](Self::number) counts.
    pub(in crate::master) blocking: Blocking,
    /// The number of the frame or of its first sample.
    pub(in crate::master) number: u64,
    /// How many samples per channel it holds: 1 to [`MAX_BLOCK`].
    pub(in crate::master) block: usize,
    /// The channels.
    pub(in crate::master) channels: Channels,
    /// The rate in Hz, if it says.
    pub(in crate::master) rate: Option<u32>,
    /// The width of a sample, if it says.
    pub(in crate::master) bits: Option<u32>,
    /// How many bytes the header has, with its checksum.
    pub(in crate::master) len: usize,
}

impl FrameHeader {
    /// No header has more bytes: 4, 7 of the number, 2 each of block size and rate, the checksum.
    pub(in crate::master) const MOST: usize = 16;

    /// Reads the header at the begin of `bytes`. What follows it is not looked at.
    ///
    /// # Errors
    /// What is forbidden; it is looked at from start to end, the checksum at last.
    pub(in crate::master) fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        let mut at = 0;
        Self::read(bytes, &mut at).map_err(|fault| FrameError { fault, bit: at as u64 * 8, channel: None })
    }

    fn read(bytes: &[u8], at: &mut usize) -> Result<Self, Fault> {
        let mut next = || {
            let byte = bytes.get(*at).copied().ok_or(Fault::End)?;
            *at += 1;
            Ok(byte)
        };
        let blocking = match [next()?, next()?] {
            [0xff, 0xf8] => Blocking::Fixed,
            [0xff, 0xf9] => Blocking::Variable,
            _ => return Err(Fault::Sync),
        };
        let sizes = next()?;
        let format = next()?;
        let channels = match format >> 4 {
            code @ 0..=7 => Channels::Independent(usize::from(code) + 1),
            8 => Channels::LeftSide,
            9 => Channels::SideRight,
            10 => Channels::MidSide,
            _ => return Err(Fault::Reserved("code of its channels")),
        };
        let bits = match format >> 1 & 7 {
            0 => None,
            1 => Some(8),
            2 => Some(12),
            4 => Some(16),
            5 => Some(20),
            6 => Some(24),
            7 => Some(32),
            _ => return Err(Fault::Reserved("code of its width")),
        };
        if format & 1 != 0 {
            return Err(Fault::Reserved("bit in its header"));
        }
        let number = coded_number(&mut next)?;
        if blocking == Blocking::Fixed && number >> 31 != 0 {
            return Err(Fault::Forbidden("a frame number of more than 31 bits"));
        }
        let block = match sizes >> 4 {
            0 => return Err(Fault::Reserved("code of its block size")),
            1 => 192,
            code @ 2..=5 => 144 << code,
            6 => usize::from(next()?) + 1,
            7 => usize::from(u16::from_be_bytes([next()?, next()?])) + 1,
            code => 1 << code,
        };
        if block > MAX_BLOCK {
            return Err(Fault::Forbidden("a block of 65,536 samples"));
        }
        let rate = match sizes & 15 {
            0 => None,
            12 => Some(u32::from(next()?) * 1_000),
            13 => Some(u32::from(u16::from_be_bytes([next()?, next()?]))),
            14 => Some(u32::from(u16::from_be_bytes([next()?, next()?])) * 10),
            15 => return Err(Fault::Forbidden("an impossible rate")),
            code => {
                const RATES: [u32; 12] = [
                    0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
                    96_000,
                ];
                Some(RATES[usize::from(code)])
            }
        };
        next()?;
        let len = *at;
        if header_sum(&bytes[..len]) != 0 {
            return Err(Fault::HeaderSum);
        }
        Ok(Self { blocking, number, block, channels, rate, bits, len })
    }

    /// Whether a frame with this header can belong to a stream of that format.
    ///
    /// # Errors
    /// [`Fault::OtherFormat`].
    pub(in crate::master) fn check(&self, format: &Format) -> Result<(), FrameError> {
        let checks = [
            ("number of channels", self.channels.count() as u32, format.channels as u32),
            ("width in bits", self.bits.unwrap_or(format.bits), format.bits),
            ("rate in Hz", self.rate.unwrap_or(format.rate), format.rate),
        ];
        match checks.into_iter().find(|(_, found, stated)| found != stated) {
            None => Ok(()),
            Some((what, found, stated)) => {
                Err(FrameError { fault: Fault::OtherFormat { what, found, stated }, bit: 0, channel: None })
            }
        }
    }

    /// How the frame's format differs from that of its stream, as an error says it, if it does.
    pub(in crate::master) fn change(&self, format: &Format) -> Option<String> {
        let error = self.check(format).err()?;
        Some(format!("the format changes here: {}", error.fault))
    }
}

/// A number of up to 36 bits, coded as UTF-8 codes letters.
fn coded_number(next: &mut impl FnMut() -> Result<u8, Fault>) -> Result<u64, Fault> {
    let first = next()?;
    let ones = first.leading_ones();
    if ones == 0 {
        return Ok(first.into());
    }
    if !(2..=7).contains(&ones) {
        return Err(Fault::Forbidden("a frame number that is not coded as one"));
    }
    let mut number = u64::from(first & 0x7f >> ones);
    for _ in 1..ones {
        let byte = next()?;
        if byte >> 6 != 0b10 {
            return Err(Fault::Forbidden("a frame number that is not coded as one"));
        }
        number = number << 6 | u64::from(byte & 0x3f);
    }
    Ok(number)
}
