//! How this build was made.

use crate::encoder::{Encoder, LAME_FLAGS};

/// How this build was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildInfo {
    /// This crate's version.
    pub version: &'static str,
    /// LAME's version.
    pub lame: String,
    /// The flags that LAME was compiled with; empty for the binding's defaults.
    pub lame_flags: &'static str,
    /// The target triple.
    pub target: &'static str,
    /// The Rust profile: "release" or "debug".
    pub profile: &'static str,
}

/// How this build was made.
///
/// ```
/// let build = tonepress::build_info();
/// println!("LAME {} ({})", build.lame, build.lame_flags);
/// ```
#[must_use]
pub fn build_info() -> BuildInfo {
    BuildInfo {
        version: env!("CARGO_PKG_VERSION"),
        lame: Encoder::Lame.version(),
        lame_flags: LAME_FLAGS,
        target: env!("TONEPRESS_TARGET"),
        profile: env!("TONEPRESS_PROFILE"),
    }
}
