//! A rendition's bytes by position: one way to read what is finished, what is being pressed, and what
//! has a tag put before it.

use std::io::{self, Read, Seek, SeekFrom};

use crate::error::Result;
use crate::size::Size;

/// The bytes of a rendition, any stretch of them at any time.
///
/// Positions count from the first byte; reads may come from several threads at once.
pub trait ReadAt: Send + Sync {
    /// Copies up to `buf.len()` bytes from `offset` on and says how many; 0 only at the end, beyond it, or
    /// for an empty buffer. Bytes that do not exist yet are waited for; fewer than asked for are given
    /// rather than waiting for the rest.
    ///
    /// # Errors
    /// Whatever keeps the bytes from being had.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize>;

    /// How many bytes there are, or will be.
    fn size(&self) -> Size;
}

impl<R: ReadAt + ?Sized> ReadAt for std::sync::Arc<R> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        (**self).read_at(buf, offset)
    }

    fn size(&self) -> Size {
        (**self).size()
    }
}

impl<R: ReadAt + ?Sized> ReadAt for &R {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        (**self).read_at(buf, offset)
    }

    fn size(&self) -> Size {
        (**self).size()
    }
}

/// Reads a [`ReadAt`] from front to back, or from wherever it was sought to.
///
/// ```
/// use std::io::{Read, Seek, SeekFrom};
/// use tonepress::{ReadAt, Result, Size, read_at::Cursor};
///
/// struct Bytes(&'static [u8]);
/// impl ReadAt for Bytes {
///     fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
///         let rest = self.0.get(offset as usize..).unwrap_or_default();
///         let len = rest.len().min(buf.len());
///         buf[..len].copy_from_slice(&rest[..len]);
///         Ok(len)
///     }
///     fn size(&self) -> Size {
///         Size::Exact(self.0.len() as u64)
///     }
/// }
///
/// let mut cursor = Cursor::new(Bytes(b"0123456789"));
/// cursor.seek(SeekFrom::End(-3))?;
/// let mut end = String::new();
/// cursor.read_to_string(&mut end)?;
/// assert_eq!(end, "789");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cursor<R> {
    inner: R,
    position: u64,
}

impl<R: ReadAt> Cursor<R> {
    /// A cursor at the first byte.
    pub const fn new(inner: R) -> Self {
        Self { inner, position: 0 }
    }

    /// What is read.
    pub const fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The next byte to be read.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }
}

impl<R: ReadAt> Read for Cursor<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read_at(buf, self.position).map_err(io::Error::other)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl<R: ReadAt> Seek for Cursor<R> {
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a position before the start;
    /// [`io::ErrorKind::Unsupported`] for one from the end while the size is only an estimate.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match (to, self.inner.size()) {
            (SeekFrom::Start(position), _) => Some(position),
            (SeekFrom::Current(delta), _) => self.position.checked_add_signed(delta),
            (SeekFrom::End(delta), Size::Exact(end)) => end.checked_add_signed(delta),
            (SeekFrom::End(_), Size::Estimate { .. }) => {
                let detail = "where an ABR or VBR rendition ends is not known before it is complete";
                return Err(io::Error::new(io::ErrorKind::Unsupported, detail));
            }
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
