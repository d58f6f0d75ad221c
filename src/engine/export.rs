//! Renditions that go straight into files of their askers.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::front::Engine;
use super::job::{Finished, Job, Progress};
use super::lock::lock;
use super::rendition::{gaps, number};
use super::request::OnDrop;
use super::schedule::Priority;
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::master::Master;
use crate::pcm::Repairs;
use crate::profile::Profile;
use crate::rendition::plan::Plan;
use crate::rendition::writer::RenditionWriter;

/// A rendition on its way into a file, as [`Engine::export`] begins it. Dropped before it is complete, it is given
/// up, and what is in the file is not to be used.
pub struct Export {
    engine: Arc<Shared>,
    job: Arc<Job>,
    number: u64,
}

impl Engine {
    /// Presses a rendition into `file`, called `name` in errors, from byte `start` on: behind a tag that is written
    /// there already, say. What is in front of it stays, what was behind it goes at the end, and nobody else is to write to
    /// the file meanwhile. The store is neither asked nor given anything, and no master is hashed: this is for programs that want
    /// a file and no copy of it.
    ///
    /// ```no_run
    /// use std::fs::File;
    /// use tonepress::engine::Priority;
    /// use tonepress::{Engine, master::Master};
    ///
    /// let engine = Engine::builder().build()?;
    /// let master = Master::open("song.flac")?;
    /// let file = File::create("song.192.mp3").expect("a place to write");
    /// let export = engine.export(&master, &"192".parse()?, Priority::Customer, file, 0, "song.192.mp3")?;
    /// println!("{} bytes", export.wait()?);
    /// # Ok::<(), tonepress::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Profile`] if the master does not allow the profile; [`Error::Busy`] and [`Error::ShuttingDown`] as
    /// from [`request_with`](Self::request_with); [`Error::Io`] or [`Error::DiskFull`] if the file cannot be written.
    /// Whatever goes wrong later is told by the handle.
    pub fn export(
        &self,
        master: &Master,
        profile: &Profile,
        priority: Priority,
        file: File,
        start: u64,
        name: &str,
    ) -> Result<Export> {
        let plan = self.plan(master, profile)?;
        let shared = self.shared();
        let writer = RenditionWriter::behind(start, &plan, file, name)?;
        let mut dispatch = lock(&shared.dispatch);
        if dispatch.closed {
            return Err(Error::ShuttingDown);
        }
        let job = shared
            .admit(&mut dispatch, master, priority, |source| Job::export(source, plan, writer, start))?;
        job.handles.fetch_add(1, Ordering::Relaxed);
        shared.nudge(&dispatch);
        drop(dispatch);
        Ok(Export { engine: Arc::clone(shared), job, number: number() })
    }
}

impl Export {
    /// Its geometry.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.job.plan
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.job.progress()
    }

    /// What had to be changed about the samples pressed so far.
    #[must_use]
    pub fn repairs(&self) -> Repairs {
        self.job.repairs()
    }

    /// As [`Rendition::gaps`](super::Rendition::gaps).
    ///
    /// # Errors
    /// Those of [`Master::gaps`].
    pub fn gaps(&self) -> Result<Vec<Range<u64>>> {
        gaps(&self.engine, &self.job.source.master, &self.job.plan)
    }

    /// Waits until it is complete, and returns its size in bytes. It is not synced to the disk.
    ///
    /// # Errors
    /// What kept it from being made: those of decoding, pressing and writing.
    pub fn wait(&self) -> Result<u64> {
        // Under a number of its own: another thread may poll meanwhile.
        bytes(self.job.wait(number()))
    }

    /// As [`wait`](Self::wait), without blocking: the task of `context` is woken when it is complete.
    pub fn poll_wait(&self, context: &mut Context<'_>) -> Poll<Result<u64>> {
        self.job.poll_wait(self.number, context).map(bytes)
    }
}

fn bytes(finished: Result<Finished>) -> Result<u64> {
    finished.map(|finished| finished.bytes())
}

impl Drop for Export {
    fn drop(&mut self) {
        self.job.forget(self.number);
        self.engine.let_go(&self.job, self.number, OnDrop::Cancel);
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Export({}, {:?})", self.job.plan.profile(), self.progress())
    }
}
