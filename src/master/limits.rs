//! Limits on masters: a store takes files from strangers.

use std::time::Duration;

use crate::units::SampleRate;

/// What a master may take of memory and time. What is beyond a limit is refused with [`Error::Limit`](crate::Error::Limit):
/// before any work where the headers tell, and as soon as it shows where they do not.
///
/// ```
/// use std::time::Duration;
/// use tonepress::master::{Limits, Master};
///
/// let limits = Limits { duration: Duration::from_secs(10), ..Limits::default() };
/// assert!(Master::open_with("testdata/strings.flac", &limits).is_err()); // it lasts 24 seconds
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long it may last. 12 hours: longer than any opera.
    pub duration: Duration,
    /// How many bytes it may be as plain PCM of its own width. 16 GiB: six hours of stereo at 24 bits and
    /// 96 kHz take 12. A megabyte of FLAC can state, and hold, more than that.
    pub pcm_bytes: u64,
    /// How many channels it may have: 8, which is also the most that can be read.
    pub channels: usize,
    /// The highest rate it may have: [`SampleRate::MAX`], which is also the highest that can be read.
    pub rate: SampleRate,
    /// How many bytes any one table in its headers may be. 32 MiB: enough for days of audio.
    pub header_bytes: u64,
    /// How many bytes may be read in search of the next frame. 64 MiB: the largest frame has 16.
    pub scanned_bytes: u64,
    /// Whether it may end before its stated end. It then has its stated length, all the same, and only
    /// `:salvage` profiles can be pressed of it; without this it is refused as damaged. (Native and
    /// Ogg FLAC are not looked through when they are opened: there reading shows what is missing.)
    pub truncated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(12 * 3_600),
            pcm_bytes: 16 << 30,
            channels: 8,
            rate: SampleRate::MAX,
            header_bytes: 32 << 20,
            scanned_bytes: 64 << 20,
            truncated: false,
        }
    }
}
