//! Opening masters, and finding out what is to be known of them, some ahead of the pressing.

use std::collections::VecDeque;
use std::task::Waker;

use crossbeam::channel::{Receiver, bounded};
use rayon::ThreadPool;
use tonepress::master::loudness::Loudness;
use tonepress::master::{Master, Verdict};
use tonepress::tags::Tags;
use tonepress::{Error, Store};

use super::super::args;
use super::list::Wanted;

/// What is to be found out of masters.
#[derive(Clone, Copy)]
pub(super) struct Ask {
    pub(super) verdict: bool,
    pub(super) loudness: bool,
}

/// A master whose turn it is.
pub(super) struct Known {
    pub(super) wanted: Wanted,
    /// `None` if it was found in a folder, and is no master at all.
    pub(super) found: Option<Result<Found, Error>>,
}

/// What was found out.
pub(super) struct Found {
    pub(super) master: Master,
    pub(super) verdict: Option<Verdict>,
    pub(super) loudness: Option<Result<(Tags, Loudness), Error>>,
}

/// Masters in the order given, as many of them being looked at as there are threads in the pool.
pub(super) struct Ahead<I> {
    queue: I,
    pool: ThreadPool,
    store: Store,
    ask: Ask,
    /// Woken when one is ready.
    waker: Waker,
    ready: Option<Known>,
    coming: VecDeque<Receiver<Known>>,
}

impl<I: Iterator<Item = Wanted>> Ahead<I> {
    pub(super) fn new(queue: I, pool: ThreadPool, store: Store, ask: Ask, waker: Waker) -> Self {
        Self { queue, pool, store, ask, waker, ready: None, coming: VecDeque::new() }
    }

    /// The next master if all is known of it, and `wants` it now.
    pub(super) fn next_if(&mut self, wants: impl FnOnce(&Wanted) -> bool) -> Option<Known> {
        if self.ready.is_none() {
            self.look_ahead();
            self.ready = self.coming.front()?.try_recv().ok();
            if self.ready.is_some() {
                self.coming.pop_front();
            }
        }
        self.ready.take_if(|known| wants(&known.wanted))
    }

    fn look_ahead(&mut self) {
        while self.coming.len() < self.pool.current_num_threads() {
            let Some(wanted) = self.queue.next() else { return };
            let (done, coming) = bounded(1);
            let (store, ask, waker) = (self.store.clone(), self.ask, self.waker.clone());
            self.pool.spawn(move || {
                let limits = args::limits(&wanted.profiles);
                let opened = wanted.candidate.open(&limits);
                let found = opened.map(|master| find_out(master?, &store, ask));
                // Nobody wants it any more if the run was stopped.
                let _ = done.send(Known { wanted, found });
                waker.wake();
            });
            self.coming.push_back(coming);
        }
    }

    /// Whether a master is being looked at, or ready.
    pub(super) fn is_looking(&self) -> bool {
        self.ready.is_some() || !self.coming.is_empty()
    }

    /// How many have not been taken.
    pub(super) fn left(self) -> u64 {
        u64::from(self.ready.is_some()) + self.coming.len() as u64 + self.queue.count() as u64
    }
}

fn find_out(master: Master, store: &Store, ask: Ask) -> Result<Found, Error> {
    let masters = store.masters();
    masters.identify(&master)?;
    let verdict = ask.verdict.then(|| masters.verify(&master)).transpose()?;
    let measure = || Ok((master.tags()?, masters.loudness(&master)?));
    let loudness = ask.loudness.then(measure);
    Ok(Found { master, verdict, loudness })
}
