//! Opening a store.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, bounded};

use crate::error::{Error, Result, Stage};
use crate::rendition::fingerprint::Fingerprint;
use crate::store::evict::{Budget, EvictionQueue};
use crate::store::front::{Inner, Store};
use crate::store::hot::{Hot, SWEEP};
use crate::store::layout::StoreLayout;
use crate::store::refusals::Refusals;
#[cfg(feature = "tier")]
use crate::store::tier::front::Tier;
#[cfg(feature = "tier")]
use crate::store::tier::upload::Uploader;

/// How to open a store.
///
/// ```no_run
/// use tonepress::store::Options;
/// let store = Options::new("/var/cache/tonepress").max_bytes(20 << 30).min_free(1 << 30).open()?;
/// # Ok::<(), tonepress::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Options {
    root: PathBuf,
    budget: Budget,
    wait: Duration,
    open_maps: usize,
    verify_on_open: bool,
    any_file_system: bool,
    spill: PathBuf,
    accept: Vec<Fingerprint>,
    #[cfg(feature = "tier")]
    tier: Option<crate::store::tier::TierOptions>,
}

impl Options {
    /// The store in the folder `root`, which is made if need be, without limits on its size.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            budget: Budget::default(),
            wait: Duration::from_secs(30),
            open_maps: 256,
            verify_on_open: false,
            any_file_system: false,
            spill: std::env::temp_dir(),
            accept: Vec::new(),
            #[cfg(feature = "tier")]
            tier: None,
        }
    }

    /// What all renditions together may take at most, in bytes; room is made by evicting. Processes
    /// that share a store should agree on it: each keeps to its own.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.budget.max_bytes = Some(bytes);
        self
    }

    /// What must stay free on the file system, in bytes. 0 unless said otherwise.
    pub fn min_free(mut self, bytes: u64) -> Self {
        self.budget.min_free = bytes;
        self
    }

    /// How long to wait for other processes: for one that presses the same rendition, before it is
    /// pressed a second time; for one that has the ledger, before it is an error. 30 s unless said
    /// otherwise.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How many renditions are kept mapped for being asked for again. 256 unless said otherwise.
    pub fn open_maps(mut self, count: usize) -> Self {
        self.open_maps = count;
        self
    }

    /// Whether a rendition is compared with its digest when it is first opened by this process.
    pub fn verify_on_open(mut self, verify: bool) -> Self {
        self.verify_on_open = verify;
        self
    }

    /// Whether to use file systems that look remote, or through which it cannot be seen (FUSE): the
    /// caller vouches that locks, renames and syncs are those of a local disk.
    pub fn any_file_system(mut self, any: bool) -> Self {
        self.any_file_system = any;
        self
    }

    /// The folder for renditions that the store does not take. The system's temporary folder unless
    /// said otherwise.
    pub fn spill(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spill = folder.into();
        self
    }

    /// Also serves renditions that builds with these fingerprints have pressed, under their own keys, where there is none of this
    /// build: so that an upgrade does not press everything anew at once. Pre-warming does not take them, and so
    /// replaces them. The first that has a rendition counts.
    ///
    /// What they press is of their format, so keys and sizes are to be asked of the
    /// [`Rendition`](crate::engine::Rendition), not of recipes and plans. A tier is asked for them where it has none of this build
    /// either: what it has is taken if it is there before anybody has seen some of what is pressed meanwhile, see
    /// [`Rendition::wait_chosen`](crate::engine::Rendition::wait_chosen).
    pub fn accept(mut self, fingerprints: impl IntoIterator<Item = Fingerprint>) -> Self {
        self.accept = fingerprints.into_iter().collect();
        self
    }

    /// Puts a tier behind the store: renditions on object storage that many machines share.
    #[cfg(feature = "tier")]
    pub fn tier(mut self, tier: crate::store::tier::TierOptions) -> Self {
        self.tier = Some(tier);
        self
    }

    /// Opens the store. It answers at once; leftovers of dead writers are cleared away, and lost books
    /// counted anew, in the background.
    ///
    /// # Errors
    /// [`Error::UnsuitableStore`] on a remote file system, or for a tier whose URL is none; [`Error::Io`] if the folders cannot be made.
    pub fn open(self) -> Result<Store> {
        fs::create_dir_all(&self.root).map_err(Error::at(Stage::Write, &self.root))?;
        if !self.any_file_system {
            refuse_remote(&self.root)?;
        }
        let layout = StoreLayout::new(&self.root);
        layout.create()?;
        #[cfg(feature = "tier")]
        let tier = self.tier.as_ref().map(Tier::open).transpose()?;
        let (open, opened) = bounded(0);
        let store = Store(Arc::new(Inner {
            layout,
            hot: Hot::new(self.open_maps),
            refusals: Refusals::default(),
            budget: self.budget,
            queue: Mutex::new(EvictionQueue::default()),
            wait: self.wait,
            verify_on_open: self.verify_on_open,
            spill: self.spill,
            accept: self.accept,
            #[cfg(feature = "tier")]
            uploader: tier
                .as_ref()
                .zip(self.tier.as_ref())
                .and_then(|(tier, how)| Uploader::start(tier, how)),
            #[cfg(feature = "tier")]
            tier,
            _open: open,
        }));
        let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let _ = thread::Builder::new().name(name.to_owned()).spawn(work);
        };
        let background = store.clone();
        // Without it everything still works: whoever needs the ledger next does the counting.
        start("tonepress store", Box::new(move || background.tidy()));
        if self.open_maps > 0 {
            let store = Arc::downgrade(&store.0);
            // Without it maps of what others have evicted go when they are asked for, or others need their place.
            start("tonepress maps", Box::new(move || sweep(&store, &opened)));
        }
        Ok(store)
    }
}

/// Sweeps the maps of `store` now and then, for as long as it is `opened`.
fn sweep(store: &Weak<Inner>, opened: &Receiver<Infallible>) {
    while opened.recv_timeout(SWEEP) == Err(RecvTimeoutError::Timeout)
        && let Some(store) = store.upgrade()
    {
        store.hot.sweep();
    }
}

#[cfg(target_os = "linux")]
fn refuse_remote(root: &Path) -> Result<()> {
    // statfs(2) and linux/magic.h.
    const REMOTE: [(u64, &str); 13] = [
        (0x6969, "NFS"),
        (0xFF53_4D42, "CIFS"),
        (0xFE53_4D42, "SMB"),
        (0x517B, "SMB"),
        (0x0102_1997, "9P"),
        (0x00C3_6400, "Ceph"),
        (0x5346_414F, "AFS"),
        (0x6B41_4653, "AFS"),
        (0x7375_7245, "Coda"),
        (0x0BD0_0BD0, "Lustre"),
        (0x4750_4653, "GPFS"),
        (0x564C, "NCP"),
        (0x6573_5546, "FUSE"),
    ];
    let stat = rustix::fs::statfs(root).map_err(|e| Error::at(Stage::Open, root)(e.into()))?;
    // Of different width and sign from one architecture to the next, but always of 32 bits' worth.
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, clippy::useless_conversion)]
    let magic = u64::from(i64::from(stat.f_type) as u32);
    let Some((_, kind)) = REMOTE.iter().find(|(remote, _)| *remote == magic) else {
        return Ok(());
    };
    Err(Error::UnsuitableStore {
        name: root.display().to_string(),
        detail: format!(
            "it lies on {kind}, where locks, renames and syncs cannot be relied on; use a local disk (ext4, XFS, Btrfs, ZFS)"
        ),
    })
}

#[cfg(not(target_os = "linux"))]
fn refuse_remote(_: &Path) -> Result<()> {
    Ok(())
}
