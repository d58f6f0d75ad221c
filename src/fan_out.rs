//! Fan-out: many renditions of many masters, on all cores, each segment of PCM decoded once.
//!
//! Workers take units (a stretch of one master at one rate) in the order of the masters and of time.
//! A unit is decoded, in steps, and encoded for every profile that wants it; workers with nothing left
//! to take help with that. Finished bytes go over a bounded channel to the calling thread, which alone
//! writes. What is held in memory is a step of PCM a worker and a few segments of MP3, however long the
//! masters are.

mod queue;

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rayon::ThreadPool;
use rayon::prelude::*;

use queue::{Active, Queue};

use crate::error::{Error, Result};
use crate::master::Master;
use crate::master::convert::{Converter, to_channels};
use crate::pcm::{Pcm, Repairs};
use crate::rendition::plan::Plan;
use crate::rendition::press::SegmentEncoder;
use crate::rendition::writer::Sink;

/// PCM is decoded and encoded in steps of so many samples: 3 s at 44.1 kHz.
const STEP: u64 = 1 << 17;

/// [`Event::Quiet`] comes after so much of it.
const QUIET: Duration = Duration::from_millis(100);

/// One master and what to press from it.
pub struct Job<S> {
    /// What events call it.
    pub id: usize,
    /// The master.
    pub master: Master,
    /// The renditions.
    pub outputs: Vec<Output<S>>,
}

/// One rendition and where to put it.
pub struct Output<S> {
    /// What events call it.
    pub id: usize,
    /// Made from the job's master.
    pub plan: Plan,
    /// Made for the plan.
    pub sink: S,
}

/// Something has happened to a job, or to one of its outputs.
pub enum Event<S: Sink> {
    /// The job's turn has come.
    Started {
        /// The job.
        job: usize,
    },
    /// Some more was pressed and written.
    Progress {
        /// The job.
        job: usize,
        /// The output.
        output: usize,
        /// The samples of the rendition that this was.
        samples: u64,
        /// The bytes that they became.
        bytes: u64,
    },
    /// The rendition is complete, or has failed. Others go on.
    Done {
        /// The job.
        job: usize,
        /// The output.
        output: usize,
        /// How it went. All renditions that one error spoils share it.
        result: Result<Done<S>, Arc<Error>>,
    },
    /// Nothing has happened for a while: looking for what can be salvaged takes time, and so may a disk.
    /// For who wants to say break meanwhile.
    Quiet,
}

/// A finished rendition.
pub struct Done<S: Sink> {
    /// The master it was made from.
    pub master: Master,
    /// What its sink made of it.
    pub made: S::Finished,
    /// What had to be changed about the master's samples.
    pub repairs: Repairs,
    /// The samples of the master that became silence because they are damaged or missing: of profiles
    /// with `:salvage` only. See [`Master::gaps`].
    pub gaps: Vec<Range<u64>>,
}

/// Presses all `jobs` on `threads` threads and tells `observe` how it goes. `jobs` is asked for the
/// next only when there is a worker for it; once `observe` says break, workers stop after the
/// segment they are at, and what is not done never will be.
///
/// ```no_run
/// use std::fs::File;
/// use std::ops::{ControlFlow, Range};
/// use tonepress::fan_out::{Event, Job, Output, fan_out};
/// use tonepress::rendition::writer::RenditionWriter;
/// use tonepress::{Plan, Profile, master::Master};
///
/// let master = Master::open("song.flac")?;
/// let mut outputs = Vec::new();
/// for (id, profile) in ["128", "320", "v0"].into_iter().enumerate() {
///     let plan = Plan::new(master.info(), &profile.parse::<Profile>()?)?;
///     let name = format!("song.{profile}.mp3");
///     let sink = RenditionWriter::new(&plan, File::create(&name).expect("a place to write"), name)?;
///     outputs.push(Output { id, plan, sink });
/// }
/// fan_out(2, [Job { id: 0, master, outputs }].into_iter(), |event| {
///     if let Event::Done { output, result: Ok(done), .. } = event {
///         println!("rendition {output}: {} bytes", done.made.bytes);
///     }
///     ControlFlow::Continue(())
/// })?;
/// # Ok::<(), tonepress::Error>(())
/// ```
///
/// # Errors
/// [`Error::Internal`] if threads cannot be started. What goes wrong with a rendition is told in its
/// [`Event::Done`].
pub fn fan_out<S: Sink>(
    threads: usize,
    jobs: impl Iterator<Item = Job<S>> + Send,
    mut observe: impl FnMut(Event<S>) -> ControlFlow<()>,
) -> Result<()> {
    let failed =
        |detail: String| Error::Internal { detail: format!("threads could not be started: {detail}") };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("press {index}"))
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let threads = pool.current_num_threads();
    // Room for what a worker has while the writer writes what it had before.
    let (sender, receiver) = bounded(8 * threads);
    let queue = Queue::new(jobs, threads);
    let cancelled = AtomicBool::new(false);

    // Workers wait for each other's progress, so they are threads of their own: on the pool, one that waits
    // inside a parallel loop would begin another on top of its own stack, and that one may wait for the first.
    thread::scope(|scope| {
        let mut started = Ok(());
        for index in 0..threads {
            let (pool, queue, cancelled, sender) = (&pool, &queue, &cancelled, sender.clone());
            let worker = thread::Builder::new()
                .name(format!("work {index}"))
                .spawn_scoped(scope, move || work(pool, queue, cancelled, &sender));
            if let Err(error) = worker {
                cancelled.store(true, Ordering::Relaxed);
                started = Err(failed(error.to_string()));
            }
        }
        drop(sender);
        write(&receiver, &cancelled, &mut observe);
        started
    })
}

