//! A look at all masters before the first is encoded: what can be known to fail is said at once, and the whole of the
//! work is known.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tonepress::master::Master;
use tonepress::tags::Tags;
use tonepress::{Plan, Profile};

use super::super::args;
use super::super::masters::{Candidate, opened};
use super::super::report::{Failure, detail};
use super::super::text::plain;
use super::output::Output;
use super::report::Report;
use super::task::{Target, Task};

/// Whose a path is: no MP3 may replace another or a master.
enum Taken {
    ByMaster,
    /// By an MP3 of this master at this profile.
    ByMp3(PathBuf, Profile),
}

/// The masters, opened, with what is to be made of each.
pub(super) fn survey(args: &args::Encode, report: &mut Report) -> Result<Vec<Task>, Failure> {
    let profiles = args.profiles.each();
    let output = Output::of(args, &profiles)?;
    let masters = masters(args, &output, report)?;
    let mut taken: HashMap<PathBuf, Taken> =
        masters.iter().map(|(candidate, _)| (candidate.path.clone(), Taken::ByMaster)).collect();
    let mut tasks = Vec::new();
    for (candidate, master) in masters {
        let path = candidate.path.clone();
        let tags = if output.needs_tags() { master.tags() } else { Ok(Tags::default()) };
        let tags = match tags {
            Ok(tags) => tags,
            Err(error) => {
                report.failed(&path, None, &error.to_string())?;
                report.settled(&path);
                continue;
            }
        };
        let mut targets = Vec::new();
        for planned in args.profiles.nearest.each(&path, master.info(), &profiles) {
            let plan = match planned {
                Ok(plan) => plan,
                Err((profile, error)) => {
                    let error = args.profiles.nearest.refusal(&candidate.name(), &profile, &error);
                    report.failed(&path, Some(&profile), &error)?;
                    continue;
                }
            };
            let mp3 = output.path(&candidate, &tags, plan.profile());
            if let Err(error) = is_free(&mp3, &path, &plan, &taken, &output) {
                report.failed(&path, Some(plan.profile()), &error)?;
                continue;
            }
            taken.insert(mp3.clone(), Taken::ByMp3(path.clone(), *plan.profile()));
            if !args.force && mp3.exists() {
                detail(|| format!("{}: there already", plain(&mp3.to_string_lossy())));
                report.skipped(&path, plan.profile(), &mp3)?;
            } else {
                targets.push(Target { plan, path: mp3 });
            }
        }
        report.settled(&path);
        if !targets.is_empty() {
            tasks.push(Task { path, master, targets });
        }
    }
    Ok(tasks)
}

/// All masters, each once.
fn masters(
    args: &args::Encode,
    output: &Output,
    report: &mut Report,
) -> Result<Vec<(Candidate, Master)>, Failure> {
    let (exclude, limits) = (args.masters.exclude.set()?, args.profiles.limits());
    let (mut masters, mut seen, mut failed) = (Vec::new(), HashSet::new(), 0);
    for path in args.masters.paths.iter().filter(|path| seen.insert((*path).clone())) {
        for opened in opened(std::slice::from_ref(path), &exclude, &limits) {
            match opened {
                Ok((candidate, master)) => {
                    output.check(&candidate)?;
                    masters.push((candidate, master));
                }
                Err(unread) => {
                    // As other encoders have it: the master, then the MP3.
                    let is_target = args.masters.paths.len() > 1 && names_no_file(&unread.path);
                    let hint = if is_target { "; the MP3 to write is named with -o" } else { "" };
                    report.failed(&unread.path, None, &format!("{}{hint}", unread.error))?;
                    report.settled(&unread.path);
                    failed += 1;
                }
            }
            output.admit(masters.len() + failed)?;
        }
    }
    let mut seen = HashSet::new();
    masters.retain(|(candidate, _): &(Candidate, Master)| seen.insert(candidate.path.clone()));
    Ok(masters)
}

/// Whether it is called like an MP3, and is not there.
fn names_no_file(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("mp3")) && !path.exists()
}

/// Whether an MP3 can be written to `mp3`, or why not.
fn is_free(
    mp3: &Path,
    master: &Path,
    plan: &Plan,
    taken: &HashMap<PathBuf, Taken>,
    output: &Output,
) -> Result<(), String> {
    let name = mp3.display();
    match taken.get(mp3) {
        Some(Taken::ByMaster) => {
            return Err(format!("{name}: this MP3 would replace a master; see --name"));
        }
        Some(Taken::ByMp3(other, at)) if other == master => {
            let hint = if output.name.has_profile() { "" } else { ": put {profile} into --name" };
            return Err(format!(
                "{name}: {} would be written there at {at} and at {}{hint}",
                master.display(),
                plan.profile()
            ));
        }
        Some(Taken::ByMp3(other, at)) => {
            let (other, master) = (other.display(), master.display());
            return Err(format!(
                "{name}: both {other} (at {at}) and {master} (at {}) would be written there; see --name",
                plan.profile()
            ));
        }
        None => {}
    }
    match mp3.symlink_metadata() {
        // Known now, and not when all has been encoded.
        Err(error) if error.kind() == ErrorKind::InvalidFilename => {
            Err(format!("{name}: the name is too long; see --name"))
        }
        _ => Ok(()),
    }
}
