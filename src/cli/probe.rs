//! `tonepress probe`: what masters are, whether they are sound, and how loud.

mod loudness;

use std::path::Path;

use indicatif::ProgressBar;
use serde::Serialize;
use tonepress::master::loudness::Loudness;
use tonepress::master::{Limits, Master, MasterId, Verification};
use tonepress::tags::Tags;
use tonepress::{Error, Store};

use loudness::LoudnessJson;

use super::albums::Albums;
use super::batch::Ahead;
use super::failures::Failures;
use super::json::{self, Of};
use super::masters::{Candidate, Unread, candidates};
use super::report::{self, Failure};
use super::tags::{self, TagsJson};
use super::text::{are, clock, count, plain, several};
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
    #[serde(flatten)]
    of: Of<'a>,
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

/// What is to be found out.
#[derive(Clone, Copy)]
struct Ask {
    verify: bool,
    loudness: bool,
}

pub(crate) fn run(args: &args::Probe) -> Result<Outcome, Failure> {
    if args.loudness {
        args.jobs.limit_measuring()?;
    }
    let store = args.open_store()?;
    let (ask, of) = (Ask { verify: args.verify, loudness: args.loudness }, store.clone());
    let look = move |candidate: Result<Candidate, Unread>| {
        let probed = candidate.as_ref().ok().and_then(|candidate| probe(candidate, ask, of.as_ref()));
        (candidate, probed)
    };
    let exclude = args.masters.exclude.set()?;
    let mut ahead = Ahead::new(candidates(&args.masters.paths, &exclude), args.jobs.threads().get(), look)?;
    let mut failures = Failures::new(args.json.json);
    let bar = ProgressBar::hidden();
    let mut albums = Albums::default();
    while let Some(looked) = ahead.next()? {
        let (path, probed) = match looked {
            (Ok(candidate), Some(probed)) => {
                match &probed {
                    Ok(Probed { loudness: Some(loudness), master, tags, .. }) => {
                        albums.add(&candidate, master, tags, loudness);
                    }
                    _ => albums.fail(&candidate),
                }
                (candidate.path, probed.map_err(|error| error.to_string()))
            }
            (Ok(_), None) => continue,
            (Err(unread), _) => (unread.path, Err(unread.error)),
        };
        match probed {
            Ok(probed) if args.json.json => json::line("master", &to_json(&path, &probed))?,
            Ok(probed) => report::line(to_text(&path.to_string_lossy(), &probed))?,
            Err(error) => {
                failures.tell(&bar, &path, None, &error)?;
                failures.settle(&bar, &path);
            }
        }
    }
    if args.loudness {
        loudness::tell(&albums, args.json.json)?;
        if let Some(store) = &store {
            albums.note(store)?;
        }
    }
    if let Some(sum) = failures.sum() {
        report::note(&sum);
    }
    Ok(if failures.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

fn probe(candidate: &Candidate, ask: Ask, store: Option<&Store>) -> Option<Result<Probed, Error>> {
    let master = match candidate.open(&Limits::default())? {
        Ok(master) => master,
        Err(error) => return Some(Err(error)),
    };
    Some(examine(master, ask, store))
}

fn examine(master: Master, ask: Ask, store: Option<&Store>) -> Result<Probed, Error> {
    let id = match store {
        Some(store) => store.masters().identify(&master)?,
        None => master.id()?,
    };
    let verification = ask.verify.then(|| verify(&master, &id, store)).transpose()?;
    let stray_bytes = master.stray_bytes()?;
    let loudness = ask.loudness.then(|| loudness::of(&master, store)).transpose()?;
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

fn to_json<'a>(path: &'a Path, probed: &'a Probed) -> Json<'a> {
    let info = probed.master.info();
    Json {
        of: Of::new(path),
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
        bytes => {
            let (bytes, are) = (several(bytes, "byte"), are(bytes));
            format!("\n  note     {bytes} behind the audio {are} no part of it")
        }
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
        plain(name),
        info.bits,
        info.rate,
        layout,
        clock(info.seconds()),
        count(info.samples.0),
        probed.id,
    )
}
