//! Many processes and one store: killed, stopped, short of everything.
//!
//! The processes are this test program again, told by `TONEPRESS_ROLE` what to do. `TONEPRESS_KILLS`
//! sets how often the writer is killed (20 times unless said otherwise).
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use common::mount::Mount;
use common::renditions::Rendition;
use common::tool;
use tonepress::store::{Fallback, Filter, Options, Scrub};
use tonepress::{Error, Stage, Store};

/// The number of renditions that eight processes want at once.
const WANTED: u8 = 20;
/// The number of renditions of a writer that is killed.
const SET: u8 = 5;

fn open(root: &Path) -> Store {
    Options::new(root).spill(root).wait(Duration::from_secs(20)).open().unwrap()
}

/// This program as a process of another `role`.
fn process(role: &str, root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    dress(&mut command, role, root);
    command
}

fn dress(command: &mut Command, role: &str, root: &Path) {
    command
        .args(["a_process_of_the_tests_below", "--exact", "--nocapture"])
        .env("TONEPRESS_ROLE", role)
        .env("TONEPRESS_ROOT", root)
        .stdout(Stdio::piped());
}

/// Waits until a process says `word`.
fn wait_for(child: &mut Child, word: &str) {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains(word)), "it never said {word}");
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap().success());
}

