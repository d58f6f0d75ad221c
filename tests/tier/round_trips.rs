//! What goes into the tier on a server comes out of it.

use std::thread;
use std::time::Duration;

use tonepress::ReadAt;
use tonepress::store::Access;

use crate::proxy::{Fate, Proxy};
use crate::scene::{engine, expected, fill, go_round, master, profile, slow_engine, store};
use crate::server::with_each;

#[test]
fn renditions_go_round() {
    with_each("round", |server| {
        for text in ["320", "v2"] {
            let url = server.url("round/a/b");
            let folder = tempfile::tempdir().unwrap();
            go_round(server.name, folder.path(), &url, Access::Read, text);
        }
    });
}

#[test]
fn a_range_is_one_request_or_two() {
    with_each("range", |server| {
        let url = server.url("range");
        fill(&url, "320");
        let expected = expected("320");
        // The same server, where pressing the end is slow: the tier comes first.
        let proxy = Proxy::new(server.port, |_| Fate::Pass);
        let is_of_the_range = |_: usize| {
            let (folder, before) = (tempfile::tempdir().unwrap(), proxy.seen().len());
            let node = slow_engine(folder.path(), &server.url_through(proxy.port, "range"), Access::Read);
            let rendition = node.request(&master(), &profile("320")).unwrap();
            let mut bytes = vec![0; 1_000];
            let at = expected.len() - 1_000;
            let read = rendition.read_at(&mut bytes, at as u64).unwrap();
            assert!(bytes[..read] == expected[at..][..read]);
            drop(rendition);
            let gets = proxy.seen().split_off(before);
            assert!(gets.len() <= 2, "{gets:?}");
            let range = gets.first().and_then(|first| first.range.as_ref());
            range.is_some_and(|range| !range.starts_with("bytes=0-"))
        };
        // On a busy machine the whole may be asked for before this thread says which part it wants.
        assert!((0..10).any(is_of_the_range), "{:?}", proxy.seen());
    });
}

#[test]
fn sixteen_writers_of_the_same_agree() {
    with_each("writers", |server| {
        let url = server.url("writers");
        let folders: Vec<_> = (0..16).map(|_| tempfile::tempdir().unwrap()).collect();
        let bytes = expected("96");
        let stores: Vec<_> = folders.iter().map(|folder| store(folder.path(), &url, Access::Write)).collect();
        let master = master();
        let plan = tonepress::Plan::new(master.info(), &profile("96")).unwrap();
        let recipe = tonepress::store::Recipe::new(master.id().unwrap(), *plan.resolved()).unwrap();
        thread::scope(|scope| {
            for store in &stores {
                let (plan, recipe, bytes) = (&plan, &recipe, &bytes);
                scope.spawn(move || {
                    let begun = store.begin(recipe, plan, tonepress::store::Fallback::Refuse).unwrap();
                    let tonepress::store::Begun::Press(mut partial) = begun else { panic!("it is new") };
                    for index in 0..plan.segments() {
                        let range = plan.segment_bytes(index).unwrap();
                        let segment = &bytes[range.start as usize..range.end as usize];
                        partial.write_segment(index, segment, true).unwrap();
                    }
                    partial.publish().unwrap();
                    assert!(store.finish_uploads(Duration::from_secs(60)));
                });
            }
        });
        let sum = |count: fn(&tonepress::store::TierStats) -> u64| -> u64 {
            stores.iter().map(|store| count(&store.tier_stats().unwrap())).sum()
        };
        assert_eq!(sum(|stats| stats.uploads_failed), 0, "{}", server.name);
        assert_eq!(sum(|stats| stats.uploads), 1, "{} heeds put-if-absent", server.name);
        assert_eq!(sum(|stats| stats.uploads_present), 15);
        let folder = tempfile::tempdir().unwrap();
        let node = engine(folder.path(), &url, Access::Read);
        let keeper = node.store().unwrap().tier_keeper().unwrap();
        let kept = keeper.list().unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(keeper.verify(&kept[0], false).unwrap().fault, None);
        assert!(keeper.pull(&kept[0].key).unwrap().unwrap().as_ref() == bytes);
    });
}
