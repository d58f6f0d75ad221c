//! Masters in memory.

use std::io;
use std::sync::Arc;

use tonepress::Result;
use tonepress::master::{Master, MasterSource};

struct Memory(Vec<u8>);

impl MasterSource for Memory {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

pub(crate) fn open(data: &[u8]) -> Result<Master> {
    Master::from_source("fuzz", Arc::new(Memory(data.to_vec())))
}

/// A master of each kind: 3,000 samples of `testdata/short.aiff`.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    [
        &include_bytes!("../seeds/tiny.aiff")[..],
        include_bytes!("../seeds/tiny.caf"),
        include_bytes!("../seeds/tiny.flac"),
        include_bytes!("../seeds/tiny.m4a"),
        include_bytes!("../seeds/tiny.oga"),
        include_bytes!("../seeds/tiny.wav"),
        include_bytes!("../seeds/tiny.w64"),
        include_bytes!("../seeds/tiny.mov"),
        include_bytes!("../seeds/tiny-fragments.mp4"),
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}
