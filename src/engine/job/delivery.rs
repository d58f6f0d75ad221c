//! Taking what the tier has: segments of constant bitrate one by one, others all together.

use std::fs::File;
use std::ops::Range;

use super::{Destination, Finished, Handed, Job, Origin, Phase, index};
use crate::engine::lock::lock;
use crate::error::Result;
use crate::store::Sidecar;

impl Job {
    /// The first segment of `within`, from the one at `from` on, that is not complete, and the one behind the last of them
    /// in a row; from the start if all behind `from` are.
    pub(in crate::engine) fn missing(&self, from: u64, within: &Range<u64>) -> Option<(u64, u64)> {
        let state = lock(&self.state);
        if !matches!(state.phase, Phase::Pressing) {
            return None;
        }
        let missing = |at: &u64| !state.segments[index(*at)].done;
        let Range { start, end } = *within;
        let first = (from..end).find(missing).or_else(|| (start..from.min(end)).find(missing))?;
        let end = (first..end).find(|at| !missing(at)).unwrap_or(end);
        Some((first, end))
    }

    /// Takes a whole segment of a constant bitrate from the tier, or as much of it as nobody has pressed.
    ///
    /// # Errors
    /// Those of [`hand_over`](Self::hand_over).
    pub(in crate::engine) fn deliver(&self, segment: u64, bytes: &[u8]) -> Result<Handed> {
        let mut place = lock(&self.place);
        let mut state = lock(&self.state);
        let at = state.segments[index(segment)];
        if at.done {
            return Ok(Handed::Late);
        }
        // Known before it can be published.
        state.fetched = true;
        drop(state);
        if let Destination::Partial(partial) = &mut *place {
            partial.is_in_tier();
        }
        let own = self.plan.segment(segment).own;
        let samples = (own.end - own.start).saturating_sub(at.samples);
        let rest = bytes.get(index(at.ready)..).unwrap_or_default();
        self.write(place, segment, samples, rest, true)
    }

    /// Publishes the complete rendition in `file` in place of what was pressed; `None` if it is over, or about to be.
    ///
    /// # Errors
    /// Those of publishing.
    pub(in crate::engine) fn adopt(&self, file: &File, sidecar: &Sidecar) -> Result<Option<Finished>> {
        let mut place = lock(&self.place);
        let mut state = lock(&self.state);
        if !matches!(state.phase, Phase::Pressing) || !matches!(*place, Destination::Partial(_)) {
            return Ok(None);
        }
        state.phase = Phase::Publishing;
        drop(state);
        let taken = std::mem::replace(&mut *place, Destination::Closed);
        drop(place);
        let Destination::Partial(partial) = taken else { return Ok(None) };
        // The tags of this master, which may be others than of the one it was pressed from.
        let sidecar = Sidecar { label: self.source.label(), ..sidecar.clone() };
        Ok(Some(Finished::Object(partial.adopt(file, &sidecar)?, Origin::Fetched)))
    }
}
