//! A plain reader of layer III up to the quantised lines, from the standard, to compare with what was written.

use std::collections::HashMap;

use crate::encoder::native::bands::BandTable;
use crate::encoder::native::codes;
use crate::encoder::native::granule::Block;
use crate::mp3::frame::{Header, Mode, Version};

/// What is read of a granule of a channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ReadPart {
    pub(super) block: Block,
    pub(super) global_gain: u8,
    pub(super) window_gain: [u8; 3],
    pub(super) coarse: bool,
    pub(super) preflag: bool,
    pub(super) tables: [u8; 3],
    pub(super) quads_in_b: bool,
    pub(super) slen: Vec<u8>,
    pub(super) shared: [bool; 4],
    pub(super) scale: Vec<u8>,
    pub(super) values: Vec<i32>,
}

pub(super) struct ReadFrame {
    pub(super) header: Header,
    pub(super) main_data_begin: usize,
    pub(super) parts: Vec<ReadPart>,
}

/// Symbols by length and code.
type Tree = HashMap<(u8, u16), usize>;

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn get(&mut self, count: usize) -> u32 {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.bytes[self.at / 8] >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        value
    }

    fn symbol(&mut self, tree: &Tree) -> usize {
        let (mut length, mut code) = (0, 0);
        loop {
            code = code << 1 | self.get(1) as u16;
            length += 1;
            assert!(length < 20, "no such code");
            if let Some(&symbol) = tree.get(&(length, code)) {
                return symbol;
            }
        }
    }
}

fn tree(lengths: &[u8], codes: &[u16]) -> Tree {
    lengths.iter().zip(codes).enumerate().map(|(at, (&length, &code))| ((length, code), at)).collect()
}

pub(super) struct Reader {
    trees: Vec<(usize, Tree)>,
    quads: Tree,
}

const LINBITS: [usize; 32] =
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 6, 8, 10, 13, 4, 5, 6, 7, 8, 9, 11, 13];
const SLEN: [[u8; 16]; 2] =
    [[0, 0, 0, 0, 3, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4], [0, 1, 2, 3, 0, 1, 2, 3, 1, 2, 3, 1, 2, 3, 2, 3]];

impl Reader {
    pub(super) fn new() -> Self {
        use codes::{
            TABLE_1, TABLE_2, TABLE_3, TABLE_5, TABLE_6, TABLE_7, TABLE_8, TABLE_9, TABLE_10, TABLE_11,
            TABLE_12, TABLE_13, TABLE_15, TABLE_16, TABLE_24,
        };
        let mut trees = vec![(0, HashMap::new()); 32];
        for (table, codes) in [
            (1, TABLE_1),
            (2, TABLE_2),
            (3, TABLE_3),
            (5, TABLE_5),
            (6, TABLE_6),
            (7, TABLE_7),
            (8, TABLE_8),
            (9, TABLE_9),
            (10, TABLE_10),
            (11, TABLE_11),
            (12, TABLE_12),
            (13, TABLE_13),
            (15, TABLE_15),
            (16, TABLE_16),
            (24, TABLE_24),
        ] {
            trees[table] = (codes.size, tree(codes.lengths, codes.codes));
        }
        for table in 17..24 {
            trees[table] = trees[16].clone();
            trees[table + 8] = trees[24].clone();
        }
        let quads = tree(
            &crate::encoder::native::huffman::QUAD_LENGTHS_A,
            &crate::encoder::native::huffman::QUAD_CODES_A,
        );
        Self { trees, quads }
    }

    /// Reads all frames of `bytes`, which must be nothing else.
    pub(super) fn read(&self, mut bytes: &[u8]) -> Vec<ReadFrame> {
        let (mut main, mut frames, mut total) = (Vec::new(), Vec::new(), 0);
        while !bytes.is_empty() {
            let word: [u8; 4] = bytes[..4].try_into().unwrap();
            let header = Header::parse(word).expect("a header");
            let size = header.size() as usize;
            let mono = header.mode == Mode::Mono;
            let head = 4 + header.version.side_info(mono);
            let begin = if header.version == Version::Mpeg1 {
                usize::from(bytes[4]) << 1 | usize::from(bytes[5] >> 7)
            } else {
                bytes[4].into()
            };
            assert!(begin <= main.len(), "frame {}: {begin} bytes back of {}", frames.len(), main.len());
            let start = main.len() - begin;
            assert!(start >= total, "main data overlaps");
            main.extend_from_slice(&bytes[head..size]);
            let mut info = Bits { bytes: &bytes[4..head], at: 0 };
            let mut bits = Bits { bytes: &main[start..], at: 0 };
            let parts = self.read_parts(header, &mut info, &mut bits);
            total = start + bits.at.div_ceil(8);
            frames.push(ReadFrame { header, main_data_begin: begin, parts });
            bytes = &bytes[size..];
        }
        frames
    }

