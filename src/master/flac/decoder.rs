//! The decoder of frames.

use super::bits::Bits;
use super::checksum::frame_sum;
use super::error::{Fault, FrameError};
use super::header::{Channels, Format, FrameHeader};
use super::instructions::Any;
#[cfg(target_arch = "x86_64")]
use super::instructions::Avx2;
use super::output::{self, Sample};
use super::predict::PAD;
use super::subframe;

/// Decodes frames of one stream. It keeps nothing from one frame to the next but its memory: for each
/// channel, as much as the largest block so far, 256 KiB at most (and twice that for 33-bit differences).
pub(in crate::master) struct FrameDecoder {
    format: Format,
    /// Each is [`PAD`] zeros and a block.
    channels: Vec<Vec<i32>>,
    /// A difference of 33 bits.
    difference: Vec<i64>,
    processor: Processor,
}

/// How many bytes of checksum a frame ends with.
const SUM: usize = 2;

/// What the processor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Processor {
    /// What every one can.
    Any,
    /// AVX2, BMI1, BMI2 and LZCNT.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Processor {
    fn this() -> Self {
        #[cfg(target_arch = "x86_64")]
        if Avx2::is_there() {
            return Self::Avx2;
        }
        Self::Any
    }
}

impl FrameDecoder {
    /// A decoder of frames of that format.
    #[must_use]
    pub(in crate::master) fn new(format: Format) -> Self {
        Self::for_processor(format, Processor::this())
    }

    pub(super) fn for_processor(format: Format, processor: Processor) -> Self {
        Self { format, channels: vec![Vec::new(); format.channels], difference: Vec::new(), processor }
    }

    /// Decodes the frame that `bytes` begin with, and appends its samples to `planes`, one for each channel: as
    /// integers, or at ±1.0 full scale. What follows it is not looked at. `summed`: `bytes` are a frame whose checksum is
    /// known to be right.
    ///
    /// # Errors
    /// What is wrong with the frame. `planes` are as they were then.
    ///
    /// # Panics
    /// If there are not as many planes as channels.
    pub(in crate::master) fn decode<T: Sample>(
        &mut self,
        bytes: &[u8],
        summed: bool,
        planes: &mut [Vec<T>],
    ) -> Result<FrameHeader, FrameError> {
        assert_eq!(planes.len(), self.format.channels, "a plane for each channel");
        let (header, end) = self.read(bytes, summed)?;
        self.put(&header, planes).map_err(|fault| FrameError {
            fault,
            bit: end as u64 * 8,
            channel: None,
        })?;
        Ok(header)
    }

    /// Where the frame ends that `bytes` begin with.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Result<usize, FrameError> {
        self.read(bytes, false).map(|(_, end)| end)
    }

    /// Decodes what is coded of the frame that `bytes` begin with, and says where it ends.
    fn read(&mut self, bytes: &[u8], summed: bool) -> Result<(FrameHeader, usize), FrameError> {
        let header = FrameHeader::parse(bytes)?;
        header.check(&self.format)?;
        let result = self.read_subframes(&header, bytes).and_then(|end| {
            let error = |fault| FrameError { fault, bit: end as u64 * 8, channel: None };
            let frame = bytes.get(..end + SUM).ok_or(error(Fault::End))?;
            let right = summed && frame.len() == bytes.len() || frame_sum(frame) == 0;
            if right { Ok(end + SUM) } else { Err(error(Fault::FrameSum)) }
        });
        match result {
            Ok(end) => Ok((header, end)),
            // What damage looks like is of no interest.
            Err(error) if frame_sum(bytes) == 0 => Err(error),
            Err(error) => Err(FrameError { fault: Fault::FrameSum, ..error }),
        }
    }

    /// Decodes the subframes of the frame that `bytes` begin with, and says where they end.
    fn read_subframes(&mut self, header: &FrameHeader, bytes: &[u8]) -> Result<usize, FrameError> {
        let mut bits = Bits::new(bytes.get(header.len..).unwrap_or_default());
        let error = |fault, bits: &Bits<'_>, channel| FrameError {
            fault,
            bit: (bytes.len() as u64 * 8).saturating_sub(bits.left()),
            channel,
        };
        for index in 0..self.channels.len() {
            self.read_channel(index, header, &mut bits).map_err(|fault| error(fault, &bits, Some(index)))?;
        }
        let padding = (bits.left() % 8) as u32;
        if bits.read(padding).map_err(|fault| error(fault, &bits, None))? != 0 {
            return Err(error(Fault::Forbidden("padding that is not zero"), &bits, None));
        }
        let behind = (bits.left() / 8) as usize;
        Ok(bytes.len() - behind)
    }

    /// Decodes one channel into its buffer.
    fn read_channel(&mut self, index: usize, header: &FrameHeader, bits: &mut Bits<'_>) -> Result<(), Fault> {
        let buffer = &mut self.channels[index];
        let end = PAD + header.block;
        if buffer.len() < end {
            buffer.resize(end, 0);
        }
        let samples = &mut buffer[..end];
        let is_side = header.channels.side() == Some(index);
        match (self.processor, self.format.bits + u32::from(is_side)) {
            (_, width) if is_side && width > NARROW => {
                subframe::read_widest(bits, width, samples, &mut self.difference)
            }
            (Processor::Any, width) => subframe::read::<Any>(bits, width, samples),
            #[cfg(target_arch = "x86_64")]
            (Processor::Avx2, width) => subframe::read::<Avx2>(bits, width, samples),
        }
    }

    /// Appends what was decoded to `planes`.
    fn put<T: Sample>(&self, header: &FrameHeader, planes: &mut [Vec<T>]) -> Result<(), Fault> {
        let Format { bits, .. } = self.format;
        let scale = T::scale(bits);
        let block = |channel: usize| &self.channels[channel][PAD..PAD + header.block];
        let (Some(side), [left, right]) = (header.channels.side(), &mut *planes) else {
            for (channel, plane) in planes.iter_mut().enumerate() {
                output::independent(block(channel), scale, plane);
            }
            return Ok(());
        };
        let out = [more(left, header.block), more(right, header.block)];
        let coded = [block(0), block(1)];
        let all = if bits + 1 > NARROW {
            output::stereo_widest(header.channels, coded[1 - side], &self.difference, scale, out)
        } else {
            match header.channels {
                Channels::LeftSide => {
                    output::stereo(coded, scale, out, |left, side| (left, left.wrapping_sub(side)))
                }
                Channels::SideRight => {
                    output::stereo(coded, scale, out, |side, right| (right.wrapping_add(side), right))
                }
                _ => output::stereo(coded, scale, out, |mid, side| {
                    let sum = mid << 1 | side & 1;
                    (sum.wrapping_add(side) >> 1, sum.wrapping_sub(side) >> 1)
                }),
            }
        };
        if all >> (bits - 1) == 0 {
            return Ok(());
        }
        for plane in planes {
            plane.truncate(plane.len() - header.block);
        }
        Err(Fault::Width(bits))
    }
}

/// A difference of more bits than these is kept in 64, and what is made of it is reckoned in them.
const NARROW: u32 = 31;

/// Room for `count` more samples at the end of a plane.
#[inline(always)]
fn more<T: Sample>(plane: &mut Vec<T>, count: usize) -> &mut [T] {
    let start = plane.len();
    plane.resize(start + count, T::default());
    &mut plane[start..]
}
