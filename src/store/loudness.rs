//! The loudness of masters, kept in the index.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::master::loudness::{self, Loudness};
use crate::master::{Master, MasterId};
use crate::store::masters::Masters;
use crate::tags::{Gain, Tags};

/// What it is noted under. The number is raised when a measurement comes out otherwise than before.
const FACT: &str = "loudness 1";
/// What the gains of albums are noted under, by album: the same audio may be on several.
const ALBUMS: &str = "album loudness 1";

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
        if let Some(known) = self.known_loudness(&id) {
            return Ok(known);
        }
        let measured = loudness::measure(master)?;
        let _ = self.note(&id, FACT, &measured);
        Ok(measured)
    }

    /// How loud a master is, if that was [measured](Self::loudness).
    #[must_use]
    pub fn known_loudness(&self, master: &MasterId) -> Option<Loudness> {
        self.fact(master, FACT)
    }

    /// Notes with each of `masters`, which make up `album`, how loud that is. An album is called whatever its
    /// users agree on; of one that is silent nothing is noted.
    ///
    /// # Errors
    /// Those of [`note`](Self::note).
    pub fn note_album(&self, album: &str, masters: &[MasterId], loudness: &Loudness) -> Result<()> {
        let Some(gain) = gain(loudness) else { return Ok(()) };
        for master in masters {
            let mut albums: BTreeMap<String, Gain> = self.fact(master, ALBUMS).unwrap_or_default();
            if albums.insert(album.to_owned(), gain) != Some(gain) {
                self.note(master, ALBUMS, &albums)?;
            }
        }
        Ok(())
    }

    /// Sets `ReplayGain` in `tags` as far as it is known: the track's if the master was
    /// [measured](Self::loudness), the album's if that was [noted](Self::note_album) under this name. What is not known
    /// stays as it is. Nothing is measured.
    ///
    /// ```no_run
    /// # use tonepress::{Store, master::Master};
    /// # fn example(store: &Store) -> tonepress::Result<()> {
    /// let master = Master::open("album/01.flac")?;
    /// let mut tags = master.tags()?;
    /// store.masters().set_gain(&store.masters().identify(&master)?, "album", &mut tags);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_gain(&self, master: &MasterId, album: &str, tags: &mut Tags) {
        if let Some(track) = self.known_loudness(master).as_ref().and_then(gain) {
            tags.set_gain_of("TRACK", Some(track));
        }
        let albums: Option<BTreeMap<String, Gain>> = self.fact(master, ALBUMS);
        if let Some(album) = albums.and_then(|albums| albums.get(album).copied()) {
            tags.set_gain_of("ALBUM", Some(album));
        }
    }
}

fn gain(loudness: &Loudness) -> Option<Gain> {
    loudness.gain_db().map(|db| Gain { db, peak: loudness.true_peak() })
}
