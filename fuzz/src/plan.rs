//! The arithmetic of plans: segments tile the rendition, and the sizes add up.

use tonepress::master::{Codec, Container, Layout, MasterInfo};
use tonepress::{Plan, Profile, SampleRate, Samples};

use super::take;

/// The samples of 12 days at 384 kHz, and what no rendition needs more of.
const MOST: u64 = 1 << 40;

pub(crate) fn master(rate: u32, layout: Layout, samples: u64) -> Option<MasterInfo> {
    Some(MasterInfo::new(Container::Wav, Codec::Pcm, SampleRate::new(rate)?, 16, layout, Samples(samples)))
}

/// A rate, the channels, a length, then the profile.
pub fn run(mut data: &[u8]) {
    let rate = u32::from_le_bytes(take::bytes(&mut data));
    let layout = if take::byte(&mut data).is_multiple_of(2) { Layout::STEREO } else { Layout::MONO };
    let samples = take::long(&mut data) % MOST;
    let Some(master) = master(rate, layout, samples) else { return };
    let Some(profile) = std::str::from_utf8(data).ok().and_then(|text| text.parse::<Profile>().ok()) else {
        return;
    };
    let Ok(plan) = Plan::new(&master, &profile) else { return };

    let last = plan.segments() - 1;
    assert_eq!(plan.segment(0).frames.start, 0);
    assert_eq!(plan.segment(0).own.start, 0);
    assert_eq!(plan.segment(last).frames.end, plan.frames().0);
    assert_eq!(plan.segment(last).own.end, plan.samples().0);
    if plan.samples().0 > 0 {
        assert_eq!(plan.master_range(&(0..plan.samples().0)), 0..samples);
    }
    let size = plan.size();
    assert!(size.likely() <= size.cap());
    assert_eq!(size.is_exact(), plan.cbr_info().unwrap().is_some());
    for index in [0, 1, last / 2, last.saturating_sub(2), last.saturating_sub(1)] {
        if index >= last {
            continue;
        }
        let (one, two) = (plan.segment(index), plan.segment(index + 1));
        assert_eq!((one.frames.end, one.own.end), (two.frames.start, two.own.start));
        assert!(two.pcm.start <= two.own.start && two.own.end <= two.pcm.end.max(two.own.end));
        if let (Some(one), Some(two)) = (plan.segment_bytes(index), plan.segment_bytes(index + 1)) {
            assert!(one.end == two.start && one.start < one.end);
        }
    }
    if let Some(bytes) = plan.segment_bytes(last) {
        assert_eq!(bytes.end, size.cap());
    }
    if let Some(bytes) = plan.segment_bytes(0) {
        assert_eq!(bytes.start, plan.info_bytes());
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    [(44_100, 0, 1_000_000_u64, "128"), (48_000, 1, 1, "v2"), (96_000, 0, 1 << 36, "abr192:rate=22050")]
        .map(|(rate, channels, samples, profile): (u32, u8, u64, &str)| {
            [&rate.to_le_bytes()[..], &[channels], &samples.to_le_bytes(), profile.as_bytes()].concat()
        })
        .to_vec()
}
