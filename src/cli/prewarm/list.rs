//! What is to be there: from the command line and from a list.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tonepress::Profile;

use super::super::args;
use super::super::masters::{Candidate, Unread, candidates};
use super::super::report::Failure;

/// A master and the profiles it is wanted at.
pub(super) struct Wanted {
    pub(super) candidate: Candidate,
    pub(super) profiles: Vec<Profile>,
    pub(super) priority: i64,
    /// The size of its file, by which the work is judged before it is opened.
    pub(super) bytes: u64,
}

/// A line of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    master: PathBuf,
    to: Option<To>,
    #[serde(default)]
    priority: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum To {
    One(String),
    Several(Vec<String>),
}

impl To {
    fn profiles(&self) -> Result<Vec<Profile>, String> {
        let texts = match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        };
        let each = texts.iter().flat_map(|text| text.split(','));
        each.map(|text| text.parse().map_err(|error: tonepress::Error| error.to_string())).collect()
    }
}

/// All that is wanted, each rendition of a file once, the most urgent first and otherwise in the order
/// given. `fail` is told of places that cannot be read.
///
/// # Errors
/// A list that cannot be read, or has a line that cannot be understood: then nothing is begun.
pub(super) fn read(
    args: &args::Wants,
    mut fail: impl FnMut(&Unread) -> Result<(), Failure>,
) -> Result<Vec<Wanted>, Failure> {
    let exclude = args.exclude.set()?;
    let mut all = Vec::new();
    let mut add = |path: &Path, profiles: &[Profile], priority| {
        let profiles = args.encoder.each(profiles);
        for candidate in candidates(std::slice::from_ref(&path.to_owned()), &exclude) {
            match candidate {
                Err(unread) => fail(&unread)?,
                Ok(candidate) => {
                    let bytes = candidate.bytes();
                    all.push(Wanted { candidate, profiles: profiles.clone(), priority, bytes });
                }
            }
        }
        Ok::<_, Failure>(())
    };
    if let Some(from) = &args.from {
        let name = from.display();
        let list: Box<dyn BufRead> = if from.as_os_str() == "-" {
            Box::new(io::stdin().lock())
        } else {
            let file = File::open(from).map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
            Box::new(BufReader::new(file))
        };
        for (number, line) in (1..).zip(list.lines()) {
            let wrong =
                |error: &dyn std::fmt::Display| Failure::Usage(format!("{name}, line {number}: {error}"));
            let line = line.map_err(|error| wrong(&error))?;
            if line.trim().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_str(&line).map_err(|error| wrong(&error))?;
            match line.to.as_ref().map(To::profiles).transpose().map_err(|error| wrong(&error))? {
                Some(profiles) => add(&line.master, &profiles, line.priority)?,
                None if args.profiles.is_empty() => {
                    return Err(wrong(&"no profile: it has no \"to\", and --to was not given"));
                }
                None => add(&line.master, &args.profiles, line.priority)?,
            }
        }
    }
    for path in &args.paths {
        add(path, &args.profiles, 0)?;
    }
    all.sort_by_key(|wanted| std::cmp::Reverse(wanted.priority));
    let mut asked: HashMap<PathBuf, Vec<Profile>> = HashMap::new();
    for wanted in &mut all {
        let asked = asked.entry(wanted.candidate.path.clone()).or_default();
        wanted.profiles.retain(|profile| {
            let new = !asked.contains(profile);
            if new {
                asked.push(*profile);
            }
            new
        });
    }
    all.retain(|wanted| !wanted.profiles.is_empty());
    Ok(all)
}
