//! The index of known masters, so that a master is hashed once and measured once.
//!
//! A file is known again by its path, device, inode, size and times. One that was changed within the
//! granularity of the file system's clock looks as it did before: as in git, what had been changed
//! less than [`RACY`] before it was recorded is not believed, and hashed again.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result, Stage};
use crate::master::{Master, MasterId};
use crate::store::front::Store;
use crate::store::layout::{create_folder, files, folders, options, remove};
use crate::store::scratch::Scratch;
use crate::store::text;

/// The coarsest clock of a file system in use: 2 seconds (FAT), in nanoseconds.
const RACY: i128 = 2_000_000_000;
/// The version of the records. Those of another are not read.
const VERSION: u32 = 1;
/// The version of the records of files: raised when a file is understood as another master than before, so that it
/// is hashed anew. 2: edit lists of M4A, channel masks of FLAC. 3: tags of all kinds behind FLAC.
pub(super) const FILE_VERSION: u32 = 3;

/// A store's index of masters. Its records can all be computed anew, so they are written without
/// waiting for the disk, and one that cannot be read is ignored.
pub struct Masters<'a> {
    pub(super) store: &'a Store,
}

/// A master's file as it was seen before it was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970.
    modified: i128,
    /// The time of the last change to file or inode, which no program can set.
    changed: i128,
}

/// What the index says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Its audio is this.
    Known(MasterId),
    /// It has to be hashed; afterwards [`record`](Masters::record) it with this stamp.
    Unknown(Stamp),
}

#[derive(Serialize, Deserialize)]
struct FileRecord {
    version: u32,
    /// For people; the name of the record is what counts.
    path: String,
    /// In base64, if it is no UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    stamp: Stamp,
    /// When it was recorded: nanoseconds since 1970.
    recorded: i128,
    #[serde(with = "text")]
    master: MasterId,
}

/// What is known of a master's audio, under names that its users agree on.
#[derive(Default, Serialize, Deserialize)]
struct FactRecord {
    version: u32,
    facts: BTreeMap<String, Value>,
}

impl FileRecord {
    fn new(path: &Path, stamp: Stamp, recorded: i128, master: MasterId) -> Self {
        let path_bytes = path.to_str().is_none().then(|| BASE64.encode(path.as_os_str().as_bytes()));
        Self { version: FILE_VERSION, path: path.display().to_string(), path_bytes, stamp, recorded, master }
    }

    /// The path itself; `None` if the record does not tell.
    fn path(&self) -> Option<PathBuf> {
        match &self.path_bytes {
            Some(base64) => Some(OsString::from_vec(BASE64.decode(base64).ok()?).into()),
            None => Some(PathBuf::from(&self.path)),
        }
    }
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.len(),
            modified: nanos(meta.mtime(), meta.mtime_nsec()),
            changed: nanos(meta.ctime(), meta.ctime_nsec()),
        }
    }
}

