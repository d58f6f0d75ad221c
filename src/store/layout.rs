//! Where everything lies under a store's root.
//!
//! ```text
//! ROOT/v1/
//!   objects/ab/abcd….mp3      a rendition, read-only, never changed
//!   objects/ab/abcd….json     its sidecar, durable before the rendition appears
//!   partials/                 what is being written: each file is locked by its writer
//!   pins/abcd…                empty: this rendition is never evicted
//!   quarantine/               what failed verification
//!   masters/                  the index of known masters
//!   ledger.json, ledger.lock  the budget's books, and the lock on them
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result, Stage};
use crate::store::key::Key;

/// The layout's version. Another would live beside it, so that old and new programs can share a root.
const VERSION: &str = "v1";

/// The paths of one store.
pub(super) struct Layout {
    base: PathBuf,
    /// Shards that this process has seen durably made.
    shards: [AtomicBool; 256],
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self { base: root.join(VERSION), shards: [const { AtomicBool::new(false) }; 256] }
    }

    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    pub(super) fn name(&self) -> String {
        self.base.parent().unwrap_or(&self.base).display().to_string()
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.base.join("objects")
    }

    pub(super) fn shard(&self, key: &Key) -> PathBuf {
        self.objects().join(format!("{:02x}", key.as_bytes()[0]))
    }

    pub(super) fn object(&self, key: &Key) -> PathBuf {
        self.shard(key).join(format!("{key}.mp3"))
    }

    pub(super) fn sidecar(&self, key: &Key) -> PathBuf {
        self.shard(key).join(format!("{key}.json"))
    }

    pub(super) fn partials(&self) -> PathBuf {
        self.base.join("partials")
    }

    pub(super) fn pin(&self, key: &Key) -> PathBuf {
        self.base.join("pins").join(key.to_string())
    }

    pub(super) fn pins(&self) -> PathBuf {
        self.base.join("pins")
    }

    pub(super) fn quarantine(&self) -> PathBuf {
        self.base.join("quarantine")
    }

    pub(super) fn masters(&self) -> PathBuf {
        self.base.join("masters")
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.base.join("ledger.json")
    }

    pub(super) fn ledger_lock(&self) -> PathBuf {
        self.base.join("ledger.lock")
    }

    /// Makes the folders that are missing, durably.
    pub(super) fn create(&self) -> Result<()> {
        let folders = [self.objects(), self.partials(), self.pins(), self.quarantine(), self.masters()];
        if folders.iter().all(|folder| folder.is_dir()) {
            return Ok(());
        }
        for shard in &self.shards {
            shard.store(false, Ordering::Relaxed);
        }
        for folder in &folders {
            fs::create_dir_all(folder).map_err(Error::at(Stage::Write, folder))?;
        }
        for folder in [Some(&*self.base), self.base.parent()].into_iter().flatten() {
            sync_folder(folder)?;
        }
        Ok(())
    }

    /// Makes the shard of `key`, and makes it last.
    pub(super) fn create_shard(&self, key: &Key) -> Result<()> {
        let made = &self.shards[usize::from(key.as_bytes()[0])];
        let shard = self.shard(key);
        if made.load(Ordering::Relaxed) && shard.is_dir() {
            return Ok(());
        }
        match fs::create_dir(&shard) {
            // Whoever made it may not have come to make it last.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            done => done.map_err(Error::at(Stage::Write, &shard))?,
        }
        sync_folder(&self.objects())?;
        made.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Makes the names in a folder last.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::at(Stage::Sync, folder))
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::at(Stage::Write, path)(e)),
        _ => Ok(()),
    }
}

/// The files in a folder; none if there is no folder.
pub(super) fn files(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect);
    match listed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(Error::at(Stage::Scan, folder)),
    }
}
