//! What LAME's code needs from the processor, by the flags that it was compiled with.

use std::sync::OnceLock;

use crate::error::{Error, Result};

/// The flags that LAME was compiled with.
pub(crate) const LAME_FLAGS: &str = env!("TONEPRESS_LAME_FLAGS");

/// Refuses to go on where LAME's code would die of an illegal instruction.
pub(super) fn require() -> Result<()> {
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
