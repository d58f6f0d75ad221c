//! What is measured where no master is given: music-like sound.

use std::f64::consts::TAU;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

const RATE: u32 = 44_100;
/// The roots of the chords, in semitones.
const ROOTS: [u8; 4] = [0, 5, 7, 3];
/// Multiples of the root, and how loud they are.
const TONES: [(f64, f64); 5] = [(1.0, 0.25), (1.26, 0.15), (1.5, 0.15), (4.0, 0.04), (9.0, 0.02)];

/// Writes `seconds` of chords under percussion, two beats a second, as a 16-bit stereo WAV.
pub(super) fn write(path: &Path, seconds: u32) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let bytes = seconds * RATE * 4;
    out.write_all(b"RIFF")?;
    out.write_all(&(36 + bytes).to_le_bytes())?;
    out.write_all(b"WAVEfmt \x10\0\0\0\x01\0\x02\0")?;
    out.write_all(&RATE.to_le_bytes())?;
    out.write_all(&(RATE * 4).to_le_bytes())?;
    out.write_all(b"\x04\0\x10\0data")?;
    out.write_all(&bytes.to_le_bytes())?;
    let mut noise = 1_u32;
    for at in 0..seconds * RATE {
        let time = f64::from(at) / f64::from(RATE);
        let bar = (at / RATE / 2) as usize;
        let root = 110.0 * 2_f64.powf(f64::from(ROOTS[bar % ROOTS.len()]) / 12.0);
        let chord: f64 = TONES.iter().map(|(step, gain)| gain * (TAU * root * step * time).sin()).sum();
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let drum = (f64::from(noise >> 16) / 32_768.0 - 1.0) * 0.35 * (-20.0 * (time * 2.0).fract()).exp();
        for value in [chord + drum, 0.7 * chord - 0.8 * drum] {
            #[allow(clippy::cast_possible_truncation)] // below full scale
            out.write_all(&((value * 30_000.0) as i16).to_le_bytes())?;
        }
    }
    out.flush()
}
