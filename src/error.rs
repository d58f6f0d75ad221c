//! The one error type: what failed, on which file, at which stage, and what to do about it.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What was being done when something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Opening a file and recognising what it is.
    Open,
    /// Hashing a master's audio.
    Identify,
    /// Reading and decoding a master's audio.
    Decode,
    /// Reading a rendition.
    Read,
    /// Writing a rendition.
    Write,
    /// Making what was written last through a power failure.
    Sync,
    /// Looking through a store's folders.
    Scan,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "opening",
            Self::Identify => "identifying",
            Self::Decode => "decoding",
            Self::Read => "reading",
            Self::Write => "writing",
            Self::Sync => "making durable",
            Self::Scan => "scanning",
        })
    }
}

/// Everything that can go wrong. Cheap to clone, so that all who wait for a rendition can be told what spoilt it.
///
/// `name` is the file's path, or what a [`MasterSource`] was called.
///
/// [`MasterSource`]: crate::master::MasterSource
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system (or a master's source) refused.
    #[error("{stage} {name}: {source}")]
    Io {
        /// What was being done.
        stage: Stage,
        /// On which file.
        name: String,
        /// The reason given.
        source: Arc<io::Error>,
    },

    /// The content is of no kind that can be a master.
    #[error(
        "{name}: not recognised as audio ({detail}); masters are FLAC, Ogg FLAC, WAV, AIFF, ALAC in M4A, or CAF"
    )]
    Unrecognised {
        /// The file.
        name: String,
        /// What was seen instead.
        detail: String,
    },

    /// A lossy format: pressing it again would only lose more.
    #[error(
        "{name}: {codec} is lossy, and a master must be lossless; use the FLAC, WAV, AIFF or ALAC original"
    )]
    Lossy {
        /// The file.
        name: String,
        /// What the audio is, such as "MP3" or "Vorbis (in Ogg)".
        codec: String,
        /// What it is in, such as "Ogg"; `None` if the file is nothing else.
        container: Option<String>,
    },

    /// Lossless, but outside of what can be pressed.
    #[error("{name}: not supported: {detail}")]
    Unsupported {
        /// The file.
        name: String,
        /// What is not supported and what would be.
        detail: String,
    },

    /// A master without a single sample.
    #[error("{name}: holds no audio (0 samples)")]
    Empty {
        /// The file.
        name: String,
    },

    /// The audio is broken or incomplete.
    #[error("{name}: damaged at sample {at}: {detail}")]
    Damaged {
        /// The file.
        name: String,
        /// The first sample (per channel) that could not be read.
        at: u64,
        /// What is wrong there.
        detail: String,
    },

    /// A master that asks for more than [`Limits`](crate::master::Limits) allow.
    #[error("{name}: {found} {what}; the limit is {limit}")]
    Limit {
        /// The file.
        name: String,
        /// What there is too much of, such as "seconds of audio".
        what: &'static str,
        /// How much there is; where it was counted, how much had been when it became too much.
        found: u64,
        /// How much there may be.
        limit: u64,
    },

    /// The master is not the file any more that was opened.
    #[error("{name}: changed while it was being read; try again when it is complete")]
    Changed {
        /// The file.
        name: String,
    },

    /// Not a profile, or not one that this master allows.
    #[error("profile '{profile}': {detail}")]
    Profile {
        /// The profile as typed, or its canonical form.
        profile: String,
        /// What is wrong and what would be right.
        detail: String,
    },

    /// The processor lacks instructions that LAME was compiled for.
    #[error(
        "this build of LAME needs a processor with {missing}; build with CFLAGS_<target> unset or lowered (docs/users.md, \"Building for speed\")"
    )]
    Processor {
        /// The missing instruction sets.
        missing: String,
    },

    /// No space is left on the device, or within the user's quota.
    #[error("{stage} {name}: the disk is full; free some space, or give the store another place")]
    DiskFull {
        /// What was being done.
        stage: Stage,
        /// On which file.
        name: String,
    },

    /// The store's budget does not allow another rendition.
    #[error(
        "store {name}: no room for {needed} bytes: {detail}; raise the budget, unpin renditions, or go without the store"
    )]
    StoreFull {
        /// The store's folder.
        name: String,
        /// What the rendition needs at most.
        needed: u64,
        /// Which limit stands in the way.
        detail: String,
    },

    /// Another process has held the store's lock for too long: it is stopped, or its disk hangs.
    #[error("store {name}: locked by another process for more than {seconds} s; see whether one is stopped")]
    StoreBusy {
        /// The store's folder.
        name: String,
        /// How long was waited.
        seconds: u64,
    },

    /// A folder that cannot be a store.
    #[error("store {name}: {detail}")]
    UnsuitableStore {
        /// The folder.
        name: String,
        /// Why not, and what would do.
        detail: String,
    },

    /// A stored file is not what was once stored.
    #[error("{name}: corrupt: {detail}; `tonepress cache verify` sets such files aside")]
    Corrupt {
        /// The file.
        name: String,
        /// What is wrong with it.
        detail: String,
    },

    /// The engine has as much to do as it was allowed to take on.
    #[error("busy: {queued} renditions are being pressed or wait for it; try again in {:.1} s", retry_after.as_secs_f64())]
    Busy {
        /// How many there are.
        queued: usize,
        /// When, by what pressing takes now, there should be room for another.
        retry_after: Duration,
    },

    /// Nobody wants the rendition any more.
    #[error("{name}: cancelled")]
    Cancelled {
        /// The master and the profile.
        name: String,
    },

    /// The engine takes no more requests.
    #[error("shutting down; no new requests are taken")]
    ShuttingDown,

    /// LAME or the resampler refused settings that the plan allowed, or a thread died: a bug.
    #[error("internal error: {detail}; please report it")]
    Internal {
        /// What was seen.
        detail: String,
    },
}

