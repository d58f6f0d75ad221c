//! `tonepress cache`: looking after a store.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tonepress::rendition::fingerprint::Fingerprint;
use tonepress::store::{Entry, Filter, Key, Scrub, Store};

use super::args::{CacheAction, CacheCommand, Selection};
use super::report::{self, Failure, count, megabytes};
use super::{Outcome, args};

pub(crate) fn run(args: &args::CacheCommand) -> Result<Outcome, Failure> {
    let store = args.open().map_err(Failure::Usage)?;
    match &args.action {
        CacheAction::Stat => stat(args, &store),
        CacheAction::Ls(selection) => ls(args, &store, selection),
        CacheAction::Verify { selection, sample, rate } => {
            let rate = rate.map(|rate| rate.as_u64());
            verify(args, &store, selection, *sample, rate)
        }
        CacheAction::Gc { stale } => gc(args, &store, *stale),
        CacheAction::Rm { selection, all } => rm(args, &store, selection, *all),
        CacheAction::Path { key } => {
            let key = one_key(&store, key)?;
            report::line(store.path(&key).display())?;
            Ok(Outcome::Done)
        }
        CacheAction::Pin { keys, undo } => {
            for key in keys {
                store.pin(&one_key(&store, key)?, !undo)?;
            }
            Ok(Outcome::Done)
        }
    }
}

/// The filters of a selection: a rendition is meant if any of them admits it.
fn filters(selection: &Selection) -> Result<Vec<Filter>, Failure> {
    let filter = Filter {
        key: None,
        master: selection.master,
        profile: selection.profile.map(|profile| profile.to_string()),
        not_fingerprints: if selection.stale { Fingerprint::current()? } else { Vec::new() },
        unused_since: selection.unused_for.and_then(|time| SystemTime::now().checked_sub(time)),
        ..Filter::default()
    };
    if selection.keys.is_empty() {
        return Ok(vec![filter]);
    }
    let with_key = |key: &String| Filter { key: Some(key.to_ascii_lowercase()), ..filter.clone() };
    Ok(selection.keys.iter().map(with_key).collect())
}

fn entries(store: &Store, selection: &Selection) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for filter in filters(selection)? {
        entries.extend(store.list(&filter)?);
    }
    entries.sort_by_key(|entry| entry.key);
    entries.dedup_by_key(|entry| entry.key);
    Ok(entries)
}

/// The only key that begins with `start`; a whole key need not be stored.
pub(super) fn one_key(store: &Store, start: &str) -> Result<Key, Failure> {
    if let Ok(key) = start.parse() {
        return Ok(key);
    }
    let filter = Filter { key: Some(start.to_ascii_lowercase()), ..Filter::default() };
    match &store.list(&filter)?[..] {
        [only] => Ok(only.key),
        [] => Err(Failure::Other(format!("no rendition's key begins with '{start}'"))),
        several => Err(Failure::Other(format!("{} renditions' keys begin with '{start}'", several.len()))),
    }
}

fn age(entry: &Entry) -> Duration {
    entry.last_used.elapsed().unwrap_or_default()
}

