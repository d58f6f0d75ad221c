//! `tonepress encode`: masters to files.

mod copy;
mod output;
mod press;
mod report;
mod survey;
mod task;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tonepress::{Engine, Store};

use copy::Copier;
use press::{Looked, Press};
use report::Report;
use task::Task;

use super::batch::{self, Ahead};
use super::report::Failure;
use super::tags::Tagger;
use super::{Outcome, args, get, interrupt};

pub(crate) fn run(args: &args::Encode) -> Result<Outcome, Failure> {
    if output::is_stdout(args) {
        return to_stdout(args);
    }
    let interrupted = interrupt::catch(|| ())?;
    let tagger = if args.no_tags { None } else { Some(args.tags.tagger()?) };
    let store = args.cache.open_accepting(&args.accept)?;
    let mut report = Report::new(args.json.json);
    let tasks = survey::survey(args, &mut report)?;
    if args.dry_run {
        return dry_run(report, &tasks, store.as_ref(), tagger.as_ref());
    }
    report.start(&tasks);

    let threads = args.jobs.threads();
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
    let mut report = press.end();
    ran?;
    let interrupted = interrupted.load(Ordering::Relaxed);
    report.summarise(interrupted, false);
    Ok(match (interrupted, report.all_well()) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::SomeFailed,
    })
}

/// Tells what would be written.
fn dry_run(
    mut report: Report,
    tasks: &[Task],
    store: Option<&Store>,
    tagger: Option<&Tagger>,
) -> Result<Outcome, Failure> {
    for task in tasks {
        match tagger.map(|tagger| tagger.overlay(&task.master, store)).transpose() {
            Ok(with_tags) => {
                let tag = with_tags.unwrap_or_default().overlay.len();
                task.targets.iter().try_for_each(|target| report.planned(task, target, tag))?;
            }
            Err(error) => report.failed(&task.path, None, &error.to_string())?,
        }
        report.settled(&task.path);
    }
    report.summarise(false, true);
    Ok(if report.all_well() { Outcome::Done } else { Outcome::SomeFailed })
}

/// Writes the one MP3 to standard output, as `get --tags` does.
fn to_stdout(args: &args::Encode) -> Result<Outcome, Failure> {
    let usage = |error: &str| Err(Failure::Usage(error.to_owned()));
    if args.json.json || args.dry_run || args.name.is_some() {
        return usage("-o - is for the MP3 itself: --json, --dry-run and --name need a file or a folder");
    }
    let profiles = args.profiles.each();
    let ([master], [profile]) = (&args.masters.paths[..], &profiles[..]) else {
        return usage("-o - is for one MP3: one master at one profile");
    };
    if master.is_dir() {
        return usage("-o - is for one MP3: name a master, not a folder");
    }
    get::pressed(&get::Order {
        master,
        profile,
        nearest: args.profiles.nearest,
        tags: (!args.no_tags).then_some(&args.tags),
        cache: &args.cache,
        accept: &args.accept,
        jobs: &args.jobs,
        delivery: get::Delivery::default(),
    })
}
