//! Pressing the renditions of masters: without a store straight into unfinished files that get their names when they
//! are complete, with one into the store, to be copied from there.

use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tempfile::NamedTempFile;
use tonepress::engine::{Export, OnDrop, Origin, Priority, Progress, Rendition, Request, Shutdown};
use tonepress::{Engine, Error, Overlay, Samples, Store};

use super::super::batch::{Batch, SEGMENTS, has_room};
use super::super::files::{name, unfinished};
use super::super::report::Failure;
use super::super::tags::{Tagged, Tagger};
use super::super::text::stems;
use super::copy::Copier;
use super::report::{Finished, Report};
use super::task::{Target, Task};

/// A master whose turn it is, with the tag that its renditions are to have.
pub(super) struct Looked {
    task: Arc<Task>,
    tagged: Result<Tagged, Error>,
}

impl Looked {
    /// With a store, the master is identified: hashed if the store does not know it.
    pub(super) fn new(task: Arc<Task>, store: Option<&Store>, tagger: Option<&Tagger>) -> Self {
        let identified = store.map(|store| store.masters().identify(&task.master)).transpose();
        let tag = |_| tagger.map(|tagger| tagger.overlay(&task.master, store)).transpose();
        Self { tagged: identified.and_then(tag).map(Option::unwrap_or_default), task }
    }
}

/// A rendition being made.
struct Pressing {
    task: Arc<Task>,
    /// The target of the task, by its index.
    target: usize,
    tagged: Arc<Tagged>,
    handle: Handle,
    began: Instant,
    /// What of the master is silence, once it is pressed.
    gaps: Vec<Range<u64>>,
}

/// How a rendition gets to its file.
enum Handle {
    /// It grows there; the file has no name until it is complete.
    Export(Export, Option<NamedTempFile>),
    /// It is copied from the store when it is complete.
    Store(Rendition),
}

impl Pressing {
    fn target(&self) -> &Target {
        &self.task.targets[self.target]
    }

    fn progress(&self) -> Progress {
        match &self.handle {
            Handle::Export(export, _) => export.progress(),
            Handle::Store(rendition) => rendition.progress(),
        }
    }

    fn poll(&self, context: &mut Context) -> Poll<Result<(), Error>> {
        match &self.handle {
            Handle::Export(export, _) => export.poll_wait(context).map_ok(drop),
            Handle::Store(rendition) => rendition.poll_wait(context).map_ok(drop),
        }
    }

    fn gaps(&self) -> Result<Vec<Range<u64>>, Error> {
        match &self.handle {
            Handle::Export(export, _) => export.gaps(),
            Handle::Store(rendition) => rendition.gaps(),
        }
    }

    /// What is told of it once its file is there.
    fn finished(&self) -> Finished<'_> {
        let (repairs, cached) = match &self.handle {
            Handle::Export(export, _) => (export.repairs(), None),
            Handle::Store(rendition) => {
                (rendition.repairs(), Some(rendition.origin() != Some(Origin::Pressed)))
            }
        };
        Finished {
            task: &self.task,
            target: self.target(),
            tag: self.tagged.overlay.len(),
            audio: self.progress().bytes_ready,
            repairs,
            gaps: &self.gaps,
            cached,
            taken: self.began.elapsed().as_secs_f64(),
        }
    }
}

/// Presses what it is given.
pub(super) struct Press {
    engine: Engine,
    copier: Copier,
    pressing: Vec<Pressing>,
    /// What is being copied out of the store, by the number of the order.
    copying: HashMap<u64, Pressing>,
    orders: u64,
    report: Report,
}

impl Press {
    pub(super) fn new(engine: Engine, copier: Copier, report: Report) -> Self {
        Self { engine, copier, pressing: Vec::new(), copying: HashMap::new(), orders: 0, report }
    }

    /// Gives up what is not complete, and leaves no unfinished file.
    pub(super) fn end(self) -> Report {
        let Self { engine, copier, pressing, report, .. } = self;
        drop(pressing);
        copier.end();
        engine.shutdown(Shutdown::Cancel);
        engine.store().into_iter().for_each(crate::cli::tier::tell);
        report
    }

    /// Asks for a rendition.
    fn ask(&self, task: &Task, target: &Target, overlay: &Overlay) -> Result<Handle, String> {
        let (engine, profile) = (&self.engine, target.plan.profile());
        if engine.store().is_some() {
            let request = Request { on_drop: OnDrop::Cancel, ..Request::default() };
            let rendition = engine.request_with(&task.master, profile, request);
            return rendition.map(Handle::Store).map_err(|error| error.to_string());
        }
        let path = target.path.display().to_string();
        let mut file = unfinished(&target.path)?;
        let tagged = file.write_all(overlay.bytes()).and_then(|()| file.as_file().try_clone());
        let tagged = tagged.map_err(|error| format!("writing {path}: {error}"))?;
        let export = engine.export(&task.master, profile, Priority::default(), tagged, overlay.len(), &path);
        export.map(|export| Handle::Export(export, Some(file))).map_err(|error| error.to_string())
    }

