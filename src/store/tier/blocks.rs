//! An object in blocks that can be checked one by one.
//!
//! BLAKE3 is a tree. The hash of a file is made of the values of its blocks, if these are aligned and of a power of
//! two: so the list of those values is checked against the digest of the whole before a block is, and whoever trusts
//! the digest can trust each block, be the others there or not.

use std::ops::Range;

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// The smallest block. Requests cost more than bytes.
const SMALLEST: u64 = 256 << 10;
/// The most blocks of an object: 2 KiB is all that S3 takes of facts, and 16 values in base64 are a third of that.
const MOST: u64 = 16;

/// The size of the blocks of an object of `len` bytes.
pub(crate) fn block_size(len: u64) -> u64 {
    len.div_ceil(MOST).next_power_of_two().max(SMALLEST)
}

/// `range` of an object of `len` bytes, made longer to whole blocks.
pub(crate) fn whole_blocks(range: &Range<u64>, len: u64) -> Range<u64> {
    let block = block_size(len);
    range.start / block * block..range.end.div_ceil(block).saturating_mul(block).min(len)
}

/// The values of an object's blocks, known to be those of its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocks {
    len: u64,
    digest: blake3::Hash,
    /// Empty if there is one block only, whose value is the digest.
    values: Vec<ChainingValue>,
}

impl Blocks {
    /// Those of `bytes`.
    pub(crate) fn of(bytes: &[u8], digest: blake3::Hash) -> Self {
        let len = bytes.len() as u64;
        let block = usize::try_from(block_size(len)).unwrap_or(usize::MAX);
        let values = if bytes.len() <= block {
            Vec::new()
        } else {
            (0..).step_by(block).zip(bytes.chunks(block)).map(|(at, bytes)| value(bytes, at)).collect()
        };
        Self { len, digest, values }
    }

    /// Those of an object of `len` bytes whose values are `bytes`; `None` unless they make its `digest`.
    pub(crate) fn parse(bytes: &[u8], len: u64, digest: blake3::Hash) -> Option<Self> {
        let (values, rest) = bytes.as_chunks::<{ blake3::OUT_LEN }>();
        let blocks = len.div_ceil(block_size(len));
        let right = match blocks {
            0 => false,
            1 => values.is_empty(),
            _ => values.len() as u64 == blocks && root(values) == digest,
        };
        (right && rest.is_empty()).then(|| Self { len, digest, values: values.to_vec() })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.values.as_flattened().to_vec()
    }

    /// Whether `bytes` are the block at `start`, whole.
    pub(crate) fn are(&self, bytes: &[u8], start: u64) -> bool {
        let block = block_size(self.len);
        if !start.is_multiple_of(block) || start + bytes.len() as u64 != (start + block).min(self.len) {
            return false;
        }
        if self.values.is_empty() {
            return blake3::hash(bytes) == self.digest;
        }
        let index = usize::try_from(start / block).unwrap_or(usize::MAX);
        self.values.get(index) == Some(&value(bytes, start))
    }
}

fn value(bytes: &[u8], start: u64) -> ChainingValue {
    blake3::Hasher::new().set_input_offset(start).update(bytes).finalize_non_root()
}

/// The hash that two or more values make: the left half of a tree is the largest power of two.
fn root(values: &[ChainingValue]) -> blake3::Hash {
    let (left, right) = halves(values);
    merge_subtrees_root(&subtree(left), &subtree(right), Mode::Hash)
}

fn subtree(values: &[ChainingValue]) -> ChainingValue {
    match values {
        [one] => *one,
        more => {
            let (left, right) = halves(more);
            merge_subtrees_non_root(&subtree(left), &subtree(right), Mode::Hash)
        }
    }
}

fn halves(values: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    values.split_at(values.len().next_power_of_two() / 2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::cast_possible_truncation)] // small numbers

    use super::*;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at * 31 % 251) as u8).collect()
    }

    #[test]
    fn the_values_of_blocks_make_the_digest_of_the_whole() {
        let k = 256 << 10;
        for len in [1, 1_000, k, k + 1, 2 * k, 3 * k - 7, 5 * k, 16 * k, 16 * k + 1, 33 * k + 5] {
            let bytes = bytes(len);
            let digest = blake3::hash(&bytes);
            let blocks = Blocks::of(&bytes, digest);
            let listed = blocks.to_bytes();
            assert!(listed.len() <= 16 * 32);
            assert_eq!(Blocks::parse(&listed, len as u64, digest), Some(blocks.clone()), "{len}");
            let size = block_size(len as u64) as usize;
            for (at, block) in (0..).step_by(size).zip(bytes.chunks(size)) {
                assert!(blocks.are(block, at), "{len} at {at}");
                let mut altered = block.to_vec();
                altered[block.len() / 2] ^= 1;
                assert!(!blocks.are(&altered, at));
                assert!(!blocks.are(&block[..block.len() - 1], at), "cut off");
            }
            if len > size {
                assert!(!blocks.are(&bytes[..size], size as u64), "another's place");
                let mut altered = listed.clone();
                altered[40] ^= 1;
                assert_eq!(Blocks::parse(&altered, len as u64, digest), None);
            }
            assert_eq!(Blocks::parse(&[&listed[..], &[0; 32]].concat(), len as u64, digest), None);
        }
    }

    #[test]
    fn ranges_grow_to_whole_blocks() {
        let len = 10_000_000;
        assert_eq!(block_size(len), 1 << 20);
        assert_eq!(whole_blocks(&(1_500_000..1_600_000), len), 1 << 20..2 << 20);
        assert_eq!(whole_blocks(&(9_999_999..10_000_000), len), 9 << 20..len);
    }
}
