//! The names of renditions: what goes into them, and how.

use std::fmt;
use std::process;
use std::str::FromStr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::encoder::{Resolved, ResolvedCoding};
use crate::error::Result;
use crate::master::MasterId;
use crate::mp3::frame::Mode;
use crate::rendition::fingerprint::Fingerprint;
use crate::store::text;

/// All that the bytes of a rendition depend on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// Which audio.
    pub master: MasterId,
    /// Encoded how.
    pub resolved: Resolved,
    /// By which build.
    pub fingerprint: Fingerprint,
}

impl Recipe {
    /// The recipe by which this process presses `master` at `resolved`.
    ///
    /// ```no_run
    /// use tonepress::{Plan, master::Master, store::Recipe};
    /// let master = Master::open("song.flac")?;
    /// let plan = Plan::new(master.info(), &"320".parse()?)?;
    /// println!("{}", Recipe::new(master.id()?, *plan.resolved())?.key());
    /// # Ok::<(), tonepress::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Fingerprint::of`].
    pub fn new(master: MasterId, resolved: Resolved) -> Result<Self> {
        Ok(Self { master, resolved, fingerprint: Fingerprint::of(resolved.encoder)? })
    }

    /// The key under which the rendition is stored.
    #[must_use]
    pub fn key(&self) -> Key {
        // Every request has a key made, so it is made by one pass over bytes that lie in a row.
        static HASHER: LazyLock<blake3::Hasher> =
            LazyLock::new(|| blake3::Hasher::new_derive_key("tonepress rendition key, version 1"));
        // No `..`: a field that is added must be thought about here.
        let Self { master, resolved, fingerprint } = self;
        // The encoder is in its fingerprint.
        let Resolved { encoder: _, rate, mode, coding, lowpass, effort, whole, salvage } = *resolved;
        let mode = match mode {
            Mode::Mono => "mono",
            Mode::Stereo => "stereo",
            Mode::Dual => "dual",
            Mode::Joint => "joint",
        };
        let (kind, amount) = match coding {
            ResolvedCoding::Cbr(kbps) => ("cbr", u32::from(kbps.0)),
            ResolvedCoding::Abr(kbps) => ("abr", u32::from(kbps.0)),
            ResolvedCoding::Vbr(quality) => ("vbr", quality.to_bits()),
        };
        let mut fields = Fields(Vec::with_capacity(512));
        fields.add("master", master.as_bytes());
        fields.add("rate", &rate.hz().to_le_bytes());
        fields.add("mode", mode.as_bytes());
        fields.add("coding", kind.as_bytes());
        fields.add("amount", &amount.to_le_bytes());
        fields.add("lowpass", &lowpass.map(u32::to_le_bytes).unwrap_or_default()[..lowpass.map_or(0, |_| 4)]);
        fields.add("effort", &[effort]);
        fields.add("whole", &[u8::from(whole)]);
        if salvage {
            // Came later than the others: keys from before have no such field.
            fields.add("salvage", &[1]);
        }
        fields.add("fingerprint", fingerprint.as_bytes());
        Key(*HASHER.clone().update(&fields.0).finalize().as_bytes())
    }
}

/// Fields with name and length, so that no two lists of fields are the same bytes.
struct Fields(Vec<u8>);

impl Fields {
    fn add(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            self.0.extend_from_slice(&(part.len() as u64).to_le_bytes());
            self.0.extend_from_slice(part);
        }
    }
}

/// The name of a rendition in a store: a BLAKE3 hash over its [`Recipe`]. Shown and parsed as 64
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// A name for a partial whose rendition is not known yet.
    pub(super) fn provisional() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut hasher = blake3::Hasher::new_derive_key("tonepress provisional key");
        Self(*hasher.update(&process::id().to_le_bytes()).update(&count.to_le_bytes()).finalize().as_bytes())
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl FromStr for Key {
    type Err = blake3::HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes()))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::Encoder;
    use crate::units::{Kbps, SampleRate};
    use proptest::prelude::*;

    fn recipe() -> Recipe {
        Recipe {
            master: "01".repeat(32).parse().unwrap(),
            resolved: Resolved {
                encoder: Encoder::Lame,
                rate: SampleRate::new(44_100).unwrap(),
                mode: Mode::Joint,
                coding: ResolvedCoding::Vbr(2.0),
                lowpass: Some(18_600),
                effort: 4,
                whole: false,
                salvage: false,
            },
            fingerprint: Fingerprint::from_bytes([2; 32]),
        }
    }

    #[test]
    fn the_definition_of_keys_has_not_changed() {
        // A failure here means that every store in the world is about to be pressed anew. If that is
        // meant, raise the version in the context string too.
        let golden = "5ebdde8abe7de12be410e48867f3aaf3eb19e253b2182d88c7f92cf7304055c8";
        assert_eq!(recipe().key().to_string(), golden);
    }

    #[test]
    fn whatever_differs_changes_the_key() {
        let base = recipe();
        let change = |change: &dyn Fn(&mut Recipe)| {
            let mut other = base;
            change(&mut other);
            other.key()
        };
        let keys = [
            base.key(),
            change(&|r| r.master = "09".repeat(32).parse().unwrap()),
            change(&|r| r.fingerprint = Fingerprint::from_bytes([9; 32])),
            change(&|r| r.resolved.rate = SampleRate::new(48_000).unwrap()),
            change(&|r| r.resolved.mode = Mode::Stereo),
            change(&|r| r.resolved.mode = Mode::Mono),
            change(&|r| r.resolved.coding = ResolvedCoding::Vbr(2.0f32.next_up())),
            change(&|r| r.resolved.coding = ResolvedCoding::Cbr(Kbps(128))),
            change(&|r| r.resolved.coding = ResolvedCoding::Abr(Kbps(128))),
            change(&|r| r.resolved.coding = ResolvedCoding::Cbr(Kbps(160))),
            change(&|r| r.resolved.lowpass = None),
            change(&|r| r.resolved.lowpass = Some(0)),
            change(&|r| r.resolved.effort = 5),
            change(&|r| r.resolved.whole = true),
            change(&|r| r.resolved.salvage = true),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "number {at} is not new");
        }
    }

    proptest! {
        #[test]
        fn keys_are_read_as_they_are_shown(bytes: [u8; 32]) {
            let key = Key(bytes);
            prop_assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
            let json = serde_json::to_string(&key).unwrap();
            prop_assert_eq!(serde_json::from_str::<Key>(&json).unwrap(), key);
        }
    }
}
