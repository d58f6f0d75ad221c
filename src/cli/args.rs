//! The command line as typed.

mod bench;
mod cache;
#[cfg(feature = "queue-nats")]
mod queue;
mod wants;

use std::path::PathBuf;

use clap::{ColorChoice, Parser, Subcommand};
use tonepress::store::Store;
use tonepress::{Error, Profile};

pub(crate) use bench::{Bench, Rival};
#[cfg(feature = "tier")]
pub(crate) use cache::TierAction;
pub(crate) use cache::{CacheAction, CacheCommand, Selection, Sort};
#[cfg(feature = "queue-nats")]
pub(crate) use queue::{Enqueue, Queue, QueueAction, Urgency, WorkOff};
pub(crate) use wants::Wants;

use super::byte_range::ByteRange;
use super::help::{
    BENCH_HELP, CACHE_HELP, COMPLETIONS_HELP, ENCODE_HELP, ENVIRONMENT, GET_HELP, MAN_HELP, PLAN_HELP,
    PREWARM_HELP, PROBE_HELP,
};
use super::name::NameTemplate;
use super::nearest::Nearest;
use super::options::{Accept, Cache, EncoderChoice, Jobs, Json, Masters, Nice, Profiles};
use super::report::Voice;
use super::shard::Shard;
use super::tags::TagOptions;
use super::tier::TierChoice;

/// Presses lossless masters (FLAC, WAV, AIFF, ALAC) into MP3s at any bitrate.
#[derive(Debug, Parser)]
#[command(name = "tonepress", version = version(), propagate_version = true, arg_required_else_help = true,
    after_help = ENVIRONMENT)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) manner: Manner,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How the program speaks.
#[derive(Debug, clap::Args)]
pub(crate) struct Manner {
    /// Say nothing but errors, and what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 100)]
    quiet: bool,
    /// Say also what is passed over, and how things are done
    #[arg(short, long, global = true, display_order = 101)]
    verbose: bool,
    /// Colours: as the terminal and the variable `NO_COLOR` have it, or regardless of both
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", display_order = 102)]
    pub(crate) color: ColorChoice,
}

