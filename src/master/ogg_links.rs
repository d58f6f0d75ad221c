//! The links of an Ogg file: streams one behind the other, of which a master may have one only.
//!
//! Whoever reads the first link sees nothing of the others, and would take it for the whole.

use super::source::Input;
use crate::error::{Result, Stage};

const MAX_PAGE: u64 = 27 + 255 + 255 * 255;

/// How many bytes are read at a time.
const BLOCK: usize = 1 << 20;

/// The head of a page (RFC 3533, section 6).
struct Page {
    flags: u8,
    granule: u64,
    serial: u32,
    number: u32,
    /// How many bytes it has in all.
    len: usize,
}

/// The flag of a stream's first page.
const FIRST: u8 = 2;

impl Page {
    /// The head of the page that `bytes` begin with.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; 27] = bytes.first_chunk()?;
        let lengths = bytes.get(27..27 + usize::from(head[26]))?;
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        head.starts_with(b"OggS\0").then(|| Self {
            flags: head[5],
            granule: u64::from(word(10)) << 32 | u64::from(word(6)),
            serial: word(14),
            number: word(18),
            len: 27 + lengths.len() + lengths.iter().map(|&length| usize::from(length)).sum::<usize>(),
        })
    }
}

/// Where the last complete page ends of the file whose first one is at `start`: Symphonia refuses a whole file for
/// the half page at the end of a truncated one. `samples` is how many its stream states, 0 if it does not.
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) if another stream begins behind the first.
pub(super) fn end_of_only_link(input: &Input, start: u64, samples: u64) -> Result<u64> {
    let tail = start.max(input.len.saturating_sub(2 * MAX_PAGE));
    let bytes = input.bytes(tail, input.len - tail)?;
    let last = (0..bytes.len()).rev().find_map(|at| {
        Page::parse(&bytes[at..]).filter(|page| at + page.len <= bytes.len()).map(|page| (at, page))
    });
    let Some((at, last)) = last else { return Ok(input.len) };
    let first = Page::parse(&input.bytes(start, MAX_PAGE.min(input.len - start))?);
    let is_one = samples > 0
        && last.granule == samples
        && first.as_ref().is_some_and(|first| first.serial == last.serial)
        && is_between(input, start, tail + at as u64, &last)?;
    if !is_one && first.is_some_and(|first| first.flags & FIRST != 0) && has_second(input, start)? {
        return Err(input
            .unsupported("several streams one behind the other in one Ogg file; a single FLAC stream is"));
    }
    Ok(tail + (at + last.len) as u64)
}

/// The packet behind the first of the stream whose first page is at `start`; nothing if it is broken.
pub(super) fn second_packet(input: &Input, start: u64) -> Result<Vec<u8>> {
    let (mut at, mut stream) = (start, None);
    let (mut packet, mut is_second) = (Vec::new(), false);
    loop {
        input.count_header()?;
        let page = input.bytes(at, MAX_PAGE.min(input.len.saturating_sub(at)))?;
        let Some(head) = Page::parse(&page) else { return Ok(Vec::new()) };
        at += head.len as u64;
        if *stream.get_or_insert(head.serial) != head.serial {
            continue;
        }
        let lengths = &page[27..27 + usize::from(page[26])];
        let mut body = &page[27 + lengths.len()..];
        for &length in lengths {
            let (part, rest) = body.split_at(body.len().min(length.into()));
            body = rest;
            packet.extend_from_slice(part);
            if length < 255 {
                if is_second {
                    return Ok(packet);
                }
                is_second = true;
                packet.clear();
            }
        }
        input.limit("bytes in a table of its headers", packet.len() as u64, input.limits.header_bytes)?;
    }
}

/// Whether the page in the middle has a number between those of the first and the last, as it must if there is only
/// one stream; true if there are few.
fn is_between(input: &Input, start: u64, end: u64, last: &Page) -> Result<bool> {
    let middle = start + (end - start) / 2;
    let bytes = input.bytes(middle, (2 * MAX_PAGE).min(end - middle))?;
    let page = (0..bytes.len()).find_map(|at| Page::parse(&bytes[at..]));
    Ok(page.is_none_or(|page| page.serial == last.serial && (1..=last.number).contains(&page.number)))
}

/// Whether a stream begins behind the audio of the first one.
fn has_second(input: &Input, start: u64) -> Result<bool> {
    let (mut buf, mut at, mut has_audio) = (vec![0; BLOCK], start, false);
    loop {
        let read = input.read_at(&mut buf, at, Stage::Open)?;
        let bytes = &buf[..read];
        let mut next = 0;
        while let Some(more) =
            bytes.get(next..).and_then(|rest| rest.windows(5).position(|it| it == b"OggS\0"))
        {
            next += more;
            if let Some(page) = Page::parse(&bytes[next..]) {
                let is_first = page.flags & FIRST != 0;
                if is_first && has_audio {
                    return Ok(true);
                }
                has_audio |= !is_first;
            }
            next += 5;
        }
        if read < BLOCK {
            return Ok(false);
        }
        // A head may lie across the end.
        at += (read - 27 - 255) as u64;
    }
}
