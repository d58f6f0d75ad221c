//! FLAC in Ogg: pages as several programs cut them, and streams one behind the other.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use tonepress::Error;
use tonepress::master::Verification;
use tonepress::pcm::Pcm;

use crate::common::memory::watched;
use crate::common::write::{pcm_le, samples};
use crate::common::{bits, cases, decode_all, ffmpeg, run, tool};
use crate::mp4::open;

/// A stream as a program wrote it, and its samples.
struct Piece {
    bytes: Vec<u8>,
    ints: Vec<i32>,
}

const CHANNELS: usize = 2;

/// `ints` as FLAC in Ogg, by `flac` with these switches.
fn by_flac(ints: &[i32], channels: usize, width: u32, rate: u32, switches: &[&str]) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let (raw, path) = (dir.path().join("it.raw"), dir.path().join("it.oga"));
    fs::write(&raw, pcm_le(ints, width)).unwrap();
    run(tool("flac")?
        .args(["-s", "-f", "--ogg", "--force-raw-format", "--endian=little", "--sign=signed"])
        .args([format!("--bps={width}"), format!("--channels={channels}"), format!("--sample-rate={rate}")])
        .args(switches)
        .arg(&raw)
        .arg("-o")
        .arg(&path));
    Some(fs::read(path).unwrap())
}

/// The same stream by ffmpeg, which cuts pages otherwise.
fn by_ffmpeg(bytes: &[u8], arguments: &[&str]) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from.oga"), dir.path().join("to.oga"));
    fs::write(&from, bytes).unwrap();
    ffmpeg(&from, &[&["-c", "copy", "-f", "ogg"], arguments].concat(), &to).then(|| fs::read(to).unwrap())
}

/// Streams of one format, of different lengths, encoders, pages and serials; none without `flac` or ffmpeg.
fn pieces() -> &'static [Piece] {
    static PIECES: LazyLock<Vec<Piece>> = LazyLock::new(|| make().unwrap_or_default());
    fn make() -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        for (len, switches) in [
            (1, &["-0", "--serial-number=1"][..]),
            (4_096, &["-5", "--serial-number=2"]),
            (30_000, &["-8", "--serial-number=1"]),
            (12_345, &["-2", "-b", "192", "--serial-number=4294967295"]),
            (50_001, &["-5", "-b", "16384", "--lax", "-T", "TITLE=it"]),
        ] {
            let ints = samples(len, CHANNELS, 16);
            let bytes = by_flac(&ints, CHANNELS, 16, 44_100, switches)?;
            for arguments in [&[][..], &["-page_duration", "1"]] {
                pieces.push(Piece { bytes: by_ffmpeg(&bytes, arguments)?, ints: ints.clone() });
            }
            pieces.push(Piece { bytes, ints });
        }
        Some(pieces)
    }
    &PIECES
}

/// The planes of 16-bit samples.
fn planes(ints: &[i32]) -> Vec<Vec<u32>> {
    let plane = |channel| {
        let of_channel = ints.iter().skip(channel).step_by(CHANNELS);
        of_channel.map(|&int| (int as f32 / 32_768.0).to_bits()).collect()
    };
    (0..CHANNELS).map(plane).collect()
}

/// The bytes and the samples of a chain.
fn chain(of: &[&Piece]) -> (Vec<u8>, Vec<i32>) {
    let bytes: Vec<_> = of.iter().flat_map(|piece| &piece.bytes).copied().collect();
    (bytes, of.iter().flat_map(|piece| &piece.ints).copied().collect())
}

