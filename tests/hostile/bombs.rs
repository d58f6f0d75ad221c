//! A little that becomes a lot: flat memory, and an end when somebody says so.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tonepress::Error;
use tonepress::engine::Rendition;
use tonepress::master::{Limits, Master, MasterSource};

use super::flac::{INFO, Info, frame};
use super::run::{Memory, watched};
use crate::common::memory::watched_within;
use crate::common::press::engine;
use crate::common::write::{rf64, wav_format};

/// The samples of a frame, as many as fit.
const LONGEST: u64 = 65_535;

/// A megabyte of FLAC: silence in the longest frames there are, 15 GB of PCM.
fn flac(stated: bool) -> Vec<u8> {
    let numbers = 0..57_000;
    let samples = if stated { numbers.end * LONGEST } else { 0 };
    let info = Info { samples, block: 65_535, ..INFO };
    let mut bytes = [b"fLaC\x80\0\0\x22".to_vec(), info.block()].concat();
    for number in numbers {
        bytes.extend(frame(0xf8, number, 0x18, LONGEST, &[0, 0, 1, 0, 0, 1]));
    }
    bytes
}

/// A file far larger than any memory: a header, then zeros.
struct Sparse(Vec<u8>, u64);

impl MasterSource for Sparse {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = usize::try_from(self.1.saturating_sub(offset)).unwrap().min(buf.len());
        buf[..count].fill(0);
        if let Some(rest) = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)) {
            let head = rest.len().min(count);
            buf[..head].copy_from_slice(&rest[..head]);
        }
        Ok(count)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.1)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

fn open(source: impl MasterSource + 'static, limits: &Limits) -> Result<Master, Error> {
    Master::from_source_with("a bomb", Arc::new(source), limits)
}

fn beyond<T>(result: Result<T, Error>) -> &'static str {
    match result {
        Err(Error::Limit { what, found, limit, .. }) if found > limit => what,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("allowed"),
    }
}

pub fn run() {
    watched("refused at once", || {
        let bomb = flac(true);
        assert!((900_000..1_100_000).contains(&bomb.len()), "{}", bomb.len());
        assert_eq!(beyond(open(Memory(bomb.clone()), &Limits::default())), "seconds of audio");
        let long = Limits { duration: Duration::MAX, pcm_bytes: 13 << 30, ..Limits::default() };
        assert_eq!(beyond(open(Memory(bomb), &long)), "bytes of PCM");
        // The length is not stated: counting ends at the limit.
        assert_eq!(beyond(open(Memory(flac(false)), &Limits::default())), "seconds of audio");
    });
    watched("pressed until somebody says so", || {
        let limits = Limits { duration: Duration::MAX, ..Limits::default() };
        let (bomb, read) = (flac(true), Arc::new(AtomicU64::new(0)));
        let length = bomb.len() as u64;
        let counted = Arc::clone(&read);
        let master = watched_within(&limits, bomb, move |range| {
            counted.fetch_add(range.end - range.start, Ordering::Relaxed);
            Ok(())
        });
        let press = |profile: &str, until: &dyn Fn(&Rendition) -> bool| {
            let rendition = engine(2).request(&master, &profile.parse().unwrap()).unwrap();
            while !until(&rendition) {
                assert!(rendition.object().is_none());
                thread::sleep(Duration::from_millis(1));
            }
            rendition.cancel();
        };
        press("64", &|rendition| rendition.progress().bytes > 0);
        read.store(0, Ordering::Relaxed);
        // All of it would be looked at before anything comes.
        press("64:salvage", &|_| read.load(Ordering::Relaxed) > 0);
        let read = read.load(Ordering::Relaxed);
        assert!(read < length, "{read} of {length} bytes were read");
    });
    watched("a WAV of 40 GB", || {
        let head = rf64(&wav_format(1, 2, 44_100, 16), &[0; 4]);
        let at = super::case::find(&head, b"ds64") + 16;
        let head = super::case::with(head, at, &40_000_000_000_u64.to_le_bytes());
        assert_eq!(beyond(open(Sparse(head, 41_000_000_000), &Limits::default())), "seconds of audio");
    });
    watched("other limits", || {
        let sound =
            || Memory([b"fLaC\x80\0\0\x22".to_vec(), INFO.block(), super::flac::all().concat()].concat());
        let limits = Limits { channels: 1, ..Limits::default() };
        assert_eq!(beyond(open(sound(), &limits)), "channels");
        let limits = Limits { rate: tonepress::SampleRate::new(32_000).unwrap(), ..Limits::default() };
        assert_eq!(beyond(open(sound(), &limits)), "Hz");
        let limits = Limits { pcm_bytes: 4 * INFO.samples - 1, ..Limits::default() };
        assert_eq!(beyond(open(sound(), &limits)), "bytes of PCM");
        let limits = Limits { pcm_bytes: 4 * INFO.samples, ..Limits::default() };
        open(sound(), &limits).unwrap();
    });
    watched("nothing but zeros, without end", || {
        let head = [b"fLaC\x80\0\0\x22".to_vec(), INFO.block(), super::flac::good(0)].concat();
        let master = open(Sparse(head, 1 << 40), &Limits::default()).unwrap();
        let what = "bytes in search of a FLAC frame";
        assert_eq!(beyond(master.verify()), what);
        assert_eq!(beyond(master.gaps()), what);
    });
}
