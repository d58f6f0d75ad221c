//! The scale on which masking is computed, and what depends on it alone.

use std::sync::OnceLock;

use super::bands;
use crate::series::{decibels, exp, ln};

/// The most partitions.
pub(crate) const MAX_PARTITIONS: usize = 80;
/// The width of a partition in Bark, where lines are fine enough.
const WIDTH: f64 = 0.34;
/// How fast masking falls above a masker and below it, in dB a Bark.
const SLOPE_ABOVE: f64 = 15.0;
const SLOPE_BELOW: f64 = 27.0;
/// How far below a masker noise is masked, in dB, at the lowest and the highest Bark.
const OFFSET_LOWEST: f64 = 8.0;
const OFFSET_HIGHEST: f64 = 4.0;
/// Sound pressure level of a full scale sine, in dB, for the threshold in quiet. Music is played loud, and quiet passages
/// are listened into, so it is far above the usual 96: a lower one costs more than anything else here.
const FULL_SCALE: f64 = 155.0;
/// The threshold in quiet does not rise above this frequency, in kHz.
const QUIET_UP_TO: f64 = 16.1;

/// The partitions of a spectrum.
#[derive(Debug)]
pub(crate) struct Partitions {
    /// Their lines: partition p is of lines `edges[p]..edges[p + 1]`.
    pub(crate) edges: Vec<u16>,
    /// What is left of the masking of partition p - 1 at p.
    pub(crate) up: Vec<f32>,
    /// What is left of the masking of partition p + 1 at p.
    pub(crate) down: Vec<f32>,
    /// From the spread energy to the masked one.
    pub(crate) masked: Vec<f32>,
    /// The energy that is not heard in quiet.
    pub(crate) quiet: Vec<f32>,
    /// By scale factor band, what part of the energy of which partition is its own.
    pub(crate) bands: Vec<Vec<(u8, f32)>>,
}

/// The partitions of long and short blocks.
#[derive(Debug)]
pub(crate) struct BlockPartitions {
    pub(crate) long: Partitions,
    pub(crate) short: Partitions,
}

impl BlockPartitions {
    /// At `rate` hertz, one of MP3's nine.
    pub(crate) fn of(rate: u32) -> &'static Self {
        const RATES: [u32; 9] = [48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];
        static TABLES: [OnceLock<BlockPartitions>; 9] = [const { OnceLock::new() }; 9];
        let place = RATES.iter().position(|&r| r == rate).expect("one of MP3's rates");
        TABLES[place].get_or_init(|| Self {
            long: Partitions::new(rate, 576, bands::long(rate)),
            short: Partitions::new(rate, 192, bands::short(rate)),
        })
    }
}

/// The critical band rate of a frequency in Hz, in Bark (Traunmüller 1990).
fn bark(hz: f64) -> f64 {
    26.81 * hz / (1960.0 + hz) - 0.53
}

/// The threshold in quiet in dB of sound pressure (Terhardt 1979).
fn quiet(khz: f64) -> f64 {
    let khz = khz.clamp(0.02, QUIET_UP_TO);
    3.64 * exp(-0.8 * ln(khz)) - 6.5 * exp(-0.6 * (khz - 3.3) * (khz - 3.3)) + 1e-3 * khz * khz * khz * khz
}

impl Partitions {
    fn new(rate: u32, lines: usize, bands: &[u16]) -> Self {
        let hz = |line: f64| line * f64::from(rate) / 2.0 / lines as f64;
        let z = |line: usize| bark(hz(line as f64));
        let mut edges = vec![0];
        for line in 1..lines {
            if z(line) - z(edges[edges.len() - 1]) >= WIDTH - 0.5 * (z(line + 1) - z(line)) {
                edges.push(line);
            }
        }
        edges.push(lines);
        let count = edges.len() - 1;
        assert!(count <= MAX_PARTITIONS, "{count} partitions");
        let middle = |p: usize| 0.5 * (z(edges[p]) + z(edges[p + 1]));
        let slope = |from: usize, to: usize, slope: f64| decibels(-slope * (middle(from) - middle(to)).abs());
        let up: Vec<f64> =
            (0..count).map(|p| if p == 0 { 0.0 } else { slope(p - 1, p, SLOPE_ABOVE) }).collect();
        let down: Vec<f64> =
            (0..count).map(|p| if p + 1 == count { 0.0 } else { slope(p + 1, p, SLOPE_BELOW) }).collect();

        // Of what has the same energy in every Bark, spreading must make neither more nor less.
        let width: Vec<f64> = edges.windows(2).map(|edge| z(edge[1]) - z(edge[0])).collect();
        let (mut rising, mut falling) = (width.clone(), width.clone());
        for p in 1..count {
            rising[p] += rising[p - 1] * up[p];
            falling[count - 1 - p] += falling[count - p] * down[count - 1 - p];
        }
        let highest = z(lines);
        let offset =
            |p: usize| OFFSET_LOWEST + (OFFSET_HIGHEST - OFFSET_LOWEST) * middle(p).max(0.0) / highest;
        let masked = (0..count)
            .map(|p| width[p] / (rising[p] + falling[p] - width[p]) * decibels(-offset(p)))
            .collect::<Vec<_>>();

        let quiet = |p: usize| -> f64 {
            // A short window's lines have a third of the energy of what lasts.
            let line = |line: usize| decibels(quiet(hz(line as f64 + 0.5) / 1e3) - FULL_SCALE);
            (edges[p]..edges[p + 1]).map(line).sum()
        };
        let shares = |band: &[u16]| {
            let (from, to) = (usize::from(band[0]), usize::from(band[1]));
            let share = |p: usize| {
                let common = to.min(edges[p + 1]).saturating_sub(from.max(edges[p]));
                (p as u8, (common as f64 / (edges[p + 1] - edges[p]) as f64) as f32)
            };
            (0..count).map(share).filter(|share| share.1 > 0.0).collect()
        };
        let single = |values: Vec<f64>| values.into_iter().map(|x| x as f32).collect();
        Self {
            up: single(up),
            down: single(down),
            masked: single(masked),
            quiet: single((0..count).map(quiet).collect()),
            bands: bands.windows(2).map(shares).collect(),
            edges: edges.iter().map(|&edge| edge as u16).collect(),
        }
    }
}
