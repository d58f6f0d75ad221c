//! From coded channels to samples as they are wanted.

use super::header::Channels;

/// What samples are given as.
pub(in crate::master) trait Sample: Copy + Default {
    /// The sample `value` of a stream whose full scale is 1 / `scale`.
    fn of(value: i32, scale: f32) -> Self;

    /// The scale for samples of so many bits.
    fn scale(bits: u32) -> f32 {
        1.0 / (1_u64 << (bits - 1)) as f32
    }
}

impl Sample for i32 {
    #[inline(always)]
    fn of(value: i32, _: f32) -> Self {
        value
    }
}

/// ±1.0 full scale: exact up to 25 bits, else the nearest number.
impl Sample for f32 {
    #[inline(always)]
    fn of(value: i32, scale: f32) -> Self {
        value as f32 * scale
    }
}

/// Appends a channel that was coded as it is.
#[inline(always)]
pub(super) fn independent<T: Sample>(channel: &[i32], scale: f32, out: &mut Vec<T>) {
    out.extend(channel.iter().map(|sample| T::of(*sample, scale)));
}

/// Copies two channels, of which one is or both are coded by their difference. `decode` makes left and
/// right of the two. Gives the bits in which any of them differs from its sign.
#[inline(always)]
pub(super) fn stereo<T: Sample>(
    channels: [&[i32]; 2],
    scale: f32,
    out: [&mut [T]; 2],
    decode: impl Fn(i32, i32) -> (i32, i32),
) -> i64 {
    let [first, second] = channels;
    let [left_out, right_out] = out;
    let mut all = 0_i32;
    for (((first, second), left_out), right_out) in first.iter().zip(second).zip(left_out).zip(right_out) {
        let (left, right) = decode(*first, *second);
        all |= (left ^ left >> 31) | (right ^ right >> 31);
        *left_out = T::of(left, scale);
        *right_out = T::of(right, scale);
    }
    all.into()
}

/// As [`stereo`] for differences of 32 and 33 bits.
pub(super) fn stereo_widest<T: Sample>(
    channels: Channels,
    other: &[i32],
    difference: &[i64],
    scale: f32,
    out: [&mut [T]; 2],
) -> i64 {
    let [left_out, right_out] = out;
    let mut all = 0;
    for (((other, side), left_out), right_out) in other.iter().zip(difference).zip(left_out).zip(right_out) {
        let other = i64::from(*other);
        let (left, right) = match channels {
            Channels::LeftSide => (other, other - side),
            Channels::SideRight => (other + side, other),
            _ => {
                let sum = other << 1 | side & 1;
                ((sum + side) >> 1, (sum - side) >> 1)
            }
        };
        all |= (left ^ left >> 63) | (right ^ right >> 63);
        let (left, right) = (left as i32, right as i32);
        *left_out = T::of(left, scale);
        *right_out = T::of(right, scale);
    }
    all
}
