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
    0x6A67_8D5A_B51B_1510, 0x0B0F_C8CD_5D8F_D36E, 0xA381_EBC4_7265_942A, 0x181D_4386_F162_CF0E,
    0x52B0_B686_3B03_AFE3, 0x5227_9B00_B0AF_EA8B, 0xF80A_2B03_F735_93A7, 0xA71F_16A8_483B_900B,
    0x1747_3602_88FF_CBF7, 0x6558_E1B2_A8D2_6ACF, 0x03FE_B731_30E6_D990, 0x76BE_7834_FAEE_FBF0,
    0xB827_2513_0433_6C44, 0xEB94_654E_92E4_40B7, 0xC1FE_295A_452E_EDEF, 0x9DA8_946F_400B_CAC7,
    0x3710_B848_C9FF_EE62, 0x9D68_4D6B_72A0_8BE6, 0xC8D3_B669_CD69_9016, 0xAD3B_8E2D_917D_8E00,
    0x18F1_2A1C_4BC8_8203, 0x708E_853D_12EB_233A, 0x52EC_6928_B104_B200, 0xD653_C202_5270_5538,
    0x425F_4329_18E7_6CF1, 0x9309_3049_D1B6_2C4D, 0x5C35_D91B_7B64_F653, 0xE8C9_0DC4_9066_1F10,
    0x985E_A7E9_E78E_AD14, 0xB3D6_CF69_C9A5_DD50,
];
