//! Stores that somebody has been at, clocks that lie, file systems that can do little.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, SystemTime};

use common::renditions::Rendition;
use common::{run, tool};
use tempfile::TempDir;
use tonepress::store::{Fallback, Filter, Lookup, Object, Options, Scrub};
use tonepress::{Error, Store};

fn options(root: &Path) -> Options {
    Options::new(root).spill(root).wait(Duration::from_millis(300)).open_maps(0)
}

/// The one that most of this is about.
static RENDITION: LazyLock<Rendition> = LazyLock::new(|| {
    let mut rendition = Rendition::small(0);
    rendition.press_now();
    rendition
});

fn publish(store: &Store) -> Object {
    RENDITION.obtain(store, Fallback::Refuse).unwrap().0
}

/// All that a store can be asked to do.
fn use_it_all(store: &Store) {
    let key = RENDITION.recipe.key();
    let _ = store.get(&key);
    let _ = store.list(&Filter::default());
    let _ = store.verify(&Scrub::default(), |_| ControlFlow::Continue(()));
    let _ = store.stat();
    let _ = store.pin(&key, true);
    let _ = store.pin(&key, false);
    let _ = store.remove(&[key]);
    let master = "01".repeat(32).parse().unwrap();
    let _ = store.masters().note(&master, "loudness", &-14.0);
    let _: Option<f64> = store.masters().fact(&master, "loudness");
    let _ = store.masters().prune();
    let _ = store.gc(&[]);
}

/// Somebody else's folder, with a copy of everything that a store could be led to.
struct Elsewhere {
    folder: TempDir,
    /// A rendition in it.
    object: PathBuf,
    seen: Vec<(PathBuf, Vec<u8>, i64)>,
}

impl Elsewhere {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = options(folder.path()).open().unwrap();
        let object = publish(&store).path().unwrap().to_owned();
        store.gc(&[]).unwrap();
        settle();
        let mut seen = Vec::new();
        see(folder.path(), &mut seen);
        Self { folder, object, seen }
    }

    fn assert_untouched(&self, what: &str) {
        let mut now = Vec::new();
        see(self.folder.path(), &mut now);
        assert!(now == self.seen, "{what}: something happened outside of the store");
    }
}

/// Every file below a folder, with its bytes and the time of its last change.
fn see(folder: &Path, seen: &mut Vec<(PathBuf, Vec<u8>, i64)>) {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let meta = fs::symlink_metadata(&path).unwrap();
        let bytes = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        seen.push((path.clone(), bytes, meta.ctime_nsec()));
        if meta.is_dir() {
            see(&path, seen);
        }
    }
}

