//! The bytes of thirty renditions. If they change, the encoder's version must be raised.

use super::format::Random;
use crate::encoder::native::coder::{RateControl, Settings};
use crate::encoder::native::encoder::Encoder;
use crate::mp3::frame::{Mode, Version};
use crate::units::SampleRate;

/// FNV-1a of 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// Forty frames: tones that fall off and begin anew, some noise, silence at the end. Integers alone make it.
fn encode((rate, mode, coding, lowpass): (u32, Mode, RateControl, Option<u32>)) -> u64 {
    let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
    let mut encoder = Encoder::new(Settings { version, rate, mode, coding, lowpass, frames: None });
    let (mut random, mut out, mut time) = (Random(1), Vec::new(), 0_u32);
    for frame in 0..41 {
        let mut planes = [[0.0_f32; 1_152]; 2];
        let samples = version.samples_per_frame() as usize;
        for index in 0..samples {
            time += 1;
            let fall = 4_000_u32.saturating_sub(time % 9_000) as i32;
            let tone = |period: u32| (time % period * 2_000 / period) as i32 - 1_000;
            let noise = random.below(2_001) as i32 - 1_000;
            let left = (tone(100) + tone(37)) * fall / 400 + noise * fall / 4_000;
            let right = (tone(100) - tone(61)) * fall / 500 + (random.below(201) as i32 - 100);
            if frame < 36 {
                (planes[0][index], planes[1][index]) = (left as f32 / 32_768.0, right as f32 / 32_768.0);
            }
        }
        encoder.encode(&[&planes[0][..samples], &planes[1][..samples]], &mut out);
    }
    encoder.flush(&mut out);
    hash(&out)
}

#[test]
fn the_bytes_of_thirty_renditions_stay() {
    use Mode::{Joint, Mono, Stereo};
    use RateControl::{Abr, Cbr, Vbr};
    let renditions: [(u32, Mode, RateControl, Option<u32>); 30] = [
        (44_100, Joint, Cbr(128), Some(17_000)),
        (44_100, Joint, Cbr(192), Some(18_600)),
        (44_100, Joint, Cbr(256), Some(19_700)),
        (44_100, Joint, Cbr(320), Some(20_094)),
        (44_100, Stereo, Cbr(160), Some(17_500)),
        (44_100, Joint, Cbr(96), Some(15_100)),
        (44_100, Joint, Cbr(32), Some(5_000)),
        (44_100, Mono, Cbr(64), Some(11_000)),
        (44_100, Mono, Cbr(320), None),
        (44_100, Joint, Vbr(0.0), None),
        (44_100, Joint, Vbr(2.0), Some(18_671)),
        (44_100, Stereo, Vbr(4.5), Some(17_000)),
        (44_100, Mono, Vbr(9.999), Some(10_000)),
        (44_100, Joint, Abr(160), Some(17_500)),
        (48_000, Joint, Cbr(128), Some(17_000)),
        (48_000, Joint, Cbr(320), None),
        (48_000, Joint, Vbr(2.0), Some(19_000)),
        (48_000, Mono, Abr(80), Some(15_000)),
        (32_000, Joint, Cbr(96), Some(15_000)),
        (32_000, Joint, Vbr(6.0), None),
        (24_000, Joint, Cbr(64), Some(11_000)),
        (24_000, Joint, Cbr(8), Some(2_000)),
        (24_000, Joint, Vbr(3.0), None),
        (22_050, Mono, Cbr(48), None),
        (22_050, Joint, Abr(56), Some(10_000)),
        (16_000, Joint, Cbr(160), None),
        (12_000, Mono, Cbr(24), None),
        (11_025, Joint, Vbr(5.0), None),
        (8_000, Joint, Cbr(64), None),
        (8_000, Mono, Cbr(8), None),
    ];
    let hashes = renditions.map(encode);
    assert_eq!(hashes, GOLDEN, "{hashes:#018x?}");
}

#[rustfmt::skip]
const GOLDEN: [u64; 30] = [
    0xF038_F243_6362_EE77, 0xEB1B_F015_A46F_C460, 0x53C7_7197_4EE9_4BB5, 0xFCF1_C741_8C88_3387,
    0x2F00_B742_17B9_22B9, 0x7B22_0846_364B_DF1D, 0x3ACA_DB3F_3989_4AE9, 0x4557_B9EA_4134_7C6E,
    0x9095_BBE2_C957_4E49, 0x6558_E1B2_A8D2_6ACF, 0x03FE_B731_30E6_D990, 0x76BE_7834_FAEE_FBF0,
    0xB827_2513_0433_6C44, 0xAD5E_762C_7C35_BBB3, 0x0B4F_C4B0_EE3B_C930, 0x569E_5935_9870_361F,
    0x3710_B848_C9FF_EE62, 0xF53C_A757_4668_68BC, 0xBA48_8F05_0ECA_FAD2, 0xAD3B_8E2D_917D_8E00,
    0xAF42_24C8_3826_49F9, 0x9E9A_99E0_0EF0_DD22, 0x52EC_6928_B104_B200, 0x4953_186E_5865_AE98,
    0x6F11_F70B_4DDD_1208, 0xCD49_2410_210C_86E3, 0x9BC6_8D7B_CAB7_2584, 0xE8C9_0DC4_9066_1F10,
    0x72E8_86D7_294E_ACB1, 0xC209_0C7C_78B9_B8BC,
];
