//! Masters: every format decodes to what its author put in, in any range.

// Tests fail by panicking.
#![allow(clippy::unwrap_used)]

mod common;

use common::{bits, corpus, decode_all, run, tool};
use tonepress::master::Master;

/// Interleaved left-aligned integers, as `flac -d` gives them for `bits` bits, to planes.
fn planes(raw: &[u8], channels: usize, bits: u32) -> Vec<Vec<u32>> {
    let bytes = bits.div_ceil(8) as usize;
    let mut planes = vec![Vec::new(); channels];
    for (i, sample) in raw.chunks_exact(bytes).enumerate() {
        let mut wide = [0; 8];
        wide[8 - bytes..].copy_from_slice(sample);
        let value = (i64::from_le_bytes(wide) >> (64 - 8 * bytes)) as f64 / (1_i64 << (bits - 1)) as f64;
        planes[i % channels].push((value as f32).to_bits());
    }
    planes
}

#[test]
fn the_corpus_decodes_as_flac_decodes_it() {
    let Some(corpus) = corpus("flac-subset-odd") else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "flac") {
            continue;
        }
        let Some(mut flac) = tool("flac") else { return };
        let raw = run(flac
            .args(["-d", "-s", "-c", "--force-raw-format", "--endian=little", "--sign=signed"])
            .arg(&path));
        let master = match Master::open(&path) {
            Ok(master) => master,
            Err(error) => {
                assert!(raw.is_empty(), "{error}");
                continue;
            }
        };
        let info = master.info();
        let want = planes(&raw, info.layout.channels(), info.bits.into());
        assert!(bits(&decode_all(&master)) == want, "{}", path.display());
        count += 1;
    }
    assert!(count >= 20, "{count} files");
}
