//! `tonepress plan`: sizes without encoding.

use serde::Serialize;
use tonepress::{Plan, Size};

use super::masters::opened;
use super::report::{self, FailedJson, Failure, clock, count};
use super::{Outcome, args};

#[derive(Serialize)]
struct Json<'a> {
    master: &'a str,
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

pub(crate) fn run(args: &args::Plan) -> Result<Outcome, Failure> {
    let profiles = args.profiles.each();
    let mut rows = Vec::new();
    let mut some_failed = false;
    let mut fail = |master: &str, profile: Option<String>, error: &str| {
        some_failed = true;
        if args.json.json {
            return report::json(&FailedJson { master, profile, error });
        }
        report::error(error);
        Ok(())
    };
    for opened in opened(&args.masters.paths, &args.profiles.limits()) {
        let (candidate, master) = match opened {
            Ok(opened) => opened,
            Err((name, error)) => {
                fail(&name, None, &error)?;
                continue;
            }
        };
        let name = candidate.name();
        for profile in &profiles {
            match Plan::new(master.info(), profile) {
                Ok(plan) if args.json.json => report::json(&to_json(&name, &plan))?,
                Ok(plan) => rows.push(to_row(&name, &plan)),
                Err(error) => fail(&name, Some(profile.to_string()), &format!("{name}: {error}"))?,
            }
        }
    }
    if !rows.is_empty() {
        let header = ["MASTER", "PROFILE", "RATE", "CHANNELS", "DURATION", "FRAMES", "BYTES", ""];
        report::line(report::table(&header, &[2, 4, 5, 6], rows).trim_fmt())?;
    }
    Ok(if some_failed { Outcome::SomeFailed } else { Outcome::Done })
}

fn seconds(plan: &Plan) -> f64 {
    plan.resolved().rate().seconds(plan.samples())
}

fn to_json<'a>(master: &'a str, plan: &Plan) -> Json<'a> {
    let size = plan.size();
    Json {
        master,
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
    let (bytes, note) = match plan.size() {
        Size::Exact(bytes) => (count(bytes), String::new()),
        Size::Estimate { low, likely, high, .. } => {
            (format!("~{}", count(likely)), format!("probably {} to {}", count(low), count(high)))
        }
    };
    vec![
        report::plain(master).into_owned(),
        plan.profile().to_string(),
        plan.resolved().rate().hz().to_string(),
        if plan.resolved().channels() == 1 { "mono" } else { "stereo" }.to_owned(),
        clock(seconds(plan)),
        count(plan.frames().0),
        bytes,
        note,
    ]
}
