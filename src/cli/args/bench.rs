//! The arguments of `bench`, as typed.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::ValueEnum;
use tonepress::Profile;

use crate::cli::options::{EncoderChoice, Exclude, Jobs, Json, once};

/// A program that does the same work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rival {
    /// The `lame` program, behind `flac -dc` where the master is FLAC
    Lame,
    /// ffmpeg with libmp3lame, all MP3s of a master by one process
    Ffmpeg,
}

impl fmt::Display for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Lame => "lame",
            Self::Ffmpeg => "ffmpeg",
        })
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// Files, or folders to walk through: the first master is measured in detail, all of them once more
    /// together. Unless given, a signal like music is made
    #[arg(value_name = "MASTER")]
    pub(crate) masters: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) exclude: Exclude,
    /// Profiles, separated by commas
    #[arg(
        short = 'b',
        long = "to",
        value_name = "PROFILE,…",
        value_delimiter = ',',
        default_value = "128,192,256,320,v2,v0"
    )]
    profiles: Vec<Profile>,
    #[command(flatten)]
    encoder: EncoderChoice,
    /// Programs to let do the same in between
    #[arg(long, value_name = "PROGRAM,…", value_delimiter = ',')]
    against: Vec<Rival>,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    /// How often everything is measured; medians are shown
    #[arg(long, value_name = "N", default_value = "5")]
    pub(crate) runs: NonZeroUsize,
    /// The length of the signal that is made
    #[arg(long, value_name = "SECONDS", default_value = "240", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) seconds: u32,
    /// What an hour of one core costs: what 1,000 tracks cost is told then, in the same currency
    #[arg(long, value_name = "PRICE", value_parser = price)]
    pub(crate) cost_per_core_hour: Option<f64>,
    /// Compare with an earlier run, kept by --json: what is better, worse, or within the noise of the runs
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Fail (exit code 1) if anything is worse than in the earlier run by more than so much, such as 5%
    #[arg(long, value_name = "PERCENT", requires = "baseline", value_parser = percent)]
    pub(crate) fail_above: Option<f64>,
    /// Draw bars by profile and the scaling by threads
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: Json,
}

impl Bench {
    /// The profiles as asked for, each once.
    pub(crate) fn profiles(&self) -> Vec<Profile> {
        self.encoder.each(&self.profiles)
    }

    /// The programs as asked for, each once.
    pub(crate) fn against(&self) -> Vec<Rival> {
        once(&self.against)
    }
}

/// A price: not negative, and finite.
fn price(text: &str) -> Result<f64, String> {
    let price = text.parse().ok().filter(|price: &f64| price.is_finite() && *price >= 0.0);
    price.ok_or_else(|| "a price is a number, such as 0.045".to_owned())
}

/// "5%" or "5".
fn percent(text: &str) -> Result<f64, String> {
    price(text.strip_suffix('%').unwrap_or(text)).map_err(|_| "a part is in percent, such as 5%".to_owned())
}
