//! Options that several commands have.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use bytesize::ByteSize;
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use tonepress::master::Limits;
use tonepress::rendition::fingerprint::Fingerprint;
use tonepress::store::{Options, Store};
use tonepress::{Encoder, Error, Profile};

use super::nearest::Nearest;
use super::report::Failure;
use super::tier::TierChoice;

/// Which masters.
#[derive(Debug, clap::Args)]
pub(crate) struct Masters {
    /// Files, folders to walk through, pipes, or "-" for standard input; what a file is, its content tells, not its
    /// name
    #[arg(value_name = "MASTER", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) exclude: Exclude,
}

/// What is left out where folders are walked through.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Exclude {
    /// In folders, leave out what is called so, or lies so below MASTER if it has a '/': '*.wav', 'live*',
    /// 'demos/**'. May be given again
    #[arg(long = "exclude", value_name = "GLOB", value_parser = glob, display_order = 60)]
    globs: Vec<Glob>,
}

fn glob(text: &str) -> Result<Glob, String> {
    // A pattern without folders is about names at any depth.
    let text = text.trim_end_matches('/');
    let anywhere =
        if text.contains('/') { text.trim_start_matches('/').to_owned() } else { format!("**/{text}") };
    let glob = GlobBuilder::new(&anywhere).literal_separator(true).build();
    glob.map_err(|error| error.kind().to_string())
}

impl Exclude {
    pub(crate) fn set(&self) -> Result<GlobSet, Failure> {
        let mut set = GlobSetBuilder::new();
        for glob in &self.globs {
            set.add(glob.clone());
        }
        set.build().map_err(|error| Failure::Usage(format!("--exclude: {}", error.kind())))
    }
}

/// Which profiles.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_field_names)] // what they are called on the command line
pub(crate) struct Profiles {
    /// Profiles, separated by commas
    #[arg(short = 'b', long = "to", value_name = "PROFILE,…", value_delimiter = ',', required = true)]
    profiles: Vec<Profile>,
    #[command(flatten)]
    pub(crate) nearest: Nearest,
    #[command(flatten)]
    encoder: EncoderChoice,
}

impl Profiles {
    /// The profiles as asked for, each once.
    pub(crate) fn each(&self) -> Vec<Profile> {
        self.encoder.each(&self.profiles)
    }

    /// What is accepted as a master.
    pub(crate) fn limits(&self) -> Limits {
        limits(&self.profiles)
    }
}

/// What presses where a profile leaves it open.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct EncoderChoice {
    /// The encoder of profiles that name none: lame, or native, which is ten times as fast
    #[arg(long, value_name = "NAME", env = "TONEPRESS_ENCODER", default_value = "lame", value_parser = encoder)]
    encoder: Encoder,
}

impl EncoderChoice {
    pub(crate) fn of(self, profile: &Profile) -> Profile {
        profile.or_encoder(self.encoder)
    }

    /// Each of `profiles` once.
    pub(crate) fn each(self, profiles: &[Profile]) -> Vec<Profile> {
        once(&profiles.iter().map(|profile| self.of(profile)).collect::<Vec<_>>())
    }
}

fn encoder(name: &str) -> Result<Encoder, String> {
    let found = Encoder::ALL.into_iter().find(|encoder| encoder.name() == name);
    found.ok_or_else(|| format!("there are {}", Encoder::ALL.map(Encoder::name).join(" and ")))
}

/// What is accepted as a master of which `profiles` are wanted: to be salvaged it may be incomplete.
pub(crate) fn limits(profiles: &[Profile]) -> Limits {
    Limits { truncated: profiles.iter().any(|profile| profile.salvage), ..Limits::default() }
}

/// Each of `all` once.
pub(crate) fn once<T: Copy + PartialEq>(all: &[T]) -> Vec<T> {
    let mut each: Vec<T> = Vec::new();
    for one in all {
        if !each.contains(one) {
            each.push(*one);
        }
    }
    each
}

/// How many threads.
#[derive(Debug, clap::Args)]
pub(crate) struct Jobs {
    /// Threads; all cores unless given
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
}

impl Jobs {
    pub(crate) fn threads(&self) -> NonZeroUsize {
        self.jobs.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }

    /// Loudness is measured on as many threads too. To be said once, before any is.
    pub(crate) fn limit_measuring(&self) -> Result<(), Failure> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads().get()).build_global();
        pool.map_err(|error| Failure::Other(format!("threads could not be started: {error}")))
    }
}

/// How urgent it is beside other processes.
#[derive(Debug, clap::Args)]
pub(crate) struct Nice {
    /// Give way to other processes, as nice(1) does: 0 to 19, 10 if no number is given
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "10",
        value_parser = clap::value_parser!(i32).range(0..=19))]
    nice: Option<i32>,
}

