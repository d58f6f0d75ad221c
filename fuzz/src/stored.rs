//! A store with one rendition, whose files are replaced by what the fuzzer makes.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use tonepress::master::Layout;
use tonepress::pcm::Pcm;
use tonepress::rendition::press::SegmentEncoder;
use tonepress::rendition::writer::RenditionWriter;
use tonepress::store::{Begun, Fallback, Key, Options, Recipe};
use tonepress::{Plan, Store};

use super::plan::master;

/// The rendition of `plan` of a silent master.
pub(crate) fn press(plan: &Plan) -> Vec<u8> {
    let mut writer = RenditionWriter::new(plan, Cursor::new(Vec::new()), "memory").unwrap();
    for index in 0..plan.segments() {
        writer.push(index, &segment(plan, index), true).unwrap();
    }
    writer.finish().unwrap().out.into_inner()
}

fn segment(plan: &Plan, index: u64) -> Vec<u8> {
    let mut encoder = SegmentEncoder::new(plan, index).unwrap();
    let wanted = encoder.wanted();
    let mut pcm = Pcm::default();
    pcm.reset(plan.resolved().channels(), wanted.start);
    for channel in 0..pcm.channels() {
        let len = usize::try_from(wanted.end.min(plan.samples().0).saturating_sub(wanted.start)).unwrap();
        pcm.plane_mut(channel).resize(len, 0.0);
    }
    let mut bytes = Vec::new();
    encoder.push(&pcm, &mut bytes).unwrap();
    encoder.finish(&mut bytes).unwrap();
    bytes
}

/// The store, its rendition, and that one's files.
pub(crate) struct Stored {
    pub(crate) root: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) recipe: Recipe,
    pub(crate) object: PathBuf,
    pub(crate) sidecar: PathBuf,
    pub(crate) bytes: Vec<u8>,
    facts: Vec<u8>,
}

impl Stored {
    /// A new one; `verify` says whether what is opened is compared with its digest.
    pub(crate) fn new(verify: bool) -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = Options::new(root.path()).open_maps(0).verify_on_open(verify).open().unwrap();
        let master = master(22_050, Layout::MONO, 3_000).unwrap();
        let plan = Plan::new(&master, &"24:q=7".parse().unwrap()).unwrap();
        let recipe = Recipe::new("01".repeat(32).parse().unwrap(), *plan.resolved()).unwrap();
        let Begun::Press(mut partial) = store.begin(&recipe, &plan, Fallback::Refuse).unwrap() else {
            unreachable!("the store is new");
        };
        for index in 0..plan.segments() {
            partial.write_segment(index, &segment(&plan, index), true).unwrap();
        }
        let bytes = partial.publish().unwrap().as_ref().to_vec();
        let object = store.path(&recipe.key());
        let sidecar = object.with_extension("json");
        let facts = fs::read(&sidecar).unwrap();
        Self { root, store, recipe, object, sidecar, bytes, facts }
    }

    pub(crate) fn key(&self) -> Key {
        self.recipe.key()
    }

    /// Puts things right again.
    pub(crate) fn restore(&self) {
        replace(&self.sidecar, &self.facts);
        replace(&self.object, &self.bytes);
        // What was set aside would fill the disk in an hour.
        for aside in fs::read_dir(self.root.path().join("v1/quarantine")).unwrap() {
            fs::remove_file(aside.unwrap().path()).unwrap();
        }
    }
}

/// Another file in place of the one at `path`, which somebody may have mapped.
pub(crate) fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("fuzz");
    fs::write(&new, bytes).unwrap();
    fs::rename(&new, path).unwrap();
}
