//! Small renditions, really pressed, for stores to hold.

use std::io::Cursor;

use tonepress::master::{Codec, Container, Layout, MasterInfo};
use tonepress::pcm::Pcm;
use tonepress::rendition::press::SegmentEncoder;
use tonepress::rendition::writer::RenditionWriter;
use tonepress::store::{Begun, Fallback, Object, Partial, Recipe};
use tonepress::{Plan, Result, SampleRate, Samples, Store};

use super::signal::Music;

/// Puts `bytes`, a whole rendition of the geometry of `plan`, into a store under the key of `recipe`: what another build has
/// pressed, if the recipe says so.
pub fn keep(store: &Store, recipe: &Recipe, plan: &Plan, bytes: &[u8]) -> Object {
    let Begun::Press(mut partial) = store.begin(recipe, plan, Fallback::Refuse).unwrap() else {
        panic!("it is there already")
    };
    for index in 0..plan.segments() {
        let range = plan.segment_bytes(index).unwrap();
        partial.write_segment(index, &bytes[range.start as usize..range.end as usize], true).unwrap();
    }
    let object = partial.publish().unwrap();
    assert!(object.as_ref() == bytes && object.key() == Some(recipe.key()));
    object
}

/// Master number so-and-so at a profile, with what the two are pressed from.
pub struct Rendition {
    pub plan: Plan,
    pub recipe: Recipe,
    music: Music,
    /// Segments pressed beforehand.
    ready: Vec<Vec<u8>>,
}

impl Rendition {
    /// Some 25 seconds of mono at 22.05 kHz: two segments, and pressed in no time.
    pub fn small(number: u8) -> Self {
        Self::new(number, "24:rate=22050:q=7", 22_050, 545_000 + 1_000 * u64::from(number))
    }

    pub fn new(number: u8, profile: &str, rate: u32, samples: u64) -> Self {
        let info = MasterInfo::new(
            Container::Wav,
            Codec::Pcm,
            SampleRate::new(rate).unwrap(),
            16,
            Layout::MONO,
            Samples(samples),
        );
        let plan = Plan::new(&info, &profile.parse().unwrap()).unwrap();
        assert_eq!(plan.resolved().rate(), info.rate, "no resampling here");
        let recipe = Recipe::new(format!("{number:064x}").parse().unwrap(), *plan.resolved()).unwrap();
        Self { plan, recipe, music: Music::new(rate, samples), ready: Vec::new() }
    }

    /// Presses all segments now, so that writing them takes no time.
    pub fn press_now(&mut self) {
        self.ready = (0..self.plan.segments()).map(|index| self.segment(index)).collect();
    }

    pub fn segment(&self, index: u64) -> Vec<u8> {
        if let Some(ready) = self.ready.get(usize::try_from(index).unwrap()) {
            return ready.clone();
        }
        let mut encoder = SegmentEncoder::new(&self.plan, index).unwrap();
        let mut pcm = Pcm::default();
        self.music.fill(&mut pcm, 1, encoder.wanted());
        let mut bytes = Vec::new();
        encoder.push(&pcm, &mut bytes).unwrap();
        encoder.finish(&mut bytes).unwrap();
        bytes
    }

    /// What must come out, made without a store.
    pub fn bytes(&self) -> Vec<u8> {
        let mut writer = RenditionWriter::new(&self.plan, Cursor::new(Vec::new()), "memory").unwrap();
        for index in 0..self.plan.segments() {
            writer.push(index, &self.segment(index), true).unwrap();
        }
        writer.finish().unwrap().out.into_inner()
    }

    pub fn write(&self, partial: &mut Partial) -> Result<()> {
        for index in 0..self.plan.segments() {
            partial.write_segment(index, &self.segment(index), true)?;
        }
        Ok(())
    }

    pub fn begin(&self, store: &Store) -> Result<Begun> {
        store.begin(&self.recipe, &self.plan, Fallback::Refuse)
    }

    /// The partial, where one is expected.
    pub fn partial(&self, store: &Store) -> Partial {
        match self.begin(store).unwrap() {
            Begun::Press(partial) => partial,
            Begun::Ready(object) => panic!("{object:?} is there already"),
        }
    }

    /// From the store, pressed if need be; and whether it was.
    pub fn obtain(&self, store: &Store, fallback: Fallback) -> Result<(Object, bool)> {
        match store.begin(&self.recipe, &self.plan, fallback)? {
            Begun::Ready(object) => Ok((object, false)),
            Begun::Press(mut partial) => {
                self.write(&mut partial)?;
                Ok((partial.publish()?, true))
            }
        }
    }
}
