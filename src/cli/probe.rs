//! `tonepress probe`: what masters are, whether they are sound, and how loud.

mod loudness;

use rayon::prelude::*;
use serde::Serialize;
use tonepress::master::loudness::Loudness;
use tonepress::master::{Limits, Master, MasterId, Verification};
use tonepress::tags::Tags;
use tonepress::{Error, Store};

use loudness::LoudnessJson;

use super::albums::Albums;
use super::masters::{Candidate, candidates};
use super::report::{self, FailedJson, Failure, clock, count};
use super::tags::{self, TagsJson};
use super::{Outcome, args};

/// What was found out about one file.
struct Probed {
    master: Master,
    id: MasterId,
    verification: Option<Verification>,
    stray_bytes: u64,
    loudness: Option<Loudness>,
    tags: Tags,
}

#[derive(Serialize)]
struct Json<'a> {
    master: &'a str,
    master_id: String,
    container: String,
    codec: String,
    sample_rate: u32,
    bits: u8,
    channels: usize,
    layout: String,
    positions: Vec<String>,
    samples: u64,
    duration_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stray_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loudness: Option<LoudnessJson>,
    #[serde(flatten)]
    tags: TagsJson<'a>,
}

pub(crate) fn run(args: &args::Probe) -> Result<Outcome, Failure> {
    let threads = args.jobs.threads();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Failure::Other(error.to_string()))?;
    let store = args.open_store()?;
    let mut some_failed = false;
    let mut albums = Albums::default();
    let mut all = candidates(&args.masters.paths).peekable();
    // A batch at a time: in parallel, and still told in order.
    while all.peek().is_some() {
        let batch: Vec<_> = all.by_ref().take(4 * threads).collect();
        let probed: Vec<_> = pool.install(|| {
            batch.par_iter().map(|candidate| probe(candidate.as_ref().ok()?, args, store.as_ref())).collect()
        });
        for (candidate, probed) in batch.iter().zip(probed) {
            let (name, probed) = match (candidate, probed) {
                (Ok(candidate), Some(probed)) => {
                    match &probed {
                        Ok(Probed { loudness: Some(loudness), master, tags, .. }) => {
                            albums.add(candidate, master, tags, loudness);
                        }
                        _ => albums.fail(candidate),
                    }
                    (candidate.name(), probed.map_err(|error| error.to_string()))
                }
                (Ok(_), None) => continue,
                (Err(error), _) => (String::new(), Err(error.clone())),
            };
            match probed {
                Ok(probed) if args.json.json => report::json(&to_json(&name, &probed))?,
                Ok(probed) => report::line(to_text(&name, &probed))?,
                Err(error) => {
                    some_failed = true;
                    if args.json.json {
                        report::json(&FailedJson { master: &name, profile: None, error: &error })?;
                    } else {
                        report::error(&error);
                    }
                }
            }
        }
    }
    if args.loudness {
        loudness::tell(&albums, args.json.json)?;
        if let Some(store) = &store {
            albums.note(store)?;
        }
    }
    Ok(if some_failed { Outcome::SomeFailed } else { Outcome::Done })
}

fn probe(candidate: &Candidate, args: &args::Probe, store: Option<&Store>) -> Option<Result<Probed, Error>> {
    let master = match candidate.open(&Limits::default())? {
        Ok(master) => master,
        Err(error) => return Some(Err(error)),
    };
    Some(examine(master, args, store))
}

fn examine(master: Master, args: &args::Probe, store: Option<&Store>) -> Result<Probed, Error> {
    let id = match store {
        Some(store) => store.masters().identify(&master)?,
        None => master.id()?,
    };
    let verification = args.verify.then(|| verify(&master, &id, store)).transpose()?;
    let stray_bytes = master.stray_bytes()?;
    let loudness = args.loudness.then(|| loudness::of(&master, store)).transpose()?;
    let tags = master.tags()?;
    Ok(Probed { master, id, verification, stray_bytes, loudness, tags })
}

/// Verifies a master, and notes in the store what came of it.
fn verify(master: &Master, id: &MasterId, store: Option<&Store>) -> Result<Verification, Error> {
    let verdict = master.verdict()?;
    if let Some(store) = store {
        store.masters().note_verdict(id, &verdict)?;
    }
    verdict.check(master.name())
}

fn to_json<'a>(name: &'a str, probed: &'a Probed) -> Json<'a> {
    let info = probed.master.info();
    Json {
        master: name,
        master_id: probed.id.to_string(),
        container: info.container.to_string(),
        codec: info.codec.to_string(),
        sample_rate: info.rate.hz(),
        bits: info.bits,
        channels: info.layout.channels(),
        layout: info.layout.to_string(),
        positions: info.layout.positions().iter().map(ToString::to_string).collect(),
        samples: info.samples.0,
        duration_s: info.seconds(),
        verification: probed.verification.map(|verification| match verification {
            Verification::Md5Matches => "md5 matches",
            Verification::NoMd5 => "no md5",
            _ => "no checksums",
        }),
        stray_bytes: Some(probed.stray_bytes).filter(|&bytes| bytes > 0),
        loudness: probed.loudness.as_ref().map(LoudnessJson::from),
        tags: TagsJson::new(&probed.tags),
    }
}

fn to_text(name: &str, probed: &Probed) -> String {
    let info = probed.master.info();
    let codec = match (info.codec.to_string(), info.container.to_string()) {
        (codec, container) if codec == container => codec,
        (codec, container) => format!("{codec} in {container}"),
    };
    let verification =
        probed.verification.map_or(String::new(), |verification| format!("\n  check    {verification}"));
    let stray = match probed.stray_bytes {
        0 => String::new(),
        bytes => format!("\n  note     {} bytes behind the audio are no part of it", count(bytes)),
    };
    let loudness = probed.loudness.as_ref().map_or(String::new(), loudness::to_text);
    let layout = if info.layout.channels() > 2 {
        let positions: Vec<_> = info.layout.positions().iter().map(ToString::to_string).collect();
        format!("{} ({})", info.layout, positions.join(" "))
    } else {
        info.layout.to_string()
    };
    let tags = tags::lines(&probed.tags);
    let width = tags.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut heading = "tags";
    let tags = tags.into_iter().fold(String::new(), |text, (name, value)| {
        text + &format!("\n  {:<9}{name:<width$}  {value}", std::mem::take(&mut heading))
    });
    format!(
        "{}\n  audio    {codec}, {} bits, {}, {}\n  length   {} ({} samples)\n  id       {}{verification}{stray}{loudness}{tags}\n",
        report::plain(name),
        info.bits,
        info.rate,
        layout,
        clock(info.seconds()),
        count(info.samples.0),
        probed.id,
    )
}
