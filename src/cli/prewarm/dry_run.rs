//! What a run would do: sizes, evictions, time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::HumanDuration;
use serde::Serialize;
use tonepress::master::Master;
use tonepress::master::convert::{Converter, to_channels};
use tonepress::pcm::Pcm;
use tonepress::rendition::press::SegmentEncoder;
use tonepress::store::{Key, Recipe};
use tonepress::{Plan, Profile, Samples, Store};

use super::super::report::{self, Failure, count, megabytes};
use super::super::{Outcome, args};
use super::list::Wanted;
use super::report::Report;

/// How many seconds of a master are pressed to see how long the rest takes.
const TRIAL: u64 = 10;
/// How many of the renditions that would go are named.
const NAMED: usize = 10;

#[derive(Serialize)]
struct Json<'a> {
    master: &'a str,
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

pub(super) fn run(
    args: &args::Prewarm,
    store: &Store,
    wanted: &[Wanted],
    mut report: Report,
) -> Result<Outcome, Failure> {
    let mut sums: BTreeMap<Profile, Sum> = BTreeMap::new();
    let mut sizes = Vec::new();
    for wanted in wanted {
        let name = wanted.candidate.name();
        let master = match wanted.candidate.open(&crate::cli::options::limits(&wanted.profiles)) {
            None => continue,
            Some(Ok(master)) => master,
            Some(Err(error)) => {
                report.failed(&name, None, &error.to_string())?;
                continue;
            }
        };
        let id = store.masters().recall(&master)?;
        for profile in &wanted.profiles {
            let plan = match Plan::new(master.info(), profile) {
                Ok(plan) => plan,
                Err(error) => {
                    report.failed(&name, Some(profile), &format!("{name}: {error}"))?;
                    continue;
                }
            };
            let key = id.map(|id| Recipe::new(id, *plan.resolved())).transpose()?.map(|recipe| recipe.key());
            let present = key.is_some_and(|key| store.path(&key).exists());
            let audio = plan.resolved().rate().seconds(plan.samples());
            let (size, sum) = (plan.size(), sums.entry(*profile).or_default());
            if present {
                sum.present += 1;
            } else {
                if sum.to_press == 0 {
                    // A master that fails here will be reported when its turn comes.
                    sum.cost = cost(&master, &plan).unwrap_or(0.0);
                }
                sum.to_press += 1;
                sum.bytes += size.likely();
                sum.inexact |= !size.is_exact();
                sum.audio += audio;
                sizes.push(size.likely());
            }
            if args.json.json {
                report::json(&Json {
                    master: &name,
                    profile: profile.to_string(),
                    duration_s: audio,
                    audio_bytes: size.likely(),
                    exact: size.is_exact(),
                    present,
                })?;
            }
        }
    }
    let (evicted, no_room) = match store.would_evict(sizes) {
        Ok(evicted) => (evicted, None),
        Err(error @ tonepress::Error::StoreFull { .. }) => (Vec::new(), Some(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let threads = args.jobs.threads() as f64;
    let seconds = |sum: &Sum| sum.audio * sum.cost / threads;
    let evicted_bytes = evicted.iter().map(|entry| entry.bytes).sum();
    let summary = SummaryJson {
        summary: true,
        dry_run: true,
        to_press: sums.values().map(|sum| sum.to_press).sum(),
        present: sums.values().map(|sum| sum.present).sum(),
        failed: report.failed,
        audio_bytes: sums.values().map(|sum| sum.bytes).sum(),
        exact: !sums.values().any(|sum| sum.inexact),
        seconds: sums.values().map(seconds).sum(),
        evicts: evicted.iter().map(|entry| entry.key).collect(),
        evicted_bytes,
        no_room,
    };
    if args.json.json {
        report::json(&summary)?;
    } else {
        let row = |(profile, sum): (&Profile, &Sum)| {
            vec![
                profile.to_string(),
                count(sum.present),
                count(sum.to_press),
                format!("{}{}", about(sum.inexact), count(sum.bytes)),
                HumanDuration(duration(seconds(sum))).to_string(),
            ]
        };
        let rows: Vec<_> = sums.iter().map(row).collect();
        let header = ["PROFILE", "PRESENT", "TO PRESS", "BYTES", "TAKES ABOUT"];
        report::line(report::table(&header, &[1, 2, 3], rows).trim_fmt())?;
        tell(&summary)?;
        for entry in evicted.iter().take(NAMED) {
            let of = entry.sidecar.as_ref().map_or("unknown", |sidecar| &sidecar.profile);
            report::line(format!("  {:.12}  {of}  {}", entry.key.to_string(), megabytes(entry.bytes)))?;
        }
        if evicted.len() > NAMED {
            report::line(format!("  and {} more (--json names them all)", evicted.len() - NAMED))?;
        }
    }
    Ok(if report.failed > 0 { Outcome::SomeFailed } else { Outcome::Done })
}

fn about(inexact: bool) -> &'static str {
    if inexact { "~" } else { "" }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn tell(summary: &SummaryJson) -> Result<(), Failure> {
    report::line(format!(
        "\n{} renditions to press, {}{} bytes, in about {}; {} are there",
        count(summary.to_press),
        about(!summary.exact),
        count(summary.audio_bytes),
        HumanDuration(duration(summary.seconds)),
        count(summary.present),
    ))?;
    if let Some(no_room) = &summary.no_room {
        return report::line(format!("there is not enough room for them: {no_room}"));
    }
    if summary.evicts.is_empty() {
        return report::line("nothing would be evicted");
    }
    report::line(format!(
        "{} renditions, {} bytes, would be evicted, the least recently used first:",
        count(summary.evicts.len() as u64),
        count(summary.evicted_bytes)
    ))
}

/// Presses a little from the middle of a master: the seconds that a second takes on one core.
fn cost(master: &Master, plan: &Plan) -> tonepress::Result<f64> {
    let began = Instant::now();
    let (rate, channels) = (plan.resolved().rate(), plan.resolved().channels());
    let index = plan.segments() / 2;
    let segment = plan.segment(index);
    let end = segment.pcm.end.min(segment.pcm.start + TRIAL * u64::from(rate.hz()));
    let range = segment.pcm.start..end;
    let (mut pcm, mut mixed) = (Pcm::default(), Pcm::default());
    Converter::new(master)?.read(rate, range.clone(), &plan.master_range(&range), &mut pcm)?;
    let pcm = match to_channels(pcm.channels(), channels) {
        None => &pcm,
        Some(mix) => {
            mix.apply(&pcm, &mut mixed);
            &mixed
        }
    };
    SegmentEncoder::new(plan, index)?.push(pcm, &mut Vec::new())?;
    Ok(began.elapsed().as_secs_f64() / rate.seconds(Samples(end - range.start)).max(1e-6))
}
