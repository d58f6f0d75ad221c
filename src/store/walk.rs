//! Looking at everything that lies in a store.

use std::fs::Metadata;
use std::time::SystemTime;

use crate::error::Result;
use crate::store::key::Key;
use crate::store::layout::{StoreLayout, files, folders, look};

/// Shows every object to `see`. What vanishes meanwhile is passed over.
pub(super) fn walk(layout: &StoreLayout, mut see: impl FnMut(Key, &Metadata)) -> Result<()> {
    for shard in folders(&layout.objects())? {
        for entry in files(&shard.path())? {
            let name = entry.file_name();
            let key = name.to_str().and_then(|name| name.strip_suffix(".mp3")?.parse().ok());
            if let Some(key) = key
                && let Some(meta) = look(&entry.path())?
            {
                see(key, &meta);
            }
        }
    }
    Ok(())
}

/// When an object was last used: its time of modification, since it is never modified.
pub(super) fn last_used(meta: &Metadata) -> SystemTime {
    meta.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The sidecars whose rendition is gone.
pub(super) fn orphans(layout: &StoreLayout) -> Result<Vec<Key>> {
    let mut orphans = Vec::new();
    for shard in folders(&layout.objects())? {
        for entry in files(&shard.path())? {
            let name = entry.file_name();
            let key: Option<Key> = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse().ok());
            if let Some(key) = key
                && look(&layout.object(&key))?.is_none()
            {
                orphans.push(key);
            }
        }
    }
    Ok(orphans)
}
