//! Masters that are files: opened when they are read, and closed again when others are read more often.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io;
use std::mem;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{self, Path};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::source::MasterSource;
use crate::error::SourceChanged;

/// A file, read by `pread`: never mapped, since whoever truncates a mapped file kills its readers.
///
/// It takes a descriptor only while it is read. The process keeps those of the files that were read
/// last: as many as a quarter of its limit (`ulimit -n`) when it opens the first, at least 8 and at most 1,024.
/// A file that has to be opened again must be the same: equal device, inode, size and time of change. If it is
/// not, reading gives [`SourceChanged`]. One that was replaced or deleted while its descriptor was open is
/// read on as it was.
#[derive(Debug)]
pub struct FileSource {
    path: Box<Path>,
    facts: Facts,
    slot: Arc<Slot>,
}

/// Device, inode, size, and the time of the last change in seconds and nanoseconds.
type Facts = [i64; 5];

impl FileSource {
    /// Opens the regular file at `path`.
    ///
    /// # Errors
    /// Those of [`File::open`], and [`io::ErrorKind::InvalidInput`] for folders, pipes and devices,
    /// which cannot be read at any offset.
    pub fn open(path: &Path) -> io::Result<Self> {
        // The process may go to another folder before it is opened again.
        let path = path::absolute(path)?.into_boxed_path();
        let (file, meta) = POOL.open(&path)?;
        let slot = Arc::default();
        POOL.put(&slot, file);
        Ok(Self { path, facts: facts(&meta), slot })
    }

    /// The open file. Whoever holds it can read it to the end, even if the pool closes it.
    fn file(&self) -> io::Result<Arc<File>> {
        if let Some(file) = self.slot.get() {
            return Ok(file);
        }
        // No lock is held: opening may take long.
        let (file, meta) = POOL.open(&self.path)?;
        if facts(&meta) != self.facts {
            return Err(io::Error::other(SourceChanged));
        }
        Ok(POOL.put(&self.slot, file))
    }

    /// What is known of it now: of the opened file, or of the one at its path.
    fn metadata(&self) -> io::Result<Metadata> {
        match self.slot.get() {
            Some(file) => file.metadata(),
            None => self.path.metadata(),
        }
    }
}

impl Drop for FileSource {
    fn drop(&mut self) {
        self.slot.close();
    }
}

impl MasterSource for FileSource {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file()?.read_at(buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(file_version(&self.metadata()?))
    }

    fn place(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

/// The version of a [`FileSource`] whose file looks like this.
pub(super) fn file_version(meta: &Metadata) -> Vec<u8> {
    facts(meta).into_iter().flat_map(i64::to_le_bytes).collect()
}

fn facts(meta: &Metadata) -> Facts {
    let [device, inode, len] = [meta.dev(), meta.ino(), meta.len()].map(u64::cast_signed);
    [device, inode, len, meta.mtime(), meta.mtime_nsec()]
}

/// Where the pool keeps a source's open file.
#[derive(Debug, Default)]
struct Slot {
    file: Mutex<Option<Arc<File>>>,
    /// Whether it was read since the pool last considered closing it.
    used: AtomicBool,
}

impl Slot {
    fn get(&self) -> Option<Arc<File>> {
        let file = lock(&self.file).clone();
        if file.is_some() && !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        file
    }

    fn close(&self) {
        let file = lock(&self.file).take();
        drop(file); // after the lock: closing may take long
    }
}

static POOL: LazyLock<Pool> = LazyLock::new(|| {
    let limit = getrlimit(Resource::Nofile).current.map_or(u64::MAX, |limit| limit / 4);
    Pool { capacity: usize::try_from(limit).unwrap_or(usize::MAX).clamp(8, 1_024), open: Mutex::default() }
});

/// The files that are open, but for those that somebody is reading just then.
///
/// Neither lock, of the pool or of a slot, is taken while the other is held.
struct Pool {
    capacity: usize,
    /// Each once at most; the one to be closed next comes first. Those of dropped sources are empty.
    open: Mutex<VecDeque<Arc<Slot>>>,
}

impl Pool {
    /// Opens the regular file at `path`. If the process has no descriptors left, the pool gives up its own.
    fn open(&self, path: &Path) -> io::Result<(File, Metadata)> {
        let open = || {
            // Asked before: opening a pipe waits for a writer.
            if !path.metadata()?.is_file() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
            }
            let file = File::open(path)?;
            let meta = file.metadata()?;
            Ok((file, meta))
        };
        open().or_else(|error| {
            if !matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NFILE)) {
                return Err(error);
            }
            let all = mem::take(&mut *lock(&self.open));
            for slot in &all {
                slot.close();
            }
            open()
        })
    }

    /// Keeps `file` in `slot`, unless another thread was faster, and closes another one if there are too many.
    fn put(&self, slot: &Arc<Slot>, file: File) -> Arc<File> {
        let file = Arc::new(file);
        let kept = {
            let mut kept = lock(&slot.file);
            if let Some(kept) = &*kept {
                return Arc::clone(kept);
            }
            Arc::clone(kept.insert(file))
        };
        let closed = {
            let mut open = lock(&self.open);
            open.push_back(Arc::clone(slot));
            (open.len() > self.capacity).then(|| least_used(&mut open)).flatten()
        };
        if let Some(slot) = closed {
            slot.close();
        }
        kept
    }
}

/// Takes out the first that was not read since it was first the last time.
fn least_used(open: &mut VecDeque<Arc<Slot>>) -> Option<Arc<Slot>> {
    // Once around at most: others may be reading all of them.
    for _ in 0..open.len() {
        match open.pop_front()? {
            slot if slot.used.swap(false, Ordering::Relaxed) => open.push_back(slot),
            slot => return Some(slot),
        }
    }
    open.pop_front()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
