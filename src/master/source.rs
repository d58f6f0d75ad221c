//! Where a master's bytes come from.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::limits::Limits;
use crate::error::{Error, Result, Stage};

/// A master's bytes: a file, or an object in a store's own storage.
///
/// Reads may come from several threads at once and at any offset.
pub trait MasterSource: Send + Sync {
    /// Reads up to `buf.len()` bytes from `offset` on; 0 only at the end or for an empty buffer.
    ///
    /// # Errors
    /// Whatever the storage says; it reaches the caller of the decoder or engine unchanged. A source that
    /// sees that it is not any more what was opened says so by [`SourceChanged`](crate::error::SourceChanged).
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

    /// The path of the file behind it, if it is one: by that a store's index of masters knows it again.
    fn place(&self) -> Option<&Path> {
        None
    }

    /// The URL of the object behind it and which of its versions it is, if it is one that cannot change: by both a
    /// store's index knows it again.
    fn location(&self) -> Option<(&str, &str)> {
        None
    }

    /// What differs when the bytes may have changed: a generation number, an `ETag`, a file's
    /// size and time. Compared, never interpreted.
    ///
    /// # Errors
    /// Whatever the storage says.
    fn version(&self) -> io::Result<Vec<u8>>;
}

/// A source under its name, and what it was when it was opened.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) source: Arc<dyn MasterSource>,
    /// The number of bytes when it was opened. Whoever reads past it sees the end.
    pub(crate) len: u64,
    pub(crate) limits: Limits,
    version: Box<[u8]>,
    /// The headers of chunks, atoms and blocks that were read.
    headers: AtomicU64,
}

impl Input {
    pub(crate) fn new(name: String, source: Arc<dyn MasterSource>, limits: &Limits) -> Result<Self> {
        let version = source.version().map_err(Error::io(Stage::Open, name.as_str()))?.into_boxed_slice();
        let len = source.len().map_err(Error::io(Stage::Open, name.as_str()))?;
        Ok(Self { name, source, len, limits: limits.clone(), version, headers: AtomicU64::new(0) })
    }

    /// Whether `other` is the same file, as it was at the same time.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let known = |source: &dyn MasterSource| source.place().is_some() || source.location().is_some();
        let files = known(&*self.source) && known(&*other.source);
        files && self.version == other.version
    }

    /// Whether it has this version: a file is told by [`file_version`](super::file::file_version).
    pub(super) fn has_version(&self, version: &[u8]) -> bool {
        *self.version == *version
    }

    /// An error if the source is not any more what was opened.
    pub(crate) fn unchanged(&self, stage: Stage) -> Result<()> {
        let now = self.source.version().map_err(Error::io(stage, self.name.as_str()))?;
        if *now == *self.version { Ok(()) } else { Err(Error::Changed { name: self.name.clone() }) }
    }

    /// Tells damage that was there from a file that was changed after it was opened.
    pub(crate) fn blame<T>(&self, result: Result<T>) -> Result<T> {
        if matches!(result, Err(Error::Damaged { .. })) {
            self.unchanged(Stage::Decode)?;
        }
        result
    }

    /// Fills `buf` from `offset` on, as far as the source goes, and says how far.
    pub(crate) fn read_at(&self, buf: &mut [u8], offset: u64, stage: Stage) -> Result<usize> {
        read_full_at(&*self.source, buf, offset).map_err(Error::io(stage, self.name.as_str()))
    }

    /// `N` bytes of a header.
    pub(crate) fn array<const N: usize>(&self, offset: u64) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        if self.read_at(&mut bytes, offset, Stage::Open)? < N {
            return Err(self.damaged(0, "the file ends within its header"));
        }
        Ok(bytes)
    }

    /// Four bytes of a header, the most significant first.
    pub(crate) fn be32(&self, offset: u64) -> Result<u32> {
        self.array(offset).map(u32::from_be_bytes)
    }

    /// Counts headers anew: another pass through the file begins.
    pub(crate) fn begin_headers(&self) {
        self.headers.store(0, Ordering::Relaxed);
    }

    /// To be called for each header of a chunk, atom or block that is read: more of them than
    /// [`MAX_CHUNKS`] are an attack, not a recording.
    pub(crate) fn count_header(&self) -> Result<()> {
        let read = self.headers.fetch_add(1, Ordering::Relaxed) + 1;
        self.limit("chunks around its audio", read, MAX_CHUNKS as u64)
    }

    /// The first eight bytes of a chunk (four letters, then its size) or of an atom (the other way round).
    pub(crate) fn pair(&self, offset: u64) -> Result<([u8; 4], [u8; 4])> {
        self.count_header()?;
        Ok((self.array(offset)?, self.array(offset + 4)?))
    }

    /// Where the chunk behind a body of `size` bytes at `body` begins. Behind an odd one there is a byte of padding;
    /// but some programs leave it out, and then the name of the next chunk begins one byte sooner.
    pub(crate) fn next_chunk(&self, body: u64, size: u64) -> Result<u64> {
        let end = body.saturating_add(size);
        let padded = end.saturating_add(size & 1);
        if padded == end || padded.saturating_add(8) > self.len {
            return Ok(padded);
        }
        let bytes: [u8; 5] = self.array(end)?;
        let is_name = |bytes: &[u8]| bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
        // Padding is 0, or what happened to lie in memory; the byte behind a name is one of a size, and may look like a letter.
        let is_padded = !is_name(&bytes[..4]) || NEEDED.iter().any(|name| **name == bytes[1..]);
        Ok(if is_padded { padded } else { end })
    }

    /// `len` bytes of a header. Nothing is allocated for bytes that the file does not have.
    pub(crate) fn bytes(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.limit("bytes in a table of its headers", len, self.limits.header_bytes)?;
        let cut_off = || self.damaged(0, "the file ends within its header");
        let there = offset.checked_add(len).is_some_and(|end| end <= self.len);
        let len = usize::try_from(len).ok().filter(|_| there).ok_or_else(cut_off)?;
        let mut bytes = vec![0; len];
        if self.read_at(&mut bytes, offset, Stage::Open)? < len {
            return Err(cut_off());
        }
        Ok(bytes)
    }

    pub(crate) fn damaged(&self, at: u64, detail: impl Into<String>) -> Error {
        Error::Damaged { name: self.name.clone(), at, detail: detail.into() }
    }

    pub(crate) fn unsupported(&self, detail: impl Into<String>) -> Error {
        Error::Unsupported { name: self.name.clone(), detail: detail.into() }
    }

    pub(crate) fn lossy(&self, codec: impl Into<String>) -> Error {
        Error::Lossy { name: self.name.clone(), codec: codec.into(), container: None }
    }

    /// The same of what is in a container that may hold lossless audio too.
    pub(crate) fn lossy_in(&self, container: &str, codec: &str) -> Error {
        let (codec, container) = (format!("{codec} (in {container})"), Some(container.to_owned()));
        Error::Lossy { name: self.name.clone(), codec, container }
    }
}

pub(crate) const MAX_CHUNKS: usize = 10_000;

/// The chunks of WAV and AIFF files without which there is no audio.
const NEEDED: [&[u8; 4]; 5] = [b"fmt ", b"ds64", b"data", b"COMM", b"SSND"];

/// Fills `buf` from `offset` on, as far as the source goes, and says how far.
pub(crate) fn read_full_at(source: &dyn MasterSource, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match source.read_at(&mut buf[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
