//! The Info frame: the first frame of a rendition, which tells players its length, where to seek,
//! and how many samples to drop at either end.
//!
//! Source: the "Xing" header as extended by LAME, <http://gabriel.mp3-tech.org/mp3infotag.html>, and
//! `libmp3lame/VbrTag.c`. It says "Info" for constant bitrate and "Xing" otherwise.

use crc::{CRC_16_ARC, Crc, Digest, Table};

use crate::mp3::frame::{FrameSize, Header, Mode, Version};
use crate::units::{Frames, Kbps, SampleRate};

/// The tag's length from "Xing" to its CRC.
const TAG_SIZE: usize = 156;
/// Frames, bytes, TOC and quality are all there.
const ALL_FIELDS: u32 = 0x0F;
/// It takes sixteen bytes at once: each byte of a VBR rendition goes through it.
static CRC_16: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_ARC);
/// Entries of the table of contents: one for each hundredth of the frames.
pub const TOC_ENTRIES: usize = 100;

/// The CRC of the audio, fed frame after frame.
pub(crate) fn music_crc() -> Digest<'static, u16, Table<16>> {
    CRC_16.digest()
}

/// What an Info frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The frames of the rendition, without the Info frame.
    pub frames: Frames,
    /// The bytes of the rendition, with the Info frame.
    pub bytes: u64,
    /// For each hundredth of the duration, the byte position in 256ths of `bytes`.
    pub toc: [u8; TOC_ENTRIES],
    /// Samples to drop at the start, before the decoder's own delay.
    pub delay: u32,
    /// Samples to drop at the end.
    pub padding: u32,
    /// The CRC-16 of the audio frames; 0 where it was not computed.
    pub music_crc: u16,
}

/// How bits were spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Constant bitrate.
    Cbr(Kbps),
    /// Average bitrate.
    Abr(Kbps),
    /// Constant quality.
    Vbr,
}

/// What an Info frame says of the encoder and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagFacts {
    /// Name and version, such as `LAME3.100`.
    pub encoder: [u8; 9],
    /// How bits were spent.
    pub method: Method,
    /// 0 (worst) to 100, as the encoder rates itself.
    pub quality: u32,
    /// Where the low-pass begins, in hertz; `None` for no low-pass.
    pub lowpass: Option<u32>,
    /// The type of the threshold in quiet: 0 to 15.
    pub ath_type: u8,
    /// Whether switching to mid/side is the careful one.
    pub safe_joint: bool,
    /// The kind of noise shaping: 0 to 3.
    pub noise_shaping: u8,
    /// The encoder's number for the settings.
    pub preset: u16,
}

/// The header of the Info frame of a rendition: that of its other frames if the tag fits (for ABR and VBR, where
/// `cbr` is `None`, at LAME's customary bitrates), else the next larger that does.
#[must_use]
pub fn header(version: Version, rate: SampleRate, mode: Mode, cbr: Option<Kbps>) -> Header {
    let customary = match (cbr, version) {
        (Some(kbps), _) => kbps,
        (_, Version::Mpeg1) => Kbps(128),
        (_, Version::Mpeg2) => Kbps(64),
        (_, Version::Mpeg25) => Kbps(32),
    };
    let needed = (tag_offset(version, mode) + TAG_SIZE) as u64;
    let rate = rate.hz();
    let fits = |&kbps: &u16| kbps >= customary.0 && FrameSize::new(version, rate, Kbps(kbps)).base >= needed;
    // Every version has a bitrate that is large enough, so the fallback is never taken.
    let kbps = version.bitrates().iter().copied().find(fits).unwrap_or(customary.0);
    Header { version, rate, bitrate: Kbps(kbps), padding: false, mode }
}

/// Where the tag begins: behind the side information.
const fn tag_offset(version: Version, mode: Mode) -> usize {
    Header::SIZE + version.side_info(matches!(mode, Mode::Mono))
}

