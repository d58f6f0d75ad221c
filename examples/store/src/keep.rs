//! The last few of what takes time to make.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// As many values as it was made for; the oldest goes first. Its lock is held for a look only.
pub(crate) struct Keep<V> {
    most: usize,
    kept: Mutex<(HashMap<String, V>, VecDeque<String>)>,
}

impl<V: Clone> Keep<V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &str) -> Option<V> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.get(key).cloned()
    }

    pub(crate) fn put(&self, key: &str, value: V) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (values, order) = &mut *kept;
        if values.insert(key.to_owned(), value).is_none() {
            order.push_back(key.to_owned());
        }
        while values.len() > self.most {
            let Some(oldest) = order.pop_front() else { return };
            values.remove(&oldest);
        }
    }
}
