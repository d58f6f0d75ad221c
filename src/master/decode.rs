//! The audio of a master: PCM of any range of samples.

use std::ops::Range;
use std::sync::Arc;

use symphonia::core::audio::{Audio as _, GenericAudioBufferRef};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use super::contain::contain;
use super::flac::Frames;
use super::frames::is_intact;
use super::info::{Codec, Container};
use super::pcm_data::from_i32;
use super::salvage::{Finder, Salvage};
use super::source::Input;
use super::{Audio, Inner, Master};
use crate::error::{Error, Result, Stage};
use crate::pcm::Pcm;

/// How many decoded samples are kept from one read to the next. Segments overlap by their
/// pre-roll, some 6,000 samples: those are not decoded twice, and there is nothing to seek.
const KEPT: usize = 16 << 10;

/// A gap of up to so many samples is read through rather than sought across.
const NEAR: u64 = 8 << 10;

/// If a seek lands beyond its target, the next one aims so many samples earlier: more than any
/// format's largest packet.
const EARLIER: u64 = 128 << 10;

/// Reads the audio of a [`Master`], at any position.
///
/// It remembers where it is: reading on is cheapest, a short step back is free.
pub struct Decoder {
    master: Master,
    kind: Kind,
    /// What can be had, if the rest is to be silence.
    salvage: Option<Arc<Salvage>>,
}

enum Kind {
    /// A buffer for the bytes as they lie in the file.
    Pcm(Vec<u8>),
    Packets(Box<Packets>),
}

impl Decoder {
    /// `verify`: compute what [`md5_matches`](Self::md5_matches) tells.
    pub(super) fn new(master: Master, verify: bool) -> Result<Self> {
        let kind = match &master.0.audio {
            Audio::Pcm(_) => Kind::Pcm(Vec::new()),
            Audio::Flac(_) | Audio::Table(_) => {
                Kind::Packets(Box::new(Packets::new(&master.0, Supply::new(&master.0)?, verify)?))
            }
        };
        Ok(Self { master, kind, salvage: None })
    }

