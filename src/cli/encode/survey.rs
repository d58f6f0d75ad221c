//! A look at all masters before the first is encoded: what can be known to fail is said at once, and the whole of the
//! work is known.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::PathBuf;

use tonepress::{Plan, Profile};

use super::super::args;
use super::super::masters::{Candidate, opened};
use super::super::report::Failure;
use super::report::Report;
use super::task::{Target, Task};

/// The masters, opened, with what is to be made of each.
pub(super) fn survey(args: &args::Encode, report: &mut Report) -> Result<Vec<Task>, Failure> {
    let profiles = args.profiles.each();
    let mut tasks = Vec::new();
    // No rendition may replace another or a master.
    let mut taken = HashSet::new();
    for opened in opened(&args.masters.paths, &args.profiles.limits()) {
        let (candidate, master) = match opened {
            Ok(opened) => opened,
            Err((name, error)) => {
                report.failed(&name, None, &error)?;
                continue;
            }
        };
        let name = candidate.name();
        if !taken.insert(candidate.path.clone()) {
            continue; // named twice
        }
        let mut targets = Vec::new();
        for profile in &profiles {
            let path = target_path(args, &candidate, profile);
            match Plan::new(master.info(), profile) {
                Err(error) => report.failed(&name, Some(profile), &format!("{name}: {error}"))?,
                Ok(_) if !taken.insert(path.clone()) => {
                    let error =
                        format!("{}: would replace a master or another MP3; see --name", path.display());
                    report.failed(&name, Some(profile), &error)?;
                }
                Ok(plan) => match path.symlink_metadata() {
                    // Known now, and not when all has been encoded.
                    Err(error) if error.kind() == ErrorKind::InvalidFilename => {
                        let error = format!("{}: the name is too long; see --name", path.display());
                        report.failed(&name, Some(profile), &error)?;
                    }
                    Ok(_) if !args.force && path.exists() => report.skipped(&name, profile, &path)?,
                    _ => targets.push(Target { plan, path }),
                },
            }
        }
        if !targets.is_empty() {
            tasks.push(Task { name, master, targets });
        }
    }
    Ok(tasks)
}

fn target_path(args: &args::Encode, candidate: &Candidate, profile: &Profile) -> PathBuf {
    let base = args.output.as_deref().unwrap_or(&candidate.root);
    let stem = candidate.path.file_stem().unwrap_or_default();
    args.name.path(base, &candidate.dir, stem, &profile.to_string())
}
