//! `tonepress cache tier`: looking after the tier behind a store.

use serde::Serialize;
use tonepress::rendition::fingerprint::Fingerprint;
use tonepress::store::{Kept, Key, Store, TierKeeper};

use super::{entries, verified};
use crate::cli::Outcome;
use crate::cli::args::{CacheCommand, Selection, TierAction};
use crate::cli::json;
use crate::cli::report::{self, Failure};
use crate::cli::text::{brief, megabytes, several, table};

pub(super) fn run(args: &CacheCommand, store: &Store, action: &TierAction) -> Result<Outcome, Failure> {
    let keeper = store.tier_keeper();
    let keeper =
        keeper.ok_or_else(|| Failure::Usage("which tier? Say --tier URL, or set TONEPRESS_TIER".into()))?;
    match action {
        TierAction::Stat => stat(args, &keeper),
        TierAction::Ls => ls(args, &keeper),
        TierAction::Verify { keys, repair } => verify(args, &keeper, keys, *repair),
        TierAction::Gc { stale, older_than } => {
            if !stale && older_than.is_none() {
                return Err(Failure::Usage("say which to remove: --stale, or --older-than TIME".to_owned()));
            }
            let keep = if *stale { Fingerprint::current()? } else { Vec::new() };
            let removed = keeper.gc(&keep, *older_than)?;
            tell(args, Action::Removed, removed, 0)
        }
        TierAction::Push(selection) => push(args, store, &keeper, selection),
        TierAction::Pull { keys } => pull(args, store, &keeper, keys),
    }
}

/// What was done to renditions.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Removed,
    Uploaded,
    Fetched,
}

#[derive(Serialize)]
struct DoneJson {
    action: Action,
    renditions: u64,
    failed: u64,
}

fn tell(args: &CacheCommand, action: Action, renditions: u64, failed: u64) -> Result<Outcome, Failure> {
    if args.json {
        json::line("tier_done", &DoneJson { action, renditions, failed })?;
    } else {
        let done = match action {
            Action::Removed => "removed",
            Action::Uploaded => "uploaded",
            Action::Fetched => "fetched",
        };
        report::done(format!("{done} {}", several(renditions, "rendition")))?;
    }
    Ok(if failed == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

#[derive(Serialize)]
struct StatJson<'a> {
    tier: &'a str,
    renditions: u64,
    bytes: u64,
}

fn stat(args: &CacheCommand, keeper: &TierKeeper) -> Result<Outcome, Failure> {
    let all = keeper.list()?;
    let (renditions, bytes) = (all.len() as u64, all.iter().map(|kept| kept.bytes).sum());
    if args.json {
        json::line("tier", &StatJson { tier: keeper.url(), renditions, bytes })?;
    } else {
        let (renditions, size) = (several(renditions, "rendition"), megabytes(bytes));
        report::line(format!("{}: {renditions}, {size}", keeper.url()))?;
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct KeptJson {
    key: Key,
    bytes: u64,
    written: u64,
}

fn ls(args: &CacheCommand, keeper: &TierKeeper) -> Result<Outcome, Failure> {
    let all = keeper.list()?;
    if args.json {
        all.iter().try_for_each(|kept| {
            json::line("tier_stored", &KeptJson { key: kept.key, bytes: kept.bytes, written: kept.written })
        })?;
    } else if all.is_empty() {
        report::note("the tier is empty");
    } else {
        let rows = all.iter().map(|kept| vec![brief(&kept.key), megabytes(kept.bytes), age(kept)]).collect();
        report::line(table(&["KEY", "SIZE", "WRITTEN"], &[1, 2], &[], rows))?;
    }
    Ok(Outcome::Done)
}

/// How long ago it was written.
fn age(kept: &Kept) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    super::age::rough(now.saturating_sub(std::time::Duration::from_secs(kept.written)))
}

/// Those whose keys begin as said; all if nothing is said.
fn chosen(keeper: &TierKeeper, keys: &[String]) -> Result<Vec<Kept>, Failure> {
    let all = keeper.list()?;
    let starts: Vec<_> = keys.iter().map(|key| key.to_ascii_lowercase()).collect();
    for start in &starts {
        if !all.iter().any(|kept| kept.key.to_string().starts_with(start)) {
            return Err(Failure::Other(format!("no rendition's key in the tier begins with '{start}'")));
        }
    }
    let is_meant = |kept: &Kept| {
        let key = kept.key.to_string();
        starts.is_empty() || starts.iter().any(|start| key.starts_with(start))
    };
    Ok(all.into_iter().filter(is_meant).collect())
}

#[derive(Serialize)]
struct CheckedJson {
    key: Key,
    bytes: u64,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    removed: bool,
}

fn verify(
    args: &CacheCommand,
    keeper: &TierKeeper,
    keys: &[String],
    repair: bool,
) -> Result<Outcome, Failure> {
    let (mut read, mut bytes, mut bad) = (0, 0, 0);
    for kept in chosen(keeper, keys)? {
        let fault = keeper.verify(&kept, repair)?.fault;
        (read, bytes) = (read + 1, bytes + kept.bytes);
        bad += usize::from(fault.is_some());
        if args.json {
            let (ok, removed) = (fault.is_none(), repair && fault.is_some());
            json::line(
                "tier_checked",
                &CheckedJson { key: kept.key, bytes: kept.bytes, ok, fault, removed },
            )?;
        } else if let Some(fault) = fault {
            let removed = if repair { "removed" } else { "--repair removes it" };
            report::error(&format!("{}: {fault}; {removed}", kept.key));
        }
    }
    Ok(verified(read, bytes, bad))
}

fn push(
    args: &CacheCommand,
    store: &Store,
    keeper: &TierKeeper,
    selection: &Selection,
) -> Result<Outcome, Failure> {
    let (mut pushed, mut failed) = (0, 0);
    for entry in entries(store, selection)? {
        match keeper.push(&entry.key) {
            Ok(new) => pushed += u64::from(new),
            Err(error) => {
                report::error(&error.to_string());
                failed += 1;
            }
        }
    }
    tell(args, Action::Uploaded, pushed, failed)
}

fn pull(
    args: &CacheCommand,
    store: &Store,
    keeper: &TierKeeper,
    keys: &[String],
) -> Result<Outcome, Failure> {
    let (mut pulled, mut failed) = (0, 0);
    for kept in chosen(keeper, keys)? {
        if store.path(&kept.key).is_file() {
            continue;
        }
        if keeper.pull(&kept.key)?.is_some() {
            pulled += 1;
        } else {
            report::error(&format!("{}: gone from the tier, or wrong; it will be pressed", kept.key));
            failed += 1;
        }
    }
    tell(args, Action::Fetched, pulled, failed)
}
