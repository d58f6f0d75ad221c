//! Masters in object storage.

use std::path::Path;

use tonepress::Error;
use tonepress::master::{Master, MasterSource, ObjectSource};
use tonepress::store::Access;

use crate::common::{decode_all, frames_in, press::wav, signal::Music};
use crate::scene::store;

fn music(seconds: u64) -> Vec<u8> {
    wav(&Music::new(44_100, seconds * 44_100), 44_100, 2, seconds * 44_100)
}

#[test]
fn a_file_is_read_as_an_object() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = music(30);
    std::fs::write(folder.path().join("a.wav"), &bytes).unwrap();
    let url = format!("file://{}/a.wav", folder.path().display());
    let source = ObjectSource::open(&url).unwrap();
    assert_eq!(source.len().unwrap(), bytes.len() as u64);
    // From the end to the start, across the borders of blocks.
    let mut at = bytes.len();
    while at > 0 {
        let start = at.saturating_sub(100_001);
        let mut buf = vec![0; at - start];
        let mut filled = 0;
        while filled < buf.len() {
            match source.read_at(&mut buf[filled..], (start + filled) as u64) {
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert!(buf == bytes[start..at]);
        at = start;
    }
    let (object, file) = (Master::open(&url).unwrap(), Master::open(folder.path().join("a.wav")).unwrap());
    assert_eq!(object.id().unwrap(), file.id().unwrap());
    assert_eq!(decode_all(&object).plane(0), decode_all(&file).plane(0));
    assert!(matches!(Master::open(format!("{url}x")), Err(Error::Io { .. })));
}

#[test]
fn a_replaced_master_is_an_error_and_never_a_mixture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    std::fs::write(&path, music(30)).unwrap();
    let master = Master::open(format!("file://{}", path.display())).unwrap();
    std::fs::write(&path, music(31)).unwrap();
    assert!(matches!(master.id(), Err(Error::Changed { .. })));
}

#[test]
fn the_index_knows_an_object_again() {
    let (masters, tier) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(masters.path().join("a.wav"), music(10)).unwrap();
    let url = format!("file://{}/a.wav", masters.path().display());
    let tier_url = format!("file://{}", tier.path().display());
    let open = |folder: &Path| store(folder, &tier_url, Access::ReadWrite);
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(first.path());
    let master = Master::open(&url).unwrap();
    let id = store.masters().identify(&master).unwrap();
    assert_eq!(store.masters().recall(&Master::open(&url).unwrap()).unwrap(), Some(id));
    crate::scene::soon("the tier has the record", || tier.path().join("v1/masters").is_dir());
    // Another machine asks the tier, and need not read the master.
    let other = open(second.path());
    let fresh = Master::open(&url).unwrap();
    assert_eq!(other.masters().recall(&fresh).unwrap(), None, "not known here");
    assert_eq!(other.masters().identify(&fresh).unwrap(), id);
}

#[test]
fn names_are_taken_to_the_letter() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = music(1);
    std::fs::create_dir(folder.path().join("100% [1]")).unwrap();
    std::fs::write(folder.path().join(NAME), &bytes).unwrap();
    let url = format!("file://{}", folder.path().display());
    let listed = ObjectSource::list(&url).unwrap();
    assert_eq!(listed, [(format!("{url}/{NAME}"), bytes.len() as u64)]);
    Master::open(&listed[0].0).unwrap();
}

/// What URLs, paths and patterns have other uses for.
const NAME: &str = "100% [1]/#2 ~ {\u{e4}} *^'\" & c.wav";

#[cfg(feature = "aws")]
#[test]
fn names_on_servers_are_taken_to_the_letter() {
    crate::server::with_each("names", |server| {
        let bytes = music(1);
        server.put(&format!("names/folder/{NAME}"), &bytes);
        let url = server.url("names/folder");
        let listed = ObjectSource::list(&url).unwrap();
        let there = server.url(&format!("names/folder/{NAME}"));
        assert_eq!(listed, [(there, bytes.len() as u64)], "{}", server.name);
        let master = Master::open(&listed[0].0).unwrap();
        assert_eq!(master.name(), format!("s3://names/folder/{NAME}"));
    });
}

