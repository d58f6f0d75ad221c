//! The sample description: which coding the track has.

use std::ops::Range;

use super::atoms::{child, children, required};
use crate::error::{Error, Result};
use crate::master::coding::{PacketCoding, PcmPackets};
use crate::master::flac::StreamInfo;
use crate::master::info::Layout;
use crate::master::pcm_data::{self, Number};
use crate::master::positions;
use crate::master::source::Input;

/// The fields that every sound description has (version 0 of `QuickTime`'s, which is also ISO's), and behind them
/// its atoms.
struct Sound {
    kind: [u8; 4],
    /// Where the fields start.
    start: u64,
    version: u16,
    channels: u32,
    /// As it says: 16 for codings that have other bits.
    bits: u32,
    /// 0 where it does not fit.
    rate: u32,
    atoms: Range<u64>,
}

/// What the first sample description says. `scale` is the rate if it says none.
pub(super) fn coding(input: &Input, descriptions: &Range<u64>, scale: u32) -> Result<PacketCoding> {
    let entries = descriptions.start + 8..descriptions.end;
    let Some((kind, entry)) = children(input, &entries)?.into_iter().next() else {
        return Err(input.damaged(0, "an MP4 audio track without description"));
    };
    let [_, _, _, _, _, _, _, _, v0, v1] = input.array(entry.start)?;
    let version = u16::from_be_bytes([v0, v1]);
    // QuickTime's later versions have more fields before the atoms.
    let fields = match version {
        1 => 44,
        2 => 64,
        _ => 28,
    };
    let atoms = entry.start.saturating_add(fields).min(entry.end)..entry.end;
    match &kind {
        b"alac" => {
            let mut parent = atoms;
            if let Some(wave) = child(input, &parent, *b"wave")? {
                parent = wave;
            }
            let config = required(input, &parent, *b"alac")?;
            // The first 4 bytes are a version and flags.
            let config = input.bytes(config.start + 4, (config.end - config.start).saturating_sub(4))?;
            PacketCoding::alac(input, &config)
        }
        b"fLaC" => {
            // A version and flags, then metadata blocks of which STREAMINFO is the first.
            let config = required(input, &atoms, *b"dfLa")?;
            Ok(PacketCoding::Flac(StreamInfo::parse(&input.array(config.start + 8)?)))
        }
        b"sowt" | b"twos" | b"raw " | b"NONE" | b"in24" | b"in32" | b"fl32" | b"fl64" | b"lpcm" | b"ipcm"
        | b"fpcm" => {
            let [c0, c1, b0, b1, _, _, _, _, r0, r1] = input.array(entry.start + 16)?;
            let [channels, bits, rate] =
                [[c0, c1], [b0, b1], [r0, r1]].map(|it| u16::from_be_bytes(it).into());
            let sound = Sound { kind, start: entry.start, version, channels, bits, rate, atoms };
            sound.pcm(input, scale).map(PacketCoding::Pcm)
        }
        _ => Err(other_codec(input, kind, &atoms)),
    }
}

impl Sound {
    fn pcm(mut self, input: &Input, scale: u32) -> Result<PcmPackets> {
        let (number, bits, big_endian) = match (&self.kind, self.version) {
            (_, 2) => self.read_version_2(input)?,
            (b"ipcm" | b"fpcm", _) => {
                // Version and flags, then whether it is little-endian, and the bits.
                let config = required(input, &self.atoms, *b"pcmC")?;
                let [_, _, _, _, flags, bits] = input.array(config.start)?;
                let number = if &self.kind == b"fpcm" { Number::Float } else { Number::Signed };
                (number, bits.into(), flags & 1 == 0)
            }
            (b"raw ", _) => (Number::Unsigned, self.bits, true),
            (b"NONE", _) if self.bits == 8 => (Number::Unsigned, 8, true),
            (b"sowt", _) => (Number::Signed, self.bits, false),
            (b"in24", _) => (Number::Signed, 24, !self.is_little_endian(input)?),
            (b"in32", _) => (Number::Signed, 32, !self.is_little_endian(input)?),
            (b"fl32", _) => (Number::Float, 32, !self.is_little_endian(input)?),
            (b"fl64", _) => (Number::Float, 64, !self.is_little_endian(input)?),
            _ => (Number::Signed, self.bits, true),
        };
        let (bytes, bits) = match (number, bits) {
            (Number::Unsigned, 8) | (Number::Signed, 8 | 16 | 24 | 32) | (Number::Float, 32 | 64) => {
                #[allow(clippy::cast_possible_truncation)] // one of these
                (bits as u8 / 8, bits as u8)
            }
            _ => {
                let name = self.kind.escape_ascii();
                return Err(input.unsupported(format!(
                    "'{name}' in MP4 with {bits} bits per sample; 8 to 32-bit PCM and 32 or 64-bit float are"
                )));
            }
        };
        let channels = usize::try_from(self.channels).unwrap_or(usize::MAX);
        let layout = input.layout(self.layout(input, channels)?, channels)?;
        let rate = if self.rate == 0 { scale } else { self.rate };
        Ok(PcmPackets { coding: pcm_data::SampleFormat { number, bytes, big_endian }, bits, rate, layout })
    }

