//! What a master says about its music, and what a store adds to it: texts, pictures, lyrics, links.
//!
//! One form for all kinds of tags, named by Vorbis comments, in which whatever has no frame of its own travels
//! under its own name. `docs/tags.md` has the table of what comes from where.

pub(crate) mod field;
pub mod id3;
mod lrc;
mod model;
mod parts;
mod read;
mod reading;

pub use model::{Note, Tags};
pub use parts::{Gain, LinkKind, Picture, PictureKind, SyncedLyrics};
pub use reading::Limits;

use crate::error::Result;
use crate::master::Master;

impl Master {
    /// Reads the tags, within [`Limits`] that no honest file meets. Read anew at every call; opening a master
    /// does not read them.
    ///
    /// What is broken or too large is left out and [noted](Tags::notes).
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the source cannot be read, [`Error::Changed`](crate::Error::Changed) if it
    /// was changed since the master was opened.
    pub fn tags(&self) -> Result<Tags> {
        self.tags_within(&Limits::default())
    }

    /// As [`tags`](Self::tags), within other limits.
    ///
    /// # Errors
    /// The same.
    pub fn tags_within(&self, limits: &Limits) -> Result<Tags> {
        let input = self.input();
        input.begin_headers();
        read::read(input, self.info().container, limits)
    }
}
