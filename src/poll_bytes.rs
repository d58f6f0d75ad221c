//! Bytes for asynchronous programs: what is finished as slices of the memory map, what is being pressed as it comes.

use std::ops::Range;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::engine::Rendition;
use crate::error::Result;
use crate::overlay::{Overlay, WithOverlay};
use crate::read_at::ReadAt;
use crate::size::Size;
use crate::store::{Key, Object};

/// How much is read at a time of what is being pressed: a second of the best bitrate.
const CHUNK: u64 = 40 << 10;

/// What can be sent: a rendition, finished or not, alone or behind an overlay, or an album of them.
///
/// It runs on any runtime. Like all futures, it wakes the task that has polled it last.
pub trait PollBytes: Send {
    /// How many bytes there are, or will be.
    fn size(&self) -> Size;

    /// How many bytes there are: at once where that is known beforehand, else when all is pressed.
    ///
    /// # Errors
    /// Whatever keeps it from being pressed.
    fn poll_size(&mut self, context: &mut Context<'_>) -> Poll<Result<u64>>;

    /// Waits until pressing has reached the bytes at the start of `range`, so that a failure can be told before anything
    /// is sent. A tag in front is not waited for, but the audio behind it, if that is in the range, is.
    ///
    /// # Errors
    /// As [`poll_bytes`](Self::poll_bytes).
    fn poll_begun(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<()>>;

    /// The bytes at the start of `range`: as many as can be had without waiting, none only at the end.
    ///
    /// # Errors
    /// Whatever keeps the bytes from being had.
    fn poll_bytes(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<Bytes>>;

    /// Waits until it is known which rendition it is, if it is one and that is open, see
    /// [`Rendition::poll_chosen`](crate::engine::Rendition::poll_chosen).
    fn poll_chosen(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// The key of the rendition that it is; `None` if nobody knows, or it is none.
    fn key(&self) -> Option<Key> {
        None
    }
}

impl PollBytes for Object {
    fn size(&self) -> Size {
        Size::Exact(self.len())
    }

    fn poll_size(&mut self, _: &mut Context<'_>) -> Poll<Result<u64>> {
        Poll::Ready(Ok(self.len()))
    }

    fn poll_begun(&mut self, _: &mut Context<'_>, _: Range<u64>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn key(&self) -> Option<Key> {
        self.key()
    }

    /// All of them, mapped into memory: nothing is copied before the kernel does.
    fn poll_bytes(&mut self, _: &mut Context<'_>, range: Range<u64>) -> Poll<Result<Bytes>> {
        Poll::Ready(Ok(slice(&Bytes::from_owner(self.clone()), &range)))
    }
}

impl PollBytes for Rendition {
    fn size(&self) -> Size {
        self.len()
    }

    fn poll_chosen(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Self::poll_chosen(self, context)
    }

    fn key(&self) -> Option<Key> {
        self.key()
    }

    fn poll_size(&mut self, context: &mut Context<'_>) -> Poll<Result<u64>> {
        if let Size::Exact(size) = self.len() {
            return Poll::Ready(Ok(size));
        }
        // Who asks for a byte is waited for; who asks for the end is not.
        ready!(self.poll_read_at(context, &mut [0], 0))?;
        Poll::Ready(Ok(ready!(self.poll_wait(context))?.len()))
    }

    fn poll_begun(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<()>> {
        if !range.is_empty() {
            ready!(self.poll_read_at(context, &mut [0], range.start))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<Bytes>> {
        if let Some(mut object) = self.object() {
            return object.poll_bytes(context, range);
        }
        // Had anew for every read, so that a client that has stopped reading holds nothing.
        let mut chunk = vec![0; index(CHUNK.min(range.end.saturating_sub(range.start)))];
        let read = ready!(self.poll_read_at(context, &mut chunk, range.start))?;
        chunk.truncate(read);
        Poll::Ready(Ok(chunk.into()))
    }
}

impl<P: PollBytes + ReadAt> PollBytes for WithOverlay<P> {
    fn size(&self) -> Size {
        ReadAt::size(self)
    }

    fn poll_chosen(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.inner_mut().poll_chosen(context)
    }

    fn key(&self) -> Option<Key> {
        self.inner().key()
    }

    fn poll_size(&mut self, context: &mut Context<'_>) -> Poll<Result<u64>> {
        let tag = self.overlay().len();
        self.inner_mut().poll_size(context).map_ok(|audio| tag + audio)
    }

    fn poll_begun(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<()>> {
        let range = behind(self.overlay().len(), &range);
        self.inner_mut().poll_begun(context, range)
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<Bytes>> {
        let tag = self.overlay().len();
        if range.start < tag {
            return Poll::Ready(Ok(slice(&Bytes::from_owner(Tag(self.overlay().clone())), &range)));
        }
        self.inner_mut().poll_bytes(context, behind(tag, &range))
    }
}

impl<P: PollBytes + ?Sized> PollBytes for Box<P> {
    fn size(&self) -> Size {
        (**self).size()
    }

    fn poll_chosen(&mut self, context: &mut Context<'_>) -> Poll<()> {
        (**self).poll_chosen(context)
    }

    fn key(&self) -> Option<Key> {
        (**self).key()
    }

    fn poll_size(&mut self, context: &mut Context<'_>) -> Poll<Result<u64>> {
        (**self).poll_size(context)
    }

    fn poll_begun(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<()>> {
        (**self).poll_begun(context, range)
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<Bytes>> {
        (**self).poll_bytes(context, range)
    }
}

/// An overlay as memory that it owns.
struct Tag(Overlay);

impl AsRef<[u8]> for Tag {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

/// What of a range lies behind a tag of so many bytes.
fn behind(tag: u64, range: &Range<u64>) -> Range<u64> {
    range.start.saturating_sub(tag)..range.end.saturating_sub(tag)
}

/// What of `bytes` is in `range`.
fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let end = index(range.end).min(bytes.len());
    bytes.slice(index(range.start).min(end)..end)
}

/// A position in memory.
fn index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
