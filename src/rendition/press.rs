//! Pressing: from PCM to the bytes of one segment, and from a master to that PCM.

use crate::encoder::{Encoder, FrameEncoder};
use crate::error::{Error, Result};
use crate::pcm::Pcm;
use crate::rendition::plan::{Plan, Segment};

/// Encodes one segment: give it the PCM of [`Segment::pcm`] from start to end, in pieces of any
/// length, then [`finish`](Self::finish).
///
/// A segment neither borrows bits from the one before nor leaves any to the next, so segments can be
/// pressed in any order, anywhere, and joined.
pub struct SegmentEncoder {
    encoder: Box<dyn FrameEncoder>,
    segment: Segment,
    /// The number of the next sample to take.
    position: u64,
    /// PCM waiting for a whole frame.
    block: [[f32; 1152]; 2],
    channels: usize,
    filled: usize,
    frame_samples: usize,
    /// Whether the pre-roll is over and bytes are kept.
    kept: bool,
}

impl SegmentEncoder {
    /// An encoder for segment number `index` of `plan`.
    ///
    /// # Errors
    /// [`Error::Processor`], or [`Error::Internal`] if the encoder refuses the settings.
    ///
    /// # Panics
    /// If there is no such segment.
    pub fn new(plan: &Plan, index: u64) -> Result<Self> {
        let segment = plan.segment(index);
        let resolved = plan.resolved();
        Ok(Self {
            encoder: Encoder::start(resolved, Some(frames_of(&segment)))?,
            position: segment.pcm.start,
            kept: segment.pre_roll == 0,
            segment,
            block: [[0.0; 1152]; 2],
            channels: resolved.channels(),
            filled: 0,
            frame_samples: if resolved.version().samples_per_frame() == 1152 { 1152 } else { 576 },
        })
    }

    /// The samples still to come.
    #[must_use]
    pub fn wanted(&self) -> std::ops::Range<u64> {
        self.position..self.segment.pcm.end
    }

    /// Takes what `pcm` holds of the samples [`wanted`](Self::wanted) and appends finished bytes to
    /// `out`. `pcm` must hold the next one, at the rendition's rate and with its channels.
    ///
    /// # Errors
    /// [`Error::Internal`] if `pcm` is not what was wanted, or if the encoder fails.
    pub fn push(&mut self, pcm: &Pcm, out: &mut Vec<u8>) -> Result<()> {
        self.push_until(pcm, u64::MAX, out)
    }

    /// As [`push`](Self::push), but takes no sample from number `end` on: for callers that want the bytes in
    /// smaller portions than the PCM comes in.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_until(&mut self, pcm: &Pcm, end: u64, out: &mut Vec<u8>) -> Result<()> {
        let range = pcm.range();
        if pcm.channels() != self.channels || !(range.start..=range.end).contains(&self.position) {
            return Err(Error::Internal {
                detail: format!(
                    "sample {} of {} channels was wanted, but the PCM is {range:?} of {}",
                    self.position,
                    self.channels,
                    pcm.channels()
                ),
            });
        }
        let end = range.end.min(self.segment.pcm.end).min(end);
        while self.position < end {
            let room = self.frame_samples - self.filled;
            let take = usize::try_from(end - self.position).map_or(room, |left| left.min(room));
            #[allow(clippy::cast_possible_truncation)] // within a buffer in memory
            let from = (self.position - range.start) as usize;
            for (channel, block) in self.block[..self.channels].iter_mut().enumerate() {
                let samples = &pcm.plane(channel)[from..from + take];
                block[self.filled..self.filled + take].copy_from_slice(samples);
            }
            self.filled += take;
            self.position += take as u64;
            if self.filled == self.frame_samples {
                self.encode_block(out)?;
            }
        }
        Ok(())
    }

    /// Completes the segment, with silence past the end of the master, and appends its last bytes.
    ///
    /// # Errors
    /// As [`push`](Self::push), also when samples are still wanted.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        if !self.wanted().is_empty() {
            return Err(Error::Internal { detail: format!("samples {:?} were never given", self.wanted()) });
        }
        while self.encoder.frames() < frames_of(&self.segment) {
            for block in &mut self.block {
                block[self.filled..].fill(0.0);
            }
            self.encode_block(out)?;
        }
        self.encoder.flush(out)
    }

    fn encode_block(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let planes = self.block.each_ref().map(|block| &block[..self.frame_samples]);
        self.encoder.encode(&planes[..self.channels], out)?;
        self.filled = 0;
        if !self.kept {
            if self.encoder.frames() == self.segment.pre_roll {
                self.encoder.flush(out)?;
                self.kept = true;
            }
            out.truncate(start);
        }
        Ok(())
    }
}

/// The frames that are encoded for a segment, those of its pre-roll included.
fn frames_of(segment: &Segment) -> u64 {
    segment.pre_roll + segment.frames.end - segment.frames.start
}
