//! The audio of a master: PCM of any range of samples.

use std::ops::Range;

use symphonia::core::audio::{Audio as _, GenericAudioBufferRef};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use super::flac::{self, Frames};
use super::info::{Codec, Container};
use super::pcm_data::from_i32;
use super::source::Input;
use super::{Audio, Inner, Master};
use crate::error::{Error, Result, Stage};
use crate::pcm::Pcm;

/// How many decoded samples are kept from one read to the next. Segments overlap by their
/// pre-roll, some 6,000 samples: those are not decoded twice, and there is nothing to seek.
const KEPT: usize = 16 << 10;

/// A gap of up to so many samples is decoded through rather than sought across, which costs about
/// as much: measured in FLAC at 44.1 kHz, 0.15 ms.
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
            Audio::Flac(_) | Audio::Table(_) => Kind::Packets(Box::new(Packets::new(&master.0, verify)?)),
        };
        Ok(Self { master, kind })
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
        let result = match (&inner.audio, &mut self.kind) {
            (Audio::Pcm(data), Kind::Pcm(buf)) => data.read(&inner.input, range, pcm, buf),
            (_, Kind::Packets(packets)) => packets.read(inner, range, pcm),
            (_, Kind::Pcm(_)) => Err(Error::Internal { detail: "packets read as PCM".into() }),
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
                let packet = table.read(&inner.input, *index, Stage::Decode)?;
                *index += 1;
                Ok(packet)
            }
            (Self::Frames(frames), _) => frames.next(&inner.input),
            (Self::Table(_), _) => Ok(None),
        }
    }

    /// Goes to the packet that holds sample `at`. Of FLAC frames, whose place is guessed from the
    /// file's size, it may be one before or behind.
    fn seek(&mut self, inner: &Inner, at: u64) -> Result<()> {
        match (self, &inner.audio) {
            (Self::Table(index), Audio::Table(table)) => *index = table.find(at),
            (Self::Frames(frames), _) => frames.seek(&inner.input, at)?,
            (Self::Table(_), _) => {}
        }
        Ok(())
    }
}

/// The packets of a master and their decoder.
struct Packets {
    supply: Supply,
    codec: Box<dyn AudioDecoder>,
    /// The number of the first sample in `recent`.
    start: u64,
    /// The samples decoded last. The next packet should follow them.
    recent: Vec<Vec<f32>>,
    /// Whether it does; if not, nothing is known about where the reader is.
    placed: bool,
}

impl Packets {
    fn new(inner: &Inner, verify: bool) -> Result<Self> {
        let options = AudioDecoderOptions::default().verify(verify);
        let codec = match &inner.audio {
            Audio::Flac(stream) => stream.info.decoder(options),
            Audio::Table(table) => table.coding.decoder(options),
            Audio::Pcm(_) => return Err(Error::Internal { detail: "PCM has no packets".into() }),
        };
        let codec =
            codec.map_err(|error| inner.input.damaged(0, format!("its header cannot be used ({error})")))?;
        Ok(Self {
            supply: Supply::new(inner)?,
            codec,
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
        let near = placed && (self.start..=self.end() + NEAR).contains(&at);
        // What is damaged on the way to the range is not damaged in it.
        if !near || self.read_on(inner, at).is_err() {
            self.go_to(inner, at)?;
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

    /// Decodes until sample `at` is among the recent ones.
    fn read_on(&mut self, inner: &Inner, at: u64) -> Result<()> {
        while at >= self.end() {
            self.decode_next(inner)?;
        }
        Ok(())
    }

    /// Places the reader at or before sample `at`.
    fn go_to(&mut self, inner: &Inner, at: u64) -> Result<()> {
        for target in [at, at.saturating_sub(EARLIER)] {
            self.forget(target);
            self.supply.seek(inner, target)?;
            if let Some(packet) = self.supply.next(inner)?
                && packet.samples.start <= at
            {
                self.start = packet.samples.start;
                return self.decode(inner, &packet);
            }
        }
        // Not even that was early enough: something is wrong with the file, and reading from the
        // start shows where.
        self.supply = Supply::new(inner)?;
        self.forget(0);
        Ok(())
    }

    fn forget(&mut self, start: u64) {
        self.start = start;
        self.recent.iter_mut().for_each(Vec::clear);
    }

    /// Decodes the packet that follows, which must start where the last one ended.
    fn decode_next(&mut self, inner: &Inner) -> Result<()> {
        let (input, end) = (&inner.input, self.end());
        match self.supply.next(inner)? {
            Some(packet) if packet.samples.start == end => self.decode(inner, &packet)?,
            Some(packet) => {
                let next = packet.samples.start;
                return Err(
                    input.damaged(end, format!("damaged or missing audio; the next found is sample {next}"))
                );
            }
            None => {
                let missing = inner.info.samples.0 - end;
                return Err(input
                    .damaged(end, format!("the audio ends here, {missing} samples before its stated end")));
            }
        }
        Ok(())
    }

    /// Appends the samples of a packet to the recent ones. Behind the last there must be nothing.
    fn decode(&mut self, inner: &Inner, packet: &Packet) -> Result<()> {
        let input = &inner.input;
        let Range { start, end } = packet.samples;
        if end > inner.info.samples.0 {
            return Err(too_long(input, inner.info.samples.0));
        }
        // In native FLAC, Symphonia finds frames by their checksums; elsewhere it does not look.
        if inner.info.codec == Codec::Flac
            && inner.info.container != Container::Flac
            && !flac::is_intact(&packet.bytes)
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
        let decoded = match self.codec.decode_ref(&packet) {
            Ok(GenericAudioBufferRef::S32(decoded)) => decoded,
            Ok(_) => return Err(Error::Internal { detail: "a decoder that does not give integers".into() }),
            Err(error) => return Err(input.damaged(start, format!("cannot be decoded ({error})"))),
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
        if end == inner.info.samples.0 && self.supply.next(inner)?.is_some() {
            return Err(too_long(input, end));
        }
        Ok(())
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
