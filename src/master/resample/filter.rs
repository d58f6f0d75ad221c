//! The low-pass between two rates: a sinc under a Kaiser window (Kaiser 1974; Oppenheim and Schafer, Discrete-Time
//! Signal Processing, 7.5.3).

use super::transform::Complex;
use crate::series::{PI, sin};

/// How far what lies above the band is down, in dB, and how flat the band is.
const ATTENUATION: f64 = 140.0;

/// The gains of the frequencies `0..=band` of a transform of as many points as there are `roots` of one, of a filter that
/// reaches fewer than `reach` points to both sides and gives nothing from `band` on.
pub(super) fn gains(roots: &[Complex<f64>], reach: usize, band: usize) -> Vec<f64> {
    let len = roots.len();
    // Kaiser's formulas for the window's shape and for the width of the edge, here in frequencies.
    let beta = 0.1102 * (ATTENUATION - 8.7);
    let width = (ATTENUATION - 8.0) / (2.285 * 2.0 * reach as f64) * len as f64 / (2.0 * PI);
    let cutoff = (2.0 * band as f64 - width) / len as f64;
    let greatest = bessel(beta);
    let taps: Vec<_> = (0..reach)
        .map(|n| {
            let position = n as f64 / reach as f64;
            let window = bessel(beta * (1.0 - position * position).sqrt()) / greatest;
            let x = cutoff * n as f64;
            let sinc = if n == 0 { 1.0 } else { sin_of_half_turns(x) / (PI * x) };
            cutoff * sinc * window
        })
        .collect();
    // Twice the edge's width below the band's end the filter is flat to less than f32 can tell.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a part of `len`
    let flat = band.saturating_sub((2.0 * width) as usize + 1);
    let gain = |frequency: usize| {
        let cosines = (1..reach).map(|n| taps[n] * roots[frequency * n % len].re);
        taps[0] + 2.0 * cosines.sum::<f64>()
    };
    (0..=band)
        .map(|frequency| match frequency {
            _ if frequency == band => 0.0,
            _ if frequency < flat => 1.0,
            _ => gain(frequency),
        })
        .collect()
}

/// The sine of `x` times pi.
fn sin_of_half_turns(x: f64) -> f64 {
    sin((x % 2.0) * PI)
}

/// The modified Bessel function of the first kind and order 0, of `x` up to 20, by its power series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term, mut n) = (1.0, 1.0, 1.0);
    while n < 80.0 {
        term *= x * x / (4.0 * n * n);
        sum += term;
        n += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::resample::transform::roots_of_one;

    #[test]
    fn the_band_is_flat_and_its_edge_falls() {
        for (len, reach, band) in [(4_096, 640, 1_024), (3_528, 441, 1_280), (2_560, 320, 1_176)] {
            let gains = gains(&roots_of_one(len), reach, band);
            assert_eq!((gains.len(), gains[0], gains[band]), (band + 1, 1.0, 0.0));
            // Where the edge begins what is left out of the filter's ripple is less than f32 tells.
            let edge = gains.iter().position(|&gain| (gain - 1.0).abs() > 0.0).unwrap();
            assert!(edge > band * 9 / 10, "{edge} of {band}");
            assert!((gains[edge] - 1.0).abs() < 6e-8, "{}", gains[edge]);
            assert!(gains[edge..].windows(2).all(|pair| pair[1] < pair[0] + 3e-7), "{:?}", &gains[edge..]);
            assert!(gains[band - 1].abs() < 1e-4, "{}", gains[band - 1]);
        }
    }
}
