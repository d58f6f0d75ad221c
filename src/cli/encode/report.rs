//! What `encode` tells: a line or an object a rendition, progress, a summary.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use indicatif::ProgressBar;
use serde::Serialize;
use tonepress::pcm::Repairs;
use tonepress::{Plan, Profile};

use super::super::failures::Failures;
use super::super::json::{self, At, Of, Skipped};
use super::super::nearest::Fell;
use super::super::report::{self, Failure};
use super::super::text::{about, are, clock, count, megabytes, plain, result, several, speed, wait, were};
use super::task::{Target, Task};

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    /// Where it had to be known, for a store.
    #[serde(skip_serializing_if = "Option::is_none")]
    master_id: Option<String>,
    profile: String,
    sample_rate: u32,
    channels: usize,
    samples: u64,
    duration_s: f64,
    frames: u64,
    audio_bytes: u64,
    file_bytes: u64,
    #[serde(flatten)]
    at: At<'a>,
    seconds: f64,
    realtime_x: f64,
    /// Samples of a floating-point master that were no numbers.
    #[serde(skip_serializing_if = "json::is_zero")]
    silenced_samples: u64,
    /// Samples of a floating-point master that were beyond full scale.
    #[serde(skip_serializing_if = "json::is_zero")]
    clamped_samples: u64,
    /// The samples of the master that became silence, because they are damaged or missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<[u64; 2]>,
    /// Whether it came from the store; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cached: Option<bool>,
}

/// A rendition that is made.
pub(super) struct Finished<'a> {
    pub(super) task: &'a Task,
    pub(super) target: &'a Target,
    /// The bytes in front of the audio.
    pub(super) tag: u64,
    pub(super) audio: u64,
    pub(super) repairs: Repairs,
    pub(super) gaps: &'a [Range<u64>],
    /// Whether it came from the store; `None` without one.
    pub(super) cached: Option<bool>,
    /// Seconds.
    pub(super) taken: f64,
}

/// An MP3 that a dry run would write.
#[derive(Serialize)]
struct PlannedJson<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    profile: String,
    #[serde(flatten)]
    at: At<'a>,
    /// The likely value where it is not exact.
    audio_bytes: u64,
    file_bytes: u64,
    exact: bool,
    dry_run: bool,
}

