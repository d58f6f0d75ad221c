//! Native FLAC. Frames hold their samples as they are, so what a byte does is plain to see.

use super::case::Want::{Damaged, Disorder, Other, Sound, WrongMd5};
use super::case::{ALL, Case, FRAME, Why, case, frames, refused, sample, with};

const START: usize = 42;

/// A frame: its header, its subframes, and the checksums of both.
pub fn frame(sync: u8, number: u64, format: u8, len: u64, subframes: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff, sync, 0x70, format];
    match number {
        0..0x80 => bytes.push(number as u8),
        0x80..0x800 => bytes.extend([0xc0 | (number >> 6) as u8, 0x80 | (number & 0x3f) as u8]),
        _ => bytes.extend([
            0xe0 | (number >> 12) as u8,
            0x80 | (number >> 6 & 0x3f) as u8,
            0x80 | (number & 0x3f) as u8,
        ]),
    }
    bytes.extend(u16::try_from(len - 1).unwrap().to_be_bytes());
    bytes.push(crc(&bytes, 0x07, 8) as u8);
    bytes.extend(subframes);
    bytes.extend((crc(&bytes, 0x8005, 16) as u16).to_be_bytes());
    bytes
}

/// The remainder of a division by a polynomial of 8, 16 or 32 bits.
pub fn crc(bytes: &[u8], polynomial: u32, bits: u32) -> u32 {
    let polynomial = polynomial << (32 - bits);
    let register = bytes.iter().fold(0_u32, |register, &byte| {
        (0..8).fold(register ^ u32::from(byte) << 24, |register, _| {
            register << 1 ^ if register >> 31 == 1 { polynomial } else { 0 }
        })
    });
    register >> (32 - bits)
}

/// Two subframes of samples as they are.
fn verbatim(start: u64, len: u64) -> Vec<u8> {
    let channel = |channel| {
        let samples = (start..start + len).flat_map(move |at| sample(at, channel).to_be_bytes());
        std::iter::once(2).chain(samples)
    };
    channel(0).chain(channel(1)).collect()
}

/// Frame `number` of those that count frames.
pub fn good(number: u64) -> Vec<u8> {
    numbered(number, number)
}

/// The same with the samples of another one.
pub fn numbered(number: u64, content: u64) -> Vec<u8> {
    frame(0xf8, number, 0x18, FRAME, &verbatim(content * FRAME, FRAME))
}

pub fn all() -> Vec<Vec<u8>> {
    (0..12).map(good).collect()
}

/// What the STREAMINFO block says.
#[derive(Clone, Copy)]
pub struct Info {
    pub block: u16,
    pub rate: u64,
    pub channels: u64,
    pub bits: u64,
    pub samples: u64,
    pub md5: u8,
}

pub const INFO: Info = Info { block: 1_024, rate: 44_100, channels: 2, bits: 16, samples: ALL, md5: 0 };

impl Info {
    pub fn block(self) -> Vec<u8> {
        let mut block = [self.block.to_be_bytes(), self.block.to_be_bytes()].concat();
        block.extend([0; 6]);
        let packed = self.rate << 44 | (self.channels - 1) << 41 | (self.bits - 1) << 36 | self.samples;
        block.extend(packed.to_be_bytes());
        block.extend([self.md5; 16]);
        block
    }

    fn file(self, frames: &[Vec<u8>]) -> Vec<u8> {
        [b"fLaC\x80\0\0\x22".to_vec(), self.block(), frames.concat()].concat()
    }
}

fn file(frames: &[Vec<u8>]) -> Vec<u8> {
    INFO.file(frames)
}

/// A metadata block of some kind.
fn block(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind][..], &size[1..], body].concat()
}

pub fn cases() -> Vec<Case> {
    let mut cases = streams();
    cases.extend(headers());
    cases
}

