//! Copying renditions out of the store, on a thread of its own: a slow disk is nothing that pressing should wait for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::thread::{self, JoinHandle};

use crossbeam::channel::{Receiver, Sender, unbounded};
use tonepress::WithOverlay;
use tonepress::store::Object;

use super::super::files::{name, unfinished};
use super::super::report::Failure;

/// What is to be copied, and where to.
struct Order {
    number: u64,
    object: WithOverlay<Object>,
    path: PathBuf,
}

/// What has become of an order, by its number.
type Copied = (u64, Result<(), String>);

pub(super) struct Copier {
    orders: Sender<Order>,
    copied: Receiver<Copied>,
    thread: JoinHandle<()>,
}

impl Copier {
    /// `waker` is woken whenever something is copied. Once it is `interrupted`, nothing more is begun.
    pub(super) fn start(waker: Waker, interrupted: Arc<AtomicBool>) -> Result<Self, Failure> {
        let (orders, ordered) = unbounded::<Order>();
        let (done, copied) = unbounded();
        let copying = move || {
            for Order { number, object, path } in ordered {
                if interrupted.load(Ordering::Relaxed) {
                    return;
                }
                let _ = done.send((number, copy(&object, &path))); // received until this thread has ended
                waker.wake_by_ref();
            }
        };
        let started = thread::Builder::new().name("copy".to_owned()).spawn(copying);
        let thread =
            started.map_err(|error| Failure::Other(format!("a thread could not be started: {error}")))?;
        Ok(Self { orders, copied, thread })
    }

    pub(super) fn order(&self, number: u64, object: WithOverlay<Object>, path: &Path) {
        // Taken until it is interrupted, when nothing matters any more.
        let _ = self.orders.send(Order { number, object, path: path.to_owned() });
    }

    pub(super) fn copied(&self) -> Option<Copied> {
        self.copied.try_recv().ok()
    }

    /// Waits for what it is at, so that nothing is left half copied.
    pub(super) fn end(self) {
        drop(self.orders);
        let _ = self.thread.join(); // a panic has said so itself
    }
}

fn copy(object: &WithOverlay<Object>, path: &Path) -> Result<(), String> {
    let file = unfinished(path)?;
    let copied = object.copy_to(file.as_file(), &path.display().to_string());
    copied.map_err(|error| error.to_string())?;
    name(file, path)
}
