//! The arguments of `cache`, as typed.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Subcommand, ValueEnum};
use tonepress::master::MasterId;
use tonepress::{Profile, Store};

use crate::cli::options::Cache;
use crate::cli::tier::TierChoice;

#[derive(Debug, clap::Args)]
pub(crate) struct CacheCommand {
    /// The folder of the store
    #[arg(long, global = true, value_name = "DIR", env = "TONEPRESS_CACHE")]
    cache: Option<PathBuf>,
    /// What the store may take on disk, such as 20GiB
    #[arg(long, global = true, value_name = "SIZE", env = "TONEPRESS_CACHE_SIZE")]
    cache_size: Option<ByteSize>,
    #[command(flatten)]
    tier: TierChoice,
    /// One JSON object a line on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) action: CacheAction,
}

impl CacheCommand {
    /// Opens the store, which must be there.
    pub(crate) fn open(&self) -> Result<Store, String> {
        let (cache, cache_size, tier) = (self.cache.clone(), self.cache_size, self.tier.clone());
        Cache { cache, cache_size, tier }.open_existing()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// Sums: what is stored, by profile, by build, and by when it was last used
    Stat,
    /// List renditions
    Ls {
        #[command(flatten)]
        selection: Selection,
        /// What they are sorted by: names from A to Z, the largest, the newest, the most recently used first
        #[arg(long, value_name = "WHAT", default_value = "artist")]
        sort: Sort,
        /// The other way round
        #[arg(short, long)]
        reverse: bool,
    },
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
    /// Remove renditions. A pinned one that is named is an error, and nothing is removed; --all and conditions pass
    /// over those
    Rm {
        #[command(flatten)]
        selection: Selection,
        /// All of them
        #[arg(long)]
        all: bool,
    },
    /// Look after the tier behind the store
    #[cfg(feature = "tier")]
    Tier {
        #[command(subcommand)]
        action: TierAction,
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

#[cfg(feature = "tier")]
#[derive(Debug, Subcommand)]
pub(crate) enum TierAction {
    /// Sums: how many renditions are in the tier, and their size
    Stat,
    /// List renditions in the tier
    Ls,
    /// Read renditions in the tier and compare them with their digests
    Verify {
        /// Keys, or how they begin; all unless given
        keys: Vec<String>,
        /// Remove those that are wrong
        #[arg(long)]
        repair: bool,
    },
    /// Remove renditions from the tier
    Gc {
        /// Those of other builds than this one, which no new request will find
        #[arg(long)]
        stale: bool,
        /// Those written longer ago, such as 90d
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        older_than: Option<Duration>,
    },
    /// Upload stored renditions that the tier does not have
    Push(Selection),
    /// Fetch renditions from the tier into the store
    Pull {
        /// Keys, or how they begin; all unless given
        keys: Vec<String>,
    },
}

fn part(text: &str) -> Result<f64, String> {
    let part = text.parse().ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| "a part is 0.0 to 1.0".to_owned())
}

/// An order of renditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// By artist, then title, then profile
    Artist,
    /// By title
    Title,
    /// By profile, then artist and title
    Profile,
    /// The largest first
    Size,
    /// The most recently pressed first
    Age,
    /// The most recently used first
    Used,
    /// By key
    Key,
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
