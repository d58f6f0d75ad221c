//! Fan-out: many renditions of many masters, on all cores, each segment of PCM decoded once.
//!
//! Workers take units (a stretch of one master at one rate) in the order of the masters and of time.
//! A unit is decoded, then encoded for every profile that wants it; workers with nothing left to
//! take help with that. Finished segments go over a bounded channel to the calling thread, which
//! alone writes. What is held in memory is one unit a worker and a few segments of MP3, however long
//! the masters are.

mod queue;

use std::collections::HashMap;
use std::io::{Seek, Write};
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::channel::{Receiver, Sender, bounded};
use rayon::prelude::*;

use queue::{Active, Queue, Unit};

use crate::error::{Error, Result};
use crate::master::Master;
use crate::master::convert::{Converter, to_channels};
use crate::pcm::{Pcm, Repairs};
use crate::plan::Plan;
use crate::press::SegmentEncoder;
use crate::writer::RenditionWriter;

/// PCM of a `whole` rendition is decoded in steps of so many samples.
const STEP: u64 = 1 << 18;

/// One master and what to press from it.
pub struct Job<W> {
    /// What events call it.
    pub id: usize,
    /// The master.
    pub master: Master,
    /// The renditions.
    pub outputs: Vec<Output<W>>,
}

/// One rendition and where to put it.
pub struct Output<W> {
    /// Made from the job's master.
    pub plan: Plan,
    /// Written from the start on; what was there before must be gone.
    pub out: W,
    /// What errors call it.
    pub name: String,
}

/// Something has happened to job `job`, or to its output number `output`, from 0.
pub enum Event<W> {
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
        result: Result<Done<W>, Arc<Error>>,
    },
}

/// A finished rendition.
pub struct Done<W> {
    /// The master it was made from.
    pub master: Master,
    /// Where it was written to.
    pub out: W,
    /// Its size.
    pub bytes: u64,
    /// What had to be changed about the master's samples.
    pub repairs: Repairs,
}

/// Presses all `jobs` on `threads` threads and tells `observe` how it goes. `jobs` is asked for the
/// next only when there is a worker for it; once `observe` says break, workers stop after the
/// segment they are at, and what is not done never will be.
///
/// ```no_run
/// use std::fs::File;
/// use std::ops::{ControlFlow, Range};
/// use tonepress::fan_out::{Event, Job, Output, fan_out};
/// use tonepress::{Plan, Profile, master::Master};
///
/// let master = Master::open("song.flac")?;
/// let mut outputs = Vec::new();
/// for name in ["128", "320", "v0"] {
///     let plan = Plan::new(master.info(), &name.parse::<Profile>()?)?;
///     let out = File::create(format!("song.{name}.mp3")).expect("a place to write");
///     outputs.push(Output { plan, out, name: name.to_owned() });
/// }
/// fan_out(2, [Job { id: 0, master, outputs }].into_iter(), |event| {
///     if let Event::Done { output, result: Ok(done), .. } = event {
///         println!("rendition {output}: {} bytes", done.bytes);
///     }
///     ControlFlow::Continue(())
/// })?;
/// # Ok::<(), tonepress::Error>(())
/// ```
///
/// # Errors
/// [`Error::Internal`] if threads cannot be started. What goes wrong with a rendition is told in its
/// [`Event::Done`].
pub fn fan_out<W: Write + Seek + Send>(
    threads: usize,
    jobs: impl Iterator<Item = Job<W>> + Send,
    mut observe: impl FnMut(Event<W>) -> ControlFlow<()>,
) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("press {index}"))
        .build()
        .map_err(|error| Error::Internal { detail: format!("threads could not be started: {error}") })?;
    let threads = pool.current_num_threads();
    // Room for what a worker has while the writer writes what it had before.
    let (sender, receiver) = bounded(8 * threads);
    let queue = Queue::new(jobs, threads);
    let cancelled = AtomicBool::new(false);

    pool.in_place_scope(|scope| {
        for _ in 0..threads {
            let (queue, cancelled, sender) = (&queue, &cancelled, sender.clone());
            scope.spawn(move |_| work(queue, cancelled, &sender));
        }
        drop(sender);
        write(&receiver, &cancelled, &mut observe);
    });
    Ok(())
}

