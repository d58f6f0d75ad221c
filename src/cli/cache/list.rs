//! `tonepress cache ls`: which renditions are stored.

use std::cmp::Reverse;

use serde::Serialize;
use tonepress::store::{Entry, Key, Label, Store};

use super::age::{age, rough};
use super::entries;
use crate::cli::Outcome;
use crate::cli::args::{CacheCommand, Selection, Sort};
use crate::cli::json::{self, At};
use crate::cli::report::{self, Failure};
use crate::cli::text::{brief, megabytes, plain, table};

#[derive(Serialize)]
struct EntryJson<'a> {
    key: Key,
    #[serde(flatten)]
    at: At<'a>,
    bytes: u64,
    unused_s: u64,
    pinned: bool,
    #[serde(flatten)]
    sidecar: Option<Facts<'a>>,
}

#[derive(Serialize)]
struct Facts<'a> {
    master_id: String,
    profile: &'a str,
    resolved: &'a str,
    frames: u64,
    samples: u64,
    fingerprint: String,
    engine: &'a str,
    published: u64,
    #[serde(flatten)]
    label: &'a Label,
}

pub(super) fn ls(
    args: &CacheCommand,
    store: &Store,
    selection: &Selection,
    (sort, reverse): (Sort, bool),
) -> Result<Outcome, Failure> {
    let mut entries = entries(store, selection)?;
    order(&mut entries, sort);
    if reverse {
        entries.reverse();
    }
    if args.json {
        entries.iter().try_for_each(|entry| tell(store, entry))?;
        return Ok(Outcome::Done);
    }
    let rows: Vec<_> = entries.iter().map(row).collect();
    if rows.is_empty() {
        report::note("no such rendition is stored");
        return Ok(Outcome::Done);
    }
    let pins = entries.iter().any(|entry| entry.pinned);
    let header = ["KEY", "ARTIST", "TITLE", "PROFILE", "SIZE", "USED", if pins { "PINNED" } else { "" }];
    report::line(table(&header, &[4, 5], &[1, 2], rows))?;
    Ok(Outcome::Done)
}

/// Names first, keys last, so that the order is always the same.
fn order(entries: &mut [Entry], sort: Sort) {
    let text = |text: Option<&String>| text.map(|text| text.to_lowercase()).unwrap_or_default();
    let artist = |entry: &Entry| text(entry.sidecar.as_ref().and_then(|facts| facts.label.artist.as_ref()));
    let title = |entry: &Entry| text(entry.sidecar.as_ref().and_then(|facts| facts.label.title.as_ref()));
    let profile = |entry: &Entry| text(entry.sidecar.as_ref().map(|facts| &facts.profile));
    let names = |entry: &Entry| (artist(entry), title(entry), profile(entry), entry.key);
    let published = |entry: &Entry| entry.sidecar.as_ref().map_or(0, |facts| facts.published);
    match sort {
        Sort::Artist => entries.sort_by_cached_key(names),
        Sort::Title => entries.sort_by_cached_key(|entry| (title(entry), names(entry))),
        Sort::Profile => entries.sort_by_cached_key(|entry| (profile(entry), names(entry))),
        Sort::Size => entries.sort_by_cached_key(|entry| (Reverse(entry.bytes), names(entry))),
        Sort::Age => entries.sort_by_cached_key(|entry| (Reverse(published(entry)), names(entry))),
        Sort::Used => entries.sort_by_cached_key(|entry| (Reverse(entry.last_used), names(entry))),
        Sort::Key => entries.sort_by_key(|entry| entry.key),
    }
}

fn row(entry: &Entry) -> Vec<String> {
    let shown = |text: &Option<String>| plain(text.as_deref().unwrap_or("-")).into_owned();
    let (artist, title, profile) = match &entry.sidecar {
        Some(facts) => (shown(&facts.label.artist), shown(&facts.label.title), facts.profile.clone()),
        None => ("-".to_owned(), "-".to_owned(), "unknown".to_owned()),
    };
    let pinned = if entry.pinned { "pinned" } else { "" };
    vec![
        brief(&entry.key),
        artist,
        title,
        profile,
        megabytes(entry.bytes),
        rough(age(entry)),
        pinned.to_owned(),
    ]
}

fn tell(store: &Store, entry: &Entry) -> Result<(), Failure> {
    let path = store.path(&entry.key);
    json::line(
        "stored",
        &EntryJson {
            key: entry.key,
            at: At::new(&path),
            bytes: entry.bytes,
            unused_s: age(entry).as_secs(),
            pinned: entry.pinned,
            sidecar: entry.sidecar.as_ref().map(|facts| Facts {
                master_id: facts.master.to_string(),
                profile: &facts.profile,
                resolved: &facts.resolved,
                frames: facts.frames,
                samples: facts.samples,
                fingerprint: facts.fingerprint.to_string(),
                engine: &facts.engine,
                published: facts.published,
                label: &facts.label,
            }),
        },
    )
}