fn finish(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

fn partials(root: &Path) -> usize {
    fs::read_dir(root.join("v1/partials")).unwrap().count()
}

/// The books say what is there.
fn assert_books(store: &Store) {
    let entries = store.list(&Filter::default()).unwrap();
    let charged: u64 = entries.iter().map(|entry| (entry.bytes.div_ceil(4096) + 1) * 4096).sum();
    let stat = store.stat().unwrap();
    assert_eq!((stat.objects, stat.charged), (entries.len() as u64, charged));
}

#[test]
fn a_process_of_the_tests_below() {
    let (Ok(role), Ok(root)) = (std::env::var("TONEPRESS_ROLE"), std::env::var("TONEPRESS_ROOT")) else {
        return; // as an ordinary test it has nothing to show
    };
    let root = Path::new(&root);
    match role.as_str() {
        "press and remove for ever" | "publish and remove for ever" => {
            let store = open(root);
            let mut renditions: Vec<Rendition> = (0..SET).map(Rendition::small).collect();
            if role.starts_with("publish") {
                renditions.iter_mut().for_each(Rendition::press_now);
            }
            loop {
                for rendition in &renditions {
                    rendition.obtain(&store, Fallback::Refuse).unwrap();
                }
                let keys: Vec<_> = renditions.iter().map(|rendition| rendition.recipe.key()).collect();
                store.remove(&keys).unwrap();
            }
        }
        "obtain all" => {
            let store = open(root);
            for number in 0..WANTED {
                let (object, pressed) = Rendition::small(number).obtain(&store, Fallback::Refuse).unwrap();
                println!("GOT {number} {} {pressed}", blake3::hash(object.as_ref()));
            }
        }
        "hold" => {
            let store = open(root);
            let _partial = Rendition::small(0).partial(&store);
            println!("HOLDING");
            thread::sleep(Duration::from_secs(600));
        }
        "publish" => drop(Rendition::small(0).obtain(&open(root), Fallback::Refuse).unwrap()),
        "publish in vain" => {
            let refused = Rendition::small(0).obtain(&open(root), Fallback::Refuse);
            assert!(matches!(refused, Err(Error::Io { stage: Stage::Sync, .. })), "{refused:?}");
        }
        "no descriptors" => no_descriptors(root),
        "not allowed" => not_allowed(root),
        "read-only" => read_only(root),
        _ => panic!("{role}?"),
    }
}

#[test]
fn whenever_the_writer_is_killed_only_whole_renditions_are_found() {
    let kills = std::env::var("TONEPRESS_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let renditions: Vec<Rendition> = (0..SET).map(Rendition::small).collect();
    let expected: Vec<Vec<u8>> = renditions.iter().map(Rendition::bytes).collect();
    let mut random = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    println!("seed {random}");
    let (mut found, mut leftovers, mut during_commit) = (0, 0, 0);
    for kill in 0..kills {
        // Half of them where most of the time goes into pressing, half where it goes into publishing.
        let role = if kill % 2 == 0 { "press and remove for ever" } else { "publish and remove for ever" };
        let mut child = process(role, root).stdout(Stdio::null()).spawn().unwrap();
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        thread::sleep(Duration::from_micros(u64::from(random >> 8) % 250_000));
        child.kill().unwrap();
        child.wait().unwrap();

        leftovers += fs::read_dir(root.join("v1/partials")).map_or(0, Iterator::count);
        let store = open(root);
        for (rendition, expected) in renditions.iter().zip(&expected) {
            if let Some(object) = store.get(&rendition.recipe.key()).unwrap() {
                assert!(object.as_ref() == expected, "half-written");
                found += 1;
            }
        }
        let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
        assert!(sums.bad.is_empty(), "{:?}", sums.bad);
        assert_books(&store);
        during_commit += store.gc(&[]).unwrap().orphans;
        assert_eq!(partials(root), 0, "leftovers are reclaimed");
        assert_books(&store);
    }
    println!("{kills} kills: {found} renditions found, {leftovers} leftovers, {during_commit} orphans");
    let store = open(root);
    for (rendition, expected) in renditions.iter().zip(&expected) {
        assert!(rendition.obtain(&store, Fallback::Refuse).unwrap().0.as_ref() == expected);
    }
    assert_eq!(store.stat().unwrap().objects, u64::from(SET));
    assert_books(&store);
}

#[test]
fn eight_processes_press_each_rendition_once() {
    let root = tempfile::tempdir().unwrap();
    eight(root.path());
}

#[test]
fn eight_processes_get_on_when_one_that_holds_a_rendition_is_killed() {
    let root = tempfile::tempdir().unwrap();
    let mut holder = process("hold", root.path()).spawn().unwrap();
    wait_for(&mut holder, "HOLDING");
    thread::scope(|scope| {
        scope.spawn(|| eight(root.path()));
        thread::sleep(Duration::from_millis(500));
        holder.kill().unwrap();
        holder.wait().unwrap();
    });
}

fn eight(root: &Path) {
    let children: Vec<Child> = (0..8).map(|_| process("obtain all", root).spawn().unwrap()).collect();
    let mut digests = BTreeMap::new();
    let mut pressed = 0;
    for child in children {
        for line in finish(child).lines().filter_map(|line| line.split_once("GOT ")) {
            let mut words = line.1.split(' ').map(str::to_owned);
            let (number, digest) = (words.next().unwrap(), words.next().unwrap());
            assert_eq!(*digests.entry(number).or_insert_with(|| digest.clone()), digest);
            pressed += usize::from(words.next().unwrap() == "true");
        }
    }
    assert_eq!((digests.len(), pressed), (usize::from(WANTED), usize::from(WANTED)));
    let store = open(root);
    let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((sums.objects, sums.bad.len()), (u64::from(WANTED), 0));
    assert_books(&store);
    assert_eq!(partials(root), 0);
}

#[test]
fn a_stopped_process_holds_nobody_up_for_ever() {
    let root = tempfile::tempdir().unwrap();
    let mut holder = process("hold", root.path()).spawn().unwrap();
    wait_for(&mut holder, "HOLDING");
    signal(&holder, "-STOP");
    let store = Options::new(root.path()).wait(Duration::from_millis(300)).open().unwrap();
    let rendition = Rendition::small(0);
    let start = Instant::now();
    let (object, pressed) = rendition.obtain(&store, Fallback::Refuse).unwrap();
    assert!(pressed && object.as_ref() == rendition.bytes());
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(partials(root.path()), 1, "that of the living is left alone");
    assert_eq!(store.gc(&[]).unwrap().leftovers, 0);
    signal(&holder, "-CONT");
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(store.gc(&[]).unwrap().leftovers, 1);
    assert_books(&store);
}

#[test]
fn a_ledger_that_is_never_let_go_of_is_an_error_or_no_cache() {
    let root = tempfile::tempdir().unwrap();
    let store = Options::new(root.path()).spill(root.path()).wait(Duration::from_millis(200)).open().unwrap();
    let stored = Rendition::small(1).obtain(&store, Fallback::Refuse).unwrap().0;
    let lock = File::open(root.path().join("v1/ledger.lock")).unwrap();
    lock.lock().unwrap();
    let rendition = Rendition::small(0);
    assert!(matches!(rendition.begin(&store), Err(Error::StoreBusy { .. })));
    let (object, _) = rendition.obtain(&store, Fallback::Uncached).unwrap();
    assert!(object.path().is_none() && object.as_ref() == rendition.bytes());
    assert!(store.get(&stored.key().unwrap()).unwrap().is_some(), "hits need no ledger");
    lock.unlock().unwrap();
    assert!(rendition.obtain(&store, Fallback::Refuse).unwrap().0.path().is_some());
}

/// The system calls of a process of another `role`, which must succeed; `None` (said aloud) where they
/// cannot be traced.
fn traced(role: &str, root: &Path, arguments: &[&str]) -> Option<String> {
    let mut strace = tool("strace")?;
    let log = root.join("trace");
    strace.args(["-f", "-y"]).args(arguments).arg("-o").arg(&log).arg(std::env::current_exe().unwrap());
    dress(&mut strace, role, root);
    let output = strace.stderr(Stdio::piped()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("PTRACE") || stderr.contains("ptrace") {
        assert!(std::env::var_os("TONEPRESS_REQUIRE_TOOLS").is_none_or(|v| v != "1"), "{stderr}");
        eprintln!("SKIPPED: strace may not trace here: {stderr}");
        return None;
    }
    assert!(output.status.success(), "{stderr}{}", String::from_utf8_lossy(&output.stdout));
    Some(fs::read_to_string(&log).unwrap())
}

#[test]
fn a_sync_that_fails_is_an_error_is_not_repeated_and_leaves_nothing() {
    // The rendition, the folder of shards, the sidecar, its name, the rendition's name.
    for failing in 1..=5 {
        let root = tempfile::tempdir().unwrap();
        open(root.path());
        let inject = format!("inject=fsync:error=EIO:when={failing}");
        let arguments = ["-e", "trace=fsync", "-e", &inject];
        let Some(trace) = traced("publish in vain", root.path(), &arguments) else { return };
        assert_eq!(trace.matches("INJECTED").count(), 1, "{trace}");
        let synced = |what: &str| trace.lines().filter(|line| line.contains(what)).count();
        assert!(synced(".part>") == 1 && synced(".json>") <= 1, "{trace}");
        let store = open(root.path());
        assert!(store.get(&Rendition::small(0).recipe.key()).unwrap().is_none());
        assert_eq!(partials(root.path()), 0);
        assert_books(&store);
        assert!(Rendition::small(0).obtain(&store, Fallback::Refuse).unwrap().1);
        assert_books(&store);
    }
}

#[test]
fn the_system_calls_of_publishing_come_in_the_order_that_survives_a_power_failure() {
    let root = tempfile::tempdir().unwrap();
    let calls = "trace=write,pwrite64,fallocate,ftruncate,fsync,fdatasync,rename,renameat,renameat2,fchmod";
    let Some(trace) = traced("publish", root.path(), &["-e", calls]) else { return };
    let key = Rendition::small(0).recipe.key().to_string();
    let lines: Vec<&str> = trace.lines().collect();
    // The last line with all of these words.
    let last = |words: &[&str]| {
        lines
            .iter()
            .rposition(|line| words.iter().all(|word| line.contains(word)))
            .unwrap_or_else(|| panic!("no {words:?} in\n{trace}"))
    };
    let (part, json, mp3) = (format!("{key}.part"), format!("{key}.json"), format!("{key}.mp3"));
    let shard = format!("objects/{}>", &key[..2]);
    let order = [
        ("the rendition is allocated", last(&["fallocate(", &part])),
        ("and written", last(&["write(", &part])),
        ("and made read-only", last(&["fchmod(", &part])),
        ("and synced", last(&["fsync(", &part])),
        ("its folder is made to last", last(&["fsync(", "/objects>"])),
        ("the sidecar is written", last(&["write(", &key, ".json>"])),
        ("and synced", last(&["fsync(", &key, ".json>"])),
        ("and gets its name", last(&["rename(", &json])),
        ("which is synced", lines.iter().position(|l| l.contains("fsync(") && l.contains(&shard)).unwrap()),
        ("the rendition gets its name", last(&["renameat2(", &part, &mp3])),
        ("which is synced", last(&["fsync(", &shard])),
    ];
    for pair in order.windows(2) {
        assert!(pair[0].1 < pair[1].1, "{:?} after {:?}\n{trace}", pair[0], pair[1]);
    }
}

#[test]
fn a_full_disk_is_a_typed_error_and_nothing_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new(folder.path(), "size=1m,mode=755") else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let store = Options::new(&mount.0).spill(elsewhere.path()).open().unwrap();

    // Other people's files fill it up between the promise and the publishing.
    let rendition = Rendition::small(0);
    let mut partial = rendition.partial(&store);
    let junk = mount.0.join("junk");
    while fill(&junk).is_ok() {}
    rendition.write(&mut partial).expect("its own space was set aside");
    assert!(matches!(partial.publish(), Err(Error::DiskFull { .. })), "but there is none for the sidecar");
    assert!(store.get(&rendition.recipe.key()).unwrap().is_none());
    while fill(&junk).is_ok() {}
    assert!(matches!(rendition.begin(&store), Err(Error::StoreFull { .. } | Error::DiskFull { .. })));
    let (object, _) = rendition.obtain(&store, Fallback::Uncached).unwrap();
    assert!(object.path().is_none() && object.as_ref() == rendition.bytes());
    fs::remove_file(&junk).unwrap();

    // More than fits, without a budget: the disk itself is the budget.
    for number in 0..30 {
        let object = Rendition::small(number).obtain(&store, Fallback::Refuse).unwrap().0;
        assert!(object.as_ref() == Rendition::small(number).bytes());
    }
    assert!(store.stat().unwrap().objects < 30);
    let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
    assert!(sums.bad.is_empty() && sums.objects > 3, "{sums:?}");
    assert_books(&store);
}

/// Writes a page more to a file.
fn fill(path: &Path) -> std::io::Result<()> {
    File::options().create(true).append(true).open(path)?.write_all(&[1; 4096])
}

#[test]
fn a_read_only_store_answers_hits() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new(folder.path(), "size=4m,mode=755") else { return };
    Rendition::small(1).obtain(&open(&mount.0), Fallback::Refuse).unwrap();
    let done = Command::new("mount").args(["-o", "remount,ro"]).arg(&mount.0).status().unwrap();
    assert!(done.success());
    finish(process("read-only", &mount.0).spawn().unwrap());
}

fn read_only(root: &Path) {
    let elsewhere = tempfile::tempdir().unwrap();
    let store = Options::new(root).spill(elsewhere.path()).open().unwrap();
    let stored = Rendition::small(1);
    assert!(store.get(&stored.recipe.key()).unwrap().unwrap().as_ref() == stored.bytes());
    let other = Rendition::small(2);
    assert!(matches!(other.begin(&store), Err(Error::Io { .. })));
    let object = other.obtain(&store, Fallback::Uncached).unwrap().0;
    assert!(object.path().is_none() && object.as_ref() == other.bytes());
    assert!(matches!(store.remove(&[stored.recipe.key()]), Err(Error::Io { .. })));
    let sums = store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((sums.objects, sums.bad.len()), (1, 0));
}

#[test]
fn where_one_may_only_read_hits_are_answered_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let program = root.path().join("program");
    // Both must be within reach of the other user.
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    Rendition::small(1).obtain(&open(root.path()), Fallback::Refuse).unwrap();
    let secret = Rendition::small(3).obtain(&open(root.path()), Fallback::Refuse).unwrap().0;
    fs::set_permissions(secret.path().unwrap(), fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = Command::new(&program);
    dress(&mut command, "not allowed", root.path());
    match command.uid(65_534).gid(65_534).current_dir("/").spawn() {
        Ok(child) => drop(finish(child)),
        Err(e) => eprintln!("SKIPPED: may not become another user: {e}"),
    }
}

fn not_allowed(root: &Path) {
    let store = Options::new(root).open().unwrap();
    let secret = store.get(&Rendition::small(3).recipe.key());
    assert!(matches!(secret, Err(Error::Io { .. })), "not a miss, and not to be pressed again");
    let stored = Rendition::small(1);
    assert!(store.get(&stored.recipe.key()).unwrap().unwrap().as_ref() == stored.bytes());
    assert!(matches!(Rendition::small(2).begin(&store), Err(Error::Io { .. })));
    assert!(Rendition::small(2).obtain(&store, Fallback::Uncached).unwrap().0.path().is_none());
}

#[test]
fn without_file_descriptors_a_cold_hit_is_an_error_and_a_hot_one_a_hit() {
    let root = tempfile::tempdir().unwrap();
    for number in [1, 2] {
        Rendition::small(number).obtain(&open(root.path()), Fallback::Refuse).unwrap();
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    dress(&mut shell, "no descriptors", root.path());
    finish(shell.spawn().unwrap());
}

fn no_descriptors(root: &Path) {
    let store = open(root);
    let (hot, cold) = (Rendition::small(1), Rendition::small(2));
    store.get(&hot.recipe.key()).unwrap().unwrap();
    thread::sleep(Duration::from_millis(100)); // for the background to be done
    let mut open = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        open.push(file);
    }
    assert!(matches!(store.get(&cold.recipe.key()), Err(Error::Io { .. })), "not a miss");
    assert!(matches!(Rendition::small(3).begin(&store), Err(Error::Io { .. })));
    assert!(store.get(&hot.recipe.key()).unwrap().unwrap().as_ref() == hot.bytes());
    drop(open);
    assert!(store.get(&cold.recipe.key()).unwrap().unwrap().as_ref() == cold.bytes());
    assert!(Rendition::small(3).obtain(&store, Fallback::Refuse).unwrap().1);
}
