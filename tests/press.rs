//! What is pressed is exactly what was planned.

mod common;

use std::io::Cursor;

use common::signal::Music;
use proptest::prelude::*;
use tonepress::master::{Codec, Container, Layout, MasterInfo};
use tonepress::mp3::frame::{Header, RATES, Version};
use tonepress::mp3::info::Info;
use tonepress::pcm::Pcm;
use tonepress::press::SegmentEncoder;
use tonepress::profile::{Coding, Resolved};
use tonepress::writer::RenditionWriter;
use tonepress::{Kbps, Plan, Profile, SampleRate, Samples, Size};

fn info(rate: u32, layout: Layout, samples: u64) -> MasterInfo {
    MasterInfo {
        container: Container::Wav,
        codec: Codec::Pcm,
        rate: SampleRate::new(rate).unwrap(),
        bits: 16,
        layout,
        samples: Samples(samples),
    }
}

/// Presses segments in the given order.
fn press(plan: &Plan, music: &Music, order: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut writer = RenditionWriter::new(plan, Cursor::new(Vec::new()), "test").unwrap();
    let mut pcm = Pcm::default();
    for index in order {
        let mut encoder = SegmentEncoder::new(plan, index).unwrap();
        music.fill(&mut pcm, plan.resolved().channels(), encoder.wanted());
        let mut bytes = Vec::new();
        encoder.push(&pcm, &mut bytes).unwrap();
        encoder.finish(&mut bytes).unwrap();
        writer.push(index, &bytes, true).unwrap();
    }
    writer.finish().unwrap().0.into_inner()
}

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
        _ => unreachable!(),
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

fn lengths(per_frame: u64, grid: u64) -> impl Strategy<Value = u64> {
    let near_seams = (0..4_u64, 0..=6 * per_frame)
        .prop_map(move |(seam, off)| (seam * grid * per_frame + off).saturating_sub(3 * per_frame).max(1));
    prop_oneof![
        prop::sample::select(vec![1, 575, 576, 1151, 1152, 1153, 2303, 2304, 2305]),
        1..20 * per_frame,
        near_seams,
    ]
}

fn cbr() -> impl Strategy<Value = (u32, u16, bool, u64)> {
    prop::sample::select(RATES.to_vec()).prop_flat_map(|rate| {
        let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
        let kbps = prop::sample::select(version.bitrates().to_vec());
        (Just(rate), kbps, any::<bool>(), lengths(version.samples_per_frame(), 294))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: common::cases(60), max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_cbr_rendition_has_the_planned_size((rate, kbps, mono, samples) in cbr()) {
        let layout = if mono { Layout::MONO } else { Layout::STEREO };
        let profile = Profile { rate: SampleRate::new(rate), effort: 7, ..Profile::new(Coding::Cbr(Kbps(kbps))) };
        let plan = Plan::new(&info(rate, layout, samples), &profile).unwrap();
        let music = Music::new(rate, samples);
        check(&plan, &press(&plan, &music, 0..plan.segments()));
    }
}
