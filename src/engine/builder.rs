//! Building an engine, and starting its threads.

use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crossbeam::channel::unbounded;

use super::errands::run_errands;
use super::front::{Engine, Owner};
use super::pcm::{PcmCache, WORKER_BYTES};
use super::shared::Shared;
use super::stats::Counters;
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::rendition::fingerprint::Fingerprint;
use crate::store::Store;

/// How an engine is to be built.
#[derive(Clone)]
#[must_use]
pub struct Builder {
    store: Option<Store>,
    threads: Option<NonZeroUsize>,
    memory: u64,
    queue: usize,
    encoder: Encoder,
}

impl Builder {
    pub(super) const fn new() -> Self {
        Self { store: None, threads: None, memory: 256 << 20, queue: 256, encoder: Encoder::Lame }
    }

    /// Keeps renditions in this store, and takes them from it. Without one they are held in temporary
    /// files for as long as somebody has a handle on them.
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// How many renditions' segments are pressed at once; as many as there are cores unless said otherwise.
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// How much decoded audio is held at most, in bytes: 9 MiB for each thread, which it is pressed from,
    /// and the rest for sharing between renditions of one master. 256 MiB unless said otherwise; with
    /// less than the threads need, nothing is shared. (A master whose rate shares no divisor with the
    /// rendition's takes up to 64 MiB more a thread for its filter.)
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// How many renditions may be being pressed or wait for it; more are refused with
    /// [`Error::Busy`]. 256 unless said otherwise. Each holds two files open.
    pub fn queue(mut self, renditions: usize) -> Self {
        self.queue = renditions;
        self
    }

    /// What presses profiles that do not name their encoder; LAME unless said otherwise. Ask
    /// [`Engine::plan`] for sizes then, so that they are those of the renditions.
    pub fn encoder(mut self, encoder: Encoder) -> Self {
        self.encoder = encoder;
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// [`Error::Processor`] if the encoder cannot run here; [`Error::Internal`] if threads cannot be started.
    pub fn build(self) -> Result<Engine> {
        // The self-test behind it takes some milliseconds, which the first customer shall not wait for.
        Fingerprint::of(self.encoder)?;
        let threads =
            self.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        let failed =
            |detail: String| Error::Internal { detail: format!("threads could not be started: {detail}") };
        let (errands, to_run) = unbounded();
        thread::Builder::new()
            .name("tonepress publish".to_owned())
            .spawn(move || run_errands(&to_run))
            .map_err(|error| failed(error.to_string()))?;
        // If a thread cannot be started, dropping this ends those that were.
        let owner = Owner(Arc::new(Shared {
            store: self.store,
            threads,
            queue: self.queue,
            encoder: self.encoder,
            pcm: PcmCache::new(self.memory.saturating_sub(threads as u64 * WORKER_BYTES)),
            counters: Counters::new(),
            dispatch: Mutex::default(),
            wanted: Condvar::new(),
            idle: Condvar::new(),
            errands,
        }));
        // Workers wait for each other's decoding, so they are threads of their own and no tasks on a pool.
        for index in 0..threads {
            let shared = Arc::clone(&owner.0);
            thread::Builder::new()
                .name(format!("press {index}"))
                .spawn(move || shared.work())
                .map_err(|error| failed(error.to_string()))?;
        }
        Ok(Engine(Arc::new(owner)))
    }
}

impl Engine {
    /// How to build one.
    pub fn builder() -> Builder {
        Builder::new()
    }
}
