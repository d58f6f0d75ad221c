//! The audio of a master: PCM of any range of samples.

use std::ops::Range;
use std::sync::Arc;

use super::frame_index::{FrameIndex, Point};
use super::packet::Packet;
use super::packet_decoder::PacketDecoder;
use super::salvage::Salvage;
use super::source::Input;
use super::supply::{Finder, Supply};
use super::{Audio, Inner};
use crate::error::{Error, Result};
use crate::pcm::Pcm;

/// How many decoded samples are kept from one read to the next, at least. Segments overlap by their
/// pre-roll, some 6,000 samples: those are not decoded twice, and there is nothing to seek.
const KEPT: usize = 16 << 10;

/// A range of so many samples or more is decoded into its place at once, as far as it holds packets whole, and what is
/// kept is copied from there.
const LONG: u64 = 2 * KEPT as u64;

/// A gap of up to so many samples is read through rather than sought across.
const NEAR: u64 = 8 << 10;

/// If a seek lands beyond its target, the next one aims so many samples earlier: more than any
/// format's largest packet.
const EARLIER: u64 = 128 << 10;

/// Reads the audio of a [`Master`](super::Master), at any position.
///
/// It remembers where it is: reading on is cheapest, a short step back is free.
pub struct Decoder {
    master: Arc<Inner>,
    kind: Kind,
    /// What can be decoded, if the rest is to be silence.
    salvage: Option<Arc<Salvage>>,
}

enum Kind {
    /// A buffer for the bytes as they lie in the file.
    Pcm(Vec<u8>),
    Packets(Box<Packets>),
}

impl Decoder {
    /// `verify`: compute what [`md5_matches`](Self::md5_matches) tells.
    pub(super) fn new(master: Arc<Inner>, verify: bool) -> Result<Self> {
        let kind = match &master.audio {
            Audio::Pcm(_) => Kind::Pcm(Vec::new()),
            Audio::Flac(_) | Audio::Ogg(_) | Audio::Table(_) => {
                Kind::Packets(Box::new(Packets::new(&master, Supply::new(&master)?, verify)?))
            }
        };
        Ok(Self { master, kind, salvage: None })
    }

    /// One that gives silence for what cannot be decoded.
    pub(super) fn salvaging(master: Arc<Inner>, salvage: Arc<Salvage>) -> Result<Self> {
        let inner = &*master;
        let kind = match &inner.audio {
            Audio::Pcm(_) => Kind::Pcm(Vec::new()),
            Audio::Flac(_) | Audio::Ogg(_) | Audio::Table(_) => {
                let supply = Supply::Found(Box::new(Finder::new(inner, salvage.clone())?));
                Kind::Packets(Box::new(Packets::new(inner, supply, false)?))
            }
        };
        Ok(Self { master, kind, salvage: Some(salvage) })
    }

    /// Makes `pcm` hold exactly the samples of `range`, one plane for each channel of the master's layout.
    ///
    /// They are what the file says: floating-point masters may hold NaN or values beyond full
    /// scale, see [`Pcm::repair`].
    ///
    /// # Errors
    /// [`Error::Damaged`] if a sample of the range cannot be decoded, [`Error::Changed`] if that is
    /// because the file was changed. What `pcm` holds then is not specified, and the decoder can
    /// be used on.
    pub fn read(&mut self, range: Range<u64>, pcm: &mut Pcm) -> Result<()> {
        let inner = &*self.master;
        pcm.reset(inner.info.layout.channels(), range.start);
        if range.start > range.end || range.end > inner.info.samples.0 {
            return Err(Error::Internal {
                detail: format!(
                    "samples {range:?} asked of {}, which has {}",
                    inner.input.name, inner.info.samples
                ),
            });
        }
        let result = match &self.salvage {
            None => self.kind.append(inner, range, pcm),
            Some(salvage) => self.kind.append_salvaged(inner, salvage, range, pcm),
        };
        inner.input.blame(result)
    }

    /// Has it seek by `frames`, which need not be right.
    pub(super) fn go_by(&mut self, frames: Arc<FrameIndex>) {
        if let Kind::Packets(packets) = &mut self.kind {
            packets.frames = Some(frames);
        }
    }

    /// If all was read in order: whether the MD5 of the audio is the one that the file states, if it does.
    pub(super) fn md5_matches(&mut self) -> Option<bool> {
        match &mut self.kind {
            Kind::Packets(packets) => packets.decoder.md5_matches(),
            Kind::Pcm(_) => None,
        }
    }
}

