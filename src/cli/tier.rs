//! The options of a tier: what is behind the store. A build without the feature has none.

use tonepress::store::Options;
#[cfg(feature = "tier")]
use tonepress::store::{Access, TierOptions};
use tonepress::{Error, Store};

#[cfg(feature = "tier")]
use super::report::warn;
#[cfg(feature = "tier")]
use super::text::several;

/// What is behind the store.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct TierChoice {
    /// Share renditions with other machines through object storage: s3://bucket/prefix, gs://, az://, or
    /// file:///folder
    #[cfg(feature = "tier")]
    #[allow(clippy::doc_markdown)] // it is --help that shows this
    #[arg(long, global = true, value_name = "URL", env = "TONEPRESS_TIER")]
    tier: Option<String>,
    /// What of the tier is used: read, write, or read-write
    #[cfg(feature = "tier")]
    #[arg(long, global = true, value_name = "MODE", env = "TONEPRESS_TIER_MODE", default_value = "read-write",
        value_parser = access)]
    tier_mode: Option<Access>,
}

#[cfg(feature = "tier")]
fn access(name: &str) -> Result<Access, String> {
    match name {
        "read" => Ok(Access::Read),
        "write" => Ok(Access::Write),
        "read-write" => Ok(Access::ReadWrite),
        _ => Err("there are read, write and read-write".to_owned()),
    }
}

#[cfg(feature = "tier")]
impl TierChoice {
    /// Says that a tier alone is nothing, if it is alone.
    pub(crate) fn needs_store(&self) -> Result<(), Error> {
        let Some(url) = &self.tier else { return Ok(()) };
        let name = super::objects::shown(url).to_string_lossy().into_owned();
        let detail = "a tier is behind a store: say --cache DIR too, or set TONEPRESS_CACHE".to_owned();
        Err(Error::UnsuitableStore { name, detail })
    }

    pub(crate) fn behind(&self, options: Options) -> Options {
        match &self.tier {
            Some(url) => options.tier(TierOptions::new(url).access(self.tier_mode.unwrap_or_default())),
            None => options,
        }
    }
}

#[cfg(not(feature = "tier"))]
#[allow(clippy::unused_self, clippy::unnecessary_wraps)] // as with the feature
impl TierChoice {
    pub(crate) fn needs_store(&self) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn behind(&self, options: Options) -> Options {
        options
    }
}

/// Says what did not get to the tier, and why. To be called when the engine is shut down, which waits for uploads.
#[cfg(feature = "tier")]
pub(crate) fn tell(store: &Store) {
    let finished = store.finish_uploads(std::time::Duration::ZERO);
    let (Some(stats), failure) = (store.tier_stats(), store.tier_failure()) else { return };
    let left = stats.uploads_failed + stats.uploads_dropped;
    if !finished {
        warn(
            "uploads to the tier take too long: they are given up, and `tonepress cache tier push` makes up for them",
        );
    }
    if left > 0 {
        let left = several(left, "rendition");
        warn(&format!("{left} could not be uploaded to the tier; `tonepress cache tier push` tries again"));
    }
    if stats.wrong > 0 {
        warn(&format!(
            "{} in the tier are not what they should be, and were pressed",
            several(stats.wrong, "rendition")
        ));
    }
    if let Some(why) = failure {
        warn(&format!("the tier: {why}"));
    }
}

#[cfg(not(feature = "tier"))]
pub(crate) const fn tell(_: &Store) {}
