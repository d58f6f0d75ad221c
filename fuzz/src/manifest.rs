//! The files that a store keeps beside its renditions: sidecars, the ledger, the masters' index. What
//! cannot be understood is as good as missing.

use std::cell::OnceCell;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tonepress::store::{Filter, Lookup, Scrub};

use super::stored::{Stored, replace};
use super::take;

struct Indexed {
    stored: Stored,
    master: PathBuf,
    ledger: PathBuf,
    /// What the index has of the master's file, and of its audio.
    file: PathBuf,
    facts: PathBuf,
}

impl Indexed {
    fn new() -> Self {
        let stored = Stored::new(false);
        let base = stored.root.path().join("v1");
        let master = stored.root.path().join("master");
        fs::write(&master, "music").unwrap();
        let id = stored.recipe.master;
        let masters = stored.store.masters();
        let Lookup::Unknown(stamp) = masters.lookup(&master).unwrap() else { unreachable!("a new store") };
        assert!(masters.record(&master, &stamp, id).unwrap());
        masters.note(&id, "loudness", &-14.5).unwrap();
        stored.store.stat().unwrap(); // the ledger is written
        let [file, facts] = ["files", "facts"].map(|kind| only(&only(&base.join("masters").join(kind))));
        Self { master, ledger: base.join("ledger.json"), file, facts, stored }
    }

    fn files(&self) -> [&Path; 4] {
        [&self.stored.sidecar, &self.ledger, &self.file, &self.facts]
    }
}

fn only(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

thread_local! {
    static INDEXED: OnceCell<Indexed> = const { OnceCell::new() };
}

/// A number that says which file, then the file.
pub fn run(mut data: &[u8]) {
    let which = usize::from(take::byte(&mut data) % 4);
    INDEXED.with(|indexed| {
        let indexed = indexed.get_or_init(Indexed::new);
        let path = indexed.files()[which];
        let before = fs::read(path).unwrap();
        replace(path, data);
        let Indexed { stored, master, .. } = indexed;
        let (store, key, id) = (&stored.store, stored.key(), stored.recipe.master);
        match which {
            0 => {
                let _ = store.sidecar(&key);
                assert_eq!(store.list(&Filter::default()).unwrap().len(), 1);
                assert!(store.get(&key).unwrap().is_some(), "hits need no sidecar");
                let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
                assert_eq!(store.get(&key).unwrap().is_none(), !sums.bad.is_empty());
                stored.restore();
            }
            1 => {
                let _ = store.stat().unwrap();
                store.gc(&[]).unwrap();
                let stat = store.stat().unwrap();
                let charge = (stored.bytes.len() as u64).div_ceil(4_096) * 4_096 + 4_096;
                assert_eq!((stat.objects, stat.charged, stat.reserved), (1, charge, 0), "counted afresh");
            }
            2 => {
                let _ = store.masters().lookup(master).unwrap();
                store.masters().prune().unwrap();
            }
            _ => {
                let _: Option<f64> = store.masters().fact(&id, "loudness");
                store.masters().note(&id, "loudness", &-9.5).unwrap();
                assert_eq!(store.masters().fact(&id, "loudness"), Some(-9.5));
            }
        }
        replace(path, &before);
    });
}

pub fn seeds() -> Vec<Vec<u8>> {
    let indexed = Indexed::new();
    let files = indexed.files();
    (0_u8..).zip(files).map(|(which, path)| [&[which], &fs::read(path).unwrap()[..]].concat()).collect()
}
