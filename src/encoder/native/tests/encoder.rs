//! Nasty PCM through the whole encoder: valid frames, exact sizes, and the same bytes with and without AVX2.

use proptest::prelude::*;

use super::format::{MODES, Random};
use super::reader::Reader;
use crate::encoder::native::coder::{RateControl, Settings};
use crate::encoder::native::encoder::Encoder;
use crate::lanes::{Best, Portable};
use crate::mp3::frame::{FrameSize, Mode, RATES, Version};
use crate::units::{Kbps, SampleRate};

/// One frame of one kind of PCM.
fn samples(random: &mut Random, kind: u32, plane: &mut [f32]) {
    let loudness = [1e-40_f32, 1e-6, 0.01, 1.0, 4.0, 1e30][random.below(6) as usize];
    let period = 2 + random.below(300) as usize;
    let at = random.below(plane.len() as u32) as usize;
    for (index, sample) in plane.iter_mut().enumerate() {
        let noise = (random.below(2_001) as f32 - 1_000.0) / 1_000.0;
        *sample = match kind {
            0 => 0.0,
            1 => loudness * noise,
            2 => loudness * if (index / period).is_multiple_of(2) { 1.0 } else { -1.0 },
            3 => loudness * f32::from(u8::from(index == at)),
            4 => [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.5 * noise][random.below(4) as usize],
            5 => f32::from_bits(random.below(u32::MAX)),
            6 => 0.3 * ((index % period) as f32 / period as f32 - 0.5),
            _ => 1.0,
        };
    }
}

fn codings() -> impl Strategy<Value = RateControl> {
    prop_oneof![
        (0..14_u16).prop_map(RateControl::Cbr),
        (0..14_u16).prop_map(RateControl::Abr),
        (0.0..10.0_f32).prop_map(RateControl::Vbr),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn any_pcm_makes_valid_frames_and_the_same_everywhere(
        seed: u64,
        rate in prop::sample::select(RATES.to_vec()),
        mode in prop::sample::select(MODES.to_vec()),
        coding in codings(),
        frames in 2..25_u64,
        changing: bool,
        lowpass in prop::option::of(1_000..30_000_u32),
    ) {
        let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
        let of_version = |at: u16| version.bitrates()[usize::from(at) % version.bitrates().len()];
        let coding = match coding {
            RateControl::Cbr(at) => RateControl::Cbr(of_version(at)),
            RateControl::Abr(at) => RateControl::Abr(of_version(at)),
            vbr @ RateControl::Vbr(_) => vbr,
        };
        let mut random = Random(seed);
        let settings = Settings { version, rate, mode, coding, lowpass, frames: None };
        let mut encoders = [Encoder::new(settings), Encoder::with(Best::Portable(Portable), settings)];
        let mut out = [Vec::new(), Vec::new()];
        let samples_per_frame = version.samples_per_frame() as usize;
        let channels = if mode == Mode::Mono { 1 } else { 2 };
        let mut kind = random.below(8);
        while encoders[0].frames() < frames {
            let mut planes = vec![vec![0.0; samples_per_frame]; channels];
            for plane in &mut planes {
                if changing {
                    kind = random.below(8);
                }
                samples(&mut random, kind, plane);
            }
            let planes: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
            for (encoder, out) in encoders.iter_mut().zip(&mut out) {
                encoder.encode(&planes, out);
            }
        }
        for (encoder, out) in encoders.iter_mut().zip(&mut out) {
            encoder.flush(out);
        }
        prop_assert!(out[0] == out[1], "AVX2 gives other bytes");
        if let RateControl::Cbr(kbps) = coding {
            prop_assert_eq!(out[0].len() as u64, FrameSize::new(version, rate, Kbps(kbps)).total(frames));
        }
        prop_assert_eq!(Reader::new().read(&out[0]).len() as u64, frames);
    }
}
