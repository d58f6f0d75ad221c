//! Masters in memory, whose reading can be watched and spoilt.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use tonepress::master::{Limits, Master, MasterSource};

use super::press::wav;
use super::{signal::Music, write};

type Hook = Box<dyn Fn(Range<u64>) -> io::Result<()> + Send + Sync>;

/// Bytes, and what happens before some of them are read.
struct Memory {
    bytes: Vec<u8>,
    before: Hook,
}

impl MasterSource for Memory {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        (self.before)(offset..offset + buf.len() as u64)?;
        let from = usize::try_from(offset).unwrap().min(self.bytes.len());
        let n = buf.len().min(self.bytes.len() - from);
        buf[..n].copy_from_slice(&self.bytes[from..from + n]);
        Ok(n)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// A master with these bytes. `before` is called with the range of each read of it.
pub fn watched(
    bytes: Vec<u8>,
    before: impl Fn(Range<u64>) -> io::Result<()> + Send + Sync + 'static,
) -> Master {
    watched_within(&Limits::default(), bytes, before)
}

/// The same, within other limits.
pub fn watched_within(
    limits: &Limits,
    bytes: Vec<u8>,
    before: impl Fn(Range<u64>) -> io::Result<()> + Send + Sync + 'static,
) -> Master {
    let source = Arc::new(Memory { bytes, before: Box::new(before) });
    Master::from_source_with("memory", source, limits).unwrap()
}

/// Stereo noise at 44.1 kHz as a WAV in memory: made and read in no time, and slow to press.
pub fn noise(samples: usize) -> Master {
    let mut state = 1_u64;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u32 & 0x0fff_0fff
    });
    let data: Vec<u8> = words.take(samples).flat_map(u32::to_le_bytes).collect();
    watched(write::wav(&write::wav_format(1, 2, 44_100, 16), &data), |_| Ok(()))
}

/// Music at `rate` as a WAV in memory.
pub fn music(rate: u32, channels: usize, samples: u64) -> Master {
    watched(wav(&Music::new(rate, samples), rate, channels, samples), |_| Ok(()))
}
