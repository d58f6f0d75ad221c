//! How long a run will take, and whether the machine is fit for it.

use std::collections::BTreeMap;
use std::fs;

use tonepress::master::Master;
use tonepress::{Plan, Profile};

use super::Task;
use crate::cli::trial;

/// What counting hits and reading cold renditions takes for each run, in seconds, however fast the machine is.
const SERVICE: f64 = 0.7;

/// Seconds that measuring takes, after pressing a little of the first master at each profile.
pub(super) fn duration(tasks: &[Task], first: &Master, runs: usize, rivals: usize, cores: usize) -> f64 {
    let mut tried: BTreeMap<Profile, f64> = BTreeMap::new();
    // The seconds that a second of a master takes, and those that it takes LAME.
    let mut rate = |profile: &Profile| {
        *tried.entry(*profile).or_insert_with(|| {
            let cost = Plan::new(first.info(), profile).and_then(|plan| trial::cost(first, &plan));
            cost.unwrap_or(0.0)
        })
    };
    let by_lame = |profile: &Profile| Profile { encoder: None, ..*profile };
    let mut all = SERVICE * runs as f64;
    for task in tasks {
        let seconds: f64 = task.masters.iter().map(|master| master.info().seconds()).sum();
        let one = seconds * task.profiles.iter().map(&mut rate).sum::<f64>();
        let lame = seconds * task.profiles.iter().map(|profile| rate(&by_lame(profile))).sum::<f64>();
        let on = |threads: usize| one / threads.min(cores) as f64;
        let (parts, floor) = if task.masters.len() == 1 { (one, lame) } else { (0.0, 0.0) };
        let most = on(task.threads.last().copied().unwrap_or(1));
        let ours: f64 = task.threads.iter().map(|&threads| on(threads)).sum();
        // Its parts are looked at once, and other programs take about as long as LAME on all threads.
        all += parts + runs as f64 * (floor + ours + rivals as f64 * most);
    }
    // LAME at once on all threads, and the peaks of memory.
    let first = tasks.first().and_then(|task| Some((task.audio(), by_lame(task.profiles.first()?))));
    let each = first.map_or(0.0, |(audio, profile)| audio * rate(&profile));
    all + runs as f64 * each + 2.0 * each
}

/// What other processes take of the machine, if that spoils what is measured.
pub(super) fn busy(cores: usize) -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = text.split(' ').next()?.parse().ok()?;
    (load > 0.5).then(|| {
        let cores = super::several(cores, "core");
        format!("the machine is busy (its load was {load:.1} on {cores} before this began): figures will be too low")
    })
}

/// What is to be thought of `threads` LAMEs at once that are so many times as fast as one after the other.
pub(super) fn shared(speedup: f64, threads: usize) -> Option<String> {
    (speedup < 0.7 * threads as f64).then(|| {
        format!(
            "the machine was busy, or its cores are not whole ones: {threads} of LAME alone at once: {speedup:.2} times as \
             fast as one after the other; the figures for {threads} threads are too low"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_gives_less_than_its_cores_is_told() {
        assert!(shared(1.03, 2).is_some_and(|text| text.contains("2 of LAME alone at once: 1.03")));
        assert_eq!(shared(1.9, 2), None);
        assert!(shared(4.1, 8).is_some());
    }
}
