//! Opening FLAC in Ogg: one stream, or several of one format behind each other.

use std::ops::Range;

use super::flac::StreamInfo;
use super::info::{Container, MasterInfo};
use super::ogg::{Chain, Coding, FoundLink, Link, Packets, coding, find_links, stream_info};
use super::open_flac::facts;
use super::source::Input;
use super::trailing_tags::without_tags;
use super::{Audio, Opened};
use crate::error::{Error, Result};
use crate::units::Samples;

/// Opens an Ogg file whose first page, at `start`, begins a FLAC stream.
pub(super) fn open(input: &Input, start: u64) -> Result<Opened> {
    let end = without_tags(input, start)?;
    let mut links: Vec<Link> = Vec::new();
    let mut all: Option<MasterInfo> = None;
    for (number, found) in (1..).zip(find_links(input, start..end)?) {
        let at = all.as_ref().map_or(0, |info| info.samples.0);
        let (link, mut info) = open_link(input, &found, number, at)?;
        if let Some(all) = &mut all {
            if let Some(how) = differs(all, &info) {
                let detail = format!("the format changes here: link {number} of the Ogg file has {how}");
                return Err(input.damaged(at, detail));
            }
            all.samples.0 += info.samples.0;
            info = all.clone();
        }
        input.admit(&info)?;
        all = Some(info);
        // Some programs begin a stream and end it without a sample.
        if !link.samples.is_empty() {
            links.push(link);
        }
    }
    let Some(info) = all else {
        return Err(input.damaged(0, "its first Ogg page is damaged"));
    };
    let Some(chain) = Chain::new(links) else {
        return Err(Error::Empty { name: input.name.clone() });
    };
    Opened::new(input, info, Audio::Ogg(chain))
}

/// How a link differs from those before it.
fn differs(all: &MasterInfo, link: &MasterInfo) -> Option<String> {
    let (channels, before) = (link.layout.channels(), all.layout.channels());
    if link.rate != all.rate {
        Some(format!("{}, before it were {}", link.rate, all.rate))
    } else if channels != before {
        Some(format!("{channels} channels, before it were {before}"))
    } else if link.bits != all.bits {
        Some(format!("{} bits, before it were {}", link.bits, all.bits))
    } else if link.layout != all.layout {
        Some("its channels at other places".into())
    } else {
        None
    }
}

/// Opens the link that is the `number`th, before which there are `at` samples.
fn open_link(input: &Input, found: &FoundLink, number: usize, at: u64) -> Result<(Link, MasterInfo)> {
    let what = match coding(&found.header) {
        Coding::Flac => None,
        Coding::OldFlac => Some("FLAC as it was before 2004"),
        Coding::Pcm => Some("PCM"),
        Coding::Lossy(name) => Some(name),
        Coding::Unknown => Some("something else"),
    };
    if let Some(what) = what {
        return Err(input.damaged(at, format!("link {number} of the Ogg file is {what}, not FLAC")));
    }
    let Some(block) = stream_info(&found.header) else {
        return Err(input.damaged(at, "its Ogg FLAC header is too short"));
    };
    let info = StreamInfo::parse(block);
    let stated = info.samples;
    let (bytes, serial) = (found.bytes.clone(), found.serial);
    let mut link = Link { info, samples: at..at + stated, bytes, serial };
    link.learn(input)?;
    let comments = if link.info.may_have_mask() { comments(input, &link)? } else { Vec::new() };
    let mut info = facts(input, Container::Ogg, &link.info, &comments)?;
    if stated == 0 {
        count(input, &mut link, &mut info, found.is_ended)?;
    }
    if found.has_strays {
        let detail = format!("the first page of link {} of the Ogg file is damaged or missing", number + 1);
        return Err(input.damaged(link.samples.end, detail));
    }
    Ok((link, info))
}

/// The block of comments: what is behind the header, of 4 bytes, of the second packet.
fn comments(input: &Input, link: &Link) -> Result<Vec<u8>> {
    let mut packets: Packets = link.packets();
    packets.next(input)?;
    let Some(packet) = packets.next(input)? else { return Ok(Vec::new()) };
    input.limit("bytes in a table of its headers", packet.len() as u64, input.limits.header_bytes)?;
    let is_comments = packet.first().is_some_and(|kind| kind & 0x7f == 4);
    Ok(packet.get(4..).filter(|_| is_comments).unwrap_or_default().to_vec())
}

/// Counts the samples of a link that does not say how many it has.
fn count(input: &Input, link: &mut Link, info: &mut MasterInfo, is_ended: bool) -> Result<()> {
    let start = link.samples.start;
    let mut packets = link.packets();
    let mut counted = 0;
    while let Some(frame) = link.next(input, &mut packets)? {
        let Range { start: at, end } = frame.samples;
        if frame.change.is_some() || at != counted && !(input.limits.truncated && at > counted) {
            let detail = frame.change.unwrap_or_else(|| "a FLAC frame is damaged or missing".into());
            return Err(input.damaged(start + counted, detail));
        }
        counted = end;
        info.samples = Samples(start + counted);
        input.admit(info)?;
    }
    info.samples = Samples(counted);
    link.info.samples = counted;
    link.samples.end = start + counted;
    // Nothing else tells whether that was all.
    if is_ended || input.limits.truncated {
        return Ok(());
    }
    if counted == 0 && start == 0 {
        return Err(Error::Empty { name: input.name.clone() });
    }
    Err(input.damaged(start + counted, "the Ogg stream ends without the page that is marked as its last"))
}
