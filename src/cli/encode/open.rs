//! Opening masters and the places where their renditions go: the store, or unfinished files.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crossbeam::channel::Sender;
use tempfile::NamedTempFile;
use tonepress::Error;
use tonepress::fan_out::{Job, Output};
use tonepress::master::{Limits, Master, MasterId};
use tonepress::store::{self, Fallback, Key, Object, Partial, Recipe, Store};
use tonepress::writer::{RenditionWriter, Sink};

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
    Served { task: usize, target: usize, object: Object, master: MasterId, gaps: Vec<Range<u64>> },
    /// The master, or one target, failed.
    Failed { task: usize, target: Option<usize>, error: String },
}

/// Opens masters and the places of their renditions.
pub(super) struct Opener {
    store: Option<Store>,
    limits: Limits,
    /// What this run presses into the store: waiting for oneself would take for ever.
    pressing: HashSet<Key>,
    asides: Sender<Aside>,
}

impl Opener {
    /// `asides` takes what happens on the way.
    pub(super) fn new(store: Option<Store>, limits: Limits, asides: Sender<Aside>) -> Self {
        Self { store, limits, pressing: HashSet::new(), asides }
    }

    /// Opens the master of a task. `None` if nothing is left to press.
    pub(super) fn open(&mut self, id: usize, task: &Task) -> Option<Job<Place>> {
        let tell = |aside| drop(self.asides.send(aside)); // received until the end
        let (master, known) = match open_master(self.store.as_ref(), &self.limits, &task.path) {
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
                (Some(store), Some(id)) => {
                    let known = Known { store, id, master: &master };
                    known.allow(wanted).and_then(|()| known.begin(&mut self.pressing, wanted))
                }
                _ => file(wanted).map(Begun::Press),
            };
            match sink {
                Ok(Begun::Press(sink)) => {
                    outputs.push(Output { id: target, plan: wanted.plan.clone(), sink });
                }
                Ok(Begun::Ready(object, master, gaps)) => {
                    tell(Aside::Served { task: id, target, object, master, gaps });
                }
                Err(error) => tell(Aside::Failed { task: id, target: Some(target), error }),
            }
        }
        (!outputs.is_empty()).then_some(Job { id, master, outputs })
    }
}

/// As the store's.
enum Begun {
    Ready(Object, MasterId, Vec<Range<u64>>),
    Press(Place),
}

/// Opens a master; with a store also says which it is, hashing it only if the store does not know.
fn open_master(
    store: Option<&Store>,
    limits: &Limits,
    path: &Path,
) -> Result<(Master, Option<MasterId>), Error> {
    let master = Master::open_with(path, limits)?;
    let id = store.map(|store| store.masters().identify(&master)).transpose()?;
    Ok((master, id))
}

fn file(target: &Target) -> Result<Place, String> {
    let writer = RenditionWriter::new(&target.plan, unfinished(target)?, target.path.display().to_string());
    writer.map(Box::new).map(Place::File).map_err(|error| error.to_string())
}

/// A master whose audio a store knows.
struct Known<'a> {
    store: &'a Store,
    id: MasterId,
    master: &'a Master,
}

impl Known<'_> {
    /// An error if the store knows that the master is not to be used.
    fn allow(&self, target: &Target) -> Result<(), String> {
        let Some(verdict) = self.store.masters().verdict(&self.id) else { return Ok(()) };
        verdict.allow(self.master.name(), target.plan.profile().salvage).map_err(|error| error.to_string())
    }

    fn begin(&self, pressing: &mut HashSet<Key>, target: &Target) -> Result<Begun, String> {
        let &Self { store, id, master } = self;
        let recipe = Recipe::new(id, *target.plan.resolved()).map_err(|error| error.to_string())?;
        if pressing.contains(&recipe.key()) {
            return file(target).map(Begun::Press);
        }
        match store.begin(&recipe, &target.plan, Fallback::Uncached) {
            Ok(store::Begun::Ready(object)) if target.plan.profile().salvage => {
                let gaps = store.masters().gaps(&id, master).map_err(|error| error.to_string())?;
                Ok(Begun::Ready(object, id, gaps))
            }
            Ok(store::Begun::Ready(object)) => Ok(Begun::Ready(object, id, Vec::new())),
            Ok(store::Begun::Press(partial)) => {
                pressing.insert(recipe.key());
                Ok(Begun::Press(Place::Store(Box::new(partial), id)))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A place for a target to be written to, which gets its name when it is complete.
pub(super) fn unfinished(target: &Target) -> Result<NamedTempFile, String> {
    let folder = target.path.parent().unwrap_or(Path::new("."));
    let file = fs::create_dir_all(folder).and_then(|()| {
        // What the user's umask leaves of this, as for any other new file.
        let all = Permissions::from_mode(0o666);
        tempfile::Builder::new().prefix(".tonepress-").suffix(".tmp").permissions(all).tempfile_in(folder)
    });
    file.map_err(|error| format!("writing to {}: {error}", folder.display()))
}
