//! The links of a master, and the frames in them.

use std::ops::Range;

use super::packets::Packets;
use crate::error::Result;
use crate::master::flac::{Format, FrameHeader, StreamInfo};
use crate::master::frame_index::Point;
use crate::master::packet::Packet;
use crate::master::source::Input;
use crate::master::window::narrow;

/// A stream of FLAC in Ogg.
#[derive(Debug, Clone)]
pub(in crate::master) struct Link {
    pub(in crate::master) info: StreamInfo,
    /// Its samples, of those of the master.
    pub(in crate::master) samples: Range<u64>,
    /// Where its pages are in the file.
    pub(in crate::master) bytes: Range<u64>,
    pub(in crate::master) serial: u32,
}

impl Link {
    /// A reader of the packets, at the first one.
    pub(in crate::master) fn packets(&self) -> Packets {
        Packets::new(self.bytes.clone(), self.serial)
    }

    /// Learns from the first frames how they are numbered.
    pub(in crate::master) fn learn(&mut self, input: &Input) -> Result<()> {
        let mut packets = self.packets();
        let Some(first) = self.next_header(input, &mut packets)? else { return Ok(()) };
        let second = self.next_header(input, &mut packets)?;
        self.info.learn(&first, second.as_ref());
        if self.info.is_cut_out(&first, || self.last_frame_end(input))? {
            self.info.begin_at(&first);
        }
        Ok(())
    }