impl Info {
    /// Writes the Info frame with this header.
    #[must_use]
    pub fn to_frame(&self, header: Header, facts: &TagFacts) -> Vec<u8> {
        let (method, kbps) = match facts.method {
            Method::Cbr(kbps) => (1, kbps.0),
            Method::Abr(kbps) => (2, kbps.0),
            Method::Vbr => (4, header.version.bitrates()[0]),
        };
        let lowpass = facts.lowpass.map_or(0, |hz| ((hz + 50) / 100).min(255));
        let flags = facts.ath_type | 1 << 4 | u8::from(facts.safe_joint) << 5;
        let mode = match header.mode {
            Mode::Mono => 0,
            Mode::Stereo => 1,
            Mode::Dual => 2,
            Mode::Joint => 3,
        };
        let (source_rate, unusual) = match header.rate {
            ..=32_000 => (0, 1),
            44_100 => (1, 0),
            _ => (2, 0),
        };
        let misc = facts.noise_shaping | mode << 2 | unusual << 5 | source_rate << 6;

        let mut frame = Vec::with_capacity(usize::try_from(header.size()).unwrap_or_default());
        frame.extend(header.to_bytes());
        frame.resize(tag_offset(header.version, header.mode), 0);
        frame.extend(if matches!(facts.method, Method::Cbr(_)) { b"Info" } else { b"Xing" });
        frame.extend(ALL_FIELDS.to_be_bytes());
        frame.extend(low_32(self.frames.0));
        frame.extend(low_32(self.bytes));
        frame.extend(self.toc);
        frame.extend(facts.quality.to_be_bytes());
        frame.extend(facts.encoder);
        frame.push(method);
        frame.push(low_8(lowpass));
        frame.extend([0; 8]); // peak and ReplayGain: loudness belongs to the master, not to an encode
        frame.push(flags);
        frame.push(low_8(u32::from(kbps).min(255)));
        frame.extend(&(self.delay << 12 | self.padding).to_be_bytes()[1..]);
        frame.push(misc);
        frame.push(0); // gain applied to the MP3: none
        frame.extend(facts.preset.to_be_bytes());
        frame.extend(low_32(self.bytes));
        frame.extend(self.music_crc.to_be_bytes());
        frame.extend(CRC_16.checksum(&frame).to_be_bytes());
        frame.resize(usize::try_from(header.size()).unwrap_or_default(), 0);
        frame
    }

    /// Reads the Info frame at the start of `bytes`; `None` if there is none, or if its CRC is wrong.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let header = Header::parse(*bytes.first_chunk()?)?;
        let offset = tag_offset(header.version, header.mode);
        let tag: &[u8; TAG_SIZE] = bytes.get(offset..)?.first_chunk()?;
        let word = |at: usize| Some(u32::from_be_bytes(*tag[at..].first_chunk()?));
        let half = |at: usize| Some(u16::from_be_bytes(*tag[at..].first_chunk()?));
        let named = matches!(&tag[..4], b"Info" | b"Xing");
        if !named || word(4)? != ALL_FIELDS || CRC_16.checksum(&bytes[..offset + 154]) != half(154)? {
            return None;
        }
        let gapless = word(140)? & 0x00FF_FFFF;
        Some(Self {
            frames: Frames(word(8)?.into()),
            bytes: word(12)?.into(),
            toc: *tag[16..].first_chunk()?,
            delay: gapless >> 12,
            padding: gapless & 0xFFF,
            music_crc: half(152)?,
        })
    }
}

/// The format's counters have 32 bits; a rendition of 4 GiB (29 hours at 320 kbps) does not fit, and
/// players take the value modulo that.
#[allow(clippy::cast_possible_truncation)]
fn low_32(value: u64) -> [u8; 4] {
    (value as u32).to_be_bytes()
}

#[allow(clippy::cast_possible_truncation)] // capped at 255 by the callers
fn low_8(value: u32) -> u8 {
    value as u8
}
