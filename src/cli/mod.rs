//! The command line: one file a command; what they share is in `args`, `report`, `json` and `text`.

mod albums;
mod args;
mod batch;
mod bench;
mod byte_range;
mod cache;
mod completions;
mod encode;
mod failures;
mod files;
mod get;
mod help;
mod interrupt;
mod json;
mod man;
mod masters;
mod name;
mod nearest;
#[cfg(feature = "tier")]
mod objects;
mod options;
mod plan;
mod prewarm;
mod probe;
mod report;
mod shard;
mod spool;
mod tags;
mod text;
mod tier;
mod trial;

use std::process::ExitCode;

use clap::{ColorChoice, Parser};

use args::{Args, Command};
use report::Failure;

/// How a command ended, if it ended well.
pub(crate) enum Outcome {
    /// All was done.
    Done,
    /// Something failed and has been reported; the rest was done.
    SomeFailed,
    /// The same, and some of it might go well another time.
    WorthRetrying,
    /// Stopped by Ctrl-C or a signal to terminate.
    Interrupted,
}

/// Parses the command line, runs the command, and says how it went: 0 all well, 1 some failed,
/// 2 wrong usage, 75 (`EX_TEMPFAIL`) worth retrying, 130 interrupted.
pub(crate) fn run() -> ExitCode {
    let args = Args::try_parse().unwrap_or_else(|error| help::with_hint(error).exit());
    report::speak(args.manner.voice());
    match args.manner.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
    let outcome = match &args.command {
        Command::Encode(command) => encode::run(command),
        Command::Plan(command) => plan::run(command),
        Command::Probe(command) => probe::run(command),
        Command::Get(command) => get::run(command),
        Command::Prewarm(command) => prewarm::run(command),
        Command::Cache(command) => cache::run(command),
        Command::Bench(command) => bench::run(command),
        Command::Completions(command) => completions::run(command),
        Command::Man(command) => man::run(command),
    };
    match outcome {
        // Whoever does not read on has seen enough.
        Ok(Outcome::Done) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::from(1),
        Ok(Outcome::WorthRetrying) => ExitCode::from(75),
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(Failure::Usage(message)) => {
            report::error(&message);
            ExitCode::from(2)
        }
        Err(Failure::Other(message)) => {
            report::error(&message);
            ExitCode::from(1)
        }
    }
}
