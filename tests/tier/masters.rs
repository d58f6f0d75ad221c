//! Masters in object storage.

use tonepress::Error;
use tonepress::master::{Master, MasterSource, ObjectSource};

use crate::common::{decode_all, press::wav, signal::Music};

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
    use tonepress::store::{Options, TierOptions};
    let (masters, tier) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(masters.path().join("a.wav"), music(10)).unwrap();
    let url = format!("file://{}/a.wav", masters.path().display());
    let tier_url = format!("file://{}", tier.path().display());
    let open =
        |folder: &std::path::Path| Options::new(folder).tier(TierOptions::new(&tier_url)).open().unwrap();
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