impl Kind {
    /// Appends the samples of `range` to `pcm`.
    fn append(&mut self, inner: &Inner, range: Range<u64>, pcm: &mut Pcm) -> Result<()> {
        match (&inner.audio, self) {
            (Audio::Pcm(data), Self::Pcm(buf)) => data.read(&inner.input, range, pcm, buf),
            (_, Self::Packets(packets)) => packets.read(inner, range, pcm),
            (_, Self::Pcm(_)) => Err(Error::Internal { detail: "packets read as PCM".into() }),
        }
    }

    /// The same, with silence where samples are missing.
    fn append_salvaged(
        &mut self,
        inner: &Inner,
        salvage: &Salvage,
        range: Range<u64>,
        pcm: &mut Pcm,
    ) -> Result<()> {
        let mut at = range.start;
        while at < range.end {
            let (there, to) = salvage.stretch(at, range.end);
            if there {
                self.append(inner, at..to, pcm)?;
            } else {
                for channel in 0..pcm.channels() {
                    let plane = pcm.plane_mut(channel);
                    plane.resize(plane.len() + offset(at, to), 0.0);
                }
            }
            at = to;
        }
        Ok(())
    }
}

/// The packets of a master and their decoder.
pub(super) struct Packets {
    supply: Supply,
    /// Where some of them lie, by what somebody noted.
    frames: Option<Arc<FrameIndex>>,
    decoder: PacketDecoder,
    /// The number of the first sample in `recent`.
    start: u64,
    /// The samples decoded last. The next packet should follow them.
    recent: Vec<Vec<f32>>,
    /// Whether it does; if not, nothing is known about where the reader is.
    placed: bool,
}

impl Packets {
    pub(super) fn new(inner: &Inner, supply: Supply, verify: bool) -> Result<Self> {
        Ok(Self {
            supply,
            frames: None,
            decoder: PacketDecoder::new(inner, verify)?,
            start: 0,
            recent: vec![Vec::new(); inner.info.layout.channels()],
            placed: true,
        })
    }

