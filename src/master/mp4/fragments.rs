//! Fragments: packets whose places stand beside them (moof, traf, trun) and not in the file's index.

use std::ops::Range;

use super::atoms::{child, children, number, required, stated_atom};
use crate::error::Result;
use crate::master::coding::PacketCoding;
use crate::master::packets::Table;
use crate::master::source::Input;

/// No master has more: a day of one each second.
const MOST: u64 = 100_000;

/// How long and how large a packet is where nothing else is said.
#[derive(Clone, Copy)]
struct Defaults {
    samples: u32,
    size: u32,
}

/// Appends the packets that the fragments of the track at `track` in the index hold. `more` is what announces them
/// (mvex).
pub(super) fn append(
    input: &Input,
    start: u64,
    track: &Range<u64>,
    more: &Range<u64>,
    table: &mut Table,
) -> Result<()> {
    let header = required(input, track, *b"tkhd")?;
    let [version] = input.array(header.start)?;
    let id = input.be32(header.start + if version == 1 { 20 } else { 12 })?;
    let mut defaults = Defaults { samples: 0, size: 0 };
    for (_, extends) in children(input, more)?.iter().filter(|atom| &atom.0 == b"trex") {
        let [_, of, _, samples, size] = words(input, extends.start)?;
        if of == id {
            defaults = Defaults { samples, size };
        }
    }
    let mut fragments = Fragments { track: id, defaults, count: 0, origin: None };
    let mut at = start;
    while let Some((kind, content)) = stated_atom(input, at, input.len)? {
        if content.end > input.len && !input.limits.truncated {
            return Err(input.damaged(table.samples(), "the file ends here, within a fragment"));
        }
        if &kind == b"moof" {
            fragments.count += 1;
            input.limit("fragments", fragments.count, MOST)?;
            // Each has as many as a whole file may have.
            input.begin_headers();
            fragments.read(input, at, &(content.start..content.end.min(input.len)), table)?;
        }
        at = content.end;
    }
    Ok(())
}

struct Fragments {
    track: u32,
    defaults: Defaults,
    count: u64,
    /// The time that the first fragment states: it may have been cut out of a longer stream.
    origin: Option<u64>,
}

impl Fragments {
    /// Reads the fragment in the `moof` that starts at `start`.
    fn read(&mut self, input: &Input, start: u64, content: &Range<u64>, table: &mut Table) -> Result<()> {
        // Where the data of the track before ended: where that of the next one starts, if nothing else is said.
        let mut behind = start;
        for (_, traf) in children(input, content)?.iter().filter(|atom| &atom.0 == b"traf") {
            let header = required(input, traf, *b"tfhd")?;
            let [flags, track] = words(input, header.start)?;
            let mut at = header.start + 8;
            let mut defaults = self.defaults;
            let mut base = if flags & 0x2_0000 == 0 { behind } else { start };
            if flags & 1 != 0 {
                base = u64::from_be_bytes(input.array(at)?);
                at += 8;
            }
            at += if flags & 2 != 0 { 4 } else { 0 };
            if flags & 8 != 0 {
                defaults.samples = input.be32(at)?;
                at += 4;
            }
            if flags & 0x10 != 0 {
                defaults.size = input.be32(at)?;
            }
            let is_ours = track == self.track;
            if is_ours && let Some(time) = child(input, traf, *b"tfdt")? {
                self.check_time(input, &time, table)?;
            }
            let mut next = base;
            for (_, run) in children(input, traf)?.iter().filter(|atom| &atom.0 == b"trun") {
                next = read_run(input, run, base, next, defaults, table, is_ours)?;
            }
            behind = next;
        }
        Ok(())
    }

    /// Whether a fragment starts where the one before ended.
    fn check_time(&mut self, input: &Input, atom: &Range<u64>, table: &Table) -> Result<()> {
        let [version] = input.array(atom.start)?;
        let time = match version {
            1 => u64::from_be_bytes(input.array(atom.start + 4)?),
            _ => input.be32(atom.start + 4)?.into(),
        };
        let samples = table.samples();
        let origin = *self.origin.get_or_insert(time.saturating_sub(samples));
        // The times of PCM may count in other units; it is complete if its bytes are.
        if time != origin.saturating_add(samples) && !matches!(table.coding, PacketCoding::Pcm(_)) {
            return Err(input.damaged(samples, "a fragment is missing here, or out of order"));
        }
        Ok(())
    }
}

/// Adds the packets of a run to the table, unless it is of another track, and tells where they end.
fn read_run(
    input: &Input,
    run: &Range<u64>,
    base: u64,
    next: u64,
    defaults: Defaults,
    table: &mut Table,
    is_ours: bool,
) -> Result<u64> {
    let [flags, count] = words(input, run.start)?;
    let mut at = run.start + 8;
    let mut offset = next;
    if flags & 1 != 0 {
        offset = base.saturating_add_signed(input.be32(at)?.cast_signed().into());
        at += 4;
    }
    at += if flags & 4 != 0 { 4 } else { 0 };
    // Of each: how long, how large, flags, and when it is shown.
    let field = |flag: u32| if flags & flag != 0 { 4 } else { 0 };
    let width = field(0x100) + field(0x200) + field(0x400) + field(0x800);
    let bytes = u64::from(count) * width as u64;
    if at.saturating_add(bytes) > run.end {
        return Err(input.damaged(table.samples(), "its table 'trun' is cut off"));
    }
    let bytes = input.bytes(at, bytes)?;
    let frame = table.coding.pcm_frame();
    if let (0, true, _) | (0, _, Some(_)) = (width, !is_ours, frame) {
        // All are alike.
        let size = u64::from(defaults.size) * u64::from(count);
        if let Some(frame) = frame.filter(|_| is_ours) {
            table.push_pcm(input, offset, size / u64::from(frame), frame)?;
        }
        return Ok(offset.saturating_add(size));
    }
    for index in 0..count as usize {
        let entry = bytes.get(index * width..).unwrap_or_default();
        let samples = if flags & 0x100 != 0 { number(entry, 0) } else { defaults.samples };
        let size = if flags & 0x200 != 0 { number(entry, field(0x100)) } else { defaults.size };
        match frame {
            _ if !is_ours => {}
            Some(frame) if size.is_multiple_of(frame) => {
                table.push_pcm(input, offset, (size / frame).into(), frame)?;
            }
            Some(_) => return Err(input.damaged(table.samples(), "its table states half a sample")),
            None => table.push(input, offset, size, samples.into())?,
        }
        offset = offset.saturating_add(size.into());
    }
    Ok(offset)
}

/// Numbers that follow each other.
fn words<const N: usize>(input: &Input, at: u64) -> Result<[u32; N]> {
    let mut all = [0; N];
    for (word, at) in all.iter_mut().zip((at..).step_by(4)) {
        *word = input.be32(at)?;
    }
    Ok(all)
}
