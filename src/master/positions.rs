//! Where channels stand, as the formats say it: one table for all of them.

use super::info::{Layout, Position};
use Position::{
    FrontCentre, FrontLeft, FrontLeftOfCentre, FrontRight, FrontRightOfCentre, Lfe, Other, RearCentre,
    RearLeft, RearRight, SideLeft, SideRight, TopCentre, TopFrontCentre, TopFrontLeft, TopFrontRight,
    TopRearCentre, TopRearLeft, TopRearRight,
};

/// The positions in the order of the bits of a channel mask (WAV, FLAC, CAF). Apple's labels count them from 1 on;
/// and then the numbers that MPEG gives them (ISO/IEC 23091-3).
const TABLE: [(Position, u8); 18] = [
    (FrontLeft, 0),
    (FrontRight, 1),
    (FrontCentre, 2),
    (Lfe, 3),
    (RearLeft, 8),
    (RearRight, 9),
    (FrontLeftOfCentre, 6),
    (FrontRightOfCentre, 7),
    (RearCentre, 10),
    (SideLeft, 13),
    (SideRight, 14),
    (TopCentre, 25),
    (TopFrontLeft, 17),
    (TopFrontCentre, 19),
    (TopFrontRight, 18),
    (TopRearLeft, 20),
    (TopRearCentre, 22),
    (TopRearRight, 21),
];

/// Apple's layouts: the upper half of their tags (the lower one is the number of channels), and the labels.
const APPLE: [(u16, &[u8]); 41] = [
    (108, &[1, 2, 5, 6]),
    (109, &[1, 2, 5, 6, 3]),
    (110, &[1, 2, 33, 34, 3, 9]),
    (111, &[1, 2, 33, 34, 3, 9, 5, 6]),
    (113, &[1, 2, 3]),
    (114, &[3, 1, 2]),
    (115, &[1, 2, 3, 9]),
    (116, &[3, 1, 2, 9]),
    (117, &[1, 2, 3, 5, 6]),
    (118, &[1, 2, 5, 6, 3]),
    (119, &[1, 3, 2, 5, 6]),
    (120, &[3, 1, 2, 5, 6]),
    (121, &[1, 2, 3, 4, 5, 6]),
    (122, &[1, 2, 5, 6, 3, 4]),
    (123, &[1, 3, 2, 5, 6, 4]),
    (124, &[3, 1, 2, 5, 6, 4]),
    (125, &[1, 2, 3, 4, 5, 6, 9]),
    (126, &[1, 2, 3, 4, 5, 6, 7, 8]),
    (127, &[3, 7, 8, 1, 2, 5, 6, 4]),
    (128, &[1, 2, 3, 4, 5, 6, 33, 34]),
    (129, &[1, 2, 5, 6, 3, 4, 7, 8]),
    (131, &[1, 2, 9]),
    (132, &[1, 2, 5, 6]),
    (133, &[1, 2, 4]),
    (134, &[1, 2, 4, 9]),
    (135, &[1, 2, 4, 5, 6]),
    (136, &[1, 2, 3, 4]),
    (137, &[1, 2, 3, 4, 9]),
    (138, &[1, 2, 5, 6, 4]),
    (139, &[1, 2, 5, 6, 3, 9]),
    (140, &[1, 2, 5, 6, 3, 33, 34]),
    (141, &[3, 1, 2, 5, 6, 9]),
    (142, &[3, 1, 2, 5, 6, 9, 4]),
    (143, &[3, 1, 2, 5, 6, 33, 34]),
    (144, &[3, 1, 2, 5, 6, 33, 34, 9]),
    (148, &[1, 2, 5, 6, 3, 7, 8]),
    (150, &[1, 3, 2]),
    (151, &[1, 3, 2, 9]),
    (152, &[1, 3, 2, 4]),
    (153, &[1, 2, 9, 4]),
    (154, &[1, 3, 2, 9, 4]),
];

/// The layout of `channels` channels under a channel mask. Channels beyond those in the mask have no stated
/// position; one or two channels always are mono or stereo if the mask does not say otherwise.
pub(super) fn masked(mask: u32, channels: usize) -> Option<Layout> {
    if channels > Layout::MAX {
        return None;
    }
    if channels == 1 || (channels == 2 && mask == 0) {
        return Layout::usual(channels);
    }
    let stated = (0..u32::BITS)
        .filter(|bit| mask >> bit & 1 == 1)
        .map(|bit| TABLE.get(bit as usize).map_or(Other, |&(position, _)| position));
    let all: Vec<_> = stated.chain(std::iter::repeat(Other)).take(channels).collect();
    Layout::new(&all)
}

