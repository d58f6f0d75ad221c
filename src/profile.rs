//! Profiles: what a customer asks for, and what it comes to for one master.
//!
//! A profile is typed as a coding and options, separated by colons:
//!
//! | text | meaning |
//! |---|---|
//! | `128`, `128k`, `cbr128` | constant bitrate, kbps: 8 … 320 |
//! | `abr160` | average bitrate, kbps |
//! | `v0` … `v9`, `v2.5` | variable bitrate by quality: 0 is the best and largest |
//! | `:mono`, `:stereo`, `:joint` | one channel, two separate ones, two in joint stereo |
//! | `:rate=22050` | the sampling rate in hertz |
//! | `:lame`, `:native` | the encoder; LAME unless said otherwise. The native one is ten times as fast |
//! | `:q=4` | LAME's effort, 0 (slowest) … 9 (fastest); 4 unless said otherwise. The native encoder has one |
//! | `:whole` | one segment, as LAME alone would encode it: no seams, no parallelism |
//! | `:salvage` | silence for what of the master is damaged or missing, instead of an error |

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::mp3::frame::{RATES, Version};
use crate::units::{Kbps, SampleRate};

/// What turns PCM into MP3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Encoder {
    /// LAME 3.100.
    #[default]
    Lame,
    /// Ours: ten times as fast, the same bytes on every processor.
    Native,
}

impl Encoder {
    /// All encoders.
    pub const ALL: [Self; 2] = [Self::Lame, Self::Native];

    /// As it is typed: `lame`, `native`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lame => "lame",
            Self::Native => "native",
        }
    }
}

/// How bits are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// Every frame at the same bitrate: the size is known beforehand.
    Cbr(Kbps),
    /// Frames differ, their mean is near a bitrate.
    Abr(Kbps),
    /// Frames differ, their quality is constant.
    Vbr(VbrQuality),
}

/// LAME's VBR quality in thousandths: 0 (best) … 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VbrQuality(u16);

impl VbrQuality {
    /// The quality `thousandths / 1000`; `None` above 9.999.
    #[must_use]
    pub fn new(thousandths: u16) -> Option<Self> {
        (thousandths <= 9_999).then_some(Self(thousandths))
    }

    /// As LAME takes it: 0.0 (best) … 9.999.
    #[must_use]
    pub fn value(self) -> f32 {
        f32::from(self.0) / 1000.0
    }
}

/// The channels asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channels {
    /// One, mixed down if need be.
    Mono,
    /// Two, always coded as left and right.
    Stereo,
    /// Two, coded as left/right or mid/side, frame by frame.
    Joint,
}

/// What a customer asks for. Parsed from and shown as text: see the [module](self).
///
/// ```
/// use tonepress::Profile;
/// let profile: Profile = "CBR192:q=4".parse()?;
/// assert_eq!(profile.to_string(), "192");
/// assert!("129".parse::<Profile>().is_err());
/// # Ok::<(), tonepress::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Profile {
    /// How bits are spent.
    pub coding: Coding,
    /// `None`: mono stays mono, all else becomes joint stereo.
    pub channels: Option<Channels>,
    /// `None`: what LAME would choose.
    pub rate: Option<SampleRate>,
    /// `None`: the default, which is LAME unless an engine was built with another.
    pub encoder: Option<Encoder>,
    /// The encoder's effort: 0 (slowest) … 9 (fastest).
    pub effort: u8,
    /// One segment, as LAME alone would encode it.
    pub whole: bool,
    /// Silence for what of the master is damaged or missing.
    pub salvage: bool,
}

impl Profile {
    /// The effort unless said otherwise: by ear models as good as any lower number, and faster.
    pub const DEFAULT_EFFORT: u8 = 4;

    /// The profile with `coding` and every option at its default.
    #[must_use]
    pub const fn new(coding: Coding) -> Self {
        Self {
            coding,
            channels: None,
            rate: None,
            encoder: None,
            effort: Self::DEFAULT_EFFORT,
            whole: false,
            salvage: false,
        }
    }

    /// The same profile, pressed by `encoder` if it names none.
    ///
    /// ```
    /// use tonepress::{Encoder, Profile};
    /// let profile: Profile = "192".parse()?;
    /// assert_eq!(profile.or_encoder(Encoder::Native), "192:native".parse()?);
    /// assert_eq!(profile.or_encoder(Encoder::default()), profile);
    /// # Ok::<(), tonepress::Error>(())
    /// ```
    #[must_use]
    pub fn or_encoder(self, encoder: Encoder) -> Self {
        let chosen = Some(encoder).filter(|encoder| *encoder != Encoder::default());
        Self { encoder: self.encoder.or(chosen), ..self }
    }

