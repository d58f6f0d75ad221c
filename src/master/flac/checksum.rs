//! The checksums of frames (RFC 9639, sections 9.1.8 and 9.3).

/// CRC-8 of a header, with polynomial x⁸ + x² + x + 1: 0 if the checksum that stands behind it is given too.
#[must_use]
pub(super) fn header_sum(header: &[u8]) -> u8 {
    const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut sum = byte as u8;
            let mut bit = 0;
            while bit < 8 {
                sum = sum << 1 ^ if sum & 0x80 == 0 { 0 } else { 0x07 };
                bit += 1;
            }
            table[byte] = sum;
            byte += 1;
        }
        table
    };
    header.iter().fold(0, |sum, byte| TABLE[usize::from(sum ^ byte)])
}

/// CRC-16 of a frame, with polynomial x¹⁶ + x¹⁵ + x² + 1: 0 if the checksum at its end is right.
#[must_use]
pub(super) fn frame_sum(frame: &[u8]) -> u16 {
    frame_sum_on(0, frame)
}

/// The same of a frame of which a part came before, whose sum is `before`.
#[must_use]
pub(super) fn frame_sum_on(before: u16, bytes: &[u8]) -> u16 {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() >= carry_less::WORTH && carry_less::is_there() {
        return carry_less::sum(before, bytes);
    }
    sum(before, bytes)
}

const POLYNOMIAL: u16 = 0x8005;

/// `TABLES[n][byte]`: the sum of a byte that `n` others follow.
const TABLES: [[u16; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        tables[0][byte] = times_x((byte as u16) << 8, 8);
        let mut n = 1;
        while n < 8 {
            tables[n][byte] = times_x(tables[n - 1][byte], 8);
            n += 1;
        }
        byte += 1;
    }
    tables
};

/// The product of `polynomial` and x to the power of `n`, modulo the CRC's polynomial.
const fn times_x(mut polynomial: u16, n: u32) -> u16 {
    let mut done = 0;
    while done < n {
        polynomial = polynomial << 1 ^ if polynomial & 0x8000 == 0 { 0 } else { POLYNOMIAL };
        done += 1;
    }
    polynomial
}

/// The sum of what has `before` as its sum, and `bytes` behind it: eight bytes at a time.
fn sum(before: u16, bytes: &[u8]) -> u16 {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let sum = chunks.iter().fold(before, |sum, &[a, b, c, d, e, f, g, h]| {
        let [high, low] = sum.to_be_bytes();
        let part = |n: usize, byte: u8| TABLES[n][usize::from(byte)];
        part(7, a ^ high)
            ^ part(6, b ^ low)
            ^ part(5, c)
            ^ part(4, d)
            ^ part(3, e)
            ^ part(2, f)
            ^ part(1, g)
            ^ part(0, h)
    });
    rest.iter().fold(sum, |sum, byte| sum << 8 ^ TABLES[0][usize::from((sum >> 8) as u8 ^ byte)])
}

/// By carry-less multiplication, as in Gopal et al., "Fast CRC Computation for Generic Polynomials Using
/// PCLMULQDQ Instruction" (Intel, 2009): 128 bits are folded onto those that follow.
#[cfg(target_arch = "x86_64")]
mod carry_less {
    use std::arch::x86_64::{
        __m128i, _mm_clmulepi64_si128, _mm_extract_epi64, _mm_set_epi64x, _mm_shuffle_epi8, _mm_xor_si128,
    };

    /// Shorter ones are summed as fast by tables.
    pub(super) const WORTH: usize = 128;

    pub(super) fn is_there() -> bool {
        is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1")
    }

    /// Only where it [is there](is_there).
    pub(super) fn sum(before: u16, bytes: &[u8]) -> u16 {
        #[allow(unsafe_code)]
        // SAFETY: the only condition is that the processor has these instructions; the caller asked.
        unsafe {
            folded(before, bytes)
        }
    }

    /// x to the power of `n + 64` and `n`, by which the halves of 128 bits are moved `n` bits on.
    const fn powers(n: u32) -> (i64, i64) {
        (super::times_x(1, n + 64) as i64, super::times_x(1, n) as i64)
    }

    #[target_feature(enable = "pclmulqdq,sse4.1,ssse3")]
    fn folded(before: u16, bytes: &[u8]) -> u16 {
        const FAR: (i64, i64) = powers(512);
        const NEAR: (i64, i64) = powers(128);
        let (far, near) = (_mm_set_epi64x(FAR.0, FAR.1), _mm_set_epi64x(NEAR.0, NEAR.1));
        let (chunks, rest) = bytes.as_chunks::<64>();
        let mut lanes = [_mm_set_epi64x(0, 0); 4];
        // What came before counts as part of the first two bytes.
        let mut before = _mm_set_epi64x((u64::from(before) << 48).cast_signed(), 0);
        for chunk in chunks {
            let (blocks, _) = chunk.as_chunks::<16>();
            for (lane, block) in lanes.iter_mut().zip(blocks) {
                *lane = _mm_xor_si128(moved(*lane, far), load(block));
            }
            lanes[0] = _mm_xor_si128(lanes[0], before);
            before = _mm_set_epi64x(0, 0);
        }
        let (blocks, rest) = rest.as_chunks::<16>();
        let [a, b, c, d] = lanes;
        let mut all = a;
        for lane in [b, c, d] {
            all = _mm_xor_si128(moved(all, near), lane);
        }
        for block in blocks {
            all = _mm_xor_si128(moved(all, near), load(block));
        }
        let high = _mm_extract_epi64::<1>(all).to_be_bytes();
        let low = _mm_extract_epi64::<0>(all).to_be_bytes();
        super::sum(super::sum(super::sum(0, &high), &low), rest)
    }

    #[target_feature(enable = "pclmulqdq,sse4.1,ssse3")]
    #[inline]
    fn moved(lane: __m128i, powers: __m128i) -> __m128i {
        _mm_xor_si128(_mm_clmulepi64_si128::<0x11>(lane, powers), _mm_clmulepi64_si128::<0x00>(lane, powers))
    }

    #[target_feature(enable = "sse4.1,ssse3")]
    #[inline]
    fn load(block: &[u8; 16]) -> __m128i {
        let number = u128::from_le_bytes(*block);
        let bytes = _mm_set_epi64x((number >> 64) as i64, number as i64);
        // The first byte is the highest.
        _mm_shuffle_epi8(bytes, _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One bit at a time, as it is defined.
    fn slow(bytes: &[u8]) -> u16 {
        bytes.iter().fold(0, |sum, &byte| times_x(sum ^ u16::from(byte) << 8, 8))
    }

    #[test]
    fn check_values_of_the_catalogue() {
        assert_eq!(header_sum(b"123456789"), 0xf4);
        assert_eq!(frame_sum(b"123456789"), 0xfee8);
    }

    proptest! {
        #[test]
        fn any_bytes_have_one_sum(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            at in any::<prop::sample::Index>(),
        ) {
            let slow = slow(&bytes);
            prop_assert_eq!(frame_sum(&bytes), slow);
            prop_assert_eq!(sum(0, &bytes), slow);
            let with_sum = [&bytes[..], &slow.to_be_bytes()].concat();
            prop_assert_eq!(frame_sum(&with_sum), 0);
            let (before, behind) = bytes.split_at(at.index(bytes.len() + 1));
            prop_assert_eq!(frame_sum_on(frame_sum(before), behind), slow);
        }
    }
}
