//! What masters are told apart by.

use std::fmt;
use std::str::FromStr;

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
/// | FLAC | `flac` | the bytes behind the metadata blocks, which are the frames; tags behind them (`ID3v1`, `ID3v2`, `APEv2`, `Lyrics3`) are not part of it |
/// | Ogg FLAC | `flac` | the audio packets one after the other, which are the frames; not the pages. Streams behind the first count as its continuation |
/// | FLAC in M4A or CAF | `flac` | the packets by the sample or packet tables, in playing order |
/// | ALAC in M4A or CAF | `alac` and the 24 bytes of its configuration in hexadecimal, without the two fields (bytes 12 to 19) that only describe the size of the stream | the packets by the sample or packet tables, in playing order |
///
/// Where the audio begins within its first packet, as an edit list of MP4 can say, ` from ` and the number of that
/// sample follow the coding; packets before it do not count.
///
/// Of a damaged master, what can be read of it. Where packets are missing before one, `gap` and
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
