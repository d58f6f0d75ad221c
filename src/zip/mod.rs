//! Albums as one ZIP file, byte-exact before anything is pressed.
//!
//! What is in a ZIP is stored, not compressed, so its length and the place of every byte follow from the sizes of its
//! members. The CRC-32 of a member is known only when it is pressed; it stands behind the member (a data descriptor) and in
//! the directory at the end. So a range in the middle of a member presses only what lies there, a range over a member's end presses
//! that member, and the end of the file presses them all.
//!
//! The same members give the same bytes, always. So what a member opens is to be the rendition that its size and tag are of, and not
//! one of an older build ([`Options::accept`](crate::store::Options::accept)): with an engine that accepts those, members ask by
//! [`Engine::request_range`](crate::Engine::request_range), which gives those of this build alone. What has another size is an
//! error. Large albums (4 GiB, 65,535 members) are written as ZIP64.

mod checksum;
mod layout;

use std::fmt;
use std::ops::Range;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::error::Result;
use crate::poll_bytes::PollBytes;
use crate::size::Size;
use checksum::Checksum;
use layout::{Layout, Piece};

/// How many bytes of a member are read at a time: their checksum is taken as they pass.
const CHUNK: u64 = 1 << 20;

/// Opens bytes of a member: those in the range are wanted now, others perhaps later. Renditions are to be asked for by
/// [`Engine::request_range`](crate::Engine::request_range), so that none of an older build takes their place.
pub type Open = Box<dyn FnMut(Range<u64>) -> Result<Box<dyn PollBytes>> + Send>;

/// A file in a ZIP.
pub struct Member {
    name: String,
    etag: String,
    size: u64,
    open: Open,
}

impl Member {
    /// A file called `name` (with `/` between folders) of `size` bytes, which come from what `open` opens. `etag` is to change
    /// whenever they do.
    pub fn new(
        name: impl Into<String>,
        etag: impl Into<String>,
        size: u64,
        open: impl FnMut(Range<u64>) -> Result<Box<dyn PollBytes>> + Send + 'static,
    ) -> Self {
        Self { name: name.into(), etag: etag.into(), size, open: Box::new(open) }
    }

    fn open(&mut self, wanted: Range<u64>) -> Result<Box<dyn PollBytes>> {
        let source = (self.open)(wanted)?;
        match source.size() {
            Size::Exact(size) if size != self.size => Err(layout::other_size(&self.name, size, self.size)),
            _ => Ok(source),
        }
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Member({:?}, {} bytes)", self.name, self.size)
    }
}

/// Members as one file. Nothing is opened before it is read.
///
/// ```
/// use std::future::poll_fn;
/// use tonepress::engine::Priority;
/// use tonepress::poll_bytes::PollBytes;
/// use tonepress::zip::{Member, Zip};
/// use tonepress::{Engine, master::Master};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::builder().build()?;
/// let master = Master::open("testdata/strings.flac")?;
/// let profile: tonepress::Profile = "128".parse()?;
/// let size = engine.plan(&master, &profile)?.size().likely();
/// let mut zip = Zip::new(vec![Member::new("strings.mp3", "1", size, move |range| {
///     Ok(Box::new(engine.request_range(&master, &profile, range, Priority::Customer)?))
/// })])?;
/// let length = zip.len(); // to be sent as Content-Length, now
/// let first = poll_fn(|context| zip.poll_bytes(context, 0..length)).await?;
/// assert_eq!(&first[..4], b"PK\x03\x04");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Zip {
    members: Vec<Member>,
    layout: Layout,
    crcs: Vec<Option<u32>>,
    reading: Option<Opened>,
    /// What comes next.
    coming: Option<Opened>,
    checksum: Checksum,
}

/// A member that is open, and which of its bytes were asked for.
struct Opened {
    member: usize,
    wanted: Range<u64>,
    source: Box<dyn PollBytes>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({}, {:?})", self.member, self.wanted)
    }
}

impl Zip {
    /// A ZIP of these, in this order.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) if a name is empty, longer than 65,535 bytes, leads out of the folder where it is
    /// unpacked, or is there twice.
    pub fn new(members: Vec<Member>) -> Result<Self> {
        let layout = Layout::new(members.iter().map(|member| (member.name.clone(), member.size)))?;
        let crcs = vec![None; members.len()];
        Ok(Self { members, layout, crcs, reading: None, coming: None, checksum: Checksum::default() })
    }

    /// How many bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // there is an end record at least
    pub fn len(&self) -> u64 {
        self.layout.len()
    }

    /// HTTP's `ETag`, with its quotes: it changes when a member's name, size or tag does.
    #[must_use]
    pub fn etag(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("tonepress zip, version 1");
        for member in &self.members {
            for part in [member.name.as_bytes(), member.etag.as_bytes()] {
                hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
            }
            hasher.update(&member.size.to_le_bytes());
        }
        format!("\"{}\"", hasher.finalize().to_hex())
    }