/// What is told of the work, and what has become of it.
pub(super) struct Report {
    json: bool,
    bar: ProgressBar,
    started: Instant,
    done: u64,
    skipped: u64,
    /// What is in finished renditions: samples, bytes.
    samples: u64,
    bytes: u64,
    /// Seconds of audio that were pressed, and not taken from the store.
    pressed: f64,
    cached: u64,
    inexact: bool,
    failures: Failures,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            bar: ProgressBar::hidden(),
            started: Instant::now(),
            done: 0,
            skipped: 0,
            samples: 0,
            bytes: 0,
            pressed: 0.0,
            cached: 0,
            inexact: false,
            failures: Failures::new(json),
        }
    }

    pub(super) fn start(&mut self, tasks: &[Task]) {
        let samples = tasks.iter().flat_map(|task| &task.targets).map(|target| target.plan.samples().0).sum();
        self.bar = report::bar(samples, "{bar} {percent:>3} %  {prefix}  {wide_msg:.dim}");
        self.started = Instant::now();
    }

    /// Shows how far it is: so much is done of what is being pressed, of the masters called `names`.
    pub(super) fn show(&self, samples: u64, bytes: u64, audio: f64, names: &str) {
        let elapsed = self.started.elapsed().as_secs_f64();
        let (done, all) = (self.samples + samples, self.bar.length().unwrap_or(0));
        self.bar.set_position(done);
        let left = elapsed * all.saturating_sub(done) as f64 / done as f64;
        let left = if done > 0 { wait(left) } else { "?".to_owned() };
        let speed = speed(self.pressed + audio, elapsed);
        self.bar.set_prefix(format!("{}  {speed}  {left} left", megabytes(self.bytes + bytes)));
        self.bar.set_message(plain(names).into_owned());
    }

    /// Says which profile stands for another.
    pub(super) fn fell(&self, master: &Path, fell: &Fell) -> Result<(), Failure> {
        self.say(|| fell.tell(master, self.json))
    }

    /// Says what was left out of a master's tags.
    pub(super) fn note(&self, master: &str, note: &str) -> Result<(), Failure> {
        self.say(|| {
            report::note(&format!("{}: {}", plain(master), plain(note)));
            Ok(())
        })
    }

    pub(super) fn finished(&mut self, finished: &Finished) -> Result<(), Failure> {
        let json = to_json(finished);
        self.done += 1;
        self.samples += finished.target.plan.samples().0;
        self.bytes += json.file_bytes;
        let cached = json.cached == Some(true);
        if cached {
            self.cached += 1;
        } else {
            self.pressed += json.duration_s;
        }
        self.say(|| {
            let name = finished.task.name();
            report::note_repairs(&name, json.silenced_samples, json.clamped_samples);
            for [start, end] in &json.gaps {
                report::note(&format!(
                    "{}: samples {start} to {end} are damaged or missing and became silence",
                    plain(&name)
                ));
            }
            if self.json {
                return json::line("rendition", &json);
            }
            let speed =
                if cached { "from the store".to_owned() } else { speed(json.duration_s, json.seconds) };
            let rest = format!("{}  {}  {speed}", megabytes(json.file_bytes), clock(json.duration_s));
            report::done(result(&finished.target.path.to_string_lossy(), &rest))
        })
    }

    /// Tells of an MP3 that would be written with so many bytes of tags.
    pub(super) fn planned(&mut self, task: &Task, target: &Target, tag: u64) -> Result<(), Failure> {
        let size = target.plan.size();
        let (audio_bytes, exact) = (size.likely(), size.is_exact());
        self.done += 1;
        self.bytes += tag + audio_bytes;
        self.inexact |= !exact;
        if self.json {
            return json::line(
                "planned",
                &PlannedJson {
                    of: Of::new(&task.path),
                    profile: target.plan.profile().to_string(),
                    at: At::new(&target.path),
                    audio_bytes,
                    file_bytes: tag + audio_bytes,
                    exact,
                    dry_run: true,
                },
            );
        }
        let size = format!("{}{}", about(exact), megabytes(tag + audio_bytes));
        report::line(result(&target.path.to_string_lossy(), &size))
    }

    pub(super) fn skipped(&mut self, master: &Path, profile: &Profile, path: &Path) -> Result<(), Failure> {
        self.skipped += 1;
        if !self.json {
            return Ok(()); // counted in the summary
        }
        json::line("skipped", &Skipped::new(master, profile, path))
    }

    pub(super) fn failed(
        &mut self,
        master: &Path,
        profile: Option<&Profile>,
        error: &str,
    ) -> Result<(), Failure> {
        self.failures.tell(&self.bar, master, profile, error)
    }

    /// Nothing more is to come of a master: says what failed of it.
    pub(super) fn settled(&mut self, master: &Path) {
        self.failures.settle(&self.bar, master);
    }

    pub(super) fn all_well(&self) -> bool {
        self.failures.is_empty()
    }

    /// Speaks with the progress bar out of the way.
    fn say(&self, speak: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        self.bar.suspend(speak)
    }

    pub(super) fn summarise(&mut self, interrupted: bool, dry_run: bool) {
        self.bar.finish_and_clear();
        self.failures.tell_rest();
        let took = self.started.elapsed().as_secs_f64();
        let (done, size) = (several(self.done, "MP3"), megabytes(self.bytes));
        let mut summary = vec![if dry_run {
            let about = if self.inexact { "about " } else { "" };
            format!("{done} would be written, {about}{size}")
        } else {
            let begin = if interrupted { "interrupted: " } else { "" };
            let speed =
                if self.pressed > 0.0 { format!(" ({})", speed(self.pressed, took)) } else { String::new() };
            format!("{begin}{done}, {size} in {}{speed}", clock(took))
        }];
        if self.cached > 0 {
            summary.push(format!("{} from the store", count(self.cached)));
        }
        if self.skipped > 0 {
            let (number, verb) = (self.skipped, if dry_run { are(self.skipped) } else { were(self.skipped) });
            summary.push(format!("{} {verb} there already (--force encodes again)", count(number)));
        }
        summary.extend(self.failures.sum());
        report::note(&summary.join("; "));
    }
}

fn to_json<'a>(finished: &Finished<'a>) -> Json<'a> {
    let &Finished { task, target, tag, audio, repairs, gaps, cached, taken } = finished;
    let plan = &target.plan;
    let duration = seconds(plan);
    Json {
        of: Of::new(&task.path),
        master_id: task.master.known_id().map(|id| id.to_string()),
        profile: plan.profile().to_string(),
        sample_rate: plan.resolved().rate().hz(),
        channels: plan.resolved().channels(),
        samples: plan.samples().0,
        duration_s: duration,
        frames: plan.frames().0,
        audio_bytes: audio,
        file_bytes: tag + audio,
        at: At::new(&target.path),
        seconds: taken,
        realtime_x: duration / taken.max(1e-6),
        silenced_samples: repairs.not_finite,
        clamped_samples: repairs.clamped,
        gaps: gaps.iter().map(|gap| [gap.start, gap.end]).collect(),
        cached,
    }
}

fn seconds(plan: &Plan) -> f64 {
    plan.resolved().rate().seconds(plan.samples())
}
