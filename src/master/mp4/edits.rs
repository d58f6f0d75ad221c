//! The edit list of a track, which says what of it is to be played.
//!
//! What lossless encoders write is followed: that the audio starts some samples in. Whatever else a list can do is
//! refused, since a master that ignored it would be another recording.

use super::Track;
use super::atoms::{child, entries, number};
use crate::error::Result;
use crate::master::packets::Table;
use crate::master::source::Input;

/// Lets the packets begin where the edit list of the track says. `stated` is how many samples its tables state.
pub(super) fn apply(input: &Input, track: &Track, stated: u64, table: &mut Table) -> Result<()> {
    let refuse = |what: &str| {
        Err(input.unsupported(format!("an MP4 edit list that {what}; one that only moves the start is")))
    };
    let Some(edits) = child(input, &track.place, *b"edts")? else { return Ok(()) };
    let Some(list) = child(input, &edits, *b"elst")? else { return Ok(()) };
    let [version] = input.array(list.start)?;
    let edits: Vec<(u64, i64, u32)> = if version == 1 {
        let wide = |entry: &[u8], at| u64::from(number(entry, at)) << 32 | u64::from(number(entry, at + 4));
        let entries = entries::<20>(input, &edits, *b"elst", 4)?;
        entries.iter().map(|it| (wide(it, 0), wide(it, 8).cast_signed(), number(it, 16))).collect()
    } else {
        let entries = entries::<12>(input, &edits, *b"elst", 4)?;
        let edit = |it: &[u8; 12]| (number(it, 0).into(), number(it, 4).cast_signed().into(), number(it, 8));
        entries.iter().map(edit).collect()
    };
    // −1 stands for a time when nothing is played.
    let is_nothing = |&(duration, start, _): &(u64, i64, u32)| duration == 0 && start == -1;
    let (duration, start, speed) = match edits.iter().filter(|edit| !is_nothing(edit)).collect::<Vec<_>>()[..]
    {
        [] => return Ok(()),
        [&edit] => edit,
        _ => return refuse("plays several parts"),
    };
    let rate = table.coding.rate(input)?.hz();
    let (Ok(start), 0x1_0000) = (u64::try_from(start), speed) else {
        return refuse("plays silence, or at another speed");
    };
    let start = u128::from(start) * u128::from(rate);
    let scale = u128::from(track.scale.max(1));
    let Some(start) = u64::try_from(start / scale).ok().filter(|_| start.is_multiple_of(scale)) else {
        return refuse("starts between two samples");
    };
    let samples = table.samples().min(stated);
    if start > samples {
        return refuse("starts behind the end");
    }
    // The duration is rounded to the movie's unit. In files of fragments it is not known, so 0.
    if duration > 0 {
        let Some(unit) = track.movie_scale.filter(|&scale| scale > 0) else {
            return refuse("counts in no stated unit");
        };
        let played = (u128::from(duration) + 1) * u128::from(rate) / u128::from(unit) + 1;
        if u128::from(samples - start) > played {
            return refuse("ends before the audio does");
        }
    }
    table.begin_at(start);
    Ok(())
}
