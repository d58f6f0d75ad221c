//! Any channels to stereo or mono, with gains that depend on the layout alone.
//!
//! The rules are those of ITU-R BS.775-3 (annex 4, table 2) and, for loudspeakers that it does not
//! know, those of `FFmpeg`'s libswresample:
//!
//! | channel | left | right |
//! |---|---|---|
//! | front left, left of centre | 1 | 0 |
//! | front right, right of centre | 0 | 1 |
//! | front centre | √½ | √½ |
//! | side left, rear left, above the left | √½ | 0 |
//! | side right, rear right, above the right | 0 | √½ |
//! | rear centre, above the middle | ½ | ½ |
//! | low-frequency effects | 0 | 0 |
//! | other | √½ | √½ |
//!
//! Then one factor per layout makes the gains of the louder output sum to 1: full scale on every
//! channel gives full scale and never more, whatever the content, so nothing clips and no segment
//! needs to know another's peaks. In the end:
//!
//! | layout | front | centre | each surround | rear centre | factor |
//! |---|---|---|---|---|---|
//! | 3.0 | 0.5858 | 0.4142 | | | -4.65 dB |
//! | quad | 0.5858 | | 0.4142 | | -4.65 dB |
//! | 4.0 (rear centre) | 0.4531 | 0.3204 | | 0.2265 | -6.88 dB |
//! | 5.0, 5.1 | 0.4142 | 0.2929 | 0.2929 | | -7.66 dB |
//! | 6.1 | 0.3431 | 0.2426 | 0.2426 | 0.1716 | -9.29 dB |
//! | 7.1 | 0.3204 | 0.2265 | 0.2265 | | -9.89 dB |
//!
//! Mono is half of left plus half of right; for a stereo master that is what LAME computes when
//! it is left to it, exactly. One channel becomes both at gain 1.
//!
//! What the rules leave open: channels none of which has a known place count as left, right and
//! others; low-frequency effects are heard when there is nothing else.

use crate::master::{Layout, Position};
use crate::pcm::Pcm;

/// Which planes feed which output, and how loud.
#[derive(Debug, Clone, PartialEq)]
pub struct Downmix {
    /// For each output, the planes it is the sum of and their gains; in the order of the planes, since
    /// a sum of floats depends on it.
    outputs: Vec<Vec<(usize, f32)>>,
}

impl Downmix {
    /// From `layout` to one channel or two; `None` when that is what the planes already are.
    ///
    /// ```
    /// use tonepress::master::{Layout, downmix::Downmix};
    /// use tonepress::pcm::Pcm;
    /// assert!(Downmix::new(&Layout::STEREO, 2).is_none());
    ///
    /// let mut stereo = Pcm::default();
    /// stereo.reset(2, 0);
    /// stereo.plane_mut(0).push(0.5);
    /// stereo.plane_mut(1).push(0.25);
    /// let mut mono = Pcm::default();
    /// Downmix::new(&Layout::STEREO, 1).unwrap().apply(&stereo, &mut mono);
    /// assert_eq!(mono.plane(0), [0.375]);
    /// ```
    ///
    /// # Panics
    /// If `channels` is neither 1 nor 2.
    #[must_use]
    pub fn new(layout: &Layout, channels: usize) -> Option<Self> {
        assert!((1..=2).contains(&channels), "there is no downmix to {channels} channels");
        let gains = stereo(layout.positions());
        let outputs: Vec<_> = if channels == 1 {
            vec![row(gains.iter().map(|[left, right]| 0.5 * (left + right)))]
        } else {
            (0..2).map(|side| row(gains.iter().map(|gains| gains[side]))).collect()
        };
        let unchanged = channels == layout.channels()
            && outputs.iter().enumerate().all(|(plane, row)| *row == [(plane, 1.0)]);
        (!unchanged).then_some(Self { outputs })
    }

    /// Mixes all of `input`, whose planes are those of the layout, into `output`.
    ///
    /// # Panics
    /// If `input` has fewer planes than the layout.
    pub fn apply(&self, input: &Pcm, output: &mut Pcm) {
        output.reset(self.outputs.len(), input.range().start);
        for (channel, row) in self.outputs.iter().enumerate() {
            let mixed = output.plane_mut(channel);
            mixed.resize(input.len(), 0.0);
            for &(plane, gain) in row {
                for (sum, &sample) in mixed.iter_mut().zip(input.plane(plane)) {
                    *sum += gain * sample;
                }
            }
        }
    }
}

