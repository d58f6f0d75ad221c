//! What a file is, by its content: file names are not looked at.

use super::source::Input;
use super::{Opened, flac, wav};
use crate::error::{Error, Result, Stage};

/// Opens whatever `input` holds, if it can be a master.
pub(super) fn open(input: &Input) -> Result<Opened> {
    let start = behind_id3(input)?;
    let mut head = vec![0; 64 << 10];
    let read = input.read_at(&mut head, start, Stage::Open)?;
    head.truncate(read);
    match &head[..] {
        [b'f', b'L', b'a', b'C', ..] => flac::open(input, start),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..]
        | [b'R', b'F', b'6', b'4', _, _, _, _, b'W', b'A', b'V', b'E', ..]
        | [b'B', b'W', b'6', b'4', _, _, _, _, b'W', b'A', b'V', b'E', ..] => wav::open(input, start),
        _ => Err(Error::Unrecognised { name: input.name.clone(), detail: "TODO".into() }),
    }
}

/// Where the content starts: `ID3v2` tags do not belong in front of FLAC or WAV, but are found there.
fn behind_id3(input: &Input) -> Result<u64> {
    let mut start = 0;
    let mut head = [0; 10];
    while input.read_at(&mut head, start, Stage::Open)? == 10 && head.starts_with(b"ID3") {
        let size = head[6..].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
        let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
        start += 10 + size + footer;
    }
    Ok(start)
}
