//! `tonepress bench`: what speed there is, and where it goes.

mod baseline;
mod capacity;
mod cold;
mod cost;
mod expect;
mod memory;
mod ours;
mod plot;
mod progress;
mod results;
mod rivals;
mod signal;
mod table;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::{fs, io};

use tonepress::Profile;
use tonepress::master::Master;

use cost::{Cost, Spread, Whose};
use progress::Progress;
use results::{MasterFacts, Program, Results, Samples, Work};

use super::args::Rival;
use super::masters::candidates;
use super::report::{self, Failure};
use super::text::{self, wait};
use super::{Outcome, args, interrupt, json, options};

pub(crate) fn run(args: &args::Bench) -> Result<Outcome, Failure> {
    let interrupted = interrupt::catch(|| ())?;
    // What cannot be read or written is said before anything is measured.
    let before = args.baseline.as_deref().map(baseline::read).transpose()?;
    if let Some(path) = &args.plot {
        fs::write(path, "")
            .map_err(|error| Failure::Other(format!("writing {}: {error}", path.display())))?;
    }

    let failed = |error: io::Error| Failure::Other(format!("a temporary folder: {error}"));
    let folder = tempfile::Builder::new().prefix("tonepress-bench-").tempdir().map_err(failed)?;
    let mut results = match measure(args, folder.path(), &interrupted) {
        Err(_) if interrupted.load(Ordering::Relaxed) => return Ok(Outcome::Interrupted),
        measured => measured?,
    };
    if let Some(before) = &before {
        results.baseline = baseline::compare(before, &results);
    }
    if let Some(path) = &args.plot {
        plot::draw(&results, path)?;
    }
    if args.json.json {
        json::line("bench", &results)?;
    } else {
        table::print(&results)?;
    }
    results.warnings.iter().for_each(|warning| report::warn(warning));
    let Some(limit) = args.fail_above else { return Ok(Outcome::Done) };
    let worse = baseline::worse_than(&results.baseline, limit);
    for ratio in &worse {
        report::error(&format!(
            "{}: worse by {:.1} %, and {limit} % is the limit",
            ratio.figure, ratio.worse_percent
        ));
    }
    Ok(if worse.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

/// What a signal that was made is called.
const SIGNAL: &str = "a signal like music";

/// The masters to measure with.
fn masters(args: &args::Bench, folder: &Path) -> Result<Vec<Master>, Failure> {
    if args.masters.is_empty() {
        let path = folder.join("signal.wav");
        signal::write(&path, args.seconds)
            .map_err(|error| Failure::Other(format!("writing {}: {error}", path.display())))?;
        return Ok(vec![Master::open(&path)?]);
    }
    let limits = options::limits(&args.profiles());
    let mut masters = Vec::new();
    let exclude = args.exclude.set()?;
    for candidate in candidates(&args.masters, &exclude) {
        let candidate = candidate.map_err(|unread| Failure::Other(unread.error))?;
        masters.extend(candidate.open(&limits).transpose()?);
    }
    if masters.is_empty() { Err(Failure::Usage("no master was found".to_owned())) } else { Ok(masters) }
}

/// "1 thread", "2 threads".
fn several(number: usize, what: &str) -> String {
    text::several(number as u64, what)
}

/// 1, 2, 4 … and `most`.
fn thread_counts(most: usize) -> Vec<usize> {
    let mut counts: Vec<usize> =
        std::iter::successors(Some(1), |count| Some(count * 2)).take_while(|count| *count < most).collect();
    counts.push(most);
    counts
}

/// Some masters and profiles to measure.
struct Task<'a> {
    name: String,
    masters: &'a [Master],
    profiles: &'a [Profile],
    threads: Vec<usize>,
}

impl Task<'_> {
    /// Seconds of audio that come out.
    fn audio(&self) -> f64 {
        let seconds: f64 = self.masters.iter().map(|master| master.info().seconds()).sum();
        seconds * self.profiles.len() as f64
    }
}