/// The planes that are heard.
fn row(gains: impl Iterator<Item = f64>) -> Vec<(usize, f32)> {
    #[allow(clippy::cast_possible_truncation)] // rounding: 24 bits are plenty for a gain
    gains.map(|gain| gain as f32).enumerate().filter(|&(_, gain)| gain > 0.0).collect()
}

/// Each channel's gains in left and right.
fn stereo(positions: &[Position]) -> Vec<[f64; 2]> {
    let mut gains: Vec<_> = positions.iter().map(|&position| rule(position)).collect();
    if positions.iter().all(|&position| position == Position::Other) {
        gains
            .iter_mut()
            .zip([Position::FrontLeft, Position::FrontRight])
            .for_each(|(g, side)| *g = rule(side));
    }
    if gains.len() == 1 || loudest(&gains) == 0.0 {
        gains.fill([1.0, 1.0]);
    }
    let scale = loudest(&gains).recip();
    gains.iter_mut().flatten().for_each(|gain| *gain *= scale);
    gains
}

/// What the louder of left and right comes to when every channel is at full scale.
fn loudest(gains: &[[f64; 2]]) -> f64 {
    let [left, right] = [0, 1].map(|side| gains.iter().map(|gains| gains[side]).sum::<f64>());
    left.max(right)
}

/// A loudspeaker's gains in left and right before they are scaled.
const fn rule(position: Position) -> [f64; 2] {
    const HALF_POWER: f64 = std::f64::consts::FRAC_1_SQRT_2;
    match position {
        Position::FrontLeft | Position::FrontLeftOfCentre => [1.0, 0.0],
        Position::FrontRight | Position::FrontRightOfCentre => [0.0, 1.0],
        Position::SideLeft | Position::RearLeft | Position::TopFrontLeft | Position::TopRearLeft => {
            [HALF_POWER, 0.0]
        }
        Position::SideRight | Position::RearRight | Position::TopFrontRight | Position::TopRearRight => {
            [0.0, HALF_POWER]
        }
        Position::FrontCentre | Position::Other => [HALF_POWER, HALF_POWER],
        Position::RearCentre | Position::TopCentre | Position::TopFrontCentre | Position::TopRearCentre => {
            [0.5, 0.5]
        }
        Position::Lfe => [0.0, 0.0],
    }
}

#[cfg(test)]
mod tests {
    use super::Position::*;
    use super::*;

    fn mix(positions: &[Position], channels: usize) -> Option<Downmix> {
        Downmix::new(&Layout::new(positions).unwrap(), channels)
    }

    /// The gains as a full matrix: one list per output.
    fn matrix(positions: &[Position], channels: usize) -> Vec<Vec<f32>> {
        let rows = mix(positions, channels).unwrap().outputs;
        let full = |row: Vec<(usize, f32)>| {
            let mut gains = vec![0.0; positions.len()];
            for (plane, gain) in row {
                gains[plane] = gain;
            }
            gains
        };
        rows.into_iter().map(full).collect()
    }

    fn close(actual: &[Vec<f32>], expected: &[&[f32]]) {
        assert_eq!(actual.len(), expected.len());
        for (actual, expected) in actual.iter().zip(expected) {
            assert_eq!(actual.len(), expected.len());
            let near = |(a, b): (&f32, &f32)| (a - b).abs() < 5e-5;
            assert!(actual.iter().zip(*expected).all(near), "{actual:?} is not {expected:?}");
        }
    }

    const FIVE_ONE: [Position; 6] = [FrontLeft, FrontRight, FrontCentre, Lfe, RearLeft, RearRight];

