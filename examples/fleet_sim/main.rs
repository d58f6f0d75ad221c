//! What a fleet of store nodes would do: a simulation, no measurement. docs/fleet.md says what it is for.
//!
//! ```console
//! $ tonepress bench --json > bench.json
//! $ cargo run --release --example fleet_sim -- --bench bench.json --plot fleet.svg
//! ```

mod model;
mod plot;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use model::{Fleet, Outcome, Routing, run};

/// Simulates fleets: disks of several sizes, routed at random and by hash, without and with a shared tier.
#[derive(Parser)]
struct Arguments {
    /// What `tonepress bench --json` wrote: how fast this machine presses
    #[arg(long)]
    bench: Option<PathBuf>,
    #[arg(long, default_value_t = 50)]
    nodes: u64,
    #[arg(long, default_value_t = 10_000_000)]
    tracks: u64,
    /// Requests a day that reach the nodes, behind the CDN
    #[arg(long, default_value_t = 1e8)]
    requests_a_day: f64,
    /// Disk a node, in GB, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "500,4000")]
    disks: Vec<f64>,
    /// The tier's round trip, in milliseconds
    #[arg(long, default_value_t = 25.0)]
    tier_ms: f64,
    /// Simulate one of so many renditions
    #[arg(long, default_value_t = 100.0)]
    scale: f64,
    /// Draw the shares into this SVG file
    #[arg(long)]
    plot: Option<PathBuf>,
}

/// One line of the result.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut fleet = Fleet {
        nodes: arguments.nodes,
        tracks: arguments.tracks,
        requests_a_day: arguments.requests_a_day,
        tier_s: arguments.tier_ms / 1e3,
        scale: arguments.scale,
        ..Fleet::example()
    };
    if let Some(bench) = &arguments.bench {
        (fleet.speed, fleet.first_byte_s) = measured(bench)?;
    }
    println!(
        "Simulation: {} nodes, {} tracks, {:.0} requests a day; one core presses at {:.0}x, first byte after {:.0} ms",
        fleet.nodes,
        fleet.tracks,
        fleet.requests_a_day,
        fleet.speed,
        1e3 * fleet.first_byte_s
    );
    println!(
        "{:<34} {:>9} {:>6} {:>6} {:>8} {:>7} {:>8} {:>8}",
        "", "requests", "local", "tier", "pressed", "cores", "p50 ms", "p99 ms"
    );
    let mut cases = Vec::new();
    for disk in &arguments.disks {
        for routing in [Routing::Random, Routing::Hash] {
            for tier in [false, true] {
                let name = format!("{disk} GB, {routing:?}{}", if tier { ", tier" } else { "" });
                let fleet = Fleet { disk: 1e9 * disk, routing, tier, ..fleet.clone() };
                cases.push(told(name, &fleet));
            }
        }
    }
    // An hour after all fingerprints have changed.
    let largest = arguments.disks.iter().copied().fold(0.0, f64::max);
    let upgraded = Fleet {
        disk: 1e9 * largest,
        routing: Routing::Hash,
        tier: true,
        upgrade: true,
        days: 1.0 / 24.0,
        ..fleet.clone()
    };
    cases.push(told(format!("{largest} GB, Hash, tier, new build"), &upgraded));
    if let Some(path) = &arguments.plot {
        fs::write(path, plot::draw(&cases)?)?;
    }
    Ok(())
}

fn told(name: String, fleet: &Fleet) -> Case {
    let outcome = run(fleet);
    println!(
        "{name:<34} {:>9} {:>5.1}% {:>5.1}% {:>7.1}% {:>7.0} {:>8.1} {:>8.1}",
        outcome.requests,
        1e2 * outcome.local,
        1e2 * outcome.from_tier,
        1e2 * outcome.pressed,
        outcome.cores,
        1e3 * outcome.p50,
        1e3 * outcome.p99
    );
    Case { name, outcome }
}

/// The speed of one core and the time to the first byte, from a report of `tonepress bench`.
fn measured(path: &Path) -> Result<(f64, f64), Box<dyn Error>> {
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let ours = report["works"][0]["ours"].as_array().ok_or("no works in the report")?;
    let one = ours.iter().find(|run| run["threads"] == 1).ok_or("nothing measured with one thread")?;
    let speed = one["realtime_x"].as_f64().ok_or("no speed in the report")?;
    let first_byte =
        report["cold"][0]["first_byte_s"]["median"].as_f64().ok_or("no first byte in the report")?;
    Ok((speed, first_byte))
}
