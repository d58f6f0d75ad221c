//! What a store and an engine tell by `tracing`: what docs/engine.md lists, each thing once.
//!
//! A program has one subscriber, so this is one test.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::fmt::{Debug, Write as _};
use std::fs::{self, File, Permissions};
use std::mem;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use common::memory::music;
use common::renditions::Rendition;
use tonepress::engine::Shutdown;
use tonepress::store::{Begun, Fallback, Options, Scrub};
use tonepress::{Engine, Profile};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The events since they were looked at last, each as `LEVEL message field=value …`.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Recorder;

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("tonepress") && *metadata.level() <= Level::DEBUG
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let told = format!("{} {}{}", event.metadata().level(), text.message, text.fields);
        TOLD.lock().unwrap().push(told);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => write!(self.fields, " {name}={value:?}").unwrap(),
        }
    }
}

fn told() -> Vec<String> {
    mem::take(&mut *TOLD.lock().unwrap())
}

/// How often there was an event of this level and message.
fn count(told: &[String], event: &str) -> usize {
    told.iter().filter(|told| told.starts_with(event)).count()
}

fn lock(root: &Path) -> File {
    let file = File::open(root.join("v1/ledger.lock")).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn each_thing_is_told_once() {
    tracing::subscriber::set_global_default(Recorder).unwrap();
    let root = tempfile::tempdir().unwrap();
    let options = Options::new(root.path()).spill(root.path()).wait(Duration::from_millis(200));
    let (one, two) = (Rendition::small(1), Rendition::small(2));
    let (key, bytes) = (one.recipe.key(), one.bytes().len());
    let too_big = Rendition::new(3, "160:rate=22050:q=7", 22_050, 545_000);

    // Room for one of the small ones.
    let store = options.clone().max_bytes(150_000).open().unwrap();
    one.obtain(&store, Fallback::Refuse).unwrap();
    assert_eq!(told(), [format!("DEBUG miss key={key}"), format!("DEBUG published key={key} bytes={bytes}")]);
    one.obtain(&store, Fallback::Refuse).unwrap();
    assert_eq!(told(), [format!("DEBUG hit key={key} bytes={bytes}")]);
    two.obtain(&store, Fallback::Refuse).unwrap();
    let events = told();
    assert_eq!(count(&events, &format!("DEBUG evicted key={key} bytes={bytes}")), 1, "{events:?}");
    assert_eq!(events.len(), 3, "{events:?}");
    let (key, bytes) = (two.recipe.key(), two.bytes().len());
    fs::set_permissions(store.path(&key), Permissions::from_mode(0o644)).unwrap();
    fs::write(store.path(&key), vec![7; bytes]).unwrap();
    store.verify(&Scrub::default(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(told(), [format!("DEBUG quarantined key={key} bytes={bytes}")]);

    // Why it keeps nothing is told once for each kind of reason, and again after it has kept something.
    let uncached = |rendition: &Rendition| {
        let Begun::Press(mut partial) =
            store.begin(&rendition.recipe, &rendition.plan, Fallback::Uncached).unwrap()
        else {
            panic!("it is there")
        };
        assert!(!partial.is_stored());
        rendition.write(&mut partial).unwrap();
        assert!(partial.publish().unwrap().path().is_none());
    };
    uncached(&too_big);
    uncached(&too_big);
    let events = told();
    assert_eq!(count(&events, "WARN renditions are not kept store="), 1, "{events:?}");
    assert_eq!(count(&events, "DEBUG published"), 0, "{events:?}");
    assert!(events.iter().any(|event| event.contains("no room for")), "{events:?}");
    let locked = lock(root.path());
    uncached(&one);
    uncached(&one);
    let events = told();
    assert_eq!(count(&events, "WARN renditions are not kept store="), 1, "{events:?}");
    drop(locked);
    // Also where it shows only when the master is identified.
    let mut partial = store.begin_unidentified(&one.plan, Fallback::Uncached).unwrap();
    one.write(&mut partial).unwrap();
    partial.identify(&one.recipe).unwrap();
    assert!(partial.publish().unwrap().path().is_some());
    assert_eq!(count(&told(), "INFO renditions are kept again store="), 1);
    let mut partial = store.begin_unidentified(&two.plan, Fallback::Uncached).unwrap();
    let locked = lock(root.path());
    partial.identify(&two.recipe).unwrap();
    assert_eq!(count(&told(), "WARN renditions are not kept store="), 1);
    drop((partial, locked, store));

    // An engine says the same, counts, and has no more to say than its store.
    let store = options.open().unwrap();
    let engine = Engine::builder().store(store.clone()).build().unwrap();
    let master = music(22_050, 1, 30 * 22_050);
    let press = |profile: &str| {
        let rendition = engine.request(&master, &profile.parse::<Profile>().unwrap()).unwrap();
        rendition.wait().unwrap()
    };
    let locked = lock(root.path());
    for profile in ["24:q=7", "32:q=7"] {
        assert!(press(profile).path().is_none());
    }
    drop(locked);
    let events = told();
    assert_eq!(count(&events, "WARN renditions are not kept store="), 1, "{events:?}");
    assert_eq!(count(&events, "DEBUG miss"), 2, "{events:?}");
    assert!(press("24:q=7").path().is_some());
    let stored = press("24:q=7");
    let (key, bytes) = (stored.key().unwrap(), stored.len());
    assert_eq!(
        told(),
        [
            format!("DEBUG miss key={key} bytes={bytes}"),
            format!("DEBUG published key={key} bytes={bytes}"),
            format!("INFO renditions are kept again store={:?}", root.path().display().to_string()),
            format!("DEBUG hit key={key} bytes={bytes}"),
        ]
    );
    engine.shutdown(Shutdown::Finish);
    let stats = engine.stats();
    assert_eq!((stats.misses, stats.hits, stats.finished, stats.uncached), (3, 1, 3, 2), "{stats:?}");
}