    /// One that gives silence for what cannot be had.
    pub(super) fn salvaging(master: Master) -> Result<Self> {
        let salvage = master.salvage()?;
        let inner = &*master.0;
        let kind = match &inner.audio {
            Audio::Pcm(_) => Kind::Pcm(Vec::new()),
            Audio::Flac(_) | Audio::Table(_) => {
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
    /// [`Error::Damaged`] if a sample of the range cannot be had, [`Error::Changed`] if that is
    /// because the file was changed. What `pcm` holds then is not specified, and the decoder can
    /// be used on.
    pub fn read(&mut self, range: Range<u64>, pcm: &mut Pcm) -> Result<()> {
        let inner = &*self.master.0;
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

    /// If all was read in order: whether the MD5 of the audio is the one that the file states, if it does.
    pub(super) fn md5_matches(&mut self) -> Option<bool> {
        match &mut self.kind {
            Kind::Packets(packets) => packets.codec.finalize().verify_ok,
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

/// A packet and the samples that it holds.
pub(super) struct Packet {
    pub(super) samples: Range<u64>,
    pub(super) bytes: Box<[u8]>,
}

impl Packet {
    /// Whether it is a FLAC frame with 33-bit samples, of which Symphonia's decoder makes noise.
    fn is_wide_difference(&self, inner: &Inner) -> bool {
        inner.info.codec == Codec::Flac
            && inner.info.bits == 32
            && self.bytes.get(3).is_some_and(|byte| byte >> 4 >= 8)
    }
}

/// Where packets come from, one after the other.
pub(super) enum Supply {
    Frames(Frames),
    /// The index of the next one in the master's table.
    Table(usize),
    /// Those of a damaged master that can be decoded.
    Found(Box<Finder>),
}

impl Supply {
    pub(super) fn new(inner: &Inner) -> Result<Self> {
        Ok(match &inner.audio {
            Audio::Flac(stream) => Self::Frames(stream.frames(&inner.input)?),
            _ => Self::Table(0),
        })
    }

    pub(super) fn next(&mut self, inner: &Inner) -> Result<Option<Packet>> {
        match (self, &inner.audio) {
            (Self::Table(index), Audio::Table(table)) => {
                *index += 1;
                table.read(&inner.input, *index - 1, Stage::Decode)
            }
            (Self::Frames(frames), Audio::Flac(stream)) => frames.next(&inner.input, stream),
            (Self::Found(finder), _) => finder.next(inner),
            _ => Ok(None),
        }
    }

    /// The next one that can be read.
    pub(super) fn next_there(&mut self, inner: &Inner) -> Result<Option<Packet>> {
        loop {
            match self.next(inner) {
                Err(Error::Damaged { .. }) => {}
                other => return other,
            }
        }
    }

    /// Goes to the packet that holds sample `at`. Of FLAC frames, whose place is guessed from the
    /// file's size, it may be one before or behind.
    pub(super) fn seek(&mut self, inner: &Inner, at: u64) -> Result<()> {
        match (self, &inner.audio) {
            (Self::Table(index), Audio::Table(table)) => *index = table.find(at),
            (Self::Frames(frames), Audio::Flac(stream)) => frames.seek(&inner.input, stream, at)?,
            (Self::Found(finder), _) => finder.seek(inner, at)?,
            _ => {}
        }
        Ok(())
    }
}

/// The packets of a master and their decoder.
pub(super) struct Packets {
    supply: Supply,
    codec: Box<dyn AudioDecoder>,
    verify: bool,
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
            codec: codec(inner, verify)?,
            verify,
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
        while at < range.end {
            if at >= self.end() {
                self.decode_next(inner)?;
                continue;
            }
            let to = range.end.min(self.end());
            for (channel, plane) in self.recent.iter().enumerate() {
                pcm.plane_mut(channel)
                    .extend_from_slice(&plane[offset(self.start, at)..offset(self.start, to)]);
            }
            at = to;
        }
        self.placed = true;
        Ok(())
    }

    /// The number of the sample that follows those decoded.
    fn end(&self) -> u64 {
        self.start + self.recent[0].len() as u64
    }

    /// Decodes the packet that holds sample `at`.
    fn go_to(&mut self, inner: &Inner, at: u64) -> Result<()> {
        for target in [at, at.saturating_sub(EARLIER)] {
            self.supply.seek(inner, target)?;
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
        self.decode(inner, packet)
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

    /// Decodes the packet that follows, which must start where the last one ended.
    fn decode_next(&mut self, inner: &Inner) -> Result<()> {
        let end = self.end();
        match self.supply.next(inner)? {
            Some(packet) if packet.samples.start == end => self.decode(inner, &packet)?,
            // The gap before it is known, and not asked for.
            Some(packet) if matches!(self.supply, Supply::Found(_)) => self.try_decode(inner, &packet)?,
            Some(packet) => return Err(missing(inner, end, Some(packet.samples.start))),
            None => return Err(missing(inner, end, None)),
        }
        Ok(())
    }

    /// Appends the samples of a packet to the recent ones. Behind the last there must be nothing.
    fn decode(&mut self, inner: &Inner, packet: &Packet) -> Result<()> {
        let (end, stated) = (packet.samples.end, inner.info.samples.0);
        if end > stated {
            return Err(too_long(&inner.input, stated));
        }
        self.append(inner, packet)?;
        if end == stated && self.supply.next(inner)?.is_some() {
            return Err(too_long(&inner.input, end));
        }
        Ok(())
    }

    /// Appends the samples of a packet to the recent ones.
    fn append(&mut self, inner: &Inner, packet: &Packet) -> Result<()> {
        let input = &inner.input;
        let Range { start, end } = packet.samples;
        // In native FLAC frames are found by their checksums; elsewhere nobody has looked.
        if inner.info.codec == Codec::Flac
            && inner.info.container != Container::Flac
            && !is_intact(&packet.bytes)
        {
            return Err(input.damaged(start, "the checksum of a FLAC frame is wrong"));
        }
        if packet.is_wide_difference(inner) {
            return Err(input.unsupported(
                "32-bit FLAC whose stereo is coded as a difference; encode it with `flac --no-mid-side`",
            ));
        }
        let excess = self.recent[0].len().saturating_sub(KEPT);
        self.start += excess as u64;
        for plane in &mut self.recent {
            plane.drain(..excess);
        }
        let packet = PacketRef::new(0, Timestamp::new(0), Duration::new(end - start), &packet.bytes);
        let by = &mut self.codec;
        let decoded = match contain(move || by.decode_ref(&packet)) {
            Some(Ok(GenericAudioBufferRef::S32(decoded))) => decoded,
            Some(Ok(_)) => {
                return Err(Error::Internal { detail: "a decoder that does not give integers".into() });
            }
            Some(Err(error)) => return Err(input.damaged(start, format!("cannot be decoded ({error})"))),
            None => {
                self.codec = codec(inner, self.verify)?;
                return Err(input.damaged(start, "cannot be decoded (the decoder gave up)"));
            }
        };
        let count = offset(start, end);
        // Only the last packet may be longer than the audio goes.
        if decoded.frames() < count || decoded.frames() > count && end < inner.info.samples.0 {
            return Err(input.damaged(start, "a packet holds another number of samples than is stated"));
        }
        for (channel, plane) in self.recent.iter_mut().enumerate() {
            let Some(samples) = decoded.plane(channel).and_then(|samples| samples.get(..count)) else {
                return Err(input.damaged(start, "a packet holds too few channels"));
            };
            plane.extend(samples.iter().map(|&sample| from_i32(sample)));
        }
        Ok(())
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

fn codec(inner: &Inner, verify: bool) -> Result<Box<dyn AudioDecoder>> {
    let options = AudioDecoderOptions::default().verify(verify);
    let codec = contain(|| match &inner.audio {
        Audio::Flac(stream) => Some(stream.info.decoder(options)),
        Audio::Table(table) => Some(table.coding.decoder(options)),
        Audio::Pcm(_) => None,
    });
    match codec.flatten() {
        Some(Ok(codec)) => Ok(codec),
        Some(Err(error)) => Err(inner.input.damaged(0, format!("its header cannot be used ({error})"))),
        None => Err(inner.input.damaged(0, "its header cannot be used")),
    }
}

fn too_long(input: &Input, samples: u64) -> Error {
    input.damaged(samples, "the audio goes on after its stated end")
}

/// How far `at` lies behind `start`, both within what memory holds.
#[allow(clippy::cast_possible_truncation)] // which is why it fits
fn offset(start: u64, at: u64) -> usize {
    (at - start) as usize
}
