//! Ctrl-C, and signals to terminate or hang up.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::report::Failure;
use super::spool;

/// From now on they set the flag returned, and then do `and_then`, on a thread of their own.
pub(crate) fn catch(and_then: impl Fn() + Send + 'static) -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || {
        flag.store(true, Ordering::Relaxed);
        if spool::is_spooling() {
            process::exit(130);
        }
        and_then();
    })
    .map_err(|error| Failure::Other(format!("Ctrl-C cannot be caught: {error}")))?;
    Ok(interrupted)
}
