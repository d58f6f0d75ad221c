//! What was measured, for people.

use super::cost::{Runs, Spread};
use super::results::{Results, Work};
use super::several;
use crate::cli::report::{self, Failure, clock, count, line, megabytes, plain};

pub(super) fn print(results: &Results) -> Result<(), Failure> {
    head(results)?;
    one_thread(&results.works)?;
    threads(results)?;
    others(&results.works)?;
    service(results)?;
    baseline(results)
}

fn section(title: &str, header: &[&str], left: &[usize], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let right: Vec<usize> = (0..header.len()).filter(|column| !left.contains(column)).collect();
    line(format!("\n{title}"))?;
    line(report::table(header, &right, rows).trim_fmt())
}

fn head(results: &Results) -> Result<(), Failure> {
    let flags = if results.lame_flags.is_empty() { "its default flags" } else { &results.lame_flags };
    line(format!("tonepress {}, {}", results.version, results.build))?;
    line(format!("LAME {} with {flags}", results.lame))?;
    let Results { cpu, cores, threads, runs, .. } = results;
    line(format!(
        "{cpu}, {}; {}; medians of {}",
        several(*cores, "core"),
        several(*threads, "thread"),
        several(*runs, "run")
    ))?;
    if let Some(first) = results.masters.first() {
        line(format!("{}: {}, {}", plain(&first.name), first.audio, clock(first.duration_s)))?;
    }
    if results.masters.len() > 1 {
        let seconds = results.masters.iter().map(|master| master.duration_s).sum();
        line(format!("{} masters in all, {}", results.masters.len(), clock(seconds)))?;
    }
    for program in &results.programs {
        line(format!("{}: {}\n  {}", program.name, program.version, plain(&program.command)))?;
    }
    Ok(())
}

fn one_thread(works: &[Work]) -> Result<(), Failure> {
    let rows = works.iter().filter_map(|work| {
        let (one, floor) = (work.ours.iter().find(|ours| ours.threads == 1)?, work.floor?);
        let shares = work.shares_percent?;
        let parts = [shares.decode, shares.resample, shares.encode, shares.write, shares.other];
        let figures = [
            work.name.clone(),
            format!("{:.1}", work.audio_s / one.runs.cpu_s.median),
            format!("{:.1}", work.cpu_s_per_hour),
            format!("{:.1}", 3_600.0 * floor.cpu_s.median / work.audio_s),
            format!("{:+.1} %", work.overhead_percent?.median),
        ];
        Some(figures.into_iter().chain(parts.map(|part| format!("{part:.1} %"))).collect())
    });
    let title =
        "One core: seconds of processor time for an hour of MP3, those of LAME alone, and where ours go";
    let header = [
        "WORK",
        "x REAL TIME",
        "CPU s/h",
        "LAME s/h",
        "OVER LAME",
        "DECODE",
        "RESAMPLE",
        "ENCODE",
        "WRITE",
        "OTHER",
    ];
    section(title, &header, &[0], rows.collect())
}

fn threads(results: &Results) -> Result<(), Failure> {
    let rows = results.works.iter().flat_map(|work| {
        work.ours.iter().map(|ours| {
            vec![
                work.name.clone(),
                ours.threads.to_string(),
                seconds(ours.runs.wall_s),
                range(ours.runs.wall_s),
                format!("{:.1}", ours.realtime_x),
                ours.speedup.map_or_else(String::new, ratio),
                ours.efficiency_percent.map_or_else(String::new, |percent| format!("{percent:.0} %")),
            ]
        })
    });
    let header = ["WORK", "THREADS", "SECONDS", "MIN TO MAX", "x REAL TIME", "SPEED-UP", "EFFICIENCY"];
    section("Threads", &header, &[0], rows.collect())?;
    let Some(Spread { median, min, max }) = results.lame_speedup else { return Ok(()) };
    line(format!(
        "{} of LAME alone at once: {median:.2} ({min:.2} to {max:.2}) times as fast as one after the other",
        results.threads
    ))
}

fn others(works: &[Work]) -> Result<(), Failure> {
    let row = |work: &Work, program: &str, at_once: String, runs: &Runs, ratios: [String; 2]| {
        let figures = [
            work.name.clone(),
            program.to_owned(),
            at_once,
            seconds(runs.wall_s),
            range(runs.wall_s),
            seconds(runs.cpu_s),
            range(runs.cpu_s),
        ];
        figures.into_iter().chain(ratios).collect::<Vec<String>>()
    };
    let mut rows = Vec::new();
    for work in works.iter().filter(|work| !work.others.is_empty()) {
        if let Some(ours) = work.ours.last() {
            let at_once = several(ours.threads, "thread");
            rows.push(row(work, "tonepress", at_once, &ours.runs, [String::new(), String::new()]));
        }
        for other in &work.others {
            let at_once = match other.processes {
                1 => "1 process".to_owned(),
                more => format!("{more} processes"),
            };
            let ratios = [other.wall_ratio, other.cpu_ratio].map(ratio);
            rows.push(row(work, &other.program, at_once, &other.runs, ratios));
        }
    }
    let title = "Beside other programs: the ratios say what tonepress takes of their time";
    let header = [
        "WORK",
        "PROGRAM",
        "AT ONCE",
        "SECONDS",
        "MIN TO MAX",
        "CPU s",
        "MIN TO MAX",
        "WALL RATIO",
        "CPU RATIO",
    ];
    section(title, &header, &[0, 1, 2], rows)
}

fn service(results: &Results) -> Result<(), Failure> {
    let millis = |spread: Spread| format!("{:.1}", 1_000.0 * spread.median);
    let rows = results.cold.iter().map(|cold| {
        let Spread { min, max, .. } = cold.range_s;
        vec![
            cold.profile.clone(),
            millis(cold.first_byte_s),
            millis(cold.range_s),
            format!("{:.1} to {:.1}", 1_000.0 * min, 1_000.0 * max),
        ]
    });
    let title = "A rendition that does not exist yet: milliseconds from the request";
    let header = ["PROFILE", "FIRST BYTE", "RANDOM 64 KiB", "MIN TO MAX"];
    section(title, &header, &[0], rows.collect())?;

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts
    let whole = |number: f64| count(number.round() as u64);
    let hits = &results.hits;
    line(format!(
        "\nOne that the store has, asked for and 64 KiB of it read: {} a second on one thread, {} on {}; {} times \
         faster than pressing it",
        whole(hits.per_second_one_thread.median),
        whole(hits.per_second.median),
        results.threads,
        whole(hits.times_faster_than_pressing),
    ))?;
    for memory in &results.memory {
        line(format!(
            "Peak memory of `tonepress encode`, {}: {}",
            memory.what,
            megabytes(memory.peak_bytes)
        ))?;
    }
    Ok(())
}

fn baseline(results: &Results) -> Result<(), Failure> {
    let rows = results.baseline.iter().map(|ratio| {
        vec![
            ratio.figure.clone(),
            format!("{:.4}", ratio.before),
            format!("{:.4}", ratio.now),
            format!("{:.3}", ratio.ratio),
        ]
    });
    section("Beside the earlier run", &["FIGURE", "BEFORE", "NOW", "RATIO"], &[0], rows.collect())
}

/// The median, and the least and the most.
fn ratio(Spread { median, min, max }: Spread) -> String {
    format!("{median:.2} ({min:.2} to {max:.2})")
}

fn seconds(spread: Spread) -> String {
    format!("{:.3}", spread.median)
}

fn range(spread: Spread) -> String {
    format!("{:.3} to {:.3}", spread.min, spread.max)
}
