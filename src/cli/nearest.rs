//! A profile that a master does not allow, or the nearest lower one that it does.

use std::path::Path;

use serde::Serialize;
use tonepress::master::MasterInfo;
use tonepress::profile::Coding;
use tonepress::units::Kbps;
use tonepress::{Error, Plan, Profile};

use super::json::{self, Of};
use super::report::{self, Failure};
use super::text::plain;

/// What to do about such a profile.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Nearest {
    /// Where a master does not allow a bitrate (320 at 22.05 kHz), press the nearest lower one that it does,
    /// and say so
    #[arg(long = "nearest")]
    wanted: bool,
}

/// A profile that was asked for, and the one that stands for it.
pub(crate) struct Fell {
    from: Profile,
    to: Profile,
}

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    profile: String,
    nearest: String,
}

impl Fell {
    pub(crate) fn tell(&self, master: &Path, json: bool) -> Result<(), Failure> {
        let Self { from, to } = self;
        if json {
            let (profile, nearest) = (from.to_string(), to.to_string());
            return json::line("fell", &Json { of: Of::new(master), profile, nearest });
        }
        let name = master.to_string_lossy();
        report::note(&format!("{}: {from} is not possible here; {to} instead", plain(&name)));
        Ok(())
    }
}

/// What a master is pressed at.
#[derive(Default)]
pub(crate) struct Chosen {
    /// Each profile once, or why it cannot be.
    pub(crate) plans: Vec<Result<Plan, (Profile, Error)>>,
    pub(crate) fell: Vec<Fell>,
}

impl Nearest {
    #[cfg(feature = "queue-nats")]
    pub(crate) fn new(wanted: bool) -> Self {
        Self { wanted }
    }

    #[cfg(feature = "queue-nats")]
    pub(crate) fn is_wanted(self) -> bool {
        self.wanted
    }

    /// The plan of a profile, or of the one that it fell to.
    ///
    /// # Errors
    /// Those of [`Plan::new`].
    pub(crate) fn plan(self, master: &MasterInfo, profile: &Profile) -> Result<(Plan, Option<Fell>), Error> {
        let error = match Plan::new(master, profile) {
            Err(error @ Error::Profile { .. }) if self.wanted => error,
            planned => return planned.map(|plan| (plan, None)),
        };
        let Some(plan) = lower(master, profile) else { return Err(error) };
        let fell = Fell { from: *profile, to: *plan.profile() };
        Ok((plan, Some(fell)))
    }

    /// Why there is no plan, and what may be done about it.
    pub(crate) fn refusal(self, name: &str, profile: &Profile, error: &Error) -> String {
        let falls = !self.wanted
            && matches!(error, Error::Profile { .. })
            && !matches!(profile.coding, Coding::Vbr(_));
        let hint = if falls { "; --nearest takes the next lower one" } else { "" };
        format!("{name}: {error}{hint}")
    }

    /// The profiles that a master is pressed at: those asked for, as far as it allows them.
    pub(crate) fn each(self, master: &MasterInfo, asked: &[Profile]) -> Chosen {
        let mut chosen = Chosen::default();
        for profile in asked {
            match self.plan(master, profile) {
                Err(error) => chosen.plans.push(Err((*profile, error))),
                Ok((plan, None)) => chosen.plans.push(Ok(plan)),
                Ok((plan, Some(fell))) => {
                    // Asked for as well, or what another has fallen to.
                    let known =
                        asked.contains(&fell.to) || chosen.fell.iter().any(|other| other.to == fell.to);
                    chosen.fell.push(fell);
                    chosen.plans.extend((!known).then_some(Ok(plan)));
                }
            }
        }
        chosen
    }
}

/// The plan of the highest bitrate below that of a profile.
fn lower(master: &MasterInfo, profile: &Profile) -> Option<Plan> {
    let (Coding::Cbr(Kbps(kbps)) | Coding::Abr(Kbps(kbps))) = profile.coding else { return None };
    let with = |kbps| match profile.coding {
        Coding::Abr(_) => Coding::Abr(Kbps(kbps)),
        _ => Coding::Cbr(Kbps(kbps)),
    };
    // Bitrates that MP3 has: what an average may be at most is one of them, too.
    let has = |kbps: &u16| kbps.to_string().parse::<Profile>().is_ok();
    (8..kbps)
        .rev()
        .filter(has)
        .find_map(|kbps| Plan::new(master, &Profile { coding: with(kbps), ..*profile }).ok())
}
