//! The command line as typed, and what commands share of it.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tonepress::Profile;

use super::name::NameTemplate;

/// Presses lossless masters (FLAC, WAV, AIFF, ALAC) into MP3s at any bitrate.
#[derive(Debug, Parser)]
#[command(version = version(), propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Encode masters to MP3s at one or many profiles
    #[command(after_help = ENCODE_HELP)]
    Encode(Encode),
    /// Show the size and shape of MP3s without encoding anything
    #[command(after_help = PLAN_HELP)]
    Plan(Plan),
    /// Show what masters are, and check that they are sound
    #[command(after_help = PROBE_HELP)]
    Probe(Probe),
}

macro_rules! with_profiles {
    ($examples:literal) => {
        concat!(
            $examples,
            "
Profiles:
  128, cbr192, 320    constant bitrate in kbps; the size is exact beforehand
  v0 … v9, v2.5       variable bitrate by quality, v0 is the best
  abr160              average bitrate in kbps
  with options        :mono :stereo :joint :rate=22050 :q=0-9 :whole
"
        )
    };
}

const ENCODE_HELP: &str = with_profiles!(
    "\
Examples:
  tonepress encode song.flac --to 128,320,v0
  tonepress encode album/ -o mp3/ --to 192 --name '{dir}/{profile}/{stem}.mp3'
  tonepress encode album/ --to v2 --json | jq .file_bytes
"
);

const PLAN_HELP: &str = with_profiles!(
    "\
Examples:
  tonepress plan song.flac --to 128,192,256,320,v2,v0
  tonepress plan album/ --to 320 --json | jq -s 'map(.audio_bytes) | add'
"
);

const PROBE_HELP: &str = "\
Examples:
  tonepress probe song.flac
  tonepress probe --verify --json album/ | jq 'select(.error)'
";

fn version() -> String {
    let build = tonepress::build_info();
    let flags = if build.lame_flags.is_empty() { "its default flags" } else { build.lame_flags };
    format!(
        "{}, {} build for {}\nLAME {} with {flags}",
        build.version, build.profile, build.target, build.lame
    )
}

/// Which masters.
#[derive(Debug, clap::Args)]
pub(crate) struct Masters {
    /// Files, or folders to walk through; what a file is, its content tells, not its name
    #[arg(value_name = "MASTER", required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

/// Which profiles.
#[derive(Debug, clap::Args)]
pub(crate) struct Profiles {
    /// Profiles, separated by commas
    #[arg(long = "to", value_name = "PROFILE,…", value_delimiter = ',', required = true)]
    profiles: Vec<Profile>,
}

impl Profiles {
    /// The profiles as asked for, each once.
    pub(crate) fn each(&self) -> Vec<Profile> {
        let mut each: Vec<Profile> = Vec::new();
        for profile in &self.profiles {
            if !each.contains(profile) {
                each.push(*profile);
            }
        }
        each
    }
}

/// How many threads.
#[derive(Debug, clap::Args)]
pub(crate) struct Jobs {
    /// Threads; all cores unless given
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

impl Jobs {
    pub(crate) fn threads(&self) -> usize {
        self.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }
}

/// For machines instead of people.
#[derive(Debug, clap::Args)]
pub(crate) struct Json {
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Encode {
    #[command(flatten)]
    pub(crate) masters: Masters,
    #[command(flatten)]
    pub(crate) profiles: Profiles,
    /// The folder to write to; the folders of the masters are kept below it. Unless given, MP3s are
    /// written beside their masters
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// How to name MP3s, with {stem}, {profile}, and {dir} (where the master lies below the MASTER given)
    #[arg(long, value_name = "TEMPLATE", default_value = "{dir}/{stem}.{profile}.mp3")]
    pub(crate) name: NameTemplate,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    /// Encode again what is there already
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) masters: Masters,
    #[command(flatten)]
    pub(crate) profiles: Profiles,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Probe {
    #[command(flatten)]
    pub(crate) masters: Masters,
    /// Decode everything; check the stated length, frame checksums, and FLAC's MD5
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) json: Json,
}
