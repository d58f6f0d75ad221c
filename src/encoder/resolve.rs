//! From a profile and a master to every choice that encoding needs.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use super::resolved::Resolved;
use crate::error::{Error, Result};
use crate::master::MasterInfo;
use crate::mp3::frame::{RATES, Version};
use crate::profile::{Channels, Coding, Encoder, Profile, list};
use crate::units::{Kbps, SampleRate};

/// How many of the answers are kept: far more than a shop offers.
const MAX_KNOWN: usize = 1_024;

impl Profile {
    /// Makes every choice that the profile leaves open, as LAME would for this master.
    ///
    /// Two profiles that resolve alike are one rendition. Masters at multiples of 32, 44.1 and
    /// 48 kHz are treated as if they were at that rate.
    ///
    /// ```no_run
    /// use tonepress::{Profile, master::Master};
    /// let master = Master::open("song.flac")?; // stereo at 44.1 kHz
    /// let spelled: Profile = "cbr128:rate=44100".parse()?;
    /// assert_eq!(spelled.resolve(master.info())?, "128".parse::<Profile>()?.resolve(master.info())?);
    /// # Ok::<(), tonepress::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Profile`] if MP3 does not have the bitrate at the rate asked for or chosen; nothing is
    /// changed silently. [`Error::Processor`] as LAME is asked.
    pub fn resolve(&self, master: &MasterInfo) -> Result<Resolved> {
        let refuse = |detail| Error::Profile { profile: self.to_string(), detail };
        let channels = match self.channels {
            Some(Channels::Mono) => 1,
            Some(Channels::Stereo | Channels::Joint) => 2,
            None => master.layout.channels().min(2),
        };
        let encoder = self.encoder.unwrap_or_default();
        let resolved = choose(encoder, self, base_rate(master.rate), channels)?;

        let allowed = Version::of(resolved.rate)
            .ok_or_else(|| refuse(format!("LAME chose {}, which MP3 lacks", resolved.rate)))?
            .bitrates();
        let (lowest, highest) = (allowed[0], allowed[allowed.len() - 1]);
        match self.coding {
            Coding::Cbr(kbps) if !allowed.contains(&kbps.0) => {
                Err(refuse(format!("at {} MP3 has {} kbps{}", resolved.rate, list(allowed), elsewhere(kbps))))
            }
            Coding::Abr(kbps) if !(lowest..=highest).contains(&kbps.0) => {
                Err(refuse(format!("at {} the average can be {lowest} to {highest} kbps", resolved.rate)))
            }
            _ => Ok(resolved),
        }
    }
}

/// What the encoder chooses. It is asked once: with LAME that takes a third of a millisecond, a hundred times what all the
/// rest of a request for a stored rendition does.
fn choose(encoder: Encoder, profile: &Profile, rate: SampleRate, channels: usize) -> Result<Resolved> {
    static KNOWN: RwLock<BTreeMap<(Encoder, Profile, SampleRate, usize), Resolved>> =
        RwLock::new(BTreeMap::new());
    let question = (encoder, *profile, rate, channels);
    if let Some(resolved) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&question) {
        return Ok(*resolved);
    }
    let resolved = encoder.choose(profile, rate, channels)?;
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= MAX_KNOWN {
        known.pop_first();
    }
    known.insert(question, resolved);
    Ok(resolved)
}

/// The rate that LAME is asked about: 88.2 and 176.4 kHz are 44.1 times a power of two, and go there. 64 kHz does not
/// go to 32, where what lies above 16 kHz would be lost.
fn base_rate(rate: SampleRate) -> SampleRate {
    let hz = rate.hz();
    RATES
        .iter()
        .filter(|&&base| base > 32_000)
        .find(|&&base| hz > base && hz.is_multiple_of(base) && (hz / base).is_power_of_two())
        .and_then(|&base| SampleRate::new(base))
        .unwrap_or(rate)
}

