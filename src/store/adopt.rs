//! Publishing renditions that were pressed elsewhere.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::error::{Error, Result, Stage};
use crate::store::front::Store;
use crate::store::key::Key;
use crate::store::object::Object;
use crate::store::partial::{Partial, commit, digest};
use crate::store::scratch::Scratch;
use crate::store::sidecar::Sidecar;
use crate::store::tier::{Tier, TierStats};

impl Store {
    pub(crate) fn tier(&self) -> Option<&Arc<Tier>> {
        self.0.tier.as_ref()
    }

    /// What the tier did, if there is one.
    #[must_use]
    pub fn tier_stats(&self) -> Option<TierStats> {
        self.tier().map(|tier| tier.counts.stats())
    }

    /// Why the tier could not be asked or written the last time that it failed; `None` if it did not fail since the
    /// store was opened.
    #[must_use]
    pub fn tier_failure(&self) -> Option<String> {
        self.tier().and_then(|tier| tier.counts.last_failure())
    }

    /// Waits until the renditions that are to go to the tier are there, but no longer than `patience`; says whether
    /// they are.
    #[allow(clippy::must_use_candidate)] // waiting is what it is for
    pub fn finish_uploads(&self, patience: std::time::Duration) -> bool {
        self.0.uploader.as_ref().is_none_or(|uploader| uploader.finish(patience))
    }

    /// A rendition was published: the tier is to have it.
    pub(super) fn offer(&self, object: &Object, sidecar: &Sidecar) {
        if let Some(uploader) = &self.0.uploader {
            uploader.offer(object, sidecar);
        }
    }

    /// A file without a name, for what is being fetched.
    pub(crate) fn spill_file(&self) -> Result<Arc<File>> {
        Scratch::unique(self.spill(), "tonepress", "tmp").map(|scratch| Arc::clone(scratch.file()))
    }

    /// Whether `file`, which nobody writes to any more, is a complete rendition by its own account.
    pub(crate) fn is_rendition(file: &File, key: &Key) -> bool {
        Object::map(file, Some(*key), None).is_ok()
    }

    /// Publishes the complete rendition in `file`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is not what `sidecar` says; those of [`begin`](Self::begin).
    pub(crate) fn adopt(&self, file: &File, sidecar: &Sidecar) -> Result<Object> {
        self.layout().create()?;
        let scratch = Scratch::unique(&self.layout().partials(), &sidecar.key.to_string(), "part")?;
        self.admit(&scratch, sidecar.key, sidecar.bytes)?;
        adopt_in(self, scratch, file, sidecar)
    }
}

impl Partial {
    /// Publishes the complete rendition in `file` in place of what was written so far.
    ///
    /// # Errors
    /// As [`Store::adopt`].
    pub(crate) fn adopt(self, file: &File, sidecar: &Sidecar) -> Result<Object> {
        match self.into_place() {
            Some((store, scratch, _)) if scratch.is_current() => adopt_in(&store, scratch, file, sidecar),
            _ => Object::map(file, Some(sidecar.key), None),
        }
    }
}

fn adopt_in(store: &Store, scratch: Scratch, file: &File, sidecar: &Sidecar) -> Result<Object> {
    let key = sidecar.key;
    if let Some(other) = store.find(&key)? {
        return Ok(other);
    }
    if !Store::is_rendition(file, &key) {
        let detail = "it is no complete rendition".to_owned();
        return Err(Error::Corrupt { name: key.to_string(), detail });
    }
    copy(file, scratch.file(), sidecar.bytes).map_err(Error::at(Stage::Write, scratch.path()))?;
    scratch.sync()?;
    let written = digest(scratch.file(), sidecar.bytes).map_err(Error::at(Stage::Write, scratch.path()))?;
    if written != sidecar.digest {
        let detail = format!("its digest is {written} and not {}", sidecar.digest);
        return Err(Error::Corrupt { name: key.to_string(), detail });
    }
    let published = Arc::clone(scratch.file());
    if let Some(other) = commit(store, scratch, sidecar)? {
        return Ok(other);
    }
    let object = Object::map(&published, Some(key), Some(&store.layout().object(&key)))?;
    store.keep(key, &object);
    store.taken();
    Ok(object)
}

fn copy(from: &File, to: &File, bytes: u64) -> io::Result<()> {
    let mut buf = vec![0; 1 << 20];
    let mut at = 0;
    while at < bytes {
        let len = buf.len().min(usize::try_from(bytes - at).unwrap_or(usize::MAX));
        from.read_exact_at(&mut buf[..len], at)?;
        to.write_all_at(&buf[..len], at)?;
        at += len as u64;
    }
    to.set_len(bytes)
}
