//! The budget's books, shared by all processes: what is stored, and what is promised to partials.
//!
//! The books are a convenience; the file system is the truth. They are thrown away before anything
//! that could be interrupted half-way, so whoever finds none, or some from before the last boot,
//! counts afresh. A reservation belongs to one file, a partial, which its writer holds locked and which
//! becomes the object by being renamed. So what became of a reservation can be seen by anybody:
//!
//! | the file | so the writer | and the reservation |
//! |---|---|---|
//! | is the object | has published, or died just after | becomes part of what is stored |
//! | is the partial, locked | lives | stands |
//! | is the partial, not locked | died | is void, the file a leftover |
//! | is neither | gave up | is void |

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, Stage};
use crate::store::key::Key;
use crate::store::layout::{StoreLayout, files, look, options, remove};
use crate::store::scratch::{Writer, reclaim};
use crate::store::walk::walk;

/// What an object of `bytes` bytes takes of the budget: whole blocks, and one more for its sidecar.
pub(super) const fn charge(bytes: u64) -> u64 {
    const BLOCK: u64 = 4_096;
    bytes.div_ceil(BLOCK).saturating_add(1).saturating_mul(BLOCK)
}

/// What a file in quarantine takes of the budget; a sidecar nothing more than it did before.
pub(super) fn quarantine_charge(entry: &fs::DirEntry) -> Result<u64> {
    let object = entry.path().extension().is_some_and(|extension| extension == "mp3");
    Ok(look(&entry.path())?.filter(|_| object).map_or(0, |meta| charge(meta.len())))
}

/// The locked ledger.
pub(super) struct Ledger<'a> {
    layout: &'a StoreLayout,
    book: Book,
    /// The partials of dead writers removed so far.
    reclaimed: u64,
    /// Unlocked when closed, also when the process dies.
    _lock: File,
}

#[derive(Default, PartialEq, Clone, Serialize, Deserialize)]
struct Book {
    /// The boot during which the books were kept: after a power failure they may be old.
    boot: String,
    objects: u64,
    /// What they are charged.
    charged: u64,
    /// By the inode of the partial: its name may be another's by now.
    reserved: BTreeMap<u64, Reservation>,
}

#[derive(PartialEq, Clone, Serialize, Deserialize)]
struct Reservation {
    /// The partial's name in partials/.
    name: String,
    key: Key,
    charge: u64,
}

/// The key of the partial that is called `name`: `KEY.part`, or `KEY.….part` when it is not the only one.
fn parse_partial(name: &str) -> Option<Key> {
    name.strip_suffix(".part")?.split('.').next()?.parse().ok()
}

