//! Where the frames of FLAC masters lie, noted when they are hashed: a range in the middle is then found at once.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::master::{Codec, Container, Decoder, FrameIndex, Master, MasterId};
use crate::store::masters::Masters;

/// The version of the records. Those of another are not read.
const VERSION: u32 = 1;

/// A record of its own, since it is longer than all else that is known of a master, and wanted less often.
#[derive(Serialize, Deserialize)]
pub(super) struct FramesRecord {
    version: u32,
    /// What the frames lie in: the same frames lie elsewhere in another container.
    container: String,
    /// Samples and offsets from the begin of the audio, see [`FrameIndex::to_bytes`], in base64.
    frames: String,
}

impl FramesRecord {
    pub(super) fn new(master: &Master, frames: &FrameIndex) -> Self {
        let container = master.info().container.to_string();
        Self { version: VERSION, container, frames: BASE64.encode(frames.to_bytes()) }
    }

    /// What it says of `master`; `None` if it is of another container or version, or damaged.
    fn index_of(&self, master: &Master) -> Option<FrameIndex> {
        let fits = self.version == VERSION && self.container == master.info().container.to_string();
        FrameIndex::from_bytes(&BASE64.decode(&self.frames).ok().filter(|_| fits)?)
    }
}

impl Masters<'_> {
    /// A decoder of `master` that seeks by what this index knows of it: one read, where
    /// [`Master::decoder`] narrows the place down by several. What is known was noted when a FLAC master was
    /// [identified](Self::identify); if it is not so any more, nothing but speed is lost.
    ///
    /// # Errors
    /// Those of [`Master::decoder`].
    pub fn decoder(&self, master: &Master) -> Result<Decoder> {
        master.decoder_by(false, self.frames(master))
    }

    /// Where the frames of `master` lie, if it is FLAC whose id is known and somebody noted it.
    pub(crate) fn frames(&self, master: &Master) -> Option<Arc<FrameIndex>> {
        let id = master.known_id().filter(|_| has_frames(master))?;
        self.record_of::<FramesRecord>("frames", &id)?.index_of(master).map(Arc::new)
    }

    /// Notes where the frames of `master` lie, whose id is `id`.
    ///
    /// # Errors
    /// Those of [`note`](Self::note).
    pub(super) fn note_frames(&self, id: &MasterId, master: &Master, frames: &FrameIndex) -> Result<()> {
        self.keep_record("frames", id, &FramesRecord::new(master, frames))
    }

    /// As [`note_frames`](Self::note_frames), of what another machine says, unless that is damaged.
    #[cfg(feature = "tier")]
    pub(super) fn note_told_frames(&self, id: &MasterId, master: &Master, record: &FramesRecord) {
        if has_frames(master) && record.index_of(master).is_some() {
            // A store that cannot be written still serves.
            let _ = self.keep_record("frames", id, record);
        }
    }
}

/// Whether its frames have to be looked for.
fn has_frames(master: &Master) -> bool {
    let info = master.info();
    info.codec == Codec::Flac && matches!(info.container, Container::Flac | Container::Ogg)
}
