//! A place that is made late, while readers and other workers wait for it.

use std::sync::{TryLockError, mpsc};
use std::thread;
use std::time::Duration;

use super::*;
use crate::master::{Codec, Container, Layout, Master, MasterInfo};
use crate::units::{SampleRate, Samples};

/// Eight segments.
fn plan() -> Plan {
    let info = MasterInfo {
        container: Container::Wav,
        codec: Codec::Pcm,
        rate: SampleRate::new(22_050).unwrap(),
        bits: 16,
        layout: Layout::MONO,
        samples: Samples(8 * 20 * 22_050),
    };
    Plan::new(&info, &"24:q=7".parse().unwrap()).unwrap()
}

pub(super) fn job() -> Arc<Job> {
    let source = Arc::new(Source::new(&Master::open("testdata/short.aiff").unwrap()));
    Arc::new(Job::new(source, plan(), None, true))
}

#[test]
fn a_reader_wakes_however_late_the_place_becomes_known() {
    let plan = plan();
    let last = plan.segments() - 1;
    let bytes = |segment| plan.segment_bytes(segment).unwrap();
    for _ in 0..40 {
        let job = job();
        let (done, read) = mpsc::channel();
        let (reader, offset) = (Arc::clone(&job), bytes(last).start);
        // Not scoped: where it never wakes, the test is to fail and not to hang.
        thread::spawn(move || done.send(reader.read(0, &mut [0; 16], offset, |_| ())));
        while lock(&job.state).waiting.is_empty() {
            thread::yield_now();
        }
        thread::scope(|scope| {
            // Whoever makes the place is held up before readers get to see it.
            let state = lock(&job.state);
            for worker in 0..2 {
                let (job, bytes) = (&job, &bytes);
                scope.spawn(move || {
                    job.open(None).unwrap();
                    for segment in (0..=last).filter(|segment| segment % 2 == worker) {
                        let range = bytes(segment);
                        let zeros = vec![0; index(range.end - range.start)];
                        job.hand_over(segment, 1, &zeros, true).unwrap();
                    }
                });
            }
            for _ in 0..20 {
                match job.place.try_lock() {
                    Err(TryLockError::WouldBlock) => {}
                    place => assert!(
                        matches!(*place.unwrap(), Destination::Unopened),
                        "bytes can be handed over that no reader can see"
                    ),
                }
                thread::sleep(Duration::from_micros(100));
            }
            drop(state);
        });
        let read = read.recv_timeout(Duration::from_secs(60)).expect("the reader sleeps for ever");
        assert_eq!(read.unwrap(), 16);
    }
}
