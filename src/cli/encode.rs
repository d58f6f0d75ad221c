//! `tonepress encode`: masters to files.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, Permissions};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam::channel::unbounded;
use indicatif::ProgressBar;
use serde::Serialize;
use tempfile::NamedTempFile;
use tonepress::fan_out::{Done, Event, Job, Output, fan_out};
use tonepress::master::Master;
use tonepress::{Plan, Profile};

use super::masters::{Candidate, candidates};
use super::report::{self, FailedJson, Failure, clock, megabytes};
use super::{Outcome, args};

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

#[derive(Serialize)]
struct Json<'a> {
    master: &'a str,
    master_id: String,
    profile: String,
    sample_rate: u32,
    channels: usize,
    samples: u64,
    duration_s: f64,
    frames: u64,
    audio_bytes: u64,
    file_bytes: u64,
    path: String,
    seconds: f64,
    realtime_x: f64,
    /// Samples of a floating-point master that were no numbers.
    #[serde(skip_serializing_if = "is_zero")]
    silenced_samples: u64,
    /// Samples of a floating-point master that were beyond full scale.
    #[serde(skip_serializing_if = "is_zero")]
    clamped_samples: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Serialize)]
struct SkippedJson<'a> {
    master: &'a str,
    profile: String,
    path: String,
    skipped: bool,
}

pub(crate) fn run(args: &args::Encode) -> Result<Outcome, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::Other(format!("Ctrl-C cannot be caught: {error}")))?;

    let mut report = Report::new(args.json.json);
    let tasks = survey(args, &mut report)?;
    report.start(&tasks);
    // Masters are opened when their turn comes, by the workers: there may be more than files can be open.
    let (failed, failures) = unbounded();
    let jobs = tasks.iter().enumerate().filter_map(|(id, task)| {
        let job = open(id, task);
        job.map_err(|error| failed.send((id, error))).ok()
    });
    let mut stopped = Ok(());
    fan_out(args.jobs.threads(), jobs, |event| {
        stopped = report.tell(&tasks, event);
        let stop = stopped.is_err() || interrupted.load(Ordering::Relaxed);
        if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    stopped?;
    for (id, error) in failures.try_iter() {
        report.failed(&tasks[id].name, None, &error)?;
    }
    let interrupted = interrupted.load(Ordering::Relaxed);
    report.finish(interrupted);
    Ok(match (interrupted, report.failures.is_empty()) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::SomeFailed,
    })
}