    /// Whether the size of its renditions is known beforehand.
    #[must_use]
    pub const fn is_cbr(&self) -> bool {
        matches!(self.coding, Coding::Cbr(_))
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cbr(kbps) => write!(f, "{}", kbps.0),
            Self::Abr(kbps) => write!(f, "abr{}", kbps.0),
            Self::Vbr(VbrQuality(thousandths)) => {
                let (whole, fraction) = (thousandths / 1000, thousandths % 1000);
                let fraction = format!("{fraction:03}");
                let fraction = fraction.trim_end_matches('0');
                let point = if fraction.is_empty() { "" } else { "." };
                write!(f, "v{whole}{point}{fraction}")
            }
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![self.coding.to_string()];
        parts.extend(self.channels.map(|channels| match channels {
            Channels::Mono => "mono".to_owned(),
            Channels::Stereo => "stereo".to_owned(),
            Channels::Joint => "joint".to_owned(),
        }));
        parts.extend(self.rate.map(|rate| format!("rate={}", rate.hz())));
        parts.extend(self.encoder.map(|encoder| encoder.name().to_owned()));
        parts.extend((self.effort != Self::DEFAULT_EFFORT).then(|| format!("q={}", self.effort)));
        parts.extend(self.whole.then(|| "whole".to_owned()));
        parts.extend(self.salvage.then(|| "salvage".to_owned()));
        f.pad(&parts.join(":"))
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let lower = text.to_ascii_lowercase();
        parse(&lower).map_err(|detail| Error::Profile { profile: text.to_owned(), detail })
    }
}

fn parse(text: &str) -> Result<Profile, String> {
    let mut parts = text.split(':');
    let mut profile = Profile::new(parse_coding(parts.next().unwrap_or_default())?);
    let mut seen: Vec<&str> = Vec::new();
    for option in parts {
        let (name, value) =
            option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        let encoder = Encoder::ALL.into_iter().find(|encoder| encoder.name() == name);
        let kind = match name {
            "mono" | "stereo" | "joint" => "channels",
            _ if encoder.is_some() => "encoder",
            other => other,
        };
        if seen.contains(&kind) {
            return Err(format!("'{option}' says {kind} a second time"));
        }
        seen.push(kind);
        match (name, value) {
            ("mono", None) => profile.channels = Some(Channels::Mono),
            ("stereo", None) => profile.channels = Some(Channels::Stereo),
            ("joint", None) => profile.channels = Some(Channels::Joint),
            ("whole", None) => profile.whole = true,
            ("salvage", None) => profile.salvage = true,
            (_, None) if encoder.is_some() => profile.encoder = encoder,
            ("rate", Some(value)) => profile.rate = Some(parse_rate(value)?),
            ("q", Some(value)) => {
                profile.effort = number(value)
                    .filter(|&q| q <= 9)
                    .and_then(|q| u8::try_from(q).ok())
                    .ok_or_else(|| format!("'{option}': q is 0 (slowest) to 9 (fastest)"))?;
            }
            _ => {
                return Err(format!(
                    "unknown option '{option}'; there are mono, stereo, joint, lame, native, rate=HZ, q=0-9, whole and salvage"
                ));
            }
        }
    }
    Ok(profile)
}

fn parse_coding(text: &str) -> Result<Coding, String> {
    if let Some(quality) = text.strip_prefix('v') {
        return parse_quality(quality)
            .map(Coding::Vbr)
            .ok_or_else(|| format!("'{text}': VBR quality is v0 (best) to v9.999, such as v2 or v2.5"));
    }
    if let Some(kbps) = text.strip_prefix("abr") {
        return kilobits(kbps)
            .filter(|kbps| (8..=320).contains(kbps))
            .map(|kbps| Coding::Abr(Kbps(kbps)))
            .ok_or_else(|| format!("'{text}': an average bitrate is abr8 to abr320"));
    }
    let digits = text.strip_prefix("cbr").unwrap_or(text);
    let kbps = kilobits(digits).ok_or_else(|| {
        format!("'{text}' is no coding; use a bitrate (128, cbr192), abr160, or a VBR quality (v0 to v9)")
    })?;
    let all = all_bitrates();
    if !all.contains(&kbps) {
        return Err(format!("MP3 has no bitrate of {kbps} kbps; it has {}", list(&all)));
    }
    Ok(Coding::Cbr(Kbps(kbps)))
}

