//! The overlay: a tag in front of a rendition, put there as it is served. What is stored stays as it is.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Result;
use crate::read_at::ReadAt;
use crate::size::Size;
use crate::store::{Copied, Key, Object};
use crate::tags::id3::{self, Id3Options};
use crate::tags::{Note, Tags};

/// A tag in bytes, ready to be put in front of any rendition of the music. Cheap to clone.
///
/// It is a multiple of [`ALIGNMENT`](id3::ALIGNMENT) long, or empty if there was nothing to be said.
///
/// ```
/// use tonepress::tags::Tags;
/// use tonepress::tags::id3::Id3Options;
/// use tonepress::overlay::Overlay;
///
/// let mut tags = Tags::default();
/// tags.set("TITLE", ["Für Elise"]);
/// let overlay = Overlay::new(&tags, &Id3Options::default());
/// assert_eq!(overlay.len(), 4096);
/// tags.set("ORDERNUMBER", ["4711"]);
/// assert_ne!(overlay.hash(), Overlay::new(&tags, &Id3Options::default()).hash());
/// ```
#[derive(Clone)]
pub struct Overlay {
    bytes: Arc<Vec<u8>>,
    hash: blake3::Hash,
    notes: Vec<Note>,
}

impl Default for Overlay {
    /// An empty one.
    fn default() -> Self {
        Self::new(&Tags::default(), &Id3Options::default())
    }
}

impl Overlay {
    /// The overlay of these tags: the same tags give the same bytes.
    #[must_use]
    pub fn new(tags: &Tags, options: &Id3Options) -> Self {
        let id3::Encoded { bytes, notes } = id3::encode(tags, options);
        Self { hash: blake3::hash(&bytes), bytes: Arc::new(bytes), notes }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether there was nothing to be said: a rendition behind it is as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// BLAKE3 of the bytes.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        self.hash
    }

    /// What of the tags had no room.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// HTTP's `ETag` of the rendition of this key behind this overlay, with its quotes: it changes when either does.
    #[must_use]
    pub fn etag(&self, key: &Key) -> String {
        if self.is_empty() { format!("\"{key}\"") } else { format!("\"{key}-{}\"", self.hash.to_hex()) }
    }
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Overlay({} bytes)", self.len())
    }
}

/// A rendition behind an overlay, as one.
///
/// ```
/// use tonepress::tags::Tags;
/// use tonepress::tags::id3::Id3Options;
/// use tonepress::overlay::{Overlay, WithOverlay};
/// use tonepress::{ReadAt, Size, Store};
///
/// fn serve(store: &Store, key: &tonepress::store::Key, tags: &Tags) -> tonepress::Result<()> {
///     let Some(object) = store.get(key)? else { return Ok(()) };
///     let overlay = Overlay::new(tags, &Id3Options::default());
///     let etag = overlay.etag(key);
///     let tagged = WithOverlay::new(object, overlay);
///     let Size::Exact(length) = tagged.size() else { return Ok(()) };
///     println!("Content-Length: {length}, ETag: {etag}");
///     if let Some((tag, audio)) = tagged.slices(0..length) {
///         println!("{} bytes of the tag, {} mapped bytes of audio", tag.len(), audio.len());
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct WithOverlay<R> {
    overlay: Overlay,
    inner: R,
}

impl<R> WithOverlay<R> {
    /// Puts `overlay` in front of `inner`.
    pub const fn new(inner: R, overlay: Overlay) -> Self {
        Self { overlay, inner }
    }

    /// What is in front.
    pub const fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// What is behind.
    pub const fn inner(&self) -> &R {
        &self.inner
    }

    /// What is behind, to be polled.
    pub const fn inner_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// The parts of `range` in the overlay and behind it.
    fn split(&self, range: Range<u64>) -> (Range<u64>, Range<u64>) {
        let seam = self.overlay.len();
        let front = range.start.min(seam)..range.end.min(seam);
        (front, range.start.saturating_sub(seam)..range.end.saturating_sub(seam))
    }
}

impl<R: ReadAt> ReadAt for WithOverlay<R> {
    /// A read that begins in the overlay ends with it: the audio is not waited for.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let front =
            usize::try_from(offset).ok().and_then(|at| self.overlay.bytes.get(at..)).unwrap_or_default();
        if front.is_empty() {
            return self.inner.read_at(buf, offset.saturating_sub(self.overlay.len()));
        }
        let len = front.len().min(buf.len());
        buf[..len].copy_from_slice(&front[..len]);
        Ok(len)
    }

    fn size(&self) -> Size {
        self.inner.size().behind(self.overlay.len())
    }
}

impl WithOverlay<Object> {
    /// The bytes in `range`, as two slices of which either may be empty; `None` if it reaches beyond the end.
    /// Nothing is copied.
    #[must_use]
    pub fn slices(&self, range: Range<u64>) -> Option<(&[u8], &[u8])> {
        let (front, behind) = self.split(range);
        let [start, end] = [front.start, front.end].map(|at| usize::try_from(at).ok());
        Some((self.overlay.bytes.get(start?..end?)?, self.inner.range(behind)?))
    }

    /// Writes both into `to`, an empty file. The audio's blocks are shared where the file system can, else copied
    /// within the kernel.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) or [`Error::DiskFull`](crate::Error::DiskFull) if `to`, called `name`, cannot be
    /// written.
    pub fn copy_to(&self, to: &File, name: &str) -> Result<Copied> {
        self.inner.copy_behind(&self.overlay.bytes, to, name)
    }
}

impl Object {
    /// This rendition behind an overlay.
    #[must_use]
    pub fn with_overlay(&self, overlay: Overlay) -> WithOverlay<Self> {
        WithOverlay::new(self.clone(), overlay)
    }
}
