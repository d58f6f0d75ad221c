//! How loud the blocks of a programme are: all that gating needs, in little space.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The absolute gate of BS.1770 and Tech 3342: what is not louder is no part of the programme.
const SILENCE_LUFS: f64 = -70.0;

/// The width of a bin is 1/100 LU, so that a block is off by 0.005 LU at most.
const BINS_PER_LU: f64 = 100.0;

/// The numbers of blocks in bins of 0.01 LU, counted from the absolute gate. Blocks below it are
/// left out.
///
/// As text it is the bins that hold blocks, in order: each by its distance from the one before, with
/// `x` and the number of blocks if it is not one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Histogram(BTreeMap<u16, u64>);

impl Histogram {
    /// Counts a block by its energy: the mean square of all channels, filtered and weighted.
    pub(super) fn add(&mut self, energy: f64) {
        let bin = (lufs(energy) - SILENCE_LUFS) * BINS_PER_LU;
        if bin > 0.0 {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, and `as` saturates
            let entry = self.0.entry(bin as u16).or_default();
            *entry = entry.saturating_add(1);
        }
    }

    /// Counts all blocks of another one.
    pub(super) fn merge(&mut self, other: &Self) {
        for (&bin, &blocks) in &other.0 {
            let entry = self.0.entry(bin).or_default();
            *entry = entry.saturating_add(blocks);
        }
    }

    /// The mean loudness, in LUFS, of the blocks that are not more than `gate_lu` below the mean of
    /// all; `None` if there is no block.
    pub(super) fn gated_mean(&self, gate_lu: f64) -> Option<f64> {
        mean(self.gated(gate_lu)?).map(lufs)
    }

    /// How far apart, in LU, the quantiles `low` and `high` (0 to 1) are of the blocks that are not
    /// more than `gate_lu` below the mean of all; `None` if there is no block.
    pub(super) fn gated_spread(&self, gate_lu: f64, low: f64, high: f64) -> Option<f64> {
        let blocks: u64 = self.gated(gate_lu)?.map(|(_, blocks)| blocks).sum();
        let quantile = |part: f64| {
            let mut before = (blocks.saturating_sub(1) as f64 * part).round();
            self.gated(gate_lu)?.find_map(|(bin, blocks)| {
                before -= blocks as f64;
                (before < 0.0).then_some(bin)
            })
        };
        Some(f64::from(quantile(high)? - quantile(low)?) / BINS_PER_LU)
    }

    /// The bins above the relative gate.
    fn gated(&self, gate_lu: f64) -> Option<impl Iterator<Item = (u16, u64)>> {
        let all = || self.0.iter().map(|(&bin, &blocks)| (bin, blocks));
        let gate = mean(all())? * 10f64.powf(-gate_lu / 10.0);
        Some(all().skip_while(move |&(bin, _)| middle(bin) <= gate))
    }
}

/// The mean energy of the blocks in `bins`.
fn mean(bins: impl Iterator<Item = (u16, u64)>) -> Option<f64> {
    let (sum, blocks) = bins.fold((0.0, 0.0), |(sum, count), (bin, blocks)| {
        (sum + middle(bin) * blocks as f64, count + blocks as f64)
    });
    (blocks > 0.0).then(|| sum / blocks)
}

/// The energy at the middle of a bin.
fn middle(bin: u16) -> f64 {
    energy(SILENCE_LUFS + (f64::from(bin) + 0.5) / BINS_PER_LU)
}

/// The energy of a loudness in LUFS (ITU-R BS.1770-5, formula 2); none for minus infinity.
pub(super) fn energy(lufs: f64) -> f64 {
    10f64.powf((lufs + 0.691) / 10.0)
}

/// The loudness of an energy; minus infinity for none.
fn lufs(energy: f64) -> f64 {
    10.0 * energy.log10() - 0.691
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = 0;
        for (index, (&bin, &blocks)) in self.0.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            write!(f, "{space}{}", bin - last)?;
            if blocks != 1 {
                write!(f, "x{blocks}")?;
            }
            last = bin;
        }
        Ok(())
    }
}

impl From<Histogram> for String {
    fn from(histogram: Histogram) -> Self {
        histogram.to_string()
    }
}

impl FromStr for Histogram {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut last = 0_u16;
        let mut bins = BTreeMap::new();
        for word in text.split_whitespace() {
            let (step, blocks) = word.split_once('x').unwrap_or((word, "1"));
            let bin = step.parse().ok().and_then(|step| last.checked_add(step));
            let (Some(bin), Ok(blocks)) = (bin, blocks.parse()) else {
                return Err(format!("'{word}' in a histogram of loudness"));
            };
            bins.insert(bin, blocks);
            last = bin;
        }
        Ok(Self(bins))
    }
}

impl TryFrom<String> for Histogram {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(blocks: &[(f64, u64)]) -> Histogram {
        let mut histogram = Histogram::default();
        for &(lufs, blocks) in blocks {
            (0..blocks).for_each(|_| histogram.add(energy(lufs)));
        }
        histogram
    }

    #[test]
    fn blocks_below_a_gate_do_not_count() {
        assert_eq!(of(&[]).gated_mean(10.0), None);
        assert_eq!(of(&[(-70.1, 9), (f64::NEG_INFINITY, 9)]), Histogram::default());
        let close = |blocks: &[(f64, u64)], expected: f64| {
            let mean = of(blocks).gated_mean(10.0).expect("blocks");
            assert!((mean - expected).abs() < 0.0051, "{blocks:?}: {mean}");
        };
        close(&[(-23.0, 100)], -23.0);
        close(&[(-23.0, 100), (-69.0, 10_000)], -23.0);
        close(&[(-23.0, 100), (-35.5, 100)], -25.772);
        close(&[(-23.0, 100), (-36.5, 100)], -23.0);
        close(&[(-23.0, 100), (-24.0, 100)], -23.471);
    }

    #[test]
    fn the_spread_is_between_quantiles() {
        let spread = |blocks: &[(f64, u64)]| of(blocks).gated_spread(20.0, 0.1, 0.95);
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[(-23.0, 1)]), Some(0.0));
        assert_eq!(spread(&[(-20.0, 200), (-30.0, 200)]), Some(10.0));
        assert_eq!(spread(&[(-20.0, 200), (-20.005, 5), (-60.0, 200)]), Some(0.0));
        // Ranks 2 and 18 or 19 of 0 to 20.
        let even: Vec<_> = (0..=20).map(|n| (-30.0 + f64::from(n), 1)).collect();
        assert_eq!(spread(&even), Some(17.0));
    }

    #[test]
    fn as_text_it_is_short_and_comes_back() {
        let histogram = of(&[(-69.995, 2), (-23.005, 1), (-22.995, 300)]);
        assert_eq!(histogram.to_string(), "0x2 4699 1x300");
        assert_eq!(histogram.to_string().parse(), Ok(histogram));
        assert_eq!("".parse(), Ok(Histogram::default()));
        for wrong in ["x", "1x", "-1", "1x-1", "65535 1", "1.5", "70000"] {
            wrong.parse::<Histogram>().expect_err(wrong);
        }
    }

    #[test]
    fn merging_adds_blocks() {
        let mut all = of(&[(-23.0, 2), (-30.0, 1)]);
        all.merge(&of(&[(-23.0, 1), (-10.0, 1)]));
        assert_eq!(all, of(&[(-10.0, 1), (-23.0, 3), (-30.0, 1)]));
    }
}
