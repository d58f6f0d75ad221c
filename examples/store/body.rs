//! The bytes of an answer: tag and rendition as one, finished or not.

use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tonepress::engine::Rendition;
use tonepress::{Error, Overlay};

/// How much is read at a time of what is being pressed: a second of the best bitrate. It is had anew for
/// every read, so that a client that has stopped reading holds nothing.
const CHUNK: u64 = 40 << 10;

/// A stretch of a rendition behind its tag. Dropped when it is sent, or when its client goes.
pub(crate) struct RenditionBody {
    overlay: Overlay,
    rendition: Rendition,
    /// What is still to be sent; counted from the start of the tag.
    left: Range<u64>,
}

impl RenditionBody {
    pub(crate) const fn new(overlay: Overlay, rendition: Rendition, range: Range<u64>) -> Self {
        Self { overlay, rendition, left: range }
    }
}

impl HttpBody for RenditionBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Range { start, end } = self.left;
        if start >= end {
            return Poll::Ready(None);
        }
        let tag = self.overlay.len();
        let bytes = if start < tag {
            slice(&Bytes::from_owner(Tag(self.overlay.clone())), start..end.min(tag))
        } else if let Some(object) = self.rendition.object() {
            // Mapped into memory: nothing is copied before the kernel does.
            slice(&Bytes::from_owner(object), start - tag..end - tag)
        } else {
            let mut chunk = vec![0; index(CHUNK.min(end - start))];
            let read = match ready!(self.rendition.poll_read_at(context, &mut chunk, start - tag)) {
                Ok(read) => read,
                // The length was promised: the connection is cut, and the client knows that something is missing.
                Err(error) => return Poll::Ready(Some(Err(error))),
            };
            chunk.truncate(read);
            chunk.into()
        };
        self.left.start += bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    /// Exact, which makes it the `Content-Length`.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.end - self.left.start)
    }
}

/// The body of an answer to HEAD whose length nobody knows yet: an empty one would say 0.
pub(crate) struct Unknown;

impl HttpBody for Unknown {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}

struct Tag(Overlay);

impl AsRef<[u8]> for Tag {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

fn slice(bytes: &Bytes, range: Range<u64>) -> Bytes {
    bytes.slice(index(range.start)..index(range.end))
}

/// A position in memory.
fn index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
