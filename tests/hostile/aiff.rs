//! AIFF and AIFF-C, whose fields are signed and whose rate is an 80-bit float.

use super::case::Want::{Sound, Truncated};
use super::case::{ALL, Case, Why, case, refused, samples};
use super::flac::noise;
use crate::common::write::{aiff, pcm_be, pcm_le};

/// 44.1 kHz as an 80-bit float.
const RATE: [u8; 10] = [0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0];

/// What the common chunk says.
#[derive(Clone, Copy)]
struct Common {
    channels: u16,
    samples: u32,
    bits: u16,
    rate: [u8; 10],
}

const COMMON: Common = Common { channels: 2, samples: ALL as u32, bits: 16, rate: RATE };

impl Common {
    fn chunk(self) -> Vec<u8> {
        let mut body = self.channels.to_be_bytes().to_vec();
        body.extend(self.samples.to_be_bytes());
        body.extend(self.bits.to_be_bytes());
        body.extend(self.rate);
        chunk(b"COMM", 18, &body)
    }
}

fn data() -> Vec<u8> {
    pcm_be(&samples(0..ALL), 16)
}

fn chunk(id: &[u8; 4], size: u32, body: &[u8]) -> Vec<u8> {
    [id, &size.to_be_bytes()[..], body].concat()
}

fn sound(size: u32, offset: u32) -> Vec<u8> {
    chunk(b"SSND", size, &[&offset.to_be_bytes(), &[0; 4], &data()[..]].concat())
}

fn all() -> Vec<u8> {
    sound(data().len() as u32 + 8, 0)
}

fn form(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    chunk(b"FORM", body.len() as u32 + 4, &[b"AIFF", &body[..]].concat())
}

fn compressed(kind: &[u8; 4]) -> Vec<u8> {
    aiff(Some(kind), 2, 44_100, 16, &data())
}

/// Chunks of odd length, padded or not.
fn odd_chunks() -> [Case; 4] {
    let odd = || chunk(b"NAME", 7, b"7 bytes");
    [
        case("aiff: an odd chunk", form(&[chunk(b"NAME", 7, &[7; 8]), COMMON.chunk(), all()]), Sound(ALL)),
        case("aiff: an odd chunk, not padded", form(&[odd(), COMMON.chunk(), odd(), all()]), Sound(ALL)),
        // The first byte of the sound's size is a space: 512 MiB of it, which are not there.
        case(
            "aiff: an odd chunk, not padded, and a long sound",
            form(&[COMMON.chunk(), odd(), sound(0x2000_0000, 0)]),
            Sound(ALL),
        ),
        case(
            "aiff: an odd chunk, padded with a letter",
            form(&[chunk(b"NAME", 1, b"xx"), COMMON.chunk(), chunk(b"NAME", 1, b"xx"), all()]),
            Sound(ALL),
        ),
    ]
}

