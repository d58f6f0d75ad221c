//! A writer of bits, most significant first.

/// The longest run of bits that one call may add.
const MAX_RUN: u32 = 56;

/// Bits in the making. The buffer is as long as the largest frame needs and is used again for each.
pub(crate) struct BitWriter {
    /// Whole bytes, and behind them eight that a store may touch.
    bytes: Box<[u8]>,
    len: usize,
    /// Bits that do not make a byte yet, in the low `count` bits; above them is what has been written.
    pending: u64,
    count: u32,
}

impl BitWriter {
    /// A writer of up to `bytes` bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { bytes: vec![0; bytes + 8].into_boxed_slice(), len: 0, pending: 0, count: 0 }
    }

    /// Adds the low `length` bits of `value`, which must have no others; at most 56.
    #[inline(always)]
    pub(crate) fn put(&mut self, value: u64, length: u32) {
        debug_assert!(length <= MAX_RUN && value >> length == 0, "{value:#x} in {length} bits");
        self.pending = self.pending << length | value;
        self.count += length;
        let word = self.pending << ((64 - self.count) & 63);
        self.bytes[self.len..self.len + 8].copy_from_slice(&word.to_be_bytes());
        self.len += (self.count >> 3) as usize;
        self.count &= 7;
    }

    /// The bits written since the last [`clear`](Self::clear).
    pub(crate) fn bits(&self) -> usize {
        8 * self.len + self.count as usize
    }

    /// Fills the last byte with zeros and returns everything.
    pub(crate) fn finish(&mut self) -> &[u8] {
        self.put(0, (8 - self.count) & 7);
        &self.bytes[..self.len]
    }

    /// Starts anew.
    pub(crate) fn clear(&mut self) {
        (self.len, self.pending, self.count) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_come_out_in_the_order_they_went_in(runs in prop::collection::vec((any::<u64>(), 0..=MAX_RUN), 0..200)) {
            let mut writer = BitWriter::new(1_400);
            let mut expected = String::new();
            for &(value, length) in &runs {
                let value = value & ((1 << length) - 1);
                writer.put(value, length);
                if length > 0 {
                    let text = format!("{value:0width$b}", width = length as usize);
                    expected.push_str(&text);
                }
            }
            prop_assert_eq!(writer.bits(), expected.len());
            let written = writer.finish().iter().map(|byte| format!("{byte:08b}")).collect::<Vec<_>>().concat();
            prop_assert_eq!(&written[..expected.len()], &expected);
            prop_assert!(written[expected.len()..].bytes().all(|bit| bit == b'0') && written.len() < expected.len() + 8);
        }
    }
}
