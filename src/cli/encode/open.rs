//! Opening masters and the places where their renditions go: the store, or unfinished files.

use std::collections::HashSet;
use std::path::Path;

use crossbeam::channel::Sender;
use tempfile::NamedTempFile;
use tonepress::Error;
use tonepress::fan_out::{Job, Output};
use tonepress::master::{Master, MasterId};
use tonepress::store::{self, Fallback, Key, Object, Partial, Recipe, Store};
use tonepress::writer::{RenditionWriter, Sink};

use super::super::files::unfinished;
use super::{Target, Task};

/// Where a rendition is pressed to.
pub(super) enum Place {
    File(Box<RenditionWriter<NamedTempFile>>),
    Store(Box<Partial>, MasterId),
}

/// A rendition that is complete but has no name yet.
pub(super) enum Made {
    File(NamedTempFile, u64),
    Object(Object, MasterId),
}

impl Sink for Place {
    type Finished = Made;

    fn push(&mut self, index: u64, bytes: &[u8], last: bool) -> Result<(), Error> {
        match self {
            Self::File(writer) => writer.push(index, bytes, last),
            Self::Store(partial, _) => partial.push(index, bytes, last),
        }
    }

    fn finish(self) -> Result<Made, Error> {
        match self {
            Self::File(writer) => writer.finish().map(|written| Made::File(written.out, written.bytes)),
            Self::Store(partial, master) => partial.finish().map(|object| Made::Object(object, master)),
        }
    }
}

/// What happens while masters are opened.
pub(super) enum Aside {
    /// The store has the target.
    Served { task: usize, target: usize, object: Object, master: MasterId },
    /// The master, or one target, failed.
    Failed { task: usize, target: Option<usize>, error: String },
}

/// Opens masters and the places of their renditions.
pub(super) struct Opener {
    store: Option<Store>,
    /// What this run presses into the store: waiting for oneself would take for ever.
    pressing: HashSet<Key>,
    asides: Sender<Aside>,
}

impl Opener {
    /// `asides` takes what happens on the way.
    pub(super) fn new(store: Option<Store>, asides: Sender<Aside>) -> Self {
        Self { store, pressing: HashSet::new(), asides }
    }

    /// Opens the master of a task. `None` if nothing is left to press.
    pub(super) fn open(&mut self, id: usize, task: &Task) -> Option<Job<Place>> {
        let tell = |aside| drop(self.asides.send(aside)); // received until the end
        let (master, known) = match open_master(self.store.as_ref(), &task.path) {
            Ok(opened) => opened,
            Err(error) => {
                tell(Aside::Failed { task: id, target: None, error: error.to_string() });
                return None;
            }
        };
        let mut outputs = Vec::new();
        // In the same order in every process, so that no two wait for each other.
        let mut targets: Vec<_> = task.targets.iter().enumerate().collect();
        targets.sort_by_key(|(_, target)| *target.plan.profile());
        for (target, wanted) in targets {
            let sink = match (&self.store, known) {
                (Some(store), Some(master)) => stored(store, &mut self.pressing, wanted, master),
                _ => file(wanted).map(Begun::Press),
            };
            match sink {
                Ok(Begun::Press(sink)) => {
                    outputs.push(Output { id: target, plan: wanted.plan.clone(), sink });
                }
                Ok(Begun::Ready(object, master)) => tell(Aside::Served { task: id, target, object, master }),
                Err(error) => tell(Aside::Failed { task: id, target: Some(target), error }),
            }
        }
        (!outputs.is_empty()).then_some(Job { id, master, outputs })
    }
}

/// As the store's.
enum Begun {
    Ready(Object, MasterId),
    Press(Place),
}

/// Opens a master; with a store also says which it is, hashing it only if the store does not know.
fn open_master(store: Option<&Store>, path: &Path) -> Result<(Master, Option<MasterId>), Error> {
    let master = Master::open(path)?;
    let id = store.map(|store| store.masters().identify(&master)).transpose()?;
    Ok((master, id))
}

fn file(target: &Target) -> Result<Place, String> {
    let writer =
        RenditionWriter::new(&target.plan, unfinished(&target.path)?, target.path.display().to_string());
    writer.map(Box::new).map(Place::File).map_err(|error| error.to_string())
}

fn stored(
    store: &Store,
    pressing: &mut HashSet<Key>,
    target: &Target,
    master: MasterId,
) -> Result<Begun, String> {
    let recipe = Recipe::new(master, *target.plan.resolved()).map_err(|error| error.to_string())?;
    if pressing.contains(&recipe.key()) {
        return file(target).map(Begun::Press);
    }
    match store.begin(&recipe, &target.plan, Fallback::Uncached) {
        Ok(store::Begun::Ready(object)) => Ok(Begun::Ready(object, master)),
        Ok(store::Begun::Press(partial)) => {
            pressing.insert(recipe.key());
            Ok(Begun::Press(Place::Store(Box::new(partial), master)))
        }
        Err(error) => Err(error.to_string()),
    }
}
