//! The work as tonepress does it, whole and in its parts, and as LAME alone would.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};
use std::thread;

use tonepress::encoder::floor::Floor;
use tonepress::engine::{Export, Priority, Shutdown};
use tonepress::master::convert::to_channels;
use tonepress::master::downmix::Downmix;
use tonepress::master::resample::Resampler;
use tonepress::master::{Codec, Decoder, Master};
use tonepress::pcm::Pcm;
use tonepress::rendition::press::SegmentEncoder;
use tonepress::rendition::writer::RenditionWriter;
use tonepress::{Encoder, Engine, Error, Plan, Profile};

use super::super::batch::{self, Ahead, Batch, SEGMENTS};
use super::super::report::Failure;
use super::cost::{Cost, Whose};
use super::results::Shares;

/// As much PCM at a time as the engine takes.
const STEP: u64 = 1 << 17;

/// The plan of a rendition, or why there can be none.
pub(super) fn plan(master: &Master, profile: &Profile) -> Result<Plan, String> {
    Plan::new(master.info(), profile).map_err(|error| format!("{}: {error}", master.name()))
}

fn sink(folder: &Path, master: usize, plan: &Plan) -> Result<RenditionWriter<File>, String> {
    let path = folder.join(format!("{master}.{}.mp3", plan.profile()));
    let name = path.display().to_string();
    let file = File::create(&path).map_err(|error| format!("writing {name}: {error}"))?;
    RenditionWriter::new(plan, file, name).map_err(|error| error.to_string())
}

/// Presses all masters at all profiles into files.
pub(super) fn press(
    masters: &[Master],
    profiles: &[Profile],
    threads: usize,
    folder: &Path,
    interrupted: &AtomicBool,
) -> Result<(), String> {
    let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
    let said = |error: Error| error.to_string();
    let engine = Engine::builder().threads(threads).queue(usize::MAX).build().map_err(said)?;
    let mut press = Press { engine, profiles, folder, pressing: Vec::new() };
    let mut ahead = Ahead::new(masters.iter().cloned().enumerate(), 1, |master| master).map_err(text)?;
    batch::run(&mut press, &mut ahead, interrupted).map_err(text)?;
    press.engine.shutdown(Shutdown::Cancel);
    Ok(())
}

fn text(failure: Failure) -> String {
    match failure {
        Failure::Usage(text) | Failure::Other(text) => text,
        Failure::ClosedPipe => "the output was closed".to_owned(),
    }
}

/// Presses into files and tells nobody.
struct Press<'a> {
    engine: Engine,
    profiles: &'a [Profile],
    folder: &'a Path,
    pressing: Vec<Export>,
}

impl Batch for Press<'_> {
    /// With its number.
    type Master = (usize, Master);

    fn has_room(&self, _: &Self::Master) -> bool {
        let pressing = self.pressing.iter().map(Export::progress);
        batch::has_room(pressing, self.profiles.len(), SEGMENTS * self.engine.threads() as u64)
    }

    fn begin(&mut self, (number, master): Self::Master) -> Result<(), Failure> {
        for profile in self.profiles {
            let path = self.folder.join(format!("{number}.{profile}.mp3"));
            let name = path.display().to_string();
            let file =
                File::create(&path).map_err(|error| Failure::Other(format!("writing {name}: {error}")))?;
            let priority = Priority::default();
            self.pressing.push(self.engine.export(&master, profile, priority, file, 0, &name)?);
        }
        Ok(())
    }

    fn settle(&mut self, context: &mut Context) -> Result<(), Failure> {
        let mut failed = None;
        self.pressing.retain(|export| match export.poll_wait(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(_)) => false,
            Poll::Ready(Err(error)) => {
                failed = Some(error);
                false
            }
        });
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    fn is_idle(&self) -> bool {
        self.pressing.is_empty()
    }

    fn show(&self) {}
}

