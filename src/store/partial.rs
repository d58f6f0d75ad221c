//! Renditions that are still being written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use crate::build::build_info;
use crate::error::{Error, Result, Stage};
use crate::rendition::plan::Plan;
use crate::rendition::writer::{RenditionWriter, Written};
use crate::store::evict;
use crate::store::front::Store;
use crate::store::key::{Key, Recipe};
use crate::store::layout::sync_folder;
use crate::store::object::Object;
use crate::store::scratch::Scratch;
use crate::store::sidecar::{Label, Sidecar, now};

/// How far ahead of the first missing segment an ABR or VBR rendition takes segments: they wait in
/// memory, some 250 KB each.
const WINDOW: u64 = 256;

/// What to do with a rendition that the store cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Write it to a temporary file without a name: the rendition is had, but not kept.
    Uncached,
    /// Refuse with the error that says why.
    Refuse,
}

/// A rendition that is being written. Nobody else gets to see it before it is
/// [published](Self::publish); dropped before that, it leaves no trace.
pub struct Partial {
    writer: RenditionWriter<Arc<File>>,
    file: Arc<File>,
    plan: Plan,
    /// `None` until the master is identified.
    recipe: Option<Recipe>,
    label: Label,
    /// `None` if the store does not take the rendition; else also what to do if it cannot in the end.
    place: Option<(Store, Scratch, Fallback)>,
    /// Whether the tier has it already.
    #[cfg(feature = "tier")]
    in_tier: bool,
}

/// What a partial turned out to be once its master was identified.
#[derive(Debug)]
pub enum Identified {
    /// New: it is this one's to press.
    Ours,
    /// Somebody else is pressing it too, and will be done sooner or later.
    Theirs,
    /// In the store already.
    Ready(Object),
}

/// Reads a rendition while it is being written, by `pread`: what is not finished is not mapped.
#[derive(Debug, Clone)]
pub struct PartialReader(Arc<File>);

impl PartialReader {
    /// Reads up to `buf.len()` bytes from `offset` on. Of stretches that were not written yet it reads
    /// zeros or nothing: which those are, the writer knows.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }
}

impl Partial {
    pub(super) fn stored(
        store: &Store,
        scratch: Scratch,
        recipe: Option<&Recipe>,
        plan: &Plan,
        fallback: Fallback,
    ) -> Result<Self> {
        let name = scratch.path().display().to_string();
        let file = Arc::clone(scratch.file());
        Self::new(file, &name, Some((store.clone(), scratch, fallback)), recipe, plan)
    }

    /// One in a file without a name in the folder `spill`, which goes when the last who uses it does. No
    /// store will take it.
    pub(crate) fn uncached(spill: &Path, recipe: Option<&Recipe>, plan: &Plan) -> Result<Self> {
        let scratch = Scratch::unique(spill, "tonepress", "tmp")?;
        let (file, name) = (Arc::clone(scratch.file()), scratch.path().display().to_string());
        drop(scratch);
        preallocate(&file, plan.size().cap()).map_err(Error::io(Stage::Write, &*name))?;
        Self::new(file, &name, None, recipe, plan)
    }

    fn new(
        file: Arc<File>,
        name: &str,
        place: Option<(Store, Scratch, Fallback)>,
        recipe: Option<&Recipe>,
        plan: &Plan,
    ) -> Result<Self> {
        let writer = RenditionWriter::new(plan, Arc::clone(&file), name)?;
        Ok(Self {
            writer,
            file,
            plan: plan.clone(),
            recipe: recipe.copied(),
            label: Label::default(),
            place,
            #[cfg(feature = "tier")]
            in_tier: false,
        })
    }

