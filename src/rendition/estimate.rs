//! How large ABR and VBR renditions come out, from measurement.
//!
//! The corpus is `wesnoth-1.16-music` (the Debian package: 37 tracks of 20 s and more, mostly orchestral; of
//! each the middle minute) and the nine loops of 4 s and more of `sonic-pi-samples` (drums and electronics,
//! repeated to half a minute). Percentiles are over the mean bitrates of the 46, rounded outwards to 5 kbps
//! for VBR. 44.1 kHz stereo was measured at each quality with the rate set; other rates and mono on 25 s
//! of each, as parts of that, at the qualities 5 to 6.5 where LAME itself goes to low rates.
//!
//! Checked, as the share of pieces between the 5th and the 95th percentile:
//!
//! | on | within |
//! |---|---|
//! | VBR tables made from one half of the corpus, on the other half | 81 % |
//! | the 37 tracks in full length, not their middle minute: V2, V4, abr160 | 36, 37 and 35 of 37 |
//! | ABR 64 to 320 | 91 % |
//! | mono, V0 to V6 | 87 to 98 % |
//! | what LAME makes of V7, V8, V9 (32, 24, 22.05 kHz) | 96, 100, 93 % |
//! | 48 and 32 to 16 kHz, V0 to V6 | 83 to 100 % |
//! | single instruments and noise (14 other pieces of `sonic-pi-samples`): V0 to V4 | 43 to 57 % |
//!
//! So it holds for whole pieces of such music; dense modern mixes will lie at the upper end, and a
//! single voice or noise may lie far outside. V9 forced to low rates comes out up to twice as large.

use crate::encoder::{Resolved, ResolvedCoding};
use crate::mp3::frame::{FrameSize, Mode, Version};
use crate::size::Size;
use crate::units::{Frames, Kbps, SampleRate};

/// 5th, 50th and 95th percentile.
type Percentiles = [f64; 3];

/// The mean bitrate in kbps of stereo at 44.1 kHz, for LAME's VBR qualities 0 to 9.
const VBR_KBPS: [Percentiles; 10] = [
    [195.0, 245.0, 270.0],
    [170.0, 215.0, 230.0],
    [150.0, 185.0, 200.0],
    [130.0, 170.0, 185.0],
    [100.0, 150.0, 165.0],
    [80.0, 125.0, 140.0],
    [70.0, 110.0, 125.0],
    [60.0, 95.0, 110.0],
    [60.0, 90.0, 105.0],
    [45.0, 80.0, 85.0],
];

/// One channel, as parts of two: the narrower the stereo (towards low bitrates), the less is saved.
const VBR_MONO: Percentiles = [0.58, 0.51, 0.54];

/// The mean bitrate of ABR, as parts of the one asked for.
const ABR_STEREO: Percentiles = [0.92, 0.95, 1.01];
const ABR_MONO: Percentiles = [0.87, 0.91, 1.01];

/// The bitrate of VBR at other rates, as parts of that at 44.1 kHz.
const fn of_rate(rate: SampleRate) -> f64 {
    match rate.hz() {
        48_000 => 1.02,
        32_000 => 0.86,
        24_000 => 0.73,
        22_050 => 0.69,
        16_000 => 0.50,
        12_000 => 0.38,
        11_025 => 0.35,
        8_000 => 0.27,
        _ => 1.0,
    }
}

/// The size of an ABR or VBR rendition of `frames` frames.
pub(crate) fn size(resolved: &Resolved, frames: Frames, info_bytes: u64) -> Size {
    let version = resolved.version();
    let rate = resolved.rate;
    let seconds = (frames.0 * version.samples_per_frame()) as f64 / f64::from(rate.hz());
    let mono = resolved.mode == Mode::Mono;
    let [low, likely, high] = match resolved.coding {
        ResolvedCoding::Cbr(kbps) | ResolvedCoding::Abr(kbps) => {
            (if mono { ABR_MONO } else { ABR_STEREO }).map(|part| f64::from(kbps.0) * part)
        }
        ResolvedCoding::Vbr(quality) => {
            let channels = if mono { VBR_MONO } else { [1.0; 3] };
            let stereo = vbr_kbps(quality);
            std::array::from_fn(|i| stereo[i] * channels[i] * of_rate(rate))
        }
    };
    let cap = info_bytes + frames.0 * largest_frame(version, rate);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, far below 2^53
    let bytes = |kbps: f64| (info_bytes + (seconds * kbps * 125.0) as u64).min(cap);
    Size::Estimate { low: bytes(low), likely: bytes(likely), high: bytes(high), cap }
}

/// For fractional qualities, which LAME interpolates too, a point between.
fn vbr_kbps(quality: f32) -> Percentiles {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 9.999
    let below = (quality as usize).min(VBR_KBPS.len() - 1);
    let above = (below + 1).min(VBR_KBPS.len() - 1);
    let part = f64::from(quality.fract());
    std::array::from_fn(|i| VBR_KBPS[below][i] * (1.0 - part) + VBR_KBPS[above][i] * part)
}

/// The largest frame that LAME may write for ABR and VBR, which are never padded.
fn largest_frame(version: Version, rate: SampleRate) -> u64 {
    FrameSize::new(version, rate.hz(), Kbps(version.max_bitrate().0)).base
}