impl Masters<'_> {
    /// Whether the file at `path` is known.
    ///
    /// ```no_run
    /// # use std::path::Path;
    /// use tonepress::master::{Master, MasterId};
    /// use tonepress::{Store, store::Lookup};
    ///
    /// fn identify(store: &Store, path: &Path) -> tonepress::Result<MasterId> {
    ///     match store.masters().lookup(path)? {
    ///         Lookup::Known(id) => Ok(id),
    ///         Lookup::Unknown(stamp) => {
    ///             let id = Master::open(path)?.id()?;
    ///             store.masters().record(path, &stamp, id)?;
    ///             Ok(id)
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] if there is no such file.
    pub fn lookup(&self, path: &Path) -> Result<Lookup> {
        let path = fs::canonicalize(path).map_err(Error::at(Stage::Identify, path))?;
        let meta = fs::metadata(&path).map_err(Error::at(Stage::Identify, &path))?;
        let stamp = Stamp::of(&meta);
        Ok(self.known(&path, &stamp).map_or(Lookup::Unknown(stamp), Lookup::Known))
    }

    /// What the file at `path` (canonical) was when it looked like `stamp`.
    fn known(&self, path: &Path, stamp: &Stamp) -> Option<MasterId> {
        let record = self.read::<FileRecord>(&self.file_record(path))?;
        let settled = stamp.modified.max(stamp.changed) + RACY <= record.recorded;
        (record.version == FILE_VERSION && record.stamp == *stamp && settled).then_some(record.master)
    }

    /// Records what the file at `path`, seen as `stamp` before it was hashed, turned out to be. Says
    /// whether it did: a file that has changed meanwhile is not recorded.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::DiskFull`] if the record cannot be written, or the file is gone.
    pub fn record(&self, path: &Path, stamp: &Stamp, master: MasterId) -> Result<bool> {
        let path = fs::canonicalize(path).map_err(Error::at(Stage::Identify, path))?;
        let meta = fs::metadata(&path).map_err(Error::at(Stage::Identify, &path))?;
        if Stamp::of(&meta) != *stamp {
            return Ok(false);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let recorded = now.map_or(0, |now| i128::try_from(now.as_nanos()).unwrap_or(i128::MAX));
        self.write(&self.file_record(&path), &FileRecord::new(&path, stamp.clone(), recorded, master))?;
        Ok(true)
    }

    /// The id of a master, if it is known already: to the master itself, or to this index, which tells
    /// it the master. Nothing is hashed.
    ///
    /// # Errors
    /// [`Error::Io`] if the master's file cannot be looked at.
    pub fn recall(&self, master: &Master) -> Result<Option<MasterId>> {
        if let Some(id) = master.known_id() {
            return Ok(Some(id));
        }
        #[cfg(feature = "tier")]
        if let Some(id) = self.recall_located(master) {
            master.tell_id(id);
            return Ok(Some(id));
        }
        let Some((path, stamp)) = stamp_of(master)? else { return Ok(None) };
        let known = self.known(&path, &stamp);
        if let Some(id) = known {
            master.tell_id(id);
        }
        Ok(known)
    }

    /// The id of a master: [recalled](Self::recall) if it is known, else hashed and recorded.
    ///
    /// ```no_run
    /// use tonepress::{Store, master::Master};
    ///
    /// fn open(store: &Store, path: &str) -> tonepress::Result<Master> {
    ///     let master = Master::open(path)?;
    ///     store.masters().identify(&master)?; // from now on master.id() costs nothing
    ///     Ok(master)
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of [`Master::id`].
    pub fn identify(&self, master: &Master) -> Result<MasterId> {
        if let Some(id) = self.recall(master)? {
            return Ok(id);
        }
        #[cfg(feature = "tier")]
        if let Some(id) = self.ask_located(master) {
            master.tell_id(id);
            return Ok(id);
        }
        let stamped = stamp_of(master)?;
        let (id, frames) = master.find_id()?;
        // A store that cannot be written still serves.
        if let Some((path, stamp)) = stamped {
            let _ = self.record(&path, &stamp, id);
        }
        if let Some(frames) = &frames {
            let _ = self.note_frames(&id, master, frames);
        }
        #[cfg(feature = "tier")]
        self.record_located(master, id, frames.as_ref());
        Ok(id)
    }

    /// What was noted of a master under `name`; `None` if nothing was, or something of another shape.
    #[must_use]
    pub fn fact<T: DeserializeOwned>(&self, master: &MasterId, name: &str) -> Option<T> {
        let mut facts =
            self.read::<FactRecord>(&self.fact_record(master)).filter(|facts| facts.version == VERSION)?;
        serde_json::from_value(facts.facts.remove(name)?).ok()
    }

    /// Notes something of a master under `name`, in place of what was there; other names stay.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::DiskFull`] if the record cannot be written.
    pub fn note<T: Serialize>(&self, master: &MasterId, name: &str, fact: &T) -> Result<()> {
        let fact = serde_json::to_value(fact)
            .map_err(|e| Error::Internal { detail: format!("fact {name} of {master}: {e}") })?;
        let path = self.fact_record(master);
        self.store.layout().create()?;
        let lock = self.store.layout().masters().join("lock");
        let _lock = options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(Error::at(Stage::Write, &lock))?;
        let mut facts =
            self.read::<FactRecord>(&path).filter(|facts| facts.version == VERSION).unwrap_or_default();
        facts.version = VERSION;
        facts.facts.insert(name.to_owned(), fact);
        self.write(&path, &facts)
    }

    /// Forgets files that are not there any more; returns how many.
    ///
    /// # Errors
    /// [`Error::Io`] if the index cannot be read or changed.
    pub fn prune(&self) -> Result<u64> {
        let mut pruned = 0;
        for shard in folders(&self.store.layout().masters().join("files"))? {
            for entry in files(&shard.path())? {
                let path = self.read::<FileRecord>(&entry.path()).and_then(|record| record.path());
                let gone = path.is_none_or(|path| {
                    fs::symlink_metadata(path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
                });
                if gone {
                    remove(&entry.path())?;
                    pruned += 1;
                }
            }
        }
        Ok(pruned)
    }

    /// Named by a hash of the path, which may be longer than a name can be and need not be UTF-8.
    fn file_record(&self, path: &Path) -> PathBuf {
        self.place("files", blake3::hash(path.as_os_str().as_bytes()).as_bytes())
    }

    fn fact_record(&self, master: &MasterId) -> PathBuf {
        self.place("facts", master.as_bytes())
    }

    pub(super) fn place(&self, kind: &str, id: &[u8; 32]) -> PathBuf {
        let name = format!("{}.json", blake3::Hash::from_bytes(*id).to_hex());
        self.store.layout().masters().join(kind).join(&name[..2]).join(name)
    }

    /// The record of a kind that is kept of a master.
    pub(super) fn record_of<T: DeserializeOwned>(&self, kind: &str, master: &MasterId) -> Option<T> {
        self.read(&self.place(kind, master.as_bytes()))
    }

    /// Keeps a record of a kind of a master, in place of what was there.
    pub(super) fn keep_record<T: Serialize>(&self, kind: &str, master: &MasterId, record: &T) -> Result<()> {
        self.write(&self.place(kind, master.as_bytes()), record)
    }

    /// Half-written by a power failure, from another version, not there: all the same.
    pub(super) fn read<T: DeserializeOwned>(&self, path: &Path) -> Option<T> {
        serde_json::from_slice(&self.store.layout().read(path).ok()??).ok()
    }

    pub(super) fn write<T: Serialize>(&self, path: &Path, record: &T) -> Result<()> {
        let json = serde_json::to_vec_pretty(record)
            .map_err(|e| Error::Internal { detail: format!("{}: {e}", path.display()) })?;
        self.store.layout().create()?;
        let base = self.store.layout().masters();
        let folders: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| *folder != base).collect();
        for folder in folders.into_iter().rev() {
            create_folder(folder)?;
        }
        let stem = path.file_stem().unwrap_or(OsStr::new("master")).to_string_lossy();
        let mut scratch = Scratch::unique(&self.store.layout().partials(), &stem, "json")?;
        (&**scratch.file()).write_all(&json).map_err(Error::at(Stage::Write, path))?;
        scratch.commit(path)
    }
}

impl Store {
    /// The index of known masters.
    #[must_use]
    pub fn masters(&self) -> Masters<'_> {
        Masters { store: self }
    }
}

/// Where a master's file lies and how it looks; `None` if it is no file, or the path leads to another by now.
fn stamp_of(master: &Master) -> Result<Option<(PathBuf, Stamp)>> {
    let Some(place) = master.place() else { return Ok(None) };
    let found = fs::canonicalize(place).and_then(|path| fs::metadata(&path).map(|meta| (path, meta)));
    match found {
        Ok((path, meta)) => Ok(master.is_file(&meta).then(|| (path, Stamp::of(&meta)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(Stage::Identify, master.name())(error)),
    }
}
