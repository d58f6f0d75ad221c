//! `tonepress cache stat`: sums.

use std::collections::BTreeMap;

use serde::Serialize;
use tonepress::rendition::fingerprint::Fingerprint;
use tonepress::store::{Entry, Filter, Store};

use super::age::age;
use crate::cli::Outcome;
use crate::cli::args::CacheCommand;
use crate::cli::json;
use crate::cli::report::{self, Failure};
use crate::cli::text::{count, megabytes, several, table};

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

pub(super) fn stat(args: &CacheCommand, store: &Store) -> Result<Outcome, Failure> {
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
        json::line(
            "store",
            &StatJson {
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
            },
        )?;
        return Ok(Outcome::Done);
    }
    let budget = stat.max_bytes.map_or("no limit".to_owned(), |max| format!("of {}", megabytes(max)));
    report::line(format!(
        "{}, {} on disk ({budget}), {} pinned",
        several(all.renditions, "rendition"),
        megabytes(stat.charged),
        count(stat.pinned),
    ))?;
    report::line(format!("{} free on the file system", megabytes(stat.free)))?;
    if stat.writers > 0 {
        report::line(format!(
            "{} being written, {} reserved",
            count(stat.writers),
            megabytes(stat.reserved)
        ))?;
    }
    if stat.quarantined > 0 {
        let (files, them) =
            (several(stat.quarantined, "file"), if stat.quarantined == 1 { "it" } else { "them" });
        report::line(format!("{files} failed verification; `cache gc` removes {them}"))?;
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
            report::line(format!("\n{}", table(&[header, "RENDITIONS", "SIZE"], &[1, 2], &[], rows)))?;
        }
    }
    Ok(Outcome::Done)
}
