//! `prewarm work`: presses what the queue asks for, until stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, TryRecvError, unbounded};
use tokio::sync::mpsc::{self, UnboundedSender};
use tonepress::Engine;
use tonepress::engine::{OnDrop, Priority, Request, Shutdown};
use tonepress::master::Master;

use super::super::super::batch::{SEGMENTS, has_room};
use super::super::super::nearest::Nearest;
use super::super::super::report::{self, Failure};
use super::super::super::text::several;
use super::super::super::{Outcome, args, interrupt, tier};
use super::super::NOT_KEPT;
use super::super::report::Report;
use super::desk::Desk;
use super::feed::{Feed, Taken};
use super::hand::{Hand, Pressing};
use super::link::Link;
use super::park;
use super::streams::Streams;
use super::task::builds;

/// How often is looked how far everything is.
const TICK: Duration = Duration::from_millis(100);
/// How long the queue is waited for at the end, to take back what is in work.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long a worker waits before it takes another task when this machine is why one failed; longer each time.
const TROUBLE: Duration = Duration::from_secs(1);
const MOST_TROUBLE: Duration = Duration::from_secs(60);
/// How long a task that is done waits for its renditions' way to the tier: less than the queue waits for a word.
#[cfg(feature = "tier")]
const UPLOAD: Duration = Duration::from_secs(20);

pub(super) fn run(args: &args::WorkOff) -> Result<Outcome, Failure> {
    args.nice.give_way()?;
    let interrupted = interrupt::catch(|| ())?;
    let store = super::super::open_store(&args.cache)?;
    let link = Link::open(&args.queue.server)?;
    let streams = link.wait(Streams::open(&link.jetstream)).map_err(|trouble| link.failure(&trouble))?;
    let desk = Arc::new(Desk::new(link.jetstream.clone(), streams, builds()?));
    let engine =
        Engine::builder().store(store.clone()).threads(args.jobs.threads()).queue(usize::MAX).build()?;
    report::note(&format!(
        "{}: waiting for tasks, with {}",
        link.name,
        several(engine.threads() as u64, "thread")
    ));

    let (alive, mut all_told) = mpsc::channel(1);
    let (ask, asked) = mpsc::unbounded_channel();
    let (to, taken) = unbounded();
    let feed = Feed { desk: Arc::clone(&desk), store: store.clone(), to, wake: thread::current(), alive };
    let tasks = [
        link.runtime().spawn(feed.run(asked)),
        link.runtime().spawn(park::run(Arc::clone(&desk))),
        link.runtime().spawn(Arc::clone(&desk).say()),
    ];
    let report = Report::new(args.queue.json.json);
    let mut work =
        Work { engine, desk, ask, taken, next: Next::None, hands: Vec::new(), trouble: None, report };
    let worked = work.until(&interrupted);
    let Work { engine, hands, taken, next, mut report, .. } = work;
    engine.shutdown(Shutdown::Cancel);
    tier::tell(&store);
    // What is dropped here is given back to the queue.
    let left = hands.len() as u64;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    drop((hands, taken, next));
    let farewell = link.wait(async { tokio::time::timeout(FAREWELL, all_told.recv()).await });
    if farewell.is_err() {
        report::warn(
            "the queue did not take back what was in work; it will give it to others when their time is up",
        );
    }
    worked?;
    report.summarise(true, left)?;
    Ok(Outcome::Interrupted)
}

/// The task whose turn is next.
enum Next {
    None,
    Asked,
    Taken(Box<Taken>),
}

struct Work {
    engine: Engine,
    desk: Arc<Desk>,
    ask: UnboundedSender<()>,
    taken: Receiver<Taken>,
    next: Next,
    hands: Vec<Hand>,
    /// This machine is why a task failed: when it takes the next, and how long it waits the next time.
    trouble: Option<(Instant, Duration)>,
    report: Report,
}

