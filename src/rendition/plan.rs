//! Plans: the geometry and size of a rendition, by arithmetic alone.
//!
//! A rendition is `Info frame ‖ segment 0 ‖ segment 1 ‖ …`. Segments have the same number of frames, but
//! for the last, which may lack a few; each is encoded on its own, so for CBR the size and place of every
//! one follows from counting.
//!
//! With n samples, s samples per frame and LAME's delay of 576, the padding is
//! `s - (n + 576) mod s`, and s more if that is less than 576; the frames are `(n + 576 + padding) / s`
//! (`lame_encode_flush` in `lame.c`).

use std::ops::Range;

use crate::encoder::{Encoder, Resolved, ResolvedCoding};
use crate::error::Result;
use crate::master::MasterInfo;
use crate::master::resample::Resampler;
use crate::mp3::frame::{FrameSize, Header};
use crate::mp3::info::{self, Info, TOC_ENTRIES};
use crate::profile::Profile;
use crate::rendition::estimate;
use crate::size::Size;
use crate::units::{Frames, SampleRate, Samples};

/// There are no more segments than this many seconds go into a master. More of them cost quality, fewer keep
/// ranges waiting: docs/segments.md has the measurements.
const SEGMENT_SECONDS: u64 = 20;

/// A rendition ends with at least so many samples of padding, for the decoder's delay of 529.
const MIN_PADDING: u64 = 576;

/// The number of segments: as many as two cores, and of all but short masters four, can share evenly.
fn segment_count(master: &MasterInfo) -> u64 {
    match master.samples.0 / (SEGMENT_SECONDS * u64::from(master.rate.hz())) {
        0 => 1,
        1..=3 => 2,
        most => most - most % 4,
    }
}

/// The geometry and size of one rendition.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    profile: Profile,
    resolved: Resolved,
    master_rate: SampleRate,
    master_samples: Samples,
    samples: Samples,
    frames: Frames,
    segment_frames: u64,
    info_bytes: u64,
}

/// One segment of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment {
    /// Its number, from 0.
    pub index: u64,
    /// The frames that it contributes.
    pub frames: Range<u64>,
    /// The frames before them that are encoded and thrown away.
    pub pre_roll: u64,
    /// The PCM (at the rendition's rate) that is fed for both, where there is any: past the end of
    /// the master comes silence.
    pub pcm: Range<u64>,
    /// The PCM that belongs to this segment alone: these ranges tile the rendition.
    pub own: Range<u64>,
}

impl Plan {
    /// Plans the rendition of `master` at `profile`.
    ///
    /// ```no_run
    /// use tonepress::{Plan, Profile, master::Master};
    /// let master = Master::open("song.flac")?;
    /// let plan = Plan::new(master.info(), &"320".parse::<Profile>()?)?;
    /// println!("{} bytes, {} frames", plan.size().likely(), plan.frames());
    /// # Ok::<(), tonepress::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Profile::resolve`].
    pub fn new(master: &MasterInfo, profile: &Profile) -> Result<Self> {
        Ok(Self::resolved_to(profile.resolve(master)?, master, profile))
    }

    fn resolved_to(resolved: Resolved, master: &MasterInfo, profile: &Profile) -> Self {
        let samples = if master.rate == resolved.rate {
            master.samples.0
        } else {
            Resampler::output_len(master.rate, resolved.rate, master.samples.0)
        };
        let per_frame = resolved.version().samples_per_frame();
        let frames = (samples + u64::from(resolved.encoder.facts().delay) + MIN_PADDING).div_ceil(per_frame);
        Self {
            profile: *profile,
            resolved,
            master_rate: master.rate,
            master_samples: master.samples,
            samples: Samples(samples),
            frames: Frames(frames),
            segment_frames: if resolved.whole { frames } else { frames.div_ceil(segment_count(master)) },
            info_bytes: info_header(&resolved).size(),
        }
    }

    /// The profile as asked for.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The profile with every choice made.
    #[must_use]
    pub const fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// The samples per channel that a gapless player plays.
    #[must_use]
    pub const fn samples(&self) -> Samples {
        self.samples
    }

    /// The frames, without the Info frame.
    #[must_use]
    pub const fn frames(&self) -> Frames {
        self.frames
    }

    /// The samples that a gapless player drops at the end.
    #[must_use]
    pub fn padding(&self) -> u32 {
        let encoded = self.frames.0 * self.resolved.version().samples_per_frame();
        u32::try_from(encoded - self.samples.0 - u64::from(self.resolved.encoder.facts().delay))
            .unwrap_or(u32::MAX)
    }

    /// The size of the Info frame in bytes.
    #[must_use]
    pub const fn info_bytes(&self) -> u64 {
        self.info_bytes
    }

