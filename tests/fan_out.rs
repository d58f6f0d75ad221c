//! Many renditions at once: the same bytes however they are made, and failures that stay where they belong.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::fs::{self, File};
use std::io;
use std::sync::Arc;

use common::press::{engine, press, wav};
use common::signal::Music;
use common::write;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use tonepress::engine::{Export, Priority};
use tonepress::master::{Master, MasterSource};
use tonepress::{Engine, Error};

/// A master in memory, which breaks at some byte.
struct Memory {
    bytes: Vec<u8>,
    broken_from: u64,
}

impl MasterSource for Memory {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset + buf.len() as u64 > self.broken_from {
            return Err(io::Error::other("the disk is on fire"));
        }
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

fn memory(bytes: Vec<u8>) -> Master {
    Master::from_source("memory", Arc::new(Memory { bytes, broken_from: u64::MAX })).unwrap()
}

fn master(rate: u32, channels: usize, samples: u64) -> Master {
    memory(wav(&Music::new(rate, samples), rate, channels, samples))
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let master = master(44_100, 2, 3_500_000);
    let lame = ["128", "320", "v2", "abr160", "64:mono:rate=22050", "128:mono", "v4:rate=48000", "128:whole"];
    let native = lame.map(|profile| format!("{profile}:native"));
    let profiles: Vec<&str> = lame.into_iter().chain(native.iter().map(String::as_str)).collect();
    let one = press(&master, &profiles, 1);
    for threads in [2, 3, 8] {
        for ((plan, bytes), (_, expected)) in press(&master, &profiles, threads).iter().zip(&one) {
            assert!(bytes == expected, "{} on {threads} threads", plan.profile());
        }
    }
}

#[test]
fn company_does_not_matter() {
    let master = master(96_000, 1, 5_000_000);
    let profiles = ["128", "v2:stereo", "v0"];
    let together = press(&master, &profiles, 2);
    for (profile, (_, expected)) in profiles.iter().zip(&together) {
        assert!(&press(&master, &[profile], 2)[0].1 == expected, "{profile} alone");
    }
}

#[test]
fn whole_renditions_of_masters_that_need_resampling_are_exact_too() {
    let master = master(48_000, 2, 600_000);
    for (plan, mp3) in press(&master, &["128:rate=44100:whole", "v2:mono:whole"], 2) {
        assert!(mp3.len() as u64 <= plan.size().cap());
    }
}

/// A file in memory that cannot grow beyond `room` bytes.
fn file(room: u64) -> File {
    let file = memfd_create("room", MemfdFlags::ALLOW_SEALING).unwrap();
    ftruncate(&file, room).unwrap();
    fcntl_add_seals(&file, SealFlags::GROW).unwrap();
    file.into()
}

fn export(engine: &Engine, master: &Master, profile: &str, file: File) -> Result<Export, Error> {
    engine.export(master, &profile.parse().unwrap(), Priority::default(), file, 0, profile)
}

#[test]
fn a_full_file_fails_its_rendition_alone() {
    let master = master(44_100, 2, 1_000_000);
    let engine = engine(2);
    let wanted = [("128", 1 << 20), ("192", 200_000), ("v2", 10_000), ("320", 1 << 20), ("64", 0)];
    let exports = wanted.map(|(profile, room)| export(&engine, &master, profile, file(room)));
    for ((profile, room), export) in wanted.iter().zip(exports) {
        match export.and_then(|export| export.wait()) {
            Ok(bytes) => assert!(*room == 1 << 20 && bytes < *room),
            Err(Error::Io { name, .. }) => assert!(*room < 1 << 20 && name == *profile, "{name}"),
            Err(error) => panic!("{profile}: {error}"),
        }
    }
}

#[test]
fn an_export_is_the_rendition_behind_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let master = master(44_100, 2, 2_300_000);
    let profiles = ["128", "v2", "abr160", "64:whole"];
    let expected = press(&master, &profiles, 2);
    let engine = engine(3);
    for start in [0, 1, 5_000] {
        let exports = profiles.map(|profile| {
            let path = folder.path().join(profile);
            // Longer than it is to be: the end is cut off.
            fs::write(&path, vec![7; 4_000_000]).unwrap();
            let opened = File::options().write(true).open(&path).unwrap();
            let export =
                engine.export(&master, &profile.parse().unwrap(), Priority::Member, opened, start, profile);
            (path, export.unwrap())
        });
        for ((path, export), (plan, expected)) in exports.iter().zip(&expected) {
            let bytes = export.wait().unwrap();
            let (written, start) = (fs::read(path).unwrap(), usize::try_from(start).unwrap());
            assert_eq!((export.plan().size(), bytes), (plan.size(), expected.len() as u64));
            assert!(written[..start].iter().all(|byte| *byte == 7) && written[start..] == expected[..]);
            assert_eq!(export.progress().bytes_ready, bytes);
        }
    }
}

#[test]
fn an_export_that_is_given_up_writes_nothing_more() {
    let master = master(44_100, 2, 30_000_000);
    let engine = engine(2);
    let file = file(1 << 25);
    let given_up = export(&engine, &master, "320", file.try_clone().unwrap()).unwrap();
    while given_up.progress().bytes == 0 {
        std::thread::yield_now();
    }
    drop(given_up);
    let all = || {
        let mut bytes = vec![0; 1 << 25];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 0).unwrap();
        bytes
    };
    let before = all();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(before == all());
    let stats = engine.stats();
    assert_eq!((stats.queue, stats.cancelled), (0, 1));
}

#[test]
fn a_broken_master_fails_its_own_renditions_with_the_true_error() {
    let bytes = wav(&Music::new(44_100, 1_000_000), 44_100, 2, 1_000_000);
    let broken_from = bytes.len() as u64 / 2;
    let broken = Master::from_source("broken", Arc::new(Memory { bytes, broken_from })).unwrap();
    let (sound, other) = (master(44_100, 1, 500_000), master(48_000, 2, 500_000));
    let engine = engine(2);
    let wanted = [(&sound, "128"), (&broken, "128"), (&broken, "v2:whole"), (&other, "v2"), (&other, "320")];
    let exports = wanted.map(|(master, profile)| export(&engine, master, profile, file(1 << 21)).unwrap());
    for ((master, profile), export) in wanted.iter().zip(exports) {
        match export.wait() {
            Ok(_) => assert!(master.name() != "broken"),
            Err(error) => {
                assert_eq!(master.name(), "broken", "{profile}: {error}");
                assert!(error.to_string().contains("the disk is on fire"), "{error}");
            }
        }
    }
}

#[test]
fn floats_beyond_bounds_are_counted_once_each() {
    let mut samples: Vec<f32> = (0..1_200_000).map(|at| ((at % 100) as f32 - 50.0) / 100.0).collect();
    // In the overlaps of segments, at the seams, and elsewhere.
    for at in [0, 5, 333_000, 1_016_063, 1_016_064, 1_016_065, 1_011_500, 1_199_999] {
        samples[at] = f32::NAN;
    }
    for at in [1, 338_000, 1_015_000, 1_100_000] {
        samples[at] = -1.5;
    }
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    for (rate, profile) in
        [(44_100, "128"), (44_100, "128:whole"), (44_100, "v4:rate=22050"), (96_000, "320")]
    {
        let master = memory(write::wav(&write::wav_format(3, 1, rate, 32), &data));
        let rendition = engine(2).request(&master, &profile.parse().unwrap()).unwrap();
        rendition.wait().unwrap();
        let repairs = rendition.repairs();
        assert_eq!((repairs.not_finite, repairs.clamped), (8, 4), "{rate} as {profile}");
    }
}