/// Each profile of the first master; all of them; all of all masters.
fn tasks<'a>(masters: &'a [Master], profiles: &'a [Profile], threads: usize) -> Vec<Task<'a>> {
    let first = &masters[..1];
    let mut tasks: Vec<_> = profiles
        .iter()
        .map(|profile| Task {
            name: profile.to_string(),
            masters: first,
            profiles: std::slice::from_ref(profile),
            threads: thread_counts(threads),
        })
        .collect();
    if profiles.len() > 1 {
        let name = several(profiles.len(), "profile");
        tasks.push(Task { name, masters: first, profiles, threads: thread_counts(threads) });
    }
    if masters.len() > 1 {
        let name = format!("{} masters, {}", masters.len(), several(profiles.len(), "profile"));
        tasks.push(Task { name, masters, profiles, threads: vec![threads] });
    }
    tasks
}

fn measure(args: &args::Bench, folder: &Path, interrupted: &AtomicBool) -> Result<Results, Failure> {
    let masters = masters(args, folder)?;
    let (profiles, threads, runs) = (args.profiles(), args.jobs.threads().get(), args.runs.get());
    for master in &masters {
        for profile in &profiles {
            ours::plan(master, profile)?;
        }
    }
    let tasks = tasks(&masters, &profiles, threads);
    let (rivals, programs) = rivals(args, &masters, &profiles, folder);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut warnings: Vec<String> = expect::busy(cores).into_iter().collect();
    let expected = expect::duration(&tasks, &masters[0], runs, rivals.len(), cores);
    report::note(&format!("measuring takes about {}: {}", wait(expected), several(runs, "run")));
    let steps: usize = tasks
        .iter()
        .map(|task| task.threads.len() + usize::from(task.masters.len() == 1) + rivals.len())
        .sum();
    let bench = Bench { rivals, folder, interrupted, progress: Progress::start(runs * steps, expected) };
    bench.progress.doing("memory".to_owned());
    let mut memory = Vec::new();
    memory.extend(memory::peak("one master".to_owned(), &masters[..1], &profiles, threads, folder)?);
    if masters.len() > 1 {
        let what = format!("{} masters", masters.len());
        memory.extend(memory::peak(what, &masters, &profiles, threads, folder)?);
    }
    let (works, lame_speedup) = bench.run(&tasks, runs)?;
    let pressing = works[0].ours.last().map_or(0.0, |ours| ours.runs.wall_s.median);
    let cold = cold::cold(&masters[0], &profiles, threads, runs)?;
    let hits = cold::hits(&masters[0], &profiles[0], (threads, runs), pressing, folder)?;
    bench.progress.end();
    warnings.extend(lame_speedup.and_then(|speedup| expect::shared(speedup.median, threads)));
    let build = tonepress::build_info();
    Ok(Results {
        version: build.version.to_owned(),
        build: format!("{} build for {}", build.profile, build.target),
        lame: build.lame,
        lame_flags: build.lame_flags.to_owned(),
        cpu: processor(),
        cores,
        threads,
        runs,
        masters: masters.iter().map(|master| facts(master, folder)).collect(),
        programs,
        capacities: capacity::capacities(&works, args.cost_per_core_hour),
        listeners: capacity::listeners(&works),
        works,
        lame_speedup,
        cold,
        hits,
        memory,
        baseline: Vec::new(),
        warnings,
    })
}

/// The programs to compare with that are there, and what is to be said of them.
fn rivals(
    args: &args::Bench,
    masters: &[Master],
    profiles: &[Profile],
    folder: &Path,
) -> (Vec<Rival>, Vec<Program>) {
    let (mut rivals, mut programs) = (Vec::new(), Vec::new());
    for rival in args.against() {
        let Some(version) = rivals::version(rival) else {
            report::note(&format!("{rival} is not installed: left out"));
            continue;
        };
        match rivals::pipelines(rival, masters, profiles, folder) {
            Ok(pipelines) => {
                let command = pipelines[0].to_string();
                programs.push(Program { name: rival.to_string(), version, command });
                rivals.push(rival);
            }
            Err(error) => report::note(&format!("{error}: left out")),
        }
    }
    (rivals, programs)
}

struct Bench<'a> {
    rivals: Vec<Rival>,
    folder: &'a Path,
    interrupted: &'a AtomicBool,
    progress: Progress,
}

