//! Opening masters, and finding out what is to be known of them before they are pressed.

use tonepress::master::loudness::Loudness;
use tonepress::master::{Master, Verdict};
use tonepress::tags::Tags;
use tonepress::{Error, Store};

use super::super::options;
use super::list::Wanted;

/// What is to be found out of masters.
#[derive(Clone, Copy)]
pub(super) struct Ask {
    pub(super) verdict: bool,
    pub(super) loudness: bool,
}

/// A master whose turn it is.
pub(super) struct Looked {
    pub(super) wanted: Wanted,
    /// `None` if it was found in a folder, and is no master at all.
    pub(super) found: Option<Result<Found, Error>>,
}

/// What was found out.
pub(super) struct Found {
    pub(super) master: Master,
    pub(super) verdict: Option<Verdict>,
    pub(super) loudness: Option<Result<(Tags, Loudness), Error>>,
}

/// Looks at a master.
pub(super) fn look(wanted: Wanted, store: &Store, ask: Ask) -> Looked {
    let limits = options::limits(&wanted.profiles);
    let opened = wanted.candidate.open(&limits);
    let found = opened.map(|master| find_out(master?, store, ask));
    Looked { wanted, found }
}

fn find_out(master: Master, store: &Store, ask: Ask) -> Result<Found, Error> {
    let masters = store.masters();
    masters.identify(&master)?;
    let verdict = ask.verdict.then(|| masters.verify(&master)).transpose()?;
    let measure = || Ok((master.tags()?, masters.loudness(&master)?));
    let loudness = ask.loudness.then(measure);
    Ok(Found { master, verdict, loudness })
}