    /// Says which rendition it is. If somebody else is pressing the same one, this may be asked again
    /// later: they may have published, or given up.
    ///
    /// If the store cannot take it after all, it goes on uncached, provided that it was begun so.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub fn identify(&mut self, recipe: &Recipe) -> Result<Identified> {
        let booked = self.book(recipe);
        if let (Err(error), Some((store, _, Fallback::Uncached))) = (&booked, &self.place) {
            store.refused(error);
            self.place = None;
            return Ok(Identified::Ours);
        }
        booked
    }

    fn book(&mut self, recipe: &Recipe) -> Result<Identified> {
        let key = recipe.key();
        let named = self.recipe.replace(*recipe) == Some(*recipe);
        let Some((store, scratch, _)) = &mut self.place else { return Ok(Identified::Ours) };
        if let Some(object) = store.find(&key)? {
            return Ok(Identified::Ready(object));
        }
        // Under the lock: whoever settles the books sees the name and the reservation agree.
        let mut ledger = store.ledger()?;
        let folder = store.layout().partials();
        let ours = scratch.take_name(&store.layout().partial(&key))?;
        if !ours && !named {
            scratch.take_unique_name(&folder, &key.to_string(), "part")?;
        }
        ledger.reserve(scratch.path(), key, self.plan.size().cap())?;
        drop(ledger);
        // They may have published between the look and the claim.
        Ok(match store.find(&key)? {
            Some(object) => Identified::Ready(object),
            None if ours => Identified::Ours,
            None => Identified::Theirs,
        })
    }

    /// The tier has it: it need not be given to it.
    #[cfg(feature = "tier")]
    pub(crate) fn is_in_tier(&mut self) {
        self.in_tier = true;
    }

    /// Where it was to go, without what was written.
    #[cfg(feature = "tier")]
    pub(super) fn into_place(self) -> Option<(Store, Scratch, Fallback)> {
        self.place
    }

    /// The key under which it will be found; `None` before it is [identified](Self::identify).
    #[must_use]
    pub fn key(&self) -> Option<Key> {
        self.recipe.map(|recipe| recipe.key())
    }

    /// Whether the store will take it.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.place.is_some()
    }

    /// A reader of what has been written.
    #[must_use]
    pub fn reader(&self) -> PartialReader {
        PartialReader(Arc::clone(&self.file))
    }

    /// The segments that can be written now: for CBR all; for ABR and VBR some way ahead of the first
    /// that is missing, since those too early wait in memory.
    #[must_use]
    pub fn accepts(&self) -> Range<u64> {
        let all = self.plan.segments();
        self.writer.awaits().map_or(0..all, |next| next..(next + WINDOW).min(all))
    }

    /// Writes the next bytes of segment `index`; `last` says that it is complete with them.
    ///
    /// # Errors
    /// [`Error::DiskFull`] or [`Error::Io`]; [`Error::Internal`] if the bytes are not what the plan says, or
    /// the segment is not one that is [accepted](Self::accepts). The rendition cannot be completed then.
    pub fn write_segment(&mut self, index: u64, bytes: &[u8], last: bool) -> Result<()> {
        if !self.accepts().contains(&index) {
            let detail = format!("segment {index} came while {:?} are due", self.accepts());
            return Err(Error::Internal { detail });
        }
        self.writer.push(index, bytes, last)
    }

    /// Notes what people know it by.
    pub fn describe(&mut self, label: Label) {
        self.label = label;
    }

    /// Completes the rendition and makes it known, after it and its sidecar are safe from a power
    /// failure. One that somebody else has published meanwhile is returned in its place.
    ///
    /// If the store's folders were removed since, the rendition is returned all the same, uncached.
    ///
    /// # Errors
    /// [`Error::Internal`] if segments are missing, or the store is to take it and the master was not identified; [`Error::DiskFull`] or [`Error::Io`], and the
    /// rendition is thrown away: after a failed sync nobody knows what of it is on disk.
    pub fn publish(self) -> Result<Object> {
        #[cfg(feature = "tier")]
        let in_tier = self.in_tier;
        let Self { writer, file, plan, recipe, label, place, .. } = self;
        let key = recipe.map(|recipe| recipe.key());
        let name = || key.map_or_else(|| plan.profile().to_string(), |key| key.to_string());
        let Written { bytes, .. } = writer.finish()?;
        let written = file.metadata().map_err(Error::io(Stage::Write, name()))?.len();
        if written < bytes {
            let detail = format!("{written} bytes are left of {bytes}");
            return Err(Error::Corrupt { name: name(), detail });
        }
        // What was allocated beyond the end of an ABR or VBR rendition is given back.
        file.set_len(bytes).map_err(Error::io(Stage::Write, name()))?;
        let Some((store, scratch, _)) = place.filter(|(_, scratch, _)| scratch.is_current()) else {
            return Object::map(&file, key, None);
        };
        let Some(recipe) = recipe else {
            let detail = "a store is given a rendition of a master that nobody identified".to_owned();
            return Err(Error::Internal { detail });
        };
        let key = recipe.key();
        if let Some(other) = store.find(&key)? {
            return Ok(other);
        }
        scratch.sync()?;
        let digest = digest(&file, bytes).map_err(Error::at(Stage::Write, scratch.path()))?;
        let sidecar = Sidecar {
            version: Sidecar::VERSION,
            key,
            digest,
            bytes,
            frames: plan.frames().0,
            samples: plan.samples().0,
            master: recipe.master,
            profile: plan.profile().to_string(),
            resolved: recipe.resolved.to_string(),
            fingerprint: recipe.fingerprint,
            engine: engine(),
            published: now(),
            label,
        };
        if let Some(other) = commit(&store, scratch, &sidecar)? {
            return Ok(other);
        }
        let object = Object::map(&file, Some(key), Some(&store.layout().object(&key)))?;
        store.keep(key, &object);
        tracing::debug!(%key, bytes, "published");
        store.taken();
        #[cfg(feature = "tier")]
        if !in_tier || store.tier().is_some_and(|tier| tier.is_wrong(&key)) {
            store.offer(&object, &sidecar);
        }
        Ok(object)
    }
}