    fn read_parts(&self, header: Header, side: &mut Bits<'_>, main: &mut Bits<'_>) -> Vec<ReadPart> {
        let mpeg1 = header.version == Version::Mpeg1;
        let channels = if header.mode == Mode::Mono { 1 } else { 2 };
        let granules = if mpeg1 { 2 } else { 1 };
        let bands = BandTable::new(header.rate);
        side.get(if mpeg1 { 9 } else { 8 });
        side.get(match (mpeg1, channels) {
            (true, 1) => 5,
            (true, _) => 3,
            (_, 1) => 1,
            _ => 2,
        });
        let mut shared = vec![[false; 4]; channels];
        if mpeg1 {
            for shared in shared.as_flattened_mut() {
                *shared = side.get(1) == 1;
            }
        }
        let mut parts: Vec<ReadPart> = Vec::new();
        for granule in 0..granules {
            for channel in 0..channels {
                let shared = if granule == 1 { shared[channel] } else { [false; 4] };
                let first = (granule == 1).then(|| parts[channel].clone());
                parts.push(self.read_part(mpeg1, &bands, shared, first.as_ref(), side, main));
            }
        }
        parts
    }

    fn read_part(
        &self,
        mpeg1: bool,
        table: &BandTable,
        shared: [bool; 4],
        first: Option<&ReadPart>,
        side: &mut Bits<'_>,
        main: &mut Bits<'_>,
    ) -> ReadPart {
        let length = side.get(12) as usize;
        let big = side.get(9) as usize;
        assert!(big <= 288);
        let mut part = ReadPart { global_gain: side.get(8) as u8, shared, ..ReadPart::default() };
        let compress = side.get(if mpeg1 { 4 } else { 9 });
        let switching = side.get(1) == 1;
        let mut cuts = [576; 3];
        if switching {
            part.block = [Block::Long, Block::Start, Block::Short, Block::Stop][side.get(2) as usize];
            assert_ne!(part.block, Block::Long);
            assert_eq!(side.get(1), 0, "no mixed blocks");
            part.tables[0] = side.get(5) as u8;
            part.tables[1] = side.get(5) as u8;
            part.window_gain = std::array::from_fn(|_| side.get(3) as u8);
            cuts[0] = if part.block == Block::Short {
                if table.short.start[3] == 24 { 72 } else { 36 }
            } else {
                table.long.start[8].into()
            };
        } else {
            part.tables = std::array::from_fn(|_| side.get(5) as u8);
            let zero = side.get(4) as usize + 1;
            let one = side.get(3) as usize + 1;
            cuts[0] = table.long.start[zero].into();
            cuts[1] = table.long.start[(zero + one).min(22)].into();
        }
        part.preflag = mpeg1 && side.get(1) == 1;
        part.coarse = side.get(1) == 1;
        part.quads_in_b = side.get(1) == 1;

        let end = main.at + length;
        let short = part.block == Block::Short;
        let (lengths, counts): ([u32; 4], [usize; 4]) = if mpeg1 {
            let [low, high] = SLEN.map(|slen| slen[compress as usize].into());
            ([low, low, high, high], if short { [9; 4] } else { [6, 5, 5, 5] })
        } else if compress < 400 {
            let (a, b) = (compress >> 4, compress & 15);
            ([a / 5, a % 5, b >> 2, b & 3], if short { [9; 4] } else { [6, 5, 5, 5] })
        } else if compress < 500 {
            let (a, b) = ((compress - 400) >> 2, (compress - 400) & 3);
            ([a / 5, a % 5, b, 0], if short { [9, 9, 12, 6] } else { [6, 5, 7, 3] })
        } else {
            part.preflag = true;
            let a = compress - 500;
            ([a / 3, a % 3, 0, 0], if short { [18, 18, 0, 0] } else { [11, 10, 0, 0] })
        };
        part.slen = lengths.iter().map(|&l| l as u8).collect();
        for group in 0..4 {
            for _ in 0..counts[group] {
                let factor = if shared[group] {
                    first.unwrap().scale[part.scale.len()]
                } else {
                    main.get(lengths[group] as usize) as u8
                };
                part.scale.push(factor);
            }
        }

        while part.values.len() < 2 * big {
            let region = cuts.iter().position(|&cut| part.values.len() < cut).unwrap();
            let table = usize::from(part.tables[region]);
            if table == 0 {
                part.values.extend([0, 0]);
                continue;
            }
            let (rows, tree) = &self.trees[table];
            let symbol = main.symbol(tree);
            for mut value in [symbol / rows, symbol % rows] {
                if value == 15 {
                    value += main.get(LINBITS[table]) as usize;
                }
                let negative = value > 0 && main.get(1) == 1;
                part.values.push(if negative { -(value as i32) } else { value as i32 });
            }
        }
        while main.at < end {
            let symbol = if part.quads_in_b { 15 - main.get(4) as usize } else { main.symbol(&self.quads) };
            for line in 0..4 {
                let value = (symbol >> (3 - line) & 1) as i32;
                let negative = value > 0 && main.get(1) == 1;
                part.values.push(if negative { -value } else { value });
            }
        }
        assert_eq!(main.at, end, "part2_3_length");
        assert!(part.values.len() <= 576);
        part.values.resize(576, 0);
        part
    }
}
