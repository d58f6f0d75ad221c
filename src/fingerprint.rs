//! What the bytes of a rendition depend on besides its master and profile: this very build.
//!
//! Two programs with one fingerprint press the same bytes, so they may share renditions. It is made of
//! [`FORMAT_VERSION`], of the [`COMPONENTS`] that this release was made with, and of what this process
//! really computes: a short signal pressed and resampled in the ways that differ inside. That catches
//! what no version tells: compiler flags, the C library's mathematics, the processor's instruction set.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use crate::error::Result;
use crate::master::resample::Resampler;
use crate::master::{Codec, Container, Layout, MasterInfo};
use crate::mp3::lame;
use crate::pcm::Pcm;
use crate::plan::Plan;
use crate::press::SegmentEncoder;
use crate::profile::Profile;
use crate::units::{SampleRate, Samples};

/// Raised by hand whenever our own arithmetic changes bytes: the grid, the pre-roll, the downmix, the
/// Info frame, what a `MasterId` hashes.
pub const FORMAT_VERSION: u32 = 2;

/// The crates that encode, resample and decode, at the versions that this release was made with.
///
/// A program that links this library may get later ones that are compatible by their numbers. The
/// self-test sees what that changes in the encoder and the resampler; decoders are lossless, so a
/// change there is a bug mended, and worth a [`FORMAT_VERSION`].
pub const COMPONENTS: [(&str, &str); 10] = [
    ("mp3lame-encoder", "0.2.5"),
    ("mp3lame-sys", "0.1.11"),
    ("realfft", "3.5.1"),
    ("rubato", "5.0.1"),
    ("rustfft", "6.4.1"),
    ("symphonia", "0.6.1"),
    ("symphonia-bundle-flac", "0.6.1"),
    ("symphonia-codec-alac", "0.6.1"),
    ("symphonia-core", "0.6.1"),
    ("symphonia-format-ogg", "0.6.1"),
];

/// What is pressed in the self-test: CBR and VBR, joint stereo, and mono of MPEG-2.
const PROFILES: [&str; 3] = ["128", "v2:rate=44100", "64:mono:rate=22050"];
/// What is resampled: between the families of 44.1 and 48 kHz, both ways.
const RATES: [(u32, u32); 2] = [(44_100, 48_000), (48_000, 44_100)];
/// The signal's length: eight frames of MPEG-1 and a bit.
const SAMPLES: u64 = 8 * 1_152 + 700;

/// The identity of a build. Shown and parsed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// This process's fingerprint. The self-test behind it is run once, which takes some milliseconds.
    ///
    /// ```
    /// use tonepress::fingerprint::Fingerprint;
    /// assert_eq!(Fingerprint::current()?, Fingerprint::current()?);
    /// # Ok::<(), tonepress::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of pressing: [`Error::Processor`](crate::Error::Processor), or
    /// [`Error::Internal`](crate::Error::Internal).
    pub fn current() -> Result<Self> {
        static CURRENT: OnceLock<Fingerprint> = OnceLock::new();
        if let Some(known) = CURRENT.get() {
            return Ok(*known);
        }
        let computed = Self::compute()?;
        Ok(*CURRENT.get_or_init(|| computed))
    }

    /// The fingerprint that has these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn compute() -> Result<Self> {
        let mut hasher = blake3::Hasher::new_derive_key("tonepress engine fingerprint");
        hasher.update(&FORMAT_VERSION.to_le_bytes());
        let components = COMPONENTS.iter().flat_map(|(name, version)| [*name, *version]);
        for text in components.chain([lame::version().as_str()]) {
            hasher.update(text.as_bytes()).update(&[0]);
        }
        self_test(&mut hasher)?;
        Ok(Self(*hasher.finalize().as_bytes()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = blake3::HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes()))
    }
}

/// Hashes what this process makes of a fixed signal.
fn self_test(hasher: &mut blake3::Hasher) -> Result<()> {
    for text in PROFILES {
        let profile: Profile = text.parse()?;
        let channels = if profile.channels.is_some() { Layout::MONO } else { Layout::STEREO };
        let rate = profile.rate.unwrap_or(hz(44_100));
        let master = MasterInfo {
            container: Container::Wav,
            codec: Codec::Pcm,
            rate,
            bits: 16,
            layout: channels,
            samples: Samples(SAMPLES),
        };
        let plan = Plan::new(&master, &profile)?;
        let mut bytes = plan.cbr_info()?.unwrap_or_default();
        for index in 0..plan.segments() {
            let mut encoder = SegmentEncoder::new(&plan, index)?;
            encoder.push(&signal(channels.channels()), &mut bytes)?;
            encoder.finish(&mut bytes)?;
        }
        hasher.update(&bytes);
    }
    for (from, to) in RATES.map(|(from, to)| (hz(from), hz(to))) {
        let mut output = Pcm::default();
        let len = Resampler::output_len(from, to, SAMPLES);
        Resampler::new(from, to)?.resample(&signal(1), SAMPLES, 0..len, &mut output)?;
        for sample in output.plane(0) {
            hasher.update(&sample.to_le_bytes());
        }
    }
    Ok(())
}

/// A saw-tooth with an attack of noise in its middle, made of integers alone, so that it is the same
/// on every machine.
fn signal(channels: usize) -> Pcm {
    let mut pcm = Pcm::default();
    pcm.reset(channels, 0);
    for channel in 0..channels {
        let mut noise = 1_u32;
        let plane = pcm.plane_mut(channel);
        for at in 0..SAMPLES {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            #[allow(clippy::cast_possible_truncation)] // below 100
            let saw = (at * (3 + channel as u64) % 97) as i16 * 100 - 4_800;
            let loud = if at > SAMPLES / 2 { 8 } else { 512 };
            let sample = saw + i16::try_from(noise >> 17).unwrap_or_default() / loud;
            plane.push(f32::from(sample) / 32_768.0);
        }
    }
    pcm
}

fn hz(rate: u32) -> SampleRate {
    SampleRate::new(rate).unwrap_or(SampleRate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_those_of_the_lock_file() {
        let lock = include_str!("../Cargo.lock");
        let mut packages = Vec::new();
        for package in lock.split("[[package]]").skip(1) {
            let field = |name: &str| {
                package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).unwrap()
            };
            packages.push((field("name").trim_matches('"'), field("version").trim_matches('"')));
        }
        for component in COMPONENTS {
            assert!(packages.contains(&component), "{component:?} is not in Cargo.lock: update COMPONENTS");
        }
        for (name, _) in packages {
            let matters = name.starts_with("mp3lame")
                || name.starts_with("symphonia-codec")
                || name.starts_with("symphonia-bundle")
                || name.starts_with("symphonia-format");
            assert!(!matters || COMPONENTS.iter().any(|(known, _)| *known == name), "{name} is missing");
        }
    }

    #[test]
    fn the_self_test_gives_the_same_again() {
        assert_eq!(Fingerprint::compute().unwrap(), Fingerprint::compute().unwrap());
    }
}
