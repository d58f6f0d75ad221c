//! Masters: what they are, and their audio.

mod admit;
mod aiff;
mod caf;
mod coding;
mod contain;
pub mod convert;
mod decode;
pub mod downmix;
mod file;
mod flac;
mod frame_index;
mod id;
mod identify;
mod info;
mod inner;
mod limits;
pub mod loudness;
pub(crate) mod mp4;
#[cfg(feature = "tier")]
mod object_blocks;
#[cfg(feature = "tier")]
mod object_source;
mod ogg;
mod open_flac;
mod open_ogg;
mod packet;
mod packet_decoder;
mod packets;
mod pcm_data;
mod positions;
pub(crate) mod recognise;
pub mod resample;
mod salvage;
pub(crate) mod source;
mod stream;
mod supply;
mod survey;
mod trailing_tags;
mod verdict;
mod verify;
pub(crate) mod w64;
mod wav;
mod window;

use std::fs::Metadata;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

pub use decode::Decoder;
pub use file::FileSource;
pub(crate) use flac::Comments;
pub(crate) use frame_index::FrameIndex;
pub use id::{MasterId, MasterIdError};
pub use info::{Codec, Container, Layout, MasterInfo, Position};
pub use limits::Limits;
#[cfg(feature = "tier")]
pub use object_source::ObjectSource;
pub use source::MasterSource;
pub use verdict::{Verdict, Verification};

use inner::{Audio, Inner, Opened};

use crate::error::{Error, Result, Stage};
use salvage::Salvage;
use source::Input;
use verdict::Heard;

/// A lossless source of audio, opened and understood.
///
/// Cheap to clone and shared between threads; each worker takes a [`Decoder`] of its own.
///
/// ```no_run
/// use tonepress::master::Master;
/// use tonepress::pcm::Pcm;
///
/// let master = Master::open("album/01.flac")?;
/// println!("{} at {}, {:.1} s", master.info().codec, master.info().rate, master.info().seconds());
/// let mut pcm = Pcm::default();
/// master.decoder()?.read(0..1_000, &mut pcm)?;
/// # Ok::<(), tonepress::Error>(())
/// ```
#[derive(Clone)]
pub struct Master(Arc<Inner>);

impl Master {
    /// Its bytes.
    pub(crate) fn input(&self) -> &source::Input {
        &self.0.input
    }

