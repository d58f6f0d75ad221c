//! Damage is found where it is, and nowhere else; changed files are noticed.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::write::{self, pcm_le, samples};
use crate::common::{bits, ffmpeg, run, tool};
use crate::formats::{Planes, fixtures, planes};
use proptest::prelude::*;
use tonepress::Error;
use tonepress::master::{Master, MasterSource};
use tonepress::pcm::Pcm;

/// A master in memory that can be changed, and can fail.
#[derive(Default)]
struct Memory {
    bytes: Mutex<Vec<u8>>,
    version: AtomicU64,
    fails: AtomicBool,
}

impl Memory {
    fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { bytes: Mutex::new(bytes), ..Self::default() })
    }

    fn open(self: &Arc<Self>) -> Result<Master, Error> {
        Master::from_source("memory", self.clone())
    }
}

impl MasterSource for Memory {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the network is down"));
        }
        let bytes = self.bytes.lock().unwrap();
        let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        // Short reads are allowed, so there are some.
        let count = rest.len().min(buf.len()).min(10_000);
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(self.version.load(Ordering::SeqCst).to_le_bytes().to_vec())
    }
}

/// Twenty seconds of FLAC in 4096-sample frames, and what it decodes to.
fn flac(arguments: &[&str]) -> Option<(Vec<u8>, Planes)> {
    let ints = samples(882_000, 2, 16);
    let dir = tempfile::tempdir().unwrap();
    let (wav, flac) = (dir.path().join("a.wav"), dir.path().join("a.flac"));
    fs::write(&wav, write::wav(&write::wav_format(1, 2, 44_100, 16), &pcm_le(&ints, 16))).unwrap();
    run(tool("flac")?.args(["-s", "-b", "4096"]).args(arguments).arg("-o").arg(&flac).arg(&wav));
    Some((fs::read(flac).unwrap(), planes(&ints, 2, 16)))
}

fn damaged_at(result: Result<(), Error>) -> u64 {
    match result {
        Err(Error::Damaged { at, .. }) => at,
        other => panic!("{other:?}"),
    }
}

#[test]
fn damage_in_the_middle_is_an_error_where_it_is_and_only_there() {
    for arguments in [&[][..], &["--ogg"], &["--no-seektable"]] {
        let Some((mut bytes, want)) = flac(arguments) else { return };
        let middle = bytes.len() / 2;
        bytes[middle..middle + 40].fill(0x55);
        let master = Memory::new(bytes).open().unwrap();
        let at = damaged_at(master.verify().map(|_| ()));
        assert!(at.is_multiple_of(4_096) && (300_000..582_000).contains(&at), "{at}");
        let mut pcm = Pcm::default();
        let mut decoder = master.decoder().unwrap();
        // A lost Ogg page takes several frames with it.
        let lost = if arguments == ["--ogg"] { 16 * 4_096 } else { 4_096 };
        for range in [0..882_000, at..at + 1, at - 10..at + 1, at + 4_095..at + 4_097] {
            assert_eq!(damaged_at(decoder.read(range.clone(), &mut pcm)), at, "{range:?}");
        }
        // Also right behind the damage when coming from right before it.
        for range in [
            0..at,
            at - 1..at,
            at + lost..882_000,
            100_000..100_001,
            at - 1..at,
            at + lost + 5..at + lost + 6,
        ] {
            decoder.read(range.clone(), &mut pcm).unwrap();
            let slice = |plane: &Vec<u32>| plane[range.start as usize..range.end as usize].to_vec();
            assert!(bits(&pcm) == want.iter().map(slice).collect::<Planes>(), "{range:?}");
        }
    }
}

#[test]
fn a_truncated_flac_is_damaged_where_it_ends() {
    for arguments in [&[][..], &["--ogg"]] {
        let Some((mut bytes, _)) = flac(arguments) else { return };
        bytes.truncate(bytes.len() * 2 / 3);
        let master = Memory::new(bytes).open().unwrap();
        let at = damaged_at(master.verify().map(|_| ()));
        assert!(at.is_multiple_of(4_096) && (500_000..700_000).contains(&at), "{at}");
        let mut pcm = Pcm::default();
        let mut decoder = master.decoder().unwrap();
        assert_eq!(damaged_at(decoder.read(at..at + 1, &mut pcm)), at);
        assert_eq!(damaged_at(decoder.read(881_000..882_000, &mut pcm)), at);
        decoder.read(at - 5..at, &mut pcm).unwrap();
    }
}

