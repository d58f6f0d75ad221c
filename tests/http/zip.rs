//! Albums as ZIP files, which unzip and Python's zipfile read.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use proptest::prelude::*;
use tonepress::engine::Priority;
use tonepress::poll_bytes::PollBytes;
use tonepress::zip::{Member, Zip};
use tonepress::{Engine, Size};

use crate::common::{cases, run, tool};
use crate::{engine, long, profile, range, strings, wait};

/// Two tracks, as a store's engine presses them.
fn album(engine: &Engine) -> Zip {
    let track = |name: &str, master: tonepress::master::Master, text: &str| {
        let (engine, profile) = (engine.clone(), profile(text));
        let size = engine.plan(&master, &profile).unwrap().size().likely();
        Member::new(name, text, size, move |range| {
            Ok(Box::new(engine.request_range(&master, &profile, range, Priority::Customer)?))
        })
    };
    let members = vec![
        track("Für Elise/01 long.mp3", long(), "64"),
        track("Für Elise/02 strings.mp3", strings(), "128"),
    ];
    Zip::new(members).unwrap()
}

/// Bytes that cost nothing, and how many were read.
#[derive(Clone)]
struct Plain {
    size: u64,
    read: Arc<AtomicU64>,
}

impl PollBytes for Plain {
    fn size(&self) -> Size {
        Size::Exact(self.size)
    }

    fn poll_size(&mut self, _: &mut Context<'_>) -> Poll<tonepress::Result<u64>> {
        Poll::Ready(Ok(self.size))
    }

    fn poll_begun(&mut self, _: &mut Context<'_>, _: Range<u64>) -> Poll<tonepress::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_bytes(
        &mut self,
        _: &mut Context<'_>,
        range: Range<u64>,
    ) -> Poll<tonepress::Result<bytes::Bytes>> {
        static ZEROS: [u8; 1 << 20] = [0; 1 << 20];
        let len = (range.end.min(self.size) - range.start).min(ZEROS.len() as u64);
        self.read.fetch_add(len, Ordering::Relaxed);
        Poll::Ready(Ok(bytes::Bytes::from_static(&ZEROS[..len as usize])))
    }
}

fn plain(sizes: &[u64]) -> (Zip, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    let member = |(number, &size): (usize, &u64)| {
        let plain = Plain { size, read: Arc::clone(&read) };
        Member::new(format!("{number}.mp3"), "1", size, move |_| Ok(Box::new(plain.clone())))
    };
    (Zip::new(sizes.iter().enumerate().map(member).collect()).unwrap(), read)
}

#[test]
fn others_unpack_an_album_that_was_never_pressed() {
    let mut zip = album(&engine(2));
    let (length, etag) = (zip.len(), zip.etag());
    let whole = wait(range(&mut zip, 0..length)).unwrap();
    assert_eq!(whole.len() as u64, length);
    let again = engine(1);
    let mut again = album(&again);
    assert!(
        (again.len(), again.etag()) == (length, etag) && wait(range(&mut again, 0..length)).unwrap() == whole
    );

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("album.zip");
    fs::write(&file, &whole).unwrap();
    if let Some(mut unzip) = tool("unzip") {
        let said = String::from_utf8(run(unzip.arg("-t").arg(&file))).unwrap();
        assert!(said.contains("No errors detected"), "{said}");
        run(Command::new("unzip").arg("-q").arg(&file).current_dir(folder.path()));
        for (name, master, text) in [("01 long", long(), "64"), ("02 strings", strings(), "128")] {
            let object = engine(2).request(&master, &profile(text)).unwrap().wait().unwrap();
            assert!(
                fs::read(folder.path().join(format!("Für Elise/{name}.mp3"))).unwrap() == object.as_ref()
            );
        }
    }
    let Some(mut python) = tool("python3") else { return };
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.namelist())";
    let names = String::from_utf8(run(python.args(["-c", script]).arg(&file))).unwrap();
    assert_eq!(names.trim(), "['Für Elise/01 long.mp3', 'Für Elise/02 strings.mp3']");
}

