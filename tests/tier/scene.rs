//! A master, engines with a store of their own and a tier, and what renditions should be.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tonepress::engine::Origin;
use tonepress::master::Master;
use tonepress::store::{Access, Kept, Key, Object, Options, TierOptions, TierStats};
use tonepress::{Engine, Profile, Store};

use crate::common::memory;

/// A minute of music: three segments, 2.4 MB at 320 kbps.
pub fn master() -> Master {
    static MASTER: LazyLock<Master> = LazyLock::new(|| memory::music(44_100, 2, 60 * 44_100));
    MASTER.clone()
}

pub fn profile(text: &str) -> Profile {
    text.parse().unwrap()
}

/// What is pressed without any tier.
pub fn expected(text: &str) -> Vec<u8> {
    static KNOWN: LazyLock<std::sync::Mutex<std::collections::HashMap<String, Vec<u8>>>> =
        LazyLock::new(Default::default);
    let mut known = KNOWN.lock().unwrap();
    let press = || {
        let engine = Engine::builder().build().unwrap();
        engine.request(&master(), &profile(text)).unwrap().wait().unwrap().as_ref().to_vec()
    };
    known.entry(text.to_owned()).or_insert_with(press).clone()
}

/// A new store in `folder`, and the tier at `url`.
pub fn store(folder: &Path, url: &str, access: Access) -> Store {
    Options::new(folder).tier(TierOptions::new(url).access(access)).open().unwrap()
}

/// An engine with a new store in `folder`, and the tier at `url`.
pub fn engine(folder: &Path, url: &str, access: Access) -> Engine {
    Engine::builder().store(store(folder, url, access)).build().unwrap()
}

/// The same, that presses on one thread, so that a tier has a chance to come first.
pub fn slow_engine(folder: &Path, url: &str, access: Access) -> Engine {
    Engine::builder().store(store(folder, url, access)).threads(NonZeroUsize::MIN).build().unwrap()
}

pub fn stats(engine: &Engine) -> TierStats {
    engine.store().unwrap().tier_stats().unwrap()
}

/// Waits for what happens behind everybody's back.
pub fn soon(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Presses `text` into the tier at `url`.
pub fn fill(url: &str, text: &str) -> Key {
    fill_with(url, &master(), text).key().unwrap()
}

pub fn fill_with(url: &str, master: &Master, text: &str) -> Object {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path(), url, Access::Write);
    let object = engine.request(master, &profile(text)).unwrap().wait().unwrap();
    assert!(engine.store().unwrap().finish_uploads(Duration::from_secs(60)));
    assert_eq!(stats(&engine).uploads + stats(&engine).uploads_present, 1, "{:?}", stats(&engine));
    object
}

/// Presses `text` into the tier at `url`, has a new engine with a store in `folder` fetch it from there, and looks at what the tier
/// has. Gives that engine, and what its keeper says.
pub fn go_round(name: &str, folder: &Path, url: &str, access: Access, text: &str) -> (Engine, Kept) {
    let key = fill(url, text);
    let node = slow_engine(folder, url, access);
    let rendition = node.request(&master(), &profile(text)).unwrap();
    let object = rendition.wait().unwrap();
    assert!(object.as_ref() == expected(text), "{name} {text}");
    assert_eq!(rendition.origin(), Some(Origin::Fetched), "{name} {text} {:?}", stats(&node));

    let keeper = node.store().unwrap().tier_keeper().unwrap();
    let kept = keeper.list().unwrap().into_iter().find(|kept| kept.key == key).unwrap();
    assert_eq!(kept.bytes, object.len());
    assert_eq!(keeper.sidecar(&key).unwrap().unwrap().key, key);
    assert_eq!(keeper.verify(&kept, false).unwrap().fault, None);
    drop(keeper);
    (node, kept)
}
