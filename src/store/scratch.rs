//! Files being written. Each is locked by its writer for as long as that lives, so that a leftover is
//! recognised by its lock, never by its age.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::error::{Error, Result, Stage};
use crate::store::layout::{look, options, remove};

/// A locked file, which is removed when dropped unless it was [moved](Self::commit) to where it belongs.
pub(super) struct Scratch {
    file: Arc<File>,
    path: PathBuf,
    committed: bool,
}

impl Scratch {
    /// The file at `path`, empty; `None` if a living writer has it.
    pub(super) fn claim(path: &Path) -> Result<Option<Self>> {
        let mut refused = false;
        loop {
            clear_way(path)?;
            let file = match options().read(true).write(true).create(true).open(path) {
                // A writer that died in its last moments has left a read-only file.
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied && !refused => {
                    refused = true;
                    if reclaim(path)? == Writer::Alive {
                        return Ok(None);
                    }
                    continue;
                }
                opened => opened.map_err(Error::at(Stage::Write, path))?,
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(e)) => return Err(Error::at(Stage::Write, path)(e)),
            }
            // Between the opening and the locking its writer may have moved or removed it.
            if is_at(&file, path) {
                let scratch = Self { file: Arc::new(file), path: path.to_owned(), committed: false };
                scratch.file.set_len(0).map_err(Error::at(Stage::Write, path))?;
                return Ok(Some(scratch));
            }
        }
    }

    /// A new file in `folder` whose name begins with `stem` and ends with `extension`.
    pub(super) fn unique(folder: &Path, stem: &str, extension: &str) -> Result<Self> {
        loop {
            let path = unique_path(folder, stem, extension);
            let file = match options().read(true).write(true).create_new(true).open(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened.map_err(Error::at(Stage::Write, &path))?,
            };
            file.lock().map_err(Error::at(Stage::Write, &path))?;
            // Before it was locked, it may have been taken for a leftover.
            if is_at(&file, &path) {
                return Ok(Self { file: Arc::new(file), path, committed: false });
            }
        }
    }

    /// Gives the file another name; false if a living writer has that.
    pub(super) fn take_name(&mut self, to: &Path) -> Result<bool> {
        loop {
            // Unlike a rename this replaces nothing. Who dies in between leaves two leftovers.
            match fs::hard_link(&self.path, to) {
                Ok(()) => break,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    if is_at(&self.file, to) {
                        break;
                    }
                    if reclaim(to)? == Writer::Alive {
                        return Ok(false);
                    }
                }
                Err(e) => return Err(Error::at(Stage::Write, to)(e)),
            }
        }
        if self.path != to {
            let _ = fs::remove_file(&self.path);
            to.clone_into(&mut self.path);
        }
        Ok(true)
    }

    /// Gives the file a name like those of [`unique`](Self::unique).
    pub(super) fn take_unique_name(&mut self, folder: &Path, stem: &str, extension: &str) -> Result<()> {
        while !self.take_name(&unique_path(folder, stem, extension))? {}
        Ok(())
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file still has its name: somebody may have removed the folder.
    pub(super) fn is_current(&self) -> bool {
        is_at(&self.file, &self.path)
    }

    /// Makes the file read-only and its content last. To be called once: a sync that fails may have
    /// dropped what it could not write, and the next one would not know.
    pub(super) fn sync(&self) -> Result<()> {
        let mut permissions = self.file.metadata().map_err(Error::at(Stage::Sync, &self.path))?.permissions();
        permissions.set_readonly(true);
        self.file
            .set_permissions(permissions)
            .and_then(|()| self.file.sync_all())
            .map_err(Error::at(Stage::Sync, &self.path))
    }

    /// Moves the file to its place, in one step, unless there is something; false if there is.
    pub(super) fn commit_new(&mut self, to: &Path) -> Result<bool> {
        match rustix::fs::renameat_with(CWD, &self.path, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => self.committed = true,
            Err(Errno::EXIST) => return Ok(false),
            // Some file systems cannot.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.commit(to)?,
            Err(e) => return Err(Error::at(Stage::Write, to)(e.into())),
        }
        Ok(true)
    }

    /// Moves the file to its place, in one step.
    pub(super) fn commit(&mut self, to: &Path) -> Result<()> {
        fs::rename(&self.path, to).map_err(Error::at(Stage::Write, to))?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What fails here leaves a leftover, to be reclaimed later.
        if !self.committed {
            let _ = fs::remove_file(&self.path);
        }
        // Readers may keep the file open longer than its writer lives.
        let _ = self.file.unlock();
    }
}

/// Removes what is no file: it has no writer, and is in the way of those that have. Says whether it did.
fn clear_way(path: &Path) -> Result<bool> {
    let odd = look(path)?.is_some_and(|meta| !meta.is_file());
    if odd {
        remove(path)?;
    }
    Ok(odd)
}

/// A name that this process has not given before.
fn unique_path(folder: &Path, stem: &str, extension: &str) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{stem}.{}-{count}.{extension}", process::id()))
}

/// Whether `path` still leads to `file`.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// What became of a scratch file's writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// It holds the file.
    Alive,
    /// It left the file, which is now removed.
    Died,
    /// It has moved or removed the file itself.
    Done,
}

/// Removes the scratch file at `path` if its writer is dead.
pub(super) fn reclaim(path: &Path) -> Result<Writer> {
    if clear_way(path)? {
        return Ok(Writer::Died);
    }
    // Not claimed: that would make the file if it were gone.
    let file = match options().read(true).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Writer::Done),
        Err(e) => return Err(Error::at(Stage::Scan, path)(e)),
    };
    match file.try_lock() {
        Ok(()) if is_at(&file, path) => remove(path).map(|()| Writer::Died),
        Ok(()) => Ok(Writer::Done),
        Err(TryLockError::WouldBlock) => Ok(Writer::Alive),
        Err(TryLockError::Error(e)) => Err(Error::at(Stage::Scan, path)(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_writer_and_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.part");
        let first = Scratch::claim(&path).unwrap().unwrap();
        assert!(Scratch::claim(&path).unwrap().is_none());
        assert_eq!(reclaim(&path).unwrap(), Writer::Alive);
        let reader = Arc::clone(first.file());
        drop(first);
        assert!(!path.exists());
        assert!(Scratch::claim(&path).unwrap().is_some(), "a reader is no writer");
        drop(reader);
    }

    #[test]
    fn a_name_is_taken_from_the_dead_only() {
        let folder = tempfile::tempdir().unwrap();
        let (wanted, own) = (folder.path().join("x.part"), folder.path().join("y.part"));
        let mut mine = Scratch::claim(&own).unwrap().unwrap();
        let theirs = Scratch::claim(&wanted).unwrap().unwrap();
        assert!(!mine.take_name(&wanted).unwrap());
        assert!(mine.is_current() && theirs.is_current());
        drop(theirs);
        fs::write(&wanted, "left").unwrap();
        assert!(mine.take_name(&wanted).unwrap());
        assert!(mine.take_name(&wanted).unwrap(), "it has it already");
        assert!(mine.is_current() && !own.exists());
    }

    #[test]
    fn what_a_dead_writer_left_is_emptied_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.part");
        fs::write(&path, "half of it").unwrap();
        let claimed = Scratch::claim(&path).unwrap().unwrap();
        assert_eq!(claimed.file().metadata().unwrap().len(), 0);
        drop(claimed);
        fs::write(&path, "half of it").unwrap();
        assert_eq!(reclaim(&path).unwrap(), Writer::Died);
        assert_eq!(reclaim(&path).unwrap(), Writer::Done);
    }
}
