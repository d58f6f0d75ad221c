//! The one error type: what failed, on which file, at which stage, and what to do about it.

use std::fmt;
use std::io;

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
    /// Writing a rendition.
    Write,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "opening",
            Self::Identify => "identifying",
            Self::Decode => "decoding",
            Self::Write => "writing",
        })
    }
}

/// Everything that can go wrong. `name` is the file's path, or what a [`MasterSource`] was called.
///
/// [`MasterSource`]: crate::master::MasterSource
#[derive(Debug, thiserror::Error)]
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
        source: io::Error,
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
        /// What the audio is, such as "MP3".
        codec: String,
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
        "this build of LAME needs a processor with {missing}; build with CFLAGS_<target> unset or lowered (README, \"Building for speed\")"
    )]
    Processor {
        /// The missing instruction sets.
        missing: String,
    },

    /// LAME or the resampler refused settings that the plan allowed, or a thread died: a bug.
    #[error("internal error: {detail}; please report it")]
    Internal {
        /// What was seen.
        detail: String,
    },
}

impl Error {
    /// For `map_err`: an I/O error at `stage` on `name`.
    pub(crate) fn io(stage: Stage, name: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let name = name.into();
        move |source| Self::Io { stage, name, source }
    }
}

/// A result whose error is an [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
