//! `tonepress prewarm`: presses ahead what the store is to have.

mod dry_run;
mod list;
mod look;
#[cfg(feature = "queue-nats")]
mod queue;
mod report;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use tonepress::engine::{OnDrop, Priority, Rendition, Request, Shutdown};
use tonepress::master::{Verdict, Verification};
use tonepress::{Engine, Profile, Store};

use look::{Ask, Found, Looked, look};
use report::Report;

use super::albums::Albums;
use super::batch::{self, Ahead, Batch, SEGMENTS, has_room};
use super::nearest::{Chosen, Nearest};
use super::options::Cache;
use super::report::Failure;
use super::shard::Shard;
use super::text::{megabytes, plain, several, stems};
use super::{Outcome, args, interrupt};

/// Why a rendition is not in the store though it was pressed.
const NOT_KEPT: &str = "pressed, but the store could not take it: no room, or no permission to write";
/// What a rendition takes of the budget besides its bytes, at most: its last block, and its sidecar's.
const OVERHEAD: u64 = 8_192;

pub(crate) fn run(args: &args::Prewarm) -> Result<Outcome, Failure> {
    #[cfg(feature = "queue-nats")]
    if let Some(action) = &args.queue {
        return queue::run(action);
    }
    args.nice.give_way()?;
    let interrupted = interrupt::catch(|| ())?;
    let store = open_store(&args.cache)?;
    let mut report = Report::new(args.json.json);
    let mut wanted = list::read(&args.wants, |unread| {
        report.failed(&unread.path, None, &unread.error)?;
        report.settled(&unread.path);
        Ok(())
    })?;
    let own = match args.shard {
        Some(shard) => Some((shard, "--shard")),
        None => Shard::given(|name| std::env::var(name).ok()).map_err(Failure::Usage)?,
    };
    if let Some((shard, who)) = own {
        let all = wanted.len();
        wanted.retain(|wanted| shard.has(&wanted.candidate.below()));
        report.note(&format!("{shard} ({who}): {} of {}", wanted.len(), several(all as u64, "master")));
    }
    if args.dry_run {
        return dry_run::run(args, &store, &wanted, report);
    }
    report.start(&wanted);

    let threads = args.jobs.threads();
    let engine = Engine::builder().store(store.clone()).threads(threads).queue(usize::MAX).build()?;
    let budget = store.stat()?.max_bytes;
    if args.loudness {
        args.jobs.limit_measuring()?;
    }
    let ask = Ask { verdict: args.verify, loudness: args.loudness };
    let of = store.clone();
    let mut ahead = Ahead::new(wanted.into_iter(), threads.get(), move |wanted| look(wanted, &of, ask))?;
    let mut press = Press {
        engine,
        budget,
        kept: 0,
        full: false,
        pressing: Vec::new(),
        albums: Albums::default(),
        nearest: args.wants.nearest,
        worth_retrying: false,
        report,
    };
    batch::run(&mut press, &mut ahead, &interrupted)?;
    let interrupted = interrupted.load(Ordering::Relaxed);
    let mut left: Vec<_> = press.pressing.iter().map(|pressing| &pressing.master).collect();
    left.dedup();
    let left = left.len() as u64 + ahead.left();
    // Of what is missing nobody knows to which album it belongs.
    if left == 0 {
        press.albums.note(&store)?;
    }
    // Otherwise there is nothing left to cancel.
    press.engine.shutdown(Shutdown::Cancel);
    super::tier::tell(&store);
    press.report.summarise(interrupted, left)?;
    Ok(match (interrupted, press.report.failures()) {
        (true, _) => Outcome::Interrupted,
        (false, 0) => Outcome::Done,
        (false, _) if press.worth_retrying => Outcome::WorthRetrying,
        (false, _) => Outcome::SomeFailed,
    })
}

