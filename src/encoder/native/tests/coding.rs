//! Random granules through the whole coder.

use proptest::prelude::*;

use super::format::{MODES, Random};
use super::reader::Reader;
use crate::encoder::native::coder::{Coder, RateControl, Settings};
use crate::encoder::native::granule::{Block, Granule};
use crate::lanes::Best;
use crate::mp3::frame::{FrameSize, RATES, Version};
use crate::units::{Kbps, SampleRate};

fn random_granule(random: &mut Random, block: Block) -> Granule {
    let mut granule = Granule::SILENT;
    granule.block = [block; 2];
    let loudness = [0.0, 1e-9, 1e-4, 0.01, 0.1, 1.0, 30.0][random.below(7) as usize];
    let tilt = 1 + random.below(200);
    for line in 0..576 {
        let place = if block == Block::Short { line as u32 % 192 * 3 } else { line as u32 };
        for channel in 0..2 {
            let noise = (random.below(2001) as f32 - 1000.0) / 1000.0;
            let spike = if random.below(50) == 0 { 20.0 } else { 1.0 };
            granule.lines[channel][line] = loudness * spike * noise / (1.0 + place as f32 / tilt as f32);
        }
    }
    let masked = [0.0, 1e-12, 1e-6, 1e-3, 1.0][random.below(5) as usize];
    for allowed in granule.allowed.as_flattened_mut() {
        *allowed = masked * loudness * loudness * (1 + random.below(100)) as f32 / 100.0;
    }
    granule
}

const BLOCKS: [Block; 5] = [Block::Long, Block::Start, Block::Short, Block::Stop, Block::Long];

fn codings() -> impl Strategy<Value = RateControl> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(|at| RateControl::Cbr(at.index(14) as u16)),
        any::<prop::sample::Index>().prop_map(|at| RateControl::Abr(at.index(14) as u16)),
        (0.0..10.0_f32).prop_map(RateControl::Vbr),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_granules_make_valid_frames(
        seed: u64,
        rate in prop::sample::select(RATES.to_vec()),
        mode in prop::sample::select(MODES.to_vec()),
        coding in codings(),
        frames in 1..40_usize,
        known_end: bool,
    ) {
        let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
        let of_version = |at: u16| version.bitrates()[usize::from(at) % version.bitrates().len()];
        let coding = match coding {
            RateControl::Cbr(at) => RateControl::Cbr(of_version(at)),
            RateControl::Abr(at) => RateControl::Abr(of_version(at)),
            vbr @ RateControl::Vbr(_) => vbr,
        };
        let mut random = Random(seed);
        let lowpass = [None, Some(rate / 4), Some(rate)][random.below(3) as usize];
        let asked = known_end.then_some(frames as u64);
        let mut coder = Coder::new(Best::detect(), Settings { version, rate, mode, coding, lowpass, frames: asked });
        let granules = if version == Version::Mpeg1 { 2 } else { 1 };
        let flushed = frames / 3;
        let (mut out, mut at) = (Vec::new(), 0);
        for frame in 0..frames {
            let of_frame: Vec<Granule> = (0..granules)
                .map(|_| {
                    at += 1;
                    random_granule(&mut random, BLOCKS[at % 5])
                })
                .collect();
            coder.code(&of_frame, &mut out);
            if frame == flushed {
                coder.flush(&mut out);
                if let RateControl::Cbr(kbps) = coding {
                    prop_assert_eq!(out.len() as u64, FrameSize::new(version, rate, Kbps(kbps)).total(frame as u64 + 1));
                }
            }
        }
        coder.flush(&mut out);
        if let RateControl::Cbr(kbps) = coding {
            prop_assert_eq!(out.len() as u64, FrameSize::new(version, rate, Kbps(kbps)).total(frames as u64));
        }
        let read = Reader::new().read(&out);
        prop_assert_eq!(read.len(), frames);
        let limit = if version == Version::Mpeg1 { 511 } else { 255 };
        prop_assert!(read.iter().all(|frame| frame.main_data_begin <= limit && frame.header.rate == rate));
        prop_assert!(read.get(flushed + 1).is_none_or(|frame| frame.main_data_begin == 0));
    }
}