/// What LAME alone takes for a rendition whose PCM is there, whatever encoder the profile names.
pub(super) fn floor(master: &Master, profile: &Profile) -> Result<Cost, String> {
    let plan = plan(master, &Profile { encoder: Some(Encoder::Lame), ..*profile })?;
    let alone = || -> Result<Cost, Error> {
        let mut stages = Stages::new(master, &plan)?;
        let mut bytes = Vec::new();
        let mut floor = Floor::new(plan.resolved())?;
        let frame = index(plan.resolved().version().samples_per_frame());
        let mut sum = Cost::default();
        for start in (0..plan.samples().0).step_by(index(STEP)) {
            stages.read(start..plan.samples().0.min(start + STEP))?;
            let pcm = stages.channels(&plan);
            let (cost, done) = Cost::of(Whose::Ours, || {
                let mut frames: Vec<_> = pcm.planes().map(|plane| plane.chunks(frame)).collect();
                for _ in 0..pcm.len().div_ceil(frame) {
                    let planes: Vec<&[f32]> = frames.iter_mut().filter_map(Iterator::next).collect();
                    floor.encode(&planes, &mut bytes)?;
                }
                Ok::<(), Error>(())
            });
            done?;
            sum += cost;
        }
        let (cost, done) = Cost::of(Whose::Ours, || floor.finish(&mut bytes));
        done.map(|()| sum + cost)
    };
    alone().map_err(|error| error.to_string())
}

/// How much faster `threads` LAMEs are that run at once than one after the other; `one` is what one takes alone.
pub(super) fn lame_speedup(
    master: &Master,
    profile: &Profile,
    threads: usize,
    one: Cost,
) -> Result<f64, String> {
    let walls = thread::scope(|scope| {
        let lames: Vec<_> = (0..threads).map(|_| scope.spawn(|| floor(master, profile))).collect();
        let panicked = |_| Err("a thread panicked".to_owned());
        lames
            .into_iter()
            .map(|lame| Ok(lame.join().unwrap_or_else(panicked)?.wall))
            .collect::<Result<Vec<_>, String>>()
    })?;
    Ok(threads as f64 * one.wall / walls.into_iter().fold(0.0, f64::max))
}

/// The parts of the work on one thread.
pub(super) fn shares(master: &Master, profiles: &[Profile], folder: &Path) -> Result<Shares, String> {
    let mut plans = profiles.iter().map(|profile| plan(master, profile)).collect::<Result<Vec<_>, _>>()?;
    // Those of one rate share what is decoded, unless they are in one piece.
    plans.sort_by_key(|plan| (plan.resolved().rate(), plan.resolved().is_whole()));
    let mut parts = Parts::default();
    let (all, done) = Cost::of(Whose::Ours, || {
        plans
            .chunk_by(|one, other| {
                one.resolved().rate() == other.resolved().rate()
                    && !one.resolved().is_whole()
                    && !other.resolved().is_whole()
            })
            .try_for_each(|plans| parts.press(master, plans, folder))
    });
    done?;
    let percent = |cost: Cost| 100.0 * cost.cpu / all.cpu.max(1e-6);
    let [decode, resample, encode, write] =
        [parts.decode, parts.resample, parts.encode, parts.write].map(percent);
    Ok(Shares { decode, resample, encode, write, other: 100.0 - decode - resample - encode - write })
}

/// What the parts of the work cost.
#[derive(Default)]
struct Parts {
    decode: Cost,
    resample: Cost,
    encode: Cost,
    write: Cost,
}

impl Parts {
    /// Presses renditions of one rate, as the engine does, in steps as long as its longest.
    fn press(&mut self, master: &Master, plans: &[Plan], folder: &Path) -> Result<(), String> {
        let mut sinks = plans.iter().map(|plan| sink(folder, 0, plan)).collect::<Result<Vec<_>, _>>()?;
        let text = |error: Error| error.to_string();
        let mut stages = Stages::new(master, &plans[0]).map_err(text)?;
        for segment in 0..plans[0].segments() {
            self.segment(&mut stages, plans, segment, &mut sinks).map_err(text)?;
        }
        self.decode += stages.decode;
        self.resample += stages.resample;
        for sink in sinks {
            timed(&mut self.write, || sink.finish()).map_err(text)?;
        }
        Ok(())
    }