/// What can happen to the frames.
fn streams() -> Vec<Case> {
    let mut cases = vec![case("flac: sound", file(&all()), Sound(ALL))];
    let size = good(0).len();
    for number in 0..12 {
        let lost = Damaged(ALL, vec![frames(number..number + 1)]);
        let change = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut all = all();
            change(&mut all[number as usize]);
            file(&all)
        };
        let name = |what: &str| format!("flac: {what} frame {number}");
        cases.push(case(name("a bit in"), change(&|frame| frame[1_000] ^= 4), lost.clone()));
        cases.push(case(name("no sync in"), change(&|frame| frame[0] = 0), lost.clone()));
        cases.push(case(name("zeros in"), change(&|frame| frame[20..].fill(0)), lost.clone()));
        cases.push(case(
            name("a byte less in"),
            change(&|frame| drop(frame.drain(2_000..2_001))),
            lost.clone(),
        ));
        cases.push(case(name("a byte more in"), change(&|frame| frame.insert(2_000, 7)), lost.clone()));
        cases.push(case(name("without"), change(&Vec::clear), lost));
    }
    for cut in [1, size / 2, size, 5 * size - 1, 5 * size, 5 * size + 1, 11 * size, 12 * size - 1] {
        let there = (cut / size) as u64;
        let bytes = file(&all())[..START + cut].to_vec();
        cases.push(case(format!("flac: cut at {cut}"), bytes, Damaged(ALL, vec![frames(there..12)])));
    }
    for (number, other) in [(3, 4), (0, 11), (10, 11)] {
        let mut all = all();
        all.swap(number as usize, other as usize);
        // The later one comes first; what follows up to it is then out of order.
        let want = Disorder(ALL, number * FRAME, vec![frames(number..other)]);
        cases.push(case(format!("flac: {number} and {other} swapped"), file(&all), want));
    }
    for number in [0, 6] {
        let mut all = all();
        all.insert(number, good(number as u64));
        cases.push(case(format!("flac: {number} twice"), file(&all), Sound(ALL)));
    }
    for (what, garbage) in
        [("zeros", vec![0; 60_000]), ("noise", noise(100_000)), ("syncs", [0xff, 0xf8].repeat(20_000))]
    {
        for number in [0, 5, 12] {
            let mut all = all();
            all.insert(number, garbage.clone());
            cases.push(case(format!("flac: {what} before {number}"), file(&all), Sound(ALL)));
        }
    }
    // Frames that are intact, but not what they should be.
    let whole = verbatim(5 * FRAME, FRAME);
    for (what, frame) in [
        ("a number beyond the end", frame(0xf8, 500, 0x18, FRAME, &whole)),
        ("one channel", frame(0xf8, 5, 0x08, FRAME, &whole[..2_049])),
        ("24 bits", frame(0xf8, 5, 0x1c, FRAME, &whole)),
        ("reserved channels", frame(0xf8, 5, 0xf8, FRAME, &whole)),
        ("too few samples", frame(0xf8, 5, 0x18, FRAME, &whole[..3_000])),
        ("no samples", frame(0xf8, 5, 0x18, FRAME, &[])),
        ("a reserved subframe", frame(0xf8, 5, 0x18, FRAME, &with(whole.clone(), 0, &[4]))),
        ("a padded subframe", frame(0xf8, 5, 0x18, FRAME, &with(whole.clone(), 0, &[0x82]))),
        ("all bits wasted", frame(0xf8, 5, 0x18, FRAME, &with(whole.clone(), 0, &[3, 0, 0, 0, 0, 0]))),
        ("a predictor of noise", frame(0xf8, 5, 0x18, FRAME, &[&[0x7e], &noise(500)[..]].concat())),
        ("reserved residuals", frame(0xf8, 5, 0x18, FRAME, &with(whole.clone(), 0, &[0x10, 0xff]))),
    ] {
        let mut all = all();
        all[5] = frame;
        cases.push(case(format!("flac: {what}"), file(&all), Damaged(ALL, vec![frames(5..6)])));
    }
    // Frames that count samples.
    let variable = |number: u64| {
        let (start, len) = (number * FRAME, FRAME);
        frame(0xf9, start, 0x18, len, &verbatim(start, len))
    };
    let mut stream: Vec<_> = (0..12).map(variable).collect();
    cases.push(case("flac: variable", file(&stream), Sound(ALL)));
    // Cut out of a longer stream, of either kind, whether its length is that of the piece or not stated.
    let later =
        |number: u64| frame(0xf9, 40_000 + number * FRAME, 0x18, FRAME, &verbatim(number * FRAME, FRAME));
    let cut_out: [Vec<Vec<u8>>; 2] =
        [(0..12).map(later).collect(), (0..12).map(|number| numbered(number + 2_000, number)).collect()];
    for (what, stream) in ["variable", "fixed"].into_iter().zip(cut_out) {
        cases.push(case(format!("flac: {what}, from the middle"), file(&stream), Sound(ALL)));
        let unstated = Info { samples: 0, ..INFO }.file(&stream);
        cases.push(case(format!("flac: {what}, from the middle, no length"), unstated, Sound(ALL)));
    }
    stream[7][3_000] ^= 1;
    cases.push(case("flac: variable, damaged", file(&stream), Damaged(ALL, vec![frames(7..8)])));
    cases
}

