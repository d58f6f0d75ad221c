//! Many renditions at once: the same bytes however they are made, and failures that stay where they belong.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use common::press::{press, wav};
use common::signal::Music;
use common::write;
use tonepress::fan_out::{Event, Job, Output, fan_out};
use tonepress::master::{Master, MasterSource};
use tonepress::rendition::writer::RenditionWriter;
use tonepress::{Error, Plan, Profile};

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
    let profiles =
        ["128", "320", "v2", "abr160", "64:mono:rate=22050", "128:mono", "v4:rate=48000", "128:whole"];
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

/// A place that takes only so many bytes.
struct Full(Cursor<Vec<u8>>, usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.get_ref().len() + bytes.len() > self.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Full {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

fn job(id: usize, master: Master, profiles: &[(&str, usize)]) -> Job<RenditionWriter<Full>> {
    let outputs = profiles.iter().enumerate().map(|(output, (profile, room))| {
        let plan = Plan::new(master.info(), &profile.parse::<Profile>().unwrap()).unwrap();
        let place = Full(Cursor::new(Vec::new()), *room);
        let sink = RenditionWriter::new(&plan, place, format!("{id}.{profile}")).unwrap();
        Output { id: output, plan, sink }
    });
    Job { id, outputs: outputs.collect(), master }
}

fn results(
    threads: usize,
    jobs: Vec<Job<RenditionWriter<Full>>>,
) -> Vec<(usize, usize, Result<u64, Arc<Error>>)> {
    let mut all = Vec::new();
    fan_out(threads, jobs.into_iter(), |event| {
        if let Event::Done { job, output, result } = event {
            all.push((job, output, result.map(|done| done.made.bytes)));
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    all.sort_by_key(|&(job, output, _)| (job, output));
    all
}

#[test]
fn a_full_disk_fails_its_rendition_alone() {
    let room = usize::MAX;
    let jobs = vec![job(
        0,
        master(44_100, 2, 1_000_000),
        &[("128", room), ("192", 200_000), ("v2", 10_000), ("320", room)],
    )];
    let results = results(2, jobs);
    assert_eq!(results.len(), 4);
    for (_, output, result) in results {
        match result {
            Ok(_) => assert!(matches!(output, 0 | 3)),
            Err(error) => {
                assert!(matches!(output, 1 | 2));
                let Error::DiskFull { name, .. } = &*error else { panic!("{error}") };
                assert!(name.starts_with("0."), "{name}");
            }
        }
    }
}

#[test]
fn a_broken_master_fails_its_own_renditions_with_the_true_error() {
    let bytes = wav(&Music::new(44_100, 1_000_000), 44_100, 2, 1_000_000);
    let broken_from = bytes.len() as u64 / 2;
    let broken = Master::from_source("broken", Arc::new(Memory { bytes, broken_from })).unwrap();
    let room = usize::MAX;
    let jobs = vec![
        job(7, master(44_100, 1, 500_000), &[("128", room)]),
        job(8, broken, &[("128", room), ("v2:whole", room)]),
        job(9, master(48_000, 2, 500_000), &[("v2", room), ("320", room)]),
    ];
    let results = results(2, jobs);
    assert_eq!(
        results.iter().map(|r| (r.0, r.1)).collect::<Vec<_>>(),
        [(7, 0), (8, 0), (8, 1), (9, 0), (9, 1)]
    );
    for (job, _, result) in results {
        match result {
            Ok(_) => assert_ne!(job, 8),
            Err(error) => {
                assert_eq!(job, 8);
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
        let mut repairs = None;
        fan_out(2, [job(0, master, &[(profile, usize::MAX)])].into_iter(), |event| {
            if let Event::Done { result, .. } = event {
                repairs = Some(result.unwrap().repairs);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        let repairs = repairs.unwrap();
        assert_eq!((repairs.not_finite, repairs.clamped), (8, 4), "{rate} as {profile}");
    }
}

#[test]
fn breaking_off_stops_soon_and_completes_nothing_more() {
    let mut events = 0;
    fan_out(2, (0..1_000).map(|id| job(id, master(44_100, 1, 400_000), &[("128", usize::MAX)])), |_| {
        events += 1;
        if events > 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(events, 4);
}
