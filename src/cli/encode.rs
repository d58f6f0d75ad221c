//! `tonepress encode`: masters to files.

mod copy;
mod press;
mod report;
mod survey;
mod task;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tonepress::Engine;

use copy::Copier;
use press::{Looked, Press};
use report::Report;
use task::Task;

use super::batch::{self, Ahead};
use super::report::Failure;
use super::{Outcome, args, interrupt};

pub(crate) fn run(args: &args::Encode) -> Result<Outcome, Failure> {
    let interrupted = interrupt::catch(|| ())?;
    let tagger = if args.no_tags { None } else { Some(args.tags.tagger()?) };
    let store = args.cache.open()?;
    let mut report = Report::new(args.json.json);
    let tasks = survey::survey(args, &mut report)?;
    report.start(&tasks);

    let threads = NonZeroUsize::new(args.jobs.threads()).unwrap_or(NonZeroUsize::MIN);
    let mut builder = Engine::builder().threads(threads).queue(usize::MAX);
    if let Some(store) = &store {
        builder = builder.store(store.clone());
    }
    let engine = builder.build()?;
    let look = move |task: Arc<Task>| Looked::new(task, store.as_ref(), tagger.as_ref());
    let mut ahead = Ahead::new(tasks.into_iter().map(Arc::new), threads.get(), look)?;
    let copier = Copier::start(ahead.waker().clone(), Arc::clone(&interrupted))?;
    let mut press = Press::new(engine, copier, report);
    let ran = batch::run(&mut press, &mut ahead, &interrupted);
    // Also if nobody reads our output any more: no file is left half copied.
    let report = press.end();
    ran?;
    let interrupted = interrupted.load(Ordering::Relaxed);
    report.summarise(interrupted);
    Ok(match (interrupted, report.all_well()) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::SomeFailed,
    })
}