impl Bench<'_> {
    /// Everything, run by run: whatever disturbs the machine for a while disturbs all alike.
    fn run(&self, tasks: &[Task], runs: usize) -> Result<(Vec<Work>, Option<Spread>), Failure> {
        let (mut samples, mut speedups) = (Vec::new(), Vec::new());
        for task in tasks {
            samples.push(self.prepare(task)?);
        }
        for run in 1..=runs {
            self.progress.run(run, runs);
            for (at, (task, samples)) in tasks.iter().zip(&mut samples).enumerate() {
                self.once(task, samples)?;
                if at == 0 {
                    speedups.extend(self.lame_speedup(task, samples)?);
                }
            }
        }
        let works = samples.into_iter().zip(tasks).map(|(samples, task)| {
            let profiles = task.profiles.iter().map(Profile::to_string).collect();
            samples.sum_up(task.name.clone(), task.masters.len(), profiles, task.audio())
        });
        let lame_speedup = (!speedups.is_empty()).then(|| Spread::of(speedups));
        Ok((works.collect(), lame_speedup))
    }

    /// What more threads give LAME alone, if there are more.
    fn lame_speedup(&self, task: &Task, samples: &Samples) -> Result<Option<f64>, Failure> {
        let most = task.threads.last().copied().unwrap_or(1);
        let Some(&one) = samples.floor.last().filter(|_| most > 1) else { return Ok(None) };
        self.progress.doing(format!("{}: LAME alone, {most} at once", task.name));
        Ok(Some(ours::lame_speedup(&task.masters[0], &task.profiles[0], most, one)?))
    }

    /// Lists what is to be measured, and finds out what one look is enough for.
    fn prepare(&self, task: &Task) -> Result<Samples, Failure> {
        let at_once = |rival: &Rival| -> Result<_, Failure> {
            let pipelines = rivals::pipelines(*rival, task.masters, task.profiles, self.folder)?;
            let most = task.threads.last().copied().unwrap_or(1);
            Ok((rival.to_string(), pipelines.len().min(most), Vec::new()))
        };
        Ok(Samples {
            floor: Vec::new(),
            ours: task.threads.iter().map(|&threads| (threads, Vec::new())).collect(),
            others: self.rivals.iter().map(at_once).collect::<Result<_, _>>()?,
            shares: match task.masters {
                [master] => Some(ours::shares(master, task.profiles, self.folder)?),
                _ => None,
            },
        })
    }

    fn once(&self, task: &Task, samples: &mut Samples) -> Result<(), Failure> {
        if let [master] = task.masters {
            self.progress.doing(format!("{}: LAME alone", task.name));
            let costs = task.profiles.iter().map(|profile| ours::floor(master, profile));
            samples.floor.push(costs.sum::<Result<Cost, String>>()?);
            self.step()?;
        }
        for (threads, costs) in &mut samples.ours {
            self.progress.doing(format!("{}: {}", task.name, several(*threads, "thread")));
            let (cost, done) = Cost::of(Whose::Ours, || {
                ours::press(task.masters, task.profiles, *threads, self.folder, self.interrupted)
            });
            done?;
            costs.push(cost);
            self.step()?;
        }
        for (rival, (name, at_once, costs)) in self.rivals.iter().zip(&mut samples.others) {
            self.progress.doing(format!("{}: {name}", task.name));
            let pipelines = rivals::pipelines(*rival, task.masters, task.profiles, self.folder)?;
            costs.push(rivals::run(pipelines, *at_once)?);
            self.step()?;
        }
        Ok(())
    }

    fn step(&self) -> Result<(), Failure> {
        self.progress.step();
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Failure::Other("interrupted".to_owned()));
        }
        Ok(())
    }
}

fn facts(master: &Master, folder: &Path) -> MasterFacts {
    let info = master.info();
    MasterFacts {
        name: if Path::new(master.name()).starts_with(folder) { SIGNAL } else { master.name() }.to_owned(),
        audio: format!("{}, {} bits, {}, {}", info.codec, info.bits, info.rate, info.layout),
        duration_s: info.seconds(),
    }
}

/// The processor's name, or only its kind where the system does not tell.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}