/// Where a bitrate that is not allowed here would be.
fn elsewhere(kbps: Kbps) -> String {
    let rates: Vec<u32> = RATES
        .into_iter()
        .filter(|&hz| {
            SampleRate::new(hz).and_then(Version::of).is_some_and(|v| v.bitrates().contains(&kbps.0))
        })
        .collect();
    format!("; {kbps} needs one of rate={}", list(&rates))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::ResolvedCoding;
    use crate::master::{Codec, Container, Layout};
    use crate::mp3::frame::Mode;
    use crate::units::Samples;

    fn master(rate: u32, layout: Layout) -> MasterInfo {
        MasterInfo {
            container: Container::Flac,
            codec: Codec::Flac,
            rate: SampleRate::new(rate).unwrap(),
            bits: 16,
            layout,
            samples: Samples(441_000),
        }
    }

    fn resolve(profile: &str, rate: u32) -> Result<Resolved> {
        profile.parse::<Profile>().unwrap().resolve(&master(rate, Layout::STEREO))
    }

    #[test]
    fn spellings_that_mean_the_same_resolve_alike() {
        for (one, other) in [
            ("128", "128:rate=44100"),
            ("128", "128:joint"),
            ("v2", "v2:q=0"),
            ("320", "cbr320:rate=44100:joint"),
            ("64", "64:rate=24000"),
        ] {
            assert_eq!(resolve(one, 44_100).unwrap(), resolve(other, 44_100).unwrap(), "{one} and {other}");
        }
        assert_ne!(resolve("128", 44_100).unwrap(), resolve("128:stereo", 44_100).unwrap());
        assert_ne!(resolve("128", 44_100).unwrap(), resolve("128:whole", 44_100).unwrap());
        assert_ne!(resolve("128", 44_100).unwrap(), resolve("128:salvage", 44_100).unwrap());
    }

    #[test]
    fn high_rates_go_to_the_rate_they_are_multiples_of() {
        for (from, to) in [
            (44_100, 44_100),
            (88_200, 44_100),
            (176_400, 44_100),
            (352_800, 44_100),
            (48_000, 48_000),
            (96_000, 48_000),
            (192_000, 48_000),
            (384_000, 48_000),
            (64_000, 48_000),
            (128_000, 48_000),
            (256_000, 48_000),
            (56_000, 48_000),
            (37_800, 32_000),
        ] {
            assert_eq!(resolve("320", from).unwrap().rate.hz(), to, "from {from}");
            assert_eq!(resolve("v0", from).unwrap().rate.hz(), to, "from {from}");
        }
    }

    #[test]
    fn what_a_master_does_not_allow_is_an_error_that_names_what_would_do() {
        for (profile, rate, says) in [
            ("320", 22_050, "at 22050 Hz MP3 has 8, 16, 24"),
            ("320", 22_050, "rate=48000, 44100, 32000"),
            ("144", 44_100, "rate=24000, 22050, 16000"),
            ("8:rate=44100", 44_100, "at 44100 Hz MP3 has 32, 40"),
            ("abr200", 22_050, "8 to 160 kbps"),
        ] {
            let error = resolve(profile, rate).unwrap_err().to_string();
            assert!(error.contains(says), "{profile} at {rate}: {error}");
        }
    }

    #[test]
    fn lames_own_mapping_of_vbr_quality_is_kept_unless_a_rate_is_given() {
        let chosen = resolve("v7", 44_100).unwrap();
        assert_eq!((chosen.rate.hz(), chosen.lowpass), (32_000, None));
        assert!(matches!(chosen.coding, ResolvedCoding::Vbr(q) if (q - 5.6333).abs() < 1e-3), "{chosen}");
        let forced = resolve("v7:rate=44100", 44_100).unwrap();
        assert_eq!((forced.rate.hz(), forced.coding), (44_100, ResolvedCoding::Vbr(7.0)));
    }

    #[test]
    fn channels_follow_the_master_unless_asked_for() {
        let surround = Layout::new(&[crate::master::Position::Other; 6]).unwrap();
        for (profile, layout, mode) in [
            ("128", Layout::MONO, Mode::Mono),
            ("128:stereo", Layout::MONO, Mode::Stereo),
            ("128:mono", surround, Mode::Mono),
            ("128", surround, Mode::Joint),
            ("v2:stereo", surround, Mode::Stereo),
        ] {
            let resolved = profile.parse::<Profile>().unwrap().resolve(&master(44_100, layout)).unwrap();
            assert_eq!(resolved.mode, mode, "{profile} of {layout}");
        }
    }
}