impl Work {
    fn until(&mut self, interrupted: &AtomicBool) -> Result<(), Failure> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        while !interrupted.load(Ordering::Relaxed) {
            self.settle(&mut context)?;
            self.note_advance();
            if matches!(self.next, Next::None) && self.is_hungry() {
                // Whether anybody hears it is known when it is answered.
                let _ = self.ask.send(());
                self.next = Next::Asked;
            }
            if matches!(self.next, Next::Asked) {
                match self.taken.try_recv() {
                    Ok(taken) => self.next = Next::Taken(Box::new(taken)),
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => {
                        return Err(Failure::Other("taking tasks failed with a panic".to_owned()));
                    }
                }
            }
            match std::mem::replace(&mut self.next, Next::None) {
                // What may kill this worker begins when it can take nothing else with it.
                Next::Taken(taken) if !taken.0.is_suspect() || self.hands.is_empty() => self.begin(*taken)?,
                next => {
                    self.next = next;
                    thread::park_timeout(TICK);
                }
            }
        }
        Ok(())
    }

    /// There is hardly anything left to press, and no reason to take nothing.
    fn is_hungry(&self) -> bool {
        let waits = self.trouble.is_some_and(|(until, _)| Instant::now() < until);
        let alone = self.hands.iter().any(|hand| hand.held.is_suspect());
        let pressing = self.hands.iter().flat_map(|hand| &hand.pressing);
        let enough = SEGMENTS * self.engine.threads() as u64;
        !waits && !alone && has_room(pressing.map(|pressing| pressing.rendition.progress()), 1, enough)
    }

    fn note_advance(&mut self) {
        for hand in &mut self.hands {
            self.desk.add_segments(hand.note_advance());
        }
    }

    /// Asks for the renditions of a task.
    fn begin(&mut self, (held, looked): Taken) -> Result<(), Failure> {
        let nearest = Nearest::new(held.task.is_nearest());
        let mut hand = Hand::new(held);
        match looked {
            Err(error) => hand.failed(None, error, false),
            Ok(looked) => match looked.found {
                // No master, and need not be one.
                None => {}
                Some(Err(error)) => hand.failed_with(None, &error),
                Some(Ok(found)) => {
                    self.request(&mut hand, &found.master, &looked.wanted.profiles, nearest)?;
                }
            },
        }
        hand.note_advance();
        self.hands.push(hand);
        Ok(())
    }

    fn request(
        &mut self,
        hand: &mut Hand,
        master: &Master,
        profiles: &[tonepress::Profile],
        nearest: Nearest,
    ) -> Result<(), Failure> {
        let name = hand.path.to_string_lossy().into_owned();
        let request = Request { priority: Priority::Prewarm, on_drop: OnDrop::Cancel };
        let chosen = nearest.each(master.info(), profiles);
        chosen.fell.iter().try_for_each(|fell| self.report.fell(&hand.path, fell))?;
        for plan in chosen.plans {
            match plan {
                Err((profile, error)) => {
                    hand.failed(Some(&profile), nearest.refusal(&name, &profile, &error), false);
                }
                Ok(plan) => match self.engine.request_with(master, plan.profile(), request) {
                    Err(error) => hand.failed_with(Some(plan.profile()), &error),
                    Ok(rendition) => hand.pressing.push(Pressing { rendition, began: Instant::now() }),
                },
            }
        }
        Ok(())
    }

    /// Reports what is finished, and settles the tasks of which nothing more is to come.
    fn settle(&mut self, context: &mut Context) -> Result<(), Failure> {
        for hand in &mut self.hands {
            let path = Arc::clone(&hand.path);
            let mut at = 0;
            while let Some(pressing) = hand.pressing.get(at) {
                let Poll::Ready(result) = pressing.rendition.poll_wait(context) else {
                    at += 1;
                    continue;
                };
                let Pressing { rendition, began } = hand.take(at);
                let plan = rendition.plan();
                let profile = plan.profile();
                match result {
                    Ok(object) if object.path().is_none() => {
                        let error = format!("{} at {profile}: {NOT_KEPT}", path.display());
                        hand.failed(Some(profile), error, true);
                    }
                    Ok(object) => {
                        let taken = (0.0, began.elapsed());
                        if self.report.stored(&path, &rendition, &object, taken)? {
                            hand.audio += plan.resolved().rate().seconds(plan.samples());
                        }
                    }
                    Err(error) => hand.failed_with(Some(profile), &error),
                }
            }
        }
        let (open, over) = std::mem::take(&mut self.hands).into_iter().partition(|hand| !hand.is_over());
        self.hands = open;
        over.into_iter().try_for_each(|hand: Hand| self.finish(hand))
    }

    fn finish(&mut self, hand: Hand) -> Result<(), Failure> {
        if hand.is_machines_fault() {
            // So a machine that has lost its disk does not take the tasks of those that work.
            let wait = self.trouble.map_or(TROUBLE, |(_, wait)| wait);
            self.trouble = Some((Instant::now() + wait, (2 * wait).min(MOST_TROUBLE)));
        } else {
            self.trouble = None;
        }
        // What does not get there in time is in this machine's store, and `cache tier push` makes up for it.
        #[cfg(feature = "tier")]
        if let Some(store) = self.engine.store() {
            store.finish_uploads(UPLOAD);
        }
        if hand.is_settled() {
            self.desk.settled(hand.audio);
        }
        hand.finish(&mut self.report)
    }
}

/// Wakes the thread that works.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
