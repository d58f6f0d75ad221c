//! Apple's Core Audio Format: PCM at a known place, or a table of packets.

use super::coding::PacketCoding;
use super::flac::StreamInfo;
use super::info::{Container, MasterInfo};
use super::packets::Table;
use super::pcm_data::{self, Number, PcmData};
use super::positions;
use super::source::Input;
use super::wav::samples_range;
use super::{Audio, Opened};
use crate::error::Result;
use crate::units::Samples;

struct Description {
    rate: f64,
    format: [u8; 4],
    flags: u32,
    packet_bytes: u32,
    packet_samples: u32,
    channels: u32,
    bits: u32,
}

/// Where the audio lies. The size is −1 in a file that was not finished: until the end.
struct Data {
    start: u64,
    size: Option<u64>,
}

/// The chunks that matter.
struct Headers {
    description: Description,
    data: Data,
    table: Vec<u8>,
    cookie: Vec<u8>,
    layout: Vec<u8>,
}

/// Opens a file that starts with `caff` at `start`.
pub(super) fn open(input: &Input, start: u64) -> Result<Opened> {
    let headers = Headers::read(input, start)?;
    if &headers.description.format == b"lpcm" {
        return open_pcm(input, &headers.description, &headers.data, &headers.layout);
    }
    Opened::of_packets(input, Container::Caf, start, |input, start| {
        let headers = Headers::read(input, start)?;
        let coding = headers.coding(input)?;
        read_packets(input, &headers, coding)
    })
}

impl Headers {
    fn read(input: &Input, start: u64) -> Result<Self> {
        let (mut description, mut data) = (None, None);
        let (mut table, mut cookie, mut layout) = (Vec::new(), Vec::new(), Vec::new());
        let mut at = start + 8;
        while at.saturating_add(12) <= input.len {
            input.count_header()?;
            let kind: [u8; 4] = input.array(at)?;
            let size = u64::try_from(i64::from_be_bytes(input.array(at + 4)?)).ok();
            let body = at + 12;
            if &kind == b"data" {
                // The first 4 bytes count edits.
                data = Some(Data { start: body + 4, size: size.map(|size| size.saturating_sub(4)) });
            }
            let Some(size) = size else { break };
            match &kind {
                b"desc" => description = Some(read_description(input, body)?),
                b"pakt" => table = input.bytes(body, size)?,
                b"kuki" => cookie = input.bytes(body, size)?,
                b"chan" => layout = input.bytes(body, size)?,
                _ => {}
            }
            at = body.saturating_add(size);
        }
        let (Some(description), Some(data)) = (description, data) else {
            return Err(input.damaged(0, "a CAF file without description or data"));
        };
        Ok(Self { description, data, table, cookie, layout })
    }

    /// How its packets are coded.
    fn coding(&self, input: &Input) -> Result<PacketCoding> {
        match &self.description.format {
            b"alac" => PacketCoding::alac(input, &self.cookie),
            b"flac" => {
                // The cookie is the dfLa box of FLAC in MP4: a version, a block header, the block.
                let block = self.cookie.windows(38).find(|block| block[..4].ends_with(b"\0\0\x22"));
                let Some(&block) = block.and_then(|block| block.last_chunk::<34>()) else {
                    return Err(input.damaged(0, "FLAC without STREAMINFO"));
                };
                Ok(PacketCoding::Flac(StreamInfo::parse(&block)))
            }
            other => Err(other_codec(input, *other)),
        }
    }
}

fn read_description(input: &Input, at: u64) -> Result<Description> {
    let bytes: [u8; 32] = input.array(at)?;
    let word = |i: usize| u32::from_be_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
    Ok(Description {
        rate: f64::from_bits(u64::from(word(0)) << 32 | u64::from(word(4))),
        format: [bytes[8], bytes[9], bytes[10], bytes[11]],
        flags: word(12),
        packet_bytes: word(16),
        packet_samples: word(20),
        channels: word(24),
        bits: word(28),
    })
}