    fn read(&mut self, inner: &Inner, range: Range<u64>, pcm: &mut Pcm) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        // Until all went well, nobody may rely on the position.
        let placed = std::mem::take(&mut self.placed);
        let mut at = range.start;
        if !(placed && (self.start..=self.end()).contains(&at)) {
            let near = placed && (self.end()..=self.end() + NEAR).contains(&at);
            match if near { self.skip_to(inner, at)?.ok() } else { None } {
                Some(packet) => self.begin(inner, &packet)?,
                None => self.go_to(inner, at)?,
            }
        }
        let is_long = range.end - range.start >= LONG;
        while at < range.end {
            if at < self.end() {
                let to = range.end.min(self.end());
                for (channel, plane) in self.recent.iter().enumerate() {
                    pcm.plane_mut(channel)
                        .extend_from_slice(&plane[offset(self.start, at)..offset(self.start, to)]);
                }
                at = to;
                continue;
            }
            let packet = self.next_in_order(inner)?;
            if is_long && packet.samples.start == at && packet.samples.end <= range.end {
                self.forget(packet.samples.end);
                self.decode(inner, &packet, Some(pcm))?;
                at = packet.samples.end;
            } else {
                self.keep_end(range.start..at, pcm);
                if packet.samples.start == at {
                    self.decode(inner, &packet, None)?;
                } else {
                    self.try_decode(inner, &packet)?;
                }
            }
        }
        self.keep_end(range, pcm);
        self.placed = true;
        Ok(())
    }

    /// Has the last samples of `range` among the recent ones, if there are none: then they are the last of `pcm`.
    fn keep_end(&mut self, range: Range<u64>, pcm: &Pcm) {
        if !self.recent[0].is_empty() {
            return;
        }
        let kept = offset(range.start, range.end).min(KEPT);
        self.start = range.end - kept as u64;
        for (recent, plane) in self.recent.iter_mut().zip(pcm.planes()) {
            recent.extend_from_slice(&plane[plane.len() - kept..]);
        }
    }

    /// The number of the sample that follows those decoded.
    fn end(&self) -> u64 {
        self.start + self.recent[0].len() as u64
    }

    /// Decodes the packet that holds sample `at`.
    fn go_to(&mut self, inner: &Inner, at: u64) -> Result<()> {
        for target in [at, at.saturating_sub(EARLIER)] {
            let near: Option<Point> = self.frames.as_ref().and_then(|frames| frames.before(target));
            self.supply.seek(inner, target, near)?;
            if let Ok(packet) = self.skip_to(inner, at)? {
                return self.begin(inner, &packet);
            }
        }
        // Not even that was early enough: something is wrong with the file, and reading from the
        // start shows what.
        self.supply = Supply::new(inner)?;
        match self.skip_to(inner, at)? {
            Ok(packet) => self.begin(inner, &packet),
            Err(Missing { start, next }) => Err(missing(inner, start, next)),
        }
    }

    /// Decodes a packet, wherever the reader was.
    fn begin(&mut self, inner: &Inner, packet: &Packet) -> Result<()> {
        self.forget(packet.samples.start);
        self.decode(inner, packet, None)
    }

    /// Reads on to the packet that holds sample `at`, decoding none.
    fn skip_to(&mut self, inner: &Inner, at: u64) -> Result<Result<Packet, Missing>> {
        let mut start = 0;
        while let Some(packet) = self.supply.next(inner)? {
            if packet.samples.contains(&at) {
                return Ok(Ok(packet));
            }
            if packet.samples.start >= inner.info.samples.0 {
                continue; // beyond the end: it says nothing about what is before it
            }
            if packet.samples.start > at {
                return Ok(Err(Missing { start, next: Some(packet.samples.start) }));
            }
            start = packet.samples.end;
        }
        Ok(Err(Missing { start, next: None }))
    }

    /// The packet that follows, of those that can be read.
    pub(super) fn next_packet(&mut self, inner: &Inner) -> Result<Option<Packet>> {
        self.supply.next_there(inner)
    }

    /// Whether a packet can be decoded, wherever the reader was.
    pub(super) fn try_decode(&mut self, inner: &Inner, packet: &Packet) -> Result<()> {
        self.forget(packet.samples.start);
        self.append(inner, packet)
    }

    fn forget(&mut self, start: u64) {
        self.start = start;
        self.recent.iter_mut().for_each(Vec::clear);
    }

    /// The packet that follows, which must start where the last one ended.
    fn next_in_order(&mut self, inner: &Inner) -> Result<Packet> {
        let end = self.end();
        let behind = self.supply.behind();
        match self.supply.next(inner)? {
            Some(packet) if packet.samples.start == end => Ok(packet),
            // The gap before it is known, and not asked for.
            Some(packet) if matches!(self.supply, Supply::Found(_)) => Ok(packet),
            other => {
                if let (Some(behind), Audio::Flac(stream)) = (behind, &inner.audio)
                    && let Some(change) = stream.change(&inner.input, behind)?
                {
                    return Err(inner.input.damaged(end, change));
                }
                if let Some(change) = self.supply.change(end) {
                    return Err(inner.input.damaged(end, change));
                }
                Err(missing(inner, end, other.map(|packet| packet.samples.start)))
            }
        }
    }

    /// Decodes a packet: into `pcm`, or behind the recent samples. Behind the last packet there must be nothing.
    fn decode(&mut self, inner: &Inner, packet: &Packet, pcm: Option<&mut Pcm>) -> Result<()> {
        let (end, stated) = (packet.samples.end, inner.info.samples.0);
        if end > stated {
            return Err(too_long(&inner.input, stated));
        }
        match pcm {
            Some(pcm) => self.decoder.decode(inner, packet, pcm.planes_mut())?,
            None => self.append(inner, packet)?,
        }
        if end == stated && self.supply.next(inner)?.is_some() {
            return Err(too_long(&inner.input, end));
        }
        Ok(())
    }

    /// Appends the samples of a packet to the recent ones.
    fn append(&mut self, inner: &Inner, packet: &Packet) -> Result<()> {
        // Seldom: what is kept moves to the front.
        if self.recent[0].len() > 3 * KEPT {
            let excess = self.recent[0].len() - KEPT;
            self.start += excess as u64;
            for plane in &mut self.recent {
                plane.drain(..excess);
            }
        }
        self.decoder.decode(inner, packet, &mut self.recent)
    }
}

/// From which sample on audio was looked for in vain, and what was found behind it.
struct Missing {
    start: u64,
    next: Option<u64>,
}

fn missing(inner: &Inner, start: u64, next: Option<u64>) -> Error {
    let detail = if let Some(next) = next {
        format!("damaged or missing audio; the next found is sample {next}")
    } else {
        let samples = inner.info.samples.0.saturating_sub(start);
        format!("the audio ends here, {samples} samples before its stated end")
    };
    inner.input.damaged(start, detail)
}

fn too_long(input: &Input, samples: u64) -> Error {
    input.damaged(samples, "the audio goes on after its stated end")
}

/// How far `at` lies behind `start`, both within what memory holds.
#[allow(clippy::cast_possible_truncation)] // which is why it fits
fn offset(start: u64, at: u64) -> usize {
    (at - start) as usize
}
