//! Scrubbing: stored bytes against their digests. What is bad is set aside, and a miss from then on.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, Stage};
use crate::store::front::Store;
use crate::store::inventory::Filter;
use crate::store::key::Key;
use crate::store::pace::Pace;
use crate::store::sidecar::Sidecar;

/// What to scrub, and how fast.
#[derive(Debug, Clone)]
pub struct Scrub {
    /// Which renditions.
    pub filter: Filter,
    /// How many of them, 0.0 to 1.0: a random sample, another one each time.
    pub sample: f64,
    /// The bytes to read per second at most; `None` for as fast as the disk goes.
    pub bytes_per_second: Option<u64>,
}

impl Default for Scrub {
    fn default() -> Self {
        Self { filter: Filter::default(), sample: 1.0, bytes_per_second: None }
    }
}

/// One rendition, after it was read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checked {
    /// Which.
    pub key: Key,
    /// Its size in bytes.
    pub bytes: u64,
    /// What is wrong with it, if anything.
    pub fault: Option<String>,
    /// Where a bad one is now; `None` if it could not be set aside.
    pub quarantined: Option<PathBuf>,
}

/// The sums of a scrub.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Scrubbed {
    /// The renditions read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The bad ones.
    pub bad: Vec<Checked>,
}

impl Store {
    /// Compares renditions with their digests. A bad one is moved to the folder `quarantine` and is a
    /// miss from then on, so it will be pressed anew. `seen` is shown each one and can end the scrub.
    ///
    /// ```no_run
    /// use std::ops::ControlFlow;
    /// use tonepress::store::{Options, Scrub};
    /// let store = Options::new("/var/cache/tonepress").open()?;
    /// let scrub = Scrub { bytes_per_second: Some(50_000_000), ..Scrub::default() };
    /// let sums = store.verify(&scrub, |_| ControlFlow::Continue(()))?;
    /// println!("{} of {} are bad", sums.bad.len(), sums.objects);
    /// # Ok::<(), tonepress::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] if the store cannot be listed, or a rendition not opened.
    pub fn verify(
        &self,
        scrub: &Scrub,
        mut seen: impl FnMut(&Checked) -> ControlFlow<()>,
    ) -> Result<Scrubbed> {
        let mut sums = Scrubbed::default();
        let mut pace = Pace::new(scrub.bytes_per_second);
        for entry in self.list(&scrub.filter)? {
            if !is_sampled(scrub.sample) {
                continue;
            }
            let Some(checked) = self.check(entry.key, &mut pace)? else { continue };
            sums.objects += 1;
            sums.bytes += checked.bytes;
            let flow = seen(&checked);
            if checked.fault.is_some() {
                sums.bad.push(checked);
            }
            if flow.is_break() {
                break;
            }
        }
        Ok(sums)
    }

    /// Reads one rendition; `None` if there is none, or none any more.
    fn check(&self, key: Key, pace: &mut Pace) -> Result<Option<Checked>> {
        let path = self.layout().object(&key);
        let Some(meta) = self.layout().look(&path)? else { return Ok(None) };
        let fault = match self.layout().open(&path) {
            Ok(None) => return Ok(None),
            Ok(Some(file)) => self.fault(&key, &file, pace)?,
            Err(Error::Corrupt { detail, .. }) => Some(detail),
            Err(e) => return Err(e),
        };
        let checked = Checked { key, bytes: meta.len(), fault, quarantined: None };
        match &checked.fault {
            None => Ok(Some(checked)),
            // Evicted or replaced while it was read: then the fault is not one.
            Some(_) if !self.is_at(&meta, &path)? => Ok(None),
            Some(_) => {
                Ok(Some(Checked { quarantined: self.set_aside(&key, &meta).ok().flatten(), ..checked }))
            }
        }
    }

    /// What is wrong with the object `key`, opened as `file`, if anything.
    pub(super) fn fault(&self, key: &Key, file: &File, pace: &mut Pace) -> Result<Option<String>> {
        let sidecar = match Sidecar::read(self.layout(), key) {
            Ok(Some(sidecar)) if sidecar.key == *key => sidecar,
            Ok(Some(sidecar)) => return Ok(Some(format!("its sidecar is that of {}", sidecar.key))),
            Ok(None) => return Ok(Some("its sidecar is missing".to_owned())),
            Err(Error::Corrupt { detail, .. }) => return Ok(Some(detail)),
            Err(e) => return Err(e),
        };
        // Read, not mapped: what the disk cannot read is then an error and not a signal.
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 20];
        let mut file = file;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => {
                    hasher.update(&buffer[..len]);
                    pace.keep(len as u64);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Ok(Some(format!("it cannot be read: {e}"))),
            }
        }
        let Sidecar { bytes, digest, .. } = sidecar;
        Ok(if hasher.count() != bytes {
            Some(format!("it has {} bytes instead of {bytes}", hasher.count()))
        } else if hasher.finalize() != digest {
            Some("its bytes do not match their digest".to_owned())
        } else {
            None
        })
    }

    /// Whether what is at `path` still is what was seen as `meta`.
    fn is_at(&self, meta: &Metadata, path: &Path) -> Result<bool> {
        let now = self.layout().look(path)?;
        Ok(now.is_some_and(|now| (now.dev(), now.ino()) == (meta.dev(), meta.ino())))
    }

    /// Moves a bad object, seen as `meta`, to the quarantine, unless it is being dealt with already.
    pub(super) fn set_aside(&self, key: &Key, meta: &Metadata) -> Result<Option<PathBuf>> {
        let layout = self.layout();
        let mut ledger = self.ledger()?;
        self.forget(&[*key]);
        // One that is being written will take the bad one's place.
        if ledger.is_being_written(key) || !self.is_at(meta, &layout.object(key))? {
            return Ok(None);
        }
        // An inode is no other's for as long as the file is there; clocks lie.
        let aside = layout.quarantine().join(format!("{key}.{}.mp3", meta.ino()));
        let object = layout.object(key);
        ledger.take(|| {
            fs::rename(&object, &aside).map_err(Error::at(Stage::Write, &object))?;
            // A sidecar may be what is missing.
            let _ = fs::rename(layout.sidecar(key), aside.with_extension("json"));
            Ok((1, 0))
        })?;
        tracing::debug!(%key, bytes = meta.len(), "quarantined");
        Ok(Some(aside))
    }
}

/// Says yes with probability `part`.
fn is_sampled(part: f64) -> bool {
    use std::hash::{BuildHasher, RandomState};
    // Each state is seeded anew, which is all the randomness that is needed here.
    part >= 1.0 || (RandomState::new().hash_one(0) as f64) < part * u64::MAX as f64
}
