//! What it takes in memory to measure a long master. Alone in its program, so that no other test is measured.
#![cfg(target_os = "linux")]
// Numbers are small and positive, and whatever goes wrong fails the test.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;

use std::io;
use std::sync::Arc;

use common::{cases, write};
use tonepress::master::{Master, MasterSource, loudness};

/// Hours of 8-bit noise at 8 kHz that lie nowhere.
struct Noise {
    header: Vec<u8>,
    samples: u64,
}

impl MasterSource for Noise {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = (self.len()? - offset).min(buf.len() as u64);
        for (at, byte) in (offset..offset + count).zip(buf) {
            let noise = (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
            *byte = usize::try_from(at).ok().and_then(|at| self.header.get(at)).copied().unwrap_or(noise);
        }
        Ok(usize::try_from(count).unwrap())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.header.len() as u64 + self.samples)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// The most memory that this process ever had resident, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// An hour, or ten with `TONEPRESS_CASES=10`.
#[test]
fn hours_are_measured_in_little_memory() {
    let samples = u64::from(cases(1)) * 3_600 * 8_000;
    let mut header = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0".to_vec();
    header.extend(write::wav_format(1, 1, 8_000, 8));
    header.extend(b"data");
    header.extend(u32::try_from(samples).unwrap().to_le_bytes());
    let master = Master::from_source("noise", Arc::new(Noise { header, samples })).unwrap();
    assert_eq!(master.info().samples.0, samples);
    let before = peak();
    let loudness = loudness::measure(&master).unwrap();
    let grown = peak() - before;
    assert!(loudness.integrated_lufs().is_some());
    assert!(grown < 16, "{grown} MiB");
}