    /// Opens the file at `path`, whatever it is called: its content decides what it is. Within the
    /// default [`Limits`]. With the feature `tier` it may be the URL of an object too.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &Limits::default())
    }

    /// Opens the file at `path` within `limits`.
    pub fn open_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        #[cfg(feature = "tier")]
        if crate::remote::is_url(&name) {
            let source = ObjectSource::open(&name)?;
            return Self::from_source_with(source.url().to_owned(), Arc::new(source), limits);
        }
        let source = FileSource::open(path).map_err(Error::io(Stage::Open, name.as_str()))?;
        Self::from_source_with(name, Arc::new(source), limits)
    }

    /// Opens a master that is kept elsewhere. `name` is what errors call it. Within the default [`Limits`].
    pub fn from_source(name: impl Into<String>, source: Arc<dyn MasterSource>) -> Result<Self> {
        Self::from_source_with(name, source, &Limits::default())
    }

    /// Opens a master that is kept elsewhere, within `limits`.
    pub fn from_source_with(
        name: impl Into<String>,
        source: Arc<dyn MasterSource>,
        limits: &Limits,
    ) -> Result<Self> {
        let input = Input::new(name.into(), source, limits)?;
        let Opened { info, audio } = input.blame(recognise::open(&input))?;
        let (id, heard, salvage) = (OnceLock::new(), RwLock::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { input, info, audio, id, heard, salvage })))
    }

    /// The path it was opened at, or what its source was called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.input.name
    }

    /// The facts.
    #[must_use]
    pub fn info(&self) -> &MasterInfo {
        &self.0.info
    }

    /// A reader of the audio with a position of its own: one for each worker, kept for as long as it works.
    pub fn decoder(&self) -> Result<Decoder> {
        self.0.input.blame(Decoder::new(self.0.clone(), false))
    }

    /// The decoder that a rendition wants, salvaging or not, which goes by `frames` where it has to seek.
    pub(crate) fn decoder_by(&self, salvage: bool, frames: Option<Arc<FrameIndex>>) -> Result<Decoder> {
        let mut decoder = if salvage { self.salvaging_decoder()? } else { self.decoder()? };
        if let Some(frames) = frames {
            decoder.go_by(frames);
        }
        Ok(decoder)
    }

    /// As [`decoder`](Self::decoder), but one that gives silence for what is damaged or missing. What that
    /// is does not depend on what is read, or in which order; [`gaps`](Self::gaps) tells.
    ///
    /// # Errors
    /// Those of [`gaps`](Self::gaps).
    pub fn salvaging_decoder(&self) -> Result<Decoder> {
        self.0.input.blame(self.salvage().and_then(|salvage| Decoder::salvaging(self.0.clone(), salvage)))
    }

    /// The samples that cannot be decoded, in order and without two that touch; none of a master that is
    /// sound. The first call decodes all of it, later ones know.
    ///
    /// What lies behind the stated end is left out and is no gap.
    ///
    /// # Errors
    /// [`Error::Damaged`] if nothing at all can be decoded, [`Error::Changed`].
    pub fn gaps(&self) -> Result<Vec<Range<u64>>> {
        Ok(self.salvage()?.gaps().to_vec())
    }

    /// Has the [`gaps`](Self::gaps) found, if nobody has, unless `stop` says otherwise on the way.
    ///
    /// # Errors
    /// Those of [`gaps`](Self::gaps); [`Error::Cancelled`].
    pub(crate) fn survey(&self, stop: &dyn Fn() -> bool) -> Result<()> {
        self.salvage_unless(stop).map(drop)
    }

    fn salvage(&self) -> Result<Arc<Salvage>> {
        self.salvage_unless(&|| false)
    }

    fn salvage_unless(&self, stop: &dyn Fn() -> bool) -> Result<Arc<Salvage>> {
        // Whoever comes meanwhile waits, since he needs it too.
        let mut known = self.0.salvage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(salvage) = &*known {
            return Ok(salvage.clone());
        }
        let salvage = Arc::new(self.0.input.blame(survey::survey(&self.0, stop))?);
        *known = Some(salvage.clone());
        Ok(salvage)
    }

    /// How many bytes lie behind the audio of a FLAC file that are neither audio nor a tag: a line
    /// feed that a transfer added, padding, tags of other kinds. They are no part of the master. 0 of other formats,
    /// and where the last frame is damaged.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Changed`].
    pub fn stray_bytes(&self) -> Result<u64> {
        let Inner { input, info, audio, .. } = &*self.0;
        let stray = match audio {
            Audio::Flac(stream) => stream.stray_bytes(input, info.samples.0)?,
            Audio::Ogg(chain) => chain.stray_bytes(input)?,
            Audio::Pcm(_) | Audio::Table(_) => return Ok(0),
        };
        input.unchanged(Stage::Decode)?;
        Ok(stray)
    }

    /// An error if it is not any more what was opened. What was read of it before may be of either; so ask
    /// after reading, before anything is done with the result.
    ///
    /// # Errors
    /// [`Error::Changed`], or [`Error::Io`] if its source does not say.
    pub fn unchanged(&self) -> Result<()> {
        self.0.input.unchanged(Stage::Decode)
    }

    /// Which audio it is, by a hash of all of it. The first call reads the file, later ones do not.
    ///
    /// # Errors
    /// [`Error::Changed`] if the file was changed since it was opened: an id would be of neither.
    pub fn id(&self) -> Result<MasterId> {
        if let Some(id) = self.0.id.get() {
            return Ok(*id);
        }
        self.find_id().map(|(id, _)| id)
    }

    /// The same by reading all of it, and where the frames of FLAC lie, since they are passed.
    pub(crate) fn find_id(&self) -> Result<(MasterId, Option<FrameIndex>)> {
        let (id, frames) = identify::identify(&self.0)?;
        Ok((*self.0.id.get_or_init(|| id), frames))
    }

    /// The id, if it was found out already or told by a store's index.
    #[must_use]
    pub fn known_id(&self) -> Option<MasterId> {
        self.0.id.get().copied()
    }

    /// Tells the master its id, as it was found out at another time for the very same bytes.
    pub(crate) fn tell_id(&self, id: MasterId) {
        // Whoever came first had the same.
        let _ = self.0.id.set(id);
    }

    /// Whether `other` is this master, opened again or not, without a look at the audio.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.input.is(&other.0.input)
    }

    /// The path of the file that it is, if it is one.
    pub(crate) fn place(&self) -> Option<&Path> {
        self.0.input.source.place()
    }

    /// The URL of the object that it is, and which of its versions, if it is one.
    #[cfg(feature = "tier")]
    pub(crate) fn location(&self) -> Option<(&str, &str)> {
        self.0.input.source.location()
    }

    /// Whether the file that looks like `meta` is the one that was opened, unchanged.
    pub(crate) fn is_file(&self, meta: &Metadata) -> bool {
        self.place().is_some() && self.0.input.has_version(&file::file_version(meta))
    }

    /// Decodes everything and checks what can be checked: FLAC's frame checksums and MD5, the length.
    ///
    /// # Errors
    /// [`Error::Damaged`] if anything is wrong.
    pub fn verify(&self) -> Result<Verification> {
        self.verdict()?.check(self.name())
    }

    /// As [`verify`](Self::verify), but damage is a result and not an error.
    ///
    /// # Errors
    /// Whatever says nothing about the audio, such as [`Error::Io`] or [`Error::Changed`].
    pub fn verdict(&self) -> Result<Verdict> {
        verify::verdict(&self.0)
    }

    /// Tells the master what an index says of it.
    pub(crate) fn hear(&self, verdict: Option<Verdict>) {
        *self.heard() = Some(Heard::new(Instant::now(), verdict));
    }

    /// [`Verdict::allow`] of the verdict that an index has, if it has one. The index is asked unless it
    /// was within the last `age`.
    pub(crate) fn allow(
        &self,
        salvage: bool,
        age: Duration,
        ask: impl FnOnce() -> Option<Verdict>,
    ) -> Result<()> {
        let allow =
            |heard: &Heard| heard.verdict().map_or(Ok(()), |verdict| verdict.allow(self.name(), salvage));
        let now = Instant::now();
        if let Some(heard) = &*self.0.heard.read().unwrap_or_else(PoisonError::into_inner)
            && now.saturating_duration_since(heard.at()) < age
        {
            return allow(heard);
        }
        // Asked with nothing locked: an index lies on a disk. What was heard meanwhile is younger.
        let asked = Heard::new(now, ask());
        let mut heard = self.heard();
        let heard = match &mut *heard {
            Some(heard) if heard.at() > now => heard,
            heard => heard.insert(asked),
        };
        allow(heard)
    }

    fn heard(&self) -> RwLockWriteGuard<'_, Option<Heard>> {
        self.0.heard.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Master")
            .field("name", &self.name())
            .field("info", self.info())
            .finish_non_exhaustive()
    }
}
