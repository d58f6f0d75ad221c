//! What the bytes of a rendition depend on besides its master and profile: this very build. Each encoder has a
//! fingerprint of its own, so that a change of one leaves the renditions of the other where they are.
//!
//! Two programs with one fingerprint press the same bytes, so they may share renditions. It is made of
//! [`FORMAT_VERSION`], of the [`COMPONENTS`] that this release was made with and those of the encoder, and of what
//! this process really computes: a short signal pressed and resampled in the ways that differ inside. That catches
//! what no version tells: compiler flags, the C library's mathematics, the processor's instruction set.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use crate::encoder::Encoder;
use crate::error::Result;
use crate::master::resample::Resampler;
use crate::master::{Codec, Container, Layout, MasterInfo};
use crate::pcm::Pcm;
use crate::profile::Profile;
use crate::rendition::plan::Plan;
use crate::rendition::press::SegmentEncoder;
use crate::units::{SampleRate, Samples};

/// Raised by hand whenever our own arithmetic changes bytes: the grid, the pre-roll, the resampler, the downmix, the
/// Info frame, what a `MasterId` hashes.
pub const FORMAT_VERSION: u32 = 3;

/// The crates that resample and decode, at the versions that this release was made with. Those of an encoder
/// are its [components](Encoder::components).
///
/// A program that links this library may get later ones that are compatible by their numbers. The
/// self-test sees what that changes in the encoder and the resampler; decoders are lossless, so a
/// change there is a bug mended, and worth a [`FORMAT_VERSION`]. FLAC is decoded, and Ogg read, by
/// ourselves, to the same samples as by any other.
pub const COMPONENTS: [(&str, &str); 8] = [
    ("realfft", "3.5.1"),
    ("rubato", "5.0.1"),
    ("rustfft", "6.4.1"),
    ("symphonia", "0.6.1"),
    // Decoded FLAC and read Ogg before we did, to the same samples: renditions made then keep their keys.
    ("symphonia-bundle-flac", "0.6.1"),
    ("symphonia-codec-alac", "0.6.1"),
    ("symphonia-core", "0.6.1"),
    ("symphonia-format-ogg", "0.6.1"),
];

/// What is pressed in the self-test: CBR and VBR, joint stereo, and mono of MPEG-2.
const PROFILES: [&str; 3] = ["128", "v2:rate=44100", "64:mono:rate=22050"];
/// What is resampled: between the families of 44.1 and 48 kHz, both ways, and by rubato.
const RATES: [(u32, u32); 3] = [(44_100, 48_000), (48_000, 44_100), (192_000, 8_000)];
/// The signal's length: eight frames of MPEG-1 and a bit.
const SAMPLES: u64 = 8 * 1_152 + 700;

/// The identity of a build. Shown and parsed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// This process's fingerprint with `encoder`. The self-test behind it is run once, which takes some milliseconds.
    ///
    /// ```
    /// use tonepress::encoder::Encoder;
    /// use tonepress::rendition::fingerprint::Fingerprint;
    /// assert_eq!(Fingerprint::of(Encoder::Lame)?, Fingerprint::of(Encoder::Lame)?);
    /// # Ok::<(), tonepress::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of pressing: [`Error::Processor`](crate::Error::Processor), or
    /// [`Error::Internal`](crate::Error::Internal).
    pub fn of(encoder: Encoder) -> Result<Self> {
        static KNOWN: [OnceLock<Fingerprint>; Encoder::ALL.len()] =
            [const { OnceLock::new() }; Encoder::ALL.len()];
        let known = &KNOWN[encoder as usize];
        if let Some(known) = known.get() {
            return Ok(*known);
        }
        let computed = Self::compute(encoder)?;
        Ok(*known.get_or_init(|| computed))
    }

    /// This process's fingerprints: one for each encoder.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn current() -> Result<Vec<Self>> {
        Encoder::ALL.into_iter().map(Self::of).collect()
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

    fn compute(encoder: Encoder) -> Result<Self> {
        let mut hasher = blake3::Hasher::new_derive_key("tonepress engine fingerprint");
        hasher.update(&FORMAT_VERSION.to_le_bytes());
        let components = encoder.components().iter().chain(&COMPONENTS);
        let components = components.flat_map(|(name, version)| [*name, *version]);
        for text in components.chain([encoder.version().as_str()]) {
            hasher.update(text.as_bytes()).update(&[0]);
        }
        press_test(encoder, &mut hasher)?;
        resample_test(&mut hasher)?;
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

/// Hashes what this process presses from a fixed signal.
fn press_test(encoder: Encoder, hasher: &mut blake3::Hasher) -> Result<()> {
    for text in PROFILES {
        let profile = Profile { encoder: Some(encoder), ..text.parse()? };
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
    Ok(())
}

/// Hashes what this process resamples a fixed signal to.
fn resample_test(hasher: &mut blake3::Hasher) -> Result<()> {
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
        let lock = include_str!("../../Cargo.lock");
        let mut packages = Vec::new();
        for package in lock.split("[[package]]").skip(1) {
            let field = |name: &str| {
                package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).unwrap()
            };
            packages.push((field("name").trim_matches('"'), field("version").trim_matches('"')));
        }
        let of_encoders = Encoder::ALL.into_iter().flat_map(Encoder::components);
        let all: Vec<_> = of_encoders.chain(&COMPONENTS).copied().collect();
        for component in &all {
            assert!(packages.contains(component), "{component:?} is not in Cargo.lock: update COMPONENTS");
        }
        for (name, _) in packages {
            let matters = name.starts_with("mp3lame")
                || name.starts_with("symphonia-codec")
                || name.starts_with("symphonia-format");
            assert!(!matters || all.iter().any(|(known, _)| *known == name), "{name} is missing");
        }
    }

    #[test]
    fn the_self_test_gives_the_same_again() {
        for encoder in Encoder::ALL {
            assert_eq!(Fingerprint::compute(encoder).unwrap(), Fingerprint::compute(encoder).unwrap());
        }
    }
}
