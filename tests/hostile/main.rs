//! Bad masters, made by hand: for each it is written down what must come of it, and that is held against
//! opening, identifying, verifying, decoding, salvaging and pressing. Alone in its program, so that the memory
//! of nothing else is measured.
#![cfg(target_os = "linux")]
// Tests fail by panicking, export nothing, and use small numbers.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::trivially_copy_pass_by_ref,
    clippy::single_range_in_vec_init // a list of gaps
)]

#[path = "../common/mod.rs"]
mod common;

mod aiff;
mod alac;
mod bombs;
mod case;
mod flac;
mod ogg;
mod run;
mod wav;

use std::collections::HashSet;

#[test]
fn every_bad_master_comes_out_as_written() {
    let cases = [flac::cases(), ogg::cases(), wav::cases(), aiff::cases(), alac::cases()].concat();
    let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "each case has a name of its own");
    assert!(cases.len() >= 150, "{}", cases.len());
    run::all(&cases);
    bombs::run();
    // The decoders, LAME and the tests themselves: all of it.
    let peak = run::peak_mib();
    assert!(peak < 200, "{peak} MiB");
    println!("{} bad masters, {peak} MiB", cases.len());
}
