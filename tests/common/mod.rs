//! What the tests share.
#![allow(dead_code, unreachable_pub, missing_docs)] // each test binary uses its part

pub mod signal;

/// How many cases a property test runs: `few` by default, more where `TONEPRESS_CASES` multiplies.
pub fn cases(few: u32) -> u32 {
    let factor = std::env::var("TONEPRESS_CASES").ok().and_then(|n| n.parse::<u32>().ok());
    few * factor.unwrap_or(1)
}