/// Workers press several segments of a master at once: each of them is read ahead of.
#[cfg(feature = "aws")]
#[test]
fn several_who_read_at_once_take_few_requests_too() {
    use crate::proxy::{Fate, Proxy};

    crate::server::with_each("readers-at-once", |server| {
        let bytes = music(90);
        server.put("readers-at-once/a.wav", &bytes);
        let proxy = Proxy::new(server.port, |_| Fate::Pass);
        let source = ObjectSource::open(&server.url_through(proxy.port, "readers-at-once/a.wav")).unwrap();
        let mut places: Vec<usize> = (0..4).map(|reader| bytes.len() / 4 * reader).collect();
        let ends: Vec<usize> = places.iter().map(|place| place + bytes.len() / 4).collect();
        let mut buf = vec![0; 40_000];
        while places != ends {
            for (place, end) in places.iter_mut().zip(&ends) {
                let len = buf.len().min(end - *place);
                let read = source.read_at(&mut buf[..len], *place as u64).unwrap();
                assert!(buf[..read] == bytes[*place..][..read]);
                *place += read;
            }
        }
        let blocks = bytes.len() / (256 << 10);
        assert!(proxy.seen().len() <= blocks / 2, "{} requests for {blocks} blocks", proxy.seen().len());
    });
}

#[cfg(feature = "aws")]
#[test]
fn masters_on_servers_are_those_of_files_and_take_few_requests() {
    use std::sync::Arc;

    use crate::proxy::{Fate, Proxy};

    crate::server::with_each("masters", |server| {
        let bytes = music(60);
        server.put("masters/a.wav", &bytes);
        let proxy = Proxy::new(server.port, |_| Fate::Pass);
        let source = ObjectSource::open(&server.url_through(proxy.port, "masters/a.wav")).unwrap();
        let master = Master::from_source("a.wav", Arc::new(source)).unwrap();
        assert!(proxy.seen().len() <= 3, "to open: {:?}", proxy.seen());
        let local = Master::from_source("a.wav", {
            let folder = tempfile::tempdir().unwrap().keep();
            std::fs::write(folder.join("a.wav"), &bytes).unwrap();
            Arc::new(tonepress::master::FileSource::open(&folder.join("a.wav")).unwrap())
        });
        assert_eq!(master.id().unwrap(), local.unwrap().id().unwrap());
        let requests = proxy.seen().len();
        assert!(requests <= 20, "{requests} to hash {} blocks", bytes.len() / (256 << 10));
        // Replaced while it is open.
        let other = Master::open(server.url("masters/a.wav")).unwrap();
        server.put("masters/a.wav", &music(61));
        assert!(matches!(other.id(), Err(Error::Changed { .. })), "{}", server.name);
    });
}

/// FLAC of two minutes between music and noise.
fn flac() -> Option<Vec<u8>> {
    use crate::common::write::{pcm_le, samples};
    let mut flac = crate::common::tool("flac")?;
    let folder = tempfile::tempdir().unwrap();
    let (raw, path) = (folder.path().join("it.raw"), folder.path().join("it.flac"));
    std::fs::write(&raw, pcm_le(&samples(120 * 44_100, 2, 16), 16)).unwrap();
    flac.args(["-s", "-f", "-5", "--force-raw-format", "--endian=little", "--sign=signed", "--bps=16"]);
    crate::common::run(flac.args(["--channels=2", "--sample-rate=44100"]).arg(&raw).arg("-o").arg(&path));
    Some(std::fs::read(path).unwrap())
}

/// Samples in the middle of a master, and near its end.
const PLACES: [u64; 2] = [60 * 44_100, 110 * 44_100 + 7];

fn samples_at(decoder: &mut tonepress::master::Decoder, at: u64) -> Vec<Vec<u32>> {
    let mut pcm = tonepress::pcm::Pcm::default();
    decoder.read(at..at + 1_000, &mut pcm).unwrap();
    crate::common::bits(&pcm)
}

