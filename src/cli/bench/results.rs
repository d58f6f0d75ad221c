//! What was measured, as JSON has it.

use serde::{Deserialize, Serialize};

use super::cost::{Cost, Runs, Spread, paired};

/// A whole run of `tonepress bench`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) version: String,
    /// The Rust profile and the target.
    pub(super) build: String,
    pub(super) lame: String,
    pub(super) lame_flags: String,
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) threads: usize,
    pub(super) runs: usize,
    pub(super) masters: Vec<MasterFacts>,
    /// Other programs, as they were run.
    pub(super) programs: Vec<Program>,
    pub(super) works: Vec<Work>,
    /// As many LAMEs as there are threads, all at once, against one after the other: what the machine gives.
    pub(super) lame_speedup: Option<Spread>,
    pub(super) cold: Vec<Cold>,
    pub(super) hits: Hits,
    pub(super) memory: Vec<Memory>,
    /// What the machine does with all threads. Earlier versions did not tell, as of the next two.
    #[serde(default)]
    pub(super) capacities: Vec<Capacity>,
    #[serde(default)]
    pub(super) listeners: Option<Listeners>,
    /// What is to be thought of the figures.
    #[serde(default)]
    pub(super) warnings: Vec<String>,
    /// Beside an earlier run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) baseline: Vec<Ratio>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MasterFacts {
    pub(super) name: String,
    pub(super) audio: String,
    pub(super) duration_s: f64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) version: String,
    /// The command for the first work of it.
    pub(super) command: String,
}

/// Some masters pressed at some profiles.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) name: String,
    pub(super) masters: usize,
    pub(super) profiles: Vec<String>,
    /// Seconds of audio of all renditions together.
    pub(super) audio_s: f64,
    /// LAME alone, on one thread.
    pub(super) floor: Option<Runs>,
    pub(super) ours: Vec<OnThreads>,
    /// What one thread takes beyond LAME alone, in percent of that; processor time.
    pub(super) overhead_percent: Option<Spread>,
    pub(super) cpu_s_per_hour: f64,
    /// Where the processor time of one thread goes.
    pub(super) shares_percent: Option<Shares>,
    pub(super) others: Vec<Other>,
}

/// The work by tonepress on some threads.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OnThreads {
    pub(super) threads: usize,
    #[serde(flatten)]
    pub(super) runs: Runs,
    pub(super) realtime_x: f64,
    /// Against one thread, if that was measured.
    pub(super) speedup: Option<Spread>,
    pub(super) efficiency_percent: Option<f64>,
}

/// The work by another program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Other {
    pub(super) program: String,
    /// The processes that run at a time.
    pub(super) processes: usize,
    #[serde(flatten)]
    pub(super) runs: Runs,
    pub(super) realtime_x: f64,
    /// What tonepress on all threads takes of it.
    pub(super) wall_ratio: Spread,
    pub(super) cpu_ratio: Spread,
}

/// In percent of the whole.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Shares {
    pub(super) decode: f64,
    /// Resampling and mixing.
    pub(super) resample: f64,
    pub(super) encode: f64,
    pub(super) write: f64,
    pub(super) other: f64,
}

/// Bytes of a rendition that does not exist yet.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cold {
    pub(super) profile: String,
    /// From the request to the first byte behind the Info frame.
    pub(super) first_byte_s: Spread,
    /// From the request to 64 KiB at a random place.
    pub(super) range_s: Spread,
}

/// Requests for what a store has, each with a read of 64 KiB.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hits {
    pub(super) per_second_one_thread: Spread,
    pub(super) per_second: Spread,
    /// Pressing it on all threads, in hits of one thread.
    pub(super) times_faster_than_pressing: f64,
}

/// What a process of `tonepress encode` holds in memory at most.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) what: String,
    pub(super) peak_bytes: u64,
}

/// What this machine does with all the threads that were measured.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Capacity {
    /// Pressed at all profiles of this work.
    pub(super) work: String,
    pub(super) tracks_per_day: f64,
    pub(super) albums_per_hour: f64,
    /// In the currency of --cost-per-core-hour.
    pub(super) cost_per_1000_tracks: Option<f64>,
}

/// How many may listen at once to what nobody has pressed before.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listeners {
    pub(super) profile: String,
    pub(super) at_once: u64,
}

/// One figure, now and before.
#[derive(Debug, Serialize, Deserialize)]
#[allow(clippy::struct_field_names)] // names of the JSON
pub(super) struct Ratio {
    pub(super) figure: String,
    pub(super) before: f64,
    pub(super) now: f64,
    pub(super) ratio: f64,
    pub(super) verdict: Verdict,
    /// By how much it is worse, in percent of what it was; less than 0 if it is better.
    pub(super) worse_percent: f64,
}

/// What is to be thought of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Better,
    Worse,
    /// The runs of one lie among those of the other, or it is too little to tell.
    Noise,
}

impl Verdict {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Noise => "noise",
        }
    }
}

/// The costs of some work, run by run.
#[derive(Default)]
pub(super) struct Samples {
    pub(super) floor: Vec<Cost>,
    /// By the number of threads.
    pub(super) ours: Vec<(usize, Vec<Cost>)>,
    /// By the name of the program, with the processes at a time.
    pub(super) others: Vec<(String, usize, Vec<Cost>)>,
    pub(super) shares: Option<Shares>,
}

impl Samples {
    /// Sums the runs up. Ratios are those of one run each.
    pub(super) fn sum_up(self, name: String, masters: usize, profiles: Vec<String>, audio_s: f64) -> Work {
        let one = self.ours.iter().find(|(threads, _)| *threads == 1).map(|(_, costs)| costs);
        let all = &self.ours[self.ours.len() - 1].1;
        let ours = self.ours.iter().map(|(threads, costs)| {
            let runs = Runs::of(costs);
            let speedup = one.map(|one| paired(&walls(one), &walls(costs)));
            OnThreads {
                threads: *threads,
                runs,
                realtime_x: audio_s / runs.wall_s.median,
                speedup,
                efficiency_percent: speedup.map(|speedup| 100.0 * speedup.median / *threads as f64),
            }
        });
        let others = self.others.iter().map(|(program, processes, costs)| {
            let runs = Runs::of(costs);
            Other {
                program: program.clone(),
                processes: *processes,
                runs,
                realtime_x: audio_s / runs.wall_s.median,
                wall_ratio: paired(&walls(all), &walls(costs)),
                cpu_ratio: paired(&cpus(all), &cpus(costs)),
            }
        });
        let overhead = one.filter(|_| !self.floor.is_empty()).map(|one| {
            let beyond = cpus(one).into_iter().zip(cpus(&self.floor));
            Spread::of(beyond.map(|(ours, floor)| 100.0 * (ours / floor - 1.0)))
        });
        Work {
            name,
            masters,
            profiles,
            audio_s,
            floor: (!self.floor.is_empty()).then(|| Runs::of(&self.floor)),
            overhead_percent: overhead,
            cpu_s_per_hour: 3_600.0 * Runs::of(one.unwrap_or(all)).cpu_s.median / audio_s,
            ours: ours.collect(),
            shares_percent: self.shares,
            others: others.collect(),
        }
    }
}

fn walls(costs: &[Cost]) -> Vec<f64> {
    costs.iter().map(|cost| cost.wall).collect()
}

fn cpus(costs: &[Cost]) -> Vec<f64> {
    costs.iter().map(|cost| cost.cpu).collect()
}