/// Output `1` of job `0`.
type Key = (usize, usize);

/// From the workers to the thread that writes.
enum Message<W> {
    Start(Arc<Active>, Vec<Output<W>>),
    Bytes { key: Key, segment: u64, bytes: Vec<u8>, last: bool, samples: u64, repairs: Repairs },
    Failed(Key, Arc<Error>),
}

/// A worker: takes units until there are none.
fn work<W: Write + Seek + Send>(
    queue: &Queue<impl Iterator<Item = Job<W>> + Send>,
    cancelled: &AtomicBool,
    sender: &Sender<Message<W>>,
) {
    // The reader of one master at a time stays open: opening parses its artwork again.
    let mut open: Option<(usize, Converter)> = None;
    let mut pcm = Pcm::default();
    // Only the writer receives, until all workers are gone: sending cannot fail.
    let start = |active: &Arc<Active>, outputs| drop(sender.send(Message::Start(active.clone(), outputs)));
    while !cancelled.load(Ordering::Relaxed)
        && let Some((active, unit)) = queue.next(start)
    {
        let _turn = active.await_turn(&unit);
        let outputs = active.wanted(&unit);
        let pressed = catch_unwind(AssertUnwindSafe(|| {
            let converter = match &mut open {
                Some((id, converter)) if *id == active.id => converter,
                other => &mut other.insert((active.id, Converter::new(&active.master)?)).1,
            };
            match unit {
                Unit::Whole { output } => {
                    press_whole(&active, output, converter, &mut pcm, cancelled, sender)
                }
                Unit::Segment { index, .. } => {
                    press_segment(&active, &outputs, index, converter, &mut pcm, sender)
                }
            }
        }));
        let error = match pressed {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(panic) => Error::Internal { detail: format!("a worker panicked: {}", panic_text(&*panic)) },
        };
        // What the decoder has seen of a broken master is no ground to stand on.
        open = None;
        let error = Arc::new(error);
        for output in outputs {
            fail(&active, output, &error, sender);
        }
    }
}