fn open_pcm(input: &Input, is: &Description, data: &Data, layout: &[u8]) -> Result<Opened> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, and is then refused
    let hz = is.rate as u32;
    if is.rate.fract() != 0.0 {
        return Err(input.unsupported(format!("a rate of {} Hz; whole numbers are", is.rate)));
    }
    let rate = input.rate(hz)?;
    let channels = usize::try_from(is.channels).unwrap_or(usize::MAX);
    let layout = input.layout(positions::described(layout, channels), channels)?;
    let number = if is.flags & 1 != 0 { Number::Float } else { Number::Signed };
    let bytes = is.packet_bytes / is.channels;
    let fits = is.packet_samples == 1 && bytes * is.channels == is.packet_bytes;
    let (bytes, bits) = match (number, bytes, is.bits) {
        (Number::Float, 4, 32) | (Number::Float, 8, 64) if fits => (bytes, is.bits),
        (Number::Signed, 1..=4, 1..=32) if fits && is.bits <= bytes * 8 => (bytes, is.bits),
        _ => {
            return Err(input.unsupported(format!(
                "CAF with {} bits per sample in packets of {} bytes; PCM up to 32 bits and float are",
                is.bits, is.packet_bytes
            )));
        }
    };
    #[allow(clippy::cast_possible_truncation)] // at most 64
    let (bytes, bits) = (bytes as u8, bits as u8);
    let coding = pcm_data::SampleFormat { number, bytes, big_endian: is.flags & 2 == 0 };
    let data = samples_range(input, data.start, data.size, is.packet_bytes.into())?;
    let samples = Samples((data.end - data.start) / u64::from(is.packet_bytes));
    let codec = coding.codec();
    let info = MasterInfo { container: Container::Caf, codec, rate, bits, layout, samples };
    Opened::new(input, info, Audio::Pcm(PcmData { coding, data }))
}

fn read_packets(input: &Input, headers: &Headers, coding: PacketCoding) -> Result<Table> {
    let Headers { description: is, data, table: pakt, .. } = headers;
    let Some((head, mut sizes)) = pakt.split_first_chunk::<24>() else {
        return Err(input.damaged(0, "a CAF file without its packet table"));
    };
    let number = |i: usize| head[i..].first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
    let (count, valid) = (number(0), number(8));
    let priming = i32::from_be_bytes([head[16], head[17], head[18], head[19]]);
    if priming != 0 {
        return Err(input.unsupported("CAF with priming samples; lossless audio has none"));
    }
    let mut table = Table::new(coding);
    let mut offset = data.start;
    let end = data.size.map_or(input.len, |size| data.start.saturating_add(size));
    for _ in 0..count {
        let size = match is.packet_bytes {
            0 => variable_length(&mut sizes),
            fixed => Some(fixed),
        };
        let samples = match is.packet_samples {
            0 => variable_length(&mut sizes),
            fixed => Some(fixed),
        };
        let (Some(size), Some(samples)) = (size, samples) else {
            return Err(input.damaged(table.samples(), "its packet table is too short"));
        };
        if size == 0 || offset.saturating_add(size.into()) > end {
            return Err(input.damaged(table.samples(), "its packet table does not fit its data"));
        }
        table.push(input, offset, size, samples.into())?;
        offset += u64::from(size);
    }
    let valid = u64::try_from(valid).unwrap_or(0);
    if valid > table.samples() {
        return Err(
            input.damaged(table.samples(), format!("its packets end here, not after {valid} samples"))
        );
    }
    table.truncate(valid);
    table.measure_last(input)?;
    Ok(table)
}

/// A number of 7 bits a byte, the highest first; all but the last byte have their top bit set.
fn variable_length(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value = value.checked_mul(128)? | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

fn other_codec(input: &Input, format: [u8; 4]) -> crate::Error {
    let lossy = match &format {
        b"aac " | b"aach" | b"aacl" | b"aace" | b"aacf" | b"aacp" | b"aacg" | b"usac" => "AAC",
        b".mp1" | b".mp2" => "MPEG audio layer 1 or 2",
        b".mp3" => "MP3",
        b"ulaw" => "µ-law",
        b"alaw" => "A-law",
        b"ima4" | b"ms\0\x02" | b"ms\0\x11" => "ADPCM",
        b"MAC3" | b"MAC6" => "MACE",
        b"ac-3" | b"ec-3" | b"cac3" => "AC-3",
        b"opus" => "Opus",
        b"ilbc" => "iLBC",
        b"samr" | b"sawb" => "AMR",
        b"agsm" => "GSM",
        b"QDM2" | b"QDMC" => "QDesign Music",
        b"Qclp" => "Qualcomm PureVoice",
        _ => {
            let name = format.escape_ascii();
            return input.unsupported(format!("CAF of format '{name}'; PCM, ALAC and FLAC are"));
        }
    };
    input.lossy_in("CAF", lossy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_lengths() {
        let mut bytes: &[u8] = &[0x05, 0x81, 0x00, 0xff];
        assert_eq!(variable_length(&mut bytes), Some(5));
        assert_eq!(variable_length(&mut bytes), Some(128));
        assert_eq!(variable_length(&mut bytes), None);
        assert_eq!(variable_length(&mut &[0xff; 9][..]), None, "too large");
    }
}
