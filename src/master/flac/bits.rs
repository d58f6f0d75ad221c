//! Bits of a frame, the most significant first.

use super::error::Fault;

/// After [`refill`](Bits::refill) at least so many bits are at hand, except at the end of the bytes.
pub(super) const REFILLED: u32 = 56;

/// A reader of bits. It is small and copied: hot loops work on a copy of their own, which stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    /// What was not loaded yet, but for bits below those that are at hand.
    rest: &'a [u8],
    /// The next bits, the first of them uppermost. Below those at hand are zeros or bits of `rest`.
    next: u64,
    at_hand: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, next: 0, at_hand: 0 }
    }

    /// A copy, part by part: of one as a whole the compiler keeps the original, in memory.
    #[inline(always)]
    pub(super) fn in_registers(self) -> Self {
        let (rest, next, at_hand) = self.parts();
        Self::from_parts(rest, next, at_hand)
    }

    #[inline(always)]
    pub(super) fn parts(self) -> (&'a [u8], u64, u32) {
        (self.rest, self.next, self.at_hand)
    }

    #[inline(always)]
    pub(super) fn from_parts(rest: &'a [u8], next: u64, at_hand: u32) -> Self {
        Self { rest, next, at_hand }
    }

    /// How many bits are left.
    pub(super) fn left(&self) -> u64 {
        self.rest.len() as u64 * 8 + u64::from(self.at_hand)
    }

    /// The bits that come next, as far as they are [`at_hand`](Self::at_hand).
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.next
    }

    #[inline(always)]
    pub(super) fn at_hand(&self) -> u32 {
        self.at_hand
    }

    /// Leaves out `count` bits that are at hand, fewer than 64.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        debug_assert!(count <= self.at_hand);
        self.next <<= count & 63;
        self.at_hand -= count;
    }

    /// Leaves out `count` bits that are at hand, behind which `next` comes.
    #[inline(always)]
    pub(super) fn skip_to(&mut self, next: u64, count: u32) {
        self.next = next;
        self.at_hand -= count;
    }

    /// Has [`REFILLED`] bits or more at hand, or all that are left.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if let Some(bytes) = self.rest.first_chunk() {
            // Bits that are loaded already are the same again.
            self.next |= u64::from_be_bytes(*bytes) >> (self.at_hand & 63);
            self.rest = &self.rest[((63 - self.at_hand) >> 3) as usize..];
            self.at_hand |= REFILLED;
        } else {
            *self = Self::refilled_at_end(self.rest, self.next, self.at_hand);
        }
    }

    /// Takes the parts one by one, as all do that hot loops call now and then: for the whole the compiler
    /// would keep them in memory.
    #[cold]
    #[inline(never)]
    fn refilled_at_end(mut rest: &'a [u8], mut next: u64, mut at_hand: u32) -> Self {
        while at_hand < REFILLED
            && let Some((&byte, behind)) = rest.split_first()
        {
            next |= u64::from(byte) << (REFILLED - at_hand);
            at_hand += 8;
            rest = behind;
        }
        Self { rest, next, at_hand }
    }

    /// The next `count` bits, up to 56.
    #[inline(always)]
    pub(super) fn read(&mut self, count: u32) -> Result<u64, Fault> {
        debug_assert!(count <= REFILLED);
        if count > self.at_hand {
            self.refill();
            if count > self.at_hand {
                return Err(Fault::End);
            }
        }
        // In two steps, for no bits at all.
        let value = self.next >> 1 >> (63 - count);
        self.skip(count);
        Ok(value)
    }

    /// The next `count` bits, up to 32, as a number.
    #[inline(always)]
    pub(super) fn read_u32(&mut self, count: u32) -> Result<u32, Fault> {
        debug_assert!(count <= 32);
        self.read(count).map(|value| value as u32)
    }

    /// The next `count` bits, 1 to 56, as a number in two's complement.
    #[inline(always)]
    pub(super) fn read_signed(&mut self, count: u32) -> Result<i64, Fault> {
        self.read(count).map(|value| (value << (64 - count)).cast_signed() >> (64 - count))
    }

    /// How many zeros come before the next one, which is read too. `limit`: no more than so many are looked at.
    pub(super) fn read_unary(&mut self, limit: u32) -> Result<u32, Fault> {
        let mut zeros = 0;
        loop {
            self.refill();
            let more = self.next.leading_zeros();
            if more < self.at_hand {
                self.skip(more + 1);
                return Ok(zeros + more);
            }
            if self.at_hand == 0 {
                return Err(Fault::End);
            }
            zeros += self.at_hand;
            if zeros > limit {
                return Err(Fault::Forbidden("a number that is too large"));
            }
            // Below those at hand there may be more bits, and all 64 cannot be skipped at once.
            self.next = 0;
            self.at_hand = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Bits are those of the bytes, whatever is asked for.
        #[test]
        fn reads_what_is_there(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            counts in prop::collection::vec(0_u32..=56, 0..40),
        ) {
            let mut bits = Bits::new(&bytes);
            let mut at = 0;
            for count in counts {
                let total = bytes.len() as u64 * 8;
                if at + u64::from(count) > total {
                    prop_assert_eq!(bits.read(count), Err(Fault::End));
                    break;
                }
                let bit = |at: u64| u64::from(bytes[usize::try_from(at / 8).unwrap()] >> (7 - at % 8) & 1);
                let want = (at..at + u64::from(count)).fold(0, |value, at| value << 1 | bit(at));
                prop_assert_eq!(bits.read(count), Ok(want));
                at += u64::from(count);
                prop_assert_eq!(bits.left(), total - at);
            }
        }

        #[test]
        fn unary_counts_zeros(zeros in 0_u32..300, offset in 0_u32..20) {
            let mut bytes = vec![0_u8; 60];
            let one = offset + zeros;
            bytes[one as usize / 8] |= 0x80 >> (one % 8);
            let mut bits = Bits::new(&bytes);
            prop_assert_eq!(bits.read(offset), Ok(0));
            prop_assert_eq!(bits.read_unary(1_000), Ok(zeros));
            prop_assert_eq!(bits.left(), 480 - u64::from(one) - 1);
            prop_assert!(bits.read_unary(1_000).is_err());
        }
    }
}
