//! Opening masters and the places where their renditions go: the store, or unfinished files.

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use crossbeam::channel::Sender;
use tempfile::NamedTempFile;
use tonepress::fan_out::{Job, Output};
use tonepress::master::{Limits, Master, MasterId};
use tonepress::rendition::writer::{RenditionWriter, Sink, Written};
use tonepress::store::{self, Fallback, Key, Object, Partial, Recipe, Store};
use tonepress::{Error, Overlay, WithOverlay};

use super::super::files::unfinished;
use super::super::tags::{Tagged, Tagger};
use super::behind::Behind;
use super::{Target, Task};

/// Where a rendition is pressed to.
pub(super) enum Place {
    File(Box<RenditionWriter<Behind>>),
    Store(Box<Partial>, MasterId, Overlay),
}

/// A rendition that is complete but has no name yet.
pub(super) enum Made {
    File { file: NamedTempFile, tag: u64, audio: u64 },
    Object(WithOverlay<Object>, MasterId),
}

impl Sink for Place {
    type Finished = Made;

    fn push(&mut self, index: u64, bytes: &[u8], last: bool) -> Result<(), Error> {
        match self {
            Self::File(writer) => writer.push(index, bytes, last),
            Self::Store(partial, ..) => partial.push(index, bytes, last),
        }
    }

    fn finish(self) -> Result<Made, Error> {
        match self {
            Self::File(writer) => {
                let Written { out: Behind { file, start }, bytes } = writer.finish()?;
                Ok(Made::File { file, tag: start, audio: bytes })
            }
            Self::Store(partial, master, overlay) => {
                Ok(Made::Object(WithOverlay::new(partial.finish()?, overlay), master))
            }
        }
    }
}

/// What happens while masters are opened.
pub(super) enum Aside {
    /// The store has the target.
    Served {
        task: usize,
        target: usize,
        object: WithOverlay<Object>,
        master: MasterId,
        gaps: Vec<Range<u64>>,
    },
    /// Of the master's tags something was left out.
    Noted { task: usize, note: String },
    /// The master, or one target, failed.
    Failed { task: usize, target: Option<usize>, error: String },
}

/// Opens masters and the places of their renditions.
pub(super) struct Opener {
    store: Option<Store>,
    limits: Limits,
    /// `None` for the audio alone.
    tagger: Option<Tagger>,
    /// What this run presses into the store: waiting for oneself would take for ever.
    pressing: HashSet<Key>,
    asides: Sender<Aside>,
}

impl Opener {
    /// `asides` takes what happens on the way.
    pub(super) fn new(
        store: Option<Store>,
        limits: Limits,
        tagger: Option<Tagger>,
        asides: Sender<Aside>,
    ) -> Self {
        Self { store, limits, tagger, pressing: HashSet::new(), asides }
    }

    /// Opens the master of a task. `None` if nothing is left to press.
    pub(super) fn open(&mut self, id: usize, task: &Task) -> Option<Job<Place>> {
        let tell = |aside| drop(self.asides.send(aside)); // received until the end
        let opened =
            open_master(self.store.as_ref(), &self.limits, &task.path).and_then(|(master, known)| {
                let tag = |tagger: &Tagger| tagger.overlay(&master, self.store.as_ref());
                let overlay = self.tagger.as_ref().map(tag).transpose()?;
                Ok((master, known, overlay.unwrap_or_default()))
            });
        let (master, known, Tagged { overlay, notes }) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tell(Aside::Failed { task: id, target: None, error: error.to_string() });
                return None;
            }
        };
        for note in notes {
            tell(Aside::Noted { task: id, note });
        }
        let mut outputs = Vec::new();
        // In the same order in every process, so that no two wait for each other.
        let mut targets: Vec<_> = task.targets.iter().enumerate().collect();
        targets.sort_by_key(|(_, target)| *target.plan.profile());
        for (target, wanted) in targets {
            let sink = match (&self.store, known) {
                (Some(store), Some(id)) => {
                    let known = Known { store, id, master: &master };
                    known.allow(wanted).and_then(|()| known.begin(&mut self.pressing, wanted, &overlay))
                }
                _ => file(wanted, &overlay).map(Begun::Press),
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
    Ready(WithOverlay<Object>, MasterId, Vec<Range<u64>>),
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

fn file(target: &Target, overlay: &Overlay) -> Result<Place, String> {
    let name = target.path.display().to_string();
    let behind = Behind::new(unfinished(&target.path)?, overlay)
        .map_err(|error| format!("writing {name}: {error}"))?;
    let writer = RenditionWriter::new(&target.plan, behind, name);
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

    fn begin(
        &self,
        pressing: &mut HashSet<Key>,
        target: &Target,
        overlay: &Overlay,
    ) -> Result<Begun, String> {
        let &Self { store, id, master } = self;
        let recipe = Recipe::new(id, *target.plan.resolved()).map_err(|error| error.to_string())?;
        if pressing.contains(&recipe.key()) {
            return file(target, overlay).map(Begun::Press);
        }
        match store.begin(&recipe, &target.plan, Fallback::Uncached) {
            Ok(store::Begun::Ready(object)) if target.plan.profile().salvage => {
                let gaps = store.masters().gaps(&id, master).map_err(|error| error.to_string())?;
                Ok(Begun::Ready(object.with_overlay(overlay.clone()), id, gaps))
            }
            Ok(store::Begun::Ready(object)) => {
                Ok(Begun::Ready(object.with_overlay(overlay.clone()), id, Vec::new()))
            }
            Ok(store::Begun::Press(partial)) => {
                pressing.insert(recipe.key());
                Ok(Begun::Press(Place::Store(Box::new(partial), id, overlay.clone())))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}
