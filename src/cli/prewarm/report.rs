//! What `prewarm` tells: a line or an object a rendition, progress, a summary.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, ProgressBar};
use serde::Serialize;
use tonepress::pcm::Repairs;
use tonepress::store::Object;
use tonepress::{Plan, Profile};

use super::super::report::{self, FailedJson, Failure, SkippedJson, clock, count, megabytes};
use super::list::Wanted;

#[derive(Serialize)]
struct Json<'a> {
    master: &'a str,
    profile: String,
    key: String,
    sample_rate: u32,
    channels: usize,
    samples: u64,
    duration_s: f64,
    audio_bytes: u64,
    path: String,
    seconds: f64,
    realtime_x: f64,
    #[serde(skip_serializing_if = "report::is_zero")]
    silenced_samples: u64,
    #[serde(skip_serializing_if = "report::is_zero")]
    clamped_samples: u64,
}

#[derive(Serialize)]
struct SummaryJson {
    summary: bool,
    pressed: u64,
    /// There before.
    present: u64,
    /// Pressed by another process meanwhile.
    elsewhere: u64,
    failed: u64,
    /// Masters whose turn has not come.
    masters_left: u64,
    audio_bytes: u64,
    seconds: f64,
    realtime_x: f64,
    interrupted: bool,
}

/// What is told of the work, and what has become of it.
pub(super) struct Report {
    json: bool,
    bar: ProgressBar,
    started: Instant,
    /// The work, and what is settled of it, in bytes of masters times profiles.
    all: f64,
    settled: f64,
    /// What was really pressed of that.
    pressed_work: f64,
    pressed: u64,
    present: u64,
    elsewhere: u64,
    pub(super) failed: u64,
    bytes: u64,
    /// Seconds of audio in finished renditions.
    audio: f64,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            bar: ProgressBar::hidden(),
            started: Instant::now(),
            all: 0.0,
            settled: 0.0,
            pressed_work: 0.0,
            pressed: 0,
            present: 0,
            elsewhere: 0,
            failed: 0,
            bytes: 0,
            audio: 0.0,
        }
    }

    pub(super) fn start(&mut self, wanted: &[Wanted]) {
        self.all = wanted.iter().map(|wanted| wanted.bytes as f64 * wanted.profiles.len() as f64).sum();
        self.bar = report::bar(1_000, "{bar:24.cyan/dim} {percent:>3} %  {prefix}  {wide_msg:.dim}");
        self.started = Instant::now();
    }

    /// Shows how far it is: `work` and `audio` (in seconds) are done of what is being pressed.
    pub(super) fn show(&self, work: f64, audio: f64, names: &str) {
        let elapsed = self.started.elapsed().as_secs_f64().max(1e-3);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 1,000
        self.bar.set_position((1_000.0 * (self.settled + work) / self.all.max(1.0)) as u64);
        // What was there took no time, so it says nothing about how long the rest takes.
        let speed = (self.pressed_work + work) / elapsed;
        let left = Duration::try_from_secs_f64((self.all - self.settled - work).max(0.0) / speed);
        let eta = left.map_or("?".to_owned(), |left| FormattedDuration(left).to_string());
        self.bar.set_prefix(format!(
            "{} pressed, {} there before  {:.0}x real time  ETA {eta}",
            count(self.pressed),
            count(self.present),
            (self.audio + audio) / elapsed
        ));
        self.bar.set_message(names.to_owned());
    }

    /// So much of the work is settled without pressing.
    pub(super) fn settle(&mut self, work: f64) {
        self.settled += work;
    }

    /// A rendition did not have to be pressed: it was there before, or another process has pressed it meanwhile.
    pub(super) fn present(
        &mut self,
        master: &str,
        profile: &Profile,
        object: &Object,
        elsewhere: bool,
    ) -> Result<(), Failure> {
        *(if elsewhere { &mut self.elsewhere } else { &mut self.present }) += 1;
        if !self.json {
            return Ok(()); // counted in the summary
        }
        let path = object.path().map(|path| path.display().to_string()).unwrap_or_default();
        let profile = profile.to_string();
        self.bar.suspend(|| report::json(&SkippedJson { master, profile, path, skipped: true }))
    }

    pub(super) fn pressed(
        &mut self,
        master: &str,
        plan: &Plan,
        object: &Object,
        repairs: Repairs,
        (work, taken): (f64, Duration),
    ) -> Result<(), Failure> {
        let duration = plan.resolved().rate().seconds(plan.samples());
        self.pressed += 1;
        self.pressed_work += work;
        self.settled += work;
        self.bytes += object.len();
        self.audio += duration;
        let seconds = taken.as_secs_f64();
        self.bar.suspend(|| {
            report::note_repairs(master, repairs.not_finite, repairs.clamped);
            if !self.json {
                let (size, profile) = (megabytes(object.len()), plan.profile());
                return report::line(format!(
                    "{}  {profile}  {size}  {}",
                    report::plain(master),
                    clock(duration)
                ));
            }
            report::json(&Json {
                master,
                profile: plan.profile().to_string(),
                key: object.key().map(|key| key.to_string()).unwrap_or_default(),
                sample_rate: plan.resolved().rate().hz(),
                channels: plan.resolved().channels(),
                samples: plan.samples().0,
                duration_s: duration,
                audio_bytes: object.len(),
                path: object.path().map(|path| path.display().to_string()).unwrap_or_default(),
                seconds,
                realtime_x: duration / seconds.max(1e-6),
                silenced_samples: repairs.not_finite,
                clamped_samples: repairs.clamped,
            })
        })
    }

    pub(super) fn note(&self, message: &str) {
        self.bar.suspend(|| report::note(message));
    }

    pub(super) fn failed(
        &mut self,
        master: &str,
        profile: Option<&Profile>,
        error: &str,
    ) -> Result<(), Failure> {
        self.failed += 1;
        self.bar.suspend(|| {
            if self.json {
                return report::json(&FailedJson { master, profile: profile.map(Profile::to_string), error });
            }
            report::error(error);
            Ok(())
        })
    }

    pub(super) fn summarise(&self, interrupted: bool, masters_left: u64) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        let realtime_x = self.audio / seconds.max(1e-3);
        if self.json {
            report::json(&SummaryJson {
                summary: true,
                pressed: self.pressed,
                present: self.present,
                elsewhere: self.elsewhere,
                failed: self.failed,
                masters_left,
                audio_bytes: self.bytes,
                seconds,
                realtime_x,
                interrupted,
            })?;
        }
        let mut summary = format!(
            "{}{} renditions, {} in {} ({realtime_x:.0}x real time); {} were there before",
            if interrupted { "interrupted: " } else { "" },
            count(self.pressed),
            megabytes(self.bytes),
            clock(seconds),
            count(self.present),
        );
        if self.elsewhere > 0 {
            let _ = write!(summary, "; {} were pressed by other processes", count(self.elsewhere));
        }
        if self.failed > 0 {
            let _ = write!(summary, "; {} failed", count(self.failed));
        }
        if masters_left > 0 {
            let _ = write!(summary, "; {} masters are left for the next run", count(masters_left));
        }
        report::note(&summary);
        Ok(())
    }
}