fn damaged<T: std::fmt::Debug>(result: Result<T, Error>) -> (u64, String) {
    match result {
        Err(Error::Damaged { at, detail, .. }) => (at, detail),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_chain_is_one_master() {
    if pieces().is_empty() {
        return;
    }
    let of: Vec<_> = pieces().iter().collect();
    let (bytes, ints) = chain(&of);
    let master = open(&bytes).unwrap();
    assert_eq!(master.info().samples.0, ints.len() as u64 / 2);
    assert!(bits(&decode_all(&master)) == planes(&ints));
    assert_eq!(master.verify().unwrap(), Verification::Md5Matches);
    assert_eq!(master.gaps().unwrap(), []);
    assert_eq!(master.stray_bytes().unwrap(), 0);
    // Which audio it is does not depend on the pages; where the streams end does, as frames are numbered anew.
    let id = master.id().unwrap();
    let repaged: Vec<_> = pieces().chunks(3).flat_map(|same| [&same[1], &same[2], &same[0]]).collect();
    assert_eq!(open(&chain(&repaged).0).unwrap().id().unwrap(), id);
    assert_ne!(open(&chain(&of[1..]).0).unwrap().id().unwrap(), id);
}

#[test]
fn the_same_stream_again_and_again_is_not_taken_for_one() {
    if pieces().is_empty() {
        return;
    }
    // Long enough that not all of it is read where there is one stream.
    let ints = samples(400_000, CHANNELS, 16);
    let Some(bytes) = by_flac(&ints, CHANNELS, 16, 44_100, &["-5", "--serial-number=5"]) else { return };
    assert!(bytes.len() > 1 << 20);
    for copies in 1..=10 {
        let master = open(&bytes.repeat(copies)).unwrap();
        assert_eq!(master.info().samples.0, copies as u64 * 400_000);
    }
    let small = &pieces()[2].bytes;
    let master = open(&[&bytes, &small[..], &bytes].concat()).unwrap();
    assert_eq!(master.info().samples.0, 800_001);
}

#[test]
fn one_stream_is_opened_without_reading_it() {
    let ints = samples(4_000_000, CHANNELS, 16);
    let Some(bytes) = by_flac(&ints, CHANNELS, 16, 44_100, &["-0"]) else { return };
    let len = bytes.len() as u64;
    let read = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = read.clone();
    let master = watched(bytes, move |range| {
        counter.fetch_add(range.end - range.start, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    });
    assert_eq!(master.info().samples.0, 4_000_000);
    let read = read.load(std::sync::atomic::Ordering::Relaxed);
    assert!(read < 3 << 20 && read < len / 4, "{read} of {len}");
}

#[test]
fn a_link_of_another_format_is_an_error_at_its_first_sample() {
    if pieces().is_empty() {
        return;
    }
    let first = &pieces()[4];
    let at = first.ints.len() as u64 / 2;
    for (channels, width, rate, switches, what) in [
        (1, 16, 44_100, &[][..], "1 channels, before it were 2"),
        (2, 24, 44_100, &[], "24 bits, before it were 16"),
        (2, 16, 48_000, &[], "48000 Hz, before it were 44100 Hz"),
        (2, 16, 44_100, &["-T", "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x30"], "channels at other places"),
    ] {
        let ints = samples(9_000, channels, width);
        let Some(other) = by_flac(&ints, channels, width, rate, switches) else { return };
        let bytes = [&first.bytes, &other[..], &first.bytes].concat();
        let (found, detail) = damaged(open(&bytes));
        assert_eq!(found, at);
        assert!(detail.contains("link 2 of the Ogg file") && detail.contains(what), "{detail}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vorbis.ogg");
    if ffmpeg(Path::new("testdata/short.oga"), &["-c:a", "libvorbis"], &path) {
        let bytes = [&first.bytes[..], &fs::read(path).unwrap()].concat();
        let (found, detail) = damaged(open(&bytes));
        assert_eq!((found, detail.as_str()), (at, "link 2 of the Ogg file is Vorbis, not FLAC"));
    }
}

#[test]
fn tags_are_those_of_the_first_link() {
    let ints = samples(3_000, CHANNELS, 16);
    let titled = |title: &str| by_flac(&ints, CHANNELS, 16, 44_100, &["-T", &format!("TITLE={title}")]);
    let (Some(one), Some(two)) = (titled("one"), titled("two")) else { return };
    let master = open(&[one, two].concat()).unwrap();
    assert_eq!(master.info().samples.0, 6_000);
    let tags = master.tags().unwrap();
    assert_eq!(tags.get("TITLE"), ["one"]);
}

#[test]
fn what_flac_writes_to_a_pipe_ends_with_its_last_page() {
    let Some(mut flac) = tool("flac") else { return };
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("it.raw");
    let ints = samples(40_000, CHANNELS, 16);
    fs::write(&raw, pcm_le(&ints, 16)).unwrap();
    let piped = run(flac
        .args(["-s", "--ogg", "--force-raw-format", "--endian=little", "--sign=signed", "--bps=16"])
        .args(["--channels=2", "--sample-rate=44100", "-c"])
        .stdin(fs::File::open(&raw).unwrap())
        .arg("-"));
    assert!(bits(&decode_all(&open(&piped).unwrap())) == planes(&ints));
    // Behind it there may be anything but another page.
    for stray in [&b"\n"[..], &[0; 5_000], b"OggS", &[0x55; 12_000]] {
        let master = open(&[&piped[..], stray].concat()).unwrap();
        assert_eq!(master.info().samples.0, 40_000);
        assert_eq!(master.stray_bytes().unwrap(), stray.len() as u64);
    }
    let tag = [b"TAG".to_vec(), vec![b' '; 125]].concat();
    assert_eq!(open(&[&piped[..], &tag].concat()).unwrap().stray_bytes().unwrap(), 0);
    for cut in (100..piped.len()).step_by(997).chain(piped.len() - 40..piped.len()) {
        let cut = &piped[..cut];
        match open(cut) {
            Err(Error::Damaged { at, .. }) => assert!(at < 40_000),
            Err(Error::Empty { .. }) => {}
            other => panic!("cut at {}: {other:?}", cut.len()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), ..ProptestConfig::default() })]

    #[test]
    fn any_chain_is_read_anywhere(
        which in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
        places in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..20_000), 1..12),
    ) {
        if pieces().is_empty() {
            return Ok(()); // no flac program: told there
        }
        let of: Vec<_> = which.iter().map(|index| index.get(pieces())).collect();
        let (bytes, ints) = chain(&of);
        let (total, want) = (ints.len() / 2, planes(&ints));
        let master = open(&bytes).unwrap();
        prop_assert_eq!(master.info().samples.0, total as u64);
        let (mut decoder, mut pcm) = (master.decoder().unwrap(), Pcm::default());
        // Places here and there, and around each seam.
        let mut ends = Vec::new();
        for piece in &of {
            ends.push(ends.last().copied().unwrap_or(0) + piece.ints.len() / 2);
        }
        let here = places.iter().map(|(at, len)| (at.index(total), *len));
        for (start, len) in here.chain(ends.iter().map(|end| (end.saturating_sub(5), 11))) {
            let range = start..(start + len).min(total);
            decoder.read(range.start as u64..range.end as u64, &mut pcm).unwrap();
            for (got, want) in bits(&pcm).iter().zip(&want) {
                prop_assert!(got[..] == want[range.clone()], "{:?}", range);
            }
        }
        prop_assert_eq!(master.verify().unwrap(), Verification::Md5Matches);
    }

    /// Whatever happens to the bytes of a chain, what is read is what was written, or an error.
    #[test]
    fn damage_never_sounds(
        which in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4, any::<u8>(), 1_usize..3_000), 1..4),
    ) {
        if pieces().is_empty() {
            return Ok(()); // no flac program: told there
        }
        let of: Vec<_> = which.iter().map(|index| index.get(pieces())).collect();
        let (mut bytes, ints) = chain(&of);
        for (at, kind, value, len) in damage {
            let at = at.index(bytes.len());
            let end = (at + len).min(bytes.len());
            match kind {
                0 => bytes[at] ^= 1 << (value % 8),
                1 => bytes[at..end].fill(value),
                2 => drop(bytes.drain(at..end)),
                _ => { bytes.splice(at..at, (0..len).map(|n| (n as u8).wrapping_mul(value))); }
            }
            if bytes.is_empty() {
                return Ok(());
            }
        }
        let Ok(master) = open(&bytes) else { return Ok(()) };
        let sound = master.verify().is_ok();
        let total = master.info().samples.0;
        let want = planes(&ints);
        let (mut decoder, mut pcm) = (master.decoder().unwrap(), Pcm::default());
        if sound {
            // Nothing of the audio was hit; headers of a link may be gone with all of it only if the file was cut there.
            decoder.read(0..total, &mut pcm).unwrap();
            for (got, want) in bits(&pcm).iter().zip(&want) {
                prop_assert!(want.starts_with(got) || want.ends_with(got) || total == 0);
            }
        }
        let _ = master.gaps();
        let _ = master.id();
    }
}
