//! Holds a case against what is written of it.

use std::fs;
use std::io;
use std::ops::Range;
use std::panic::{self, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tonepress::Error;
use tonepress::master::{Decoder, Limits, Master, MasterSource, Verdict, Verification};
use tonepress::pcm::Pcm;

use super::case::{Case, Want, Why, sample};

/// Panics so far, contained ones too.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A file in memory.
pub struct Memory(pub Vec<u8>);

impl MasterSource for Memory {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
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

/// The most memory that this process ever had resident.
pub fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// The processor time of this process, in hundredths of a second: unlike time itself, others do not add to it.
fn cpu() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Does `work`, which may take 5 s of processor time, and no time without end.
pub fn watched(name: &str, work: impl FnOnce() + Send + 'static) {
    let (panics, before) = (PANICS.load(Ordering::SeqCst), cpu());
    let (done, waits) = channel();
    let worker = std::thread::spawn(move || {
        work();
        done.send(()).unwrap();
    });
    match waits.recv_timeout(Duration::from_secs(120)) {
        Err(RecvTimeoutError::Timeout) => panic!("{name}: hangs"),
        _ => worker.join().unwrap_or_else(|_| panic!("{name}: see above")),
    }
    assert!(cpu() - before < 500, "{name}: took {} ms", 10 * (cpu() - before));
    assert_eq!(PANICS.load(Ordering::SeqCst), panics, "{name}: panicked");
}

pub fn all(cases: &[Case]) {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        hook(info);
    }));
    // All that fail are named, by what they print.
    let failed = cases.iter().filter(|case| {
        let (name, case) = (case.name.clone(), Case::clone(case));
        catch_unwind(|| watched(&name, move || run(&case))).is_err()
    });
    let failed: Vec<_> = failed.map(|case| &case.name).collect();
    assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
}

fn run(Case { name, bytes, want }: &Case) {
    let source = Arc::new(Memory(bytes.clone()));
    let strict = Master::from_source(name.as_str(), source.clone());
    let salvaging = Limits { truncated: true, ..Limits::default() };
    let tolerant = Master::from_source_with(name.as_str(), source, &salvaging);
    match want {
        Want::Refused(why) => {
            assert_eq!(why_of(name, strict), *why, "{name}");
            // Nothing but a missing end is tolerated.
            if let Ok(master) = tolerant {
                assert!(matches!(why, Why::Damaged(_)), "{name}");
                assert!(master.verify().is_err(), "{name}");
            }
        }
        Want::Unfinished(at) => {
            assert_eq!(why_of(name, strict), Why::Damaged(*at), "{name}");
            tolerant.unwrap().verify().unwrap();
        }
        Want::Truncated(samples, at) => {
            assert_eq!(why_of(name, strict), Why::Damaged(*at), "{name}");
            damaged(name, &tolerant.unwrap(), *samples, &[*at..*samples]);
        }
        Want::Damaged(samples, gaps) => {
            damaged(name, &strict.unwrap(), *samples, gaps);
            damaged(name, &tolerant.unwrap(), *samples, gaps);
        }
        Want::Sound(samples) | Want::Other(samples) | Want::WrongMd5(samples) => {
            let master = strict.unwrap_or_else(|error| panic!("{name}: {error}"));
            let verdict = master.verdict().unwrap();
            match want {
                Want::WrongMd5(_) => assert_eq!(verdict, Verdict::WrongMd5, "{name}"),
                _ => assert!(
                    matches!(verdict, Verdict::Sound(Verification::NoMd5 | Verification::NoChecksums)),
                    "{name}: {verdict:?}"
                ),
            }
            assert_eq!(master.info().samples.0, *samples, "{name}");
            assert!(master.gaps().unwrap().is_empty(), "{name}");
            if !matches!(want, Want::Other(_)) {
                audio(name, &master, *samples, &[]);
            }
            for profile in ["64", "64:salvage"] {
                assert_eq!(press(&master, profile).unwrap(), [], "{name}");
            }
            master.id().unwrap();
        }
        Want::Disorder(samples, at, gaps) => {
            let master = strict.unwrap();
            assert_eq!(master.info().samples.0, *samples, "{name}");
            assert_eq!(damage(name, master.verify()), *at, "{name}");
            assert_eq!(damage(name, press(&master, "64")), *at, "{name}");
            assert_eq!(press(&master, "64:salvage").unwrap(), *gaps, "{name}");
            salvaged(name, &master, *samples, gaps);
            master.id().unwrap();
        }
    }
}

