//! Locking.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What these locks guard is consistent whenever they are released, even by a panic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
