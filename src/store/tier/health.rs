//! Whether it is worth asking a server once more.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After so many failures in a row a server is left alone for a while.
const PATIENCE: u32 = 3;
/// The longest while.
const REST: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Default)]
struct State {
    /// In a row.
    failures: u32,
    rests_until: Option<Instant>,
}

impl Health {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is worth asking.
    pub(super) fn is_well(&self) -> bool {
        self.lock().rests_until.is_none_or(|until| until <= Instant::now())
    }

    /// It failed when it was asked last.
    pub(super) fn is_failing(&self) -> bool {
        self.lock().failures > 0
    }

    /// It works; true if it did not before.
    pub(super) fn works(&self) -> bool {
        std::mem::take(&mut *self.lock()).failures > 0
    }

    /// It fails; true if it worked before. Each failure beyond some doubles the rest: 1 s, 2 s and so on.
    pub(super) fn fails(&self) -> bool {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        if let Some(beyond) = state.failures.checked_sub(PATIENCE) {
            let rest = Duration::from_secs(1).saturating_mul(1 << beyond.min(6)).min(REST);
            state.rests_until = Some(Instant::now() + rest);
        }
        state.failures == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_three_times_is_left_alone_until_it_works() {
        let health = Health::default();
        assert!(health.fails());
        assert!(!health.fails() && health.is_well() && health.is_failing());
        assert!(!health.fails());
        assert!(!health.is_well());
        assert!(health.works());
        assert!(health.is_well() && !health.is_failing());
        assert!(!health.works());
        for _ in 0..1_000 {
            health.fails();
        }
        let until = health.lock().rests_until.unwrap();
        assert!(until <= Instant::now() + REST);
    }
}
