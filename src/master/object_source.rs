//! Masters in object storage.
//!
//! An object is read in blocks of 256 KiB, which are kept for all masters together, and ahead of whoever reads one after the
//! other. Every request names the version that was opened, so that bytes are never of two.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetResult, ObjectMeta, ObjectStore};
use tokio::runtime::Handle;

use super::object_blocks::{CACHE, PATIENCE};
use super::source::MasterSource;
use crate::error::{Error, Result, SourceChanged, Stage};
use crate::remote::{Remote, split, why};

/// The bytes of a block.
const BLOCK: u64 = 256 << 10;
/// How many blocks are read ahead at most: they come in four requests at once, as a connection brings only so many bytes a second.
const AHEAD: u64 = 16;
/// How many places of a master are read at once: workers press several of its segments.
const READERS: usize = 16;
/// How long a listing may take: a million objects are a thousand requests.
const LISTING: Duration = Duration::from_secs(3_600);

/// A master in object storage.
///
/// ```no_run
/// use std::sync::Arc;
/// use tonepress::master::{Master, ObjectSource};
/// let source = ObjectSource::open("s3://masters/a.flac")?;
/// let master = Master::from_source("a.flac", Arc::new(source))?;
/// # Ok::<(), tonepress::Error>(())
/// ```
pub struct ObjectSource(Arc<Opened>);

struct Opened {
    /// Among all that were opened by this process.
    number: u64,
    remote: Remote,
    path: Path,
    url: String,
    len: u64,
    /// `versionId`, else `ETag`, else when it was written.
    version: String,
    meta: ObjectMeta,
    /// Who read last comes first.
    readers: Mutex<VecDeque<Reader>>,
}

/// Somebody who reads one block after the other.
struct Reader {
    /// The block behind the one that was read last.
    next: u64,
    /// How many blocks are to be had from the one that is read on.
    ahead: u64,
}

impl ObjectSource {
    /// Opens the object at `url`, with the credentials of the environment: one request, which brings its first block.
    ///
    /// # Errors
    /// [`Error::UnsuitableStore`] if it is no URL of an object, [`Error::Io`] if it cannot be read.
    pub fn open(url: &str) -> Result<Self> {
        Self::open_with(url, None)
    }