    fn segment(
        &mut self,
        stages: &mut Stages,
        plans: &[Plan],
        segment: u64,
        sinks: &mut [RenditionWriter<File>],
    ) -> Result<(), Error> {
        let mut encoders = timed(&mut self.encode, || {
            plans.iter().map(|plan| SegmentEncoder::new(plan, segment)).collect::<Result<Vec<_>, _>>()
        })?;
        let wanted = encoders[0].wanted();
        for start in wanted.clone().step_by(index(STEP)) {
            stages.read(start..wanted.end.min(start + STEP))?;
            for ((plan, encoder), sink) in plans.iter().zip(&mut encoders).zip(&mut *sinks) {
                let mut bytes = Vec::new();
                let pcm = stages.channels(plan);
                timed(&mut self.encode, || encoder.push(pcm, &mut bytes))?;
                timed(&mut self.write, || sink.push(segment, &bytes, false))?;
            }
        }
        for (encoder, sink) in encoders.into_iter().zip(sinks) {
            let mut bytes = Vec::new();
            timed(&mut self.encode, || encoder.finish(&mut bytes))?;
            timed(&mut self.write, || sink.push(segment, &bytes, true))?;
        }
        Ok(())
    }
}

fn timed<T>(sum: &mut Cost, work: impl FnOnce() -> T) -> T {
    let (cost, made) = Cost::of(Whose::Ours, work);
    *sum += cost;
    made
}

/// From a master to the PCM of a rendition, as `master::convert` goes there, but with a clock at each step.
struct Stages {
    decoder: Decoder,
    /// Only floating-point samples need a look.
    float: bool,
    downmix: Option<Downmix>,
    resampler: Option<Resampler>,
    total: u64,
    decoded: Pcm,
    mixed: Pcm,
    resampled: Pcm,
    output: Pcm,
    decode: Cost,
    resample: Cost,
}

impl Stages {
    fn new(master: &Master, plan: &Plan) -> Result<Self, Error> {
        let (info, rate) = (master.info(), plan.resolved().rate());
        Ok(Self {
            decoder: master.decoder()?,
            float: info.codec == Codec::Float,
            downmix: if info.layout.channels() > 2 { Downmix::new(&info.layout, 2) } else { None },
            resampler: if rate == info.rate { None } else { Some(Resampler::new(info.rate, rate)?) },
            total: info.samples.0,
            decoded: Pcm::default(),
            mixed: Pcm::default(),
            resampled: Pcm::default(),
            output: Pcm::default(),
            decode: Cost::default(),
            resample: Cost::default(),
        })
    }

    /// Reads samples `range` of the renditions.
    fn read(&mut self, range: std::ops::Range<u64>) -> Result<(), Error> {
        let needed = self
            .resampler
            .as_ref()
            .map_or_else(|| range.clone(), |resampler| resampler.input_range(&range, self.total));
        timed(&mut self.decode, || {
            self.decoder.read(needed, &mut self.decoded)?;
            if self.float {
                self.decoded.repair(&(0..0));
            }
            Ok(())
        })?;
        timed(&mut self.resample, || {
            if let Some(downmix) = &self.downmix {
                downmix.apply(&self.decoded, &mut self.mixed);
            }
            let input = if self.downmix.is_some() { &self.mixed } else { &self.decoded };
            match &mut self.resampler {
                Some(resampler) => resampler.resample(input, self.total, range, &mut self.resampled),
                None => Ok(()),
            }
        })
    }

    /// What was read, with the channels of a rendition.
    fn channels(&mut self, plan: &Plan) -> &Pcm {
        let read = match (&self.resampler, &self.downmix) {
            (Some(_), _) => &self.resampled,
            (None, Some(_)) => &self.mixed,
            (None, None) => &self.decoded,
        };
        match to_channels(read.channels(), plan.resolved().channels()) {
            Some(mix) => {
                timed(&mut self.resample, || mix.apply(read, &mut self.output));
                &self.output
            }
            None => read,
        }
    }
}

/// A number of samples within memory.
fn index(samples: u64) -> usize {
    usize::try_from(samples).unwrap_or(usize::MAX)
}
