//! What `encode` tells: a line or an object a rendition, progress, a summary.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use indicatif::ProgressBar;
use serde::Serialize;
use tonepress::fan_out::{Done, Event};
use tonepress::master::MasterId;
use tonepress::pcm::Repairs;
use tonepress::store::Object;
use tonepress::{Plan, Profile, Samples, WithOverlay};

use super::super::files::{name, unfinished};
use super::super::report::{self, FailedJson, Failure, SkippedJson, clock, megabytes, plain};
use super::open::{Aside, Made, Place};
use super::{Target, Task};

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
    #[serde(skip_serializing_if = "report::is_zero")]
    silenced_samples: u64,
    /// Samples of a floating-point master that were beyond full scale.
    #[serde(skip_serializing_if = "report::is_zero")]
    clamped_samples: u64,
    /// The samples of the master that became silence, because they are damaged or missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<[u64; 2]>,
    /// Whether it came from the store; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cached: Option<bool>,
}

/// What is told of the work, and what has become of it.
pub(super) struct Report {
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
    pub(super) fn new(json: bool) -> Self {
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

    pub(super) fn start(&mut self, tasks: &[Task]) {
        let samples = tasks.iter().flat_map(|task| &task.targets).map(|target| target.plan.samples().0).sum();
        self.bar = report::progress(samples);
        self.started = Instant::now();
    }

    pub(super) fn aside(&mut self, tasks: &[Task], aside: Aside) -> Result<(), Failure> {
        match aside {
            Aside::Served { task, target, object, master, gaps } => {
                let (task, target) = (&tasks[task], &tasks[task].targets[target]);
                let size = FileSize::of(&object);
                self.bytes += size.audio;
                self.audio += seconds(&target.plan);
                self.bar.inc(target.plan.samples().0);
                let began = Instant::now();
                match copy(&object, target) {
                    Ok(()) => {
                        let taken = began.elapsed().as_secs_f64();
                        let changed = (Repairs::default(), gaps);
                        self.finished(&to_json(task, target, master, size, changed, taken, Some(true)))
                    }
                    Err(error) => self.failed(&task.name, Some(target.plan.profile()), &error),
                }
            }
            Aside::Noted { task, note } => self.say(|| {
                report::note(&format!("{}: {}", plain(&tasks[task].name), plain(&note)));
                Ok(())
            }),
            Aside::Failed { task, target, error } => {
                let profile = target.map(|target| tasks[task].targets[target].plan.profile());
                self.failed(&tasks[task].name, profile, &error)
            }
        }
    }

    pub(super) fn tell(&mut self, tasks: &[Task], event: Event<Place>) -> Result<(), Failure> {
        match event {
            Event::Started { job } => {
                self.current.insert(job, (Instant::now(), tasks[job].targets.len()));
                self.show_current(tasks);
                Ok(())
            }
            Event::Progress { job, output, samples, bytes } => {
                self.bytes += bytes;
                self.audio += tasks[job].targets[output].plan.resolved().rate().seconds(Samples(samples));
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
            Event::Quiet => Ok(()),
        }
    }

    fn show_current(&self, tasks: &[Task]) {
        let stem = |&job: &usize| Some(tasks[job].path.file_stem()?.to_string_lossy());
        let stems = self.current.keys().filter_map(stem).collect::<Vec<_>>().join(", ");
        self.bar.set_message(plain(&stems).into_owned());
    }

    fn finished(&mut self, finished: &Json) -> Result<(), Failure> {
        self.done += 1;
        self.bytes += finished.file_bytes - finished.audio_bytes;
        self.say(|| {
            report::note_repairs(finished.master, finished.silenced_samples, finished.clamped_samples);
            Ok(())
        })?;
        for [start, end] in &finished.gaps {
            self.say(|| {
                report::note(&format!(
                    "{}: samples {start} to {end} are damaged or missing and became silence",
                    plain(finished.master)
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
                plain(&finished.path),
                megabytes(finished.file_bytes),
                clock(finished.duration_s),
                finished.realtime_x
            ))
        })
    }

    pub(super) fn skipped(&mut self, master: &str, profile: &Profile, path: &Path) -> Result<(), Failure> {
        self.skipped += 1;
        if !self.json {
            return Ok(()); // counted in the summary
        }
        let (profile, path) = (profile.to_string(), path.display().to_string());
        report::json(&SkippedJson { master, profile, path, skipped: true })
    }

    pub(super) fn failed(
        &mut self,
        master: &str,
        profile: Option<&Profile>,
        error: &str,
    ) -> Result<(), Failure> {
        self.failures.push(error.to_owned());
        self.say(|| {
            if self.json {
                return report::json(&FailedJson { master, profile: profile.map(Profile::to_string), error });
            }
            report::error(error);
            Ok(())
        })
    }

    pub(super) fn all_well(&self) -> bool {
        self.failures.is_empty()
    }

    /// Speaks with the progress bar out of the way.
    fn say(&self, speak: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        self.bar.suspend(speak)
    }

    pub(super) fn summarise(&self, interrupted: bool) {
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
            let failures: Vec<_> = self.failures.iter().map(|failure| plain(failure)).collect();
            summary.push(format!("{} failed:\n  {}", failures.len(), failures.join("\n  ")));
        }
        report::note(&summary.join("; "));
    }
}

/// Gives a finished rendition its name.
fn finish<'a>(task: &'a Task, target: &Target, done: Done<Place>, taken: f64) -> Result<Json<'a>, String> {
    let Done { master, made, repairs, gaps } = done;
    let (master, size, cached) = match made {
        Made::File { file, tag, audio } => {
            name(file, &target.path)?;
            (master.id().map_err(|error| error.to_string())?, FileSize { tag, audio }, None)
        }
        Made::Object(object, id) => {
            copy(&object, target)?;
            (id, FileSize::of(&object), Some(false))
        }
    };
    Ok(to_json(task, target, master, size, (repairs, gaps), taken, cached))
}

/// The bytes of a file.
#[derive(Clone, Copy)]
struct FileSize {
    tag: u64,
    audio: u64,
}

impl FileSize {
    fn of(object: &WithOverlay<Object>) -> Self {
        Self { tag: object.overlay().len(), audio: object.inner().len() }
    }
}

fn copy(object: &WithOverlay<Object>, target: &Target) -> Result<(), String> {
    let file = unfinished(&target.path)?;
    let copied = object.copy_to(file.as_file(), &target.path.display().to_string());
    copied.map_err(|error| error.to_string())?;
    name(file, &target.path)
}

fn to_json<'a>(
    task: &'a Task,
    target: &Target,
    master: MasterId,
    size: FileSize,
    (repairs, gaps): (Repairs, Vec<Range<u64>>),
    taken: f64,
    cached: Option<bool>,
) -> Json<'a> {
    let plan = &target.plan;
    Json {
        master: &task.name,
        master_id: master.to_string(),
        profile: plan.profile().to_string(),
        sample_rate: plan.resolved().rate().hz(),
        channels: plan.resolved().channels(),
        samples: plan.samples().0,
        duration_s: seconds(plan),
        frames: plan.frames().0,
        audio_bytes: size.audio,
        file_bytes: size.tag + size.audio,
        path: target.path.display().to_string(),
        seconds: taken,
        realtime_x: seconds(plan) / taken.max(1e-6),
        silenced_samples: repairs.not_finite,
        clamped_samples: repairs.clamped,
        gaps: gaps.into_iter().map(|gap| [gap.start, gap.end]).collect(),
        cached,
    }
}

fn seconds(plan: &Plan) -> f64 {
    plan.resolved().rate().seconds(plan.samples())
}