    #[test]
    fn gains_are_those_documented() {
        let (f, c) = (0.4142, 0.2929);
        close(&matrix(&FIVE_ONE, 2), &[&[f, 0., c, 0., c, 0.], &[0., f, c, 0., 0., c]]);
        close(&matrix(&FIVE_ONE, 1), &[&[f / 2., f / 2., c, 0., c / 2., c / 2.]]);
        let surround = [FrontLeft, FrontRight, FrontCentre, Lfe, RearLeft, RearRight, SideLeft, SideRight];
        let (f, c) = (0.3204, 0.2265);
        close(&matrix(&surround, 2), &[&[f, 0., c, 0., c, 0., c, 0.], &[0., f, c, 0., 0., c, 0., c]]);
        let six = [FrontLeft, FrontRight, FrontCentre, Lfe, RearCentre, SideLeft, SideRight];
        let (f, c, r) = (0.3431, 0.2426, 0.1716);
        close(&matrix(&six, 2), &[&[f, 0., c, 0., r, c, 0.], &[0., f, c, 0., r, 0., c]]);
        let four = [FrontLeft, FrontRight, FrontCentre, RearCentre];
        let (f, c, r) = (0.4531, 0.3204, 0.2265);
        close(&matrix(&four, 2), &[&[f, 0., c, r], &[0., f, c, r]]);
        let quad = [FrontLeft, FrontRight, RearLeft, RearRight];
        let (f, c) = (0.5858, 0.4142);
        close(&matrix(&quad, 2), &[&[f, 0., c, 0.], &[0., f, 0., c]]);
        close(&matrix(&quad[..2], 1), &[&[0.5, 0.5]]);
        close(&matrix(&[FrontLeft, FrontRight, FrontCentre], 2), &[&[f, 0., c], &[0., f, c]]);
    }

    #[test]
    fn nothing_is_done_where_nothing_needs_doing() {
        assert_eq!(mix(&[FrontCentre], 1), None);
        assert_eq!(mix(&[Other], 1), None);
        assert_eq!(mix(&[FrontLeft, FrontRight], 2), None);
        assert_eq!(mix(&[Other, Other], 2), None);
        close(&matrix(&[FrontRight, FrontLeft], 2), &[&[0., 1.], &[1., 0.]]);
    }

    #[test]
    fn odd_layouts_have_an_answer() {
        for single in [FrontCentre, FrontLeft, SideRight, Lfe, Other] {
            close(&matrix(&[single], 2), &[&[1.], &[1.]]);
        }
        close(&matrix(&[FrontCentre, Lfe], 2), &[&[1., 0.], &[1., 0.]]);
        close(&matrix(&[Lfe, Lfe], 1), &[&[0.5, 0.5]]);
        close(&matrix(&[Other; 3], 2), &[&[0.5858, 0., 0.4142], &[0., 0.5858, 0.4142]]);
        close(&matrix(&[FrontLeft, FrontRight, Other], 1), &[&[0.2929, 0.2929, 0.4142]]);
    }

    #[test]
    fn full_scale_everywhere_is_full_scale() {
        for count in 1..=Layout::MAX {
            for first in [FrontLeft, FrontCentre, RearCentre, Other] {
                let all = [first, FrontRight, FrontCentre, SideLeft, SideRight, RearLeft, RearRight, Other];
                let layout = &all[..count];
                for channels in 1..=2 {
                    let Some(mix) = mix(layout, channels) else { continue };
                    let (mut input, mut output) = (Pcm::default(), Pcm::default());
                    input.reset(count, 7);
                    (0..count).for_each(|channel| input.plane_mut(channel).push(1.0));
                    mix.apply(&input, &mut output);
                    let loudest = output.planes().map(|plane| plane[0]).fold(0.0, f32::max);
                    assert!((0.5..=1.000_000_1).contains(&loudest), "{layout:?}: {loudest}");
                    assert_eq!(output.range(), 7..8);
                }
            }
        }
    }

    /// What LAME 3.100 does with `0.5 * l + 0.5 * r`: halves are exact, one rounding.
    #[test]
    fn mono_of_stereo_is_lames_own() {
        let (mut input, mut output) = (Pcm::default(), Pcm::default());
        input.reset(2, 0);
        let noise = |seed: u32| {
            (0..999_u32).map(move |i| ((i * i).wrapping_mul(seed) % 65_537) as f32 / 65_537.0 - 0.5)
        };
        input.plane_mut(0).extend(noise(7_919));
        input.plane_mut(1).extend(noise(104_729));
        mix(&[FrontLeft, FrontRight], 1).unwrap().apply(&input, &mut output);
        for ((mono, left), right) in output.plane(0).iter().zip(input.plane(0)).zip(input.plane(1)) {
            assert_eq!(mono.to_bits(), (0.5 * left + 0.5 * right).to_bits());
        }
    }
}