impl Manner {
    pub(crate) fn voice(&self) -> Voice {
        match (self.quiet, self.verbose) {
            (true, _) => Voice::Quiet,
            (false, true) => Voice::Verbose,
            (false, false) => Voice::Normal,
        }
    }
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
    /// Write an MP3, or any range of its bytes, to standard output
    #[command(after_help = GET_HELP)]
    Get(Get),
    /// Press ahead what the store is to have
    #[command(after_help = PREWARM_HELP)]
    Prewarm(Prewarm),
    /// Look after the store: what is in it, whether it is sound, what may go
    #[command(after_help = CACHE_HELP)]
    Cache(CacheCommand),
    /// Measure speed: what is spent on what, beside LAME alone, other programs, and an earlier run
    #[command(after_help = BENCH_HELP)]
    Bench(Bench),
    /// Write what a shell needs to complete commands and options
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(Completions),
    /// Write manual pages
    #[command(after_help = MAN_HELP)]
    Man(Man),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The command whose page is written; that of tonepress itself unless given
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    pub(crate) commands: Vec<String>,
    /// Write all pages into this folder
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

fn version() -> String {
    let build = tonepress::build_info();
    let flags = if build.lame_flags.is_empty() { "its default flags" } else { build.lame_flags };
    format!(
        "{}, {} build for {}\nLAME {} with {flags}",
        build.version, build.profile, build.target, build.lame
    )
}

#[derive(Debug, clap::Args)]
pub(crate) struct Encode {
    #[command(flatten)]
    pub(crate) masters: Masters,
    #[command(flatten)]
    pub(crate) profiles: Profiles,
    /// The folder to write to; the folders of the masters are kept below it. Of one master at one profile also a
    /// file whose name ends with .mp3, or "-" for standard output. Unless given, MP3s are written beside
    /// their masters
    #[arg(short, long, value_name = "DIR|FILE.mp3|-")]
    pub(crate) output: Option<PathBuf>,
    /// How to name MP3s: {stem}, {profile}, {dir} (where the master lies below the MASTER given), and tags:
    /// {artist}, {albumartist}, {album}, {title}, {track}, {disc}, {date}, {year}, {genre}, {composer};
    /// {track:02} has two digits at least [default: {dir}/{stem}.{profile}.mp3]
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) name: Option<NameTemplate>,
    /// Write nothing: tell which files would be written, and how large
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) cache: Cache,
    #[command(flatten)]
    pub(crate) accept: Accept,
    /// Write the audio alone
    #[arg(long, conflicts_with_all = ["texts", "cover", "strip", "id3v23"])]
    pub(crate) no_tags: bool,
    #[command(flatten)]
    pub(crate) tags: TagOptions,
    /// Encode again what is there already
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    /// The file to press, or "-" for standard input; what it is, its content tells, not its name
    #[arg(value_name = "MASTER", required_unless_present = "key", requires = "profile")]
    pub(crate) master: Option<PathBuf>,
    /// The profile
    #[arg(short = 'b', long = "to", value_name = "PROFILE", requires = "master")]
    pub(crate) profile: Option<Profile>,
    #[command(flatten)]
    pub(crate) nearest: Nearest,
    #[command(flatten)]
    pub(crate) encoder: EncoderChoice,
    /// Instead of a master: what the store has under this key, or the only one that begins so; also
    /// what another build has pressed
    #[arg(long, conflicts_with_all = ["master", "with_tags", "texts", "cover", "strip", "id3v23"])]
    pub(crate) key: Option<String>,
    /// Put the master's tags in front, as encode does; options that change them imply it
    #[arg(long = "tags")]
    pub(crate) with_tags: bool,
    #[command(flatten)]
    pub(crate) tags: TagOptions,
    /// Only these bytes, as in HTTP: A-B (B included), A- (to the end), -N (the last N); tags count. Of a constant
    /// bitrate only the segments under them are pressed, and nothing is kept in the store; ABR and VBR
    /// are pressed as a whole first
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    pub(crate) range: Option<ByteRange>,
    /// The file to write, which gets its name when it is complete; standard output unless given
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) cache: Cache,
    #[command(flatten)]
    pub(crate) accept: Accept,
    /// One JSON object on standard output about what was written to FILE
    #[arg(long, requires = "output")]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[cfg_attr(
    feature = "queue-nats",
    command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)
)]
pub(crate) struct Prewarm {
    #[cfg(feature = "queue-nats")]
    #[command(subcommand)]
    pub(crate) queue: Option<QueueAction>,
    #[command(flatten)]
    pub(crate) wants: Wants,
    /// Press one of N parts of the masters, each of which is of the same part at all times; the first is 1/N.
    /// Unless given, tasks of Slurm arrays, AWS Batch arrays, Cloud Run jobs and (with TONEPRESS_SHARD_COUNT)
    /// Kubernetes Indexed Jobs and GNU parallel press their own part, and so do processes with
    /// TONEPRESS_SHARD_INDEX (from 0) and TONEPRESS_SHARD_COUNT
    #[allow(clippy::doc_markdown)] // it is --help that shows this
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    /// Press nothing: tell sizes, what would be evicted, and how long it would take. Masters that the
    /// store does not know yet are not hashed, and taken for new
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Decode each master once before it is pressed and check it, as probe --verify does; what is found is
    /// kept. A bad one is reported and not pressed (a damaged one only with :salvage)
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) verify: bool,
    /// Measure each master once before it is pressed, and albums, as probe --loudness does; what is found
    /// is kept, and encode and get write it into tags
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) loudness: bool,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) nice: Nice,
    #[command(flatten)]
    pub(crate) cache: Cache,
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
    /// Measure loudness and peaks after EBU R 128, of each master and of each album: what ALBUM and
    /// ALBUMARTIST say, without ALBUM a folder
    #[arg(long)]
    pub(crate) loudness: bool,
    /// Take from the store in this folder what it knows of masters, and note there what is found out
    #[arg(long, value_name = "DIR", env = "TONEPRESS_CACHE")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) json: Json,
}

impl Probe {
    /// Opens the store, if one is wanted.
    pub(crate) fn open_store(&self) -> Result<Option<Store>, Error> {
        Cache { cache: self.cache.clone(), cache_size: None, tier: TierChoice::default() }.open()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_two_options_are_in_each_others_way() {
        super::Args::command().debug_assert();
    }
}