fn open_store(cache: &Cache) -> Result<Store, Failure> {
    let open = cache.open()?;
    open.ok_or_else(|| Failure::Usage("which store? Say --cache DIR, or set TONEPRESS_CACHE".to_owned()))
}

/// A rendition being pressed.
struct Pressing {
    master: Arc<Path>,
    priority: i64,
    rendition: Rendition,
    began: Instant,
    /// What the report counts it for.
    work: f64,
    /// What is set aside for it in the budget.
    cap: u64,
}

struct Press {
    engine: Engine,
    budget: Option<u64>,
    /// What the renditions that this run wants take of the budget: none of them is to be evicted for another.
    kept: u64,
    /// There is no room for more, or the store takes none.
    full: bool,
    pressing: Vec<Pressing>,
    /// As far as they were measured.
    albums: Albums,
    nearest: Nearest,
    /// Something failed that might go well another time.
    worth_retrying: bool,
    report: Report,
}

impl Press {
    /// Tells of a master that is not sound, and takes away the profiles at which it may not be pressed.
    fn heed(
        &mut self,
        path: &Path,
        verdict: &Verdict,
        profiles: &mut Vec<Profile>,
        work: f64,
    ) -> Result<(), Failure> {
        let name = &*path.to_string_lossy();
        if let Verdict::Sound(verification) = verdict {
            if *verification == Verification::NoMd5 {
                self.report.note(&format!("{}: {verification}", plain(name)));
            }
            return Ok(());
        }
        let all = profiles.len();
        profiles.retain(|profile| verdict.allow(name, profile.salvage).is_ok());
        self.report.settle(work * (all - profiles.len()) as f64);
        match verdict.check(name) {
            Err(error) if profiles.len() < all => self.report.failed(path, None, &error.to_string()),
            _ => Ok(()),
        }
    }

    /// Begins no more.
    fn stop(&mut self, master: &Path, error: &str) -> Result<(), Failure> {
        self.full = true;
        self.report.failed(master, None, error)
    }

    /// Asks for the renditions of a master.
    fn ask(&mut self, path: &Arc<Path>, Looked { mut wanted, found }: Looked) -> Result<(), Failure> {
        let name = wanted.candidate.name();
        let work = wanted.bytes as f64;
        let Some(found) = found else {
            self.report.settle(work * wanted.profiles.len() as f64);
            return Ok(());
        };
        let Found { master, verdict, loudness } = match found {
            Ok(found) => found,
            Err(error) => {
                self.worth_retrying |= error.is_worth_retrying();
                self.report.settle(work * wanted.profiles.len() as f64);
                self.albums.fail(&wanted.candidate);
                return self.report.failed(path, None, &error.to_string());
            }
        };
        match loudness {
            Some(Ok((tags, loudness))) => self.albums.add(&wanted.candidate, &master, &tags, &loudness),
            Some(Err(error)) => {
                self.albums.fail(&wanted.candidate);
                self.report.failed(path, None, &format!("not measured: {error}"))?;
            }
            None => {}
        }
        if let Some(verdict) = verdict {
            self.heed(path, &verdict, &mut wanted.profiles, work)?;
        }
        let request = Request { priority: Priority::Prewarm, on_drop: OnDrop::Cancel };
        let Chosen { plans, fell } = self.nearest.each(master.info(), &wanted.profiles);
        fell.iter().try_for_each(|fell| self.report.fell(path, fell))?;
        // Those that fell to others.
        self.report.settle(work * (wanted.profiles.len() - plans.len()) as f64);
        for plan in plans {
            let plan = match plan {
                Ok(plan) => plan,
                Err((profile, error)) => {
                    self.report.settle(work);
                    let error = self.nearest.refusal(&name, &profile, &error);
                    self.report.failed(path, Some(&profile), &error)?;
                    continue;
                }
            };
            let profile = *plan.profile();
            let rendition = match self.engine.request_with(&master, &profile, request) {
                Ok(rendition) => rendition,
                Err(error) => {
                    self.worth_retrying |= error.is_worth_retrying();
                    self.report.settle(work);
                    self.report.failed(path, Some(&profile), &format!("{name}: {error}"))?;
                    continue;
                }
            };
            let cap = rendition.len().cap() + OVERHEAD;
            if rendition.was_stored() {
                self.kept += cap;
                self.report.settle(work);
                self.report.present(path, &profile, &rendition.wait()?, false)?;
                continue;
            }
            if let Some(budget) = self.budget.filter(|budget| self.kept + cap > *budget) {
                let error = format!(
                    "{name} at {profile}: no room: what this run wants fills the budget of {}; stopping",
                    megabytes(budget)
                );
                return self.stop(path, &error);
            }
            self.kept += cap;
            let (master, priority) = (Arc::clone(path), wanted.priority);
            self.pressing.push(Pressing { master, priority, rendition, began: Instant::now(), work, cap });
        }
        Ok(())
    }

