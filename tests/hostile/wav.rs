//! WAV, RF64 and their headers.

use super::case::Want::{Sound, Truncated};
use super::case::{ALL, Case, Why, case, find, refused, samples, with};
use super::flac::noise;
use crate::common::write::{pcm_le, rf64, wav, wav_extensible, wav_format};

fn data() -> Vec<u8> {
    pcm_le(&samples(0..ALL), 16)
}

fn chunk(id: &[u8; 4], size: u32, body: &[u8]) -> Vec<u8> {
    [id, &size.to_le_bytes()[..], body].concat()
}

/// Chunks behind the first twelve bytes.
fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    chunk(b"RIFF", body.len() as u32 + 4, &[b"WAVE", &body[..]].concat())
}

fn fmt() -> Vec<u8> {
    let format = wav_format(1, 2, 44_100, 16);
    chunk(b"fmt ", 16, &format)
}

fn all() -> Vec<u8> {
    chunk(b"data", data().len() as u32, &data())
}

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("wav: sound", riff(&[fmt(), all()]), Sound(ALL)),
        case("wav: with other chunks", wav(&wav_format(1, 2, 44_100, 16), &data()), Sound(ALL)),
        case("wav: RF64", rf64(&wav_format(1, 2, 44_100, 16), &data()), Sound(ALL)),
    ];
    cases.extend(formats());
    cases.extend(sizes());
    cases.extend(chunks());
    cases
}

/// What the format chunk can say.
fn formats() -> Vec<Case> {
    let with_format = |at: usize, new: &[u8]| with(riff(&[fmt(), all()]), 20 + at, new);
    let mut cases = Vec::new();
    for channels in [0_u16, 9, 255, u16::MAX] {
        let bytes = with_format(2, &channels.to_le_bytes());
        cases.push(refused(format!("wav: {channels} channels"), bytes, Why::Unsupported));
    }
    for rate in [0_u32, 1, 7_999, 384_001, u32::MAX] {
        let bytes = with_format(4, &rate.to_le_bytes());
        cases.push(refused(format!("wav: {rate} Hz"), bytes, Why::Unsupported));
    }
    for block in [0_u16, 1, 3, 5, u16::MAX] {
        let bytes = with_format(12, &block.to_le_bytes());
        cases.push(refused(format!("wav: blocks of {block}"), bytes, Why::Unsupported));
    }
    for bits in [0_u16, 1, 17, 64, u16::MAX] {
        let bytes = with_format(14, &bits.to_le_bytes());
        cases.push(refused(format!("wav: {bits} bits"), bytes, Why::Unsupported));
    }
    for (tag, why) in [
        (0_u16, Why::Unsupported),
        (2, Why::Lossy),
        (3, Why::Unsupported), // floating point of 16 bits
        (0x55, Why::Lossy),
        (0xfffe, Why::Unsupported), // extensible, without the extension
        (0xffff, Why::Unsupported),
    ] {
        cases.push(refused(format!("wav: tag {tag}"), with_format(0, &tag.to_le_bytes()), why));
    }
    for (name, valid, mask) in [("more valid bits than there are", 40, 3), ("33 speakers", 16, u32::MAX)] {
        let format = wav_extensible(1, 2, 44_100, 16, valid, mask);
        cases.push(case(format!("wav: {name}"), wav(&format, &data()), Sound(ALL)));
    }
    let wrong_rate = with_format(8, &[0xff; 4]);
    cases.push(case("wav: a byte rate that lies", wrong_rate, Sound(ALL)));
    cases
}