/// What the headers can say.
fn headers() -> Vec<Case> {
    let info = |change: &dyn Fn(&mut Info)| {
        let mut info = INFO;
        change(&mut info);
        info.file(&all())
    };
    let mut cases = vec![
        case("flac: a wrong MD5", info(&|info| info.md5 = 7), WrongMd5(ALL)),
        case("flac: no length", info(&|info| info.samples = 0), Sound(ALL)),
        case(
            "flac: a sample too long",
            info(&|info| info.samples += 1),
            Damaged(ALL + 1, vec![ALL..ALL + 1]),
        ),
        case("flac: a sample too short", info(&|info| info.samples -= 1), Disorder(ALL - 1, ALL - 1, vec![])),
        case(
            "flac: a frame too short",
            info(&|info| info.samples -= FRAME),
            Disorder(ALL - FRAME, ALL - FRAME, vec![]),
        ),
        case("flac: a length of one", info(&|info| info.samples = 1), Disorder(1, 1, vec![])),
        case("flac: blocks twice as long", info(&|info| info.block = 512), Sound(ALL)),
        case("flac: mono, it says", info(&|info| info.channels = 1), Damaged(ALL, vec![0..ALL])),
        case("flac: 24 bits, it says", info(&|info| info.bits = 24), Damaged(ALL, vec![0..ALL])),
        case("flac: another rate, it says", info(&|info| info.rate = 8_000), Sound(ALL)),
        refused("flac: endless", info(&|info| info.samples = (1 << 36) - 1), Why::Limit("seconds of audio")),
        refused("flac: no rate", info(&|info| info.rate = 0), Why::Unsupported),
        refused("flac: 1 Hz", info(&|info| info.rate = 1), Why::Unsupported),
        refused("flac: 1 MHz", info(&|info| info.rate = 1_048_575), Why::Unsupported),
        refused("flac: 1 bit", info(&|info| info.bits = 1), Why::Damaged(0)),
        refused("flac: 3 bits", info(&|info| info.bits = 3), Why::Damaged(0)),
        refused("flac: only a marker", b"fLaC".to_vec(), Why::Damaged(0)),
        refused("flac: nothing behind the header", INFO.file(&[]), Why::Damaged(0)),
        refused("flac: empty", Info { samples: 0, ..INFO }.file(&[]), Why::Empty),
        refused("flac: no frames", Info { samples: 0, ..INFO }.file(&[noise(5_000)]), Why::Empty),
        case("flac: a length, but no frames", file(&[noise(50_000)]), Damaged(ALL, vec![0..ALL])),
    ];
    for min in [0, 1, 15, 4_608, 65_535] {
        let mut bytes = file(&all());
        bytes[8..10].copy_from_slice(&u16::to_be_bytes(min));
        cases.push(case(format!("flac: blocks of at least {min}"), bytes, Sound(ALL)));
    }
    let frames_lie = with(file(&all()), 12, &[0xff, 0xff, 0xff, 0, 0, 1]);
    cases.push(case("flac: frames of at most 1 byte", frames_lie, Sound(ALL)));
    let mut unknown = all();
    unknown[5][700] ^= 1;
    let unknown = Info { samples: 0, ..INFO }.file(&unknown);
    cases.push(refused("flac: no length, and damaged", unknown, Why::Damaged(5 * FRAME)));
    cases.push(refused(
        "flac: a block before STREAMINFO",
        [b"fLaC".to_vec(), block(0x84, &[0; 8]), all().concat()].concat(),
        Why::Damaged(0),
    ));
    cases.push(refused(
        "flac: a short STREAMINFO",
        [b"fLaC".to_vec(), block(0x80, &INFO.block()[..33]), all().concat()].concat(),
        Why::Damaged(0),
    ));
    let blocks = |blocks: Vec<u8>| {
        [b"fLaC".to_vec(), block(0, &INFO.block()), blocks, block(0x81, &[0; 4]), all().concat()].concat()
    };
    let second = block(0, &Info { rate: 8_000, samples: 5, ..INFO }.block());
    cases.push(case("flac: STREAMINFO twice", blocks(second), Sound(ALL)));
    cases.push(case("flac: a picture of noise", blocks(block(6, &noise(3_000_000))), Sound(ALL)));
    cases.push(case("flac: 9,000 blocks", blocks(block(1, &[]).repeat(9_000)), Sound(ALL)));
    let many = blocks(block(1, &[]).repeat(10_000));
    cases.push(refused("flac: 10,000 blocks", many, Why::Limit("chunks around its audio")));
    let beyond = blocks([6, 0xff, 0xff, 0xff].to_vec());
    cases.push(refused("flac: a block beyond the end", beyond, Why::Damaged(0)));
    cases.push(refused("flac: no last block", with(file(&all()), 4, &[0]), Why::Damaged(0)));
    let tag = |size: u8| [b"ID3\x04\0\0\0\0".to_vec(), vec![size, 0], vec![0; 128], file(&all())].concat();
    cases.push(case("flac: behind an ID3 tag", tag(1), Sound(ALL)));
    cases.push(refused(
        "flac: behind an ID3 tag without end",
        tag(0x7f)[..16_000].to_vec(),
        Why::Unrecognised,
    ));
    let tags = [file(&all()), b"TAG".to_vec(), vec![0; 125]].concat();
    cases.push(case("flac: before an ID3v1 tag", tags, Sound(ALL)));
    let ape =
        [file(&all()), b"APETAGEX\xd0\x07\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0".to_vec(), vec![0; 8]].concat();
    cases.push(case("flac: before an APE tag without end", ape, Sound(ALL)));
    let silence = frame(0xf8, 0, 0x18, FRAME, &[0, 0, 1, 0, 0, 1]);
    cases.push(case("flac: one frame", Info { samples: FRAME, ..INFO }.file(&[silence]), Other(FRAME)));
    cases
}

pub fn noise(len: usize) -> Vec<u8> {
    let mut x = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 32) as u8
    })
    .take(len)
    .collect()
}