/// The layout that Apple's description of one states (`chan` in CAF and `QuickTime`, `CHAN` in AIFF), if it is one
/// that we know: a tag, a mask, then labels with 16 bytes of coordinates each.
pub(super) fn described(bytes: &[u8], channels: usize) -> Option<Layout> {
    let word = |at: usize| bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    let labels: Vec<u32> = match word(0)? {
        0 => (0..channels).map(|channel| word(12 + 20 * channel)).collect::<Option<_>>()?,
        0x1_0000 => return masked(word(4)?, channels),
        tag => {
            let (_, labels) = APPLE.iter().find(|(of, _)| u32::from(*of) == tag >> 16)?;
            labels.iter().map(|&label| label.into()).collect()
        }
    };
    if labels.len() != channels || channels <= 2 {
        return None;
    }
    // Where the rear has its own, the surrounds stand at the sides.
    let at_sides = labels.iter().any(|label| matches!(label, 9 | 33 | 34));
    let position = |&label: &u32| match label {
        5 if at_sides => SideLeft,
        6 if at_sides => SideRight,
        33 => RearLeft,
        34 => RearRight,
        37 => Lfe,
        38 => FrontLeft,
        39 => FrontRight,
        42 => FrontCentre,
        _ => label
            .checked_sub(1)
            .and_then(|index| TABLE.get(index as usize))
            .map_or(Other, |&(position, _)| position),
    };
    Layout::new(&labels.iter().map(position).collect::<Vec<_>>())
}

/// The layout of channels that MPEG numbers. Those around the listener stand at the rear unless there are others.
pub(super) fn numbered(numbers: &[u8]) -> Option<Layout> {
    let at_sides = numbers.iter().any(|number| matches!(number, 8..=10));
    let position = |&number: &u8| match number {
        4 | 11 if at_sides => SideLeft,
        5 | 12 if at_sides => SideRight,
        4 | 11 => RearLeft,
        5 | 12 => RearRight,
        26 => Lfe,
        _ => TABLE.iter().find(|(_, of)| *of == number).map_or(Other, |&(position, _)| position),
    };
    Layout::new(&numbers.iter().map(position).collect::<Vec<_>>())
}

/// The numbers of the channels in MPEG's layouts (ISO/IEC 23091-3, table 10), as far as they have 8 at most.
pub(super) fn mpeg(layout: u8) -> Option<Layout> {
    numbered(match layout {
        1 => &[2],
        2 => &[0, 1],
        3 => &[2, 0, 1],
        4 => &[2, 0, 1, 10],
        5 => &[2, 0, 1, 4, 5],
        6 => &[2, 0, 1, 4, 5, 3],
        7 => &[2, 6, 7, 0, 1, 4, 5, 3],
        9 => &[0, 1, 10],
        10 => &[0, 1, 4, 5],
        11 => &[2, 0, 1, 4, 5, 10, 3],
        12 => &[2, 0, 1, 4, 5, 8, 9, 3],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(tag: u32) -> Vec<u8> {
        [tag.to_be_bytes(), [0; 4], [0; 4]].concat()
    }

    #[test]
    fn layouts_by_tag_and_by_description() {
        let layout = described(&tag(0x7c_0006), 6).unwrap();
        assert_eq!(layout.positions(), [FrontCentre, FrontLeft, FrontRight, RearLeft, RearRight, Lfe]);
        assert_eq!(described(&tag(0x7c_0006), 5), None);
        let labelled = |labels: &[u32]| {
            let mut bytes = tag(0);
            for label in labels {
                bytes.extend(label.to_be_bytes());
                bytes.extend([0; 16]);
            }
            described(&bytes, labels.len())
        };
        assert_eq!(labelled(&[3, 1, 2]), described(&tag(0x72_0003), 3));
        assert_eq!(labelled(&[1, 2, 37, 99]), Layout::new(&[FrontLeft, FrontRight, Lfe, Other]));
        for (of, labels) in APPLE {
            let layout =
                described(&tag(u32::from(of) << 16 | u32::try_from(labels.len()).unwrap()), labels.len())
                    .unwrap();
            assert_eq!(Some(layout), labelled(&labels.iter().map(|&label| label.into()).collect::<Vec<_>>()));
            assert!(!layout.positions().contains(&Other), "{of}");
        }
        let mask = [0x1_0000_u32.to_be_bytes(), 0x107_u32.to_be_bytes(), [0; 4]].concat();
        assert_eq!(described(&mask, 4), masked(0x107, 4));
    }

    #[test]
    fn the_same_layout_in_every_language() {
        let seven = described(&tag(0x80_0008), 8).unwrap();
        assert_eq!(seven.to_string(), "7.1");
        let mut ours = seven.positions().to_vec();
        for theirs in [masked(0x63f, 8).unwrap(), mpeg(12).unwrap()] {
            let mut theirs = theirs.positions().to_vec();
            ours.sort_by_key(|&position| position as u8);
            theirs.sort_by_key(|&position| position as u8);
            assert_eq!(ours, theirs);
        }
        assert_eq!(mpeg(6).unwrap().positions(), described(&tag(124 << 16 | 6), 6).unwrap().positions());
        assert_eq!(mpeg(2), Some(Layout::STEREO));
        assert_eq!(mpeg(1), Some(Layout::MONO));
    }

    #[test]
    fn every_bit_has_its_place() {
        for (bit, &(position, _)) in TABLE.iter().enumerate() {
            let layout = masked(1 << bit, 2).unwrap();
            assert_eq!(layout.positions(), [position, Other]);
        }
        assert_eq!(masked(1 << 20 | 3, 3).unwrap().positions(), [FrontLeft, FrontRight, Other]);
        assert_eq!(masked(0, 2), Some(Layout::STEREO));
        assert_eq!(masked(0, 3).unwrap().positions(), [Other; 3]);
    }
}
