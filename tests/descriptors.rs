//! A catalogue of opened masters: more of them than the process may have descriptors, each in little memory.
//!
//! Both need a process of their own: this program starts itself, with few descriptors.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // whatever goes wrong fails the test; figures are for people

mod common;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use common::{bits, decode_all, ffmpeg, run, tool};
use tonepress::Error;
use tonepress::master::Master;
use tonepress::pcm::Pcm;

const CHILD: &str = "TONEPRESS_TEST_DESCRIPTORS";
const KINDS: [&str; 6] =
    ["short-24-96.flac", "short.oga", "short-5.1.wav", "short.aiff", "short.m4a", "short.caf"];
const MASTERS: usize = 10_000;
const LONG_MASTERS: usize = 1_000;
const THREADS: usize = 4;

/// Runs the named test again, in a process that may have 256 descriptors; true in that process.
fn is_child(test: &str) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    shell.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, "1");
    assert!(shell.status().unwrap().success());
    false
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// Copies the named masters into `folder` and gives `count` names of them, turn by turn.
fn catalogue(folder: &Path, kinds: &[&str], count: usize) -> Vec<PathBuf> {
    for kind in kinds {
        fs::copy(testdata(kind), folder.join(kind)).unwrap();
    }
    (0..count)
        .map(|number| {
            let path = folder.join(format!("{number}"));
            fs::hard_link(folder.join(kinds[number % kinds.len()]), &path).unwrap();
            path
        })
        .collect()
}

fn open(paths: &[PathBuf]) -> Vec<Master> {
    paths.iter().map(|path| Master::open(path).unwrap()).collect()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

#[test]
fn ten_thousand_masters_are_read_with_256_descriptors() {
    if !is_child("ten_thousand_masters_are_read_with_256_descriptors") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let masters = open(&catalogue(folder.path(), &KINDS, MASTERS));
    assert!(descriptors() < 100, "{}", descriptors());
    let want = KINDS.map(|kind| bits(&decode_all(&Master::open(testdata(kind)).unwrap())));
    thread::scope(|scope| {
        for first in 0..THREADS {
            let (masters, want) = (&masters, &want);
            scope.spawn(move || {
                // Every thread another part, and all of them those that are read all the time.
                for number in (first..MASTERS).step_by(THREADS) {
                    for number in [number, number % 12] {
                        let mut pcm = Pcm::default();
                        masters[number].decoder().unwrap().read(100..200, &mut pcm).unwrap();
                        let want = &want[number % KINDS.len()];
                        let got = bits(&pcm);
                        assert!(
                            got.iter().zip(want).all(|(got, want)| got[..] == want[100..200]),
                            "{number}"
                        );
                    }
                }
            });
        }
    });
    assert!(descriptors() < 100, "{}", descriptors());
}

#[test]
fn a_closed_file_that_is_another_by_now_is_noticed() {
    if !is_child("a_closed_file_that_is_another_by_now_is_noticed") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let paths = catalogue(folder.path(), &["short.aiff"], 300);
    let copy = |path: &Path| {
        fs::remove_file(path).unwrap();
        fs::copy(testdata("short.aiff"), path).unwrap();
    };
    copy(&paths[1]);
    let masters = open(&paths);
    let read =
        |number: usize| masters[number].decoder().and_then(|mut it| it.read(0..100, &mut Pcm::default()));

    copy(&paths[0]); // the same bytes, but another file
    File::options().append(true).open(&paths[1]).unwrap().set_len(1_000).unwrap();
    fs::remove_file(&paths[2]).unwrap();
    for number in [0, 1] {
        assert!(matches!(read(number), Err(Error::Changed { .. })), "{number}: {:?}", read(number));
        assert!(matches!(masters[number].unchanged(), Err(Error::Changed { .. })));
        assert!(matches!(masters[number].id(), Err(Error::Changed { .. })));
    }
    assert!(matches!(read(2), Err(Error::Io { .. })), "{:?}", read(2));
    read(3).unwrap();
    // The one that was opened last is open still, and read on as it was.
    fs::remove_file(&paths[299]).unwrap();
    read(299).unwrap();

    // Without a descriptor left the pool gives up its own.
    let mut others = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        others.push(file);
    }
    read(4).unwrap();
    drop(others);
    // What is dropped is closed.
    drop(masters);
    assert!(descriptors() < 20, "{}", descriptors());
}

#[test]
fn an_idle_master_takes_less_than_four_kilobytes() {
    if !is_child("an_idle_master_takes_less_than_four_kilobytes") {
        return;
    }
    // All are kept, or the next ones would take the memory of those before.
    let mut kept = Vec::new();
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let paths = catalogue(folder.path(), &[kind], MASTERS);
        kept.push(open(&paths[..100])); // what is taken once
        let before = resident();
        kept.push(open(&paths));
        let each = resident().saturating_sub(before) / MASTERS as u64;
        println!("{kind}: {each} bytes for each idle master");
        assert!((100..4_096).contains(&each), "{kind}: {each} bytes");
    }
}

/// The table of packets of a track of an hour has 10,000 entries: it is not kept.
#[test]
fn an_idle_master_of_many_packets_takes_as_little() {
    if !is_child("an_idle_master_of_many_packets_takes_as_little") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(mut made) = tool("ffmpeg") else { return };
    let long = folder.path().join("long.m4a");
    let silence =
        ["-nostdin", "-v", "error", "-f", "lavfi", "-i", "anullsrc=r=44100:cl=stereo:d=900", "-c:a", "alac"];
    run(made.args(silence).arg(&long));
    let mut kept = Vec::new();
    for (name, arguments) in [
        ("long.m4a", &[][..]),
        ("long.caf", &["-c:a", "copy"]),
        (
            "fragments.mp4",
            &["-c:a", "copy", "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "10000000"],
        ),
    ] {
        let path = folder.path().join(name);
        if !arguments.is_empty() {
            ffmpeg(&long, arguments, &path);
        }
        let paths: Vec<_> =
            (0..LONG_MASTERS).map(|number| folder.path().join(format!("{name}.{number}"))).collect();
        for link in &paths {
            fs::hard_link(&path, link).unwrap();
        }
        kept.push(open(&paths[..100]));
        let before = resident();
        let masters = open(&paths);
        let each = resident().saturating_sub(before) / LONG_MASTERS as u64;
        println!("{name}: {each} bytes for each idle master");
        assert!(each < 4_096, "{name}: {each} bytes");
        // And is there again for whoever reads, and gone afterwards.
        for master in &masters {
            let mut pcm = Pcm::default();
            master.decoder().unwrap().read(30_000_000..30_000_100, &mut pcm).unwrap();
            assert!(pcm.planes().flatten().all(|&sample| sample == 0.0));
        }
        let each = resident().saturating_sub(before) / LONG_MASTERS as u64;
        assert!(each < 4_096, "{name}: {each} bytes after a look");
        kept.push(masters);
    }
}