fn fail<W>(active: &Active, output: usize, error: &Arc<Error>, sender: &Sender<Message<W>>) {
    if active.give_up(output) {
        drop(sender.send(Message::Failed((active.id, output), error.clone())));
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Decodes segment `index` once and encodes it for all `outputs`, which share a rate.
fn press_segment<W: Send>(
    active: &Active,
    outputs: &[usize],
    index: u64,
    converter: &mut Converter,
    pcm: &mut Pcm,
    sender: &Sender<Message<W>>,
) -> Result<()> {
    let Some(plan) = outputs.first().map(|&output| &active.plans[output]) else { return Ok(()) };
    let segment = plan.segment(index);
    let samples = segment.own.end - segment.own.start;
    let counted = plan.master_range(&segment.own);
    let repairs = converter.read(plan.resolved().rate, segment.pcm, &counted, pcm)?;
    let pcm = &*pcm;
    outputs.par_iter().for_each(|&output| {
        let key = (active.id, output);
        match encode_segment(&active.plans[output], index, pcm) {
            Ok(bytes) => {
                drop(sender.send(Message::Bytes {
                    key,
                    segment: index,
                    bytes,
                    last: true,
                    samples,
                    repairs,
                }));
            }
            Err(error) => fail(active, output, &Arc::new(error), sender),
        }
    });
    Ok(())
}

fn encode_segment(plan: &Plan, index: u64, pcm: &Pcm) -> Result<Vec<u8>> {
    let mut encoder = SegmentEncoder::new(plan, index)?;
    let mut bytes = Vec::new();
    push(&mut encoder, plan, pcm, &mut bytes)?;
    encoder.finish(&mut bytes)?;
    Ok(bytes)
}

/// Encodes a rendition of one segment, in steps, so that memory stays flat.
fn press_whole<W>(
    active: &Active,
    output: usize,
    converter: &mut Converter,
    pcm: &mut Pcm,
    cancelled: &AtomicBool,
    sender: &Sender<Message<W>>,
) -> Result<()> {
    let plan = &active.plans[output];
    let key = (active.id, output);
    let send = |bytes, last, samples, repairs| {
        drop(sender.send(Message::Bytes { key, segment: 0, bytes, last, samples, repairs }));
    };
    let mut encoder = SegmentEncoder::new(plan, 0)?;
    loop {
        let Range { start, end } = encoder.wanted();
        let step = start..end.min(start + STEP);
        let mut bytes = Vec::new();
        if step.is_empty() {
            encoder.finish(&mut bytes)?;
            send(bytes, true, 0, Repairs::default());
            return Ok(());
        }
        if cancelled.load(Ordering::Relaxed) || active.is_given_up(output) {
            return Ok(());
        }
        let samples = step.end - step.start;
        let counted = plan.master_range(&step);
        let repairs = converter.read(plan.resolved().rate, step, &counted, pcm)?;
        push(&mut encoder, plan, pcm, &mut bytes)?;
        send(bytes, false, samples, repairs);
    }
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

/// A rendition that is being written.
struct Writing<W> {
    active: Arc<Active>,
    writer: RenditionWriter<W>,
    repairs: Repairs,
}

/// Writes what the workers make until all of them are gone.
fn write<W: Write + Seek>(
    receiver: &Receiver<Message<W>>,
    cancelled: &AtomicBool,
    observe: &mut impl FnMut(Event<W>) -> ControlFlow<()>,
) {
    let mut all: HashMap<Key, Writing<W>> = HashMap::new();
    for message in receiver {
        if cancelled.load(Ordering::Relaxed) {
            continue; // so that no worker waits for room in the channel
        }
        let mut tell = |event| {
            if observe(event).is_break() {
                cancelled.store(true, Ordering::Relaxed);
            }
        };
        match message {
            Message::Start(active, outputs) => {
                tell(Event::Started { job: active.id });
                for (output, Output { plan, out, name }) in outputs.into_iter().enumerate() {
                    let key = (active.id, output);
                    match RenditionWriter::new(&plan, out, name) {
                        Ok(writer) => {
                            let writing =
                                Writing { active: active.clone(), writer, repairs: Repairs::default() };
                            all.insert(key, writing);
                        }
                        Err(error) => {
                            active.give_up(output);
                            tell(Event::Done { job: key.0, output, result: Err(Arc::new(error)) });
                        }
                    }
                }
            }
            Message::Bytes { key, segment, bytes, last, samples, repairs } => {
                // What has failed already is not there any more.
                let Some(writing) = all.get_mut(&key) else { continue };
                let (job, output) = key;
                writing.repairs += repairs;
                let pushed = writing.writer.push(segment, &bytes, last);
                let complete = writing.writer.is_complete();
                match pushed {
                    Ok(()) => {
                        tell(Event::Progress { job, output, samples, bytes: bytes.len() as u64 });
                        if complete && let Some(Writing { active, writer, repairs }) = all.remove(&key) {
                            let master = active.master.clone();
                            let result =
                                writer.finish().map(|(out, bytes)| Done { master, out, bytes, repairs });
                            tell(Event::Done { job, output, result: result.map_err(Arc::new) });
                        }
                    }
                    Err(error) => {
                        writing.active.give_up(output);
                        all.remove(&key);
                        tell(Event::Done { job, output, result: Err(Arc::new(error)) });
                    }
                }
            }
            Message::Failed(key, error) => {
                if all.remove(&key).is_some() {
                    tell(Event::Done { job: key.0, output: key.1, result: Err(error) });
                }
            }
        }
    }
}