fn all_bitrates() -> Vec<u16> {
    let mut all = [Version::Mpeg1.bitrates(), Version::Mpeg2.bitrates()].concat();
    all.sort_unstable();
    all.dedup();
    all
}

fn parse_rate(text: &str) -> Result<SampleRate, String> {
    text.parse::<u32>()
        .ok()
        .filter(|hz| RATES.contains(hz) && is_plain(text))
        .and_then(SampleRate::new)
        .ok_or_else(|| format!("'rate={text}': MP3 has {} Hz", list(&RATES)))
}

fn parse_quality(text: &str) -> Option<VbrQuality> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let plain = whole.len() == 1 && is_plain(whole) && is_plain(fraction) && fraction.len() <= 3;
    if !plain {
        return None;
    }
    VbrQuality::new(number(whole)? * 1000 + number(&format!("{fraction:0<3}"))?)
}

/// "128", as people type it: "128k", "128kbps".
fn kilobits(text: &str) -> Option<u16> {
    number(text.strip_suffix("kbps").or_else(|| text.strip_suffix('k')).unwrap_or(text))
}

fn number(text: &str) -> Option<u16> {
    is_plain(text).then(|| text.parse().ok()).flatten()
}

/// Digits only: `parse` alone would let a sign through.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `[8, 16, 24]` as "8, 16, 24".
pub(crate) fn list<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn profiles() -> impl Strategy<Value = Profile> {
        let coding = prop_oneof![
            prop::sample::select(all_bitrates()).prop_map(|k| Coding::Cbr(Kbps(k))),
            (8..=320_u16).prop_map(|k| Coding::Abr(Kbps(k))),
            (0..=9_999_u16).prop_map(|q| Coding::Vbr(VbrQuality(q))),
        ];
        let channels =
            prop::option::of(prop::sample::select(vec![Channels::Mono, Channels::Stereo, Channels::Joint]));
        let rate =
            prop::option::of(prop::sample::select(RATES.to_vec()).prop_map(|r| SampleRate::new(r).unwrap()));
        let encoder = prop::option::of(prop::sample::select(Encoder::ALL.to_vec()));
        (coding, channels, rate, encoder, 0..=9_u8, any::<bool>(), any::<bool>()).prop_map(
            |(coding, channels, rate, encoder, effort, whole, salvage)| Profile {
                coding,
                channels,
                rate,
                encoder,
                effort,
                whole,
                salvage,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_shown_parses_to_the_same(profile in profiles()) {
            prop_assert_eq!(profile.to_string().parse::<Profile>().unwrap(), profile);
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "(cbr|abr|v|)[0-9.]{0,5}(:[a-z=0-9]{0,9}){0,3}|\\PC{0,20}") {
            if let Ok(profile) = text.parse::<Profile>() {
                prop_assert_eq!(profile.to_string().parse::<Profile>().unwrap(), profile);
            }
        }
    }

    #[test]
    fn spellings_of_one_profile_have_one_form() {
        for (typed, canonical) in [
            ("128", "128"),
            ("cbr128:q=4", "128"),
            ("320k", "320"),
            ("CBR192kbps", "192"),
            ("abr160K:mono", "abr160:mono"),
            ("V2.50", "v2.5"),
            ("v2.0", "v2"),
            ("abr160:whole:mono", "abr160:mono:whole"),
            ("320:salvage:q=4:whole", "320:whole:salvage"),
            ("64:q=2:rate=22050:joint", "64:joint:rate=22050:q=2"),
        ] {
            assert_eq!(typed.parse::<Profile>().unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn what_is_refused_says_what_would_do() {
        for (typed, says) in [
            ("129", "128, 144, 160"),
            ("", "use a bitrate"),
            ("mp3", "use a bitrate"),
            ("v10", "v0 (best) to v9.999"),
            ("v", "v0 (best) to v9.999"),
            ("v2.1234", "v0 (best) to v9.999"),
            ("abr400", "abr8 to abr320"),
            ("+128", "use a bitrate"),
            ("128kk", "use a bitrate"),
            ("v0k", "v0 (best) to v9.999"),
            ("128:rate=44000", "48000, 44100"),
            ("128:q=10", "0 (slowest)"),
            ("128:loud", "mono, stereo, joint"),
            ("128:mono:stereo", "a second time"),
        ] {
            let error = typed.parse::<Profile>().unwrap_err().to_string();
            assert!(error.contains(says), "{typed}: {error}");
        }
    }
}
