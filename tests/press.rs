//! What is pressed is exactly what was planned.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use common::press::{info, press_music as press};
use common::signal::Music;
use proptest::prelude::*;
use tonepress::master::Layout;
use tonepress::mp3::frame::{Header, RATES, Version};
use tonepress::mp3::info::Info;
use tonepress::pcm::Pcm;
use tonepress::profile::{Coding, Encoder, VbrQuality};
use tonepress::rendition::press::SegmentEncoder;
use tonepress::{Kbps, Plan, Profile, SampleRate, Size};

/// The frames of an MP3, the Info frame first.
fn frames(mp3: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut rest = mp3;
    while let Some(header) = rest.first_chunk() {
        let size = usize::try_from(Header::parse(*header).expect("a frame header").size()).unwrap();
        let (frame, later) = rest.split_at_checked(size).expect("a whole frame");
        frames.push(frame);
        rest = later;
    }
    assert!(rest.is_empty(), "{} bytes left over", rest.len());
    frames
}

/// A rendition's own testimony agrees with its bytes and its plan.
fn check(plan: &Plan, mp3: &[u8]) {
    match plan.size() {
        Size::Exact(bytes) => assert_eq!(mp3.len() as u64, bytes, "size of {plan:?}"),
        Size::Estimate { cap, .. } => assert!(mp3.len() as u64 <= cap, "{} > {cap}", mp3.len()),
    }
    let frames = frames(mp3);
    assert_eq!(frames.len() as u64 - 1, plan.frames().0, "frames of {plan:?}");
    let info = Info::parse(mp3).expect("an Info frame");
    assert_eq!((info.frames, info.bytes), (plan.frames(), mp3.len() as u64));
    let per_frame = plan.resolved().version().samples_per_frame();
    let played = info.frames.0 * per_frame - u64::from(info.delay) - u64::from(info.padding);
    assert_eq!(played, plan.samples().0);

    // Each entry of the table of contents leads to the frame at its hundredth of the duration.
    let mut starts = vec![0];
    for frame in &frames {
        starts.push(starts[starts.len() - 1] + frame.len() as u64);
    }
    for (entry, &position) in info.toc.iter().enumerate() {
        let frame = entry * (frames.len() - 1) / 100 + 1;
        assert_eq!(u64::from(position), 256 * starts[frame] / mp3.len() as u64, "TOC entry {entry}");
    }
}

fn lengths(per_frame: u64, rate: u32) -> impl Strategy<Value = u64> {
    // Where one segment becomes two, and two become four.
    let more_segments = (0..=4_u64, 0..=6 * per_frame).prop_map(move |(twenties, off)| {
        (twenties * 20 * u64::from(rate) + off).saturating_sub(3 * per_frame).max(1)
    });
    prop_oneof![
        prop::sample::select(vec![1, 575, 576, 1151, 1152, 1153, 2303, 2304, 2305]),
        1..20 * per_frame,
        more_segments,
    ]
}

#[test]
fn segments_are_of_one_length_and_two_or_four_cores_can_share_them() {
    for seconds in (1..200).chain((200..7_200).step_by(37)) {
        let master = info(44_100, Layout::STEREO, seconds * 44_100 + 7);
        for profile in ["128", "v2:rate=48000", "64:mono:rate=22050"] {
            let plan = Plan::new(&master, &profile.parse().unwrap()).unwrap();
            let count = plan.segments();
            let shared = match seconds {
                ..20 => count == 1,
                20..80 => count == 2,
                _ => count.is_multiple_of(4) && count * 20 <= seconds && (count + 4) * 20 > seconds,
            };
            assert!(shared, "{seconds} s: {count}");
            let frames = |index| plan.segment(index).frames.end - plan.segment(index).frames.start;
            assert!((1..count - 1).all(|index| frames(index) == frames(0)));
            assert!(frames(count - 1) <= frames(0) && frames(count - 1) + count > frames(0));
        }
    }
}

/// A profile at `rate`, of LAME's at an effort that is fast.
fn profile(rate: u32, coding: Coding, encoder: Encoder) -> Profile {
    let effort = if encoder == Encoder::Lame { 7 } else { Profile::DEFAULT_EFFORT };
    Profile { rate: SampleRate::new(rate), encoder: Some(encoder), effort, ..Profile::new(coding) }
}

