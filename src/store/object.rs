//! Finished renditions: immutable and mapped into memory.
#![allow(unsafe_code)]

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;

use crate::error::{Error, Result, Stage};
use crate::mp3::info::Info;
use crate::read_at::ReadAt;
use crate::size::Size;
use crate::store::key::Key;
use crate::store::layout::options;

/// A finished rendition. Clones are cheap and share one memory map, which stays valid when the store
/// evicts the rendition.
///
/// It can be handed on without a copy: as `bytes::Bytes::from_owner(object)`, or by
/// [`copy_to`](Self::copy_to), which lets the kernel do the work.
///
/// Pages come from the disk as they are touched. On a disk that cannot read them the process gets
/// `SIGBUS`, as with every memory map.
#[derive(Clone)]
pub struct Object(Arc<Mapped>);

struct Mapped {
    map: Mmap,
    /// `None` for one of a master that nobody has identified.
    key: Option<Key>,
    device: u64,
    inode: u64,
    /// `None` for one that the store did not take.
    path: Option<PathBuf>,
}

/// How [`Object::copy_to`] copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// The file shares the store's blocks: nothing was copied.
    Reflinked,
    /// The bytes were copied.
    Bytes,
}

impl Object {
    /// Maps the finished rendition in `file`. `stored` is where it lies, if the store took it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] unless the file begins with an Info frame that states the file's size: no
    /// other file than a complete rendition does.
    pub(super) fn map(file: &File, key: Option<Key>, stored: Option<&Path>) -> Result<Self> {
        let name = || match (stored, key) {
            (Some(path), _) => path.display().to_string(),
            (None, Some(key)) => key.to_string(),
            (None, None) => "a rendition that is not kept".to_owned(),
        };
        let meta = file.metadata().map_err(Error::io(Stage::Open, name()))?;
        if meta.len() == 0 {
            return Err(Error::Corrupt { name: name(), detail: "the file is empty".to_owned() });
        }
        // SAFETY: a map is undefined behaviour if its bytes change, and SIGBUS if they are cut off. No
        // process of ours does either: this file is complete, read-only from before it got its name in
        // objects/ (or has no name at all), and the store only ever unlinks or renames it; the partials,
        // which are written to, are never mapped. Against other programs of the same user that open it
        // for writing in spite of its mode nothing helps; docs/caching.md warns of it.
        let map = unsafe { Mmap::map(file) }.map_err(Error::io(Stage::Open, name()))?;
        let stated = Info::parse(&map).map(|info| info.bytes);
        // The format states the size modulo 2^32.
        if stated != Some(meta.len() & u64::from(u32::MAX)) {
            let stated = stated.map_or("no Info frame".to_owned(), |bytes| format!("made for {bytes} bytes"));
            return Err(Error::Corrupt { name: name(), detail: format!("{} bytes, {stated}", meta.len()) });
        }
        Ok(Self(Arc::new(Mapped {
            map,
            key,
            device: meta.dev(),
            inode: meta.ino(),
            path: stored.map(Path::to_owned),
        })))
    }

    /// The key of this rendition; `None` if no store was to have it and its master was not identified
    /// ([`Master::id`](crate::master::Master::id)) before it was asked for.
    #[must_use]
    pub fn key(&self) -> Option<Key> {
        self.0.key
    }

    /// Where the rendition lies in the store, or lay until it was evicted; `None` if the store did not
    /// take it.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The size in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.map.len() as u64
    }

    /// Never: a rendition has an Info frame at least.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.map.is_empty()
    }

    /// The bytes in `range`, or `None` if it reaches beyond the end.
    #[must_use]
    pub fn range(&self, range: Range<u64>) -> Option<&[u8]> {
        let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
        self.0.map.get(start..end)
    }

    /// Copies the rendition into `to`, an empty file: by sharing the blocks where the file system can,
    /// else within the kernel.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::DiskFull`] if `to`, called `name`, cannot be written.
    pub fn copy_to(&self, to: &File, name: &str) -> Result<Copied> {
        self.copy_behind(&[], to, name)
    }

    /// As [`copy_to`](Self::copy_to), with `front` before it: blocks are shared if that is whole blocks too.
    pub(crate) fn copy_behind(&self, front: &[u8], to: &File, name: &str) -> Result<Copied> {
        self.try_copy_behind(front, to).map_err(Error::io(Stage::Write, name))
    }

    fn try_copy_behind(&self, front: &[u8], mut to: &File) -> io::Result<Copied> {
        to.write_all(front)?;
        // Evicted meanwhile, or never stored: the map still has the bytes.
        let Some(mut from) = self.reopen() else {
            return to.write_all(self.as_ref()).map(|()| Copied::Bytes);
        };
        if front.is_empty() && reflink(&from, to).is_ok() {
            return Ok(Copied::Reflinked);
        }
        // By copy_file_range where that works, which shares whole blocks where the file system can, else
        // through memory.
        io::copy(&mut from, &mut to).map(|_| Copied::Bytes)
    }

    /// Its file in the store, if it is there still.
    pub(super) fn reopen(&self) -> Option<File> {
        let file = options().read(true).open(self.path()?).ok()?;
        self.is(&file.metadata().ok()?).then_some(file)
    }

    /// Whether both are one map.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether the name in the store still leads to this very file.
    pub(super) fn is_current(&self) -> bool {
        self.0
            .path
            .as_ref()
            .and_then(|path| fs::symlink_metadata(path).ok())
            .is_some_and(|meta| self.is(&meta))
    }

    fn is(&self, meta: &fs::Metadata) -> bool {
        (meta.dev(), meta.ino(), meta.len()) == (self.0.device, self.0.inode, self.len())
    }
}

#[cfg(target_os = "linux")]
fn reflink(from: &File, to: &File) -> io::Result<()> {
    Ok(rustix::fs::ioctl_ficlone(to, from)?)
}

#[cfg(not(target_os = "linux"))]
fn reflink(_: &File, _: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

impl ReadAt for Object {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let rest = self.range(offset..self.len()).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn size(&self) -> Size {
        Size::Exact(self.len())
    }
}

impl AsRef<[u8]> for Object {
    fn as_ref(&self) -> &[u8] {
        &self.0.map
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.key {
            Some(key) => write!(f, "Object({key}, {} bytes)", self.len()),
            None => write!(f, "Object({} bytes)", self.len()),
        }
    }
}