/// What is to be seen of a master with gaps.
fn damaged(name: &str, master: &Master, samples: u64, gaps: &[Range<u64>]) {
    assert_eq!(master.info().samples.0, samples, "{name}");
    let first = gaps[0].start;
    assert_eq!(damage(name, master.verify()), first, "{name}");
    assert_eq!(damage(name, press(master, "64")), first, "{name}");
    master.id().unwrap();
    if gaps == [0..samples] {
        assert_eq!(damage(name, master.gaps()), 0, "{name}");
        assert_eq!(damage(name, press(master, "64:salvage")), 0, "{name}");
        return;
    }
    assert_eq!(master.gaps().unwrap(), gaps, "{name}");
    assert_eq!(press(master, "64:salvage").unwrap(), gaps, "{name}");
    audio(name, master, samples, gaps);
    salvaged(name, master, samples, gaps);
}

/// Every range gives what is there, or says where nothing is.
fn audio(name: &str, master: &Master, samples: u64, gaps: &[Range<u64>]) {
    let mut decoder = master.decoder().unwrap();
    let mut pcm = Pcm::default();
    for range in ranges(samples) {
        let read = decoder.read(range.clone(), &mut pcm);
        match gaps.iter().find(|gap| gap.start < range.end && range.start < gap.end) {
            None => {
                read.unwrap_or_else(|error| panic!("{name}: {range:?}: {error}"));
                is_audio(name, &pcm, &[]);
            }
            Some(gap) => {
                let at = damage(name, read);
                assert!(gap.contains(&at) && at <= gap.start.max(range.start), "{name}: {range:?}: {at}");
            }
        }
    }
}

/// Every range gives what is there, and silence.
fn salvaged(name: &str, master: &Master, samples: u64, gaps: &[Range<u64>]) {
    let mut decoder: Decoder = master.salvaging_decoder().unwrap();
    let mut pcm = Pcm::default();
    for range in ranges(samples) {
        decoder.read(range.clone(), &mut pcm).unwrap_or_else(|error| panic!("{name}: {range:?}: {error}"));
        assert_eq!(pcm.range(), range, "{name}");
        is_audio(name, &pcm, gaps);
    }
}

fn is_audio(name: &str, pcm: &Pcm, gaps: &[Range<u64>]) {
    for (channel, plane) in pcm.planes().enumerate() {
        for (at, &got) in pcm.range().zip(plane) {
            let silent = gaps.iter().any(|gap| gap.contains(&at));
            let want = if silent { 0 } else { sample(at, channel as u64) };
            assert_eq!(
                (got * 32_768.0).to_bits(),
                f32::from(want).to_bits(),
                "{name}: sample {at} of channel {channel}"
            );
        }
    }
}

/// All of it, and ranges here and there: always the same ones.
fn ranges(samples: u64) -> Vec<Range<u64>> {
    let mut ranges = vec![0..samples, samples - 1..samples, 0..1, samples / 2..samples];
    let mut x = 1_u64;
    for _ in 0..24 {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let start = (x >> 33) % samples;
        ranges.push(start..samples.min(start + (x >> 20) % 3_000 + 1));
    }
    ranges
}

/// The gaps of a rendition. What was written of one that failed is nobody's: it was never finished.
pub fn press(master: &Master, profile: &str) -> Result<Vec<Range<u64>>, Error> {
    let rendition = crate::common::press::engine(2).request(master, &profile.parse().unwrap())?;
    assert!(rendition.wait()?.len() <= rendition.plan().size().cap());
    rendition.gaps()
}

fn damage<T: std::fmt::Debug>(name: &str, result: Result<T, Error>) -> u64 {
    match result {
        Err(Error::Damaged { at, .. }) => at,
        other => panic!("{name}: {other:?}"),
    }
}

fn why_of(name: &str, opened: Result<Master, Error>) -> Why {
    match opened {
        Err(Error::Damaged { at, .. }) => Why::Damaged(at),
        Err(Error::Unsupported { .. }) => Why::Unsupported,
        Err(Error::Lossy { .. }) => Why::Lossy,
        Err(Error::Unrecognised { .. }) => Why::Unrecognised,
        Err(Error::Empty { .. }) => Why::Empty,
        Err(Error::Limit { what, .. }) => Why::Limit(what),
        other => panic!("{name}: {other:?}"),
    }
}
