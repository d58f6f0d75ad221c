//! What the benches share: masters to measure with.
//!
//! `TONEPRESS_BENCH_MASTERS`, a folder of masters, puts them into the place of the made-up ones.

// Every bench compiles this module anew and uses a part of it.
#![allow(dead_code, unreachable_pub)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use criterion::Throughput;
use tonepress::Profile;
use tonepress::master::{Master, MasterSource};

struct Memory(Vec<u8>);

impl MasterSource for Memory {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// Chords under a drum of noise, as a WAV in memory: 16-bit stereo.
pub fn music(rate: u32, seconds: u32) -> Master {
    let mut noise = 1_u32;
    let samples = (0..seconds * rate).flat_map(|at| {
        let t = f64::from(at) / f64::from(rate);
        let chord: f64 =
            [110.0, 138.6, 165.0, 880.0].iter().map(|hz| (t * hz * std::f64::consts::TAU).sin()).sum();
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let drum = f64::from(noise >> 16) / 65_536.0 - 0.5;
        let drum = drum * (-20.0 * (t * 2.0).fract()).exp();
        #[allow(clippy::cast_possible_truncation)] // below full scale
        [chord * 0.1 + drum * 0.5, chord * 0.08 - drum * 0.3].map(|value| (value * 32_000.0) as i16)
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let size = u32::try_from(data.len()).expect("a short file");
    let wav = [
        b"RIFF".as_slice(),
        &(36 + size).to_le_bytes(),
        b"WAVEfmt \x10\0\0\0\x01\0\x02\0",
        &rate.to_le_bytes(),
        &(rate * 4).to_le_bytes(),
        b"\x04\0\x10\0data",
        &size.to_le_bytes(),
        &data,
    ];
    Master::from_source("music", Arc::new(Memory(wav.concat()))).expect("a WAV")
}

/// The masters in the folder of the environment, by name; empty without it.
pub fn given() -> Vec<Master> {
    let Some(folder) = std::env::var_os("TONEPRESS_BENCH_MASTERS") else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let masters: Vec<Master> = files.iter().filter_map(|path| Master::open(path).ok()).collect();
    assert!(!masters.is_empty(), "no master in the folder");
    masters
}

/// The first master given, or four minutes of music.
pub fn master() -> Master {
    given().into_iter().next().unwrap_or_else(|| music(44_100, 240))
}

/// A master of the folder `testdata`.
pub fn testdata(name: &str) -> Master {
    Master::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).expect("a master")
}

/// What criterion calls a name for a master: the last part of its path.
pub fn name(master: &Master) -> String {
    let name = master.name().rsplit('/').next().unwrap_or_default();
    format!("{name}, {} {}/{}", master.info().codec, master.info().bits, master.info().rate)
}

/// Audio of so many seconds. The elements are milliseconds: 100 Kelem/s is 100 times real time.
pub fn audio(seconds: f64) -> Throughput {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small and positive
    Throughput::Elements((seconds * 1_000.0) as u64)
}

pub fn profile(text: &str) -> Profile {
    text.parse().expect("a profile")
}
