//! The atoms that MP4 and `QuickTime` files are made of.

use std::ops::Range;

use crate::error::Result;
use crate::master::source::Input;

/// An atom without its header: what kind it is and where its content lies.
pub(crate) type Atom = ([u8; 4], Range<u64>);

/// The number that stands `at` bytes into an entry.
pub(super) fn number(entry: &[u8], at: usize) -> u32 {
    entry.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// The entries of a table, of `N` bytes each, whose number stands `skip` bytes into the atom.
pub(super) fn entries<const N: usize>(
    input: &Input,
    parent: &Range<u64>,
    kind: [u8; 4],
    skip: u64,
) -> Result<Vec<[u8; N]>> {
    let atom = required(input, parent, kind)?;
    let count = input.be32(atom.start + skip)?;
    let first = atom.start + skip + 4;
    let size = u64::from(count) * N as u64;
    if first.saturating_add(size) > atom.end {
        return Err(input.damaged(0, format!("its table '{}' is cut off", kind.escape_ascii())));
    }
    let bytes = input.bytes(first, size)?;
    Ok(bytes.as_chunks().0.to_vec())
}

pub(super) fn required(input: &Input, parent: &Range<u64>, kind: [u8; 4]) -> Result<Range<u64>> {
    child(input, parent, kind)?
        .ok_or_else(|| input.damaged(0, format!("an MP4 track without '{}'", kind.escape_ascii())))
}

pub(crate) fn child(input: &Input, parent: &Range<u64>, kind: [u8; 4]) -> Result<Option<Range<u64>>> {
    let mut at = parent.start;
    while let Some(atom) = next_atom(input, at, parent.end)? {
        if atom.0 == kind {
            return Ok(Some(atom.1));
        }
        at = atom.1.end;
    }
    Ok(None)
}

/// The atoms within a range.
pub(crate) fn children(input: &Input, parent: &Range<u64>) -> Result<Vec<Atom>> {
    let mut atoms = Vec::new();
    let mut at = parent.start;
    while let Some(atom) = next_atom(input, at, parent.end)? {
        at = atom.1.end;
        atoms.push(atom);
    }
    Ok(atoms)
}

/// The atom that starts at `at`, if there is one before `end`; if it claims to be longer it ends there.
fn next_atom(input: &Input, at: u64, end: u64) -> Result<Option<Atom>> {
    Ok(stated_atom(input, at, end)?
        .map(|(kind, content)| (kind, content.start.min(end)..content.end.min(end))))
}

/// The same, as long as it claims to be.
pub(super) fn stated_atom(input: &Input, at: u64, end: u64) -> Result<Option<Atom>> {
    if at.saturating_add(8) > end {
        return Ok(None);
    }
    let (size, kind) = input.pair(at)?;
    let (head, size) = match u32::from_be_bytes(size) {
        0 => (8, end - at),
        1 => (16, u64::from_be_bytes(input.array(at + 8)?)),
        size => (8, size.into()),
    };
    Ok((size >= head).then(|| (kind, at + head..at.saturating_add(size))))
}
