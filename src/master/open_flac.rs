//! Opening native FLAC.

use std::ops::Range;

use super::flac::{Format, StreamInfo, Tail, channel_mask, tail};
use super::info::{Codec, Container, MasterInfo};
use super::source::Input;
use super::stream::Stream;
use super::trailing_tags::without_tags;
use super::{Audio, Opened, positions};
use crate::error::{Error, Result};
use crate::units::Samples;

/// Opens a native FLAC file whose marker is at `start`.
pub(super) fn open(input: &Input, start: u64) -> Result<Opened> {
    let (mut block, mut comments) = (None, 0..0);
    let mut at = start + 4;
    loop {
        input.count_header()?;
        let header = input.be32(at)?;
        let (kind, size) = (header >> 24 & 0x7f, header & 0xff_ffff);
        if kind == 0 && size == 34 && block.is_none() {
            block = Some(input.array(at + 4)?);
        }
        if kind == 4 && comments.is_empty() {
            comments = at + 4..at + 4 + u64::from(size);
        }
        at += 4 + u64::from(size);
        if header >> 31 == 1 {
            break;
        }
    }
    let Some(block) = block else {
        return Err(input.damaged(0, "a FLAC file without STREAMINFO"));
    };
    let end = without_tags(input, at)?;
    let info = StreamInfo::parse(&block);
    if at >= end {
        return Err(if info.samples == 0 {
            Error::Empty { name: input.name.clone() }
        } else {
            input.damaged(0, format!("the file ends before its audio ({} samples)", info.samples))
        });
    }
    let mut stream = Stream { info, bytes: at..end };
    stream.learn(input)?;
    let comments = if stream.info.may_have_mask() && comments.end <= input.len {
        input.bytes(comments.start, comments.end - comments.start)?
    } else {
        Vec::new()
    };
    let mut info = facts(input, Container::Flac, &stream.info, &comments)?;
    if info.samples.0 == 0 {
        count(input, &stream, &mut info)?;
    }
    Opened::new(input, info, Audio::Flac(stream))
}

/// What a stream says of the master that it is, and a block of comments of its channels.
pub(super) fn facts(
    input: &Input,
    container: Container,
    stream: &StreamInfo,
    comments: &[u8],
) -> Result<MasterInfo> {
    let Format { rate, channels, bits } = stream.format;
    let rate = input.rate(rate)?;
    let layout =
        input.layout(channel_mask(comments).and_then(|mask| positions::masked(mask, channels)), channels)?;
    if bits < 4 {
        return Err(input.damaged(0, format!("FLAC with {bits} bits per sample, which cannot be")));
    }
    #[allow(clippy::cast_possible_truncation)] // up to 32
    let bits = bits as u8;
    Ok(MasterInfo { container, codec: Codec::Flac, rate, bits, layout, samples: Samples(stream.samples) })
}

/// Counts the samples of a stream that does not say how many it has.
fn count(input: &Input, stream: &Stream, info: &mut MasterInfo) -> Result<()> {
    let mut frames = stream.frames();
    let mut behind = frames.behind();
    while let Some(frame) = frames.next(input, &stream.info)? {
        let Range { start, end } = frame.samples;
        let counted = info.samples.0;
        if start != counted && !(input.limits.truncated && start > counted) {
            return Err(input.damaged(counted, stream.why_broken(input, behind)?));
        }
        info.samples = Samples(end);
        input.admit(info)?;
        behind = frames.behind();
    }
    // Nothing else tells whether that was all. Of nothing at all it is said elsewhere.
    match tail(input, &stream.info, behind, stream.bytes.end)? {
        Tail::OtherFormat(change) if !input.limits.truncated => Err(input.damaged(info.samples.0, change)),
        Tail::Unknown if !input.limits.truncated && info.samples.0 > 0 => {
            Err(input.damaged(info.samples.0, stream.why_broken(input, behind)?))
        }
        _ => Ok(()),
    }
}
