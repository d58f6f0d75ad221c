//! Finding out which samples of a damaged master can be decoded.

use super::decode::Packets;
use super::packet::Packet;
use super::salvage::{PacketMark, Salvage};
use super::supply::Supply;
use super::{Audio, Inner};
use crate::error::{Error, Result, Stage};

/// No master has more packets: the list of them must fit the memory.
const MAX_PACKETS: usize = 4 << 20;

/// Decodes all that can be decoded, until `stop` says so.
pub(super) fn survey(inner: &Inner, stop: &dyn Fn() -> bool) -> Result<Salvage> {
    let (input, total) = (&inner.input, inner.info.samples.0);
    let (mut packets, mut gaps) = (Vec::new(), Vec::new());
    let mut end = 0;
    if let Audio::Pcm(data) = &inner.audio {
        end = data.samples_there(input, inner.info.layout.channels());
    } else {
        let mut reader = Packets::new(inner, Supply::new(inner)?, false)?;
        while let Some(packet) = reader.next_packet(inner)? {
            if stop() {
                return Err(Error::Cancelled { name: input.name.clone() });
            }
            // What comes out of order, or again, is not in its place.
            if !(end..total).contains(&packet.samples.start) || packet.samples.is_empty() {
                continue;
            }
            let known = PacketMark::of(&packet);
            let samples = packet.samples.start..packet.samples.end.min(total);
            match reader.try_decode(inner, &Packet { samples: samples.clone(), ..packet }) {
                Ok(()) => {}
                Err(Error::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            }
            input.limit("packets", packets.len() as u64 + 1, MAX_PACKETS as u64)?;
            packets.push(known);
            if samples.start > end {
                gaps.push(end..samples.start);
            }
            end = samples.end;
        }
    }
    if end < total {
        gaps.push(end..total);
    }
    input.unchanged(Stage::Decode)?;
    if gaps.first() == Some(&(0..total)) {
        return Err(input.damaged(0, "nothing of it can be salvaged"));
    }
    Ok(Salvage::new(packets, gaps))
}