fn cbr() -> impl Strategy<Value = (u32, u16, bool, Encoder, u64)> {
    prop::sample::select(RATES.to_vec()).prop_flat_map(|rate| {
        let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
        let kbps = prop::sample::select(version.bitrates().to_vec());
        let encoder = prop::sample::select(Encoder::ALL.to_vec());
        (Just(rate), kbps, any::<bool>(), encoder, lengths(version.samples_per_frame(), rate))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: common::cases(60), max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_cbr_rendition_has_the_planned_size((rate, kbps, mono, encoder, samples) in cbr()) {
        let layout = if mono { Layout::MONO } else { Layout::STEREO };
        let profile = profile(rate, Coding::Cbr(Kbps(kbps)), encoder);
        let plan = Plan::new(&info(rate, layout, samples), &profile).unwrap();
        let music = Music::new(rate, samples);
        check(&plan, &press(&plan, &music, 0..plan.segments()));
    }
}

#[test]
fn every_cbr_rate_of_every_version_with_and_without_a_seam() {
    for rate in RATES {
        let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
        let per_frame = version.samples_per_frame();
        for &kbps in version.bitrates() {
            let two = 20 * u64::from(rate);
            let cases = [(two - 1, 1), (two + per_frame, 2)];
            for (encoder, (samples, segments)) in
                Encoder::ALL.into_iter().flat_map(|e| cases.map(|case| (e, case)))
            {
                let profile = profile(rate, Coding::Cbr(Kbps(kbps)), encoder);
                let plan = Plan::new(&info(rate, Layout::MONO, samples), &profile).unwrap();
                assert_eq!(plan.segments(), segments);
                check(&plan, &press(&plan, &Music::new(rate, samples), 0..plan.segments()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: common::cases(20), max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn abr_and_vbr_keep_below_their_cap_and_know_their_frames(
        rate in prop::sample::select(RATES.to_vec()),
        coding in prop_oneof![
            (0..=9_999_u16).prop_map(|q| Coding::Vbr(VbrQuality::new(q).unwrap())),
            (32..=64_u16).prop_map(|kbps| Coding::Abr(Kbps(kbps))),
        ],
        mono: bool,
        encoder in prop::sample::select(Encoder::ALL.to_vec()),
        samples in lengths(1152, 44_100),
    ) {
        let layout = if mono { Layout::MONO } else { Layout::STEREO };
        let profile = profile(rate, coding, encoder);
        let plan = Plan::new(&info(rate, layout, samples), &profile).unwrap();
        check(&plan, &press(&plan, &Music::new(rate, samples), 0..plan.segments()));
    }

    #[test]
    fn the_order_of_segments_does_not_matter(
        profile in prop::sample::select(vec!["128", "v2", "abr160", "64:mono:rate=22050", "128:native", "v2:native"]),
        samples in 4_000_000..5_000_000_u64,
        order in Just((0..4_u64).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let profile: Profile = profile.parse().unwrap();
        let plan = Plan::new(&info(44_100, Layout::STEREO, samples), &profile).unwrap();
        let music = Music::new(plan.resolved().rate().hz(), plan.samples().0);
        let shuffled = order.into_iter().filter(|&index| index < plan.segments());
        prop_assert!(press(&plan, &music, 0..plan.segments()) == press(&plan, &music, shuffled));
    }
}

#[test]
fn pcm_may_come_in_pieces_of_any_length() {
    let samples = 1_700_000;
    let plan = Plan::new(&info(44_100, Layout::STEREO, samples), &"v2".parse().unwrap()).unwrap();
    let music = Music::new(44_100, samples);
    let mut whole = Vec::new();
    let mut pieces = Vec::new();
    let mut pcm = Pcm::default();
    for out in [&mut whole, &mut pieces] {
        let step = if out.capacity() == 0 && pcm.is_empty() { u64::MAX } else { 777 };
        let mut encoder = SegmentEncoder::new(&plan, 1).unwrap();
        while !encoder.wanted().is_empty() {
            let wanted = encoder.wanted();
            music.fill(&mut pcm, 2, wanted.start..wanted.end.min(wanted.start.saturating_add(step)));
            encoder.push(&pcm, out).unwrap();
        }
        encoder.finish(out).unwrap();
    }
    assert!(whole == pieces && !whole.is_empty());
}
