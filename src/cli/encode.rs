//! `tonepress encode`: masters to files.

mod behind;
mod open;
mod report;

use std::collections::HashSet;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crossbeam::channel::unbounded;
use tonepress::fan_out::fan_out;
use tonepress::{Plan, Profile};

use open::Opener;
use report::Report;

use super::masters::{Candidate, candidates};
use super::report::Failure;
use super::{Outcome, args, interrupt};

/// A rendition that is to be made.
struct Target {
    plan: Plan,
    path: PathBuf,
}

/// A master and what is to be made of it.
struct Task {
    name: String,
    path: PathBuf,
    targets: Vec<Target>,
}

pub(crate) fn run(args: &args::Encode) -> Result<Outcome, Failure> {
    let interrupted = interrupt::catch(|| ())?;
    let tagger = if args.no_tags { None } else { Some(args.tags.tagger()?) };
    let mut report = Report::new(args.json.json);
    let tasks = survey(args, &mut report)?;
    report.start(&tasks);
    // Masters are opened when their turn comes, by the workers: there may be more than files can be open.
    let (asides, told) = unbounded();
    let mut opener = Opener::new(args.cache.open()?, args.profiles.limits(), tagger, asides);
    let jobs = tasks.iter().enumerate().filter_map(|(id, task)| opener.open(id, task));
    let mut stopped = Ok(());
    fan_out(args.jobs.threads(), jobs, |event| {
        let mut asides = told.try_iter();
        stopped = asides
            .try_for_each(|aside| report.aside(&tasks, aside))
            .and_then(|()| report.tell(&tasks, event));
        let stop = stopped.is_err() || interrupted.load(Ordering::Relaxed);
        if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    stopped?;
    told.try_iter().try_for_each(|aside| report.aside(&tasks, aside))?;
    let interrupted = interrupted.load(Ordering::Relaxed);
    report.summarise(interrupted);
    Ok(match (interrupted, report.all_well()) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::SomeFailed,
    })
}

/// Looks at all masters before the first is encoded: what can be known to fail is said at once, and
/// the whole of the work is known.
fn survey(args: &args::Encode, report: &mut Report) -> Result<Vec<Task>, Failure> {
    let profiles = args.profiles.each();
    let limits = args.profiles.limits();
    let mut tasks = Vec::new();
    // No rendition may replace another or a master.
    let mut taken = HashSet::new();
    for candidate in candidates(&args.masters.paths) {
        let candidate = match candidate {
            Ok(candidate) => candidate,
            Err(error) => {
                report.failed("", None, &error)?;
                continue;
            }
        };
        let name = candidate.name();
        let master = match candidate.open(&limits) {
            None => continue,
            Some(Ok(master)) => master,
            Some(Err(error)) => {
                report.failed(&name, None, &error.to_string())?;
                continue;
            }
        };
        if !taken.insert(candidate.path.clone()) {
            continue; // named twice
        }
        let mut targets = Vec::new();
        for profile in &profiles {
            let path = target_path(args, &candidate, profile);
            match Plan::new(master.info(), profile) {
                Err(error) => report.failed(&name, Some(profile), &format!("{name}: {error}"))?,
                Ok(_) if !taken.insert(path.clone()) => {
                    let error =
                        format!("{}: would replace a master or another MP3; see --name", path.display());
                    report.failed(&name, Some(profile), &error)?;
                }
                Ok(plan) => match path.symlink_metadata() {
                    // Known now, and not when all has been encoded.
                    Err(error) if error.kind() == ErrorKind::InvalidFilename => {
                        let error = format!("{}: the name is too long; see --name", path.display());
                        report.failed(&name, Some(profile), &error)?;
                    }
                    Ok(_) if !args.force && path.exists() => report.skipped(&name, profile, &path)?,
                    _ => targets.push(Target { plan, path }),
                },
            }
        }
        if !targets.is_empty() {
            tasks.push(Task { name, path: candidate.path, targets });
        }
    }
    Ok(tasks)
}

fn target_path(args: &args::Encode, candidate: &Candidate, profile: &Profile) -> PathBuf {
    let base = args.output.as_deref().unwrap_or(&candidate.root);
    let stem = candidate.path.file_stem().unwrap_or_default();
    args.name.path(base, &candidate.dir, stem, &profile.to_string())
}
