//! The store's program, interrupted at every system call by which it changes or reads the store: killed
//! before it, refused it, held up in it. What is done to it strace does; the program knows nothing of it.
//!
//! In CI each experiment takes one point in so many; `TONEPRESS_ALL_POINTS=1` takes all.
#![cfg(all(feature = "cli", target_os = "linux"))]
// Whatever goes wrong fails the test; tests export nothing.
#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../common/mod.rs"]
mod common;
mod scene;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::mount::Mount;
use common::run;
use scene::{Expected, PRESS, PRESS_V4, SCENES, Scene, assert_books, may_trace, open};
use tonepress::Plan;
use tonepress::master::Master;
use tonepress::pcm::Pcm;
use tonepress::rendition::press::SegmentEncoder;
use tonepress::store::{Begun, Fallback, Filter, Object, Recipe};

/// What changes files, or promises that they last.
const CHANGES: &str = "mkdir,openat,write,pwrite64,ftruncate,fallocate,fchmod,fsync,rename,renameat2,unlink,\
    utimensat,flock,copy_file_range,ioctl";
/// What reads them.
const READS: &str = "read,pread64,statx,getdents64,mmap,statfs";

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
            // Nothing is ours to answer for before the program has begun, nor where the standard library
            // ends it for want of a stack for a thread's signals.
            let foreign = ["error while loading shared libraries", "failed to allocate an alternative stack"];
            if !foreign.iter().any(|words| stderr.contains(words)) {
                assert!(output.status.code().is_some_and(|code| code <= 2), "{what}: {stderr}");
                assert!(!stderr.contains("panicked"), "{what}: {stderr}");
            }
            true
        });
    }
}

#[test]
fn stalled_at_any_call_it_holds_nobody_up_for_ever() {
    let expected = Expected::new();
    let Some(points) = SCENES[0].points(CHANGES) else { return };
    let every = every(60);
    let points = points.iter().skip(every - 1).step_by(every);
    let met = points.filter(|point| holds_nobody_up(&SCENES[0], &expected, point)).count();
    println!("{met} stalled while another was served");
    assert!(met > 0);
}

#[test]
fn who_publishes_second_takes_what_the_first_has_published() {
    let expected = Expected::new();
    let scene = Scene { arguments: PRESS_V4, ..SCENES[0] };
    // Before each sync of its publication: behind its look whether there is one already.
    let Some(syncs) = scene.points("fsync") else { return };
    let met = syncs.iter().filter(|sync| holds_nobody_up(&scene, &expected, sync)).count();
    println!("{met} of {} stalled while another published", syncs.len());
    assert!(met > 0);
}

/// Stalls the program in a call while another obtains a rendition; whether it was still in it then.
fn holds_nobody_up(scene: &Scene, expected: &Expected, (call, count): &(String, u32)) -> bool {
    let what = format!("{call} number {count}");
    let folder = scene.folder();
    let at = folder.path();
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:delay_enter=2s:when={count}"));
    let mut child = scene.traced(at, &["-e", &trace, "-e", &inject]).unwrap();
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(Duration::from_millis(200)); // to get there
    // Another gets what it wants: from the store, or past it while this one has what is locked.
    let object = obtain(at, "v4");
    let bytes = expected.objects.get(&object.key().unwrap().to_string());
    assert!(bytes.is_some_and(|bytes| object.as_ref() == bytes), "{what}");
    let met = child.try_wait().unwrap().is_none();
    assert!(child.wait().unwrap().success(), "{what}");
    scene.assert_sound(at, expected, &what);
    met
}

#[test]
fn what_is_published_during_a_count_is_counted_once() {
    let scene = Scene { arguments: &["cache", "stat"], ..SCENES[0] };
    let folder = scene.folder();
    let at = folder.path();
    let mut counting = None;
    obtain_after(at, "v4", || {
        // No books: whoever locks them next counts. Held up behind its look at the partials.
        let _ = fs::remove_file(at.join("store/v1/ledger.json"));
        let slowly = ["-e", "trace=getdents64", "-e", "inject=getdents64:delay_enter=200ms"];
        let Some(mut stat) = scene.traced(at, &slowly) else { return };
        let stat = counting.insert(stat.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let looked = |line: &str| line.contains("/partials>") && line.trim_end().ends_with("= 0 (DELAYED)");
        while stat.try_wait().unwrap().is_none()
            && !fs::read_to_string(at.join("trace")).is_ok_and(|trace| trace.lines().any(looked))
        {
            thread::sleep(Duration::from_millis(10));
        }
    });
    let Some(counting) = counting else { return };
    let output = counting.wait_with_output().unwrap();
    if may_trace(&output) {
        assert!(output.status.success());
        assert_books(&open(at), at, "during a count");
    }
}

/// A rendition of the first master, in this process, which waits for nobody for long.
fn obtain(at: &Path, profile: &str) -> Object {
    obtain_after(at, profile, || ())
}

/// The same, with something done between its last byte and its publication.
fn obtain_after(at: &Path, profile: &str, before: impl FnOnce()) -> Object {
    let master = Master::open(at.join("one.oga")).unwrap();
    let plan = Plan::new(master.info(), &profile.parse().unwrap()).unwrap();
    let recipe = Recipe::new(master.id().unwrap(), *plan.resolved()).unwrap();
    let mut partial = match open(at).begin(&recipe, &plan, Fallback::Uncached).unwrap() {
        Begun::Ready(object) => return object,
        Begun::Press(partial) => partial,
    };
    let mut decoder = master.decoder().unwrap();
    let mut pcm = Pcm::default();
    for index in 0..plan.segments() {
        let (mut encoder, mut bytes) = (SegmentEncoder::new(&plan, index).unwrap(), Vec::new());
        decoder.read(encoder.wanted(), &mut pcm).unwrap();
        encoder.push(&pcm, &mut bytes).unwrap();
        encoder.finish(&mut bytes).unwrap();
        partial.write_segment(index, &bytes, true).unwrap();
    }
    before();
    partial.publish().unwrap()
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