impl Error {
    /// Whether the same might go well at another time, or on another machine, without anybody changing the master or what is
    /// asked for: a disk that was full or did not answer, a master that was being written, a store that was busy.
    ///
    /// ```
    /// use tonepress::{Error, Profile};
    /// let error = "129".parse::<Profile>().unwrap_err();
    /// assert!(!error.is_worth_retrying());
    /// ```
    #[must_use]
    pub fn is_worth_retrying(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() != io::ErrorKind::NotFound,
            Self::Changed { .. }
            | Self::Processor { .. }
            | Self::DiskFull { .. }
            | Self::StoreBusy { .. }
            | Self::Corrupt { .. }
            | Self::Busy { .. }
            | Self::Cancelled { .. }
            | Self::ShuttingDown => true,
            Self::Unrecognised { .. }
            | Self::Lossy { .. }
            | Self::Unsupported { .. }
            | Self::Empty { .. }
            | Self::Damaged { .. }
            | Self::Limit { .. }
            | Self::Profile { .. }
            | Self::StoreFull { .. }
            | Self::UnsuitableStore { .. }
            | Self::Internal { .. } => false,
        }
    }

    /// For `map_err`: an I/O error at `stage` on `name`. A full disk and a changed source are told apart.
    pub(crate) fn io(stage: Stage, name: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let name = name.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { stage, name },
            _ if source.get_ref().is_some_and(<dyn StdError + Send + Sync>::is::<SourceChanged>) => {
                Self::Changed { name }
            }
            _ => Self::Io { stage, name, source: Arc::new(source) },
        }
    }

    /// What a worker's panic becomes for whoever waits for its work.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text =
            text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        Self::Internal { detail: format!("a worker panicked: {text}") }
    }

    /// As [`io`](Self::io), on the file at `path`.
    pub(crate) fn at(stage: Stage, path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(stage, path.display().to_string())
    }
}

/// What a [`MasterSource`] gives when it is asked to read and is not any more what was opened, wrapped by
/// [`io::Error::other`]. The caller of the decoder or engine gets [`Error::Changed`].
///
/// [`MasterSource`]: crate::master::MasterSource
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("changed since it was opened")]
pub struct SourceChanged;

/// A result whose error is an [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
