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
//! That is LAME. The native encoder was measured on the same pieces; of other rates, the means at V5, and what V7, V8 and V9 make
//! there. Its VBR depends less on what is played, so its percentiles are nearer to each other, and its ABR is what was asked
//! for. Of the 37 tracks in full length 34 to 36 lie between them at V0, V2, V4 and V6, 34 to 37 at V7 to V9, 36 in mono at V2 and 35
//! at ABR 160.
//!
//! So it holds for whole pieces of such music; dense modern mixes will lie at the upper end, and a
//! single voice or noise may lie far outside. V9 forced to low rates comes out up to twice as large.

use crate::encoder::{Encoder, Resolved, ResolvedCoding};
use crate::mp3::frame::{FrameSize, Mode, RATES, Version};
use crate::size::Size;
use crate::units::{Frames, Kbps, SampleRate};

/// 5th, 50th and 95th percentile.
type Percentiles = [f64; 3];

/// How large an encoder's renditions come out.
struct Law {
    /// The mean bitrate in kbps of stereo at 44.1 kHz, for VBR qualities 0 to 9.
    vbr_kbps: [Percentiles; 10],
    /// One channel, as parts of two.
    vbr_mono: Percentiles,
    /// The bitrate of VBR at MP3's nine rates, highest first, as parts of that at 44.1 kHz.
    vbr_of_rate: [f64; 9],
    /// By how much the percentiles lie farther apart below 44.1 kHz.
    vbr_low_rates: Percentiles,
    /// The mean bitrate of ABR, as parts of the one asked for.
    abr_stereo: Percentiles,
    abr_mono: Percentiles,
}

/// Of one channel, the narrower the stereo (towards low bitrates), the less is saved.
static LAME: Law = Law {
    vbr_kbps: [
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
    ],
    vbr_mono: [0.58, 0.51, 0.54],
    vbr_of_rate: [1.02, 1.0, 0.86, 0.73, 0.69, 0.50, 0.38, 0.35, 0.27],
    vbr_low_rates: [1.0; 3],
    abr_stereo: [0.92, 0.95, 1.01],
    abr_mono: [0.87, 0.91, 1.01],
};

static NATIVE: Law = Law {
    vbr_kbps: [
        [223.0, 245.0, 270.0],
        [195.0, 212.0, 232.0],
        [166.0, 184.0, 201.0],
        [152.0, 170.0, 186.0],
        [134.0, 151.0, 168.0],
        [109.0, 127.0, 139.0],
        [91.0, 108.0, 122.0],
        [77.0, 93.0, 108.0],
        [71.0, 87.0, 103.0],
        [60.0, 76.0, 88.0],
    ],
    vbr_mono: [0.50, 0.505, 0.535],
    vbr_of_rate: [1.01, 1.0, 0.85, 0.70, 0.69, 0.68, 0.46, 0.46, 0.29],
    vbr_low_rates: [0.94, 1.0, 1.06],
    abr_stereo: [0.985, 1.0, 1.005],
    abr_mono: [0.985, 1.0, 1.005],
};

impl Law {
    fn of(encoder: Encoder) -> &'static Self {
        match encoder {
            Encoder::Lame => &LAME,
            Encoder::Native => &NATIVE,
        }
    }

    /// The mean bitrate of a VBR quality; for fractional ones, which encoders interpolate too, a point between.
    fn vbr(&self, quality: f32, rate: SampleRate, mono: bool) -> Percentiles {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 9.999
        let below = (quality as usize).min(self.vbr_kbps.len() - 1);
        let above = (below + 1).min(self.vbr_kbps.len() - 1);
        let part = f64::from(quality.fract());
        let channels = if mono { self.vbr_mono } else { [1.0; 3] };
        let place = RATES.iter().position(|&hz| hz == rate.hz());
        let low_rates = if rate.hz() < 44_100 { self.vbr_low_rates } else { [1.0; 3] };
        let of_rate = place.map_or(1.0, |place| self.vbr_of_rate[place]);
        std::array::from_fn(|i| {
            let stereo = self.vbr_kbps[below][i] * (1.0 - part) + self.vbr_kbps[above][i] * part;
            stereo * channels[i] * of_rate * low_rates[i]
        })
    }
}

/// The size of an ABR or VBR rendition of `frames` frames.
pub(crate) fn size(resolved: &Resolved, frames: Frames, info_bytes: u64) -> Size {
    let version = resolved.version();
    let rate = resolved.rate;
    let seconds = (frames.0 * version.samples_per_frame()) as f64 / f64::from(rate.hz());
    let mono = resolved.mode == Mode::Mono;
    let law = Law::of(resolved.encoder);
    let [low, likely, high] = match resolved.coding {
        ResolvedCoding::Cbr(kbps) | ResolvedCoding::Abr(kbps) => {
            (if mono { law.abr_mono } else { law.abr_stereo }).map(|part| f64::from(kbps.0) * part)
        }
        ResolvedCoding::Vbr(quality) => law.vbr(quality, rate, mono),
    };
    let cap = info_bytes + frames.0 * largest_frame(version, rate);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, far below 2^53
    let bytes = |kbps: f64| (info_bytes + (seconds * kbps * 125.0) as u64).min(cap);
    Size::Estimate { low: bytes(low), likely: bytes(likely), high: bytes(high), cap }
}

/// The largest frame that there may be of ABR and VBR, which are never padded.
fn largest_frame(version: Version, rate: SampleRate) -> u64 {
    FrameSize::new(version, rate.hz(), Kbps(version.max_bitrate().0)).base
}