/// Waits until what opening a store does in the background is done, by its thread's name; before it has
/// that, a thread is called as who made it. No two tests begin with the same 15 letters.
fn settle() {
    let mine = fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
    let count = || {
        let tasks = fs::read_dir("/proc/self/task").into_iter().flatten(); // Linux
        // One that ends meanwhile has no name.
        let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| *name == mine || name.trim_end() == "tonepress store").count()
    };
    while count() > 1 {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Puts something in place of what is at `path` in the store at `root`.
fn replace(root: &Path, path: &Path, with: impl FnOnce(&Path)) {
    settle();
    match fs::symlink_metadata(path) {
        Ok(_) => fs::rename(path, root.join("what was there")).unwrap(),
        Err(_) => fs::create_dir_all(path.parent().unwrap()).unwrap(),
    }
    with(path);
}

#[test]
fn a_link_in_place_of_a_file_leads_nowhere() {
    let elsewhere = Elsewhere::new();
    let key = RENDITION.recipe.key();
    let shard = format!("objects/{}", &key.to_string()[..2]);
    let master = "01".repeat(32);
    for name in [
        format!("{shard}/{key}.mp3"),
        format!("{shard}/{key}.json"),
        format!("partials/{key}.part"),
        format!("partials/{key}.1-1.part"),
        "partials/anything".to_owned(),
        format!("pins/{key}"),
        "ledger.json".to_owned(),
        "ledger.new".to_owned(),
        format!("quarantine/{key}.1.mp3"),
        "masters/lock".to_owned(),
        format!("masters/facts/01/{master}.json"),
        shard.clone(),
        "masters/facts".to_owned(),
        "masters/facts/01".to_owned(),
    ] {
        let is_folder = name == shard || name.starts_with("masters/facts") && !name.contains('.');
        let target = if is_folder { elsewhere.object.parent().unwrap() } else { &elsewhere.object };
        let nowhere = elsewhere.folder.path().join("nothing here");
        for target in [target, &nowhere] {
            let root = tempfile::tempdir().unwrap();
            let store = options(root.path()).open().unwrap();
            if name.starts_with("objects") {
                publish(&store);
            }
            let link = root.path().join("v1").join(&name);
            replace(root.path(), &link, |path| symlink(target, path).unwrap());
            use_it_all(&store);
            assert!(publish(&store).as_ref() == RENDITION.bytes(), "{name}");
            store.gc(&[]).unwrap();
            assert!(store.get(&key).unwrap().is_some(), "{name}");
            let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
            assert_eq!((sums.objects, sums.bad.len()), (1, 0), "{name}");
            assert_eq!(store.stat().unwrap().objects, 1, "{name}");
            elsewhere.assert_untouched(&name);
        }
    }
}

#[test]
fn links_in_place_of_folders_or_of_the_lock_are_refused() {
    let elsewhere = Elsewhere::new();
    for name in ["", "objects", "partials", "pins", "quarantine", "masters", "ledger.lock"] {
        let root = tempfile::tempdir().unwrap();
        let store = options(root.path()).open().unwrap();
        let link = if name.is_empty() { root.path().join("v1") } else { root.path().join("v1").join(name) };
        let target = elsewhere.folder.path().join("v1").join(name);
        replace(root.path(), &link, |path| symlink(&target, path).unwrap());
        use_it_all(&store);
        assert!(RENDITION.obtain(&store, Fallback::Refuse).is_err(), "{name}");
        let object = RENDITION.obtain(&store, Fallback::Uncached).unwrap().0;
        assert!(object.path().is_none() && object.as_ref() == RENDITION.bytes(), "{name}");
        let again = options(root.path()).open();
        let refused = matches!(again, Err(Error::UnsuitableStore { .. }));
        assert_eq!(refused, name != "ledger.lock", "{name}");
        elsewhere.assert_untouched(name);
    }
}

#[test]
fn the_root_may_be_a_link() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("disk")).unwrap();
    symlink(folder.path().join("disk"), folder.path().join("store")).unwrap();
    let store = options(&folder.path().join("store")).open().unwrap();
    publish(&store);
    assert!(
        options(&folder.path().join("disk")).open().unwrap().get(&RENDITION.recipe.key()).unwrap().is_some()
    );
}

#[test]
fn a_folder_or_pipe_in_place_of_a_file_goes_and_keeps_nobody_waiting() {
    let Some(_) = tool("mkfifo") else { return };
    let key = RENDITION.recipe.key();
    let object = format!("objects/{0}/{key}.mp3", &key.to_string()[..2]);
    let sidecar = object.replace(".mp3", ".json");
    for name in [&object, &sidecar, &format!("partials/{key}.part"), "ledger.json", "ledger.new"] {
        for pipe in [false, true] {
            let root = tempfile::tempdir().unwrap();
            let store = options(root.path()).open().unwrap();
            if name.starts_with("objects") {
                publish(&store);
            }
            replace(root.path(), &root.path().join("v1").join(name), |path| {
                if pipe {
                    run(tool("mkfifo").unwrap().arg(path));
                } else {
                    fs::create_dir_all(path.join("with something in it")).unwrap();
                }
            });
            if *name == sidecar {
                let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
                assert_eq!(sums.bad.len(), 1);
            }
            assert!(publish(&store).as_ref() == RENDITION.bytes(), "{name}");
            store.gc(&[]).unwrap();
            let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
            assert_eq!((sums.objects, sums.bad.len()), (1, 0), "{name}");
            let stat = store.stat().unwrap();
            assert_eq!((stat.objects, stat.quarantined), (1, 0), "{name}");
        }
    }
}