    /// As [`open`](Self::open), on a runtime of the caller's, with its drivers for time and networks, in place of a thread of this
    /// process. This and reading wait: they are not to be called from that runtime's only thread, which is an error after two seconds.
    /// So is a runtime whose threads are all busy for so long with what never gives way; what was asked of it comes when it runs
    /// again, and reading once more finds it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(url: &str, runtime: &Handle) -> Result<Self> {
        Self::open_with(url, Some(runtime))
    }

    fn open_with(url: &str, runtime: Option<&Handle>) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (url, settings) = split(url);
        let Some((place, name)) =
            url.rsplit_once('/').filter(|(place, name)| place.contains("://") && !name.is_empty())
        else {
            let detail = "it names no object".to_owned();
            return Err(Error::UnsuitableStore { name: url.to_owned(), detail });
        };
        let remote = Remote::open(&format!("{place}?{settings}"), runtime)?;
        let path = remote.named(name)?;
        let (objects, first) = (Arc::clone(&remote.objects), path.clone());
        let opening = async move {
            let options = GetOptions { range: Some((0..BLOCK).into()), ..GetOptions::default() };
            match objects.get_opts(&first, options).await {
                // Of an object without any byte there is no range.
                Err(StoreError::Generic { .. } | StoreError::NotSupported { .. }) => {
                    let options = GetOptions { head: true, ..GetOptions::default() };
                    let got = objects.get_opts(&first, options).await?;
                    Ok((got.meta, got.range, Bytes::new()))
                }
                got => {
                    let got: GetResult = got?;
                    let (meta, range) = (got.meta.clone(), got.range.clone());
                    Ok((meta, range, got.bytes().await?))
                }
            }
        };
        let opened =
            remote.io.wait(PATIENCE, opening).and_then(|opened| opened.map_err(|error| plain(&error)));
        let (meta, range, bytes) = opened.map_err(Error::io(Stage::Open, url))?;
        let version = match (&meta.version, &meta.e_tag) {
            (Some(version), _) => version.clone(),
            (None, Some(tag)) if !tag.is_empty() => tag.clone(),
            _ => meta.last_modified.to_rfc3339(),
        };
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let opened = Opened {
            number,
            remote,
            path,
            url: url.to_owned(),
            len: meta.size,
            version,
            meta,
            readers: Mutex::new(VecDeque::from([Reader { next: 1, ahead: 1 }])),
        };
        if range.start == 0 && bytes.len() as u64 == opened.len.min(BLOCK) && !bytes.is_empty() {
            CACHE.put((number, 0), Ok(bytes));
        }
        Ok(Self(Arc::new(opened)))
    }

    /// Whether `place` is the URL of something in object storage rather than a path.
    #[must_use]
    pub fn is_url(place: &str) -> bool {
        crate::remote::is_url(place)
    }

    /// Its URL, without the settings of its service.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The URLs of all objects under `url` as if it were a folder, in order, with their sizes in bytes.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn list(url: &str) -> Result<Vec<(String, u64)>> {
        let remote = Remote::open(url, None)?;
        let (objects, root) = (Arc::clone(&remote.objects), remote.path(""));
        let listing = async move {
            let mut listed = objects.list(Some(&root));
            let mut names = Vec::new();
            while let Some(meta) = listed.next().await {
                let meta = meta?;
                let below = meta.location.prefix_match(&root).into_iter().flatten();
                let name = below.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
                names.push((name, meta.size));
            }
            Ok(names)
        };
        let listed =
            remote.io.wait(LISTING, listing).and_then(|listed| listed.map_err(|error| plain(&error)));
        let mut names = listed.map_err(Error::io(Stage::Scan, url))?;
        names.retain(|(name, _)| !name.is_empty());
        names.sort();
        let (folder, _) = split(url);
        let (settings, folder) = (&url[folder.len()..], folder.trim_end_matches('/'));
        Ok(names.into_iter().map(|(name, bytes)| (format!("{folder}/{name}{settings}"), bytes)).collect())
    }
}

impl MasterSource for ObjectSource {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= self.0.len || buf.is_empty() {
            return Ok(0);
        }
        let block = offset / BLOCK;
        let ahead = self.0.ahead(block);
        let bytes = self.0.block(block, ahead)?;
        let at = usize::try_from(offset % BLOCK).unwrap_or(usize::MAX);
        let rest = bytes.get(at..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len)
    }

    fn location(&self) -> Option<(&str, &str)> {
        Some((&self.0.url, &self.0.version))
    }

    /// That of the object that was opened: no byte of another is ever read.
    fn version(&self) -> io::Result<Vec<u8>> {
        Ok([self.0.url.as_bytes(), &[0], self.0.version.as_bytes()].concat())
    }
}

impl Opened {
    /// How many blocks from `block` on are to be had now.
    fn ahead(&self, block: u64) -> u64 {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let again = readers.iter().position(|reader| reader.next == block + 1);
        let next = || readers.iter().position(|reader| reader.next == block);
        let known = again.or_else(next).and_then(|at| readers.remove(at));
        let mut reader = known.unwrap_or(Reader { next: block + 1, ahead: 1 });
        if reader.next == block {
            reader = Reader { next: block + 1, ahead: (reader.ahead * 4).min(AHEAD) };
        }
        let ahead = reader.ahead;
        readers.push_front(reader);
        readers.truncate(READERS);
        ahead
    }

    /// A block, waited for; those behind it are asked for.
    fn block(self: &Arc<Self>, block: u64, ahead: u64) -> io::Result<Bytes> {
        loop {
            if let Some(bytes) = self.try_block(block, ahead)? {
                return Ok(bytes);
            }
        }
    }

