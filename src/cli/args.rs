//! The command line as typed, and what commands share of it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Parser, Subcommand};
use tonepress::master::{Limits, MasterId};
use tonepress::store::{Options, Store};
use tonepress::{Error, Profile};

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
    /// Look after the store: what is in it, whether it is sound, what may go
    #[command(after_help = CACHE_HELP)]
    Cache(CacheCommand),
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
  with options        :mono :stereo :joint :rate=22050 :q=0-9 :whole :salvage
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
  tonepress encode album/ -o mp3/ --to 128,v0 --cache /var/cache/tonepress --cache-size 20GiB
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
  tonepress probe --verify --cache /var/cache/tonepress album/
";

const CACHE_HELP: &str = "\
Examples:
  export TONEPRESS_CACHE=/var/cache/tonepress
  tonepress cache stat
  tonepress cache ls --profile 128 --unused-for 30d
  tonepress cache verify --sample 0.1 --rate 50MB
  tonepress cache gc --stale
  tonepress cache pin 3fa92c
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

    /// What is accepted as a master: to be salvaged it may be incomplete.
    pub(crate) fn limits(&self) -> Limits {
        Limits { truncated: self.profiles.iter().any(|profile| profile.salvage), ..Limits::default() }
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

/// Where renditions are kept.
#[derive(Debug, clap::Args)]
pub(crate) struct Cache {
    /// Keep renditions in the store in this folder, and take from it what it has
    #[arg(long, value_name = "DIR", env = "TONEPRESS_CACHE")]
    cache: Option<PathBuf>,
    /// What the store may take on disk, such as 20GiB; the least recently used renditions give way
    #[arg(long, value_name = "SIZE", env = "TONEPRESS_CACHE_SIZE")]
    cache_size: Option<ByteSize>,
}

impl Cache {
    /// Opens the store, if one is wanted.
    pub(crate) fn open(&self) -> Result<Option<Store>, Error> {
        let Some(folder) = &self.cache else { return Ok(None) };
        let options = Options::new(folder);
        let options = match self.cache_size {
            Some(size) => options.max_bytes(size.as_u64()),
            None => options,
        };
        options.open().map(Some)
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
    #[command(flatten)]
    pub(crate) cache: Cache,
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
    /// Note in the store in this folder what --verify finds; nothing will be pressed there of masters that
    /// are not sound
    #[arg(long, value_name = "DIR", requires = "verify")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) json: Json,
}

impl Probe {
    /// Opens the store, if one is to be told.
    pub(crate) fn store(&self) -> Result<Option<Store>, Error> {
        Cache { cache: self.cache.clone(), cache_size: None }.open()
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
    /// Opens the store, which must be there: a mistyped folder is not to become one.
    pub(crate) fn open(&self) -> Result<Store, String> {
        let Some(folder) = &self.cache else {
            return Err("which store? Say --cache DIR, or set TONEPRESS_CACHE".to_owned());
        };
        if !folder.is_dir() {
            return Err(format!("{}: there is no such folder", folder.display()));
        }
        let cache = Cache { cache: self.cache.clone(), cache_size: self.cache_size };
        let store = cache.open().map_err(|error| error.to_string())?;
        store.ok_or_else(|| "no store".to_owned())
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
