//! Files that were written to a pipe: what they say of their length was said before anybody knew it.

use std::fs;
use std::process::Stdio;

use tonepress::Error;
use tonepress::master::Master;

use crate::common::write::{self, pcm_be, pcm_le, samples};
use crate::common::{bits, decode_all, tool};
use crate::formats::planes;
use crate::mp4::open;

#[test]
fn reported_sizes_near_four_gigabytes() {
    for name in ["F_wav_ffffffbf_ffffff9b.wav", "F_wav_ffffffff_ffffffdb.wav"] {
        let master = Master::open(format!("testdata/reports/{name}")).unwrap();
        assert_eq!(decode_all(&master).len(), 512, "{name}");
    }
}

#[test]
fn sizes_that_nobody_knew_mean_until_the_end() {
    let ints = samples(1_000, 2, 16);
    let want = planes(&ints, 2, 16);
    let plain = write::wav_format(1, 2, 44_100, 16);
    let head = [b"RIFF....WAVEfmt \x10\0\0\0".to_vec(), plain, b"data....".to_vec()].concat();
    let wav = |riff: u32, data: u32| {
        let mut bytes = [&head[..], &pcm_le(&ints, 16)].concat();
        bytes[4..8].copy_from_slice(&riff.to_le_bytes());
        bytes[40..44].copy_from_slice(&data.to_le_bytes());
        open(&bytes)
    };
    for most in [u32::MAX, 1 << 31, (1 << 31) - 1, 0x7fff_f000] {
        for (riff, data) in [(0, 0), (8, 44), (36, 72), (0, 36), (64, 100), (8, 8)] {
            let master = wav(most - riff, most - data).unwrap();
            assert!(bits(&decode_all(&master)) == want, "{most:#x} - {data}");
        }
    }
    // Nothing was filled in, or only one of the two.
    for (riff, data) in [(0, 0), (36, 0), (u32::MAX, 0), (0, u32::MAX), (0, 4_000), (1 << 31, 0)] {
        assert!(bits(&decode_all(&wav(riff, data).unwrap())) == want, "{riff:#x}, {data:#x}");
    }
    // What is far from these is a file that is cut off.
    assert!(matches!(wav(0xff00_0024, 0xff00_0000), Err(Error::Damaged { at: 1_000, .. })));
    assert!(wav(4_037, 4_001).is_ok(), "half a sample more");
    assert!(matches!(wav(4_040, 4_004), Err(Error::Damaged { at: 1_000, .. })));

    // SoX has its own, and counts samples by it.
    let mut aiff = write::aiff(None, 2, 44_100, 16, &pcm_be(&ints, 16));
    aiff.truncate(aiff.len() - 12);
    let place = |kind: &[u8]| aiff.windows(4).position(|it| it == kind).unwrap();
    let (comm, ssnd) = (place(b"COMM"), place(b"SSND"));
    for (form, count, size) in [
        (0x7f00_0050_u32, 0x1fc0_0000_u32, 0x7f00_0008_u32),
        (u32::MAX, u32::MAX, u32::MAX),
        (0x7fff_fff0, 0x1fff_fff0, 0x7fff_ffc8),
        (0, 0, 0),
        (0, 1_000, 0),
    ] {
        let mut bytes = aiff.clone();
        bytes[4..8].copy_from_slice(&form.to_be_bytes());
        bytes[comm + 10..comm + 14].copy_from_slice(&count.to_be_bytes());
        bytes[ssnd + 4..ssnd + 8].copy_from_slice(&size.to_be_bytes());
        assert!(bits(&decode_all(&open(&bytes).unwrap())) == want, "{size:#x}");
    }
}

/// What the programs themselves write to a pipe.
#[test]
fn pipes_of_other_programs_are_read_to_their_end() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("it.wav");
    let ints = samples(30_001, 2, 16);
    fs::write(&from, write::wav(&write::wav_format(1, 2, 44_100, 16), &pcm_le(&ints, 16))).unwrap();
    let want = planes(&ints, 2, 16);
    for (program, arguments) in [
        ("sox", "-D it.wav -t wav -"),
        ("sox", "-D it.wav -t aiff -"),
        ("sox", "-D it.wav -t aifc -"),
        ("ffmpeg", "-nostdin -v error -i it.wav -f wav -"),
        ("ffmpeg", "-nostdin -v error -i it.wav -f wav -rf64 always -"),
        ("ffmpeg", "-nostdin -v error -i it.wav -f aiff -"),
        ("ffmpeg", "-nostdin -v error -i it.wav -f caf -"),
        ("ffmpeg", "-nostdin -v error -i it.wav -f flac -"),
        ("flac", "-s -c it.wav"),
    ] {
        let Some(mut command) = tool(program) else { continue };
        let output =
            command.args(arguments.split(' ')).current_dir(dir.path()).stderr(Stdio::null()).output();
        let bytes = output.unwrap().stdout;
        let master = open(&bytes).unwrap_or_else(|error| panic!("{program} {arguments}: {error}"));
        assert!(bits(&decode_all(&master)) == want, "{program} {arguments}");
    }
}