#[cfg(feature = "aws")]
#[test]
fn what_one_node_has_hashed_another_finds_ranges_in() {
    use crate::proxy::{Fate, Proxy};

    let Some(bytes) = flac() else { return };
    crate::server::with_each("frames", |server| {
        server.put("frames/a.flac", &bytes);
        let proxy = Proxy::new(server.port, |_| Fate::Pass);
        let url = server.url_through(proxy.port, "frames/a.flac");
        let tier = server.url("frames/tier");
        let node = |folder: &Path| store(folder, &tier, Access::ReadWrite);
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = node(first.path());
        let master = Master::open(&url).unwrap();
        let id = store.masters().identify(&master).unwrap();
        let want = PLACES.map(|at| samples_at(&mut master.decoder().unwrap(), at));

        let other = node(second.path());
        crate::scene::soon("the tier has the record", || {
            let fresh = Master::open(&url).unwrap();
            proxy.forget();
            other.masters().identify(&fresh).unwrap() == id && proxy.seen().is_empty()
        });
        for (at, want) in PLACES.into_iter().zip(want) {
            // Opened anew, so that nothing of it is in memory but its first block.
            let fresh = Master::open(&url).unwrap();
            assert_eq!(other.masters().recall(&fresh).unwrap(), Some(id));
            let mut decoder = other.masters().decoder(&fresh).unwrap();
            proxy.forget();
            assert_eq!(samples_at(&mut decoder, at), want);
            let blocks: usize = proxy.seen().iter().map(|seen| seen.body.div_ceil(256 << 10)).sum();
            let plain = Master::open(&url).unwrap();
            proxy.forget();
            samples_at(&mut plain.decoder().unwrap(), at);
            let without: usize = proxy.seen().iter().map(|seen| seen.body.div_ceil(256 << 10)).sum();
            println!("{} at {at}: {blocks} blocks, without an index {without}", server.name);
            assert!(blocks <= 2, "{}: {:?}", server.name, proxy.seen());
        }
    });
}

#[test]
fn what_the_tier_says_wrongly_of_frames_costs_time_and_nothing_else() {
    let Some(bytes) = flac() else { return };
    let (masters, tier) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(masters.path().join("a.flac"), &bytes).unwrap();
    let url = format!("file://{}/a.flac", masters.path().display());
    let tier_url = format!("file://{}", tier.path().display());
    let node = |folder: &Path| store(folder, &tier_url, Access::ReadWrite);
    let first = tempfile::tempdir().unwrap();
    let master = Master::open(&url).unwrap();
    let id = node(first.path()).masters().identify(&master).unwrap();
    let want = PLACES.map(|at| samples_at(&mut master.decoder().unwrap(), at));
    let folder = tier.path().join("v1/masters");
    let whole = || {
        let record = std::fs::read_dir(&folder).ok()?.next()?.ok()?.path();
        let text = std::fs::read_to_string(&record).ok()?;
        text.trim_end().ends_with('}').then_some((record, text))
    };
    crate::scene::soon("the tier has the record", || whole().is_some());
    let (record, good) = whole().unwrap();
    let [before, text, behind] = frames_in(&good);
    let replaced = |text: &str| [before, text, behind].concat();
    for bad in [
        replaced(&format!("{}AB{}", &text[..8], &text[10..])),
        replaced(&text.chars().rev().collect::<String>().replace('=', "A")),
        replaced("!"),
        replaced(&"AA".repeat(200_000)),
        good[..good.len() / 2].to_owned(),
    ] {
        std::fs::write(&record, bad).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = node(folder.path());
        let fresh = Master::open(&url).unwrap();
        assert_eq!(store.masters().identify(&fresh).unwrap(), id);
        for (at, want) in PLACES.iter().zip(&want) {
            assert_eq!(samples_at(&mut store.masters().decoder(&fresh).unwrap(), *at), *want, "{at}");
        }
    }
}
