//! The loudness of masters, kept in the index.

use crate::error::Result;
use crate::master::Master;
use crate::master::loudness::{self, Loudness};
use crate::store::Masters;

/// What it is noted under. The number is raised when a measurement comes out otherwise than before.
const FACT: &str = "loudness 1";

impl Masters<'_> {
    /// How loud a master is: measured once, on the threads of the rayon pool that this is called in, and
    /// kept under its id in the index from then on.
    ///
    /// ```no_run
    /// use tonepress::master::{Master, loudness};
    /// use tonepress::Store;
    ///
    /// /// Prints the album gain of some masters.
    /// fn album(store: &Store, paths: &[&std::path::Path]) -> tonepress::Result<()> {
    ///     let mut tracks = Vec::new();
    ///     for path in paths {
    ///         tracks.push(store.masters().loudness(&Master::open(path)?)?);
    ///     }
    ///     if let Some(gain) = loudness::album(&tracks).gain_db() {
    ///         println!("REPLAYGAIN_ALBUM_GAIN={gain:.2} dB");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of [`Master::id`] and [`loudness::measure`]. An index that cannot be written is none: what was measured is returned.
    pub fn loudness(&self, master: &Master) -> Result<Loudness> {
        let id = self.identify(master)?;
        if let Some(known) = self.fact(&id, FACT) {
            return Ok(known);
        }
        let measured = loudness::measure(master)?;
        let _ = self.note(&id, FACT, &measured);
        Ok(measured)
    }
}
