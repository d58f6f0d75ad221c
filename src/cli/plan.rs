//! `tonepress plan`: sizes without encoding.

use std::path::Path;

use indicatif::ProgressBar;
use serde::Serialize;
use tonepress::{Plan, Profile, Size};

use super::failures::Failures;
use super::json::{self, Of};
use super::masters::opened;
use super::report::{self, Failure};
use super::text::{about, clock, count, plain, table};
use super::{Outcome, args};

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    profile: String,
    resolved: String,
    sample_rate: u32,
    channels: usize,
    samples: u64,
    duration_s: f64,
    frames: u64,
    segments: u64,
    /// Of the rendition without tags; the likely value where it is not exact.
    audio_bytes: u64,
    exact: bool,
    #[serde(flatten)]
    bounds: Option<Bounds>,
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names)] // names of the JSON
struct Bounds {
    low_bytes: u64,
    high_bytes: u64,
    cap_bytes: u64,
}

/// All renditions of one profile.
#[derive(Default)]
struct Sum {
    renditions: u64,
    /// The likely value where it is not exact.
    bytes: u64,
    low: u64,
    high: u64,
    audio: f64,
}

impl Sum {
    fn add(&mut self, plan: &Plan) {
        let size = plan.size();
        let (low, high) = match size {
            Size::Exact(bytes) => (bytes, bytes),
            Size::Estimate { low, high, .. } => (low, high),
        };
        self.renditions += 1;
        self.bytes += size.likely();
        self.low += low;
        self.high += high;
        self.audio += seconds(plan);
    }

    fn row(&self, name: String) -> Vec<String> {
        let exact = self.low == self.high;
        let range = if exact { String::new() } else { between(self.low, self.high) };
        vec![
            name,
            count(self.renditions),
            clock(self.audio),
            format!("{}{}", about(exact), count(self.bytes)),
            range,
        ]
    }
}

pub(crate) fn run(args: &args::Plan) -> Result<Outcome, Failure> {
    let profiles = args.profiles.each();
    let (exclude, limits) = (args.masters.exclude.set()?, args.profiles.limits());
    let mut rows = Vec::new();
    // In the order in which they were asked for; those that a master fell to come where they are met first.
    let mut sums: Vec<(Profile, Sum)> = Vec::new();
    let mut failures = Failures::new(args.json.json);
    let bar = ProgressBar::hidden();
    let mut fail = |master: &Path, profile: Option<&Profile>, error: &str| {
        failures.tell(&bar, master, profile, error)?;
        failures.settle(&bar, master);
        Ok::<_, Failure>(())
    };
    for opened in opened(&args.masters.paths, &exclude, &limits) {
        let (candidate, master) = match opened {
            Ok(opened) => opened,
            Err(unread) => {
                fail(&unread.path, None, &unread.error)?;
                continue;
            }
        };
        let chosen = args.profiles.nearest.each(master.info(), &profiles);
        chosen.fell.iter().try_for_each(|fell| fell.tell(&candidate.path, args.json.json))?;
        for plan in chosen.plans {
            let plan = match plan {
                Ok(plan) => plan,
                Err((profile, error)) => {
                    let error = args.profiles.nearest.refusal(&candidate.name(), &profile, &error);
                    fail(&candidate.path, Some(&profile), &error)?;
                    continue;
                }
            };
            if args.json.json {
                json::line("plan", &to_json(&candidate.path, &plan))?;
                continue;
            }
            rows.push(to_row(&candidate.name(), &plan));
            let known = sums.iter().position(|(profile, _)| profile == plan.profile());
            let at = known.unwrap_or_else(|| {
                sums.push((*plan.profile(), Sum::default()));
                sums.len() - 1
            });
            sums[at].1.add(&plan);
        }
    }
    if !rows.is_empty() {
        let header = ["MASTER", "PROFILE", "RATE", "CHANNELS", "DURATION", "BYTES"];
        report::line(table(&header, &[2, 4, 5], &[0], rows))?;
        totals(&sums)?;
    }
    if let Some(sum) = failures.sum() {
        report::note(&sum);
    }
    Ok(if failures.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

/// The sums of the profiles, where there is anything to sum up; and what estimates mean.
fn totals(sums: &[(Profile, Sum)]) -> Result<(), Failure> {
    let inexact = sums.iter().any(|(_, sum)| sum.low != sum.high);
    let many = sums.iter().map(|(_, sum)| sum.renditions).sum::<u64>() > 1;
    if !many && !inexact {
        return Ok(());
    }
    let mut all = Sum::default();
    let mut rows = Vec::new();
    for (profile, sum) in sums {
        rows.push(sum.row(profile.to_string()));
        all.renditions += sum.renditions;
        all.bytes += sum.bytes;
        all.low += sum.low;
        all.high += sum.high;
        all.audio += sum.audio;
    }
    if sums.len() > 1 {
        rows.push(all.row("all".to_owned()));
    }
    let range = if inexact { "PROBABLY BETWEEN" } else { "" };
    let header = ["PROFILE", "RENDITIONS", "DURATION", "BYTES", range];
    report::line(format!("\n{}", table(&header, &[1, 2, 3], &[], rows)))
}

fn between(low: u64, high: u64) -> String {
    format!("{} and {}", count(low), count(high))
}

fn seconds(plan: &Plan) -> f64 {
    plan.resolved().rate().seconds(plan.samples())
}

fn to_json<'a>(master: &'a Path, plan: &Plan) -> Json<'a> {
    let size = plan.size();
    Json {
        of: Of::new(master),
        profile: plan.profile().to_string(),
        resolved: plan.resolved().to_string(),
        sample_rate: plan.resolved().rate().hz(),
        channels: plan.resolved().channels(),
        samples: plan.samples().0,
        duration_s: seconds(plan),
        frames: plan.frames().0,
        segments: plan.segments(),
        audio_bytes: size.likely(),
        exact: size.is_exact(),
        bounds: match size {
            Size::Exact(_) => None,
            Size::Estimate { low, high, cap, .. } => {
                Some(Bounds { low_bytes: low, high_bytes: high, cap_bytes: cap })
            }
        },
    }
}

fn to_row(master: &str, plan: &Plan) -> Vec<String> {
    let size = plan.size();
    vec![
        plain(master).into_owned(),
        plan.profile().to_string(),
        plan.resolved().rate().hz().to_string(),
        if plan.resolved().channels() == 1 { "mono" } else { "stereo" }.to_owned(),
        clock(seconds(plan)),
        format!("{}{}", about(size.is_exact()), count(size.likely())),
    ]
}
