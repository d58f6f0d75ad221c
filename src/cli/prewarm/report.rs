//! What `prewarm` tells: a line or an object a rendition, progress, a summary.

use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde::Serialize;
use tonepress::engine::{Origin, Rendition};
use tonepress::pcm::Repairs;
use tonepress::store::Object;
use tonepress::{Plan, Profile};

use super::super::failures::Failures;
use super::super::json::{self, At, Of, Skipped};
use super::super::nearest::Fell;
use super::super::report::{self, Failure};
use super::super::text::{are, clock, count, megabytes, plain, result, several, speed, wait, were};
use super::list::Wanted;

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    profile: String,
    key: String,
    sample_rate: u32,
    channels: usize,
    samples: u64,
    duration_s: f64,
    audio_bytes: u64,
    #[serde(flatten)]
    at: At<'a>,
    seconds: f64,
    realtime_x: f64,
    #[serde(skip_serializing_if = "json::is_zero")]
    silenced_samples: u64,
    #[serde(skip_serializing_if = "json::is_zero")]
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
    failures: Failures,
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
            failures: Failures::new(json),
            bytes: 0,
            audio: 0.0,
        }
    }

    pub(super) fn start(&mut self, wanted: &[Wanted]) {
        self.all = wanted.iter().map(|wanted| wanted.bytes as f64 * wanted.profiles.len() as f64).sum();
        self.bar = report::bar(1_000, "{bar} {percent:>3} %  {prefix}  {wide_msg:.dim}");
        self.started = Instant::now();
    }

    /// Shows how far it is: `work` and `audio` (in seconds) are done of what is being pressed.
    pub(super) fn show(&self, work: f64, audio: f64, names: &str) {
        let elapsed = self.started.elapsed().as_secs_f64().max(1e-3);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 1,000
        self.bar.set_position((1_000.0 * (self.settled + work) / self.all.max(1.0)) as u64);
        // What was there took no time, so it says nothing about how long the rest takes.
        let speed = (self.pressed_work + work) / elapsed;
        let left = (self.all - self.settled - work).max(0.0) / speed;
        let left = if speed > 0.0 { wait(left) } else { "?".to_owned() };
        self.bar.set_prefix(format!(
            "{} pressed, {} there  {:.0}x  {left} left",
            count(self.pressed),
            count(self.present),
            (self.audio + audio) / elapsed
        ));
        self.bar.set_message(plain(names).into_owned());
    }

    /// A rendition is in the store: says so, and whether it was pressed for that, in so much time. `work` is settled.
    pub(super) fn stored(
        &mut self,
        master: &Path,
        rendition: &Rendition,
        object: &Object,
        (work, taken): (f64, Duration),
    ) -> Result<bool, Failure> {
        let plan = rendition.plan();
        let Some(origin) = rendition.origin().filter(|origin| *origin != Origin::Pressed) else {
            self.pressed(master, plan, object, rendition.repairs(), (work, taken))?;
            return Ok(true);
        };
        self.settle(work);
        self.present(master, plan.profile(), object, origin != Origin::Stored)?;
        Ok(false)
    }

    /// So much of the work is settled without pressing.
    pub(super) fn settle(&mut self, work: f64) {
        self.settled += work;
    }

    /// A rendition did not have to be pressed: it was there before, or another process has pressed it meanwhile.
    pub(super) fn present(
        &mut self,
        master: &Path,
        profile: &Profile,
        object: &Object,
        elsewhere: bool,
    ) -> Result<(), Failure> {
        *(if elsewhere { &mut self.elsewhere } else { &mut self.present }) += 1;
        if !self.json {
            report::detail(|| format!("{} at {profile}: there already", plain(&master.to_string_lossy())));
            return Ok(()); // counted in the summary
        }
        let path = object.path().unwrap_or(Path::new(""));
        self.bar.suspend(|| json::line("skipped", &Skipped::new(master, profile, path)))
    }

    fn pressed(
        &mut self,
        master: &Path,
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
            let name = master.to_string_lossy();
            report::note_repairs(&name, repairs.not_finite, repairs.clamped);
            if !self.json {
                let (size, profile) = (megabytes(object.len()), plan.profile());
                return report::done(result(&name, &format!("{profile}  {size}  {}", clock(duration))));
            }
            json::line(
                "rendition",
                &Json {
                    of: Of::new(master),
                    profile: plan.profile().to_string(),
                    key: object.key().map(|key| key.to_string()).unwrap_or_default(),
                    sample_rate: plan.resolved().rate().hz(),
                    channels: plan.resolved().channels(),
                    samples: plan.samples().0,
                    duration_s: duration,
                    audio_bytes: object.len(),
                    at: At::new(object.path().unwrap_or(Path::new(""))),
                    seconds,
                    realtime_x: duration / seconds.max(1e-6),
                    silenced_samples: repairs.not_finite,
                    clamped_samples: repairs.clamped,
                },
            )
        })
    }

    /// Says which profile stands for another.
    pub(super) fn fell(&self, master: &Path, fell: &Fell) -> Result<(), Failure> {
        self.bar.suspend(|| fell.tell(master, self.json))
    }

    pub(super) fn note(&self, message: &str) {
        self.bar.suspend(|| report::note(message));
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

    pub(super) fn failures(&self) -> u64 {
        self.failures.count()
    }

    pub(super) fn summarise(&mut self, interrupted: bool, masters_left: u64) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        self.failures.tell_rest();
        let seconds = self.started.elapsed().as_secs_f64();
        let realtime_x = self.audio / seconds.max(1e-3);
        if self.json {
            json::line(
                "summary",
                &SummaryJson {
                    summary: true,
                    pressed: self.pressed,
                    present: self.present,
                    elsewhere: self.elsewhere,
                    failed: self.failures(),
                    masters_left,
                    audio_bytes: self.bytes,
                    seconds,
                    realtime_x,
                    interrupted,
                },
            )?;
        }
        let speed =
            if self.pressed > 0 { format!(" ({})", speed(self.audio, seconds)) } else { String::new() };
        let mut summary = vec![format!(
            "{}{} pressed, {} in {}{speed}",
            if interrupted { "interrupted: " } else { "" },
            several(self.pressed, "rendition"),
            megabytes(self.bytes),
            clock(seconds),
        )];
        if self.present > 0 {
            summary.push(format!("{} {} there before", count(self.present), were(self.present)));
        }
        if self.elsewhere > 0 {
            let (number, verb) = (self.elsewhere, were(self.elsewhere));
            summary.push(format!("{} {verb} pressed by other processes", count(number)));
        }
        summary.extend(self.failures.sum());
        if masters_left > 0 {
            let (masters, verb) = (several(masters_left, "master"), are(masters_left));
            summary.push(format!("{masters} {verb} left for the next run"));
        }
        report::note(&summary.join("; "));
        Ok(())
    }
}
