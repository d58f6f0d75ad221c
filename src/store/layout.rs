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
//!
//! ROOT may be a symbolic link. Within it none is followed: it might lead out of the store, and what is
//! there is not the store's to read, write or remove.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::OFlags;

use crate::error::{Error, Result, Stage};
use crate::store::key::Key;

/// The layout's version. Another would live beside it, so that old and new programs can share a root.
const VERSION: &str = "v1";

/// The paths of one store.
pub(super) struct StoreLayout {
    base: PathBuf,
    /// Shards that this process has seen durably made.
    shards: [AtomicBool; 256],
}

impl StoreLayout {
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

    /// Where whoever presses a rendition first writes it.
    pub(super) fn partial(&self, key: &Key) -> PathBuf {
        self.partials().join(format!("{key}.part"))
    }

    pub(super) fn pin(&self, key: &Key) -> PathBuf {
        self.base.join("pins").join(key.to_string())
    }

    pub(super) fn pins(&self) -> PathBuf {
        self.base.join("pins")
    }

    pub(super) fn is_pinned(&self, key: &Key) -> Result<bool> {
        look(&self.pin(key)).map(|pin| pin.is_some())
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

    fn folders(&self) -> [PathBuf; 5] {
        [self.objects(), self.partials(), self.pins(), self.quarantine(), self.masters()]
    }

    /// Whether all folders are there.
    ///
    /// # Errors
    /// [`Error::UnsuitableStore`] if one of them is a link.
    pub(super) fn is_complete(&self) -> Result<bool> {
        for folder in [self.base.clone()].into_iter().chain(self.folders()) {
            match look(&folder)? {
                Some(meta) if meta.is_dir() => {}
                Some(meta) if meta.is_symlink() => {
                    let detail = format!(
                        "{} is a symbolic link; the store's folder may be one, but nothing in it",
                        folder.display()
                    );
                    return Err(Error::UnsuitableStore { name: self.name(), detail });
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Makes the folders that are missing, durably.
    ///
    /// # Errors
    /// [`Error::UnsuitableStore`] if one of them is a link, [`Error::Io`].
    pub(super) fn create(&self) -> Result<()> {
        if self.is_complete()? {
            return Ok(());
        }
        for shard in &self.shards {
            shard.store(false, Ordering::Relaxed);
        }
        for folder in &self.folders() {
            fs::create_dir_all(folder).map_err(Error::at(Stage::Write, folder))?;
        }
        for folder in [Some(&*self.base), self.base.parent()].into_iter().flatten() {
            sync_folder(folder)?;
        }
        self.is_complete().map(drop)
    }

    /// What is at `path`, which lies in the store: a link itself, not what it leads to. `None` if there is
    /// nothing, also where a link stands for a folder on the way.
    pub(super) fn look(&self, path: &Path) -> Result<Option<Metadata>> {
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.base)) {
            if look(folder)?.is_none_or(|meta| !meta.is_dir()) {
                return Ok(None);
            }
        }
        look(path)
    }

    /// Opens the file at `path`, which lies in the store, to be read; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if there is something else, [`Error::Io`].
    pub(super) fn open(&self, path: &Path) -> Result<Option<File>> {
        let Some(meta) = self.look(path)? else { return Ok(None) };
        if !meta.is_file() {
            let name = path.display().to_string();
            return Err(Error::Corrupt {
                name,
                detail: "a link, folder or pipe instead of a file".to_owned(),
            });
        }
        match options().read(true).open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some).map_err(Error::at(Stage::Open, path)),
        }
    }

    /// All of the file at `path`, as [`open`](Self::open) has it.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let Some(mut file) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::at(Stage::Open, path))?;
        Ok(Some(bytes))
    }

    /// Makes the shard of `key`, and makes it last.
    pub(super) fn create_shard(&self, key: &Key) -> Result<()> {
        let made = &self.shards[usize::from(key.as_bytes()[0])];
        let shard = self.shard(key);
        if !create_folder(&shard)? && made.load(Ordering::Relaxed) {
            return Ok(());
        }
        // Whoever made it may not have come to make it last.
        sync_folder(&self.objects())?;
        made.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// What is at `path`: a link itself, not what it leads to. `None` if there is nothing.
pub(super) fn look(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        seen => seen.map(Some).map_err(Error::at(Stage::Scan, path)),
    }
}

/// How files of the store are opened: neither through a link, nor waiting for the other end of a pipe.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}

/// Makes a folder if there is none, also in place of a link; says whether it did.
pub(super) fn create_folder(folder: &Path) -> Result<bool> {
    let is_there = || Ok(look(folder)?.is_some_and(|meta| meta.is_dir()));
    if is_there()? {
        return Ok(false);
    }
    let _ = fs::remove_file(folder); // which removes no folder that was made meanwhile
    match fs::create_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && is_there()? => Ok(false),
        made => made.map(|()| true).map_err(Error::at(Stage::Write, folder)),
    }
}

/// Makes the names in a folder last.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::at(Stage::Sync, folder))
}

/// Removes a file that may be gone already, or whatever else has its name. Links are not followed.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::IsADirectory => fs::remove_dir_all(path),
        removed => removed,
    };
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::at(Stage::Write, path)(e)),
        _ => Ok(()),
    }
}

/// The folders in a folder, as [`files`].
pub(super) fn folders(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    let mut folders = files(folder)?;
    folders.retain(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    Ok(folders)
}

/// The files in a folder; none if there is no folder.
pub(super) fn files(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect);
    match listed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(Error::at(Stage::Scan, folder)),
    }
}