#[test]
fn a_flac_whose_length_is_not_stated_is_counted() {
    let Some((mut bytes, want)) = flac(&[]) else { return };
    bytes[21] &= 0xf0;
    bytes[22..26].fill(0);
    let master = Memory::new(bytes).open().unwrap();
    assert_eq!(master.info().samples.0, 882_000);
    assert!(bits(&crate::common::decode_all(&master)) == want);
}

#[test]
fn liberties_that_encoders_take_with_block_sizes_are_tolerated() {
    let Some((bytes, want)) = flac(&[]) else { return };
    // Minimum and maximum block size, smallest and largest frame, as they stand in STREAMINFO.
    for (min, max, smallest, largest) in [(0, 4_096, 0, 0), (16, 4_096, 0, 0), (4_096, 4_096, 9_999, 20)] {
        let mut bytes = bytes.clone();
        bytes[8..10].copy_from_slice(&u16::to_be_bytes(min));
        bytes[10..12].copy_from_slice(&u16::to_be_bytes(max));
        bytes[12..15].copy_from_slice(&u32::to_be_bytes(smallest)[1..]);
        bytes[15..18].copy_from_slice(&u32::to_be_bytes(largest)[1..]);
        let master = Memory::new(bytes).open().unwrap();
        assert!(bits(&crate::common::decode_all(&master)) == want, "{min} {max}");
        assert!(master.verify().is_ok());
    }
}

#[test]
fn a_stale_seek_table_does_not_mislead() {
    let Some((mut bytes, want)) = flac(&[]) else { return };
    let table = 42 + 4;
    assert_eq!(bytes[42] & 0x7f, 3, "the seek table is the second block");
    bytes[table + 18 + 8..table + 18 + 16].fill(0x7f);
    let master = Memory::new(bytes).open().unwrap();
    let mut pcm = Pcm::default();
    master.decoder().unwrap().read(500_000..500_100, &mut pcm).unwrap();
    assert!(bits(&pcm)[1] == want[1][500_000..500_100]);
}

#[test]
fn a_flac_with_a_wrong_length_or_md5_is_damaged() {
    let Some((bytes, _)) = flac(&[]) else { return };
    for (byte, at) in [(25, 882_000), (30, 0)] {
        let mut bytes = bytes.clone();
        bytes[byte] ^= 1;
        let master = Memory::new(bytes).open().unwrap();
        let found = damaged_at(master.verify().map(|_| ()));
        assert!(found == at || byte == 25 && found.abs_diff(at) <= 1, "{found}");
    }
    let mut bytes = bytes;
    bytes[26..42].fill(0);
    let verification = Memory::new(bytes).open().unwrap().verify().unwrap();
    assert_eq!(verification, tonepress::master::Verification::NoMd5);
    assert!(verification.to_string().contains("unverifiable"));
}

#[test]
fn a_truncated_wav_is_damaged_where_it_ends() {
    let ints = samples(10_000, 2, 16);
    let format = write::wav_format(1, 2, 44_100, 16);
    for mut bytes in [write::wav(&format, &pcm_le(&ints, 16)), write::rf64(&format, &pcm_le(&ints, 16))] {
        bytes.truncate(30_001);
        let at = damaged_at(Memory::new(bytes).open().map(|_| ()));
        assert!((7_400..7_500).contains(&at), "{at}");
    }
}

#[test]
fn a_wav_from_a_pipe_lasts_until_its_end() {
    let ints = samples(10_000, 2, 16);
    for size in [0, u32::MAX, 0x7fff_f000] {
        let mut bytes = write::wav(&write::wav_format(1, 2, 44_100, 16), &pcm_le(&ints, 16));
        let data = bytes.windows(4).position(|w| w == b"data").unwrap();
        bytes[data + 4..data + 8].copy_from_slice(&size.to_le_bytes());
        bytes[4..8].copy_from_slice(&size.to_le_bytes());
        bytes.truncate(data + 8 + 40_000 + 1);
        let master = Memory::new(bytes).open().unwrap();
        assert_eq!(master.info().samples.0, 10_000, "{size:#x}");
    }
}

