//! The bytes of an answer.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::error::Error;
use crate::poll_bytes::PollBytes;

/// The body of an answer: what is finished leaves as slices of the memory map, what is being pressed as it comes.
///
/// It is dropped when it is sent, or when its client goes, and lets go of its rendition with that. Where pressing fails in the
/// middle it ends with an error, at which servers cut the connection: the client sees that something is missing.
pub struct Body {
    source: Option<Box<dyn PollBytes>>,
    parts: VecDeque<Part>,
    /// `None` for an answer to HEAD whose length nobody knows yet: an empty body would say 0.
    left: Option<u64>,
}

/// A part of a body.
pub(super) enum Part {
    /// What stands between ranges.
    Text(Bytes),
    /// A range of the source, not empty.
    Range(Range<u64>),
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Range(range) => range.end - range.start,
        }
    }
}

impl Body {
    /// A body without a byte.
    #[must_use]
    pub const fn empty() -> Self {
        Self { source: None, parts: VecDeque::new(), left: Some(0) }
    }

    /// An empty body that does not say so: for an answer to HEAD about what has a length that nobody knows yet.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { source: None, parts: VecDeque::new(), left: None }
    }

    /// These parts of `source`.
    pub(super) fn new(source: Box<dyn PollBytes>, parts: VecDeque<Part>) -> Self {
        let left = parts.iter().map(Part::len).sum();
        Self { source: Some(source), parts, left: Some(left) }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Self { source, parts, left } = &mut *self;
        let bytes = match (parts.front_mut(), source) {
            (Some(Part::Range(range)), Some(source)) => {
                let bytes = match ready!(source.poll_bytes(context, range.clone())) {
                    Ok(bytes) if !bytes.is_empty() => bytes,
                    failed => {
                        parts.clear();
                        return Poll::Ready(Some(Err(failed.err().unwrap_or_else(cut_short))));
                    }
                };
                range.start += bytes.len() as u64;
                if range.is_empty() {
                    parts.pop_front();
                }
                bytes
            }
            (Some(Part::Text(text)), _) => {
                let text = std::mem::take(text);
                parts.pop_front();
                text
            }
            _ => return Poll::Ready(None),
        };
        if let Some(left) = left {
            *left -= bytes.len() as u64;
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    /// Exact, which makes it the `Content-Length`.
    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The length was promised.
fn cut_short() -> Error {
    Error::Internal { detail: "a body is shorter than it was said to be".to_owned() }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.left {
            Some(left) => write!(f, "Body({left} bytes left)"),
            None => f.write_str("Body(of unknown length)"),
        }
    }
}
