//! Where a master's bytes come from.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// A master's bytes: a file, or an object in a store's own storage.
///
/// Reads may come from several threads at once and at any offset.
pub trait MasterSource: Send + Sync {
    /// Reads up to `buf.len()` bytes from `offset` on; 0 only at the end or for an empty buffer.
    ///
    /// # Errors
    /// Whatever the storage says; it reaches the caller of the decoder or engine unchanged.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The number of bytes.
    ///
    /// # Errors
    /// Whatever the storage says.
    fn len(&self) -> io::Result<u64>;

    /// Whether there are no bytes.
    ///
    /// # Errors
    /// As [`len`](Self::len).
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// What differs when the bytes may have changed: a generation number, an `ETag`, a file's
    /// size and time. Compared, never interpreted.
    ///
    /// # Errors
    /// Whatever the storage says.
    fn version(&self) -> io::Result<Vec<u8>>;
}

/// A file, read by `pread`: never mapped, since whoever truncates a mapped file kills its readers.
#[derive(Debug)]
pub struct FileSource(File);

impl FileSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Those of [`File::open`].
    pub fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }
}

impl MasterSource for FileSource {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        let meta = self.0.metadata()?;
        Ok([meta.len().cast_signed(), meta.mtime(), meta.mtime_nsec(), meta.ino().cast_signed()]
            .into_iter()
            .flat_map(i64::to_le_bytes)
            .collect())
    }
}
