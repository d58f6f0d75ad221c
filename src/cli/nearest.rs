//! A profile that a master does not allow, or the nearest lower one that it does.

use std::path::Path;

use tonepress::master::MasterInfo;
use tonepress::profile::Coding;
use tonepress::units::Kbps;
use tonepress::{Error, Plan, Profile};

use super::report;
use super::text::plain;

/// What to do about such a profile.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Nearest {
    /// Where a master does not allow a bitrate (320 at 22.05 kHz), press the nearest lower one that it does,
    /// and say so
    #[arg(long = "nearest")]
    wanted: bool,
}

impl Nearest {
    /// The plan of a profile; `None` if it fell to one that is asked for too.
    ///
    /// # Errors
    /// Those of [`Plan::new`].
    pub(crate) fn plan(
        self,
        name: &Path,
        master: &MasterInfo,
        profile: &Profile,
        asked: &[Profile],
    ) -> Result<Option<Plan>, Error> {
        let error = match Plan::new(master, profile) {
            Err(error @ Error::Profile { .. }) if self.wanted => error,
            planned => return planned.map(Some),
        };
        let Some(plan) = lower(master, profile) else { return Err(error) };
        let nearest = plan.profile();
        let name = name.to_string_lossy();
        report::note(&format!("{}: {profile} is not possible here; {nearest} instead", plain(&name)));
        Ok((!asked.contains(nearest)).then_some(plan))
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
    pub(crate) fn each(
        self,
        name: &Path,
        master: &MasterInfo,
        asked: &[Profile],
    ) -> Vec<Result<Plan, (Profile, Error)>> {
        let mut plans: Vec<Result<Plan, (Profile, Error)>> = Vec::new();
        for profile in asked {
            match self.plan(name, master, profile, asked) {
                Ok(None) => {}
                // Two may have fallen to the same.
                Ok(Some(plan)) if plans.iter().flatten().any(|other| other.profile() == plan.profile()) => {}
                Ok(Some(plan)) => plans.push(Ok(plan)),
                Err(error) => plans.push(Err((*profile, error))),
            }
        }
        plans
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
