//! Vorbis comments and pictures, as FLAC has them, native and in Ogg.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Result;
use crate::master::Comments;
use crate::master::source::MAX_CHUNKS;
use crate::tags::parts::PictureKind;
use crate::tags::reading::{Reading, take, take_array};

/// The kinds of metadata blocks.
pub(super) const COMMENTS: u8 = 4;
pub(super) const PICTURE: u8 = 6;

/// Reads the metadata blocks of a native FLAC file whose marker is at `start`.
pub(super) fn read_flac(reading: &mut Reading, start: u64) -> Result<()> {
    let mut at = start + 4;
    for _ in 0..MAX_CHUNKS {
        let [kind, size @ ..] = reading.input.array::<4>(at)?;
        let end = at + 4 + u64::from(u32::from_be_bytes([0, size[0], size[1], size[2]]));
        match kind & 0x7f {
            COMMENTS => {
                if let Some(block) = reading.bytes("comments", at + 4..end)? {
                    read_comments(reading, &block);
                }
            }
            PICTURE => {
                if let Some(block) = reading.bytes("picture", at + 4..end)? {
                    read_picture(reading, &block);
                }
            }
            _ => {}
        }
        at = end;
        if kind & 0x80 != 0 {
            break;
        }
    }
    Ok(())
}

/// Reads a block of comments.
pub(super) fn read_comments(reading: &mut Reading, block: &[u8]) {
    let comments = match Comments::new(block) {
        Ok(comments) => comments,
        Err(detail) => return reading.broken("comments", detail),
    };
    let mut covers = OldCovers::default();
    for comment in comments {
        match comment {
            Ok(comment) => read_comment(reading, &mut covers, comment),
            Err(detail) => reading.broken("comments", detail),
        }
    }
    covers.read(reading);
}

/// Pictures as they were in comments before there was a block for them: COVERART in base64, and what is said of it.
#[derive(Default)]
struct OldCovers {
    pictures: Vec<String>,
    mimes: Vec<String>,
    kinds: Vec<String>,
    descriptions: Vec<String>,
}

impl OldCovers {
    /// The values of a comment, if it is one of these.
    fn values(&mut self, name: &str) -> Option<&mut Vec<String>> {
        Some(match &*name.to_ascii_uppercase() {
            "COVERART" => &mut self.pictures,
            "COVERARTMIME" => &mut self.mimes,
            "COVERARTTYPE" => &mut self.kinds,
            "COVERARTDESCRIPTION" => &mut self.descriptions,
            _ => return None,
        })
    }

    /// Takes them unless they are there in the other form too.
    fn read(self, reading: &mut Reading) {
        let of = |values: &[String], index: usize| values.get(index).cloned().unwrap_or_default();
        for (index, picture) in self.pictures.iter().enumerate() {
            let kind = of(&self.kinds, index).trim().parse().map_or(PictureKind::FRONT_COVER, PictureKind);
            let plain: String = picture.split_whitespace().collect();
            match STANDARD.decode(plain) {
                Ok(data) if reading.has_picture(&data) => {}
                Ok(data) => {
                    reading.picture(kind, &of(&self.mimes, index), &of(&self.descriptions, index), &data);
                }
                Err(error) => reading.broken("picture", format!("it is not base64: {error}")),
            }
        }
    }
}

fn read_comment(reading: &mut Reading, covers: &mut OldCovers, comment: &[u8]) {
    let text = String::from_utf8_lossy(comment);
    let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return reading.broken("a comment", "it has no name");
    };
    if matches!(text, std::borrow::Cow::Owned(_)) {
        reading.broken(&format!("some letters of {name}"), "they are not UTF-8");
    }
    if let Some(values) = covers.values(name) {
        values.push(value.to_owned());
    } else if name.eq_ignore_ascii_case("METADATA_BLOCK_PICTURE") {
        match STANDARD.decode(value.trim()) {
            Ok(block) => read_picture(reading, &block),
            Err(error) => reading.broken("picture", format!("it is not base64: {error}")),
        }
    } else {
        reading.text(name, value);
    }
}

/// Reads a picture block.
pub(super) fn read_picture(reading: &mut Reading, mut block: &[u8]) {
    let rest = &mut block;
    let mut parse = || {
        let kind = take_array(rest).map(u32::from_be_bytes)?;
        let mime = string(rest)?;
        let description = string(rest)?;
        take(rest, 16)?; // width, height, depth, colours
        let stated = take_array(rest).map(u32::from_be_bytes)?;
        Some((kind, String::from_utf8_lossy(mime), String::from_utf8_lossy(description), stated))
    };
    let Some((kind, mime, description, stated)) = parse() else {
        return reading.broken("picture", "it ends within its description");
    };
    let kind = PictureKind(u8::try_from(kind).unwrap_or(0));
    match usize::try_from(stated).ok().and_then(|len| take(&mut block, len)) {
        Some(data) => reading.picture(kind, &mime, &description, data),
        None => reading.broken(&kind.to_string(), "it ends before its stated end"),
    }
}

/// Bytes with their number before them.
fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take_array(rest).map(u32::from_be_bytes)?;
    take(rest, usize::try_from(len).ok()?)
}