fn set_used(object: &Object, time: SystemTime) {
    File::open(object.path().unwrap()).unwrap().set_modified(time).unwrap();
}

#[test]
fn renditions_last_used_in_the_future_are_believed_no_more_than_their_clock() {
    const YEAR: Duration = Duration::from_secs(365 * 86_400);
    let root = tempfile::tempdir().unwrap();
    // Room for four.
    let budget = 4 * (publish(&options(root.path()).open().unwrap()).len().div_ceil(4_096) + 2) * 4_096;
    let store = options(root.path()).max_bytes(budget).open().unwrap();
    let now = SystemTime::now();
    // The clock went ahead while 0, 1 and 2 were used; 3 was used after it had been set right.
    for (number, used) in [(0, now + YEAR), (1, now + 2 * YEAR), (2, now + YEAR), (3, now)] {
        let object = Rendition::small(number).obtain(&store, Fallback::Refuse).unwrap().0;
        set_used(&object, used);
    }
    // One of them is used again: that it was, is written down.
    let key = |number| Rendition::small(number).recipe.key();
    let object = store.get(&key(0)).unwrap().unwrap();
    let used = fs::metadata(object.path().unwrap()).unwrap().modified().unwrap();
    assert!(used <= SystemTime::now(), "{used:?}");
    drop(object);
    // Those not used since the clock was right go first, and before them nothing.
    Rendition::small(4).obtain(&store, Fallback::Refuse).unwrap();
    let has = |number| store.get(&key(number)).unwrap().is_some();
    assert!(has(0) && has(3) && has(4));
    assert!(!has(2) && has(1), "the longer unused goes first");
}

#[test]
fn a_master_that_changes_while_the_clock_is_behind_is_seen_to_have_changed() {
    let root = tempfile::tempdir().unwrap();
    let store = options(root.path()).open().unwrap();
    let path = root.path().join("master");
    fs::write(&path, "one").unwrap();
    let old = SystemTime::now() - Duration::from_secs(60);
    let set = |time| File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    set(old);
    let id = "01".repeat(32).parse().unwrap();
    let Lookup::Unknown(stamp) = store.masters().lookup(&path).unwrap() else { panic!("new") };
    assert!(store.masters().record(&path, &stamp, id).unwrap());
    // The same size, and a time of modification that was there before.
    fs::write(&path, "two").unwrap();
    set(old);
    assert!(matches!(store.masters().lookup(&path).unwrap(), Lookup::Unknown(_)));
    // Changed in what the index takes for the future: never believed.
    set(SystemTime::now() + Duration::from_secs(86_400));
    let Lookup::Unknown(stamp) = store.masters().lookup(&path).unwrap() else { panic!("changed") };
    store.masters().record(&path, &stamp, id).unwrap();
    assert!(matches!(store.masters().lookup(&path).unwrap(), Lookup::Unknown(_)));
}

#[test]
#[cfg(feature = "cli")]
fn under_a_strict_umask_the_store_is_its_owners_alone_and_works() {
    let folder = tempfile::tempdir().unwrap();
    let master = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/short.oga");
    for _ in 0..2 {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "umask 077; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tonepress"), "encode"]);
        run(shell
            .arg(&master)
            .args(["--to", "128,v4", "--force", "-o", "out", "--cache", "store"])
            .current_dir(folder.path()));
    }
    let mut seen = Vec::new();
    see(&folder.path().join("store"), &mut seen);
    assert!(seen.len() > 10);
    for (path, ..) in seen {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
    let store = options(&folder.path().join("store")).open().unwrap();
    let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((sums.objects, sums.bad.len()), (2, 0));
}
