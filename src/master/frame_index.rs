//! Where the frames of a FLAC master begin: every half second or so, so that a range in the middle is found by
//! one read. An index is a hint: whoever goes by it checks that the frame is there.

use std::ops::Range;

/// An index has no more points. They are 34 minutes apart by half a second each; of longer masters they are
/// further apart.
const MOST: u64 = 4_096;

/// Points that are closer than this would be in what is read at once anyway.
const CLOSEST: u64 = 16 << 10;

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// Its first sample.
    pub(super) sample: u64,
    /// How many bytes behind the begin of the audio it begins, or its page in Ogg.
    pub(super) offset: u64,
}

/// Where some of the frames begin, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrameIndex {
    points: Vec<Point>,
}

impl FrameIndex {
    /// The last point that is not behind sample `at`.
    pub(super) fn before(&self, at: u64) -> Option<Point> {
        let behind = self.points.partition_point(|point| point.sample <= at);
        self.points.get(behind.checked_sub(1)?).copied()
    }

    /// As bytes: for each point how much its sample and its offset are more than those of the one before, in
    /// seven bits a byte, the lowest first, all but the last of a number with the highest bit set.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut before = Point { sample: 0, offset: 0 };
        for &point in &self.points {
            for mut number in [point.sample - before.sample, point.offset - before.offset] {
                while number >= 0x80 {
                    bytes.push(number.to_le_bytes()[0] | 0x80);
                    number >>= 7;
                }
                bytes.push(number.to_le_bytes()[0]);
            }
            before = point;
        }
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) gave; `None` if it did not, of other bytes or too many points.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut points: Vec<Point> = Vec::new();
        while !bytes.is_empty() {
            let before = points.last().copied();
            let (sample, offset) = (number(&mut bytes)?, number(&mut bytes)?);
            let point = match before {
                None => Point { sample, offset },
                Some(before) if sample > 0 && offset > 0 => Point {
                    sample: before.sample.checked_add(sample)?,
                    offset: before.offset.checked_add(offset)?,
                },
                Some(_) => return None,
            };
            points.push(point);
            if points.len() as u64 > MOST {
                return None;
            }
        }
        Some(Self { points })
    }
}

/// A number at the begin, which is taken off.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Makes an index of a master whose audio is read from start to end.
pub(super) struct Indexer {
    points: Vec<Point>,
    /// How many bytes points are apart, at least.
    stride: u64,
    /// Where the next one is wanted.
    next: u64,
}

impl Indexer {
    /// For `samples` at `rate` in Hz that are `bytes`.
    pub(super) fn new(bytes: u64, samples: u64, rate: u32) -> Self {
        let half_second = u128::from(bytes) * u128::from(rate) / 2 / u128::from(samples.max(1));
        let half_second = u64::try_from(half_second).unwrap_or(u64::MAX);
        Self { points: Vec::new(), stride: half_second.max(bytes / MOST + 1).max(CLOSEST), next: 0 }
    }

    /// The offset behind which the next point is wanted.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Takes a frame at `offset` if one is wanted there. Those out of order are none.
    pub(super) fn take(&mut self, samples: &Range<u64>, offset: u64) {
        let is_later = self.points.last().is_none_or(|last| last.sample < samples.start);
        if offset >= self.next && is_later {
            self.points.push(Point { sample: samples.start, offset });
            self.next = offset + self.stride;
        }
    }

    pub(super) fn finish(self) -> FrameIndex {
        FrameIndex { points: self.points }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn points_are_half_a_second_apart_and_not_too_many() {
        for (seconds, bytes_per_second, most_apart) in
            [(240, 100_000, 50_000 + 9_000), (43_200, 100_000, 1_100_000)]
        {
            let (bytes, samples) = (seconds * bytes_per_second, seconds * 44_100);
            let mut indexer = Indexer::new(bytes, samples, 44_100);
            for frame in 0..samples / 4_096 {
                let start = frame * 4_096;
                indexer.take(&(start..start + 4_096), start * bytes_per_second / 44_100);
            }
            let index = indexer.finish();
            assert!(index.points.len() as u64 <= MOST && index.points.len() > 400, "{}", index.points.len());
            let apart = index.points.windows(2).map(|pair| pair[1].offset - pair[0].offset);
            assert!(apart.max().unwrap() <= most_apart);
            let bytes = index.to_bytes();
            assert!(bytes.len() <= 7 * index.points.len());
            assert_eq!(FrameIndex::from_bytes(&bytes), Some(index));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_index_in_order_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(index) = FrameIndex::from_bytes(&bytes) {
                for pair in index.points.windows(2) {
                    prop_assert!(pair[0].sample < pair[1].sample && pair[0].offset < pair[1].offset);
                }
                for point in &index.points {
                    prop_assert_eq!(index.before(point.sample), Some(*point));
                }
                prop_assert_eq!(FrameIndex::from_bytes(&index.to_bytes()), Some(index));
            }
        }
    }
}
