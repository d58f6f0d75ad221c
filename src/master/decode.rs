//! The audio of a master: PCM of any range of samples.

use std::ops::Range;

use symphonia::core::audio::{Audio as _, GenericAudioBufferRef};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::FlacDecoder;

use super::flac::{Frames, Stream};
use super::pcm_data::from_i32;
use super::source::Input;
use super::{Audio, Inner, Master};
use crate::error::{Error, Result, Stage};
use crate::pcm::Pcm;

/// How many decoded samples are kept from one read to the next. Segments overlap by their
/// pre-roll, some 6,000 samples: those are not decoded twice, and there is nothing to seek.
const KEPT: usize = 16 << 10;

/// A gap of up to so many samples is decoded through rather than sought across, which costs about
/// as much: some 20 reads and checks.
const NEAR: u64 = 32 << 10;

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
    pub(super) fn new(master: Master) -> Result<Self> {
        let kind = match &master.0.audio {
            Audio::Pcm(_) => Kind::Pcm(Vec::new()),
            Audio::Flac(stream) => Kind::Packets(Box::new(Packets::new(&master.0, stream, false)?)),
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
            _ => unreachable!("the kind of decoder is chosen by the kind of audio"),
        };
        if matches!(result, Err(Error::Damaged { .. })) {
            inner.input.unchanged(Stage::Decode)?;
        }
        result
    }
}

/// A packet and the samples that it holds.
pub(super) struct Packet {
    pub(super) samples: Range<u64>,
    pub(super) bytes: Box<[u8]>,
}

/// The packets of a master and their decoder.
struct Packets {
    frames: Frames,
    codec: Box<dyn AudioDecoder>,
    /// The number of the first sample in `recent`.
    start: u64,
    /// The samples decoded last. The next packet should follow them.
    recent: Vec<Vec<f32>>,
    /// Whether it does; if not, nothing is known about where the reader is.
    placed: bool,
}

impl Packets {
    fn new(inner: &Inner, stream: &Stream, verify: bool) -> Result<Self> {
        let codec =
            FlacDecoder::try_new(&stream.info.codec(), &AudioDecoderOptions::default().verify(verify))
                .map_err(|error| {
                    inner.input.damaged(0, format!("its FLAC header cannot be used ({error})"))
                })?;
        Ok(Self {
            frames: stream.frames(&inner.input)?,
            codec: Box::new(codec),
            start: 0,
            recent: vec![Vec::new(); inner.info.layout.channels()],
            placed: true,
        })
    }

    fn read(&mut self, inner: &Inner, range: Range<u64>, pcm: &mut Pcm) -> Result<()> {
        // Until all went well, nobody may rely on the position.
        let placed = std::mem::take(&mut self.placed);
        let mut at = range.start;
        if at < range.end && !(placed && (self.start..=self.end() + NEAR).contains(&at)) {
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

    /// Places the reader at or before sample `at`.
    fn go_to(&mut self, inner: &Inner, at: u64) -> Result<()> {
        for target in [at, at.saturating_sub(EARLIER)] {
            self.forget(target);
            self.frames.seek(&inner.input, target)?;
            if let Some(packet) = self.frames.next(&inner.input)?
                && packet.samples.start <= at
            {
                self.start = packet.samples.start;
                return self.decode(inner, &packet);
            }
        }
        // Not even that was early enough: something is wrong with the file, and reading from the
        // start shows where.
        let Audio::Flac(stream) = &inner.audio else { unreachable!() };
        self.frames = stream.frames(&inner.input)?;
        self.forget(0);
        Ok(())
    }

    fn forget(&mut self, start: u64) {
        self.start = start;
        self.recent.iter_mut().for_each(Vec::clear);
    }

    /// Decodes the packet that follows, which must start where the last one ended.
    fn decode_next(&mut self, inner: &Inner) -> Result<()> {
        let (input, end, samples) = (&inner.input, self.end(), inner.info.samples.0);
        match self.frames.next(input)? {
            Some(packet) if packet.samples.start == end => self.decode(inner, &packet)?,
            Some(packet) => {
                let next = packet.samples.start;
                return Err(
                    input.damaged(end, format!("damaged or missing audio; the next found is sample {next}"))
                );
            }
            None => {
                let missing = samples - end;
                return Err(input
                    .damaged(end, format!("the audio ends here, {missing} samples before its stated end")));
            }
        }
        if self.end() == samples && self.frames.next(input)?.is_some() {
            return Err(too_long(input, samples));
        }
        Ok(())
    }

    /// Appends the samples of a packet to the recent ones.
    fn decode(&mut self, inner: &Inner, packet: &Packet) -> Result<()> {
        let input = &inner.input;
        let Range { start, end } = packet.samples;
        if end > inner.info.samples.0 {
            return Err(too_long(input, inner.info.samples.0));
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
        for (channel, plane) in self.recent.iter_mut().enumerate() {
            let Some(samples) = decoded.plane(channel).and_then(|samples| samples.get(..count)) else {
                return Err(input.damaged(start, "a packet holds too few samples or channels"));
            };
            plane.extend(samples.iter().map(|&sample| from_i32(sample)));
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