    /// Names the file of a rendition that is complete, or has it copied.
    fn complete(&mut self, mut pressing: Pressing) -> Result<(), Failure> {
        match pressing.gaps() {
            Ok(gaps) => pressing.gaps = gaps,
            Err(error) => return self.finish(&pressing, Err(error.to_string())),
        }
        let path = &pressing.task.targets[pressing.target].path;
        match &mut pressing.handle {
            Handle::Export(_, file) => {
                let named = file.take().map_or(Ok(()), |file| name(file, path));
                self.finish(&pressing, named)
            }
            Handle::Store(rendition) => {
                let Some(object) = rendition.object() else { return Ok(()) };
                self.orders += 1;
                self.copier.order(self.orders, object.with_overlay(pressing.tagged.overlay.clone()), path);
                self.copying.insert(self.orders, pressing);
                Ok(())
            }
        }
    }

    /// Tells of a rendition that is made, or has failed.
    fn finish(&mut self, pressing: &Pressing, made: Result<(), String>) -> Result<(), Failure> {
        match made {
            Ok(()) => self.report.finished(&pressing.finished())?,
            Err(error) => {
                self.report.failed(&pressing.task.path, Some(pressing.target().plan.profile()), &error)?;
            }
        }
        let mut left = self.pressing.iter().chain(self.copying.values());
        if !left.any(|other| Arc::ptr_eq(&other.task, &pressing.task)) {
            self.report.settled(&pressing.task.path);
        }
        Ok(())
    }
}

impl Batch for Press {
    type Master = Looked;

    fn has_room(&self, next: &Looked) -> bool {
        let pressing = self.pressing.iter().map(Pressing::progress);
        has_room(pressing, next.task.targets.len(), SEGMENTS * self.engine.threads() as u64)
    }

    fn begin(&mut self, Looked { task, tagged }: Looked) -> Result<(), Failure> {
        let tagged = match tagged {
            Ok(tagged) => Arc::new(tagged),
            Err(error) => {
                self.report.failed(&task.path, None, &error.to_string())?;
                self.report.settled(&task.path);
                return Ok(());
            }
        };
        for note in &tagged.notes {
            self.report.note(&task.name(), note)?;
        }
        let mut asked = false;
        for (index, target) in task.targets.iter().enumerate() {
            match self.ask(&task, target, &tagged.overlay) {
                Ok(handle) => {
                    let (task, tagged) = (Arc::clone(&task), Arc::clone(&tagged));
                    let (began, gaps) = (Instant::now(), Vec::new());
                    self.pressing.push(Pressing { task, target: index, tagged, handle, began, gaps });
                    asked = true;
                }
                Err(error) => self.report.failed(&task.path, Some(target.plan.profile()), &error)?,
            }
        }
        if !asked {
            self.report.settled(&task.path);
        }
        Ok(())
    }

    fn settle(&mut self, context: &mut Context) -> Result<(), Failure> {
        let mut at = 0;
        while let Some(pressing) = self.pressing.get(at) {
            match pressing.poll(context) {
                Poll::Pending => at += 1,
                Poll::Ready(Ok(())) => {
                    let pressing = self.pressing.remove(at);
                    self.complete(pressing)?;
                }
                Poll::Ready(Err(error)) => {
                    let pressing = self.pressing.remove(at);
                    self.finish(&pressing, Err(error.to_string()))?;
                }
            }
        }
        while let Some((number, copied)) = self.copier.copied() {
            if let Some(pressing) = self.copying.remove(&number) {
                self.finish(&pressing, copied)?;
            }
        }
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.pressing.is_empty() && self.copying.is_empty()
    }

    fn show(&self) {
        let (mut samples, mut bytes, mut audio) = (0, 0, 0.0);
        let all = || self.pressing.iter().chain(self.copying.values());
        for pressing in all() {
            let (progress, plan) = (pressing.progress(), &pressing.target().plan);
            samples += progress.samples;
            bytes += progress.bytes;
            audio += plan.resolved().rate().seconds(Samples(progress.samples));
        }
        let names: Vec<_> = all().map(|pressing| pressing.task.name()).collect();
        let stems = stems(names.iter().map(String::as_str));
        self.report.show(samples, bytes, audio, &stems);
    }
}
