//! The command line as typed.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Parser, Subcommand, ValueEnum};
use tonepress::master::MasterId;
use tonepress::store::Store;
use tonepress::{Error, Profile};

use super::byte_range::ByteRange;
use super::help::{BENCH_HELP, CACHE_HELP, ENCODE_HELP, GET_HELP, PLAN_HELP, PREWARM_HELP, PROBE_HELP};
use super::name::NameTemplate;
use super::options::{Cache, EncoderChoice, Jobs, Json, Masters, Profiles, once};
use super::tags::TagOptions;

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
    /// The folder to write to; the folders of the masters are kept below it. Unless given, MP3s are
    /// written beside their masters
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// How to name MP3s, with {stem}, {profile}, and {dir} (where the master lies below the MASTER given)
    #[arg(long, value_name = "TEMPLATE", default_value = "{dir}/{stem}.{profile}.mp3")]
    pub(crate) name: NameTemplate,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) cache: Cache,
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
    /// The file to press; what it is, its content tells, not its name
    #[arg(value_name = "MASTER", required_unless_present = "key", requires = "profile")]
    pub(crate) master: Option<PathBuf>,
    /// The profile
    #[arg(long = "to", value_name = "PROFILE", requires = "master")]
    pub(crate) profile: Option<Profile>,
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
}

#[derive(Debug, clap::Args)]
pub(crate) struct Prewarm {
    /// Files, or folders to walk through; what a file is, its content tells, not its name
    #[arg(value_name = "MASTER", required_unless_present = "from", requires = "profiles")]
    pub(crate) paths: Vec<PathBuf>,
    /// Profiles, separated by commas; for what --from lists, those where it names none
    #[arg(long = "to", value_name = "PROFILE,…", value_delimiter = ',')]
    pub(crate) profiles: Vec<Profile>,
    #[command(flatten)]
    pub(crate) encoder: EncoderChoice,
    /// A list ("-": standard input) with a JSON object a line: "master" (a file or folder), and if
    /// need be "to" (a string or a list of them) and "priority" (a number; higher comes first, 0 unless
    /// given)
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
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
    /// Give way to other processes, as nice(1) does: 0 to 19, 10 if no number is given
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "10",
        value_parser = clap::value_parser!(i32).range(0..=19))]
    pub(crate) nice: Option<i32>,
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
        Cache { cache: self.cache.clone(), cache_size: None }.open()
    }
}

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
    /// Profiles, separated by commas
    #[arg(
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
    /// Compare with an earlier run, kept by --json
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
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

#[derive(Debug, clap::Args)]
pub(crate) struct CacheCommand {
    /// The folder of the store
    #[arg(long, global = true, value_name = "DIR", env = "TONEPRESS_CACHE")]
    cache: Option<PathBuf>,
    /// What the store may take on disk, such as 20GiB
    #[arg(long, global = true, value_name = "SIZE", env = "TONEPRESS_CACHE_SIZE")]
    cache_size: Option<ByteSize>,
    /// One JSON object a line on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) action: CacheAction,
}

impl CacheCommand {
    /// Opens the store, which must be there.
    pub(crate) fn open(&self) -> Result<Store, String> {
        Cache { cache: self.cache.clone(), cache_size: self.cache_size }.open_existing()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// Sums: what is stored, by profile, by build, and by when it was last used
    Stat,
    /// List renditions
    Ls(Selection),
    /// Compare renditions with their digests; bad ones are set aside and will be pressed anew
    Verify {
        #[command(flatten)]
        selection: Selection,
        /// Check only this part of them, chosen at random, such as 0.1
        #[arg(long, value_name = "PART", default_value_t = 1.0, value_parser = part)]
        sample: f64,
        /// Read at most so much a second, such as 50MB
        #[arg(long, value_name = "SIZE")]
        rate: Option<ByteSize>,
    },
    /// Clear away what dead writers left, what failed verification, and what is beyond the budget
    Gc {
        /// Also renditions of other builds than this one, which no new request will find
        #[arg(long)]
        stale: bool,
    },
    /// Remove renditions; pinned ones stay
    Rm {
        #[command(flatten)]
        selection: Selection,
        /// All of them
        #[arg(long)]
        all: bool,
    },
    /// Print where a rendition lies
    Path {
        /// The key, or how it begins
        key: String,
    },
    /// Keep renditions from being evicted
    Pin {
        /// Keys, or how they begin
        #[arg(required = true)]
        keys: Vec<String>,
        /// No longer keep them
        #[arg(long)]
        undo: bool,
    },
}

fn part(text: &str) -> Result<f64, String> {
    let part = text.parse().ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| "a part is 0.0 to 1.0".to_owned())
}

/// Which renditions; all conditions must be met.
#[derive(Debug, clap::Args)]
pub(crate) struct Selection {
    /// Keys, or how they begin
    pub(crate) keys: Vec<String>,
    /// Of this master
    #[arg(long, value_name = "ID")]
    pub(crate) master: Option<MasterId>,
    /// Of this profile
    #[arg(long)]
    pub(crate) profile: Option<Profile>,
    /// Pressed by another build than this one
    #[arg(long)]
    pub(crate) stale: bool,
    /// Not used for so long, such as 12h or 30d
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) unused_for: Option<Duration>,
}

impl Selection {
    pub(crate) fn is_everything(&self) -> bool {
        let Self { keys, master, profile, stale, unused_for } = self;
        keys.is_empty() && master.is_none() && profile.is_none() && !stale && unused_for.is_none()
    }
}
