//! What was measured, for people.

use super::capacity::{ALBUM_TRACKS, TRACK_S};
use super::cost::{Runs, Spread};
use super::results::{Results, Work};
use super::several;
use crate::cli::report::{Failure, line};
use crate::cli::text::{self, clock, columns, count, megabytes, plain, shorten};

pub(super) fn print(results: &Results) -> Result<(), Failure> {
    head(results)?;
    one_thread(&results.works)?;
    threads(results)?;
    others(&results.works)?;
    service(results)?;
    capacity(results)?;
    baseline(results)
}

fn section(title: &str, header: &[&str], left: &[usize], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let right: Vec<usize> = (0..header.len()).filter(|column| !left.contains(column)).collect();
    line(format!("\n{title}"))?;
    line(text::table(header, &right, &[0], rows))
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
        let rest = format!(": {}, {}", first.audio, clock(first.duration_s));
        let most = columns().map_or(usize::MAX, |columns| columns.saturating_sub(rest.len()).max(8));
        line(format!("{}{rest}", shorten(&plain(&first.name), most)))?;
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
    let on_one = |work: &Work| work.ours.iter().find(|ours| ours.threads == 1).map(|ours| ours.runs);
    let costs = works.iter().filter_map(|work| {
        Some(vec![
            work.name.clone(),
            format!("{:.1}", work.audio_s / on_one(work)?.cpu_s.median),
            format!("{:.1}", work.cpu_s_per_hour),
            format!("{:.1}", 3_600.0 * work.floor?.cpu_s.median / work.audio_s),
            format!("{:+.1} %", work.overhead_percent?.median),
        ])
    });
    let title = "One core: seconds of processor time for an hour of MP3, and those of LAME alone";
    section(title, &["WORK", "x REAL TIME", "CPU s/h", "LAME s/h", "OVER LAME"], &[0], costs.collect())?;
    let parts = works.iter().filter_map(|work| {
        let shares = work.shares_percent?;
        let parts = [shares.decode, shares.resample, shares.encode, shares.write, shares.other];
        Some(std::iter::once(work.name.clone()).chain(parts.map(|part| format!("{part:.1} %"))).collect())
    });
    let header = ["WORK", "DECODE", "RESAMPLE", "ENCODE", "WRITE", "OTHER"];
    section("Where it goes", &header, &[0], parts.collect())
}

fn threads(results: &Results) -> Result<(), Failure> {
    let rows = results.works.iter().flat_map(|work| {
        work.ours.iter().map(|ours| {
            vec![
                work.name.clone(),
                ours.threads.to_string(),
                seconds(ours.runs.wall_s),
                format!("{:.1}", ours.realtime_x),
                ours.speedup.map_or_else(String::new, spread),
                ours.efficiency_percent.map_or_else(String::new, |percent| format!("{percent:.0} %")),
            ]
        })
    });
    let header = ["WORK", "THREADS", "SECONDS", "x REAL TIME", "SPEED-UP", "OF IDEAL"];
    section(
        "Threads: medians, and half of what lies between the least and the most",
        &header,
        &[0],
        rows.collect(),
    )?;
    let Some(Spread { median, min, max }) = results.lame_speedup else { return Ok(()) };
    line(format!(
        "{} of LAME alone at once: {median:.2} times one after the other ({min:.2} to {max:.2})",
        results.threads
    ))
}

fn others(works: &[Work]) -> Result<(), Failure> {
    let row = |work: &Work, program: String, runs: &Runs, ratios: [String; 2]| {
        let figures = [work.name.clone(), program, seconds(runs.wall_s), seconds(runs.cpu_s)];
        figures.into_iter().chain(ratios).collect::<Vec<String>>()
    };
    let mut rows = Vec::new();
    for work in works.iter().filter(|work| !work.others.is_empty()) {
        if let Some(ours) = work.ours.last() {
            let program = format!("tonepress -j {}", ours.threads);
            rows.push(row(work, program, &ours.runs, [String::new(), String::new()]));
        }
        for other in &work.others {
            let at_once = if other.processes > 1 { format!(" x {}", other.processes) } else { String::new() };
            let ratios = [other.wall_ratio, other.cpu_ratio].map(spread);
            rows.push(row(work, format!("{}{at_once}", other.program), &other.runs, ratios));
        }
    }
    let title = "Beside other programs: the ratios say what tonepress takes of their time";
    section(title, &["WORK", "PROGRAM", "SECONDS", "CPU s", "RATIO", "CPU RATIO"], &[0, 1], rows)
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
    line("\nOne that the store has, asked for, and 64 KiB of it read:")?;
    line(format!(
        "  {} a second on one thread, {} on {}\n  {} times faster than pressing it",
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

fn capacity(results: &Results) -> Result<(), Failure> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts
    let whole = |number: f64| count(number.floor() as u64);
    let priced = results.capacities.iter().any(|capacity| capacity.cost_per_1000_tracks.is_some());
    let rows = results.capacities.iter().map(|capacity| {
        let mut row = vec![
            capacity.work.clone(),
            whole(capacity.tracks_per_day),
            format!("{:.1}", capacity.albums_per_hour),
        ];
        row.extend(capacity.cost_per_1000_tracks.map(|cost| format!("{cost:.4}")));
        row
    });
    let header = ["WORK", "TRACKS A DAY", "ALBUMS AN HOUR", "COST OF 1,000 TRACKS"];
    let title = format!(
        "This machine on {}: tracks of {}, albums of {ALBUM_TRACKS}",
        several(results.threads, "thread"),
        text::wait(TRACK_S)
    );
    section(&title, &header[..if priced { 4 } else { 3 }], &[0], rows.collect())?;
    let Some(listeners) = &results.listeners else { return Ok(()) };
    line(format!(
        "{} can listen at once at {} to what nobody has pressed before",
        count(listeners.at_once),
        listeners.profile
    ))
}

fn baseline(results: &Results) -> Result<(), Failure> {
    let rows = results.baseline.iter().map(|ratio| {
        vec![
            ratio.figure.clone(),
            figure(ratio.before),
            figure(ratio.now),
            format!("{:.3}", ratio.ratio),
            ratio.verdict.name().to_owned(),
        ]
    });
    section("Beside the earlier run", &["FIGURE", "BEFORE", "NOW", "RATIO", ""], &[0, 4], rows.collect())
}

/// A figure of any size, as exact as people read it.
fn figure(value: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count
    if value >= 1_000.0 { count(value.round() as u64) } else { format!("{value:.4}") }
}

/// The median, and half of what lies between the least and the most, in percent of it.
fn spread(Spread { median, min, max }: Spread) -> String {
    format!("{median:.2} ±{:.0} %", 50.0 * (max - min) / median)
}

fn seconds(spread: Spread) -> String {
    format!("{:.3}", spread.median)
}