    /// `None` if it was there, but has given way to others before it was taken.
    fn try_block(self: &Arc<Self>, block: u64, ahead: u64) -> io::Result<Option<Bytes>> {
        let last = (self.len - 1) / BLOCK;
        let mut blocks = CACHE.lock();
        // Once a quarter of what is read ahead is used up: few requests, and large ones.
        let missing = blocks.first_absent(self.number, block..(block + ahead).min(last + 1));
        if let Some(first) = missing
            && (first == block || first + ahead / 4 <= block + ahead)
        {
            let end = blocks.ask(self.number, first, (block + ahead).min(last + 1));
            drop(blocks);
            let opened = Arc::clone(self);
            let wanted = Coming { opened: Arc::clone(self), blocks: first..end };
            drop(self.remote.io.spawn(async move { opened.fetch(wanted).await }));
            blocks = CACHE.lock();
        }
        CACHE.wait(blocks, (self.number, block), || self.remote.io.check_runs())
    }

    async fn fetch(&self, mut coming: Coming) {
        if let Err(error) = self.try_fetch(&mut coming).await {
            coming.fail(&error);
        }
    }

    async fn try_fetch(&self, coming: &mut Coming) -> io::Result<()> {
        let range = coming.blocks.start * BLOCK..(coming.blocks.end * BLOCK).min(self.len);
        let tag = self.meta.e_tag.clone().filter(|tag| !tag.is_empty());
        let options = GetOptions {
            if_unmodified_since: tag.is_none().then_some(self.meta.last_modified),
            if_match: tag,
            version: self.meta.version.clone(),
            range: Some(range.clone().into()),
            ..GetOptions::default()
        };
        let got = self.remote.objects.get_opts(&self.path, options).await.map_err(changed)?;
        // A server that does not heed the condition.
        if got.meta.e_tag != self.meta.e_tag || got.meta.size != self.len || got.range != range {
            return Err(io::Error::other(SourceChanged));
        }
        let mut stream = got.into_stream();
        let mut bytes = BytesMut::new();
        while !coming.blocks.is_empty() {
            let start = coming.blocks.start * BLOCK;
            let len = usize::try_from(BLOCK.min(self.len - start)).unwrap_or(usize::MAX);
            while bytes.len() < len {
                let more = stream.next().await.ok_or(io::ErrorKind::UnexpectedEof)?;
                bytes.extend_from_slice(&more.map_err(changed)?);
            }
            let whole = Bytes::copy_from_slice(&bytes.split_to(len));
            CACHE.put((self.number, coming.blocks.start), Ok(whole));
            coming.blocks.start += 1;
        }
        Ok(())
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        CACHE.lock().forget(self.number);
    }
}

/// Blocks that are being fetched. Whatever becomes of that, nobody waits for them for ever.
struct Coming {
    opened: Arc<Opened>,
    blocks: Range<u64>,
}

impl Coming {
    fn fail(&mut self, error: &io::Error) {
        for block in self.blocks.by_ref() {
            let changed =
                error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<SourceChanged>);
            let same = if changed {
                io::Error::other(SourceChanged)
            } else {
                io::Error::new(error.kind(), error.to_string())
            };
            CACHE.put((self.opened.number, block), Err(same));
        }
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.fail(&io::Error::other("the request was given up"));
    }
}

fn plain(error: &StoreError) -> io::Error {
    let kind = match error {
        StoreError::NotFound { .. } => io::ErrorKind::NotFound,
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, why(error))
}

/// What was there when it was opened and is not any more was replaced.
fn changed(error: StoreError) -> io::Error {
    match error {
        StoreError::Precondition { .. } | StoreError::NotModified { .. } | StoreError::NotFound { .. } => {
            io::Error::other(SourceChanged)
        }
        error => plain(&error),
    }
}