impl<'a> Ledger<'a> {
    /// Locks and reads the ledger, and settles the reservations of those who have published or died.
    ///
    /// # Errors
    /// [`Error::StoreBusy`] if the lock is not free within `wait`.
    pub(super) fn lock(layout: &'a StoreLayout, wait: Duration) -> Result<Self> {
        // What changes the store does so under this lock, so it is here that links are refused.
        layout.is_complete()?;
        let path = layout.ledger_lock();
        let lock = options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::at(Stage::Open, &path))?;
        let locked = patiently(wait, || match lock.try_lock() {
            Ok(()) => Ok(Some(())),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(Error::at(Stage::Open, &path)(e)),
        })?;
        if locked.is_none() {
            return Err(Error::StoreBusy { name: layout.name(), seconds: wait.as_secs() });
        }
        let json = layout.read(&layout.ledger()).ok().flatten();
        let read = json.and_then(|json| serde_json::from_slice::<Book>(&json).ok());
        let valid = read.filter(|book| !book.boot.is_empty() && book.boot == boot());
        let lost = valid.is_none();
        let mut ledger = Self { layout, book: valid.unwrap_or_default(), reclaimed: 0, _lock: lock };
        if lost {
            remove(&layout.ledger())?; // whatever it is
            ledger.recount()?;
        } else {
            ledger.settle()?;
        }
        Ok(ledger)
    }

    /// What the stored objects are charged.
    pub(super) fn charged(&self) -> u64 {
        self.book.charged
    }

    /// The number of stored objects.
    pub(super) fn objects(&self) -> u64 {
        self.book.objects
    }

    /// What is promised to partials.
    pub(super) fn reserved(&self) -> u64 {
        self.book.reserved.values().map(|reservation| reservation.charge).sum()
    }

    /// How many partials of dead writers were removed since the ledger was locked.
    pub(super) fn reclaimed(&self) -> u64 {
        self.reclaimed
    }

    /// Whether `key` is being written: its objects and sidecars are not to be touched.
    pub(super) fn is_being_written(&self, key: &Key) -> bool {
        self.book.reserved.values().any(|reservation| reservation.key == *key)
    }

    /// The number of renditions being written.
    pub(super) fn writers(&self) -> u64 {
        self.book.reserved.len() as u64
    }

    /// Counts what is there, and believes that.
    pub(super) fn recount(&mut self) -> Result<()> {
        let mut book = Book { boot: boot(), ..Book::default() };
        // Partials first: one that is published meanwhile is then seen twice, not missed.
        for entry in files(&self.layout.partials())? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(key) = parse_partial(&name) else { continue };
            match reclaim(&entry.path())? {
                // Its length is what it was promised; none, and it has not been promised anything yet.
                Writer::Alive => {
                    if let Some(meta) = look(&entry.path())?.filter(|meta| meta.len() > 0) {
                        let reservation = Reservation { name, key, charge: charge(meta.len()) };
                        book.reserved.insert(meta.ino(), reservation);
                    }
                }
                Writer::Died => self.reclaimed += 1,
                Writer::Done => {}
            }
        }
        walk(self.layout, |_, meta| {
            book.reserved.remove(&meta.ino());
            book.objects += 1;
            book.charged += charge(meta.len());
        })?;
        for entry in files(&self.layout.quarantine())? {
            book.charged += quarantine_charge(&entry)?;
        }
        self.book = book;
        self.save()
    }

    /// Ends the reservations of those who have published, died or given up.
    fn settle(&mut self) -> Result<()> {
        let before = self.book.reserved.len();
        for (inode, reservation) in mem::take(&mut self.book.reserved) {
            let partial = self.layout.partials().join(&reservation.name);
            let writer = reclaim(&partial)?;
            self.reclaimed += u64::from(writer == Writer::Died);
            if writer == Writer::Alive && look(&partial)?.is_some_and(|meta| meta.ino() == inode) {
                self.book.reserved.insert(inode, reservation);
            } else if let Some(meta) = self.layout.look(&self.layout.object(&reservation.key))?
                && meta.ino() == inode
            {
                self.book.objects += 1;
                self.book.charged += charge(meta.len());
            }
        }
        if self.book.reserved.len() == before { Ok(()) } else { self.save() }
    }

    /// Promises `cap` bytes to the partial at `path`.
    pub(super) fn reserve(&mut self, path: &Path, key: Key, cap: u64) -> Result<()> {
        let meta = fs::symlink_metadata(path).map_err(Error::at(Stage::Write, path))?;
        let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned();
        self.book.reserved.insert(meta.ino(), Reservation { name, key, charge: charge(cap) });
        self.save()
    }

    /// Does what takes objects away, and books what `change` says it took: number and charge. If the
    /// process dies in between, the books are lost and not wrong.
    pub(super) fn take(&mut self, change: impl FnOnce() -> Result<(u64, u64)>) -> Result<()> {
        remove(&self.layout.ledger())?;
        let (objects, charged) = change()?;
        self.book.objects = self.book.objects.saturating_sub(objects);
        self.book.charged = self.book.charged.saturating_sub(charged);
        self.save()
    }

    /// Writes the books. Not synced: those that a power failure spoils are not believed anyway.
    fn save(&self) -> Result<()> {
        let path = self.layout.ledger();
        let new = path.with_extension("new");
        let json = serde_json::to_vec(&self.book)
            .map_err(|e| Error::Internal { detail: format!("the ledger: {e}") })?;
        // A leftover, or a link that is not to be written through.
        remove(&new)?;
        let written = File::create_new(&new).and_then(|mut file| file.write_all(&json));
        written.and_then(|()| fs::rename(&new, &path)).map_err(|e| {
            // What is not up to date must not stay; removing needs no space.
            let _ = remove(&path);
            Error::at(Stage::Write, &path)(e)
        })
    }
}

/// What tells this boot from others. Where there is no such thing, every lock counts afresh.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Asks again and again, ever more slowly, until there is an answer or `wait` is over.
pub(super) fn patiently<T>(wait: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(50);
    loop {
        if let Some(answer) = ask()? {
            return Ok(Some(answer));
        }
        if start.elapsed() >= wait {
            return Ok(None);
        }
        thread::sleep(pause.min(wait.saturating_sub(start.elapsed())));
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
