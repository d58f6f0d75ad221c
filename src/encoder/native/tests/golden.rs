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
    0xFE58_A14D_9A15_168D, 0x7279_0E93_67FB_8AA3, 0x96B0_BBAC_60EE_B34C, 0x5D68_B00B_1EC0_2570,
    0x8539_ED7C_2DFB_CCC3, 0xFAAB_1192_04B7_8DB8, 0x8CBB_DF68_0F06_77F4, 0xD505_8017_172E_2166,
    0x7741_1900_384A_4B43, 0x8089_5AD4_F260_AEE1, 0x9C2C_DCC3_0640_6C67, 0x92BF_0511_FF2E_500E,
    0x755D_7D38_8281_DF4C, 0x65FA_DE85_12CD_E1EE, 0x9307_A784_FD08_C8E7, 0xA644_0268_5D12_ABBE,
    0xCAD3_8E46_BCFA_97B2, 0xFD77_A940_AC20_AEFB, 0x0FC2_2C7D_7BC6_C830, 0x1C0F_1AD2_0B7B_625C,
    0x15B0_5C74_0A89_9DD2, 0xBF4D_A433_5BD2_1188, 0x3B16_9690_F012_BF4C, 0x8945_09A3_B881_F738,
    0xBC79_599E_3D25_A462, 0x7B60_BFA3_421A_DAA2, 0x225C_A376_0802_8EB7, 0xE581_9784_6377_CA54,
    0x69C7_F33B_AFC5_0F79, 0xE06B_007E_F309_4905,
];
