//! What a file is, by its content: file names are not looked at.

use std::ops::Range;

use super::ogg::Coding;
use super::source::Input;
use super::{Opened, aiff, caf, mp4, ogg, open_flac, open_ogg, w64, wav};
use crate::error::{Error, Result, Stage};

/// Opens whatever `input` holds, if it can be a master.
pub(super) fn open(input: &Input) -> Result<Opened> {
    let start = behind_id3(input)?;
    let mut head = vec![0; 64 << 10];
    let read = input.read_at(&mut head, start, Stage::Open)?;
    head.truncate(read);
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|head| head.starts_with(magic));
    if at(0, b"fLaC") {
        open_flac::open(input, start)
    } else if at(0, b"OggS") {
        by_first_packet(input, start, &head)
    } else if ([b"RIFF", b"RIFX", b"RF64", b"BW64"].iter().any(|kind| at(0, *kind))) && at(8, b"WAVE") {
        wav::open(input, start)
    } else if at(0, w64::MAGIC) && at(24, b"wave") {
        w64::open(input, start)
    } else if at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) {
        aiff::open(input, start)
    } else if at(0, b"caff") {
        caf::open(input, start)
    } else if ["ftyp", "moov", "mdat", "wide", "free", "skip"].iter().any(|kind| at(4, kind.as_bytes())) {
        mp4::open(input, start)
    } else {
        Err(refuse(input, &head))
    }
}

/// Where the content starts.
fn behind_id3(input: &Input) -> Result<u64> {
    Ok(id3_prefixes(input)?.last().map_or(0, |tag| tag.end))
}

/// The `ID3v2` tags before the content: they do not belong in front of FLAC or WAV, but are found there.
pub(crate) fn id3_prefixes(input: &Input) -> Result<Vec<Range<u64>>> {
    const MOST: usize = 16;
    let mut tags: Vec<Range<u64>> = Vec::new();
    let mut head = [0; 10];
    while tags.len() < MOST {
        let start = tags.last().map_or(0, |tag| tag.end);
        if input.read_at(&mut head, start, Stage::Open)? < 10 || !head.starts_with(b"ID3") {
            break;
        }
        let size = head[6..].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
        let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
        tags.push(start..start + 10 + size + footer);
    }
    Ok(tags)
}

/// Ogg says only in its first packet what it holds.
fn by_first_packet(input: &Input, start: u64, head: &[u8]) -> Result<Opened> {
    let segments = head.get(26).map_or(0, |&count| usize::from(count));
    let packet = head.get(27 + segments..).unwrap_or_default();
    Err(match ogg::coding(packet) {
        Coding::Flac => return open_ogg::open(input, start),
        Coding::OldFlac => {
            input.unsupported("FLAC in Ogg as it was before 2004; encode it again with `flac --ogg`")
        }
        Coding::Pcm => input.unsupported("PCM in Ogg; FLAC in Ogg, or PCM in WAV, is"),
        Coding::Lossy(name) => input.lossy_in("Ogg", name),
        Coding::Unknown => unrecognised(input, "an Ogg file that starts with neither FLAC nor other audio"),
    })
}

/// Why a file that is none of ours is refused.
fn refuse(input: &Input, head: &[u8]) -> Error {
    let lossless: [(&[u8], &str); 10] = [
        (b"wvpk", "WavPack"),
        (b"MAC ", "Monkey's Audio"),
        (b"TTA", "True Audio"),
        (b"tBaK", "TAK"),
        (b"OFR ", "OptimFROG"),
        (b"ajkg", "Shorten"),
        (b"LA0", "Lossless Audio"),
        (b"DSD ", "DSD (DSF)"),
        (b"FRM8", "DSD (DSDIFF)"),
        (b".snd", "Sun audio (AU)"),
    ];
    let lossy: [(&[u8], &str); 8] = [
        (b"MPCK", "Musepack"),
        (b"MP+", "Musepack"),
        (b"#!AMR", "AMR"),
        (b"ADIF", "AAC"),
        (b"\x0b\x77", "AC-3"),
        (b"\x7f\xfe\x80\x01", "DTS"),
        (b".RMF", "RealAudio"),
        (b".ra\xfd", "RealAudio"),
    ];
    let others: [(&[u8], &str); 10] = [
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (ASF)"),
        (b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"MThd", "MIDI"),
        (b"<", "text (HTML or XML)"),
        (b"#EXTM3U", "a playlist"),
    ];
    let find = |table: &[(&[u8], &'static str)]| {
        table.iter().find(|(magic, _)| head.starts_with(magic)).map(|&(_, name)| name)
    };
    if head.is_empty() {
        unrecognised(input, if input.len == 0 { "an empty file" } else { "nothing but an ID3 tag" })
    } else if let Some(name) = find(&lossless) {
        input.unsupported(format!("{name}; FLAC, WAV, AIFF and ALAC are"))
    } else if let Some(name) = find(&others) {
        unrecognised(input, name)
    } else if let Some(name) = find(&lossy).or_else(|| mpeg(head)) {
        input.lossy(name)
    } else {
        let first = &head[..head.len().min(8)];
        let hex: Vec<_> = first.iter().map(|byte| format!("{byte:02x}")).collect();
        unrecognised(input, &format!("it starts with the bytes {}", hex.join(" ")))
    }
}

fn unrecognised(input: &Input, detail: &str) -> Error {
    Error::Unrecognised { name: input.name.clone(), detail: detail.into() }
}

/// MPEG audio has no magic number, only frames that follow each other: three in a row are proof.
/// Some of them do not start at once.
fn mpeg(head: &[u8]) -> Option<&'static str> {
    (0..head.len().min(16 << 10)).find_map(|start| {
        let (size, name) = mpeg_frame(&head[start..])?;
        let mut at = start + size;
        for _ in 0..2 {
            // A file that ends is as good as a frame, but only if it started at once.
            match head.get(at..) {
                None | Some([]) => return (start == 0).then_some(name),
                Some(next) => at += mpeg_frame(next).filter(|frame| frame.1 == name)?.0,
            }
        }
        Some(name)
    })
}

/// The size in bytes and the kind of an MPEG audio or ADTS frame.
fn mpeg_frame(head: &[u8]) -> Option<(usize, &'static str)> {
    const KBPS: [[u16; 14]; 5] = [
        [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let &[0xff, kind, rates, rest @ ..] = head.first_chunk::<6>()? else { return None };
    if kind & 0xf6 == 0xf0 {
        let size = (u32::from_be_bytes([0, rest[0] & 3, rest[1], rest[2]]) >> 5) as usize;
        return (size >= 7 && rates >> 2 & 15 < 13).then_some((size, "AAC"));
    }
    let (version, layer) = (kind >> 3 & 3, kind >> 1 & 3);
    if kind & 0xe0 != 0xe0 || version == 1 || layer == 0 {
        return None;
    }
    let first = version == 3;
    let row = match (first, layer) {
        (true, layer) => usize::from(3 - layer),
        (false, 3) => 3,
        (false, _) => 4,
    };
    let kbps = usize::from(*KBPS[row].get(usize::from(rates >> 4).checked_sub(1)?)?);
    let rate =
        *[44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3))? >> [2, 0, 1, 0][usize::from(version)];
    let padding = usize::from(rates >> 1 & 1);
    Some(match layer {
        3 => ((12_000 * kbps / rate + padding) * 4, "MPEG audio layer 1"),
        2 => (144_000 * kbps / rate + padding, "MP2"),
        _ => ((if first { 144_000 } else { 72_000 }) * kbps / rate + padding, "MP3"),
    })
}
