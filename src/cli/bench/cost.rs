//! What something costs: time by the clock on the wall, and by those of the processors.

use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};

/// Seconds that something took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) wall: f64,
    pub(super) cpu: f64,
}

/// Whose processor time counts.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    /// That of all threads of this process.
    Ours,
    /// That of the processes started, once they have ended.
    Children,
}

impl Cost {
    /// What `work` costs.
    pub(super) fn of<T>(whose: Whose, work: impl FnOnce() -> T) -> (Self, T) {
        let (began, before) = (Instant::now(), cpu(whose));
        let made = work();
        let cpu = cpu(whose) - before;
        (Self { wall: began.elapsed().as_secs_f64(), cpu }, made)
    }
}

fn cpu(whose: Whose) -> f64 {
    let who = match whose {
        Whose::Ours => UsageWho::RUSAGE_SELF,
        Whose::Children => UsageWho::RUSAGE_CHILDREN,
    };
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    // It fails for no argument that can be given here.
    getrusage(who).map_or(0.0, |usage| seconds(usage.user_time()) + seconds(usage.system_time()))
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { wall: self.wall + other.wall, cpu: self.cpu + other.cpu }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}

/// The median of several runs, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Of at least one value.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Self { median: f64::midpoint(low, high), min: values[0], max: values[values.len() - 1] }
    }
}

/// The ratios of what belongs together, run by run: a machine that slows down for a while does so for both.
pub(super) fn paired(one: &[f64], other: &[f64]) -> Spread {
    Spread::of(one.iter().zip(other).map(|(one, other)| one / other))
}

/// What several runs cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Runs {
    pub(super) wall_s: Spread,
    pub(super) cpu_s: Spread,
}

impl Runs {
    pub(super) fn of(costs: &[Cost]) -> Self {
        Self {
            wall_s: Spread::of(costs.iter().map(|cost| cost.wall)),
            cpu_s: Spread::of(costs.iter().map(|cost| cost.cpu)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_there() {
        assert_eq!(Spread::of([3.0, 1.0, 8.0]), Spread { median: 3.0, min: 1.0, max: 8.0 });
        assert_eq!(Spread::of([4.0, 1.0, 8.0, 2.0]), Spread { median: 3.0, min: 1.0, max: 8.0 });
        assert_eq!(paired(&[2.0, 6.0, 3.0], &[1.0, 2.0, 3.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
    }
}
