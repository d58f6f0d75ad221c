//! How this build was made, and what it needs from the processor.

use std::sync::OnceLock;

use crate::error::{Error, Result};

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
        lame: crate::mp3::lame::version(),
        lame_flags: LAME_FLAGS,
        target: env!("TONEPRESS_TARGET"),
        profile: env!("TONEPRESS_PROFILE"),
    }
}

const LAME_FLAGS: &str = env!("TONEPRESS_LAME_FLAGS");

/// Refuses to go on where LAME's code would die by an illegal instruction.
pub(crate) fn require_processor() -> Result<()> {
    static MISSING: OnceLock<Vec<&str>> = OnceLock::new();
    let missing = MISSING.get_or_init(missing_features);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Processor { missing: missing.join(", ") })
}

#[cfg(target_arch = "x86_64")]
fn missing_features() -> Vec<&'static str> {
    macro_rules! missing {
        ($($feature:tt)*) => {
            [$(($feature, std::arch::is_x86_feature_detected!($feature))),*]
        };
    }
    // The levels of the x86-64 psABI; what an unknown -march needs cannot be told here.
    let v2 = missing!["cmpxchg16b" "popcnt" "sse3" "sse4.1" "sse4.2" "ssse3"];
    let v3 = missing!["avx" "avx2" "bmi1" "bmi2" "f16c" "fma" "lzcnt" "movbe"];
    let v4 = missing!["avx512bw" "avx512cd" "avx512dq" "avx512f" "avx512vl"];
    let level = match LAME_FLAGS.split_whitespace().rev().find_map(|flag| flag.strip_prefix("-march=x86-64"))
    {
        Some("-v2") => 1,
        Some("-v3") => 2,
        Some("-v4") => 3,
        _ => 0,
    };
    [&v2[..], &v3, &v4][..level]
        .concat()
        .into_iter()
        .filter(|&(_, found)| !found)
        .map(|(name, _)| name)
        .collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn missing_features() -> Vec<&'static str> {
    Vec::new()
}