    /// The number of segments: at least one.
    #[must_use]
    pub const fn segments(&self) -> u64 {
        self.frames.0.div_ceil(self.segment_frames)
    }

    /// Segment number `index`.
    ///
    /// # Panics
    /// If there is no such segment.
    #[must_use]
    pub fn segment(&self, index: u64) -> Segment {
        assert!(index < self.segments(), "segment {index} of {}", self.segments());
        let per_frame = self.resolved.version().samples_per_frame();
        let start = index * self.segment_frames;
        let end = (start + self.segment_frames).min(self.frames.0);
        let facts = self.resolved.encoder.facts();
        let pre_roll = if index == 0 { 0 } else { facts.pre_roll };
        let clamp = |frame: u64| (frame * per_frame).min(self.samples.0);
        Segment {
            index,
            frames: start..end,
            pre_roll,
            // The encoder looks ahead, and fills its window from the call before.
            pcm: clamp(start - pre_roll)..clamp(end + facts.look_ahead),
            own: clamp(start)..if end == self.frames.0 { self.samples.0 } else { clamp(end) },
        }
    }

    /// The samples of the master that `range` of the rendition stands for; ranges that tile one tile the other.
    #[must_use]
    pub fn master_range(&self, range: &Range<u64>) -> Range<u64> {
        let (from, to) = (u128::from(self.master_rate.hz()), u128::from(self.resolved.rate.hz()));
        let position = |at: u64| match at {
            // Rounding must not lose the last sample.
            at if at == self.samples.0 => self.master_samples.0,
            at => u64::try_from(u128::from(at) * from / to).unwrap_or(u64::MAX).min(self.master_samples.0),
        };
        position(range.start)..position(range.end)
    }

    /// The size of the whole rendition.
    #[must_use]
    pub fn size(&self) -> Size {
        match self.resolved.coding {
            ResolvedCoding::Cbr(_) => Size::Exact(self.segment_start(self.segments())),
            _ => estimate::size(&self.resolved, self.frames, self.info_bytes),
        }
    }

    /// Where the bytes of segment `index` lie in a CBR rendition; `None` for ABR and VBR.
    #[must_use]
    pub fn segment_bytes(&self, index: u64) -> Option<Range<u64>> {
        self.resolved.is_cbr().then(|| self.segment_start(index)..self.segment_start(index + 1))
    }

    /// The segment whose bytes lie at `offset` of a CBR rendition, the first one for the Info frame; `None`
    /// beyond the end, and for ABR and VBR.
    #[must_use]
    pub fn segment_at(&self, offset: u64) -> Option<u64> {
        let size = self.frame_size()?;
        if offset >= self.size().likely() {
            return None;
        }
        // All but the first, which has no pre-roll, and the last are of one size.
        let second = self.segment_start(1);
        let full = bytes_of_run(size, self.pre_roll(), self.segment_frames);
        Some(offset.checked_sub(second).map_or(0, |behind| 1 + behind / full))
    }

    /// The Info frame of a CBR rendition, all of which is known beforehand; `None` for ABR and VBR.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) if LAME, which is asked for some of the facts, refuses the settings.
    pub fn cbr_info(&self) -> Result<Option<Vec<u8>>> {
        let (Some(size), Size::Exact(bytes)) = (self.frame_size(), self.size()) else {
            return Ok(None);
        };
        let start_of = |frame: u64| {
            let index = frame / self.segment_frames;
            let before = if index == 0 { 0 } else { self.pre_roll() };
            self.segment_start(index) + bytes_of_run(size, before, frame % self.segment_frames)
        };
        let mut toc = [0; TOC_ENTRIES];
        for (entry, frame) in toc.iter_mut().zip(self.toc_frames()) {
            *entry = toc_entry(start_of(frame), bytes);
        }
        self.info_frame(bytes, toc, 0).map(Some)
    }

    /// The Info frame of this rendition.
    pub(crate) fn info_frame(&self, bytes: u64, toc: [u8; TOC_ENTRIES], music_crc: u16) -> Result<Vec<u8>> {
        let (delay, padding) = (self.resolved.encoder.facts().delay, self.padding());
        let info = Info { frames: self.frames, bytes, toc, delay, padding, music_crc };
        Ok(info.to_frame(info_header(&self.resolved), &Encoder::tag_facts(&self.resolved)?))
    }

    /// The frames whose places make the table of contents.
    pub(crate) fn toc_frames(&self) -> impl Iterator<Item = u64> + use<> {
        let frames = self.frames.0;
        let entries = TOC_ENTRIES as u64;
        (0..entries).map(move |entry| entry * frames / entries)
    }