/// A job's id, and the index of an output in it.
type Key = (usize, usize);

/// From the workers to the thread that writes.
enum Message<S> {
    Start(Arc<Active>, Vec<S>),
    Bytes { key: Key, segment: u64, bytes: Vec<u8>, last: bool, samples: u64, repairs: Repairs },
    Failed(Key, Arc<Error>),
}

/// A worker: takes units until there are none.
fn work<S: Sink>(
    pool: &ThreadPool,
    queue: &Queue<impl Iterator<Item = Job<S>> + Send>,
    cancelled: &AtomicBool,
    sender: &Sender<Message<S>>,
) {
    // The reader of one master at a time stays open: opening parses its artwork again.
    let mut open: Option<((usize, bool), Converter)> = None;
    let mut pcm = Pcm::default();
    // Only the writer receives, until all workers are gone: sending cannot fail.
    let start = |active: &Arc<Active>, sinks| drop(sender.send(Message::Start(active.clone(), sinks)));
    while !cancelled.load(Ordering::Relaxed)
        && let Some((active, unit)) = queue.next(start)
    {
        let _turn = active.await_turn(&unit);
        let outputs = active.wanted(&unit);
        let pressed = catch_unwind(AssertUnwindSafe(|| {
            let Some(&first) = outputs.first() else { return Ok(()) };
            let wanted = (active.id, active.plans[first].resolved().salvage);
            let converter = match &mut open {
                Some((which, converter)) if *which == wanted => converter,
                other => {
                    if wanted.1 {
                        active.master.survey(&|| cancelled.load(Ordering::Relaxed))?;
                    }
                    &mut other.insert((wanted, Converter::for_rendition(&active.master, wanted.1)?)).1
                }
            };
            press(pool, &active, &outputs, unit.index(), converter, &mut pcm, cancelled, sender)
        }));
        let error = match pressed {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(panic) => Error::panicked(&*panic),
        };
        // What the decoder has seen of a broken master is no ground to stand on.
        open = None;
        let error = Arc::new(error);
        for output in outputs {
            fail(&active, output, &error, sender);
        }
    }
}

fn fail<S>(active: &Active, output: usize, error: &Arc<Error>, sender: &Sender<Message<S>>) {
    if active.give_up(output) {
        drop(sender.send(Message::Failed((active.id, output), error.clone())));
    }
}

