//! Beginning renditions: in the store, or past it.

use crate::error::{Error, Result, Stage};
use crate::rendition::plan::Plan;
use crate::store::front::Store;
use crate::store::key::{Key, Recipe};
use crate::store::ledger::{charge, patiently};
use crate::store::object::Object;
use crate::store::partial::{Fallback, Partial, preallocate};
use crate::store::scratch::Scratch;

/// The answer to a request for a rendition.
#[allow(clippy::large_enum_variant)] // taken apart at once, never kept
pub enum Begun {
    /// It is there.
    Ready(Object),
    /// It is the caller's to press.
    Press(Partial),
}

impl Store {
    /// Looks a rendition up, or makes it the caller's to press. If somebody else is pressing it,
    /// waits for that, but not forever: then it is pressed a second time, and whoever comes first
    /// publishes.
    ///
    /// # Errors
    /// As [`get`](Self::get). With [`Fallback::Refuse`] also [`Error::StoreFull`], [`Error::DiskFull`],
    /// [`Error::StoreBusy`], or [`Error::Io`] if the store cannot be written.
    pub fn begin(&self, recipe: &Recipe, plan: &Plan, fallback: Fallback) -> Result<Begun> {
        match self.begin_stored(recipe, plan, fallback) {
            Err(error) if fallback == Fallback::Uncached => {
                self.begin_uncached(&error, Some(recipe), plan).map(Begun::Press)
            }
            begun => begun,
        }
    }

    fn begin_stored(&self, recipe: &Recipe, plan: &Plan, fallback: Fallback) -> Result<Begun> {
        let key = recipe.key();
        if let Some(object) = self.get(&key)? {
            return Ok(Begun::Ready(object));
        }
        self.0.layout.create()?;
        let cap = plan.size().cap();
        let folder = self.0.layout.partials();
        let path = self.0.layout.partial(&key);
        let claimed = patiently(self.0.wait, || {
            if let Some(scratch) = Scratch::claim(&path)? {
                return Ok(Some(Claim::Press(scratch)));
            }
            Ok(self.find(&key)?.map(Claim::Ready))
        })?;
        let scratch = match claimed {
            Some(Claim::Ready(object)) => return Ok(Begun::Ready(object)),
            Some(Claim::Press(scratch)) => scratch,
            // Its writer is stopped, or very slow.
            None => Scratch::unique(&folder, &key.to_string(), "part")?,
        };
        // Its last writer may have published between the look and the claim.
        if let Some(object) = self.find(&key)? {
            return Ok(Begun::Ready(object));
        }
        self.admit(&scratch, key, cap)?;
        Partial::stored(self, scratch, Some(recipe), plan, fallback).map(Begun::Press)
    }

    /// Begins a rendition of a master that is yet to be identified: [`Partial::identify`] must be told
    /// before it is published.
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin).
    pub fn begin_unidentified(&self, plan: &Plan, fallback: Fallback) -> Result<Partial> {
        match self.begin_provisional(plan, fallback) {
            Err(error) if fallback == Fallback::Uncached => self.begin_uncached(&error, None, plan),
            begun => begun,
        }
    }

    fn begin_provisional(&self, plan: &Plan, fallback: Fallback) -> Result<Partial> {
        self.0.layout.create()?;
        let key = Key::provisional();
        let scratch = Scratch::unique(&self.0.layout.partials(), &key.to_string(), "part")?;
        self.admit(&scratch, key, plan.size().cap())?;
        Partial::stored(self, scratch, None, plan, fallback)
    }

    /// Begins a rendition past the store, which cannot take it for the reason `why`.
    fn begin_uncached(&self, why: &Error, recipe: Option<&Recipe>, plan: &Plan) -> Result<Partial> {
        self.refused(why);
        Partial::uncached(self.spill(), recipe, plan)
    }

    /// Makes room for a partial and promises it.
    pub(super) fn admit(&self, scratch: &Scratch, key: Key, cap: u64) -> Result<()> {
        let mut ledger = self.ledger()?;
        self.make_room(&mut ledger, charge(cap))?;
        preallocate(scratch.file(), cap).map_err(Error::at(Stage::Write, scratch.path()))?;
        ledger.reserve(scratch.path(), key, cap)
    }
}

/// What became of the wish to press a rendition.
enum Claim {
    Ready(Object),
    Press(Scratch),
}
