//! How packets are coded.

use super::flac::StreamInfo;
use super::info::{Codec, Layout, Position};
use super::pcm_data;
use super::source::Input;
use crate::error::Result;
use crate::units::SampleRate;

/// More samples in a packet Symphonia refuses; Apple's encoder writes 4,096.
const MAX_ALAC_SAMPLES: u64 = 16 * 4_096;

/// How the packets of a table are to be decoded.
#[derive(Debug, Clone)]
pub(super) enum PacketCoding {
    /// ALAC, by the 24 bytes of its `ALACSpecificConfig`.
    Alac([u8; 24]),
    Flac(StreamInfo),
    /// Samples as they are: a packet is any number of them.
    Pcm(PcmPackets),
}

/// PCM in packets.
#[derive(Debug, Clone)]
pub(super) struct PcmPackets {
    pub(super) coding: pcm_data::SampleFormat,
    pub(super) bits: u8,
    pub(super) rate: u32,
    pub(super) layout: Layout,
}

impl PcmPackets {
    /// The bytes of one sample of each channel.
    pub(super) fn frame(&self) -> u32 {
        #[allow(clippy::cast_possible_truncation)] // at most 64
        let channels = self.layout.channels() as u32;
        u32::from(self.coding.bytes) * channels
    }

    /// As many samples as a packet holds.
    pub(super) const MOST: u64 = 16 << 10;
}

impl PacketCoding {
    /// Reads the configuration of ALAC, which may be wrapped in atoms of its own.
    pub(super) fn alac(input: &Input, mut cookie: &[u8]) -> Result<Self> {
        for kind in [b"frma", b"alac"] {
            if cookie.get(4..8) == Some(kind) {
                cookie = cookie.get(12..).unwrap_or_default();
            }
        }
        let Some(config) = cookie.first_chunk::<24>() else {
            return Err(input.damaged(0, "its ALAC configuration is too short"));
        };
        if config[4] != 0 || !matches!(config[5], 16 | 20 | 24 | 32) {
            return Err(input.unsupported(format!(
                "ALAC version {} with {} bits per sample; version 0 with 16, 20, 24 or 32 is",
                config[4], config[5]
            )));
        }
        let coding = Self::Alac(*config);
        if !(1..=MAX_ALAC_SAMPLES).contains(&coding.max_samples()) {
            return Err(input.unsupported(format!(
                "ALAC with {} samples to a packet; 1 to {MAX_ALAC_SAMPLES} are",
                coding.max_samples()
            )));
        }
        Ok(coding)
    }

    /// The bytes of one sample of each channel, if it is PCM.
    pub(super) fn pcm_frame(&self) -> Option<u32> {
        match self {
            Self::Pcm(pcm) => Some(pcm.frame()),
            Self::Alac(_) | Self::Flac(_) => None,
        }
    }

    pub(super) fn codec(&self) -> Codec {
        match self {
            Self::Alac(_) => Codec::Alac,
            Self::Flac(_) => Codec::Flac,
            Self::Pcm(pcm) => pcm.coding.codec(),
        }
    }

    pub(super) fn bits(&self) -> u8 {
        match self {
            Self::Alac(config) => config[5],
            #[allow(clippy::cast_possible_truncation)] // up to 32
            Self::Flac(info) => info.format.bits as u8,
            Self::Pcm(pcm) => pcm.bits,
        }
    }

    pub(super) fn rate(&self, input: &Input) -> Result<SampleRate> {
        input.rate(match self {
            Self::Alac(config) => u32::from_be_bytes([config[20], config[21], config[22], config[23]]),
            Self::Flac(info) => info.format.rate,
            Self::Pcm(pcm) => pcm.rate,
        })
    }

    /// The layout of the planes that the decoder gives.
    pub(super) fn layout(&self, input: &Input) -> Result<Layout> {
        use Position::{
            FrontCentre as Fc, FrontLeft as Fl, FrontLeftOfCentre as Flc, FrontRight as Fr,
            FrontRightOfCentre as Frc, Lfe, RearCentre as Rc, SideLeft as Sl, SideRight as Sr,
        };
        match self {
            // Where ALAC's layouts differ from the usual ones. Symphonia sorts their channels.
            Self::Alac(config) => match config[9] {
                4 => Layout::new(&[Fl, Fr, Fc, Rc]),
                8 => Layout::new(&[Fl, Fr, Fc, Lfe, Flc, Frc, Sl, Sr]),
                _ => None,
            }
            .map_or_else(|| input.layout(None, config[9].into()), Ok),
            Self::Flac(info) => input.layout(None, info.format.channels),
            Self::Pcm(pcm) => Ok(pcm.layout),
        }
    }

    /// The most samples that a packet may hold.
    pub(super) fn max_samples(&self) -> u64 {
        match self {
            Self::Alac(config) => u64::from(u32::from_be_bytes([config[0], config[1], config[2], config[3]])),
            Self::Flac(_) => StreamInfo::MOST,
            Self::Pcm(_) => PcmPackets::MOST,
        }
    }
}
