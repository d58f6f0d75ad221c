//! The simulation of `examples/fleet_sim`: what must be so is so.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

use std::fs;
use std::process::Command;

mod common;

#[path = "../examples/fleet_sim/model.rs"]
mod model;

use common::program::examples;
use model::{Fleet, Outcome, Routing, run};

/// The example's fleet with fewer nodes, of which less is simulated.
fn small() -> Fleet {
    Fleet { nodes: 10, scale: 2_000.0, warm_days: 4.0, ..Fleet::example() }
}

fn shares(outcome: &Outcome) -> f64 {
    outcome.local + outcome.from_tier + outcome.pressed
}

#[test]
fn plain_facts_hold() {
    let of = |routing, disk, tier| run(&Fleet { disk, routing, tier, ..small() });
    let disk = 500e9;
    let random = of(Routing::Random, disk, false);
    let hash = of(Routing::Hash, disk, false);
    let large = of(Routing::Hash, 8.0 * disk, false);
    let tier = of(Routing::Hash, disk, true);
    for outcome in [&random, &hash, &large, &tier] {
        assert!(outcome.requests > 10_000 && (shares(outcome) - 1.0).abs() < 1e-9, "{outcome:?}");
        assert!(outcome.p50 <= outcome.p99);
    }
    assert!(hash.local > 1.5 * random.local, "hash routing hits more: {hash:?} {random:?}");
    assert!(large.local > hash.local, "so do larger disks");
    assert!((tier.local - hash.local).abs() < 0.02, "a tier changes nothing on the disks");
    assert!(
        tier.pressed < 0.5 * hash.pressed && tier.from_tier > 0.0,
        "but is asked before anything is pressed"
    );
    assert_eq!(hash.from_tier.to_bits(), 0.0_f64.to_bits());
    // Pressing is proportional to the renditions pressed and to how slow it is.
    let fast = run(&Fleet { speed: 1_000.0, disk, ..small() });
    assert!((hash.cores / fast.cores - 10.0).abs() < 1.0, "{} {}", hash.cores, fast.cores);
}

#[test]
fn what_has_room_for_everything_presses_each_rendition_once() {
    let roomy = Fleet { disk: 1e18, warm_days: 0.0, days: 20.0, tracks: 400_000, ..small() };
    let outcome = run(&roomy);
    let renditions = roomy.tracks as f64 / roomy.scale * 6.0;
    assert!(outcome.pressed * outcome.requests as f64 <= renditions, "{outcome:?}");
    assert!(outcome.local > 0.9, "{outcome:?}");
}

#[test]
fn a_new_build_presses_anew_and_the_same_fleet_comes_to_the_same() {
    let before = Fleet { disk: 4e12, tier: true, days: 1.0 / 4.0, ..small() };
    let after = run(&Fleet { upgrade: true, ..before.clone() });
    let (once, again) = (run(&before), run(&before));
    assert!(after.pressed > 5.0 * once.pressed, "{after:?} {once:?}");
    assert_eq!(format!("{once:?}"), format!("{again:?}"));
}

#[test]
fn the_example_takes_what_bench_says_and_draws() {
    let folder = tempfile::tempdir().unwrap();
    let (report, plot) = (folder.path().join("bench.json"), folder.path().join("fleet.svg"));
    let strings = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/strings.flac");
    let bench = Command::new(env!("CARGO_BIN_EXE_tonepress"))
        .args(["bench", strings, "--to", "128", "--runs", "1", "--json"])
        .output()
        .unwrap();
    assert!(bench.status.success());
    fs::write(&report, &bench.stdout).unwrap();
    let output = Command::new(examples().join("examples/fleet_sim"))
        .args(["--scale", "20000", "--nodes", "5"])
        .args(["--bench".as_ref(), report.as_os_str(), "--plot".as_ref(), plot.as_os_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let speed = serde_json::from_slice::<serde_json::Value>(&bench.stdout).unwrap()["works"][0]["ours"][0]["realtime_x"]
        .as_f64()
        .unwrap();
    assert!(said.starts_with("Simulation:") && said.contains(&format!("{speed:.0}x")), "{said}");
    assert_eq!(said.lines().count(), 11, "a line for each case: {said}");
    let drawn = fs::read_to_string(plot).unwrap();
    assert!(drawn.contains("(simulation)") && drawn.contains("</svg>"));
}
