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
struct FramesRecord {
    version: u32,
    /// What the frames lie in: the same frames lie elsewhere in another container.
    container: String,
    /// Samples and offsets from the begin of the audio, see [`FrameIndex::to_bytes`], in base64.
    frames: String,
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
        let record = self.record_of::<FramesRecord>("frames", &id)?;
        let fits = record.version == VERSION && record.container == master.info().container.to_string();
        let bytes = BASE64.decode(record.frames).ok().filter(|_| fits)?;
        FrameIndex::from_bytes(&bytes).map(Arc::new)
    }

    /// Notes where the frames of `master` lie, whose id is `id`.
    ///
    /// # Errors
    /// Those of [`note`](Self::note).
    pub(super) fn note_frames(&self, id: &MasterId, master: &Master, frames: &FrameIndex) -> Result<()> {
        let container = master.info().container.to_string();
        let record = FramesRecord { version: VERSION, container, frames: BASE64.encode(frames.to_bytes()) };
        self.keep_record("frames", id, &record)
    }
}

/// Whether its frames have to be looked for.
fn has_frames(master: &Master) -> bool {
    let info = master.info();
    info.codec == Codec::Flac && matches!(info.container, Container::Flac | Container::Ogg)
}
