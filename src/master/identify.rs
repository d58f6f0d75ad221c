//! What makes two masters the same: their encoded audio, and how it is to be decoded.
//!
//! Exactly what is hashed stands with [`MasterId`], where users see it.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::coding::Coding;
use super::source::Input;
use super::{Audio, Inner};
use crate::error::{Error, Result, Stage};

const CONTEXT: &str = "tonepress master id v1";

/// How many bytes are read at a time.
const BLOCK: usize = 1 << 20;

/// Which audio a master holds: equal for files that differ only in tags, pictures, padding or container layout.
///
/// Written as 64 lower-case hexadecimal digits.
///
/// It is a BLAKE3 hash in key-derivation mode, under the context
/// `tonepress master id v1`, over two parts:
///
/// 1. **The configuration**: five lines of ASCII, each ended by a line feed: the coding (below),
///    the rate in Hz, the bits per sample, the number of samples per channel (counted, if the file
///    does not state it), and the positions of the channels.
/// 2. **The encoded audio**, without a byte of what wraps it:
///
/// | container | coding | audio |
/// |---|---|---|
/// | WAV, RF64, AIFF, CAF, MP4 with PCM | `s16le`, `s24be`, `u8`, `f32le`… | the sample data: whole samples only, no pad byte |
/// | FLAC | `flac` | the bytes behind the metadata blocks, which are the frames; `ID3v1` and `APEv2` tags behind them are not part of it |
/// | Ogg FLAC | `flac` | the audio packets one after the other, which are the frames; not the pages |
/// | FLAC in M4A or CAF | `flac` | the packets by the sample or packet tables, in playing order |
/// | ALAC in M4A or CAF | `alac` and the 24 bytes of its configuration in hexadecimal, without the two fields (bytes 12 to 19) that only describe the size of the stream | the packets by the sample or packet tables, in playing order |
///
/// Where the audio begins within its first packet, as an edit list of MP4 can say, ` from ` and the number of that
/// sample follow the coding; packets before it do not count.
///
/// Of a damaged master that is what of it can be read. Where packets are missing before one, `gap` and
/// the number of its first sample (8 bytes, little-endian) stand for them.
///
/// So tags, pictures, padding, seek tables, page and chunk layout, and STREAMINFO's MD5, frame and
/// block sizes do not count. The same FLAC frames have the same id in every container, and so have
/// the same ALAC packets. The same *samples* in WAV and in AIFF have different ids: what is stored
/// differs, and comparing decoded audio is not what an id is for.
///
/// FLAC's own MD5 would be cheaper but is absent, wrong or stale in many files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterId([u8; 32]);

impl MasterId {
    /// The id with this hash.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for MasterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a master id is 64 hexadecimal digits")]
pub struct MasterIdError;

impl FromStr for MasterId {
    type Err = MasterIdError;

    fn from_str(text: &str) -> Result<Self, MasterIdError> {
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(|_| MasterIdError)
    }
}

/// Hashes the audio of a master, and makes sure that it was one file all the while.
pub(super) fn identify(inner: &Inner) -> Result<MasterId> {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(configuration(inner).as_bytes());
    let result = match &inner.audio {
        Audio::Pcm(pcm) => {
            let Range { start, end } = pcm.data;
            let frame = (end - start) / inner.info.samples.0;
            let there = pcm.samples_there(&inner.input, inner.info.layout.channels());
            hash_range(&inner.input, start..start + there * frame, &mut hasher)
        }
        Audio::Flac(stream) if stream.is_native() => {
            hash_range(&inner.input, stream.bytes.clone(), &mut hasher)
        }
        Audio::Flac(_) | Audio::Table(_) => hash_packets(inner, &mut hasher),
    };
    // What went wrong with a file that changed says nothing about the file; nor does a hash of it.
    inner.input.unchanged(Stage::Identify)?;
    result.map(|()| MasterId(*hasher.finalize().as_bytes()))
}

fn configuration(inner: &Inner) -> String {
    let info = &inner.info;
    let coding = match &inner.audio {
        Audio::Pcm(pcm) => pcm.coding.to_string(),
        Audio::Table(table) => match &table.coding {
            Coding::Flac(_) => "flac".into(),
            Coding::Alac(config) => {
                let hex = config[..12].iter().chain(&config[20..]).map(|byte| format!("{byte:02x}"));
                format!("alac {}", hex.collect::<String>())
            }
            Coding::Pcm(pcm) => pcm.coding.to_string(),
        },
        Audio::Flac(_) => "flac".into(),
    };
    let from = match &inner.audio {
        Audio::Table(table) if table.lead > 0 => format!(" from {}", table.lead),
        _ => String::new(),
    };
    let positions: Vec<_> = info.layout.positions().iter().map(ToString::to_string).collect();
    let (hz, bits, samples) = (info.rate.hz(), info.bits, info.samples);
    format!("{coding}{from}\n{hz}\n{bits}\n{samples}\n{}\n", positions.join(" "))
}

fn hash_range(input: &Input, range: Range<u64>, hasher: &mut blake3::Hasher) -> Result<()> {
    let mut buf = vec![0; BLOCK];
    let mut at = range.start;
    while at < range.end {
        let want = usize::try_from(range.end - at).map_or(BLOCK, |left| left.min(BLOCK));
        let read = input.read_at(&mut buf[..want], at, Stage::Identify)?;
        if read < want {
            return Err(Error::Changed { name: input.name.clone() });
        }
        hasher.update(&buf[..want]);
        at += want as u64;
    }
    Ok(())
}

fn hash_packets(inner: &Inner, hasher: &mut blake3::Hasher) -> Result<()> {
    let mut packets = super::supply::Supply::new(inner)?;
    let mut end = 0;
    // Those of a damaged master that can be read: an id says which audio it is, not that it is sound.
    while let Some(packet) = packets.next_there(inner)? {
        if packet.samples.start != end {
            hasher.update(b"gap").update(&packet.samples.start.to_le_bytes());
        }
        hasher.update(&packet.bytes);
        end = packet.samples.end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_in_hexadecimal_and_read_back() {
        let id = MasterId([0xab; 32]);
        assert_eq!(id.to_string(), "ab".repeat(32));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("ab".parse::<MasterId>(), Err(MasterIdError));
    }
}
