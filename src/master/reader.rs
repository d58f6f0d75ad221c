//! A stretch of a source, as the sequential reader that Symphonia asks for.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use symphonia::core::io::MediaSource;

use super::source::{MasterSource, read_full_at};

/// Where a [`Window`] leaves the error of its source (Symphonia takes some read errors for the end of
/// the stream, so what it reports says nothing about them), and how much was read of it in vain.
#[derive(Clone)]
pub(super) struct Watch(Arc<Mutex<State>>);

struct State {
    failure: Option<io::Error>,
    /// The bytes read since there was progress.
    read: u64,
    limit: u64,
}

/// More was read in vain than is allowed.
#[derive(Debug, thiserror::Error)]
#[error("nothing was found")]
pub(super) struct TooFar;

impl Watch {
    /// Allows `limit` bytes to be read without progress.
    pub(super) fn new(limit: u64) -> Self {
        Self(Arc::new(Mutex::new(State { failure: None, read: 0, limit })))
    }

    /// The error that reading gave since the last call, if any.
    pub(super) fn take(&self) -> Option<io::Error> {
        self.state().failure.take()
    }

    /// What was looked for was found.
    pub(super) fn progress(&self) {
        self.state().read = 0;
    }

    fn count(&self, read: usize) -> io::Result<()> {
        let mut state = self.state();
        state.read += read as u64;
        if state.read > state.limit { Err(io::Error::other(TooFar)) } else { Ok(()) }
    }

    fn put(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        self.state().failure.get_or_insert(error);
        kind.into()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a source within a range.
pub(super) struct Window {
    source: Arc<dyn MasterSource>,
    range: Range<u64>,
    position: u64,
    watch: Watch,
}

impl Window {
    pub(super) fn new(source: Arc<dyn MasterSource>, range: Range<u64>, watch: Watch) -> Self {
        Self { source, range, position: 0, watch }
    }

    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }
}

impl Read for Window {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.len().saturating_sub(self.position);
        let count = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let read = read_full_at(&*self.source, &mut buf[..count], self.range.start + self.position)
            .and_then(|read| self.watch.count(read).map(|()| read))
            .map_err(|error| self.watch.put(error))?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(delta) => self.len().checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        // Nothing lies beyond the end, and stopping there keeps the sums above from overflowing.
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?.min(self.len());
        Ok(self.position)
    }
}

impl MediaSource for Window {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len())
    }
}
