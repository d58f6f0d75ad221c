//! What makes two masters the same: their encoded audio, and how it is to be decoded.
//!
//! Exactly what is hashed stands with [`MasterId`], where users see it.

use std::ops::Range;

use super::coding::PacketCoding;
use super::frame_index::{FrameIndex, Indexer};
use super::id::MasterId;
use super::source::Input;
use super::{Audio, Inner};
use crate::error::{Error, Result, Stage};

const CONTEXT: &str = "tonepress master id v1";

/// How many bytes are read at a time.
const BLOCK: usize = 1 << 20;

/// Hashes the audio of a master, and makes sure that it was one file all the while. Where the frames of FLAC
/// are is found on the way.
pub(super) fn identify(inner: &Inner) -> Result<(MasterId, Option<FrameIndex>)> {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(configuration(inner).as_bytes());
    let samples = inner.info.samples.0;
    let indexer = |bytes: &Range<u64>| Indexer::new(bytes.end - bytes.start, samples, inner.info.rate.hz());
    let mut frames = None;
    let result = match &inner.audio {
        Audio::Pcm(pcm) => {
            let Range { start, end } = pcm.data;
            let frame = (end - start) / inner.info.samples.0;
            let there = pcm.samples_there(&inner.input, inner.info.layout.channels());
            hash_range(&inner.input, start..start + there * frame, &mut hasher, |_, _| {})
        }
        Audio::Flac(stream) => {
            let indexer = frames.insert(indexer(&stream.bytes));
            hash_range(&inner.input, stream.bytes.clone(), &mut hasher, |at, bytes| {
                let mut from = at.max(indexer.next());
                while let Some(start) = usize::try_from(from - at).ok().filter(|start| *start < bytes.len())
                    && let Some((next, found)) = stream.info.find(bytes, start)
                {
                    if found.end <= samples {
                        indexer.take(&found, at + next as u64);
                    }
                    from = indexer.next().max(at + next as u64 + 1);
                }
            })
        }
        Audio::Ogg(chain) => hash_packets(inner, &mut hasher, Some(frames.insert(indexer(&chain.bytes())))),
        Audio::Table(_) => hash_packets(inner, &mut hasher, None),
    };
    // What went wrong with a file that changed says nothing about the file; nor does a hash of it.
    inner.input.unchanged(Stage::Identify)?;
    result.map(|()| {
        (MasterId::from_bytes(*hasher.finalize().as_bytes()), frames.map(|indexer: Indexer| indexer.finish()))
    })
}

fn configuration(inner: &Inner) -> String {
    let info = &inner.info;
    let coding = match &inner.audio {
        Audio::Pcm(pcm) => pcm.coding.to_string(),
        Audio::Table(table) => match &table.coding {
            PacketCoding::Flac(_) => "flac".into(),
            PacketCoding::Alac(config) => {
                let hex = config[..12].iter().chain(&config[20..]).map(|byte| format!("{byte:02x}"));
                format!("alac {}", hex.collect::<String>())
            }
            PacketCoding::Pcm(pcm) => pcm.coding.to_string(),
        },
        Audio::Flac(_) | Audio::Ogg(_) => "flac".into(),
    };
    let from = match &inner.audio {
        Audio::Table(table) if table.lead > 0 => format!(" from {}", table.lead),
        _ => String::new(),
    };
    let positions: Vec<_> = info.layout.positions().iter().map(ToString::to_string).collect();
    let (hz, bits, samples) = (info.rate.hz(), info.bits, info.samples);
    format!("{coding}{from}\n{hz}\n{bits}\n{samples}\n{}\n", positions.join(" "))
}

/// Gives `see` what it hashes, and how far behind the begin of the range that is.
fn hash_range(
    input: &Input,
    range: Range<u64>,
    hasher: &mut blake3::Hasher,
    mut see: impl FnMut(u64, &[u8]),
) -> Result<()> {
    let mut buf = vec![0; BLOCK];
    let mut at = range.start;
    while at < range.end {
        let want = usize::try_from(range.end - at).map_or(BLOCK, |left| left.min(BLOCK));
        let read = input.read_at(&mut buf[..want], at, Stage::Identify)?;
        if read < want {
            return Err(Error::Changed { name: input.name.clone() });
        }
        hasher.update(&buf[..want]);
        see(at - range.start, &buf[..want]);
        at += want as u64;
    }
    Ok(())
}

fn hash_packets(inner: &Inner, hasher: &mut blake3::Hasher, mut indexer: Option<&mut Indexer>) -> Result<()> {
    let mut packets = super::supply::Supply::new(inner)?;
    let mut end = 0;
    // Those of a damaged master that can be read: an id says which audio it is, not that it is sound.
    while let Some(packet) = packets.next_there(inner)? {
        if packet.samples.start != end {
            hasher.update(b"gap").update(&packet.samples.start.to_le_bytes());
        }
        hasher.update(&packet.bytes);
        if let (Some(indexer), Some(place)) = (&mut indexer, packets.place(inner)) {
            indexer.take(&packet.samples, place);
        }
        end = packet.samples.end;
    }
    Ok(())
}
