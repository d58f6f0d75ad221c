//! From one packet to its samples.

use std::ops::Range;

use symphonia::core::audio::{Audio as _, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::CODEC_ID_ALAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Result as SymphoniaResult;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::AlacDecoder;

use super::coding::PacketCoding;
use super::contain::contain;
use super::flac::{Format, FrameDecoder, Signature, StreamInfo};
use super::packet::Packet;
use super::pcm_data::{self, from_i32};
use super::source::Input;
use super::{Audio, Inner};
use crate::error::{Error, Result};

/// Decodes the packets of a master.
pub(super) enum PacketDecoder {
    Flac(FrameDecoder, Option<Box<Signature>>),
    /// By Symphonia; and its configuration.
    Alac(Box<dyn AudioDecoder>, [u8; 24]),
    Pcm(pcm_data::SampleFormat),
}

impl PacketDecoder {
    /// `verify`: compute what [`md5_matches`](Self::md5_matches) tells.
    pub(super) fn new(inner: &Inner, verify: bool) -> Result<Self> {
        match &inner.audio {
            Audio::Flac(stream) => Ok(Self::flac(stream.info.format, &[&stream.info], verify)),
            Audio::Ogg(chain) => {
                let streams: Vec<_> = chain.links().iter().map(|link| &link.info).collect();
                Ok(Self::flac(chain.format(), &streams, verify))
            }
            Audio::Table(table) => match &table.coding {
                // What an MD5 is of is the whole stream.
                PacketCoding::Flac(info) => Ok(Self::flac(info.format, &[info], verify && table.lead == 0)),
                PacketCoding::Pcm(pcm) => Ok(Self::Pcm(pcm.coding)),
                PacketCoding::Alac(config) => Ok(Self::Alac(alac(&inner.input, config)?, *config)),
            },
            Audio::Pcm(_) => Err(Error::Internal { detail: "PCM decoded as packets".into() }),
        }
    }

    /// Of streams of one format.
    fn flac(format: Format, streams: &[&StreamInfo], verify: bool) -> Self {
        let signature = if verify { Signature::new(streams).map(Box::new) } else { None };
        Self::Flac(FrameDecoder::new(format), signature)
    }

    /// Appends the samples of a packet to `planes`, one for each channel; none if it cannot be decoded.
    pub(super) fn decode(&mut self, inner: &Inner, packet: &Packet, planes: &mut [Vec<f32>]) -> Result<()> {
        let (input, lead, Range { start, end }) = (&inner.input, packet.lead, packet.samples.clone());
        // Within what one packet holds.
        let count = usize::try_from(end - start).unwrap_or(usize::MAX);
        // Only the last packet may be longer than the audio goes.
        let too_many = end < inner.info.samples.0;
        let other_count = || input.damaged(start, "a packet holds another number of samples than is stated");
        match self {
            Self::Flac(decoder, signature) => {
                let before = planes.first().map_or(0, Vec::len);
                let header = match signature {
                    None => decoder.decode(&packet.bytes, packet.summed, planes),
                    Some(signature) => signature.decode(decoder, &packet.bytes, packet.summed, planes),
                };
                let block =
                    header.map_err(|error| input.damaged(start, format!("a FLAC frame: {error}")))?.block;
                let block = block.saturating_sub(lead);
                if block < count || block > count && too_many {
                    truncate(planes, before);
                    return Err(other_count());
                }
                truncate(planes, before + lead + count);
                if lead > 0 {
                    for plane in planes {
                        plane.drain(before..before + lead);
                    }
                }
            }
            Self::Alac(decoder, config) => {
                let duration = Duration::new(lead as u64 + end - start);
                let packet = PacketRef::new(0, Timestamp::new(0), duration, &packet.bytes);
                let by = &mut *decoder;
                let audio = match contain(move || by.decode_ref(&packet)) {
                    Some(Ok(GenericAudioBufferRef::S32(audio))) => audio,
                    Some(Ok(_)) => {
                        return Err(Error::Internal {
                            detail: "a decoder that does not give integers".into(),
                        });
                    }
                    Some(Err(error)) => {
                        return Err(input.damaged(start, format!("cannot be decoded ({error})")));
                    }
                    None => {
                        *decoder = alac(input, config)?;
                        return Err(input.damaged(start, "cannot be decoded (the decoder gave up)"));
                    }
                };
                let frames = audio.frames().saturating_sub(lead);
                if frames < count || frames > count && too_many {
                    return Err(other_count());
                }
                for (channel, plane) in planes.iter_mut().enumerate() {
                    let Some(samples) =
                        audio.plane(channel).and_then(|samples| samples.get(lead..lead + count))
                    else {
                        return Err(input.damaged(start, "a packet holds too few channels"));
                    };
                    plane.extend(samples.iter().map(|&sample| from_i32(sample)));
                }
            }
            Self::Pcm(coding) => {
                let frame = usize::from(coding.bytes) * planes.len();
                let bytes = packet.bytes.get(lead * frame..(lead + count) * frame).ok_or_else(other_count)?;
                coding.append(bytes, planes);
            }
        }
        Ok(())
    }

    /// If all was decoded in order: whether the MD5 of the audio is the one that the file states, if it does.
    pub(super) fn md5_matches(&mut self) -> Option<bool> {
        match self {
            Self::Flac(_, Some(signature)) => Some(signature.matches()),
            _ => None,
        }
    }
}

fn truncate(planes: &mut [Vec<f32>], len: usize) {
    for plane in planes {
        plane.truncate(len);
    }
}

fn alac(input: &Input, config: &[u8; 24]) -> Result<Box<dyn AudioDecoder>> {
    let decoder = contain(|| -> SymphoniaResult<AlacDecoder> {
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_ALAC).with_extra_data((*config).into());
        AlacDecoder::try_new(&params, &AudioDecoderOptions::default())
    });
    match decoder {
        Some(Ok(decoder)) => Ok(Box::new(decoder)),
        Some(Err(error)) => Err(input.damaged(0, format!("its header cannot be used ({error})"))),
        None => Err(input.damaged(0, "its header cannot be used")),
    }
}
