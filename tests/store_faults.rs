//! The store's program, interrupted at every system call by which it changes or reads the store: killed
//! before it, refused it, held up in it. What is done to it strace does; the program knows nothing of it.
//!
//! In CI each experiment takes one point in so many; `TONEPRESS_ALL_POINTS=1` takes all.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use common::mount::Mount;
use common::{run, tool};
use tempfile::TempDir;
use tonepress::fan_out::{self, Event, Job};
use tonepress::master::Master;
use tonepress::store::{Begun, Fallback, Filter, Object, Options, Recipe, Scrub};
use tonepress::{Plan, Store};

/// What changes files, or promises that they last.
const CHANGES: &str = "mkdir,openat,write,pwrite64,ftruncate,fallocate,fchmod,fsync,rename,renameat2,unlink,\
    utimensat,flock,copy_file_range,ioctl";
/// What reads them.
const READS: &str = "read,pread64,statx,getdents64,mmap,statfs";

/// A store in some state, and the program that is let loose on it.
struct Scene {
    name: &'static str,
    /// Brings a new store into that state, in a folder of its own.
    prepare: fn(&Scene, &Path),
    arguments: &'static [&'static str],
    /// Whether two masters want more than the budget has.
    tight: bool,
    /// Whether the state has broken renditions.
    spoilt: bool,
}

const PRESS: &[&str] = &["encode", "one.oga", "--to", PROFILES, "-o", "out", "--force", "--no-tags", "-j1"];
const PRESS_V4: &[&str] = &["encode", "one.oga", "--to", "v4", "-o", "out", "--force", "--no-tags", "-j1"];
const PRESS_OTHER: &[&str] =
    &["encode", "two.m4a", "--to", PROFILES, "-o", "out", "--force", "--no-tags", "-j1"];
const PRESS_BOTH: &[&str] =
    &["encode", "one.oga", "two.m4a", "--to", PROFILES, "-o", "out", "--force", "--no-tags", "-j2"];
const PROFILES: &str = "128,192,320,v4,v0,abr64:mono";
/// How many those are.
const EACH: usize = 6;

