//! `tonepress cache`: looking after a store.

mod age;
mod list;
mod stat;
#[cfg(feature = "tier")]
mod tier;

use std::ops::ControlFlow;
use std::time::SystemTime;

use serde::Serialize;
use tonepress::rendition::fingerprint::Fingerprint;
use tonepress::store::{Entry, Filter, Key, Scrub, Store};

use super::args::{CacheAction, CacheCommand, Selection};
use super::json::{self, At};
use super::report::{self, Failure};
use super::text::{are, brief, listed, megabytes, plain, several};
use super::{Outcome, args};

pub(crate) fn run(args: &args::CacheCommand) -> Result<Outcome, Failure> {
    let store = args.open().map_err(Failure::Usage)?;
    match &args.action {
        CacheAction::Stat => stat::stat(args, &store),
        CacheAction::Ls { selection, sort, reverse } => list::ls(args, &store, selection, (*sort, *reverse)),
        CacheAction::Verify { selection, sample, rate } => {
            let rate = rate.map(|rate| rate.as_u64());
            verify(args, &store, selection, *sample, rate)
        }
        CacheAction::Gc { stale } => gc(args, &store, *stale),
        CacheAction::Rm { selection, all } => rm(args, &store, selection, *all),
        #[cfg(feature = "tier")]
        CacheAction::Tier { action } => tier::run(args, &store, action),
        CacheAction::Path { key } => path(args, &store, key),
        CacheAction::Pin { keys, undo } => pin(args, &store, keys, !undo),
    }
}

#[derive(Serialize)]
struct PathJson<'a> {
    key: Key,
    #[serde(flatten)]
    at: At<'a>,
}

fn path(args: &CacheCommand, store: &Store, key: &str) -> Result<Outcome, Failure> {
    let key = one_key(store, key)?;
    let path = store.path(&key);
    if args.json {
        json::line("path", &PathJson { key, at: At::new(&path) })?;
    } else {
        report::line(path.display())?;
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct PinJson {
    key: Key,
    pinned: bool,
    /// Whether there is a rendition under the key yet.
    stored: bool,
}

fn pin(args: &CacheCommand, store: &Store, keys: &[String], pinned: bool) -> Result<Outcome, Failure> {
    // All are understood before the first is pinned.
    let keys = keys.iter().map(|key| one_key(store, key)).collect::<Result<Vec<_>, _>>()?;
    for key in keys {
        store.pin(&key, pinned)?;
        let entry = entry(store, &key)?;
        if args.json {
            json::line("pin", &PinJson { key, pinned, stored: entry.is_some() })?;
            continue;
        }
        let what = match &entry {
            Some(entry) => called(entry),
            None => format!("{} (not stored yet)", brief(&key)),
        };
        report::done(format!("{} {what}", if pinned { "pinned" } else { "no longer pinned:" }))?;
    }
    Ok(Outcome::Done)
}

/// The rendition under a key, if there is one.
fn entry(store: &Store, key: &Key) -> Result<Option<Entry>, Failure> {
    Ok(store.list(&Filter { key: Some(key.to_string()), ..Filter::default() })?.pop())
}

/// A rendition for people: the beginning of its key, and what it is.
fn called(entry: &Entry) -> String {
    let key = brief(&entry.key);
    let Some(facts) = &entry.sidecar else { return key };
    let names: Vec<_> =
        [&facts.label.artist, &facts.label.title].into_iter().flatten().map(|name| plain(name)).collect();
    match &names[..] {
        [] => format!("{key} ({})", facts.profile),
        names => format!("{key} ({} at {})", names.join(": "), facts.profile),
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
                json::line(
                    "checked",
                    &CheckedJson {
                        key: checked.key,
                        bytes: checked.bytes,
                        ok: checked.fault.is_none(),
                        fault: checked.fault.clone(),
                        quarantined: checked.quarantined.as_ref().map(|path| path.display().to_string()),
                    },
                )
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
    Ok(verified(checked, bytes, bad))
}

/// Says how many renditions were read, and how many of them were bad.
fn verified(read: u64, bytes: u64, bad: usize) -> Outcome {
    let bad_ones = if bad == 0 { "all are sound".to_owned() } else { format!("{bad} bad") };
    report::note(&format!("{} read, {}; {bad_ones}", several(read, "rendition"), megabytes(bytes)));
    if bad == 0 { Outcome::Done } else { Outcome::SomeFailed }
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
        json::line(
            "collected",
            &CollectedJson {
                stale: collected.stale,
                evicted: collected.evicted,
                quarantined: collected.quarantined,
                leftovers: collected.leftovers,
                orphans: collected.orphans,
                masters: collected.masters,
            },
        )?;
        return Ok(Outcome::Done);
    }
    let removed = [
        (collected.stale, "rendition", " of other builds"),
        (collected.evicted, "rendition", " beyond the budget"),
        (collected.quarantined, "file", " that failed verification"),
        (collected.leftovers, "file", " of dead writers"),
        (collected.orphans, "sidecar", " without a rendition"),
        (collected.masters, "record", " of masters that are gone"),
    ];
    let removed: Vec<_> = removed
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, what, which)| format!("{}{which}", several(number, what)))
        .collect();
    let left = store.stat()?;
    let (renditions, size) = (several(left.objects, "rendition"), megabytes(left.charged));
    let removed = if removed.is_empty() { "nothing".to_owned() } else { listed(&removed) };
    let stay = if left.objects == 1 { "stays" } else { "stay" };
    report::done(format!("removed {removed}; {renditions}, {size}, {stay}"))?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct RemovedJson {
    removed: Key,
    bytes: u64,
}

fn rm(args: &CacheCommand, store: &Store, selection: &Selection, all: bool) -> Result<Outcome, Failure> {
    if selection.is_everything() && !all {
        return Err(Failure::Usage("say which renditions to remove, or --all".to_owned()));
    }
    // Whoever names a rendition means it: that it is not there, or pinned, is no small matter.
    for start in &selection.keys {
        let key = one_key(store, start)?;
        match entry(store, &key)? {
            None => return Err(Failure::Other(format!("the store has no rendition under the key {key}"))),
            Some(entry) if entry.pinned => {
                let error = format!(
                    "{} is pinned: `tonepress cache pin --undo {}` first; nothing was removed",
                    called(&entry),
                    brief(&key)
                );
                return Err(Failure::Other(error));
            }
            Some(_) => {}
        }
    }
    let entries = entries(store, selection)?;
    let keys: Vec<Key> = entries.iter().map(|entry| entry.key).collect();
    let removed = store.remove(&keys)?;
    let gone = || entries.iter().filter(|entry| removed.contains(&entry.key));
    if args.json {
        gone().try_for_each(|entry| {
            json::line("removed", &RemovedJson { removed: entry.key, bytes: entry.bytes })
        })?;
        return Ok(Outcome::Done);
    }
    let kept = (keys.len() - removed.len()) as u64;
    let note = if kept > 0 {
        format!("; {} pinned or being written {} kept", kept, are(kept))
    } else {
        String::new()
    };
    let what = match &gone().collect::<Vec<_>>()[..] {
        [only] => called(only),
        several_ => several(several_.len() as u64, "rendition"),
    };
    let bytes = gone().map(|entry| entry.bytes).sum();
    report::done(format!("removed {what}, {}{note}", megabytes(bytes)))?;
    Ok(Outcome::Done)
}
