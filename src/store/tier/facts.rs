//! What an object of the tier says of itself: its sidecar, and the values of its blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use object_store::{Attribute, Attributes};
use serde::{Deserialize, Serialize};

use crate::store::sidecar::{Label, Sidecar};
use crate::store::tier::blocks::Blocks;

/// Names that all services take: letters alone.
const SIDECAR: &str = "tonepresssidecar";
const BLOCKS: &str = "tonepressblocks";
/// What S3 takes of names and values together.
const MOST: usize = 2_048;

/// The facts of an object, consistent in themselves.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) sidecar: Sidecar,
    pub(crate) blocks: Blocks,
}

/// In a file beside the object, where objects cannot carry any.
#[derive(Serialize, Deserialize)]
struct Beside {
    sidecar: Sidecar,
    /// In base64.
    blocks: String,
}

impl Facts {
    pub(crate) fn new(sidecar: Sidecar, blocks: &str) -> Result<Self, String> {
        let values = BASE64.decode(blocks).map_err(|e| format!("the list of its blocks: {e}"))?;
        let blocks = Blocks::parse(&values, sidecar.bytes, sidecar.digest)
            .ok_or("the list of its blocks does not make its digest")?;
        Ok(Self { sidecar, blocks })
    }

    /// As user metadata: ASCII, and less than the 2 KiB that S3 takes. What people call it is left out if it is too long.
    pub(crate) fn to_attributes(&self) -> Result<Attributes, String> {
        let encoded = |sidecar: &Sidecar| {
            serde_json::to_vec(sidecar).map(|json| BASE64.encode(json)).map_err(|e| e.to_string())
        };
        let blocks = BASE64.encode(self.blocks.to_bytes());
        let mut sidecar = encoded(&self.sidecar)?;
        if SIDECAR.len() + sidecar.len() + BLOCKS.len() + blocks.len() > MOST {
            sidecar = encoded(&Sidecar { label: Label::default(), ..self.sidecar.clone() })?;
        }
        let facts = [(SIDECAR, sidecar), (BLOCKS, blocks)];
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, "audio/mpeg".into());
        for (name, value) in facts {
            attributes.insert(Attribute::Metadata(name.into()), value.into());
        }
        Ok(attributes)
    }

    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self, String> {
        let text = |name: &'static str| {
            let value = attributes.get(&Attribute::Metadata(name.into()));
            value.map(|value| -> &str { value.as_ref() }).ok_or_else(|| format!("it has no {name}"))
        };
        let json = BASE64.decode(text(SIDECAR)?).map_err(|e| format!("its sidecar: {e}"))?;
        let sidecar = serde_json::from_slice(&json).map_err(|e| format!("its sidecar: {e}"))?;
        // An empty value may come back as none at all.
        Self::new(sidecar, text(BLOCKS).unwrap_or_default())
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>, String> {
        let blocks = BASE64.encode(self.blocks.to_bytes());
        serde_json::to_vec_pretty(&Beside { sidecar: self.sidecar.clone(), blocks })
            .map_err(|e| e.to_string())
    }

    pub(crate) fn from_json(json: &[u8]) -> Result<Self, String> {
        let Beside { sidecar, blocks } =
            serde_json::from_slice(json).map_err(|e| format!("its sidecar: {e}"))?;
        Self::new(sidecar, &blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(bytes: &[u8], name: &str) -> Facts {
        let digest = blake3::hash(bytes);
        let hash = digest.to_hex();
        let sidecar = serde_json::from_value(serde_json::json!({
            "version": 1, "key": *hash, "digest": *hash, "bytes": bytes.len(), "frames": 1, "samples": 1_152,
            "master": *hash, "profile": "320:joint:rate=48000:q=2:salvage",
            "resolved": "cbr320 48000 Hz joint q2 lowpass 20094..20627 highpass none ath 4 salvage", "fingerprint": *hash,
            "engine": "tonepress 0.1.0, format 5, LAME 3.100 64bits with -O3 -ffast-math, segments of 20 s and more",
            "published": 1_800_000_000_u64, "artist": name, "title": name, "album": name,
        }));
        Facts { sidecar: sidecar.unwrap(), blocks: Blocks::of(bytes, digest) }
    }

    #[test]
    fn facts_are_less_than_s3_takes_whatever_the_master_is_called() {
        let bytes = vec![1; 5_000_000];
        for (name, kept) in [("name", true), (&*"\u{1d11e}".repeat(200), false)] {
            let facts = facts(&bytes, name);
            let attributes = facts.to_attributes().unwrap();
            let sum: usize = [SIDECAR, BLOCKS]
                .map(|name| name.len() + attributes.get(&Attribute::Metadata(name.into())).unwrap().len())
                .iter()
                .sum();
            assert!(sum <= MOST, "{sum}");
            let back = Facts::from_attributes(&attributes).unwrap();
            assert_eq!(back.blocks, facts.blocks);
            assert_eq!(back.sidecar.label.title.is_some(), kept);
            assert_eq!(Facts::from_json(&facts.to_json().unwrap()).unwrap().sidecar, facts.sidecar);
        }
    }
}
