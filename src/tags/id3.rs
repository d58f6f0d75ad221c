//! Tags as `ID3v2`: what is put in front of a rendition as it is served. The same tags give the same bytes.

mod frames;
mod values;
mod version;

use id3::Encoder;

use crate::tags::model::{Note, Tags};
use crate::tags::parts::Picture;
use frames::Contents;
use version::{encoding, terminated};

pub use version::Version;

/// The audio behind a tag begins at a multiple of this: file systems share blocks of this size between files.
pub const ALIGNMENT: usize = 4096;

/// The bytes of the header of a tag, and of a frame.
const HEADER: usize = 10;
/// No tag can be larger: its size has 28 bits.
const MAX_BYTES: u64 = (1 << 28) - ALIGNMENT as u64;

/// How tags are written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Id3Options {
    /// v2.4 unless said otherwise.
    pub version: Version,
    /// Pictures larger than this are left out: 16 MiB.
    pub picture_bytes: u64,
    /// What would make the tag larger than this is left out: 64 MiB. A tag has less than 256 MiB.
    pub bytes: u64,
}

impl Default for Id3Options {
    fn default() -> Self {
        Self { version: Version::V24, picture_bytes: 16 << 20, bytes: 64 << 20 }
    }
}

/// A tag in bytes, and what did not get into it.
pub(crate) struct Encoded {
    /// Nothing at all if there is nothing to be said, else a multiple of [`ALIGNMENT`] long.
    pub(crate) bytes: Vec<u8>,
    pub(crate) notes: Vec<Note>,
}

/// Writes `tags`: texts first, so that a player has them early, the front cover before other pictures.
pub(crate) fn encode(tags: &Tags, options: &Id3Options) -> Encoded {
    let version = options.version;
    let left = options.bytes.min(MAX_BYTES).saturating_sub(HEADER as u64);
    let Contents { frames, pictures, mut notes } = frames::frames(tags, version, left, options.picture_bytes);
    if frames.is_empty() && pictures.is_empty() {
        return Encoded { bytes: Vec::new(), notes };
    }
    let mut bytes = Vec::new();
    let tag = id3::Tag::from_iter(frames);
    if let Err(error) = Encoder::new().version(version.of_crate()).encode(&tag, &mut bytes) {
        // All frames are of forms that can be written.
        notes.push(Note::Broken { what: "tags".into(), detail: error.to_string() });
        return Encoded { bytes: Vec::new(), notes };
    }
    let pictures_len: usize = pictures.iter().map(|picture| picture.data.len() + 1024).sum();
    bytes.reserve(pictures_len + ALIGNMENT);
    for picture in pictures {
        append_picture(&mut bytes, picture, version);
    }
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    let size = synchsafe(bytes.len() - HEADER);
    bytes[6..HEADER].copy_from_slice(&size);
    Encoded { bytes, notes }
}

/// Appends the frame of a picture. By ourselves: pictures are most of a tag, and the crate would copy each four times.
fn append_picture(tag: &mut Vec<u8>, picture: &Picture, version: Version) {
    let mut head = vec![encoding(version)];
    head.extend(picture.mime.bytes().filter(u8::is_ascii_graphic));
    head.extend([0, picture.kind.0]);
    terminated(&picture.description, version, &mut head);
    let size = head.len() + picture.data.len();
    tag.extend(b"APIC");
    tag.extend(match version {
        Version::V23 => u32::try_from(size).unwrap_or_default().to_be_bytes(), // below 2^28
        Version::V24 => synchsafe(size),
    });
    tag.extend([0, 0]);
    tag.extend(head);
    tag.extend_from_slice(&picture.data);
}

/// 28 bits in four bytes whose highest bit is 0.
fn synchsafe(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (size >> shift & 0x7f).to_le_bytes()[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags::PictureKind;

    #[test]
    fn nothing_makes_no_tag_and_order_makes_no_difference() {
        assert!(encode(&Tags::default(), &Id3Options::default()).bytes.is_empty());
        let (mut one, mut other) = (Tags::default(), Tags::default());
        for (name, value) in [("TITLE", "a"), ("Unheard", "b"), ("ARTIST", "c"), ("Other", "d")] {
            one.add(name, value);
        }
        for (name, value) in [("Other", "d"), ("ARTIST", "c"), ("Unheard", "b"), ("TITLE", "a")] {
            other.add(name, value);
        }
        let [one, other] = [one, other].map(|tags| encode(&tags, &Id3Options::default()).bytes);
        assert!(one == other && one.len() == ALIGNMENT);
    }

    #[test]
    fn what_has_no_room_is_left_out_and_noted() {
        let mut tags = Tags::default();
        tags.set("TITLE", ["x".repeat(5_000)]);
        tags.set("ARTIST", ["y"]);
        for size in [3_000, 200] {
            tags.add_picture(Picture {
                kind: PictureKind::FRONT_COVER,
                mime: "image/png".into(),
                description: String::new(),
                data: vec![0; size].into(),
            });
        }
        let options = Id3Options { picture_bytes: 1_000, bytes: 4_096, ..Id3Options::default() };
        let encoded = encode(&tags, &options);
        assert_eq!(encoded.bytes.len(), 4_096);
        let whats: Vec<_> = encoded.notes.iter().map(ToString::to_string).collect();
        assert!(
            whats.len() == 2 && whats[0].starts_with("TITLE") && whats[1].starts_with("front cover"),
            "{whats:?}"
        );
    }
}
