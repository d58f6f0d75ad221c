//! Packets at known places: ALAC (or FLAC) in M4A and CAF, whose headers hold a table of them.
//!
//! The tables are read by ourselves: Symphonia's M4A reader seeks every track, so a short chapter
//! track makes it fail, and its CAF reader seeks relative to where it happens to be. With a table
//! at hand, finding a sample's packet is one binary search.

use std::ops::Range;

use super::flac::StreamInfo;
use super::info::{Codec, Layout, Position};
use super::packet::Packet;
use super::source::Input;
use crate::error::{Result, Stage};
use crate::units::SampleRate;

/// No packet of audio is larger.
const MAX_PACKET: u32 = 16 << 20;

/// No master has more packets: these are four days of ALAC at 48 kHz. It keeps a table that
/// points at the same bytes again and again from filling the memory.
const MAX_PACKETS: usize = 4 << 20;

/// More samples in a packet Symphonia refuses; Apple's encoder writes 4,096.
const MAX_ALAC_SAMPLES: u64 = 16 * 4_096;

/// How the packets are to be decoded.
pub(super) enum Coding {
    /// ALAC, by the 24 bytes of its `ALACSpecificConfig`.
    Alac([u8; 24]),
    Flac(StreamInfo),
}

/// Where the packets are.
pub(super) struct Table {
    pub(super) coding: Coding,
    entries: Vec<Entry>,
    samples: u64,
    /// The sum of the packets' sizes.
    bytes: u64,
}

struct Entry {
    offset: u64,
    size: u32,
    start: u64,
}

impl Table {
    /// A table without packets.
    pub(super) fn new(coding: Coding) -> Self {
        Self { coding, entries: Vec::new(), samples: 0, bytes: 0 }
    }

    /// Adds a packet of `size` bytes at `offset` that holds `samples` samples.
    pub(super) fn push(&mut self, input: &Input, offset: u64, size: u32, samples: u64) -> Result<()> {
        input.limit("packets", self.entries.len() as u64 + 1, MAX_PACKETS as u64)?;
        let end = offset.saturating_add(size.into());
        if size > MAX_PACKET || samples > self.coding.max_samples() {
            return Err(input.damaged(self.samples, "its table states an impossible packet"));
        }
        if end <= input.len {
            // Or a small file could ask for more reading than any disk can do.
            self.bytes += u64::from(size);
            if self.bytes > input.len {
                return Err(input.damaged(self.samples, "its table states the same bytes again and again"));
            }
        } else if !input.limits.truncated {
            return Err(input.damaged(self.samples, "the file ends here, before its stated end"));
        }
        self.entries.push(Entry { offset, size, start: self.samples });
        self.samples += samples;
        Ok(())
    }

    /// Ends the audio after `samples`, within the last packets.
    pub(super) fn truncate(&mut self, samples: u64) {
        self.samples = self.samples.min(samples);
        self.entries.retain(|entry| entry.start < samples);
    }

    /// Ends the audio where the last packet ends by its own account: not every program that
    /// writes the table does. ffmpeg counts a full packet in CAF, and none when it copies that to M4A.
    pub(super) fn measure_last(&mut self, input: &Input) -> Result<()> {
        let last = self.entries.len().saturating_sub(1);
        let is_there = |entry: &Entry| entry.offset.saturating_add(entry.size.into()) <= input.len;
        if let Coding::Alac(_) = self.coding
            && self.entries.last().is_some_and(is_there)
            && let Some(packet) = self.read(input, last, Stage::Open)?
            && let Some(held) = alac_samples(&packet.bytes)
        {
            let Range { start, end } = packet.samples;
            let stated = if end > start { end - start } else { self.coding.max_samples() };
            self.samples = start + held.min(stated);
        }
        Ok(())
    }

    pub(super) fn samples(&self) -> u64 {
        self.samples
    }

    /// The index of the packet that holds sample `at`.
    pub(super) fn find(&self, at: u64) -> usize {
        self.entries.partition_point(|entry| entry.start <= at).saturating_sub(1)
    }

    /// Reads the packet with an index; `None` behind the last.
    pub(super) fn read(&self, input: &Input, index: usize, stage: Stage) -> Result<Option<Packet>> {
        let Some(entry) = self.entries.get(index) else { return Ok(None) };
        let end = self.entries.get(index + 1).map_or(self.samples, |next| next.start);
        let mut bytes = vec![0; entry.size as usize].into_boxed_slice();
        if input.read_at(&mut bytes, entry.offset, stage)? < bytes.len() {
            return Err(input.damaged(entry.start, "the file ends here, before its stated end"));
        }
        Ok(Some(Packet { samples: entry.start..end, bytes }))
    }
}

/// How many samples an ALAC packet holds, if it says so: only those that are not full do.
fn alac_samples(packet: &[u8]) -> Option<u64> {
    // 3 bits of tag, 4 of instance, 12 unused, then: is it partial? 2 bits of shift, 1 of coding, the number.
    let head = u64::from_be_bytes(*packet.first_chunk()?);
    let is_audio = matches!(head >> 61, 0 | 1 | 3);
    (is_audio && head >> 44 & 1 == 1).then_some(head >> 9 & 0xffff_ffff)
}

impl Coding {
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

    pub(super) fn codec(&self) -> Codec {
        match self {
            Self::Alac(_) => Codec::Alac,
            Self::Flac(_) => Codec::Flac,
        }
    }

    pub(super) fn bits(&self) -> u8 {
        match self {
            Self::Alac(config) => config[5],
            #[allow(clippy::cast_possible_truncation)] // up to 32
            Self::Flac(info) => info.format.bits as u8,
        }
    }

    pub(super) fn rate(&self, input: &Input) -> Result<SampleRate> {
        input.rate(match self {
            Self::Alac(config) => u32::from_be_bytes([config[20], config[21], config[22], config[23]]),
            Self::Flac(info) => info.format.rate,
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
        }
    }

    /// The most samples that a packet may hold.
    pub(super) fn max_samples(&self) -> u64 {
        match self {
            Self::Alac(config) => u64::from(u32::from_be_bytes([config[0], config[1], config[2], config[3]])),
            Self::Flac(_) => StreamInfo::MOST,
        }
    }
}