/// What sizes can say.
fn sizes() -> Vec<Case> {
    let bytes = data().len() as u32;
    let sized = |size: u32| riff(&[fmt(), chunk(b"data", size, &data())]);
    let mut cases = vec![
        case("wav: longer than it is", sized(bytes + 4_000), Truncated(ALL + 1_000, ALL)),
        case("wav: longer by a byte", sized(bytes + 1), Sound(ALL)),
        case("wav: far longer", sized(8_000_000), Truncated(2_000_000, ALL)),
        case("wav: shorter than it is", sized(bytes - 4_000), Sound(ALL - 1_000)),
        case("wav: shorter by a byte", sized(bytes - 1), Sound(ALL - 1)),
        refused("wav: of 3 bytes", sized(3), Why::Empty),
        refused("wav: of no bytes", sized(0), Why::Empty),
        case("wav: of unknown length", sized(u32::MAX), Sound(ALL)),
        case("wav: of unknown length, by sox", sized(0x7fff_f000), Sound(ALL)),
        case("wav: unfinished", with(sized(0), 4, &[0; 4]), Sound(ALL)),
        case("wav: a RIFF size of 1", with(sized(bytes), 4, &[1, 0, 0, 0]), Sound(ALL)),
        case("wav: a RIFF size beyond the end", with(sized(bytes), 4, &[0xf0; 4]), Sound(ALL)),
    ];
    for cut in [44, 45, 47, 48, 1_000, 44 + data().len() - 1] {
        let there = (cut as u64 - 44) / 4;
        let bytes = riff(&[fmt(), all()])[..cut].to_vec();
        cases.push(case(format!("wav: cut at {cut}"), bytes, Truncated(ALL, there)));
    }
    for (cut, why) in [
        (0, Why::Unrecognised),
        (4, Why::Unrecognised),
        (11, Why::Unrecognised),
        (12, Why::Damaged(0)),
        (19, Why::Damaged(0)),
        (20, Why::Damaged(0)),
        (35, Why::Damaged(0)),
        (36, Why::Damaged(0)),
        (43, Why::Damaged(0)),
    ] {
        cases.push(refused(format!("wav: cut at {cut}"), riff(&[fmt(), all()])[..cut].to_vec(), why));
    }
    let mut long = rf64(&wav_format(1, 2, 44_100, 16), &data());
    long.truncate(long.len() - 12); // its last chunk
    let at = find(&long, b"ds64") + 16;
    let stated = |size: u64| with(long.clone(), at, &size.to_le_bytes());
    cases.push(case("rf64: unknown length", stated(0), Sound(ALL)));
    cases.push(case("rf64: longer than it is", stated(1 << 23), Truncated(1 << 21, ALL)));
    cases.push(refused("rf64: endless", stated(u64::MAX - 1), Why::Damaged(ALL)));
    let without = with(long.clone(), at - 16, b"junk");
    cases.push(case("rf64: without its sizes", without, Sound(ALL)));
    cases
}

/// What chunks can do.
fn chunks() -> Vec<Case> {
    let junk = chunk(b"junk", 0, &[]);
    let odd = || chunk(b"junk", 7, b"7 bytes");
    let extensible = chunk(b"fmt ", 40, &wav_extensible(1, 2, 44_100, 16, 16, 3));
    let frames = (ALL / 64 - 1) * 64 + 16;
    let at_sign = chunk(b"data", frames as u32 * 4, &data()[..frames as usize * 4]);
    vec![
        refused("wav: no format", riff(&[all()]), Why::Damaged(0)),
        refused("wav: no data", riff(&[fmt()]), Why::Damaged(0)),
        refused("wav: format behind the data", riff(&[all(), fmt()]), Why::Damaged(0)),
        refused("wav: a short format", riff(&[chunk(b"fmt ", 14, &fmt()[8..22]), all()]), Why::Damaged(0)),
        refused(
            "wav: a chunk beyond the end",
            riff(&[chunk(b"junk", 9_999_999, &[]), all()]),
            Why::Damaged(0),
        ),
        refused("wav: a chunk without end", riff(&[chunk(b"junk", u32::MAX, &[]), all()]), Why::Damaged(0)),
        case("wav: an odd chunk", riff(&[chunk(b"junk", 7, &[7; 8]), fmt(), all()]), Sound(ALL)),
        case("wav: an odd chunk, not padded", riff(&[chunk(b"junk", 7, &[7; 7]), fmt(), all()]), Sound(ALL)),
        case(
            "wav: odd chunks, not padded",
            riff(&[fmt(), chunk(b"note", 1, b"x"), chunk(b"junk", 9, b"fmt data?"), all()]),
            Sound(ALL),
        ),
        // The first byte of the next chunk's size looks like one of a name: `(`, `@`, `x`.
        case(
            "wav: an odd chunk, not padded, and an extensible format",
            riff(&[odd(), extensible, all()]),
            Sound(ALL),
        ),
        case("wav: an odd chunk, not padded, and data", riff(&[fmt(), odd(), at_sign]), Sound(frames)),
        case(
            "wav: an odd chunk, not padded, and others",
            riff(&[odd(), chunk(b"LIST", 0x78, &[0; 0x78]), fmt(), all()]),
            Sound(ALL),
        ),
        case(
            "wav: an odd chunk, padded with a letter",
            riff(&[chunk(b"junk", 7, b"7 bytesx"), fmt(), chunk(b"note", 1, b"xx"), all()]),
            Sound(ALL),
        ),
        case("wav: 9,000 chunks", riff(&[junk.repeat(9_000), fmt(), all()]), Sound(ALL)),
        refused(
            "wav: 10,000 chunks",
            riff(&[junk.repeat(10_000), fmt(), all()]),
            Why::Limit("chunks around its audio"),
        ),
        refused("wav: noise for chunks", riff(&[noise(100_000)]), Why::Damaged(0)),
        case("wav: the format twice", riff(&[fmt(), fmt(), all()]), Sound(ALL)),
        case("wav: data twice", riff(&[fmt(), all(), all()]), Sound(ALL)),
        case("wav: noise behind it", [riff(&[fmt(), all()]), noise(9_999)].concat(), Sound(ALL)),
        refused(
            "wav: only noise",
            [b"RIFF\x10\x27\0\0WAVX".to_vec(), noise(9_999)].concat(),
            Why::Unrecognised,
        ),
    ]
}