pub fn cases() -> Vec<Case> {
    let file = |common: Common| form(&[common.chunk(), all()]);
    let bytes = data().len() as u32;
    let mut cases = vec![
        case("aiff: sound", file(COMMON), Sound(ALL)),
        case("aiff: with other chunks", aiff(None, 2, 44_100, 16, &data()), Sound(ALL)),
        case("aiff: sound before common", form(&[all(), COMMON.chunk()]), Sound(ALL)),
        case(
            "aiff: little-endian",
            aiff(Some(b"sowt"), 2, 44_100, 16, &pcm_le(&samples(0..ALL), 16)),
            Sound(ALL),
        ),
        refused("aiff: no common", form(&[all()]), Why::Damaged(0)),
        refused("aiff: no sound", form(&[COMMON.chunk()]), Why::Damaged(0)),
        refused("aiff: no sound, and says so", form(&[Common { samples: 0, ..COMMON }.chunk()]), Why::Empty),
        refused("aiff: nothing", form(&[]), Why::Damaged(0)),
        refused("aiff: noise", form(&[noise(50_000)]), Why::Damaged(0)),
        // The sound chunk is what has the samples.
        case("aiff: a count of none", file(Common { samples: 0, ..COMMON }), Sound(ALL)),
        case("aiff: a sample less", file(Common { samples: ALL as u32 - 1, ..COMMON }), Sound(ALL - 1)),
        refused("aiff: a sample more", file(Common { samples: ALL as u32 + 1, ..COMMON }), Why::Damaged(ALL)),
        refused("aiff: -1 samples", file(Common { samples: u32::MAX, ..COMMON }), Why::Damaged(ALL)),
        case("aiff: of unknown length", form(&[COMMON.chunk(), sound(u32::MAX, 0)]), Sound(ALL)),
        case("aiff: of length 0", form(&[COMMON.chunk(), sound(0, 0)]), Sound(ALL)),
        refused("aiff: shorter than it says", form(&[COMMON.chunk(), sound(808, 0)]), Why::Damaged(200)),
        case("aiff: longer than it says", form(&[COMMON.chunk(), sound(bytes + 9_999, 0)]), Sound(ALL)),
        refused(
            "aiff: an offset beyond the chunk",
            form(&[COMMON.chunk(), sound(bytes + 8, bytes + 1)]),
            Why::Damaged(0),
        ),
        refused(
            "aiff: an offset beyond the file",
            form(&[COMMON.chunk(), sound(bytes + 8, 0x7fff_ffff)]),
            Why::Damaged(0),
        ),
        refused(
            "aiff: an offset of -1",
            form(&[COMMON.chunk(), sound(bytes + 8, u32::MAX)]),
            Why::Damaged(0),
        ),
        refused(
            "aiff: a chunk beyond the end",
            form(&[chunk(b"NAME", u32::MAX, &[]), all()]),
            Why::Damaged(0),
        ),
        case(
            "aiff: 9,000 chunks",
            form(&[chunk(b"NAME", 0, &[]).repeat(9_000), COMMON.chunk(), all()]),
            Sound(ALL),
        ),
        refused(
            "aiff: 10,000 chunks",
            form(&[chunk(b"NAME", 0, &[]).repeat(10_000), COMMON.chunk(), all()]),
            Why::Limit("chunks around its audio"),
        ),
    ];
    cases.extend(odd_chunks());
    for channels in [0_u16, 9, 0x8000, 0xffff] {
        let bytes = file(Common { channels, ..COMMON });
        cases.push(refused(format!("aiff: {} channels", channels.cast_signed()), bytes, Why::Unsupported));
    }
    for bits in [0_u16, 33, 0x8000, 0xffff] {
        let bytes = file(Common { bits, ..COMMON });
        cases.push(refused(format!("aiff: {} bits", bits.cast_signed()), bytes, Why::Unsupported));
    }
    for (name, rate) in [
        ("0", [0; 10]),
        ("-44100", [0xc0, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]),
        ("44100.5", [0x40, 0x0e, 0xac, 0x44, 0x80, 0, 0, 0, 0, 0]),
        ("infinite", [0x7f, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("no number", [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("tiny", [0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("1", [0x3f, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("4 GHz", [0x40, 0x1e, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
    ] {
        let bytes = file(Common { rate, ..COMMON });
        cases.push(refused(format!("aiff: rate {name}"), bytes, Why::Unsupported));
    }
    for (kind, why) in [
        (b"alaw", Why::Lossy),
        (b"ima4", Why::Lossy),
        (b"\0\0\0\0", Why::Unsupported),
        (b"FLAC", Why::Unsupported),
    ] {
        let name = format!("aiff: compressed as '{}'", kind.escape_ascii());
        cases.push(refused(name, compressed(kind), why));
    }
    let whole = file(COMMON);
    let start = whole.len() - data().len();
    for cut in [start, start + 1, start + 1_000, whole.len() - 1] {
        let there = (cut - start) as u64 / 4;
        cases.push(case(format!("aiff: cut at {cut}"), whole[..cut].to_vec(), Truncated(ALL, there)));
    }
    for cut in [12, 19, 20, 37, 38, 45, start - 1] {
        cases.push(refused(format!("aiff: cut at {cut}"), whole[..cut].to_vec(), Why::Damaged(0)));
    }
    cases
}