/// Gives object and sidecar their names, the sidecar first; unless somebody was faster, whose object is returned.
pub(super) fn commit(store: &Store, mut scratch: Scratch, sidecar: &Sidecar) -> Result<Option<Object>> {
    let (layout, key) = (store.layout(), &sidecar.key);
    layout.create()?;
    layout.create_shard(key)?;
    let mut facts = Scratch::unique(&layout.partials(), &key.to_string(), "json")?;
    sidecar.write(&**facts.file(), facts.path())?;
    facts.sync()?;
    facts.commit(&layout.sidecar(key))?;
    sync_folder(&layout.shard(key))?;

    // Never in place of another: both would be in the books.
    if !scratch.commit_new(&layout.object(key))? {
        if let Some(other) = store.find(key)? {
            return Ok(Some(other));
        }
        scratch.commit(&layout.object(key))?; // the other was no rendition
    }
    if let Err(e) = sync_folder(&layout.shard(key)) {
        // It is there, but nobody can say for how long.
        let _ = store.ledger().and_then(|mut ledger| evict::evict(layout, &mut ledger, &[*key]));
        return Err(e);
    }
    // Locking the ledger books this. If it is not free now, the next one to lock it does.
    let _ = store.ledger();
    Ok(None)
}

/// Takes the space that a rendition needs at most, so that a full disk is found out now. The file's
/// length says that this was done, see [`Ledger::recount`](super::ledger::Ledger::recount).
pub(super) fn preallocate(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)?;
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
        // Some file systems cannot; there, a full disk is found out while writing.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// BLAKE3 of a file, which must have `bytes` bytes. Read back rather than taken from what was written:
/// what counts is what readers will get.
pub(super) fn digest(file: &Arc<File>, bytes: u64) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let mut file = Arc::clone(file);
    file.seek(SeekFrom::Start(0))?;
    hasher.update_reader(file.by_ref().take(bytes + 1))?;
    if hasher.count() != bytes {
        let detail = format!("{} bytes are there instead of {bytes}", hasher.count());
        return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
    }
    Ok(hasher.finalize())
}

fn engine() -> String {
    let build = build_info();
    format!("tonepress {}, LAME {}, {}", build.version, build.lame, build.target)
}