    /// The fields of version 2 behind the others: what numbers they are, how many bits, and whether big-endian.
    fn read_version_2(&mut self, input: &Input) -> Result<(Number, u32, bool)> {
        let rate = f64::from_bits(u64::from_be_bytes(input.array(self.start + 32)?));
        if rate.fract() != 0.0 {
            return Err(input.unsupported(format!("a rate of {rate} Hz; whole numbers are")));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, and is then refused
        let hz = rate as u32;
        self.rate = hz;
        self.channels = input.be32(self.start + 40)?;
        let bits = input.be32(self.start + 48)?;
        let flags = input.be32(self.start + 52)?;
        let bytes = input.be32(self.start + 56)?;
        let number = match flags & 5 {
            1 => Number::Float,
            4 => Number::Signed,
            _ if bits == 8 => Number::Unsigned,
            _ => return Err(input.unsupported("unsigned PCM of more than 8 bits in MP4; signed PCM is")),
        };
        if u64::from(bytes) * 8 != u64::from(bits) * u64::from(self.channels) {
            return Err(input.unsupported("PCM in MP4 that is not packed; PCM without gaps is"));
        }
        Ok((number, bits, flags & 2 != 0))
    }

    /// What an atom says of the channels: `QuickTime`'s chan, ISO's chnl.
    fn layout(&self, input: &Input, channels: usize) -> Result<Option<Layout>> {
        // The first 4 bytes are a version and flags.
        let body = |atom: Range<u64>| {
            let start = atom.start.saturating_add(4).min(atom.end);
            input.bytes(start, (atom.end - start).min(256))
        };
        if let Some(atom) = child(input, &self.atoms, *b"chan")? {
            return Ok(positions::described(&body(atom)?, channels));
        }
        let Some(atom) = child(input, &self.atoms, *b"chnl")? else { return Ok(None) };
        Ok(match body(atom)?.as_slice() {
            // Channels at places, of which each is said (126: by angles, which are not followed)…
            [1, 0, numbers @ ..] => numbers
                .get(..channels)
                .filter(|numbers| !numbers.contains(&126))
                .and_then(positions::numbered),
            // … or one of the known layouts, of which none is left out.
            [1, layout, 0, 0, 0, 0, 0, 0, 0, 0, ..] => {
                positions::mpeg(*layout).filter(|layout| layout.channels() == channels)
            }
            _ => None,
        })
    }

    /// Whether an atom says so (`QuickTime`: wave.enda).
    fn is_little_endian(&self, input: &Input) -> Result<bool> {
        let parent = child(input, &self.atoms, *b"wave")?.unwrap_or(self.atoms.clone());
        let Some(flag) = child(input, &parent, *b"enda")? else { return Ok(false) };
        Ok(input.array(flag.start)? == [0, 1])
    }
}

fn other_codec(input: &Input, kind: [u8; 4], inner: &Range<u64>) -> Error {
    let lossy = match &kind {
        b"mp4a" => match object_type(input, inner) {
            Some(0x69 | 0x6b) => "MP3",
            Some(0xdd) => "Vorbis",
            _ => "AAC",
        },
        b".mp3" | b"ms\0\x55" => "MP3",
        b"ac-3" | b"ec-3" => "AC-3",
        b"ac-4" => "AC-4",
        b"Opus" => "Opus",
        b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" => "DTS",
        b"samr" | b"sawb" => "AMR",
        b"ulaw" => "µ-law",
        b"alaw" => "A-law",
        b"ima4" | b"ms\0\x02" | b"ms\0\x11" => "ADPCM",
        b"MAC3" | b"MAC6" => "MACE",
        b"QDM2" | b"QDMC" => "QDesign Music",
        b"drms" | b"enca" => return input.unsupported("encrypted audio in MP4; ALAC without protection is"),
        _ => return input.unsupported(format!("'{}' in MP4; ALAC, FLAC and PCM are", kind.escape_ascii())),
    };
    input.lossy_in("M4A", lossy)
}
/// The kind of `mp4a`: the byte behind the tag 4 (decoder configuration) in its descriptor.
fn object_type(input: &Input, inner: &Range<u64>) -> Option<u8> {
    let esds = child(input, inner, *b"esds").ok()??;
    let bytes = input.bytes(esds.start, (esds.end - esds.start).min(64)).ok()?;
    // Version and flags, tag 3, its length, 3 bytes, tag 4, its length.
    let mut at = 4;
    for (tag, skip) in [(3, 3), (4, 0)] {
        if *bytes.get(at)? != tag {
            return None;
        }
        at += 1 + bytes.get(at + 1..)?.iter().take_while(|&&byte| byte & 0x80 != 0).count() + 1 + skip;
    }
    bytes.get(at).copied()
}