/// Looks at all masters before the first is encoded: what can be known to fail is said at once, and
/// the whole of the work is known.
fn survey(args: &args::Encode, report: &mut Report) -> Result<Vec<Task>, Failure> {
    let profiles = args.profiles.each();
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
        let master = match candidate.open() {
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
                Ok(_) if !args.force && path.exists() => report.skipped(&name, profile, &path)?,
                Ok(plan) => targets.push(Target { plan, path }),
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

/// Opens a master and the unfinished files of its renditions.
fn open(id: usize, task: &Task) -> Result<Job<NamedTempFile>, String> {
    let master = Master::open(&task.path).map_err(|error| error.to_string())?;
    let mut outputs = Vec::new();
    for target in &task.targets {
        let folder = target.path.parent().unwrap_or(Path::new("."));
        let out = fs::create_dir_all(folder).and_then(|()| {
            // What the user's umask leaves of this, as for any other new file.
            let all = Permissions::from_mode(0o666);
            tempfile::Builder::new().prefix(".tonepress-").suffix(".tmp").permissions(all).tempfile_in(folder)
        });
        let out = out.map_err(|error| format!("writing to {}: {error}", folder.display()))?;
        outputs.push(Output { plan: target.plan.clone(), out, name: target.path.display().to_string() });
    }
    Ok(Job { id, master, outputs })
}

fn seconds(plan: &Plan) -> f64 {
    plan.resolved().rate.seconds(plan.samples())
}

/// What is told of the work, and what has become of it.
struct Report {
    json: bool,
    bar: ProgressBar,
    started: Instant,
    /// The masters being pressed: when they started, how many renditions are still to come.
    current: BTreeMap<usize, (Instant, usize)>,
    done: u64,
    skipped: u64,
    bytes: u64,
    /// Seconds of audio in finished renditions.
    audio: f64,
    failures: Vec<String>,
}

impl Report {
    fn new(json: bool) -> Self {
        Self {
            json,
            bar: ProgressBar::hidden(),
            started: Instant::now(),
            current: BTreeMap::new(),
            done: 0,
            skipped: 0,
            bytes: 0,
            audio: 0.0,
            failures: Vec::new(),
        }
    }

    fn start(&mut self, tasks: &[Task]) {
        let samples = tasks.iter().flat_map(|task| &task.targets).map(|target| target.plan.samples().0).sum();
        self.bar = report::progress(samples);
        self.started = Instant::now();
    }

    fn tell(&mut self, tasks: &[Task], event: Event<NamedTempFile>) -> Result<(), Failure> {
        match event {
            Event::Started { job } => {
                self.current.insert(job, (Instant::now(), tasks[job].targets.len()));
                self.show_current(tasks);
                Ok(())
            }
            Event::Progress { job, output, samples, bytes } => {
                self.bytes += bytes;
                self.audio +=
                    tasks[job].targets[output].plan.resolved().rate.seconds(tonepress::Samples(samples));
                self.bar.inc(samples);
                let speed = self.audio / self.started.elapsed().as_secs_f64().max(1e-3);
                self.bar.set_prefix(format!("{}  {speed:.0}x real time", megabytes(self.bytes)));
                Ok(())
            }
            Event::Done { job, output, result } => {
                let (task, target) = (&tasks[job], &tasks[job].targets[output]);
                let mut seconds = 0.0;
                if let Some((begun, left)) = self.current.get_mut(&job) {
                    seconds = begun.elapsed().as_secs_f64();
                    *left -= 1;
                    if *left == 0 {
                        self.current.remove(&job);
                        self.show_current(tasks);
                    }
                }
                let finished = match result {
                    Ok(done) => finish(task, target, done, seconds),
                    Err(error) => Err(error.to_string()),
                };
                match finished {
                    Ok(finished) => self.finished(&finished),
                    Err(error) => self.failed(&task.name, Some(target.plan.profile()), &error),
                }
            }
        }
    }

    fn show_current(&self, tasks: &[Task]) {
        let stem = |&job: &usize| Some(tasks[job].path.file_stem()?.to_string_lossy());
        self.bar.set_message(self.current.keys().filter_map(stem).collect::<Vec<_>>().join(", "));
    }

    fn finished(&mut self, finished: &Json) -> Result<(), Failure> {
        self.done += 1;
        if finished.silenced_samples > 0 || finished.clamped_samples > 0 {
            self.say(|| {
                report::note(&format!(
                    "{}: {} samples were no numbers and became silence, {} were beyond full scale and were clamped",
                    finished.master, finished.silenced_samples, finished.clamped_samples
                ));
                Ok(())
            })?;
        }
        self.say(|| {
            if self.json {
                return report::json(finished);
            }
            report::line(format!(
                "{}  {}  {}  {:.0}x real time",
                finished.path,
                megabytes(finished.file_bytes),
                clock(finished.duration_s),
                finished.realtime_x
            ))
        })
    }

    fn skipped(&mut self, master: &str, profile: &Profile, path: &Path) -> Result<(), Failure> {
        self.skipped += 1;
        if !self.json {
            return Ok(()); // counted in the summary
        }
        let (profile, path) = (profile.to_string(), path.display().to_string());
        report::json(&SkippedJson { master, profile, path, skipped: true })
    }

    fn failed(&mut self, master: &str, profile: Option<&Profile>, error: &str) -> Result<(), Failure> {
        self.failures.push(error.to_owned());
        self.say(|| {
            if self.json {
                return report::json(&FailedJson { master, profile: profile.map(Profile::to_string), error });
            }
            report::error(error);
            Ok(())
        })
    }

    /// Speaks with the progress bar out of the way.
    fn say(&self, speak: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        self.bar.suspend(speak)
    }

    fn finish(&self, interrupted: bool) {
        self.bar.finish_and_clear();
        let took = self.started.elapsed().as_secs_f64();
        let mut summary = vec![format!(
            "{}{} MP3s, {} in {} ({:.0}x real time)",
            if interrupted { "interrupted: " } else { "" },
            self.done,
            megabytes(self.bytes),
            clock(took),
            self.audio / took.max(1e-3)
        )];
        if self.skipped > 0 {
            summary.push(format!("{} were there already (--force encodes them again)", self.skipped));
        }
        if !self.failures.is_empty() {
            summary.push(format!("{} failed:\n  {}", self.failures.len(), self.failures.join("\n  ")));
        }
        report::note(&summary.join("; "));
    }
}

/// Gives a finished rendition its name.
fn finish<'a>(
    task: &'a Task,
    target: &Target,
    done: Done<NamedTempFile>,
    seconds_taken: f64,
) -> Result<Json<'a>, String> {
    let Done { master, out, bytes, repairs } = done;
    let master_id = master.id().map_err(|error| error.to_string())?;
    out.persist(&target.path).map_err(|error| format!("writing {}: {error}", target.path.display()))?;
    let plan = &target.plan;
    Ok(Json {
        master: &task.name,
        master_id: master_id.to_string(),
        profile: plan.profile().to_string(),
        sample_rate: plan.resolved().rate.hz(),
        channels: plan.resolved().channels(),
        samples: plan.samples().0,
        duration_s: seconds(plan),
        frames: plan.frames().0,
        audio_bytes: bytes,
        file_bytes: bytes,
        path: target.path.display().to_string(),
        seconds: seconds_taken,
        realtime_x: seconds(plan) / seconds_taken.max(1e-6),
        silenced_samples: repairs.not_finite,
        clamped_samples: repairs.clamped,
    })
}
