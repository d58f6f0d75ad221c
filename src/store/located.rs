//! The index of masters in object storage: an object of one version never changes, so where it lies and which version
//! it is say what its audio is. Shared through the tier: what one machine has hashed, others need not.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

use crate::master::{FrameIndex, Master, MasterId};
use crate::store::frames::FramesRecord;
use crate::store::masters::{FILE_VERSION, Masters};
use crate::store::text;
use crate::store::tier::Tier;

/// How long the tier is waited for; hashing takes longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a record takes at most: an index of frames is 4,096 points, of a few bytes each. What is longer is none of ours.
const MOST: u64 = 256 << 10;

#[derive(Serialize, Deserialize)]
struct Located {
    /// That of the records of files: an object is understood as they are.
    version: u32,
    url: String,
    /// `versionId`, or `ETag`.
    object: String,
    #[serde(with = "text")]
    master: MasterId,
    /// Where its frames lie, for other machines; this one keeps that elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frames: Option<FramesRecord>,
}

/// What names the record of an object: where it lies, and which version of it this is.
fn name(url: &str, object: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key("tonepress master in object storage");
    hasher
        .update(&(url.len() as u64).to_le_bytes())
        .update(url.as_bytes())
        .update(object.as_bytes())
        .finalize()
}

/// Where the record of that name lies in the tier.
fn place_in(tier: &Tier, name: blake3::Hash) -> (Arc<dyn ObjectStore>, Path) {
    (Arc::clone(&tier.remote.objects), tier.remote.path(&format!("v1/masters/{name}.json")))
}

impl Located {
    fn is(&self, url: &str, object: &str) -> bool {
        self.version == FILE_VERSION && self.url == url && self.object == object
    }
}

impl Masters<'_> {
    /// What this machine knows an object to be.
    pub(super) fn recall_located(&self, master: &Master) -> Option<MasterId> {
        let (url, object) = master.location()?;
        let record = self.read::<Located>(&self.place("objects", name(url, object).as_bytes()))?;
        record.is(url, object).then_some(record.master)
    }

    /// What another machine knows an object to be.
    pub(super) fn ask_located(&self, master: &Master) -> Option<MasterId> {
        let (url, object) = master.location()?;
        let tier = self.store.tier().filter(|tier| tier.access.reads() && tier.counts.is_well())?;
        let name = name(url, object);
        let (objects, path) = place_in(tier, name);
        let asked = tier.io().wait(PATIENCE, async move {
            let got = objects.get(&path).await.ok()?;
            if got.meta.size > MOST {
                return None;
            }
            got.bytes().await.ok()
        });
        let mut record: Located = serde_json::from_slice(&asked.ok()??).ok()?;
        let known = record.is(url, object).then_some(record.master)?;
        if let Some(frames) = record.frames.take() {
            self.note_told_frames(&known, master, &frames);
        }
        let _ = self.write(&self.place("objects", name.as_bytes()), &record);
        Some(known)
    }

    /// Records what an object turned out to be, here and for other machines.
    pub(super) fn record_located(&self, master: &Master, id: MasterId, frames: Option<&FrameIndex>) {
        let Some((url, object)) = master.location() else { return };
        let (version, place, object) = (FILE_VERSION, url.to_owned(), object.to_owned());
        let name = name(url, &object);
        let mut record = Located { version, url: place, object, master: id, frames: None };
        // A store that cannot be written still serves.
        let _ = self.write(&self.place("objects", name.as_bytes()), &record);
        let Some(tier) = self.store.tier().filter(|tier| tier.access.writes()) else { return };
        record.frames = frames.map(|frames| FramesRecord::new(master, frames));
        let Ok(json) = serde_json::to_vec_pretty(&record) else { return };
        let (objects, path) = place_in(tier, name);
        drop(tier.io().spawn(async move { objects.put(&path, PutPayload::from(json)).await }));
    }
}
