//! A store in some state, the program that is let loose on it, and what must hold afterwards.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tonepress::Store;
use tonepress::store::{Filter, Options, Scrub};

use crate::CHANGES;
use crate::common::{run, tool};

/// A store in some state, and the program that is let loose on it.
pub struct Scene {
    pub name: &'static str,
    /// Brings a new store into that state, in a folder of its own.
    pub prepare: fn(&Scene, &Path),
    pub arguments: &'static [&'static str],
    /// Whether two masters want more than the budget has.
    pub tight: bool,
    /// Whether the state has broken renditions.
    pub spoilt: bool,
}

pub const PRESS: &[&str] =
    &["encode", "one.oga", "--to", PROFILES, "-o", "out", "--force", "--no-tags", "-j1"];
pub const PRESS_V4: &[&str] =
    &["encode", "one.oga", "--to", "v4", "-o", "out", "--force", "--no-tags", "-j1"];
pub const PRESS_OTHER: &[&str] =
    &["encode", "two.m4a", "--to", PROFILES, "-o", "out", "--force", "--no-tags", "-j1"];
pub const PRESS_BOTH: &[&str] =
    &["encode", "one.oga", "two.m4a", "--to", PROFILES, "-o", "out", "--force", "--no-tags", "-j2"];
pub const PROFILES: &str = "128,192,320,v4,v0,abr64:mono";
/// How many those are.
pub const EACH: usize = 6;

pub const SCENES: [Scene; 8] = [
    Scene {
        name: "press into a new store",
        prepare: |_, _| {},
        arguments: PRESS,
        tight: false,
        spoilt: false,
    },
    Scene {
        name: "hits",
        prepare: |scene, at| {
            scene.tonepress(at, PRESS);
            // Long not used, so that its use is written down.
            each_object(at, |path| {
                let file = fs::File::open(path).unwrap();
                file.set_modified(SystemTime::now() - Duration::from_secs(86_400)).unwrap();
            });
        },
        arguments: PRESS,
        tight: false,
        spoilt: false,
    },
    Scene {
        name: "press and evict",
        prepare: |scene, at| scene.tonepress(at, PRESS_OTHER),
        arguments: PRESS,
        tight: true,
        spoilt: false,
    },
    Scene {
        name: "set aside and press anew",
        prepare: |scene, at| {
            scene.tonepress(at, PRESS);
            each_object(at, |path| spoil(path, |bytes| bytes.truncate(5_000)));
            scene.tonepress(at, &["cache", "gc"]); // the books know of it
        },
        arguments: PRESS,
        tight: false,
        spoilt: true,
    },
    Scene {
        name: "verify",
        prepare: |scene, at| {
            scene.tonepress(at, PRESS);
            each_object(at, |path| spoil(path, |bytes| bytes[5_000] ^= 1));
        },
        arguments: &["cache", "verify"],
        tight: false,
        spoilt: true,
    },
    Scene {
        name: "collect",
        prepare: |scene, at| {
            scene.tonepress(at, PRESS);
            each_object(at, |path| spoil(path, |bytes| bytes[5_000] ^= 1));
            let verify = scene.command(at, &["cache", "verify"]).output().unwrap();
            assert_eq!(verify.status.code(), Some(1), "bad ones were found");
            let base = at.join("store/v1");
            let left = format!("{}.part", "ab".repeat(32));
            fs::write(base.join("partials").join(left), "of a dead writer").unwrap();
            fs::create_dir_all(base.join("objects/cd")).unwrap();
            fs::write(base.join("objects/cd").join(format!("{}.json", "cd".repeat(32))), "orphan").unwrap();
            scene.tonepress(at, PRESS_OTHER);
        },
        arguments: &["cache", "gc"],
        tight: false,
        spoilt: true,
    },
    Scene {
        name: "press two masters on two threads",
        prepare: |_, _| {},
        arguments: PRESS_BOTH,
        tight: false,
        spoilt: false,
    },
    Scene {
        name: "remove",
        prepare: |scene, at| scene.tonepress(at, PRESS),
        arguments: &["cache", "rm", "--all"],
        tight: false,
        spoilt: false,
    },
];