    /// Says what failed of a master if nothing more is to come of it.
    fn told(&mut self, master: &Path) {
        if !self.pressing.iter().any(|pressing| *pressing.master == *master) {
            self.report.settled(master);
        }
    }
}

impl Batch for Press {
    type Master = Looked;

    /// There is hardly anything left to press of what is as urgent, and nothing of what is more so.
    fn has_room(&self, next: &Looked) -> bool {
        let threads = self.engine.threads() as u64;
        let first = self.pressing.iter().map(|pressing| pressing.priority).max();
        let enough = if first.is_some_and(|first| first > next.wanted.priority) {
            threads
        } else {
            SEGMENTS * threads
        };
        let pressing = self.pressing.iter().map(|pressing| pressing.rendition.progress());
        has_room(pressing, next.wanted.profiles.len(), enough)
    }

    fn is_idle(&self) -> bool {
        self.pressing.is_empty()
    }

    fn is_full(&self) -> bool {
        self.full
    }

    fn begin(&mut self, looked: Looked) -> Result<(), Failure> {
        let path: Arc<Path> = looked.wanted.candidate.path.as_path().into();
        self.ask(&path, looked)?;
        self.told(&path);
        Ok(())
    }

    fn settle(&mut self, context: &mut Context) -> Result<(), Failure> {
        let mut at = 0;
        while let Some(pressing) = self.pressing.get(at) {
            let Poll::Ready(result) = pressing.rendition.poll_wait(context) else {
                at += 1;
                continue;
            };
            let Pressing { master, rendition, began, work, cap, .. } = self.pressing.remove(at);
            let plan = rendition.plan();
            self.kept -= cap;
            match result {
                Ok(object) if object.path().is_none() => {
                    self.worth_retrying = true;
                    self.report.settle(work);
                    let error = format!("{} at {}: {NOT_KEPT}; stopping", master.display(), plan.profile());
                    self.stop(&master, &error)?;
                }
                Ok(object) => {
                    self.kept += object.len() + OVERHEAD;
                    self.report.stored(&master, &rendition, &object, (work, began.elapsed()))?;
                }
                Err(error) => {
                    self.worth_retrying |= error.is_worth_retrying();
                    self.report.settle(work);
                    self.report.failed(&master, Some(plan.profile()), &error.to_string())?;
                }
            }
            self.told(&master);
        }
        Ok(())
    }

    fn show(&self) {
        let (mut work, mut audio) = (0.0, 0.0);
        for Pressing { rendition, work: all, .. } in &self.pressing {
            let (progress, plan) = (rendition.progress(), rendition.plan());
            let part = progress.segments_done as f64 / progress.segments as f64;
            work += part * all;
            audio += part * plan.resolved().rate().seconds(plan.samples());
        }
        let names: Vec<_> = self.pressing.iter().map(|pressing| pressing.master.to_string_lossy()).collect();
        self.report.show(work, audio, &stems(names.iter().map(|name| &**name)));
    }
}