#[test]
fn ranges_beyond_the_end_are_refused() {
    let fixture = &fixtures()[0];
    let mut decoder = Master::open(&fixture.path).unwrap().decoder().unwrap();
    let mut pcm = Pcm::default();
    assert!(decoder.read(50_000..50_002, &mut pcm).is_err());
    decoder.read(50_001..50_001, &mut pcm).unwrap();
    assert!(pcm.is_empty());
}

#[test]
fn a_failing_source_is_heard_unchanged() {
    for fixture in fixtures() {
        let source = Memory::new(fs::read(&fixture.path).unwrap());
        let master = source.open().unwrap();
        let mut decoder = master.decoder().unwrap();
        source.fails.store(true, Ordering::SeqCst);
        let heard = |error: Option<Error>| match error {
            Some(Error::Io { source, .. }) => assert_eq!(source.to_string(), "the network is down"),
            other => panic!("{:?}: {other:?}", fixture.path),
        };
        let mut pcm = Pcm::default();
        heard(decoder.read(49_000..50_001, &mut pcm).err());
        heard(master.id().err());
        source.fails.store(false, Ordering::SeqCst);
        // What failed once may succeed later.
        decoder.read(49_000..50_001, &mut pcm).unwrap();
        assert!(bits(&pcm)[0] == fixture.want[0][49_000..]);
    }
}

#[test]
fn a_file_that_changes_has_no_id() {
    for fixture in fixtures() {
        let source = Memory::new(fs::read(&fixture.path).unwrap());
        let master = source.open().unwrap();
        source.version.store(1, Ordering::SeqCst);
        assert!(matches!(master.id(), Err(Error::Changed { .. })), "{:?}", fixture.path);
        source.bytes.lock().unwrap().truncate(1_000);
        let read = master.decoder().and_then(|mut d| d.read(0..50_001, &mut Pcm::default()));
        assert!(matches!(read, Err(Error::Changed { .. })), "{:?}: {read:?}", fixture.path);
    }
}

/// Whatever a file holds, the answer is audio or an error: no panic, no end of memory, no end of time.
fn survive(bytes: Vec<u8>) {
    if let Ok(master) = Memory::new(bytes).open() {
        let end = master.info().samples.0;
        let _ = master.id();
        if let Ok(mut decoder) = master.decoder() {
            let mut pcm = Pcm::default();
            for start in [0, end / 2, end.saturating_sub(1_000)] {
                let _ = decoder.read(start..end.min(start + 10_000), &mut pcm);
            }
        }
    }
}

/// More of them than usual, if `PROPTEST_CASES` asks for it.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(300)))]

    #[test]
    fn broken_files_are_survived(
        index: prop::sample::Index,
        hits in prop::collection::vec((prop_oneof![0_usize..600, 0_usize..1_000_000], any::<u8>()), 1..8),
        cut: prop::sample::Index, truncate: bool,
    ) {
        let mut bytes = fs::read(&fixtures()[index.index(fixtures().len())].path).unwrap();
        for (at, value) in hits {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
        }
        survive(bytes);
    }
}

#[test]
fn chapters_and_pictures_do_not_hinder_an_m4a() {
    // Chapters are a track of their own, far shorter than the audio; the index may stand in front.
    let dir = tempfile::tempdir().unwrap();
    let Some(fixture) = fixtures().iter().find(|f| f.path.ends_with("2x16-alac.m4a")) else { return };
    let to: &Path = &dir.path().join("chapters.m4a");
    let chapters = dir.path().join("chapters.txt");
    fs::write(&chapters, ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=300\ntitle=One\n").unwrap();
    let chapters = chapters.to_str().unwrap();
    let arguments =
        ["-i", chapters, "-map_chapters", "1", "-map", "0", "-c", "copy", "-movflags", "faststart"];
    if ffmpeg(&fixture.path, &arguments, to) {
        let master = Master::open(to).unwrap();
        let mut pcm = Pcm::default();
        master.decoder().unwrap().read(40_000..50_001, &mut pcm).unwrap();
        assert!(bits(&pcm)[0] == fixture.want[0][40_000..]);
        let before = Master::open(&fixture.path).unwrap();
        assert_eq!(master.id().unwrap(), before.id().unwrap());
    }
}
