//! The same work done by other programs.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tonepress::master::{Container, Master};
use tonepress::{Plan, Profile, SampleRate};

use super::cost::{Cost, Whose};
use crate::cli::args::Rival;

/// Commands, each of which reads what the one before writes.
pub(super) struct Pipeline(Vec<Command>);

/// The version of a program, if it is installed.
pub(super) fn version(rival: Rival) -> Option<String> {
    let argument = match rival {
        Rival::Lame => "--version",
        Rival::Ffmpeg => "-version",
    };
    let output = Command::new(rival.to_string()).arg(argument).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().find(|line| !line.is_empty())?.to_owned())
}

/// How `rival` makes renditions of the masters: `lame` one at a time, ffmpeg all of a master at once.
pub(super) fn pipelines(
    rival: Rival,
    masters: &[Master],
    profiles: &[Profile],
    folder: &Path,
) -> Result<Vec<Pipeline>, String> {
    let mut pipelines = Vec::new();
    for (id, master) in masters.iter().enumerate() {
        let mut plans = Vec::new();
        for profile in profiles {
            let plan = Plan::new(master.info(), profile).map_err(|error| error.to_string())?;
            let out = folder.join(format!("{id}.{profile}.{rival}.mp3"));
            plans.push((plan, out.display().to_string()));
        }
        match rival {
            Rival::Lame => {
                for (plan, out) in &plans {
                    pipelines.push(lame(master, plan, out)?);
                }
            }
            Rival::Ffmpeg => pipelines.push(ffmpeg(master, &plans)),
        }
    }
    Ok(pipelines)
}

fn lame(master: &Master, plan: &Plan, out: &str) -> Result<Pipeline, String> {
    let resolved = plan.resolved();
    let mut lame = Command::new("lame");
    // Its loudness analysis is no part of the work.
    lame.args(["--quiet", "--noreplaygain", "-q", &plan.profile().effort.to_string()]);
    match plan.profile().coding {
        tonepress::profile::Coding::Cbr(kbps) => lame.args(["-b", &kbps.0.to_string()]),
        tonepress::profile::Coding::Abr(kbps) => lame.args(["--abr", &kbps.0.to_string()]),
        tonepress::profile::Coding::Vbr(quality) => lame.args(["-V", &quality.value().to_string()]),
    };
    lame.args(["-m", if resolved.channels() == 1 { "m" } else { mode(plan, "j", "s") }]);
    if let Some(rate) = other_rate(master, plan) {
        lame.args(["--resample", &(f64::from(rate.hz()) / 1_000.0).to_string()]);
    }
    match master.info().container {
        Container::Wav | Container::Aiff => {
            lame.args([master.name(), out]);
            Ok(Pipeline(vec![lame]))
        }
        Container::Flac => {
            let mut flac = Command::new("flac");
            flac.args(["-dcs", master.name()]);
            lame.args(["-", out]);
            Ok(Pipeline(vec![flac, lame]))
        }
        other => Err(format!("{}: lame reads no {other}", master.name())),
    }
}

fn ffmpeg(master: &Master, plans: &[(Plan, String)]) -> Pipeline {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-y", "-i", master.name()]);
    for (plan, out) in plans {
        let resolved = plan.resolved();
        ffmpeg.args(["-map", "0:a:0", "-c:a", "libmp3lame", "-map_metadata", "-1"]);
        ffmpeg.args(["-compression_level", &plan.profile().effort.to_string()]);
        match plan.profile().coding {
            tonepress::profile::Coding::Cbr(kbps) => ffmpeg.args(["-b:a", &format!("{}k", kbps.0)]),
            tonepress::profile::Coding::Abr(kbps) => {
                ffmpeg.args(["-abr", "1", "-b:a", &format!("{}k", kbps.0)])
            }
            tonepress::profile::Coding::Vbr(quality) => ffmpeg.args(["-q:a", &quality.value().to_string()]),
        };
        ffmpeg.args(["-joint_stereo", mode(plan, "1", "0"), "-ac", &resolved.channels().to_string()]);
        if let Some(rate) = other_rate(master, plan) {
            ffmpeg.args(["-ar", &rate.hz().to_string()]);
        }
        ffmpeg.arg(out);
    }
    Pipeline(vec![ffmpeg])
}

fn mode(plan: &Plan, joint: &'static str, other: &'static str) -> &'static str {
    if plan.resolved().mode() == tonepress::mp3::frame::Mode::Joint { joint } else { other }
}

fn other_rate(master: &Master, plan: &Plan) -> Option<SampleRate> {
    let rate = plan.resolved().rate();
    (rate != master.info().rate).then_some(rate)
}

/// Runs all pipelines, `at_once` of them at a time.
pub(super) fn run(pipelines: Vec<Pipeline>, at_once: usize) -> Result<Cost, String> {
    let waiting = Mutex::new(VecDeque::from(pipelines));
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || {
        while let Some(pipeline) = next() {
            pipeline.run()?;
        }
        Ok(())
    };
    let (cost, done) = Cost::of(Whose::Children, || {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err("a worker panicked".to_owned())))
        })
    });
    done.map(|()| cost)
}

impl Pipeline {
    fn run(self) -> Result<(), String> {
        let last = self.0.len() - 1;
        let mut running: Vec<(String, Child)> = Vec::new();
        let mut done = Ok(());
        for (at, mut command) in self.0.into_iter().enumerate() {
            let input = running.last_mut().and_then(|(_, child)| child.stdout.take());
            command.stdin(input.map_or_else(Stdio::null, Stdio::from));
            command.stdout(if at < last { Stdio::piped() } else { Stdio::null() });
            let name = command.get_program().to_string_lossy().into_owned();
            match command.spawn() {
                Ok(child) => running.push((name, child)),
                Err(error) => {
                    done = Err(format!("{name}: {error}"));
                    break;
                }
            }
            // With the command goes our end of the pipe: whoever writes hears if nobody reads any more.
        }
        for (name, child) in &mut running {
            drop(child.stdout.take());
            // What it had to say it has said on standard error.
            match child.wait() {
                Ok(status) if status.success() => {}
                Ok(status) => done = done.and(Err(format!("{name}: {status}"))),
                Err(error) => done = done.and(Err(format!("{name}: {error}"))),
            }
        }
        done
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, command) in self.0.iter().enumerate() {
            f.write_str(if at > 0 { " | " } else { "" })?;
            f.write_str(&command.get_program().to_string_lossy())?;
            for argument in command.get_args() {
                write!(f, " {}", argument.to_string_lossy())?;
            }
        }
        Ok(())
    }
}