impl Nice {
    /// Gives way to other processes. To be said before any thread is started, since they inherit it.
    pub(crate) fn give_way(&self) -> Result<(), Failure> {
        let Some(nice) = self.nice else { return Ok(()) };
        rustix::process::nice(nice).map(drop).map_err(|error| Failure::Other(format!("--nice: {error}")))
    }
}

/// Where renditions are kept.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_field_names)] // `--cache` is what users know
pub(crate) struct Cache {
    /// Keep renditions in the store in this folder, and take from it what it has
    #[arg(long, value_name = "DIR", env = "TONEPRESS_CACHE")]
    pub(crate) cache: Option<PathBuf>,
    /// What the store may take on disk, such as 20GiB; the least recently used renditions give way
    #[arg(long, value_name = "SIZE", env = "TONEPRESS_CACHE_SIZE")]
    pub(crate) cache_size: Option<ByteSize>,
    #[command(flatten)]
    pub(crate) tier: TierChoice,
}

impl Cache {
    /// Opens the store, if one is wanted.
    pub(crate) fn open(&self) -> Result<Option<Store>, Error> {
        self.open_with(Vec::new())
    }

    /// Opens the store, if one is wanted, to serve what other builds have pressed, too.
    pub(crate) fn open_accepting(&self, accept: &Accept) -> Result<Option<Store>, Error> {
        if self.cache.is_none() {
            accept.needs_store()?;
            return self.open();
        }
        self.open_with(accept.builds()?)
    }

    fn open_with(&self, builds: Vec<Fingerprint>) -> Result<Option<Store>, Error> {
        let Some(folder) = &self.cache else {
            self.tier.needs_store()?;
            return Ok(None);
        };
        let options = Options::new(folder).accept(builds);
        let options = match self.cache_size {
            Some(size) => options.max_bytes(size.as_u64()),
            None => options,
        };
        self.tier.behind(options).open().map(Some)
    }

    /// Opens the store, which must be there: a mistyped folder is not to become one.
    pub(crate) fn open_existing(&self) -> Result<Store, String> {
        let Some(folder) = &self.cache else {
            return Err("which store? Say --cache DIR, or set TONEPRESS_CACHE".to_owned());
        };
        if !folder.is_dir() {
            return Err(format!("{}: there is no such folder", folder.display()));
        }
        let store = self.open().map_err(|error| error.to_string())?;
        store.ok_or_else(|| "no store".to_owned())
    }
}

/// Whose renditions are taken.
#[derive(Debug, clap::Args)]
pub(crate) struct Accept {
    /// After an upgrade, take also what the build of this fingerprint has pressed, from the store and its tier, where there is
    /// nothing of this build; prewarm replaces it. May be given again, and the first that has a rendition counts.
    /// Fingerprints are shown by `cache stat --json`. TONEPRESS_ACCEPT says so for all commands
    #[allow(clippy::doc_markdown)] // it is --help that shows this
    #[arg(long = "accept", value_name = "FINGERPRINT", value_parser = fingerprint, value_delimiter = ',')]
    typed: Vec<Fingerprint>,
}

/// Not read by clap, which does not tell it from what was typed: a command without a store can do nothing with it, and
/// is not to fail for it.
const ACCEPT: &str = "TONEPRESS_ACCEPT";

impl Accept {
    /// What is to be taken: what was typed, else what the environment says.
    fn builds(&self) -> Result<Vec<Fingerprint>, Error> {
        let Some(set) = in_environment().filter(|_| self.typed.is_empty()) else {
            return Ok(self.typed.clone());
        };
        let builds = set.to_string_lossy().split(',').map(fingerprint).collect::<Result<_, _>>();
        builds.map_err(|detail| Error::UnsuitableStore { name: ACCEPT.to_owned(), detail })
    }

    /// Whether there may be anything to take.
    pub(crate) fn any(&self) -> bool {
        !self.typed.is_empty() || in_environment().is_some()
    }

    fn needs_store(&self) -> Result<(), Error> {
        let Some(build) = self.typed.first() else { return Ok(()) };
        let detail = "renditions of other builds are in a store: say --cache DIR too, or set TONEPRESS_CACHE";
        Err(Error::UnsuitableStore { name: format!("--accept {build:.12}"), detail: detail.to_owned() })
    }
}

/// What [`ACCEPT`] says, if it says anything.
fn in_environment() -> Option<OsString> {
    std::env::var_os(ACCEPT).filter(|set| !set.is_empty())
}

fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    let form =
        "a fingerprint is 64 hexadecimal digits, as `tonepress cache stat --json` shows them under builds";
    text.parse().map_err(|_| form.to_owned())
}

/// For machines instead of people.
#[derive(Debug, clap::Args)]
pub(crate) struct Json {
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(crate) json: bool,
}