    fn next_header(&self, input: &Input, packets: &mut Packets) -> Result<Option<FrameHeader>> {
        while let Some(packet) = packets.next(input)? {
            if let Some(header) = self.info.header(&packet) {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// The number of the sample behind the last frame, of the link's.
    fn last_frame_end(&self, input: &Input) -> Result<u64> {
        let mut packets = self.packets();
        self.seek(input, &mut packets, u64::MAX)?;
        let mut end = 0;
        while let Some(frame) = self.next(input, &mut packets)? {
            end = frame.samples.end;
        }
        Ok(end)
    }

    /// The next frame, or what is one of another format.
    pub(in crate::master) fn next(&self, input: &Input, packets: &mut Packets) -> Result<Option<Frame>> {
        while let Some(bytes) = packets.next(input)? {
            // What is no frame is a header, or damaged; then whoever counts finds it missing.
            let Ok(header) = FrameHeader::parse(&bytes) else { continue };
            let change = header.change(&self.info.format);
            if let Some(samples) = self.info.samples(&header) {
                packets.progress();
                return Ok(Some(Frame { samples, bytes, change }));
            }
        }
        Ok(None)
    }

    /// Goes near sample `at` of the link. The next frame tells where.
    fn seek(&self, input: &Input, packets: &mut Packets, at: u64) -> Result<()> {
        let place = narrow(self.bytes.clone(), |middle| {
            packets.go_to(middle);
            Ok(self.next(input, packets)?.is_some_and(|frame| frame.samples.start <= at))
        })?;
        packets.go_to(place);
        Ok(())
    }
}

/// A frame of a link.
pub(in crate::master) struct Frame {
    /// Its samples, of those of the link.
    pub(in crate::master) samples: Range<u64>,
    bytes: Box<[u8]>,
    /// How its format differs from the stream's, as an error says it, if it does.
    pub(in crate::master) change: Option<String>,
}

/// The links that are a master together, one behind the other.
#[derive(Debug, Clone)]
pub(in crate::master) struct Chain {
    /// At least one.
    links: Vec<Link>,
}

impl Chain {
    /// `links` have one format, and follow each other; `None` if there is none.
    pub(in crate::master) fn new(links: Vec<Link>) -> Option<Self> {
        (!links.is_empty()).then_some(Self { links })
    }

    /// From the first page on.
    pub(in crate::master) fn bytes(&self) -> Range<u64> {
        self.links[0].bytes.start..self.links[self.links.len() - 1].bytes.end
    }

    pub(in crate::master) fn format(&self) -> Format {
        self.links[0].info.format
    }

    pub(in crate::master) fn links(&self) -> &[Link] {
        &self.links
    }

    /// A reader of the frames, at the first one.
    pub(in crate::master) fn frames(&self) -> Frames {
        Frames { link: 0, packets: self.links[0].packets(), change: None }
    }

    /// How many bytes follow the last page, if that is where the audio ends.
    pub(in crate::master) fn stray_bytes(&self, input: &Input) -> Result<u64> {
        let last = &self.links[self.links.len() - 1];
        let mut frames = self.frames();
        frames.seek(input, self, last.samples.end, None)?;
        let mut end = 0;
        while let Some(frame) = frames.next(input, self)? {
            end = frame.samples.end;
        }
        let stray = last.bytes.end.saturating_sub(frames.packets.end());
        Ok(if end == last.samples.end { stray } else { 0 })
    }
}

/// Reads frame by frame, from link to link.
pub(in crate::master) struct Frames {
    link: usize,
    packets: Packets,
    /// The first sample of the frame of another format that was passed last, and how it differs.
    change: Option<(u64, String)>,
}

impl Frames {
    /// The next frame that is there; `None` when there is none.
    pub(in crate::master) fn next(&mut self, input: &Input, chain: &Chain) -> Result<Option<Packet>> {
        while let Some(link) = chain.links.get(self.link) {
            let start = link.samples.start;
            if let Some(Frame { samples, bytes, change }) = link.next(input, &mut self.packets)? {
                let samples = start + samples.start..start + samples.end;
                if let Some(how) = change {
                    // Whoever reads on finds it missing, and asks.
                    self.change = Some((samples.start, how));
                    continue;
                }
                let is_last = self.link + 1 == chain.links.len();
                if samples.end > link.samples.end && !is_last {
                    let number = self.link + 1;
                    let detail = format!("link {number} of the Ogg file goes on after its stated end");
                    return Err(input.damaged(link.samples.end, detail));
                }
                return Ok(Some(Packet { samples, lead: 0, bytes, summed: false }));
            }
            let Some(next) = chain.links.get(self.link + 1) else { break };
            self.packets = next.packets();
            self.link += 1;
        }
        Ok(None)
    }

    /// How the format changes at sample `at`, if a frame there was passed that is of another one.
    pub(in crate::master) fn change(&self, at: u64) -> Option<&str> {
        self.change.as_ref().filter(|(start, _)| *start == at).map(|(_, how)| how.as_str())
    }

    /// How many bytes behind the chain's begin the page begins of which the last frame is the first that begins there,
    /// if it is.
    pub(in crate::master) fn place(&self, chain: &Chain) -> Option<u64> {
        self.packets.begin()?.checked_sub(chain.bytes().start)
    }

    /// Goes near sample `at`: before it, beyond it, or nowhere in particular. The next frame tells. `near`: a frame
    /// before it, if it is there.
    pub(in crate::master) fn seek(
        &mut self,
        input: &Input,
        chain: &Chain,
        at: u64,
        near: Option<Point>,
    ) -> Result<()> {
        let index = chain.links.partition_point(|link| link.samples.start <= at).saturating_sub(1);
        let link = &chain.links[index];
        if self.link != index {
            (self.link, self.packets) = (index, link.packets());
        }
        if let Some(Point { sample, offset }) = near.filter(|near| link.samples.contains(&near.sample))
            && let Some(place) = chain.bytes().start.checked_add(offset)
            && link.bytes.contains(&place)
        {
            self.packets.go_to(place);
            let found = link.next(input, &mut self.packets)?;
            let is_there = found.is_some_and(|frame| link.samples.start + frame.samples.start == sample);
            if is_there && self.packets.begin() == Some(place) {
                self.packets.go_to(place);
                return Ok(());
            }
        }
        link.seek(input, &mut self.packets, at - link.samples.start)
    }
}