/// `3 days` rather than `3days 4h 12m 1s`.
fn rough(age: Duration) -> String {
    let seconds = age.as_secs();
    let (number, unit) = match seconds {
        0..3_600 => return "less than an hour".to_owned(),
        3_600..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[derive(Default, Clone, Copy, Serialize)]
struct Sum {
    renditions: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, entry: &Entry) {
        self.renditions += 1;
        self.bytes += entry.bytes;
    }
}

/// The classes of age, by the days that they end at.
const AGES: [(u64, &str); 4] =
    [(1, "within a day"), (7, "within a week"), (30, "within a month"), (u64::MAX, "longer ago")];

#[derive(Serialize)]
struct StatJson {
    renditions: u64,
    bytes: u64,
    disk_bytes: u64,
    reserved_bytes: u64,
    writers: u64,
    pinned: u64,
    quarantined: u64,
    max_bytes: Option<u64>,
    free_bytes: u64,
    /// One for each encoder.
    this_build: Vec<String>,
    profiles: BTreeMap<String, Sum>,
    builds: BTreeMap<String, Sum>,
    last_used: BTreeMap<&'static str, Sum>,
}

fn stat(args: &CacheCommand, store: &Store) -> Result<Outcome, Failure> {
    let stat = store.stat()?;
    let this_build: Vec<_> = Fingerprint::current()?.iter().map(Fingerprint::to_string).collect();
    let (mut profiles, mut builds, mut ages) =
        (BTreeMap::new(), BTreeMap::new(), [Sum::default(); AGES.len()]);
    let mut all = Sum::default();
    for entry in store.list(&Filter::default())? {
        let fact = |known: Option<String>| known.unwrap_or_else(|| "unknown".to_owned());
        let (profile, build) = match &entry.sidecar {
            Some(sidecar) => (Some(sidecar.profile.clone()), Some(sidecar.fingerprint.to_string())),
            None => (None, None),
        };
        let days = age(&entry).as_secs() / 86_400;
        let class = AGES.iter().position(|&(end, _)| days < end).unwrap_or(AGES.len() - 1);
        for sum in [
            &mut all,
            &mut ages[class],
            profiles.entry(fact(profile)).or_insert_with(Sum::default),
            builds.entry(fact(build)).or_insert_with(Sum::default),
        ] {
            sum.add(&entry);
        }
    }
    if args.json {
        report::json(&StatJson {
            renditions: all.renditions,
            bytes: all.bytes,
            disk_bytes: stat.charged,
            reserved_bytes: stat.reserved,
            writers: stat.writers,
            pinned: stat.pinned,
            quarantined: stat.quarantined,
            max_bytes: stat.max_bytes,
            free_bytes: stat.free,
            this_build,
            profiles,
            builds,
            last_used: AGES.iter().map(|&(_, name)| name).zip(ages).collect(),
        })?;
        return Ok(Outcome::Done);
    }
    let budget = stat.max_bytes.map_or("no limit".to_owned(), |max| format!("of {}", megabytes(max)));
    report::line(format!(
        "{} renditions, {} on disk ({budget}), {} pinned; {} free on the file system",
        count(all.renditions),
        megabytes(stat.charged),
        stat.pinned,
        megabytes(stat.free)
    ))?;
    if stat.writers > 0 {
        report::line(format!("{} being written, {} reserved", stat.writers, megabytes(stat.reserved)))?;
    }
    if stat.quarantined > 0 {
        report::line(format!("{} failed verification; `cache gc` removes them", stat.quarantined))?;
    }
    let rows = |sums: Vec<(String, Sum)>| {
        let row = |(name, sum): (String, Sum)| vec![name, count(sum.renditions), megabytes(sum.bytes)];
        sums.into_iter().filter(|(_, sum)| sum.renditions > 0).map(row).collect::<Vec<_>>()
    };
    let this = |build: String| {
        let note = if this_build.contains(&build) { " (this build)" } else { "" };
        format!("{build:.12}{note}")
    };
    for (header, sums) in [
        ("PROFILE", profiles.into_iter().collect::<Vec<_>>()),
        ("PRESSED BY", builds.into_iter().map(|(build, sum)| (this(build), sum)).collect()),
        ("LAST USED", AGES.iter().map(|&(_, name)| name.to_owned()).zip(ages).collect()),
    ] {
        let rows = rows(sums);
        if !rows.is_empty() {
            report::line(format!(
                "\n{}",
                report::table(&[header, "RENDITIONS", "SIZE"], &[1, 2], rows).trim_fmt()
            ))?;
        }
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct EntryJson<'a> {
    key: Key,
    path: String,
    bytes: u64,
    unused_s: u64,
    pinned: bool,
    #[serde(flatten)]
    sidecar: Option<Facts<'a>>,
}

#[derive(Serialize)]
struct Facts<'a> {
    master: String,
    profile: &'a str,
    resolved: &'a str,
    duration_frames: u64,
    fingerprint: String,
    engine: &'a str,
    published: u64,
}

fn ls(args: &CacheCommand, store: &Store, selection: &Selection) -> Result<Outcome, Failure> {
    let mut rows = Vec::new();
    for entry in entries(store, selection)? {
        if args.json {
            report::json(&EntryJson {
                key: entry.key,
                path: store.path(&entry.key).display().to_string(),
                bytes: entry.bytes,
                unused_s: age(&entry).as_secs(),
                pinned: entry.pinned,
                sidecar: entry.sidecar.as_ref().map(|sidecar| Facts {
                    master: sidecar.master.to_string(),
                    profile: &sidecar.profile,
                    resolved: &sidecar.resolved,
                    duration_frames: sidecar.frames,
                    fingerprint: sidecar.fingerprint.to_string(),
                    engine: &sidecar.engine,
                    published: sidecar.published,
                }),
            })?;
            continue;
        }
        let (profile, master) = match &entry.sidecar {
            Some(sidecar) => (sidecar.profile.clone(), format!("{:.12}", sidecar.master.to_string())),
            None => ("unknown".to_owned(), "unknown".to_owned()),
        };
        let pinned = if entry.pinned { "pinned" } else { "" };
        let key = format!("{:.12}", entry.key.to_string());
        rows.push(vec![key, profile, count(entry.bytes), rough(age(&entry)), master, pinned.to_owned()]);
    }
    if !rows.is_empty() {
        let header = ["KEY", "PROFILE", "BYTES", "UNUSED FOR", "MASTER", ""];
        report::line(report::table(&header, &[2, 3], rows).trim_fmt())?;
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct CheckedJson {
    key: Key,
    bytes: u64,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantined: Option<String>,
}

fn verify(
    args: &CacheCommand,
    store: &Store,
    selection: &Selection,
    sample: f64,
    bytes_per_second: Option<u64>,
) -> Result<Outcome, Failure> {
    let (mut checked, mut bytes, mut bad) = (0, 0, 0);
    let mut told = Ok(());
    for filter in filters(selection)? {
        let scrub = Scrub { filter, sample, bytes_per_second };
        let sums = store.verify(&scrub, |checked| {
            told = if args.json {
                report::json(&CheckedJson {
                    key: checked.key,
                    bytes: checked.bytes,
                    ok: checked.fault.is_none(),
                    fault: checked.fault.clone(),
                    quarantined: checked.quarantined.as_ref().map(|path| path.display().to_string()),
                })
            } else {
                if let Some(fault) = &checked.fault {
                    let place = match &checked.quarantined {
                        Some(path) => format!("set aside at {}", path.display()),
                        None => "it could not be set aside".to_owned(),
                    };
                    report::error(&format!("{}: {fault}; {place}", checked.key));
                }
                Ok(())
            };
            if told.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        checked += sums.objects;
        bytes += sums.bytes;
        bad += sums.bad.len();
    }
    told?;
    report::note(&format!("{} renditions read, {}, {bad} bad", count(checked), megabytes(bytes)));
    Ok(if bad == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

#[derive(Serialize)]
struct CollectedJson {
    stale: u64,
    evicted: u64,
    quarantined: u64,
    leftovers: u64,
    orphans: u64,
    masters: u64,
}

fn gc(args: &CacheCommand, store: &Store, stale: bool) -> Result<Outcome, Failure> {
    let collected = store.gc(&if stale { Fingerprint::current()? } else { Vec::new() })?;
    if args.json {
        report::json(&CollectedJson {
            stale: collected.stale,
            evicted: collected.evicted,
            quarantined: collected.quarantined,
            leftovers: collected.leftovers,
            orphans: collected.orphans,
            masters: collected.masters,
        })?;
        return Ok(Outcome::Done);
    }
    for (number, what) in [
        (collected.stale, "renditions of other builds"),
        (collected.evicted, "renditions beyond the budget"),
        (collected.quarantined, "files that had failed verification"),
        (collected.leftovers, "files of dead writers"),
        (collected.orphans, "sidecars without a rendition"),
        (collected.masters, "records of masters that are gone"),
    ] {
        if number > 0 {
            report::line(format!("removed {} {what}", count(number)))?;
        }
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct RemovedJson {
    removed: Key,
}

fn rm(args: &CacheCommand, store: &Store, selection: &Selection, all: bool) -> Result<Outcome, Failure> {
    if selection.is_everything() && !all {
        return Err(Failure::Usage("say which renditions to remove, or --all".to_owned()));
    }
    let entries = entries(store, selection)?;
    let keys: Vec<Key> = entries.iter().map(|entry| entry.key).collect();
    let removed = store.remove(&keys)?;
    if args.json {
        return removed
            .iter()
            .try_for_each(|&removed| report::json(&RemovedJson { removed }))
            .map(|()| Outcome::Done);
    }
    let kept = keys.len() - removed.len();
    let note = if kept > 0 { format!("; {kept} pinned or being written stay") } else { String::new() };
    report::line(format!("removed {} renditions{note}", count(removed.len() as u64)))?;
    Ok(Outcome::Done)
}
