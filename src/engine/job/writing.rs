//! Where the bytes of a rendition go, and how it is completed.

use std::sync::MutexGuard;

use super::{Destination, Finished, Handed, Job, Origin, index};
use crate::engine::lock::lock;
use crate::error::{Error, Result, Stage};
use crate::rendition::writer::Written;
use crate::store::{Fallback, Partial, Store};

impl Job {
    /// Makes the place where its bytes go, unless it is there.
    ///
    /// # Errors
    /// Those of [`Store::begin`]; [`Error::Cancelled`] if it is over.
    pub(in crate::engine) fn open(&self, store: Option<&Store>) -> Result<()> {
        let mut place = lock(&self.place);
        match *place {
            Destination::Partial(_) | Destination::Export(..) => return Ok(()),
            Destination::Closed => return Err(self.cancelled()),
            Destination::Unopened => {}
        }
        let partial = match store {
            Some(store) => store.begin_unidentified(&self.plan, Fallback::Uncached)?,
            None => Partial::uncached(&std::env::temp_dir(), self.recipe()?.as_ref(), &self.plan)?,
        };
        let reader = partial.reader();
        *place = Destination::Partial(Box::new(partial));
        // With the place still locked: nobody hands bytes over before readers can see them.
        let mut state = lock(&self.state);
        drop(place);
        state.reader = Some(reader);
        // The Info frame can be read.
        self.wake(state, Some(0));
        Ok(())
    }

    /// Takes the next bytes of a segment, which `samples` samples became; they are everybody's from then on.
    ///
    /// # Errors
    /// Those of [`Partial::write_segment`]; [`Error::Cancelled`] if it is over.
    pub(in crate::engine) fn hand_over(
        &self,
        segment: u64,
        samples: u64,
        bytes: &[u8],
        last: bool,
    ) -> Result<Handed> {
        let place = lock(&self.place);
        if lock(&self.state).segments[index(segment)].done {
            return Ok(Handed::Late);
        }
        self.write(place, segment, samples, bytes, last)
    }

    /// Writes the next bytes of a segment, with the place locked since it was found that they are wanted.
    pub(super) fn write(
        &self,
        mut place: MutexGuard<Destination>,
        segment: u64,
        samples: u64,
        bytes: &[u8],
        last: bool,
    ) -> Result<Handed> {
        match &mut *place {
            Destination::Partial(partial) => partial.write_segment(segment, bytes, last)?,
            Destination::Export(writer, _) => writer.push(segment, bytes, last)?,
            Destination::Unopened | Destination::Closed => return Err(self.cancelled()),
        }
        let mut state = lock(&self.state);
        // With the place still locked: whoever writes next knows what is written.
        drop(place);
        let at = &mut state.segments[index(segment)];
        at.ready += bytes.len() as u64;
        at.samples += samples;
        at.done = last;
        state.done += u64::from(last);
        state.samples += samples;
        let first = !bytes.is_empty() && !std::mem::replace(&mut state.begun, true);
        self.wake(state, Some(segment));
        Ok(if first { Handed::First } else { Handed::More })
    }

    /// Completes it, if its master is still what it was made from: publishes it, or ends the file it goes to.
    ///
    /// # Errors
    /// Those of [`Master::unchanged`](crate::master::Master::unchanged), [`Partial::publish`] and
    /// [`RenditionWriter::finish`].
    pub(in crate::engine) fn complete(&self) -> Result<Finished> {
        self.source.master.unchanged()?;
        let place = std::mem::replace(&mut *lock(&self.place), Destination::Closed);
        match place {
            Destination::Partial(mut partial) => {
                if partial.is_stored() {
                    partial.describe(self.source.label());
                }
                let fetched = lock(&self.state).fetched;
                let origin = if fetched { Origin::Fetched } else { Origin::Pressed };
                Ok(Finished::Object(partial.publish()?, origin))
            }
            Destination::Export(writer, start) => {
                let Written { out, bytes } = writer.finish()?;
                out.set_len(start + bytes).map_err(Error::io(Stage::Write, self.name()))?;
                Ok(Finished::Exported(bytes))
            }
            Destination::Unopened | Destination::Closed => Err(self.cancelled()),
        }
    }
}
