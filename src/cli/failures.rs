//! Failures, each said once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use tonepress::Profile;

use super::json::{self, Failed};
use super::report::{self, Failure};
use super::text::{listed, several};

/// What failed. Of a master that fails in the same way at several profiles one line is made, when all of it is settled.
#[derive(Default)]
pub(crate) struct Failures {
    json: bool,
    waiting: BTreeMap<PathBuf, Vec<(String, Vec<String>)>>,
    masters: BTreeSet<PathBuf>,
    renditions: u64,
}

impl Failures {
    /// They are told machines or people.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, ..Self::default() }
    }

    /// A master failed, or one rendition of it. Machines are told at once, past the progress bar; people when the master
    /// is settled.
    pub(crate) fn tell(
        &mut self,
        bar: &ProgressBar,
        master: &Path,
        profile: Option<&Profile>,
        error: &str,
    ) -> Result<(), Failure> {
        self.add(master, profile, error);
        if !self.json {
            return Ok(());
        }
        bar.suspend(|| json::line("failed", &Failed::new(master, profile, error)))
    }

    /// Nothing more is to come of a master: says what failed of it, past the progress bar.
    pub(crate) fn settle(&mut self, bar: &ProgressBar, master: &Path) {
        let lines = self.of(master);
        if !self.json && !lines.is_empty() {
            bar.suspend(|| lines.iter().for_each(|line| report::error(line)));
        }
    }

    /// Says what has not been said yet.
    pub(crate) fn tell_rest(&mut self) {
        if !self.json {
            self.rest().iter().for_each(|line| report::error(line));
        }
    }

    fn add(&mut self, master: &Path, profile: Option<&Profile>, error: &str) {
        match profile {
            Some(_) => self.renditions += 1,
            None => {
                self.masters.insert(master.to_owned());
            }
        }
        let reasons = self.waiting.entry(master.to_owned()).or_default();
        let at = reasons.iter().position(|(reason, _)| reason == error).unwrap_or_else(|| {
            reasons.push((error.to_owned(), Vec::new()));
            reasons.len() - 1
        });
        reasons[at].1.extend(profile.map(Profile::to_string));
    }

    /// What is to be said of a master of which nothing more is to come.
    fn of(&mut self, master: &Path) -> Vec<String> {
        let reasons = self.waiting.remove(master).unwrap_or_default();
        reasons.into_iter().map(|(reason, profiles)| line(reason, &profiles)).collect()
    }

    /// What has not been said yet.
    fn rest(&mut self) -> Vec<String> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_values().flatten().map(|(reason, profiles)| line(reason, &profiles)).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Masters and renditions together.
    pub(crate) fn count(&self) -> u64 {
        self.masters.len() as u64 + self.renditions
    }

    /// "1 master and 2 renditions failed"; `None` if all went well.
    pub(crate) fn sum(&self) -> Option<String> {
        let counts = [(self.masters.len() as u64, "master"), (self.renditions, "rendition")];
        let counts: Vec<_> = counts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| several(number, what))
            .collect();
        (!counts.is_empty()).then(|| format!("{} failed", listed(&counts)))
    }
}

fn line(reason: String, profiles: &[String]) -> String {
    // Some reasons name the profile themselves.
    match profiles {
        [] => reason,
        [only] if reason.contains(&format!("'{only}'")) || reason.contains(&format!("at {only}")) => reason,
        several => format!("{reason} (at {})", listed(several)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_is_one_line() {
        let mut failures = Failures::default();
        let profile = |text: &str| text.parse::<Profile>().unwrap();
        let (cut, gone) = (Path::new("cut.wav"), Path::new("gone.wav"));
        for text in ["128", "320", "v0"] {
            failures.add(cut, Some(&profile(text)), "cut.wav: damaged");
        }
        failures.add(cut, Some(&profile("64")), "cut.wav: profile '64': no");
        failures.add(gone, None, "gone.wav: not there");
        assert_eq!(failures.of(cut), ["cut.wav: damaged (at 128, 320 and v0)", "cut.wav: profile '64': no"]);
        assert_eq!((failures.of(cut).len(), failures.rest()), (0, vec!["gone.wav: not there".to_owned()]));
        assert_eq!(failures.sum().as_deref(), Some("1 master and 4 renditions failed"));
    }
}
