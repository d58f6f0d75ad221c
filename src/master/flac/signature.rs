//! The MD5 of a stream's samples (RFC 1321; RFC 9639, section 8.2), and of each of several streams.

use std::collections::VecDeque;

use super::decoder::FrameDecoder;
use super::error::FrameError;
use super::header::FrameHeader;
use super::output::Sample;
use super::stream_info::StreamInfo;

/// Hashes the samples of streams as they are decoded, one behind the other.
pub(in crate::master) struct Signature {
    md5: Md5,
    /// How many samples were hashed of the stream that comes first in `stated`.
    hashed: u64,
    /// Of the streams that are not yet decoded: how many samples they have, and what STREAMINFO says.
    stated: VecDeque<(u64, [u8; 16])>,
    /// Whether those before were what is stated.
    is_right: bool,
    bits: u32,
    /// The samples of a frame, and as they are hashed.
    planes: Vec<Vec<i32>>,
    bytes: Vec<u8>,
}

impl Signature {
    /// `None` if a stream does not state its MD5, or there is none.
    pub(in crate::master) fn new(streams: &[&StreamInfo]) -> Option<Self> {
        let format = streams.first()?.format;
        let stated: Option<_> = streams.iter().map(|info| Some((info.samples, info.md5?))).collect();
        Some(Self {
            md5: Md5::new(),
            hashed: 0,
            stated: stated?,
            is_right: true,
            bits: format.bits,
            planes: vec![Vec::new(); format.channels],
            bytes: Vec::new(),
        })
    }

    /// Decodes `frame` by `decoder`, as that itself does, and hashes the samples.
    ///
    /// # Errors
    /// Those of [`FrameDecoder::decode`].
    pub(in crate::master) fn decode(
        &mut self,
        decoder: &mut FrameDecoder,
        frame: &[u8],
        summed: bool,
        planes: &mut [Vec<f32>],
    ) -> Result<FrameHeader, FrameError> {
        self.planes.iter_mut().for_each(Vec::clear);
        let header = decoder.decode(frame, summed, &mut self.planes)?;
        while let [(samples, md5), _, ..] = *self.stated.make_contiguous()
            && self.hashed >= samples
        {
            self.is_right &= self.md5.finish() == md5;
            (self.md5, self.hashed) = (Md5::new(), 0);
            self.stated.pop_front();
        }
        self.hashed += header.block as u64;
        self.bytes.clear();
        match self.bits.div_ceil(8) {
            1 => interleave::<1>(&self.planes, &mut self.bytes),
            2 => interleave::<2>(&self.planes, &mut self.bytes),
            3 => interleave::<3>(&self.planes, &mut self.bytes),
            _ => interleave::<4>(&self.planes, &mut self.bytes),
        }
        self.md5.update(&self.bytes);
        let scale = f32::scale(self.bits);
        for (ints, plane) in self.planes.iter().zip(planes) {
            plane.extend(ints.iter().map(|&sample| f32::of(sample, scale)));
        }
        Ok(header)
    }

    /// Whether all that was decoded is what is stated.
    pub(in crate::master) fn matches(&self) -> bool {
        let last = self.stated.front().map(|(_, md5)| *md5);
        self.is_right && self.stated.len() == 1 && last == Some(self.md5.finish())
    }
}

/// Appends the samples of all channels in turns, `N` bytes each, little-endian.
fn interleave<const N: usize>(planes: &[Vec<i32>], bytes: &mut Vec<u8>) {
    let len = planes.first().map_or(0, Vec::len);
    bytes.resize(len * planes.len() * N, 0);
    for (channel, plane) in planes.iter().enumerate() {
        let slots = bytes.as_chunks_mut::<N>().0.iter_mut().skip(channel).step_by(planes.len());
        for (sample, slot) in plane.iter().zip(slots) {
            slot.copy_from_slice(&sample.to_le_bytes()[..N]);
        }
    }
}

/// MD5: not for security, but that is what FLAC has.
struct Md5 {
    state: [u32; 4],
    /// The bytes of the last block that is not full.
    block: Vec<u8>,
    len: u64,
}

impl Md5 {
    fn new() -> Self {
        let state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
        Self { state, block: Vec::with_capacity(128), len: 0 }
    }

    fn update(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if !self.block.is_empty() {
            let (first, rest) = bytes.split_at(bytes.len().min(64 - self.block.len()));
            self.block.extend_from_slice(first);
            bytes = rest;
        }
        if let Some(block) = self.block.first_chunk() {
            transform(&mut self.state, block);
            self.block.clear();
        }
        let (blocks, rest) = bytes.as_chunks();
        for block in blocks {
            transform(&mut self.state, block);
        }
        self.block.extend_from_slice(rest);
    }

    fn finish(&self) -> [u8; 16] {
        let (mut state, mut last) = (self.state, self.block.clone());
        last.push(0x80);
        last.resize(if last.len() > 56 { 120 } else { 56 }, 0);
        last.extend_from_slice(&(self.len * 8).to_le_bytes());
        for block in last.as_chunks().0 {
            transform(&mut state, block);
        }
        let mut sum = [0; 16];
        for (part, word) in sum.as_chunks_mut().0.iter_mut().zip(state) {
            *part = word.to_le_bytes();
        }
        sum
    }
}

/// The integer part of 2³² · |sin(i + 1)|.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

fn transform(state: &mut [u32; 4], block: &[u8; 64]) {
    const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    let [mut a, mut b, mut c, mut d] = *state;
    for i in 0..64 {
        let (mixed, word) = match i / 16 {
            0 => (d ^ (b & (c ^ d)), i),
            1 => (c ^ (d & (b ^ c)), 5 * i + 1),
            2 => (b ^ c ^ d, 3 * i + 5),
            _ => (c ^ (b | !d), 7 * i),
        };
        let sum = a.wrapping_add(mixed).wrapping_add(SINES[i]).wrapping_add(words[word % 16]);
        (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(TURNS[i / 16][i % 4])));
    }
    for (state, part) in state.iter_mut().zip([a, b, c, d]) {
        *state = state.wrapping_add(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_of(bytes: &[u8]) -> u128 {
        let mut md5 = Md5::new();
        for part in bytes.chunks(7) {
            md5.update(part);
        }
        let mut whole = Md5::new();
        whole.update(bytes);
        assert_eq!(md5.finish(), whole.finish());
        u128::from_be_bytes(whole.finish())
    }

    #[test]
    fn sums_of_the_rfc() {
        assert_eq!(sum_of(b""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        assert_eq!(sum_of(b"message digest"), 0xf96b_697d_7cb7_938d_525a_2f31_aaf1_61d0);
        let digits = b"1234567890".repeat(8);
        assert_eq!(sum_of(&digits), 0x57ed_f4a2_2be3_c955_ac49_da2e_2107_b67a);
    }

    #[test]
    fn sums_around_the_block_size() {
        for len in 0..200 {
            sum_of(&vec![7; len]);
        }
    }
}