/// Decodes segment `index` once and encodes it for all `outputs`, which share a rate; in steps, so that
/// memory stays flat however long segments are.
#[allow(clippy::too_many_arguments)] // what a worker has
fn press<S: Send>(
    pool: &ThreadPool,
    active: &Active,
    outputs: &[usize],
    index: u64,
    converter: &mut Converter,
    pcm: &mut Pcm,
    cancelled: &AtomicBool,
    sender: &Sender<Message<S>>,
) -> Result<()> {
    let Some(plan) = outputs.first().map(|&output| &active.plans[output]) else { return Ok(()) };
    let own = plan.segment(index).own;
    let mut encoders = Vec::new();
    for &output in outputs {
        encoders.push((output, SegmentEncoder::new(&active.plans[output], index)?));
    }
    let send = |output, bytes, last, samples, repairs| {
        let key = (active.id, output);
        drop(sender.send(Message::Bytes { key, segment: index, bytes, last, samples, repairs }));
    };
    while let Some(Range { start, end }) = encoders.first().map(|(_, encoder)| encoder.wanted()) {
        let step = start..end.min(start + STEP);
        if step.is_empty() {
            pool.install(|| {
                encoders.into_par_iter().for_each(|(output, encoder)| {
                    let mut bytes = Vec::new();
                    match encoder.finish(&mut bytes) {
                        Ok(()) => send(output, bytes, true, 0, Repairs::default()),
                        Err(error) => fail(active, output, &Arc::new(error), sender),
                    }
                });
            });
            return Ok(());
        }
        // What belongs to the neighbours is counted there.
        let counted = step.start.max(own.start)..step.end.min(own.end).max(own.start);
        let samples = counted.end.saturating_sub(counted.start);
        let repairs = converter.read(plan.resolved().rate, step, &plan.master_range(&counted), pcm)?;
        let pcm = &*pcm;
        pool.install(|| {
            encoders.par_iter_mut().for_each(|(output, encoder)| {
                let mut bytes = Vec::new();
                match push(encoder, &active.plans[*output], pcm, &mut bytes) {
                    Ok(()) => send(*output, bytes, false, samples, repairs),
                    Err(error) => fail(active, *output, &Arc::new(error), sender),
                }
            });
        });
        encoders.retain(|(output, _)| !active.is_given_up(*output));
        if cancelled.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(())
}

/// Pushes `pcm`, with the channels that the rendition has.
fn push(encoder: &mut SegmentEncoder, plan: &Plan, pcm: &Pcm, bytes: &mut Vec<u8>) -> Result<()> {
    let Some(mix) = to_channels(pcm.channels(), plan.resolved().channels()) else {
        return encoder.push(pcm, bytes);
    };
    let mut mixed = Pcm::default();
    mix.apply(pcm, &mut mixed);
    encoder.push(&mixed, bytes)
}

/// Completes a rendition, if its master is still what it was made from.
fn finish<S: Sink>(master: &Master, salvage: bool, sink: S, repairs: Repairs) -> Result<Done<S>> {
    let gaps = if salvage { master.gaps()? } else { Vec::new() };
    master.unchanged()?;
    Ok(Done { master: master.clone(), made: sink.finish()?, repairs, gaps })
}

/// A rendition that is being written.
struct Writing<S> {
    active: Arc<Active>,
    sink: S,
    /// The segments still to come.
    left: u64,
    repairs: Repairs,
}

/// Writes what the workers make until all of them are gone.
fn write<S: Sink>(
    receiver: &Receiver<Message<S>>,
    cancelled: &AtomicBool,
    observe: &mut impl FnMut(Event<S>) -> ControlFlow<()>,
) {
    let mut all: HashMap<Key, Writing<S>> = HashMap::new();
    let mut tell = |event| {
        if observe(event).is_break() {
            cancelled.store(true, Ordering::Relaxed);
        }
    };
    loop {
        let message = match receiver.recv_timeout(QUIET) {
            Ok(_) | Err(RecvTimeoutError::Timeout) if cancelled.load(Ordering::Relaxed) => {
                continue; // so that no worker waits for room in the channel
            }
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => {
                tell(Event::Quiet);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        match message {
            Message::Start(active, sinks) => {
                tell(Event::Started { job: active.id });
                for (index, sink) in sinks.into_iter().enumerate() {
                    let left = active.plans[index].segments();
                    let repairs = Repairs::default();
                    all.insert((active.id, index), Writing { active: active.clone(), sink, left, repairs });
                }
            }
            Message::Bytes { key, segment, bytes, last, samples, repairs } => {
                // What has failed already is not there any more.
                let Some(mut writing) = all.remove(&key) else { continue };
                let job = key.0;
                let output = writing.active.ids[key.1];
                writing.repairs += repairs;
                writing.left -= u64::from(last);
                if let Err(error) = writing.sink.push(segment, &bytes, last) {
                    writing.active.give_up(key.1);
                    tell(Event::Done { job, output, result: Err(Arc::new(error)) });
                    continue;
                }
                tell(Event::Progress { job, output, samples, bytes: bytes.len() as u64 });
                if writing.left > 0 {
                    all.insert(key, writing);
                    continue;
                }
                let Writing { active, sink, repairs, .. } = writing;
                let salvage = active.plans[key.1].resolved().salvage;
                let result = finish(&active.master, salvage, sink, repairs);
                tell(Event::Done { job, output, result: result.map_err(Arc::new) });
            }
            Message::Failed(key, error) => {
                if let Some(writing) = all.remove(&key) {
                    let output = writing.active.ids[key.1];
                    tell(Event::Done { job: key.0, output, result: Err(error) });
                }
            }
        }
    }
}
