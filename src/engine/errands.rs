//! What is done by a thread of its own, since it waits for disks or for other processes.

use std::thread;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError};

/// Something to do; true if it is to be done again in a while.
pub(super) type Errand = Box<dyn FnMut() -> bool + Send>;

/// The while.
const AGAIN: Duration = Duration::from_millis(50);

/// Runs errands until there is nobody left to give any.
pub(super) fn run_errands(errands: &Receiver<Errand>) {
    let mut unfinished: Vec<Errand> = Vec::new();
    loop {
        let errand = if unfinished.is_empty() {
            errands.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            errands.recv_timeout(AGAIN)
        };
        match errand {
            Ok(errand) => unfinished.push(errand),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) if unfinished.is_empty() => return,
            // Who waits for another process keeps the engine alive, so this does not happen.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(AGAIN),
        }
        unfinished.retain_mut(|errand| errand());
    }
}
