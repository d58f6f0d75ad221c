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
    0xB4F2_6A9A_6B13_CB33, 0xBC89_5278_6868_D7E1, 0x0446_471A_5358_8042, 0x137D_F01E_C1AE_A2D7,
    0x7C57_7663_F7AF_7C32, 0x2C4F_8230_405B_59BD, 0xAB3C_FDB2_EDB6_E6FA, 0x9AF8_7086_EF72_E762,
    0xE262_E02C_BF6C_53D7, 0x6558_E1B2_A8D2_6ACF, 0x03FE_B731_30E6_D990, 0x76BE_7834_FAEE_FBF0,
    0xB827_2513_0433_6C44, 0xCBFB_BC52_9133_0D17, 0x4203_3422_7B93_F8D3, 0x83AC_9693_3E71_51A4,
    0x3710_B848_C9FF_EE62, 0x4440_18D7_207C_F957, 0x3A5A_F2F4_9009_BB27, 0xAD3B_8E2D_917D_8E00,
    0xF5DB_3724_141D_328E, 0xFECB_5BDC_1E65_51F1, 0x52EC_6928_B104_B200, 0xBE4D_3B1F_7E10_0234,
    0x8F45_40E1_5FB4_D189, 0x8A99_9089_1B7A_7BFE, 0x4047_B11F_9968_3700, 0xE8C9_0DC4_9066_1F10,
    0x5D85_312F_D1DC_DDF5, 0xBF7E_58F3_3679_872D,
];