const SCENES: [Scene; 8] = [
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
    fn folder(&self) -> TempDir {
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

    fn command(&self, at: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
        self.dress(&mut command, at, arguments);
        command
    }

    fn tonepress(&self, at: &Path, arguments: &[&str]) {
        run(&mut self.command(at, arguments));
    }

    /// strace around the scene's program, with what it is to do; `None` (said aloud) without strace.
    fn traced(&self, at: &Path, strace: &[&str]) -> Option<Command> {
        let mut command = tool("strace")?;
        command.args(["-f", "-y", "-o", "trace"]).args(strace).arg(env!("CARGO_BIN_EXE_tonepress"));
        self.dress(&mut command, at, self.arguments);
        Some(command)
    }

    /// Every call on the store or the output, by name and number, in the order in which the program makes them: points at which
    /// something can happen. `None` (said aloud) where nothing can be traced.
    fn points(&self, calls: &str) -> Option<Vec<(String, u32)>> {
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
    fn assert_sound(&self, at: &Path, expected: &Expected, what: &str) {
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
        store.gc(None).unwrap();
        assert_eq!(files(&at.join("store/v1/partials")).len(), 0, "{what}: a leftover is left");
        assert_books(&store, at, what);
    }
}

/// What all renditions must be, by key.
struct Expected {
    objects: BTreeMap<String, Vec<u8>>,
}

impl Expected {
    fn new() -> Self {
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
    fn assert_outputs(&self, at: &Path, what: &str) -> usize {
        let mp3 = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "mp3");
        let written: Vec<PathBuf> = files(&at.join("out")).into_iter().filter(mp3).collect();
        for path in &written {
            let bytes = fs::read(path).unwrap();
            assert!(self.objects.values().any(|object| *object == bytes), "{what}: {}", path.display());
        }
        written.iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("one")).count()
    }
}

fn open(at: &Path) -> Store {
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
fn assert_books(store: &Store, at: &Path, what: &str) {
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

fn may_trace(output: &Output) -> bool {
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.to_lowercase().contains("ptrace(") {
        assert!(std::env::var_os("TONEPRESS_REQUIRE_TOOLS").is_none_or(|v| v != "1"), "{stderr}");
        eprintln!("SKIPPED: strace may not trace here: {stderr}");
        return false;
    }
    assert!(output.status.code().is_some_and(|code| code < 2), "{stderr}");
    true
}

/// One point in `so_many`, or all of them where that is asked for.
fn every(so_many: usize) -> usize {
    if std::env::var_os("TONEPRESS_ALL_POINTS").is_some_and(|all| all == "1") { 1 } else { so_many }
}

/// Does something at the points of all scenes at which one of `calls` is made: one in `so_many` of them.
/// `experiment` says whether it came to pass; returns how often it did.
fn at_points(
    calls: &str,
    so_many: usize,
    mut experiment: impl FnMut(&Scene, &Path, &str, u32, &str) -> bool,
) {
    let expected = Expected::new();
    let (mut number, mut done) = (0, 0);
    for scene in &SCENES {
        let Some(points) = scene.points(calls) else { return };
        let before = done;
        for (call, count) in &points {
            number += 1;
            if number % every(so_many) != 0 {
                continue;
            }
            let folder = scene.folder();
            let what = format!("{}, {call} number {count}", scene.name);
            done += usize::from(experiment(scene, folder.path(), call, *count, &what));
            scene.assert_sound(folder.path(), &expected, &what);
        }
        println!("{}: {} points, {} tried", scene.name, points.len(), done - before);
    }
    println!("{done} in all");
    assert!(done > 0);
}

#[test]
fn killed_at_any_call_the_store_is_whole_and_goes_on() {
    at_points(CHANGES, 20, |scene, at, call, count, what| {
        let trace = format!("trace={call}");
        let inject = format!("inject={call}:signal=SIGKILL:when={count}");
        let output = scene.traced(at, &["-e", &trace, "-e", &inject]).unwrap().output().unwrap();
        let killed = output.status.signal() == Some(9);
        assert!(killed || output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        killed
    });
}

#[test]
fn refused_any_call_it_is_an_error_or_goes_without_and_the_store_is_whole() {
    let calls = format!("{CHANGES},{READS}");
    for (error, so_many) in [("EIO", 60), ("ENOSPC", 80)] {
        at_points(&calls, so_many, |scene, at, call, count, what| {
            let trace = format!("trace={call}");
            let inject = format!("inject={call}:error={error}:when={count}");
            let output = scene.traced(at, &["-e", &trace, "-e", &inject]).unwrap().output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            // Before the program has begun there is nothing to try.
            let loaded = !stderr.contains("error while loading shared libraries");
            assert!(!loaded || output.status.code().is_some_and(|code| code <= 2), "{what}: {stderr}");
            // So does the standard library where a thread gets no stack for its signals.
            let ours = !stderr.contains("failed to allocate an alternative stack");
            assert!(!ours || !stderr.contains("panicked"), "{what}: {stderr}");
            true
        });
    }
}

#[test]
fn stalled_at_any_call_it_holds_nobody_up_for_ever() {
    let expected = Expected::new();
    let Some(points) = SCENES[0].points(CHANGES) else { return };
    let every = every(60);
    let mut met = 0;
    for (call, count) in points.iter().skip(every - 1).step_by(every) {
        let what = format!("{call} number {count}");
        let folder = SCENES[0].folder();
        let at = folder.path();
        let (trace, inject) = (format!("trace={call}"), format!("inject={call}:delay_enter=2s:when={count}"));
        let mut child = SCENES[0].traced(at, &["-e", &trace, "-e", &inject]).unwrap();
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(200)); // to get there
        // Another gets what it wants: from the store, or past it while this one has what is locked.
        let object = obtain(at, "v4");
        let bytes = expected.objects.get(&object.key().to_string());
        assert!(bytes.is_some_and(|bytes| object.as_ref() == bytes), "{what}");
        met += usize::from(child.try_wait().unwrap().is_none());
        assert!(child.wait().unwrap().success(), "{what}");
        SCENES[0].assert_sound(at, &expected, &what);
    }
    println!("{met} stalled while another was served");
    assert!(met > 0);
}

#[test]
fn who_publishes_second_takes_what_the_first_has_published() {
    let expected = Expected::new();
    let scene = Scene { arguments: PRESS_V4, ..SCENES[0] };
    let mut met = 0;
    // Held up before each sync of its publication: behind its look whether there is one already.
    for sync in 1..=4 {
        let folder = scene.folder();
        let at = folder.path();
        let inject = format!("inject=fsync:delay_enter=2s:when={sync}");
        let Some(mut child) = scene.traced(at, &["-e", "trace=fsync", "-e", &inject]) else { return };
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        thread::sleep(Duration::from_millis(200)); // to get there
        obtain(at, "v4");
        met += usize::from(child.try_wait().unwrap().is_none());
        let output = child.wait_with_output().unwrap();
        if !may_trace(&output) {
            return;
        }
        assert!(output.status.success(), "sync {sync}");
        scene.assert_sound(at, &expected, &format!("sync {sync}"));
    }
    assert!(met > 0);
}

/// A rendition of the first master, in this process, which waits for nobody for long.
fn obtain(at: &Path, profile: &str) -> Object {
    let master = Master::open(at.join("one.oga")).unwrap();
    let plan = Plan::new(master.info(), &profile.parse().unwrap()).unwrap();
    let recipe = Recipe::new(master.id().unwrap(), *plan.resolved()).unwrap();
    let partial = match open(at).begin(&recipe, &plan, Fallback::Uncached).unwrap() {
        Begun::Ready(object) => return object,
        Begun::Press(partial) => partial,
    };
    let mut made = None;
    let outputs = vec![fan_out::Output { id: 0, plan, sink: partial }];
    fan_out::fan_out(1, [Job { id: 0, master, outputs }].into_iter(), |event| {
        if let Event::Done { result, .. } = event {
            made = Some(result.unwrap().made);
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    made.unwrap()
}

#[test]
fn on_a_disk_that_is_full_at_any_page_renditions_go_uncached() {
    let expected = Expected::new();
    let scene = &SCENES[0];
    // With and without space being set aside beforehand, which not every file system can do.
    let inject = ["-e", "trace=fallocate,ioctl", "-e", "inject=fallocate,ioctl:error=EOPNOTSUPP"];
    let (mut tried, mut stored) = (0, 0);
    for allocates in [true, false] {
        // From what holds the folders alone to what holds everything.
        for pages in (2..110).step_by(every(9)) {
            let folder = scene.folder();
            let at = folder.path();
            let Some(_mount) = Mount::new(&at.join("store"), &format!("size={}k", pages * 4)) else { return };
            let what = format!("{pages} pages, allocates: {allocates}");
            let command = if allocates { Some(scene.command(at, PRESS)) } else { scene.traced(at, &inject) };
            let Some(mut command) = command else { return };
            let output = command.output().unwrap();
            if !allocates && !may_trace(&output) {
                return;
            }
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code().is_some_and(|code| code <= 1), "{what}: {stderr}");
            assert!(!stderr.contains("panicked"), "{what}: {stderr}");
            expected.assert_outputs(at, &what);
            // More room, and all is well.
            run(Command::new("mount").args(["-o", "remount,size=4m"]).arg(at.join("store")));
            stored += open(at).list(&Filter::default()).unwrap().len();
            tried += 1;
            scene.assert_sound(at, &expected, &what);
        }
    }
    println!("{tried} sizes, {stored} renditions stored");
    assert!(stored > 0);
}
