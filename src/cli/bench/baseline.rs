//! Comparing with an earlier run.

use std::fs;
use std::path::Path;

use super::cost::Spread;
use super::results::{Ratio, Results, Verdict};
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
        // Wherever they lie.
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
    let pairs = figures(now).into_iter().filter_map(|now| {
        let before = known.iter().find(|before| before.name == now.name)?;
        Some(ratio(before, now))
    });
    pairs.collect()
}

/// Those that are worse by more than `limit` percent, beyond the noise.
pub(super) fn worse_than(ratios: &[Ratio], limit: f64) -> Vec<&Ratio> {
    ratios.iter().filter(|ratio| ratio.verdict == Verdict::Worse && ratio.worse_percent > limit).collect()
}

/// Less than this part is noise on any machine.
const NOISE: f64 = 0.02;

fn ratio(before: &Figure, now: Figure) -> Ratio {
    let ratio = now.value.median / before.value.median;
    let worse = if now.more_is_better { 1.0 / ratio } else { ratio } - 1.0;
    let apart = now.value.min > before.value.max || now.value.max < before.value.min;
    let verdict = match worse {
        _ if !apart || worse.abs() <= NOISE => Verdict::Noise,
        0.0.. => Verdict::Worse,
        _ => Verdict::Better,
    };
    let (before, now_) = (before.value.median, now.value.median);
    Ratio { figure: now.name, before, now: now_, ratio, verdict, worse_percent: 100.0 * worse }
}

/// Something that was measured.
struct Figure {
    name: String,
    value: Spread,
    more_is_better: bool,
}

/// Everything that was measured, by name.
fn figures(results: &Results) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |name: String, value: Spread, more_is_better: bool| {
        figures.push(Figure { name, value, more_is_better });
    };
    for work in &results.works {
        if let Some(floor) = &work.floor {
            add(format!("{}: LAME alone, CPU s", work.name), floor.cpu_s, false);
        }
        for ours in &work.ours {
            let on = format!("{}: {}", work.name, several(ours.threads, "thread"));
            add(format!("{on}, s"), ours.runs.wall_s, false);
            add(format!("{on}, CPU s"), ours.runs.cpu_s, false);
        }
        for other in &work.others {
            let by = format!("{}: {}", work.name, other.program);
            add(format!("{by}, s"), other.runs.wall_s, false);
            add(format!("{by}, CPU s"), other.runs.cpu_s, false);
        }
    }
    for cold in &results.cold {
        add(format!("{}: first byte, s", cold.profile), cold.first_byte_s, false);
        add(format!("{}: random 64 KiB, s", cold.profile), cold.range_s, false);
    }
    add("hits a second on one thread".to_owned(), results.hits.per_second_one_thread, true);
    add(format!("hits a second on {}", results.threads), results.hits.per_second, true);
    for memory in &results.memory {
        let peak = Spread::of([memory.peak_bytes as f64]);
        add(format!("peak memory, {}, bytes", memory.what), peak, false);
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(values: [f64; 3], more_is_better: bool) -> Figure {
        Figure { name: "x".to_owned(), value: Spread::of(values), more_is_better }
    }

    #[test]
    #[allow(clippy::float_cmp)] // halves
    fn what_lies_among_the_runs_of_the_other_is_noise() {
        let verdict = |before, now, more| ratio(&figure(before, more), figure(now, more)).verdict;
        assert_eq!(verdict([1.0, 1.1, 1.2], [1.15, 1.3, 1.4], false), Verdict::Noise);
        assert_eq!(verdict([1.0, 1.1, 1.2], [1.3, 1.4, 1.5], false), Verdict::Worse);
        assert_eq!(verdict([1.3, 1.4, 1.5], [1.0, 1.1, 1.2], false), Verdict::Better);
        assert_eq!(verdict([1.0, 1.1, 1.2], [1.3, 1.4, 1.5], true), Verdict::Better);
        assert_eq!(verdict([1.0; 3], [1.01; 3], false), Verdict::Noise);

        let worse = [
            ratio(&figure([2.0; 3], true), figure([1.0; 3], true)),
            ratio(&figure([1.0; 3], false), figure([1.5; 3], false)),
        ];
        assert_eq!(worse[0].worse_percent, 100.0);
        assert_eq!(worse_than(&worse, 50.0).len(), 1);
        assert_eq!(worse_than(&worse, 49.0).len(), 2);
    }
}
