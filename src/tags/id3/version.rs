//! The versions of `ID3v2`, and how each writes texts.

/// The versions that players read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// v2.3, for old players: several values become one with slashes between, dates lose what it has no frame for.
    V23,
    /// v2.4.
    #[default]
    V24,
}

impl Version {
    pub(super) fn of_crate(self) -> id3::Version {
        match self {
            Self::V23 => id3::Version::Id3v23,
            Self::V24 => id3::Version::Id3v24,
        }
    }
}

/// A text and the NUL behind it, in UTF-8 in v2.4 and in UTF-16 with its mark in v2.3.
pub(super) fn terminated(text: &str, version: Version, bytes: &mut Vec<u8>) {
    let text = text.replace('\0', " ");
    match version {
        Version::V24 => {
            bytes.extend(text.bytes());
            bytes.push(0);
        }
        Version::V23 => {
            bytes.extend([0xff, 0xfe]);
            bytes.extend(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        }
    }
}

/// The byte that tells how [`terminated`] writes.
pub(super) fn encoding(version: Version) -> u8 {
    match version {
        Version::V23 => 1,
        Version::V24 => 3,
    }
}
