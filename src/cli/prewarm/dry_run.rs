//! What a run would do: sizes, evictions, time.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use tonepress::store::{Key, Recipe};
use tonepress::{Plan, Profile, Size, Store};

use super::super::json::{self, Of};
use super::super::report::{self, Failure};
use super::super::text::{about, are, brief, count, megabytes, several, table, wait};
use super::super::trial::cost;
use super::super::{Outcome, args};
use super::list::Wanted;
use super::report::Report;

/// How many of the renditions that would go are named.
const NAMED: usize = 10;

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    profile: String,
    duration_s: f64,
    /// The likely value where it is not exact.
    audio_bytes: u64,
    exact: bool,
    present: bool,
}

#[derive(Serialize)]
struct SummaryJson {
    summary: bool,
    dry_run: bool,
    to_press: u64,
    present: u64,
    failed: u64,
    audio_bytes: u64,
    exact: bool,
    /// About how long it would take.
    seconds: f64,
    evicts: Vec<Key>,
    evicted_bytes: u64,
    /// Why there is no room, whatever is evicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_room: Option<String>,
}

/// All renditions of a profile.
#[derive(Default)]
struct Sum {
    present: u64,
    to_press: u64,
    bytes: u64,
    inexact: bool,
    /// Seconds.
    audio: f64,
    /// The seconds that a second of audio takes on one core, tried with the first master.
    cost: f64,
}

impl Sum {
    /// Adds a rendition that is to be pressed, of so many seconds.
    fn add(&mut self, size: Size, audio: f64) {
        self.to_press += 1;
        self.bytes += size.likely();
        self.inexact |= !size.is_exact();
        self.audio += audio;
    }
}

pub(super) fn run(
    args: &args::Prewarm,
    store: &Store,
    wanted: &[Wanted],
    mut report: Report,
) -> Result<Outcome, Failure> {
    let mut sums: BTreeMap<Profile, Sum> = BTreeMap::new();
    let mut sizes = Vec::new();
    for wanted in wanted {
        let path = &wanted.candidate.path;
        let master = match wanted.candidate.open(&crate::cli::options::limits(&wanted.profiles)) {
            None => continue,
            Some(Ok(master)) => master,
            Some(Err(error)) => {
                report.failed(path, None, &error.to_string())?;
                report.settled(path);
                continue;
            }
        };
        let id = store.masters().recall(&master)?;
        let chosen = args.wants.nearest.each(master.info(), &wanted.profiles);
        chosen.fell.iter().try_for_each(|fell| report.fell(path, fell))?;
        for plan in chosen.plans {
            let plan = match plan {
                Ok(plan) => plan,
                Err((profile, error)) => {
                    let error = args.wants.nearest.refusal(&wanted.candidate.name(), &profile, &error);
                    report.failed(path, Some(&profile), &error)?;
                    continue;
                }
            };
            let profile = plan.profile();
            let key = id.map(|id| Recipe::new(id, *plan.resolved())).transpose()?.map(|recipe| recipe.key());
            let present = key.is_some_and(|key| store.path(&key).exists());
            let audio = plan.resolved().rate().seconds(plan.samples());
            let (size, sum) = (plan.size(), sums.entry(*profile).or_default());
            if present {
                sum.present += 1;
            } else {
                if sum.cost <= 0.0 {
                    // A master that fails here will be reported when its turn comes; the next is tried.
                    sum.cost = cost(&master, &plan).unwrap_or(0.0);
                }
                sum.add(size, audio);
                sizes.push(size.likely());
            }
            if args.json.json {
                tell_planned(path, &plan, present)?;
            }
        }
        report.settled(path);
    }
    let (evicted, no_room) = match store.would_evict(sizes) {
        Ok(evicted) => (evicted, None),
        Err(error @ tonepress::Error::StoreFull { .. }) => (Vec::new(), Some(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let threads = args.jobs.threads().get() as f64;
    let seconds = |sum: &Sum| sum.audio * sum.cost / threads;
    let evicted_bytes = evicted.iter().map(|entry| entry.bytes).sum();
    let summary = SummaryJson {
        summary: true,
        dry_run: true,
        to_press: sums.values().map(|sum| sum.to_press).sum(),
        present: sums.values().map(|sum| sum.present).sum(),
        failed: report.failures(),
        audio_bytes: sums.values().map(|sum| sum.bytes).sum(),
        exact: !sums.values().any(|sum| sum.inexact),
        seconds: sums.values().map(seconds).sum(),
        evicts: evicted.iter().map(|entry| entry.key).collect(),
        evicted_bytes,
        no_room,
    };
    if args.json.json {
        json::line("summary", &summary)?;
    } else {
        let row = |(profile, sum): (&Profile, &Sum)| {
            vec![
                profile.to_string(),
                count(sum.present),
                count(sum.to_press),
                format!("{}{}", about(!sum.inexact), count(sum.bytes)),
                if sum.to_press > 0 && sum.cost <= 0.0 { "?".to_owned() } else { wait(seconds(sum)) },
            ]
        };
        let rows: Vec<_> = sums.iter().map(row).collect();
        let header = ["PROFILE", "PRESENT", "TO PRESS", "BYTES", "TAKES ABOUT"];
        report::line(table(&header, &[1, 2, 3, 4], &[], rows))?;
        tell(&summary)?;
        for entry in evicted.iter().take(NAMED) {
            let of = entry.sidecar.as_ref().map_or("unknown", |sidecar| &sidecar.profile);
            report::line(format!("  {}  {of}  {}", brief(&entry.key), megabytes(entry.bytes)))?;
        }
        if evicted.len() > NAMED {
            report::line(format!("  and {} more (--json names them all)", evicted.len() - NAMED))?;
        }
    }
    Ok(if report.failures() > 0 { Outcome::SomeFailed } else { Outcome::Done })
}

fn tell_planned(master: &Path, plan: &Plan, present: bool) -> Result<(), Failure> {
    let object = Json {
        of: Of::new(master),
        profile: plan.profile().to_string(),
        duration_s: plan.resolved().rate().seconds(plan.samples()),
        audio_bytes: plan.size().likely(),
        exact: plan.size().is_exact(),
        present,
    };
    json::line("planned", &object)
}

fn tell(summary: &SummaryJson) -> Result<(), Failure> {
    report::line(format!(
        "\n{} to press, {}{} bytes, in about {}; {} {} there",
        several(summary.to_press, "rendition"),
        about(summary.exact),
        count(summary.audio_bytes),
        wait(summary.seconds),
        count(summary.present),
        are(summary.present),
    ))?;
    if let Some(no_room) = &summary.no_room {
        return report::line(format!("there is not enough room for them: {no_room}"));
    }
    if summary.evicts.is_empty() {
        return report::line("nothing would be evicted");
    }
    report::line(format!(
        "{}, {} bytes, would be evicted, the least recently used first:",
        several(summary.evicts.len() as u64, "rendition"),
        count(summary.evicted_bytes)
    ))
}
