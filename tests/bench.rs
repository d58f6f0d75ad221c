//! `tonepress bench`: what it says, not how fast anything is.
#![allow(clippy::unwrap_used, clippy::float_cmp)] // whatever goes wrong fails the test; floats are small integers

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use common::signal::Music;
use common::{press, tool};

fn bench(args: &[&str], folder: &Path) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_tonepress"))
        .args(["bench", "--runs", "1"])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Two masters, one of which has to be resampled.
fn masters() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, rate) in [("one.wav", 44_100), ("two.wav", 88_200)] {
        let samples = u64::from(rate) * 3;
        let wav = press::wav(&Music::new(rate, samples), rate, 2, samples);
        fs::write(folder.path().join(name), wav).unwrap();
    }
    folder
}

/// The number at `path`, which must be positive.
fn number(value: &Value, path: &str) -> f64 {
    let number = value.pointer(path).and_then(Value::as_f64);
    number.filter(|number| *number > 0.0).unwrap_or_else(|| panic!("{path} of {value}"))
}

#[test]
fn everything_is_measured_and_compared() {
    let folder = masters();
    let others = ["lame", "ffmpeg"].map(tool).iter().all(Option::is_some);
    let args = ["two.wav", "one.wav", "--to", "64,v2:mono", "--jobs", "2", "--json", "--plot", "speed.svg"];
    let args = [&args[..], if others { &["--against", "lame,ffmpeg"] } else { &[] }].concat();
    let results: Value = serde_json::from_slice(&bench(&args, folder.path()).stdout).unwrap();

    assert_eq!(results["masters"][0]["name"], "two.wav");
    let works = results["works"].as_array().unwrap();
    let names: Vec<_> = works.iter().map(|work| work["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["64", "v2:mono", "2 profiles", "2 masters, 2 profiles"]);
    assert_eq!(works.iter().map(|work| number(work, "/audio_s")).sum::<f64>(), 3.0 + 3.0 + 6.0 + 12.0);
    for work in works {
        let on = |at: usize, what: &str| number(work, &format!("/ours/{at}/{what}"));
        let last = work["ours"].as_array().unwrap().len() - 1;
        assert_eq!(on(last, "threads"), 2.0);
        assert!(
            (on(last, "realtime_x") * on(last, "wall_s/median") / number(work, "/audio_s") - 1.0).abs()
                < 1e-6
        );
        assert_eq!(work["others"].as_array().unwrap().len(), if others { 2 } else { 0 });
        for at in 0..work["others"].as_array().unwrap().len() {
            let ratio = number(work, &format!("/others/{at}/wall_ratio/median"));
            let theirs = number(work, &format!("/others/{at}/wall_s/median"));
            assert!((ratio * theirs / on(last, "wall_s/median") - 1.0).abs() < 1e-6, "{work}");
        }
        let Some(shares) = work["shares_percent"].as_object() else {
            assert_eq!(work["masters"], 2);
            continue;
        };
        let shares: Vec<f64> = shares.values().map(|share| share.as_f64().unwrap()).collect();
        assert!(
            (shares.iter().sum::<f64>() - 100.0).abs() < 1e-6 && shares.iter().all(|share| *share >= 0.0)
        );
        // The first master is resampled.
        number(work, "/shares_percent/resample");
        number(work, "/shares_percent/encode");
        let overhead = 100.0 * (on(0, "cpu_s/median") / number(work, "/floor/cpu_s/median") - 1.0);
        assert!((work["overhead_percent"]["median"].as_f64().unwrap() - overhead).abs() < 1e-6);
        assert_eq!(
            (on(0, "threads"), on(0, "speedup/median"), on(0, "efficiency_percent")),
            (1.0, 1.0, 100.0)
        );
    }
    assert_eq!(results["cold"].as_array().unwrap().len(), 1, "only a constant bitrate can be read early");
    number(&results, "/lame_speedup/median");
    number(&results, "/cold/0/first_byte_s/median");
    number(&results, "/hits/per_second/median");
    if cfg!(target_os = "linux") {
        assert!(
            number(&results, "/memory/0/peak_bytes") > 1e6 && number(&results, "/memory/1/peak_bytes") > 1e6
        );
    }

    let svg = fs::read_to_string(folder.path().join("speed.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for text in [
        "LAME alone",
        "v2:mono",
        "ideal",
        "<title>How fast tonepress presses MP3s</title>",
        "times real time",
        "times as fast as one thread",
        "@media (prefers-color-scheme:dark)",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(svg.contains("fill=\"#FFFFFF\""), "what the dark colours stand for");

    // Compared with what it said before, with one figure changed.
    let mut before = results.clone();
    let doubled = 2.0 * number(&before, "/works/0/ours/0/cpu_s/median");
    before["works"][0]["ours"][0]["cpu_s"]["median"] = doubled.into();
    before["threads"] = 64.into();
    fs::write(folder.path().join("before.json"), before.to_string()).unwrap();
    let args = ["two.wav", "one.wav", "--to", "64", "--jobs", "2", "--baseline", "before.json"];
    let json = bench(&[&args[..], &["--json"]].concat(), folder.path());
    assert!(
        String::from_utf8_lossy(&json.stderr)
            .contains("the number of threads is not that of the baseline: 2")
    );
    let now: Value = serde_json::from_slice(&json.stdout).unwrap();
    let ratios = now["baseline"].as_array().unwrap();
    let ratio = ratios.iter().find(|ratio| ratio["figure"] == "64: 1 thread, CPU s").unwrap();
    assert!((number(ratio, "/before") / doubled - 1.0).abs() < 1e-9);
    assert!((number(ratio, "/now") / number(&now, "/works/0/ours/0/cpu_s/median") - 1.0).abs() < 1e-9);
    for ratio in ratios {
        assert!(
            (number(ratio, "/ratio") * number(ratio, "/before") / number(ratio, "/now") - 1.0).abs() < 1e-9
        );
    }

    let table = String::from_utf8(bench(&args, folder.path()).stdout).unwrap();
    for text in [
        "OVER LAME",
        "OF IDEAL",
        "2 of LAME alone at once",
        "RANDOM 64 KiB",
        "Peak memory",
        "Beside the earlier run",
        "TRACKS A DAY",
    ] {
        assert!(table.contains(text), "{text}: {table}");
    }
}

/// A run that the machine is twice, or half, as fast in as in the last.
fn scaled(results: &Value, factor: f64) -> String {
    fn scale(value: &mut Value, factor: f64) {
        match value {
            Value::Object(map) if map.contains_key("median") => {
                for number in map.values_mut() {
                    *number = (number.as_f64().unwrap() * factor).into();
                }
            }
            Value::Object(map) => map.values_mut().for_each(|value| scale(value, factor)),
            Value::Array(values) => values.iter_mut().for_each(|value| scale(value, factor)),
            _ => {}
        }
    }
    let mut results = results.clone();
    scale(&mut results["works"], factor);
    results.to_string()
}

#[test]
fn a_slower_run_fails_where_that_was_asked_for() {
    let folder = masters();
    let args = ["bench", "one.wav", "--to", "64", "--runs", "1", "--jobs", "1"];
    let run = |more: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_tonepress"))
            .args(args)
            .args(more)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let first = run(&["--json"]);
    let said = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(said.contains("measuring takes about 0:") && said.contains("run 1 of 1, 0:"), "{said}");
    let results: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert!(
        number(&results, "/capacities/0/tracks_per_day") > 0.0 && results["listeners"]["profile"] == "64"
    );

    // Far beyond what any machine's moods make of it.
    for (factor, code, verdict) in [(1e-6, 1, "worse"), (1e6, 0, "better")] {
        fs::write(folder.path().join("before.json"), scaled(&results, factor)).unwrap();
        let output = run(&["--baseline", "before.json", "--fail-above", "100000%"]);
        let (text, error) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        assert_eq!(output.status.code(), Some(code), "{text}{error}");
        let row = text.lines().find(|line| line.starts_with("64: 1 thread, CPU s")).unwrap();
        assert!(row.ends_with(verdict), "{row}");
        assert_eq!(error.contains("error: 64: 1 thread, CPU s: worse by "), code == 1, "{error}");
    }
    assert_eq!(run(&["--fail-above", "5%"]).status.code(), Some(2), "than what?");
}

#[test]
fn a_signal_is_made_where_there_is_no_master() {
    let folder = tempfile::tempdir().unwrap();
    let results: Value =
        serde_json::from_slice(&bench(&["--seconds", "2", "--to", "v9", "--json"], folder.path()).stdout)
            .unwrap();
    assert_eq!(results["masters"][0]["duration_s"], 2.0);
    assert_eq!(results["works"].as_array().unwrap().len(), 1);
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is left");
}

#[test]
fn what_cannot_be_measured_is_said_first() {
    let folder = masters();
    fs::write(folder.path().join("before.json"), "{}").unwrap();
    let args: [(&[&str], &str); 4] = [
        (&["--baseline", "before.json"], "not what bench --json writes"),
        (&["--plot", "nowhere/speed.svg"], "writing nowhere/speed.svg"),
        (&["missing.wav"], "missing.wav"),
        (&["one.wav", "--to", "320:rate=22050"], "one.wav"),
    ];
    for (args, says) in args {
        let output = Command::new(env!("CARGO_BIN_EXE_tonepress"))
            .arg("bench")
            .args(args)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && error.contains(says), "{args:?}: {error}");
    }
}
