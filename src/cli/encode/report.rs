//! What `encode` tells: a line or an object a rendition, progress, a summary.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use indicatif::ProgressBar;
use serde::Serialize;
use tonepress::pcm::Repairs;
use tonepress::{Plan, Profile};

use super::super::report::{self, FailedJson, Failure, SkippedJson, clock, megabytes, plain};
use super::task::{Target, Task};

#[derive(Serialize)]
struct Json<'a> {
    master: &'a str,
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

/// What is told of the work, and what has become of it.
pub(super) struct Report {
    json: bool,
    bar: ProgressBar,
    started: Instant,
    done: u64,
    skipped: u64,
    /// What is in finished renditions: samples, bytes, seconds of audio.
    samples: u64,
    bytes: u64,
    audio: f64,
    failures: Vec<String>,
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
            audio: 0.0,
            failures: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, tasks: &[Task]) {
        let samples = tasks.iter().flat_map(|task| &task.targets).map(|target| target.plan.samples().0).sum();
        self.bar = report::progress(samples);
        self.started = Instant::now();
    }

    /// Shows how far it is: so much is done of what is being pressed, of the masters called `names`.
    pub(super) fn show(&self, samples: u64, bytes: u64, audio: f64, names: &str) {
        let speed = (self.audio + audio) / self.started.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_position(self.samples + samples);
        self.bar.set_prefix(format!("{}  {speed:.0}x real time", megabytes(self.bytes + bytes)));
        self.bar.set_message(plain(names).into_owned());
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
        self.audio += json.duration_s;
        self.say(|| {
            report::note_repairs(json.master, json.silenced_samples, json.clamped_samples);
            for [start, end] in &json.gaps {
                report::note(&format!(
                    "{}: samples {start} to {end} are damaged or missing and became silence",
                    plain(json.master)
                ));
            }
            if self.json {
                return report::json(&json);
            }
            report::line(format!(
                "{}  {}  {}  {:.0}x real time",
                plain(&json.path),
                megabytes(json.file_bytes),
                clock(json.duration_s),
                json.realtime_x
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

fn to_json<'a>(finished: &Finished<'a>) -> Json<'a> {
    let &Finished { task, target, tag, audio, repairs, gaps, cached, taken } = finished;
    let plan = &target.plan;
    let duration = seconds(plan);
    Json {
        master: &task.name,
        master_id: task.master.known_id().map(|id| id.to_string()),
        profile: plan.profile().to_string(),
        sample_rate: plan.resolved().rate().hz(),
        channels: plan.resolved().channels(),
        samples: plan.samples().0,
        duration_s: duration,
        frames: plan.frames().0,
        audio_bytes: audio,
        file_bytes: tag + audio,
        path: target.path.display().to_string(),
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