    /// A member, open for these bytes at least.
    fn open(&mut self, member: usize, wanted: &Range<u64>) -> Result<&mut dyn PollBytes> {
        let serves = |opened: &Opened| {
            opened.member == member && opened.wanted.start <= wanted.start && wanted.end <= opened.wanted.end
        };
        let opened = match (self.reading.take().filter(serves), self.coming.take()) {
            (Some(opened), coming) => {
                self.coming = coming;
                opened
            }
            (None, Some(opened)) if serves(&opened) => opened,
            (None, coming) => {
                self.coming = coming;
                let source = self.members[member].open(wanted.clone())?;
                Opened { member, wanted: wanted.clone(), source }
            }
        };
        Ok(&mut self.reading.insert(opened).source)
    }

    /// Opens the member behind `member` if `end` lies beyond its first byte, so that it is pressed meanwhile. It is only to be
    /// early: whatever is in the way, such as a queue that is full, is met when the member is read.
    fn open_ahead(&mut self, member: usize, end: u64) {
        let next = member + 1;
        let Some(data) = self.layout.data(next) else { return };
        if end <= data.start || self.coming.as_ref().is_some_and(|opened| opened.member == next) {
            return;
        }
        let wanted = self.wanted(next, &(data.start..end));
        if let Ok(source) = self.members[next].open(wanted.clone()) {
            self.coming = Some(Opened { member: next, wanted, source });
        }
    }

    /// What is needed of a member for this range: all of it if its checksum is.
    fn wanted(&self, member: usize, range: &Range<u64>) -> Range<u64> {
        let ends = self.layout.data(member).is_some_and(|data| range.end > data.end);
        if ends { 0..self.members[member].size } else { self.layout.within(member, range) }
    }

    /// The checksum of a member, all of which is pressed for that. Taken in portions, so that other tasks get their turn.
    fn poll_crc(&mut self, context: &mut Context<'_>, member: usize) -> Poll<Result<u32>> {
        let size = self.members[member].size;
        if let Some(crc) = self.crcs[member] {
            return Poll::Ready(Ok(crc));
        }
        let at = self.checksum.at(member);
        if at < size {
            let source = self.open(member, &(0..size))?;
            let bytes = ready!(source.poll_bytes(context, at..size.min(at + CHUNK)))?;
            if bytes.is_empty() {
                return Poll::Ready(Err(layout::cut_short(&self.members[member].name)));
            }
            self.checksum.update(member, at, &bytes);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let crc = self.checksum.finish(member);
        self.crcs[member] = Some(crc);
        Poll::Ready(Ok(crc))
    }

    /// The piece at the start of a range, with all that has to be pressed for its first byte.
    fn poll_piece(&mut self, context: &mut Context<'_>, at: u64) -> Poll<Result<(Piece, Bytes)>> {
        let piece = self.layout.piece(at);
        let bytes = match piece {
            Piece::Header(member) => self.layout.header(member),
            Piece::Data(_) | Piece::End => Vec::new(),
            Piece::Descriptor(member) => {
                let crc = ready!(self.poll_crc(context, member))?;
                self.layout.descriptor(member, crc)
            }
            Piece::Directory => {
                let mut crcs = Vec::with_capacity(self.members.len());
                for member in 0..self.members.len() {
                    crcs.push(ready!(self.poll_crc(context, member))?);
                }
                self.layout.directory(&crcs)
            }
        };
        Poll::Ready(Ok((piece, bytes.into())))
    }
}

impl PollBytes for Zip {
    fn size(&self) -> Size {
        Size::Exact(self.len())
    }

    fn poll_size(&mut self, _: &mut Context<'_>) -> Poll<Result<u64>> {
        Poll::Ready(Ok(self.len()))
    }

    fn poll_begun(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<()>> {
        let (piece, _) = ready!(self.poll_piece(context, range.start))?;
        // Where a header is asked for, so is what it is the header of.
        let member = match piece {
            Piece::Header(member) | Piece::Data(member) => member,
            Piece::Descriptor(_) | Piece::Directory | Piece::End => return Poll::Ready(Ok(())),
        };
        let inside = self.layout.within(member, &range);
        if inside.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let wanted = self.wanted(member, &range);
        self.open(member, &wanted)?.poll_begun(context, inside)
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<Bytes>> {
        if range.is_empty() {
            return Poll::Ready(Ok(Bytes::new()));
        }
        let (piece, bytes) = ready!(self.poll_piece(context, range.start))?;
        let Piece::Data(member) = piece else {
            let start = range.start - self.layout.start(piece);
            return Poll::Ready(Ok(layout::cut(&bytes, start, range.end - range.start)));
        };
        let (inside, wanted) = (self.layout.within(member, &range), self.wanted(member, &range));
        let chunk = inside.start..inside.end.min(inside.start + CHUNK);
        let polled = self.open(member, &wanted)?.poll_bytes(context, chunk);
        self.open_ahead(member, range.end);
        let bytes = ready!(polled)?;
        if bytes.is_empty() {
            return Poll::Ready(Err(layout::cut_short(&self.members[member].name)));
        }
        self.checksum.update(member, inside.start, &bytes);
        Poll::Ready(Ok(bytes))
    }
}
