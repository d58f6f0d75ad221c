//! Whether masters are sound, found out once: FLAC's MD5 is over all of the audio, and segments are not.

use std::ops::Range;
use std::time::Duration;

use crate::error::Result;
use crate::master::{Master, MasterId, Verdict};
use crate::store::masters::Masters;

const VERDICT: &str = "verdict";
const GAPS: &str = "gaps";
/// For how long a master's verdict is believed before the index is asked again: a hit takes less time
/// than reading a file does.
const BELIEVED: Duration = Duration::from_secs(1);

impl Masters<'_> {
    /// What the last verification of this audio found; `None` if there was none.
    ///
    /// Ask before pressing: [`Verdict::allow`] says what it means for that.
    #[must_use]
    pub fn verdict(&self, master: &MasterId) -> Option<Verdict> {
        self.fact(master, VERDICT)
    }

    /// Notes what a verification of this audio found. It counts until the next.
    ///
    /// # Errors
    /// Those of [`note`](Self::note).
    pub fn note_verdict(&self, master: &MasterId, verdict: &Verdict) -> Result<()> {
        self.note(master, VERDICT, verdict)
    }

    /// What was found of a master, which is verified and noted if nobody has before.
    ///
    /// ```no_run
    /// # fn example(store: &tonepress::Store) -> tonepress::Result<()> {
    /// let master = tonepress::master::Master::open("song.flac")?;
    /// store.masters().verify(&master)?.allow(master.name(), false)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Master::verdict`] and [`note`](Self::note).
    pub fn verify(&self, master: &Master) -> Result<Verdict> {
        let id = master.id()?;
        if let Some(known) = self.verdict(&id) {
            master.hear(Some(known.clone()));
            return Ok(known);
        }
        let verdict = master.verdict()?;
        master.hear(Some(verdict.clone()));
        self.note_verdict(&id, &verdict)?;
        Ok(verdict)
    }

    /// [`Verdict::allow`] of what was found of `master`, whose id is `id`: at once if it was found through
    /// this very master, else within a second.
    pub(crate) fn allow(&self, id: &MasterId, master: &Master, salvage: bool) -> Result<()> {
        master.allow(salvage, BELIEVED, || self.verdict(id))
    }

    /// The gaps of `master`, whose id is `id`, to be told with its salvaged renditions; found out and
    /// noted if nobody has before.
    ///
    /// # Errors
    /// Those of [`Master::gaps`].
    pub fn gaps(&self, id: &MasterId, master: &Master) -> Result<Vec<Range<u64>>> {
        if let Some(known) = self.fact(id, GAPS) {
            return Ok(known);
        }
        let gaps = master.gaps()?;
        // Whoever cannot note them finds them out again.
        let _ = self.note(id, GAPS, &gaps);
        Ok(gaps)
    }
}
