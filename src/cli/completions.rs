//! `tonepress completions`: what shells need to complete commands and options.

use std::io::{self, Write};

use clap::CommandFactory;

use super::args::Args;
use super::report::Failure;
use super::{Outcome, args};

pub(crate) fn run(args: &args::Completions) -> Result<Outcome, Failure> {
    // To memory first: the generator panics when a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "tonepress", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Outcome::Done)
}