impl Scene {
    /// A folder with masters and a store in the scene's state.
    pub fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
        for (from, to) in [("short.oga", "one.oga"), ("short.m4a", "two.m4a")] {
            let to = folder.path().join(to);
            fs::copy(data.join(from), &to).unwrap();
            // Old enough for the masters' index to believe its times.
            let old = SystemTime::now() - Duration::from_secs(60);
            fs::File::options().write(true).open(to).unwrap().set_modified(old).unwrap();
        }
        fs::create_dir(folder.path().join("store")).unwrap();
        (self.prepare)(self, folder.path());
        let _ = fs::remove_dir_all(folder.path().join("out"));
        folder
    }

    fn dress(&self, command: &mut Command, at: &Path, arguments: &[&str]) {
        command.args(arguments).current_dir(at).env("TONEPRESS_CACHE", at.join("store"));
        if self.tight {
            command.env("TONEPRESS_CACHE_SIZE", "400KiB");
        }
    }

    pub fn command(&self, at: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
        self.dress(&mut command, at, arguments);
        command
    }

    pub fn tonepress(&self, at: &Path, arguments: &[&str]) {
        run(&mut self.command(at, arguments));
    }

    /// strace around the scene's program, with what it is to do; `None` (said aloud) without strace.
    pub fn traced(&self, at: &Path, strace: &[&str]) -> Option<Command> {
        let mut command = tool("strace")?;
        command.args(["-f", "-y", "-o", "trace"]).args(strace).arg(env!("CARGO_BIN_EXE_tonepress"));
        self.dress(&mut command, at, self.arguments);
        Some(command)
    }

    /// Every call on the store or the output, by name and number, in the order in which the program makes them: points at which
    /// something can happen. `None` (said aloud) where nothing can be traced.
    pub fn points(&self, calls: &str) -> Option<Vec<(String, u32)>> {
        let folder = self.folder();
        let trace = format!("trace={calls}");
        let output = self.traced(folder.path(), &["-e", &trace])?.output().unwrap();
        if !may_trace(&output) {
            return None;
        }
        let mut counts: HashMap<(&str, &str), u32> = HashMap::new();
        let mut seen = BTreeSet::new();
        let mut points = Vec::new();
        let trace = fs::read_to_string(folder.path().join("trace")).unwrap();
        let here = folder.path().to_str().unwrap();
        for line in trace.lines() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let Some((call, arguments)) = rest.trim_start().split_once('(') else { continue };
            let Some(call) = calls.split(',').find(|&known| known == call) else { continue };
            // strace counts so, too: each thread's calls of each name.
            let count = counts.entry((thread, call)).or_default();
            *count += 1;
            // A path beyond the first line of arguments cannot be missed: they come first.
            let ours =
                arguments.contains(&format!("{here}/store")) || arguments.contains(&format!("{here}/out"));
            let opens = call == "openat" && !arguments.contains("O_CREAT") && calls == CHANGES;
            if ours && !opens && seen.insert((call, *count)) {
                points.push((call.to_owned(), *count));
            }
        }
        Some(points)
    }

    /// What must hold after whatever has happened, and that the program goes on from there.
    pub fn assert_sound(&self, at: &Path, expected: &Expected, what: &str) {
        let store = open(at);
        let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
        assert!(sums.bad.is_empty() || self.spoilt, "{what}: {:?}", sums.bad);
        for entry in store.list(&Filter::default()).unwrap() {
            let object = store.get(&entry.key).unwrap().unwrap();
            assert!(object.as_ref() == expected.objects[&entry.key.to_string()], "{what}: half-written");
        }
        expected.assert_outputs(at, what);
        assert_books(&store, at, what);

        let again = self.command(at, self.arguments).output().unwrap();
        assert!(again.status.success(), "{what}: {}", String::from_utf8_lossy(&again.stderr));
        if self.arguments != PRESS {
            self.tonepress(at, PRESS);
        }
        assert_eq!(expected.assert_outputs(at, what), EACH);
        store.gc(&[]).unwrap();
        assert_eq!(files(&at.join("store/v1/partials")).len(), 0, "{what}: a leftover is left");
        assert_books(&store, at, what);
    }
}

/// What all renditions must be, by key.
pub struct Expected {
    pub objects: BTreeMap<String, Vec<u8>>,
}

impl Expected {
    pub fn new() -> Self {
        let easy = Scene { name: "easy", prepare: |_, _| {}, arguments: PRESS, tight: false, spoilt: false };
        let folder = easy.folder();
        easy.tonepress(folder.path(), PRESS);
        easy.tonepress(folder.path(), PRESS_OTHER);
        let store = open(folder.path());
        let entries = store.list(&Filter::default()).unwrap();
        let read = |key| fs::read(store.path(&key)).unwrap();
        let objects: BTreeMap<_, _> =
            entries.iter().map(|entry| (entry.key.to_string(), read(entry.key))).collect();
        assert_eq!(objects.len(), 2 * EACH);
        Self { objects }
    }

    /// The MP3s that were written are whole; returns how many there are of the first master.
    pub fn assert_outputs(&self, at: &Path, what: &str) -> usize {
        let mp3 = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "mp3");
        let written: Vec<PathBuf> = files(&at.join("out")).into_iter().filter(mp3).collect();
        for path in &written {
            let bytes = fs::read(path).unwrap();
            assert!(self.objects.values().any(|object| *object == bytes), "{what}: {}", path.display());
        }
        written.iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("one")).count()
    }
}

pub fn open(at: &Path) -> Store {
    Options::new(at.join("store")).spill(at).wait(Duration::from_millis(300)).open().unwrap()
}

/// The files in a folder, if there is one.
fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn each_object(at: &Path, change: impl Fn(&Path)) {
    let store = open(at);
    for entry in store.list(&Filter::default()).unwrap() {
        change(&store.path(&entry.key));
    }
}

/// What a failing disk does.
fn spoil(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The books say what is there.
pub fn assert_books(store: &Store, at: &Path, what: &str) {
    let charge = |bytes: u64| (bytes.div_ceil(4_096) + 1) * 4_096;
    let entries = store.list(&Filter::default()).unwrap();
    let stored: u64 = entries.iter().map(|entry| charge(entry.bytes)).sum();
    let bad = files(&at.join("store/v1/quarantine")).into_iter();
    let bad = bad.filter(|path| path.extension().is_some_and(|extension| extension == "mp3"));
    let aside: u64 = bad.map(|path| charge(fs::metadata(path).unwrap().len())).sum();
    let stat = store.stat().unwrap();
    assert_eq!((stat.objects, stat.charged), (entries.len() as u64, stored + aside), "{what}: the books");
    assert_eq!((stat.reserved, stat.writers), (0, 0), "{what}: promises to nobody");
}

pub fn may_trace(output: &Output) -> bool {
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.to_lowercase().contains("ptrace(") {
        assert!(std::env::var_os("TONEPRESS_REQUIRE_TOOLS").is_none_or(|v| v != "1"), "{stderr}");
        eprintln!("SKIPPED: strace may not trace here: {stderr}");
        return false;
    }
    assert!(output.status.code().is_some_and(|code| code < 2), "{stderr}");
    true
}
