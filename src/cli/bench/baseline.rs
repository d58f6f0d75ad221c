//! Comparing with an earlier run.

use std::fs;
use std::path::Path;

use super::results::{Ratio, Results};
use super::several;
use crate::cli::report::{self, Failure};

/// The results of an earlier run.
pub(super) fn read(path: &Path) -> Result<Results, Failure> {
    let failed = |error: String| Failure::Other(format!("reading {}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failed(format!("not what bench --json writes ({error})")))
}

/// What both runs measured, side by side. Says so if they were made under other conditions.
pub(super) fn compare(before: &Results, now: &Results) -> Vec<Ratio> {
    let conditions = |results: &Results| {
        let masters =
            results.masters.iter().map(|master| format!("{} of {:.3} s", master.name, master.duration_s));
        // A signal's name is that of a temporary file.
        let masters = masters.map(|text| text.rsplit('/').next().unwrap_or_default().to_owned());
        let Results { cpu, build, lame, lame_flags, threads, .. } = results;
        [
            ("the processor", cpu.clone()),
            ("the build", build.clone()),
            ("LAME", format!("{lame} with {lame_flags}")),
            ("the number of threads", threads.to_string()),
            ("the masters", masters.collect::<Vec<_>>().join(", ")),
        ]
    };
    for ((what, then), (_, today)) in conditions(before).into_iter().zip(conditions(now)) {
        if then != today {
            report::note(&format!("{what} is not that of the baseline: {today} instead of {then}"));
        }
    }
    let known = figures(before);
    let pairs = figures(now).into_iter().filter_map(|(figure, now)| {
        let before = known.iter().find(|(name, _)| *name == figure)?.1;
        Some(Ratio { figure, before, now, ratio: now / before })
    });
    pairs.collect()
}

/// Everything that was measured, by name. Less is better, but for hits.
fn figures(results: &Results) -> Vec<(String, f64)> {
    let mut figures = Vec::new();
    for work in &results.works {
        if let Some(floor) = &work.floor {
            figures.push((format!("{}: LAME alone, CPU s", work.name), floor.cpu_s.median));
        }
        for ours in &work.ours {
            let on = format!("{}: {}", work.name, several(ours.threads, "thread"));
            figures.push((format!("{on}, s"), ours.runs.wall_s.median));
            figures.push((format!("{on}, CPU s"), ours.runs.cpu_s.median));
        }
        for other in &work.others {
            let by = format!("{}: {}", work.name, other.program);
            figures.push((format!("{by}, s"), other.runs.wall_s.median));
            figures.push((format!("{by}, CPU s"), other.runs.cpu_s.median));
        }
    }
    for cold in &results.cold {
        figures.push((format!("{}: first byte, s", cold.profile), cold.first_byte_s.median));
        figures.push((format!("{}: random 64 KiB, s", cold.profile), cold.range_s.median));
    }
    figures.push(("hits a second on one thread".to_owned(), results.hits.per_second_one_thread.median));
    figures.push((format!("hits a second on {}", results.threads), results.hits.per_second.median));
    for memory in &results.memory {
        figures.push((format!("peak memory, {}, bytes", memory.what), memory.peak_bytes as f64));
    }
    figures
}
