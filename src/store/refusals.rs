//! Whether an operator is to be told why a store does not take renditions: once, or every request would say it again.

use std::io;
use std::mem::{self, Discriminant, discriminant};
use std::sync::{Mutex, PoisonError};

use crate::error::Error;

/// The reason that was told last; `None` while the store takes renditions.
#[derive(Default)]
pub(super) struct Refusals(Mutex<Option<Reason>>);

/// What kind of error it is: names of files and numbers of bytes differ from one to the next.
type Reason = (Discriminant<Error>, Option<io::ErrorKind>);

impl Refusals {
    /// A rendition is pressed without the store because of `error`. Whether that is news.
    pub(super) fn refused(&self, error: &Error) -> bool {
        let kind = match error {
            Error::Io { source, .. } => Some(source.kind()),
            _ => None,
        };
        let reason = Some((discriminant(error), kind));
        self.replace(reason) != reason
    }

    /// The store has taken a rendition. Whether that is news.
    pub(super) fn taken(&self) -> bool {
        self.replace(None).is_some()
    }

    fn replace(&self, reason: Option<Reason>) -> Option<Reason> {
        mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), reason)
    }
}
