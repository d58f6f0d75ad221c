//! How a tier is used.

use tokio::runtime::Handle;

/// What of a tier is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Renditions are taken from it.
    Read,
    /// Renditions are given to it.
    Write,
    /// Both.
    #[default]
    ReadWrite,
}

impl Access {
    pub(crate) const fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadWrite)
    }

    pub(crate) const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::ReadWrite)
    }
}

/// When a rendition goes to the tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Uploads {
    /// Some time after it is published; nobody waits for that.
    #[default]
    Later,
    /// Before anybody hears that it is complete, one after the other, unless that takes longer than a minute or the last upload
    /// failed.
    First,
}

/// A tier, and how it is used.
///
/// ```no_run
/// use tonepress::store::{Access, Options, TierOptions};
/// let tier = TierOptions::new("s3://renditions/mp3").access(Access::Read);
/// let store = Options::new("/var/cache/tonepress").tier(tier).open()?;
/// # Ok::<(), tonepress::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct TierOptions {
    url: String,
    pub(crate) access: Access,
    pub(crate) uploads: Uploads,
    pub(crate) backlog: usize,
    pub(crate) runtime: Option<Handle>,
}

impl TierOptions {
    /// The tier under `url`: `s3://bucket/prefix`, `gs://…`, `az://container/…` or `file:///folder`. Credentials and
    /// endpoints come from the environment, under the usual names.
    pub fn new(url: impl Into<String>) -> Self {
        let (access, uploads) = (Access::default(), Uploads::default());
        Self { url: url.into(), access, uploads, backlog: 1_024, runtime: None }
    }

    /// Whether renditions are taken from it, given to it, or both, which is so unless said otherwise.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// When renditions go to it. Later unless said otherwise.
    pub fn uploads(mut self, uploads: Uploads) -> Self {
        self.uploads = uploads;
        self
    }

    /// How many renditions may wait for being uploaded; those beyond are counted and stay local. 1,024 unless said
    /// otherwise.
    pub fn backlog(mut self, renditions: usize) -> Self {
        self.backlog = renditions.max(1);
        self
    }

    /// Talks to the tier on a runtime of the caller's, with its drivers for time and networks, in place of a thread of its own.
    ///
    /// Nothing of that blocks the runtime, and dropping the store neither ends it nor waits for it. What blocks by its name
    /// ([`Rendition::wait`](crate::engine::Rendition::wait), [`Engine::shutdown`](crate::Engine::shutdown)) is to be called from
    /// elsewhere, such as `spawn_blocking`, as with any other runtime. While the runtime does not run, or has ended, the tier is one that cannot be
    /// asked; that is found out within a second.
    pub fn runtime(mut self, handle: Handle) -> Self {
        self.runtime = Some(handle);
        self
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}