    fn pre_roll(&self) -> u64 {
        self.resolved.encoder.facts().pre_roll
    }

    fn frame_size(&self) -> Option<FrameSize> {
        match self.resolved.coding {
            ResolvedCoding::Cbr(kbps) => {
                Some(FrameSize::new(self.resolved.version(), self.resolved.rate.hz(), kbps))
            }
            _ => None,
        }
    }

    /// Where segment `index` starts, or would start; 0 for ABR and VBR.
    fn segment_start(&self, index: u64) -> u64 {
        let Some(size) = self.frame_size() else { return 0 };
        if index == 0 {
            return self.info_bytes;
        }
        let first = bytes_of_run(size, 0, self.segment_frames.min(self.frames.0));
        let full = bytes_of_run(size, self.pre_roll(), self.segment_frames);
        let start = self.info_bytes + first + (index - 1) * full;
        if index < self.segments() || index == 1 {
            return start;
        }
        // The end of the last segment, which may be short.
        let last = self.segment(index - 1);
        start - full + bytes_of_run(size, self.pre_roll(), last.frames.end - last.frames.start)
    }
}

/// The header of the Info frame.
fn info_header(resolved: &Resolved) -> Header {
    let cbr = match resolved.coding {
        ResolvedCoding::Cbr(kbps) => Some(kbps),
        ResolvedCoding::Abr(_) | ResolvedCoding::Vbr(_) => None,
    };
    info::header(resolved.version(), resolved.rate, resolved.mode, cbr)
}

/// The bytes of `frames` frames that follow `before` frames of the same encoder.
fn bytes_of_run(size: FrameSize, before: u64, frames: u64) -> u64 {
    size.total(before + frames) - size.total(before)
}

/// A byte position as an entry of the table of contents.
pub(crate) fn toc_entry(position: u64, bytes: u64) -> u8 {
    u8::try_from(256 * position / bytes.max(1)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::master::{Codec, Container, Layout};
    use crate::mp3::frame::{Mode, RATES, Version};
    use crate::profile::Coding;
    use crate::units::Kbps;

    /// Any CBR rendition of any master of up to ten hours, whatever LAME would choose.
    fn plans() -> impl Strategy<Value = Plan> {
        let rates = || prop::sample::select(RATES.to_vec()).prop_map(|hz| SampleRate::new(hz).unwrap());
        let lengths = prop_oneof![1..5_000_u64, 1..20_000_000_u64, 1..1_728_000_000_u64];
        (rates(), rates(), any::<prop::sample::Index>(), lengths).prop_map(|(from, to, kbps, samples)| {
            let kbps = *kbps.get(Version::of(to).unwrap().bitrates());
            let master = MasterInfo {
                container: Container::Flac,
                codec: Codec::Flac,
                rate: from,
                bits: 16,
                layout: Layout::STEREO,
                samples: Samples(samples),
            };
            let coding = ResolvedCoding::Cbr(Kbps(kbps));
            let (mode, lowpass, effort) = (Mode::Joint, None, 4);
            let encoder = Encoder::Lame;
            let resolved =
                Resolved { encoder, rate: to, mode, coding, lowpass, effort, whole: false, salvage: false };
            Plan::resolved_to(resolved, &master, &Profile::new(Coding::Cbr(Kbps(kbps))))
        })
    }

    proptest! {
        #[test]
        fn segments_tile_the_rendition_its_bytes_and_its_master(plan in plans()) {
            // Of a master of a sample, nothing may be left at a lower rate.
            prop_assume!(plan.samples().0 > 0);
            let (mut frames, mut samples, mut bytes, mut master) = (0, 0, plan.info_bytes(), 0);
            for index in 0..plan.segments() {
                let segment = plan.segment(index);
                prop_assert_eq!(segment.frames.start, frames);
                prop_assert_eq!(segment.own.start, samples);
                prop_assert!(segment.pcm.start <= segment.own.start && segment.own.end <= segment.pcm.end);
                let place = plan.segment_bytes(index).unwrap();
                prop_assert_eq!(place.start, bytes);
                prop_assert_eq!(plan.segment_at(place.start), Some(index));
                prop_assert_eq!(plan.segment_at(place.end - 1), Some(index));
                let of_master = plan.master_range(&segment.own);
                prop_assert_eq!(of_master.start, master);
                (frames, samples, bytes, master) = (segment.frames.end, segment.own.end, place.end, of_master.end);
            }
            prop_assert_eq!(frames, plan.frames().0);
            prop_assert_eq!(samples, plan.samples().0);
            prop_assert_eq!(bytes, plan.size().likely());
            prop_assert_eq!(plan.segment_at(bytes), None);
            prop_assert_eq!(master, plan.master_samples.0);
        }
    }
}
