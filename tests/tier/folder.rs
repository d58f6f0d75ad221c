//! A tier in a folder: what needs no server.

use std::fs;
use std::path::Path;

use tonepress::ReadAt;
use tonepress::engine::{Origin, Priority, Shutdown};
use tonepress::store::{Access, Key, Options, TierOptions, Uploads};

use crate::scene::{engine, expected, fill, master, profile, slow_engine, soon, stats};

fn url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

fn object(tier: &Path, key: &Key) -> std::path::PathBuf {
    let key = key.to_string();
    tier.join("v1/objects").join(&key[..2]).join(format!("{key}.mp3"))
}

#[test]
fn what_one_node_has_pressed_another_has_without_pressing() {
    for text in ["320", "v2"] {
        let tier = tempfile::tempdir().unwrap();
        let url = url(tier.path());
        let key = fill(&url, text);
        assert_eq!(fs::read(object(tier.path(), &key)).unwrap(), expected(text));

        let local = tempfile::tempdir().unwrap();
        let node = slow_engine(local.path(), &url, Access::Read);
        let rendition = node.request(&master(), &profile(text)).unwrap();
        let object = rendition.wait().unwrap();
        assert_eq!(object.as_ref(), expected(text));
        assert_eq!(rendition.origin(), Some(Origin::Fetched));
        assert!(object.path().is_some(), "it is in the store now");
        let stats = stats(&node);
        assert_eq!((stats.hits, stats.wrong, stats.failures), (1, 0, 0), "{stats:?}");
        assert!(node.stats().segments < rendition.plan().segments() || text == "v2");
        assert!(node.request(&master(), &profile(text)).unwrap().was_stored());
    }
}

#[test]
fn a_range_comes_without_the_rest() {
    let tier = tempfile::tempdir().unwrap();
    let url = url(tier.path());
    fill(&url, "320");
    let expected = expected("320");
    let local = tempfile::tempdir().unwrap();
    let node = slow_engine(local.path(), &url, Access::Read);
    let mut end = vec![0; 50_000];
    let at = expected.len() - end.len();
    let range = at as u64..expected.len() as u64;
    let rendition = node.request_range(&master(), &profile("320"), range, Priority::Customer).unwrap();
    let mut read = 0;
    while read < end.len() {
        read += rendition.read_at(&mut end[read..], (at + read) as u64).unwrap();
    }
    assert!(end == expected[at..]);
    let fetched = stats(&node);
    assert!(fetched.requests <= 1 && fetched.bytes_fetched < expected.len() as u64 * 2 / 3, "{fetched:?}");
    // Somebody wants the rest after all.
    assert!(node.request(&master(), &profile("320")).unwrap().wait().unwrap().as_ref() == expected);
}

#[test]
fn uploads_may_come_first() {
    let (tier, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = TierOptions::new(url(tier.path())).uploads(Uploads::First);
    let store = Options::new(local.path()).tier(options).open().unwrap();
    let node = tonepress::Engine::builder().store(store).build().unwrap();
    let key = node.request(&master(), &profile("64")).unwrap().wait().unwrap().key().unwrap();
    assert!(object(tier.path(), &key).is_file());
}

#[test]
fn a_tier_may_be_used_and_dropped_within_somebodys_runtime() {
    let (tier, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let node = engine(local.path(), &url(tier.path()), Access::ReadWrite);
        node.request(&master(), &profile("64")).unwrap().wait().unwrap();
        node.shutdown(Shutdown::Finish);
        assert_eq!(stats(&node).uploads, 1);
        drop(node);
    });
}

#[test]
fn nothing_wrong_is_ever_served_and_it_is_replaced() {
    for text in ["320", "v2"] {
        let good = expected(text);
        let flip = |at: usize| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            bytes
        };
        let cut = good[..good.len() / 2].to_vec();
        let long = [&good[..], &[0]].concat();
        for (what, bytes) in [
            ("first byte", flip(0)),
            ("middle", flip(good.len() / 2)),
            ("last byte", flip(good.len() - 1)),
            ("cut off", cut),
            ("too long", long),
            ("empty", Vec::new()),
        ] {
            let tier = tempfile::tempdir().unwrap();
            let url = url(tier.path());
            let key = fill(&url, text);
            let place = object(tier.path(), &key);
            fs::write(&place, bytes).unwrap();
            let local = tempfile::tempdir().unwrap();
            let node = engine(local.path(), &url, Access::ReadWrite);
            let rendition = node.request(&master(), &profile(text)).unwrap();
            assert!(rendition.wait().unwrap().as_ref() == good, "{text}, {what}");
            // The fetch may have been stopped before it came to what is wrong.
            if stats(&node).wrong > 0 {
                soon(what, || fs::read(&place).unwrap() == good);
            }
        }
    }
}

#[test]
fn facts_that_lie_are_not_believed() {
    let tier = tempfile::tempdir().unwrap();
    let url = url(tier.path());
    let key = fill(&url, "320");
    let other = fill(&url, "256");
    let (mine, theirs) = (object(tier.path(), &key), object(tier.path(), &other));
    // Another rendition's bytes and facts, consistent in themselves.
    fs::copy(&theirs, &mine).unwrap();
    fs::copy(theirs.with_extension("json"), mine.with_extension("json")).unwrap();
    let local = tempfile::tempdir().unwrap();
    let node = slow_engine(local.path(), &url, Access::Read);
    let rendition = node.request(&master(), &profile("320")).unwrap();
    assert!(rendition.wait().unwrap().as_ref() == expected("320"));
    assert_eq!(rendition.origin(), Some(Origin::Pressed));
    assert_eq!((stats(&node).hits, stats(&node).wrong), (0, 1));
}

#[test]
fn older_builds_renditions_are_served_until_prewarming_replaces_them() {
    use tonepress::rendition::fingerprint::Fingerprint;
    use tonepress::store::Recipe;
    // A rendition of another build: the same bytes under another key.
    let older = Fingerprint::from_bytes([7; 32]);
    let local = tempfile::tempdir().unwrap();
    let store = Options::new(local.path()).accept([older]).open().unwrap();
    let node = tonepress::Engine::builder().store(store.clone()).build().unwrap();
    let (master, profile) = (master(), profile("128"));
    let id = master.id().unwrap();
    let plan = node.plan(&master, &profile).unwrap();
    let recipe = Recipe::new(id, *plan.resolved()).unwrap();
    let aged = Recipe { fingerprint: older, ..recipe };
    let tonepress::store::Begun::Press(mut partial) =
        store.begin(&aged, &plan, tonepress::store::Fallback::Refuse).unwrap()
    else {
        panic!("nobody has pressed it")
    };
    let bytes = expected("128");
    for index in 0..plan.segments() {
        let range = plan.segment_bytes(index).unwrap();
        partial.write_segment(index, &bytes[range.start as usize..range.end as usize], true).unwrap();
    }
    partial.publish().unwrap();

    let served = node.request(&master, &profile).unwrap();
    assert!(served.was_stored());
    assert_eq!(served.key(), Some(aged.key()), "under its own name");
    let warmed = node.prewarm(&master, &[profile]).remove(0).unwrap();
    assert!(!warmed.was_stored());
    warmed.wait().unwrap();
    assert_eq!(node.request(&master, &profile).unwrap().key(), Some(recipe.key()));
}
