//! Renditions for programs on tokio: to be read and sought in like files, or as a stream of chunks.

use std::io::{self, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use crate::error::Result;
use crate::poll_bytes::PollBytes;

/// Reads from front to back, or from wherever it was sought to.
///
/// ```
/// use tokio::io::{AsyncReadExt, AsyncSeekExt};
/// use tonepress::{Engine, aio::Reader, master::Master};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::builder().build()?;
/// let rendition = engine.request(&Master::open("testdata/strings.flac")?, &"128".parse()?)?;
/// let mut reader = Reader::new(rendition);
/// reader.seek(std::io::SeekFrom::End(-1_000)).await?;
/// let mut end = Vec::new();
/// reader.read_to_end(&mut end).await?; // presses the last segment first
/// assert_eq!(end.len(), 1_000);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Reader<P> {
    source: P,
    position: u64,
    seeking: Option<SeekFrom>,
}

impl<P: PollBytes + Unpin> Reader<P> {
    /// A reader at the first byte.
    pub const fn new(source: P) -> Self {
        Self { source, position: 0, seeking: None }
    }

    /// What is read.
    pub const fn get_ref(&self) -> &P {
        &self.source
    }
}

impl<P: PollBytes + Unpin> AsyncRead for Reader<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let range = self.position..self.position.saturating_add(buf.remaining() as u64);
        let bytes = ready!(self.source.poll_bytes(context, range)).map_err(io::Error::other)?;
        buf.put_slice(&bytes);
        self.position += bytes.len() as u64;
        Poll::Ready(Ok(()))
    }
}

impl<P: PollBytes + Unpin> AsyncSeek for Reader<P> {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        self.seeking = Some(to);
        Ok(())
    }

    /// To seek from the end of an ABR or VBR rendition waits until all of it is pressed.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a position before the start; whatever keeps the rendition from being pressed.
    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let position = match self.seeking {
            None => return Poll::Ready(Ok(self.position)),
            Some(SeekFrom::Start(position)) => Some(position),
            Some(SeekFrom::Current(delta)) => self.position.checked_add_signed(delta),
            Some(SeekFrom::End(delta)) => {
                let size = ready!(self.source.poll_size(context)).map_err(io::Error::other)?;
                size.checked_add_signed(delta)
            }
        };
        self.seeking = None;
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Poll::Ready(Ok(self.position))
    }
}

/// The bytes of a range as a stream: mapped where the rendition is finished, else as they are pressed.
///
/// It ends at the end of the range or of the rendition, or after an error.
#[derive(Debug)]
pub struct Chunks<P> {
    source: P,
    left: Range<u64>,
}

impl<P: PollBytes + Unpin> Chunks<P> {
    /// The bytes of `range`; `0..u64::MAX` for all.
    pub const fn new(source: P, range: Range<u64>) -> Self {
        Self { source, left: range }
    }
}

impl<P: PollBytes + Unpin> Stream for Chunks<P> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let left = self.left.clone();
        if left.is_empty() {
            return Poll::Ready(None);
        }
        let bytes = ready!(self.source.poll_bytes(context, left));
        match &bytes {
            Ok(bytes) if !bytes.is_empty() => self.left.start += bytes.len() as u64,
            _ => self.left.start = self.left.end,
        }
        Poll::Ready(Some(bytes).filter(|bytes| !matches!(bytes, Ok(bytes) if bytes.is_empty())))
    }
}