#[test]
fn a_member_of_another_size_is_refused() {
    let plain = Plain { size: 1_001, read: Arc::default() };
    let member = Member::new("a.mp3", "1", 1_000, move |_| Ok(Box::new(plain.clone())));
    let mut zip = Zip::new(vec![member]).unwrap();
    let length = zip.len();
    let error = wait(range(&mut zip, 0..length)).unwrap_err();
    assert!(error.to_string().contains("1001 bytes instead of 1000"), "{error}");
}

#[test]
fn a_range_in_the_middle_presses_only_what_lies_there() {
    let engine = engine(2);
    let mut zip = album(&engine);
    let length = zip.len();
    // In the long track's fifth segment of eight.
    let (from, to) = (length / 3, length / 3 + 5_000);
    let some = wait(range(&mut zip, from..to)).unwrap();
    drop(zip);
    // It is let go of before it is complete.
    assert!(engine.stats().segments <= 1 && engine.stats().misses == 1, "{:?}", engine.stats());
    let whole = wait(range(&mut album(&engine), 0..length)).unwrap();
    assert!(whole[from as usize..to as usize] == some);
}

#[test]
fn resuming_anywhere_gives_the_same_file() {
    let engine = engine(2);
    let length = album(&engine).len();
    let whole = wait(range(&mut album(&engine), 0..length)).unwrap();
    // Kept, as by a store.
    let _kept = [engine.request(&long(), &profile("64")), engine.request(&strings(), &profile("128"))];
    for from in [1, 29, 60, length / 4, length * 3 / 4, length - 300, length - 100, length - 1] {
        let rest = wait(range(&mut album(&engine), from..length)).unwrap();
        assert!(rest == whole[from as usize..], "from {from} on");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(64)))]

    #[test]
    fn any_range_is_that_of_the_whole(sizes in prop::collection::vec(0..300_u64, 0..6), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let (mut zip, _) = plain(&sizes);
        let length = zip.len();
        let whole = wait(range(&mut zip, 0..length)).unwrap();
        let (a, b) = (a.index(length as usize), b.index(length as usize));
        let (from, to) = (a.min(b), a.max(b) + 1);
        let (mut zip, read) = plain(&sizes);
        prop_assert!(wait(range(&mut zip, from as u64..to as u64)).unwrap() == whole[from..to]);
        prop_assert!(read.load(Ordering::Relaxed) <= 2 * sizes.iter().sum::<u64>());
    }
}

#[test]
fn what_is_beyond_four_gigabytes_is_read_by_others() {
    let sizes = [(4 << 30) + 7, 5];
    let (mut zip, _) = plain(&sizes);
    let length = zip.len();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.zip");
    let mut file = File::create(&path).unwrap();
    // The zeros in between are a hole.
    let head = wait(range(&mut zip, 0..100)).unwrap();
    file.write_all(&head).unwrap();
    let behind = sizes[0] + 30;
    file.seek(SeekFrom::Start(behind)).unwrap();
    file.write_all(&wait(range(&mut zip, behind..length)).unwrap()).unwrap();
    drop(file);
    let Some(mut python) = tool("python3") else { return };
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); \
                  print([(i.file_size, i.header_offset) for i in z.infolist()], z.read('1.mp3'))";
    let said = String::from_utf8(run(python.args(["-c", script]).arg(&path))).unwrap();
    let second = 30 + 5 + 20 + sizes[0] + 24;
    assert_eq!(said.trim(), format!("[({}, 0), (5, {second})] b'\\x00\\x00\\x00\\x00\\x00'", sizes[0]));
    if let Some(mut unzip) = tool("unzip") {
        // The second only: to read four gigabytes of zeros takes its time.
        let said = String::from_utf8(run(unzip.arg("-t").arg(&path).arg("1.mp3"))).unwrap();
        assert!(said.contains("No errors detected"), "{said}");
    }
}

#[test]
fn the_tag_of_a_zip_changes_with_what_is_in_it() {
    let etag = |name: &str, tag: &str, size| {
        let plain = Plain { size, read: Arc::default() };
        Zip::new(vec![Member::new(name, tag, size, move |_| Ok(Box::new(plain.clone())))]).unwrap().etag()
    };
    let first = etag("a", "1", 5);
    assert!(first.starts_with('"') && first == etag("a", "1", 5));
    for other in [etag("b", "1", 5), etag("a", "2", 5), etag("a", "1", 6), etag("a1", "", 5)] {
        assert_ne!(first, other);
    }
}
