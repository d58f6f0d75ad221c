//! How large ABR and VBR renditions come out, from measurement.

use crate::mp3::frame::{FrameSize, Mode, Version};
use crate::plan::Size;
use crate::profile::{Resolved, ResolvedCoding};
use crate::units::{Frames, Kbps, SampleRate};

/// The mean bitrate of stereo music at 44.1 kHz for VBR qualities 0 to 9, in kbps: the 5th, 50th and
/// 95th percentile.
const VBR_KBPS: [[f64; 3]; 10] = [
    [190.0, 245.0, 285.0],
    [165.0, 215.0, 255.0],
    [140.0, 185.0, 225.0],
    [125.0, 165.0, 200.0],
    [110.0, 145.0, 175.0],
    [95.0, 125.0, 155.0],
    [85.0, 110.0, 135.0],
    [75.0, 98.0, 120.0],
    [60.0, 82.0, 100.0],
    [45.0, 62.0, 80.0],
];

/// The size of an ABR or VBR rendition of `frames` frames.
pub(crate) fn size(resolved: &Resolved, frames: Frames, info_bytes: u64) -> Size {
    let version = resolved.version();
    let rate = resolved.rate;
    let seconds = (frames.0 * version.samples_per_frame()) as f64 / f64::from(rate.hz());
    let [low, likely, high] = match resolved.coding {
        ResolvedCoding::Cbr(kbps) | ResolvedCoding::Abr(kbps) => {
            [0.9, 1.0, 1.05].map(|part| f64::from(kbps.0) * part)
        }
        ResolvedCoding::Vbr(quality) => vbr_kbps(quality).map(|kbps| {
            let mono = if resolved.mode == Mode::Mono { 0.6 } else { 1.0 };
            kbps * mono * f64::from(rate.hz()) / 44_100.0
        }),
    };
    let cap = info_bytes + frames.0 * largest_frame(version, rate);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, far below 2^53
    let bytes = |kbps: f64| (info_bytes + (seconds * kbps * 125.0) as u64).min(cap);
    Size::Estimate { low: bytes(low), likely: bytes(likely), high: bytes(high), cap }
}

fn vbr_kbps(quality: f32) -> [f64; 3] {
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
