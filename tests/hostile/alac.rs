//! ALAC in M4A and CAF, and PCM in CAF. Packets hold their samples as they are.

use super::case::Want::{Damaged, Other, Sound, Truncated};
use super::case::{ALL, Case, FRAME, Why, case, find, frames, refused, samples, with};
use super::flac::noise;
use crate::common::write::pcm_be;

/// Bits, the highest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, bits: u32) {
        for bit in (0..bits).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> bit & 1) as u8) << (7 - self.used % 8);
            self.used += 1;
        }
    }
}

/// Packet `number`, uncompressed: what it is, that it says how many samples it holds, the samples, the end.
fn packet(number: u64, element: u32, stated: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(element, 3);
    bits.push(0, 4 + 12);
    bits.push(1, 1);
    bits.push(0, 2);
    bits.push(1, 1);
    bits.push(stated, 32);
    for sample in samples(frames(number..number + 1)) {
        bits.push(sample.cast_unsigned() & 0xffff, 16);
    }
    bits.push(7, 3);
    bits.bytes
}

fn all() -> Vec<Vec<u8>> {
    (0..12).map(|number| packet(number, 1, FRAME as u32)).collect()
}

/// The configuration: samples to a packet, version, bits, tuning, channels, and the rest.
fn config() -> Vec<u8> {
    let mut config = (FRAME as u32).to_be_bytes().to_vec();
    config.extend([0, 16, 40, 10, 14, 2, 0, 255]);
    config.extend([0; 8]);
    config.extend(44_100_u32.to_be_bytes());
    config
}

fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// The atoms that an M4A is made of, to be changed.
struct M4a {
    handler: [u8; 4],
    scale: u32,
    codec: [u8; 4],
    config: Vec<u8>,
    times: Vec<u32>,
    runs: Vec<u32>,
    sizes: Vec<u32>,
    /// Added to the place of the packets.
    shift: u32,
    extra: Vec<u8>,
    without: &'static [u8],
    packets: Vec<Vec<u8>>,
}

fn m4a() -> M4a {
    let packets = all();
    M4a {
        handler: *b"soun",
        scale: 44_100,
        codec: *b"alac",
        config: config(),
        times: vec![1, 12, FRAME as u32],
        runs: vec![1, 1, 12, 1],
        sizes: packets.iter().map(|packet| packet.len() as u32).collect(),
        shift: 0,
        extra: Vec::new(),
        without: b"",
        packets,
    }
}

impl M4a {
    fn bytes(&self) -> Vec<u8> {
        let head = atom(b"ftyp", b"M4A \0\0\0\0");
        let place = (head.len() + self.moov(0).len() + 8) as u32;
        let moov = self.moov(place.wrapping_add(self.shift));
        [head, moov, atom(b"mdat", &self.packets.concat())].concat()
    }

    fn moov(&self, place: u32) -> Vec<u8> {
        let part = |kind: &[u8; 4], body: Vec<u8>| {
            if kind == self.without { Vec::new() } else { atom(kind, &body) }
        };
        let description = [vec![0; 28], atom(b"alac", &[&[0; 4], &self.config[..]].concat())].concat();
        let descriptions = [words(&[0, 1]), atom(&self.codec, &description)].concat();
        let mut sizes = vec![0, 0, self.sizes.len() as u32];
        sizes.extend(&self.sizes);
        let tables = [
            part(b"stsd", descriptions),
            part(b"stts", [words(&[0]), words(&self.times)].concat()),
            part(b"stsc", [words(&[0]), words(&self.runs)].concat()),
            part(b"stsz", words(&sizes)),
            part(b"stco", words(&[0, 1, place])),
        ];
        let media = [
            part(b"mdhd", words(&[0, 0, 0, self.scale, ALL as u32, 0])),
            part(b"hdlr", [&[0; 8], &self.handler[..], &[0; 12]].concat()),
            part(b"minf", part(b"stbl", tables.concat())),
        ];
        let track = part(b"trak", part(b"mdia", media.concat()));
        part(b"moov", [self.extra.clone(), track].concat())
    }

    fn with(change: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut m4a = m4a();
        change(&mut m4a);
        m4a.bytes()
    }
}

pub fn cases() -> Vec<Case> {
    [m4a_streams(), m4a_tables(), m4a_headers(), caf(), caf_pcm()].concat()
}

/// What can happen to the packets.
fn m4a_streams() -> Vec<Case> {
    let whole = m4a().bytes();
    let size = m4a().sizes[0] as usize;
    let start = whole.len() - 12 * size;
    let mut cases = vec![case("m4a: sound", whole.clone(), Sound(ALL))];
    for number in [0, 5, 11] {
        let lost = Damaged(ALL, vec![frames(number..number + 1)]);
        let packet_of =
            |element, stated| M4a::with(|m4a| m4a.packets[number as usize] = packet(number, element, stated));
        let name = |what: &str| format!("m4a: {what} in packet {number}");
        cases.push(case(name("a reserved element"), packet_of(5, FRAME as u32), lost.clone()));
        cases.push(case(name("one channel"), packet_of(0, FRAME as u32), lost.clone()));
        if number != 11 {
            cases.push(case(name("fewer samples"), packet_of(1, 500), lost.clone()));
            cases.push(case(name("no samples"), packet_of(1, 0), lost.clone()));
        }
        cases.push(case(name("4 G of samples"), packet_of(1, u32::MAX), lost.clone()));
        let zeros = with(whole.clone(), start + number as usize * size, &vec![0; size]);
        // The format has no checksums, and these are audio to it.
        cases.push(case(name("zeros"), zeros, Other(ALL)));
    }
    for cut in [1, size, 5 * size - 1, 5 * size, 12 * size - 1] {
        let there = (cut / size) as u64 * FRAME;
        let bytes = whole[..start + cut].to_vec();
        cases.push(case(format!("m4a: cut at {cut}"), bytes, Truncated(ALL, there)));
    }
    // The last packet says itself how long it is.
    let short = M4a::with(|m4a| m4a.packets[11] = packet(11, 1, 500));
    cases.push(case("m4a: fewer samples in the last packet", short, Sound(11 * FRAME + 500)));
    cases
}

/// What the tables can say.
fn m4a_tables() -> Vec<Case> {
    let size = m4a().sizes[0];
    let lies = |name: &str, why: Why, change: &dyn Fn(&mut M4a)| {
        refused(format!("m4a: {name}"), M4a::with(change), why)
    };
    let mut cases = vec![
        lies("times too short", Why::Damaged(5 * FRAME), &|m4a| m4a.times = vec![1, 5, 1_024]),
        lies("times cut off", Why::Damaged(0), &|m4a| m4a.times[0] = 900),
        lies("4 G times", Why::Damaged(0), &|m4a| m4a.times[0] = u32::MAX),
        lies("packets too long", Why::Damaged(0), &|m4a| m4a.times[2] = 1_025),
        lies("packets of 4 G samples", Why::Damaged(0), &|m4a| m4a.times[2] = u32::MAX),
        lies("an empty packet", Why::Damaged(3 * FRAME), &|m4a| m4a.sizes[3] = 0),
        lies("a packet beyond the end", Why::Damaged(11 * FRAME), &|m4a| m4a.sizes[11] += 1),
        lies("a packet of 4 GB", Why::Damaged(3 * FRAME), &|m4a| m4a.sizes[3] = u32::MAX),
        lies("packets before the start", Why::Damaged(0), &|m4a| m4a.shift = 0_u32.wrapping_sub(9_000)),
        lies("packets behind the end", Why::Damaged(0), &|m4a| m4a.shift = 1 << 30),
        lies("places too few", Why::Damaged(4 * FRAME), &|m4a| m4a.runs = vec![1, 1, 4, 1]),
        lies("no runs", Why::Damaged(0), &|m4a| m4a.runs = vec![0]),
        lies("4 G runs", Why::Damaged(0), &|m4a| m4a.runs[0] = u32::MAX),
        lies("no packets", Why::Empty, &|m4a| m4a.sizes.clear()),
    ];
    // All packets the same bytes: what is read must not outgrow the file.
    let again = M4a::with(|m4a| {
        m4a.times = vec![1, 100_000, 1];
        m4a.sizes = vec![size; 100_000];
        m4a.runs = vec![1, 1, 100_000, 1];
        m4a.packets.truncate(1);
    });
    cases.push(refused("m4a: 100,000 packets in one's place", again, Why::Damaged(1)));
    // A packet cut short, and those behind it from the wrong place on.
    let shifted = M4a::with(|m4a| m4a.sizes[5] -= 40);
    cases.push(case("m4a: a size too small", shifted, Damaged(ALL, vec![frames(5..12)])));
    // More runs than chunks, a chunk that nobody needs.
    let more = M4a::with(|m4a| m4a.runs = vec![2, 1, 12, 1, 7, 99, 1]);
    cases.push(case("m4a: more runs than chunks", more, Sound(ALL)));
    cases
}

/// What the headers can say.
fn m4a_headers() -> Vec<Case> {
    let lies = |name: &str, why: Why, change: &dyn Fn(&mut M4a)| {
        refused(format!("m4a: {name}"), M4a::with(change), why)
    };
    let config_with = |at: usize, new: &[u8]| with(config(), at, new);
    let mut cases = vec![
        lies("another scale", Why::Unsupported, &|m4a| m4a.scale = 1_000),
        lies("no scale", Why::Unsupported, &|m4a| m4a.scale = 0),
        lies("video only", Why::Unrecognised, &|m4a| m4a.handler = *b"vide"),
        lies("AAC", Why::Lossy, &|m4a| m4a.codec = *b"mp4a"),
        lies("encrypted", Why::Unsupported, &|m4a| m4a.codec = *b"drms"),
        lies("of no known codec", Why::Unsupported, &|m4a| m4a.codec = *b"\0\0\0\0"),
        lies("a short configuration", Why::Damaged(0), &|m4a| m4a.config.truncate(23)),
        lies("no configuration", Why::Damaged(0), &|m4a| m4a.config.clear()),
        lies("ALAC version 1", Why::Unsupported, &|m4a| m4a.config = config_with(4, &[1])),
        lies("17 bits", Why::Unsupported, &|m4a| m4a.config = config_with(5, &[17])),
        lies("no channels", Why::Unsupported, &|m4a| m4a.config = config_with(9, &[0])),
        lies("9 channels", Why::Unsupported, &|m4a| m4a.config = config_with(9, &[9])),
        lies("no rate", Why::Unsupported, &|m4a| m4a.config = config_with(20, &[0; 4])),
        lies("4 GHz", Why::Unsupported, &|m4a| m4a.config = config_with(20, &[0xff; 4])),
        lies("packets of nothing", Why::Unsupported, &|m4a| m4a.config = config_with(0, &[0; 4])),
        lies("packets of 2 G samples", Why::Unsupported, &|m4a| m4a.config = config_with(0, &[0x7f; 4])),
        lies("10,000 atoms", Why::Limit("chunks around its audio"), &|m4a| {
            m4a.extra = atom(b"free", &[]).repeat(10_000);
        }),
    ];
    for kind in [b"moov", b"mdhd", b"minf", b"stbl", b"stsd", b"stts", b"stsc", b"stsz", b"stco"] {
        let name = format!("without '{}'", kind.escape_ascii());
        cases.push(lies(&name, Why::Damaged(0), &|m4a| m4a.without = kind));
    }
    for kind in [b"trak", b"mdia", b"hdlr"] {
        let name = format!("without '{}'", kind.escape_ascii());
        cases.push(lies(&name, Why::Unrecognised, &|m4a| m4a.without = kind));
    }
    let announced = M4a::with(|m4a| m4a.extra = atom(b"mvex", &[]));
    cases.push(refused("m4a: fragments without the track's header", announced, Why::Damaged(0)));
    let many = M4a::with(|m4a| m4a.extra = atom(b"free", &[]).repeat(4_000));
    cases.push(case("m4a: 4,000 atoms", many, Sound(ALL)));
    let mut nested = m4a().moov(0);
    for _ in 0..2_000 {
        nested = atom(b"moov", &nested);
    }
    let nested = [atom(b"ftyp", b"M4A \0\0\0\0"), nested].concat();
    cases.push(refused("m4a: 2,000 atoms, one in the other", nested, Why::Unrecognised));
    let whole = m4a().bytes();
    let moov = find(&whole, b"moov") - 4;
    for (name, size, want) in [("1", [0, 0, 0, 1], Why::Unrecognised), ("7", [0, 0, 0, 7], Why::Damaged(0))] {
        let bytes = with(whole.clone(), moov, &size);
        cases.push(refused(format!("m4a: an atom of size {name}"), bytes, want));
    }
    cases.push(case("m4a: an atom until the end", with(whole.clone(), moov, &[0; 4]), Sound(ALL)));
    cases.push(case("m4a: an atom beyond the end", with(whole.clone(), moov, &[0x7f; 4]), Sound(ALL)));
    let noise = [atom(b"ftyp", b"M4A \0\0\0\0"), noise(50_000)].concat();
    cases.push(refused("m4a: noise", noise, Why::Damaged(0)));
    for cut in [8, 16, moov + 4, moov + 200] {
        cases.push(refused(format!("m4a: cut at byte {cut}"), whole[..cut].to_vec(), Why::Damaged(0)));
    }
    cases
}

fn chunk(kind: &[u8; 4], size: i64, body: &[u8]) -> Vec<u8> {
    [kind, &size.to_be_bytes()[..], body].concat()
}

fn whole(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    chunk(kind, body.len() as i64, body)
}

fn description(rate: f64, format: &[u8; 4], packet: u32, samples: u32, channels: u32, bits: u32) -> Vec<u8> {
    let body = [rate.to_be_bytes().to_vec(), format.to_vec(), words(&[0, packet, samples, channels, bits])];
    whole(b"desc", &body.concat())
}

fn alac_description() -> Vec<u8> {
    description(44_100.0, b"alac", 0, FRAME as u32, 2, 0)
}

/// The packet table: how many packets, how many samples, priming, then the sizes.
fn table(packets: i64, samples: i64, priming: i32, sizes: &[u8]) -> Vec<u8> {
    let mut body = [packets.to_be_bytes(), samples.to_be_bytes()].concat();
    body.extend(priming.to_be_bytes());
    body.extend([0; 4]);
    body.extend(sizes);
    whole(b"pakt", &body)
}

/// The sizes of the packets, 7 bits a byte.
fn sizes() -> Vec<u8> {
    let size = all()[0].len();
    [0x80 | (size >> 7) as u8, (size & 0x7f) as u8].repeat(12)
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"caff\0\x01\0\0".to_vec(), chunks.concat()].concat()
}

fn data() -> Vec<u8> {
    whole(b"data", &[&[0; 4], &all().concat()[..]].concat())
}

fn caf() -> Vec<Case> {
    let kuki = whole(b"kuki", &config());
    let good = table(12, ALL as i64, 0, &sizes());
    let with_table = |table: Vec<u8>| file(&[alac_description(), kuki.clone(), table, data()]);
    let sound = with_table(good.clone());
    let size = all()[0].len();
    let start = sound.len() - 12 * size;
    let mut cases = vec![
        case("caf: sound", sound.clone(), Sound(ALL)),
        case(
            "caf: shorter than its packets",
            with_table(table(12, ALL as i64 - 3, 0, &sizes())),
            Sound(ALL - 3),
        ),
        refused(
            "caf: longer than its packets",
            with_table(table(12, ALL as i64 + 1, 0, &sizes())),
            Why::Damaged(ALL),
        ),
        refused("caf: no packets", with_table(table(0, 0, 0, &[])), Why::Empty),
        refused("caf: -1 packets", with_table(table(-1, ALL as i64, 0, &sizes())), Why::Damaged(0)),
        refused(
            "caf: too many packets",
            with_table(table(i64::MAX, ALL as i64, 0, &sizes())),
            Why::Damaged(ALL),
        ),
        refused("caf: -1 samples", with_table(table(12, -1, 0, &sizes())), Why::Empty),
        refused("caf: priming", with_table(table(12, ALL as i64, 7, &sizes())), Why::Unsupported),
        refused("caf: an empty packet", with_table(table(12, ALL as i64, 0, &[0; 24])), Why::Damaged(0)),
        refused("caf: sizes without end", with_table(table(12, ALL as i64, 0, &[0xff; 24])), Why::Damaged(0)),
        refused(
            "caf: packets beyond the end",
            with_table(table(12, ALL as i64, 0, &[0xa1, 0x7f].repeat(12))),
            Why::Damaged(11 * FRAME),
        ),
        refused("caf: a short table", with_table(whole(b"pakt", &[0; 23])), Why::Damaged(0)),
        refused("caf: no table", file(&[alac_description(), kuki.clone(), data()]), Why::Damaged(0)),
        refused("caf: no configuration", file(&[alac_description(), good.clone(), data()]), Why::Damaged(0)),
        refused("caf: no description", file(&[kuki.clone(), good.clone(), data()]), Why::Damaged(0)),
        refused("caf: no data", file(&[alac_description(), kuki.clone(), good.clone()]), Why::Damaged(0)),
        refused(
            "caf: a chunk of size -2",
            file(&[alac_description(), chunk(b"free", -2, &[]), data()]),
            Why::Damaged(0),
        ),
        refused(
            "caf: a chunk beyond the end",
            file(&[alac_description(), chunk(b"free", i64::MAX, &[]), data()]),
            Why::Damaged(0),
        ),
        refused(
            "caf: a table beyond the end",
            file(&[alac_description(), chunk(b"pakt", 30_000_000, &[]), data()]),
            Why::Damaged(0),
        ),
        refused(
            "caf: a table of 1 TB",
            file(&[alac_description(), chunk(b"pakt", 1 << 40, &[]), data()]),
            Why::Limit("bytes in a table of its headers"),
        ),
        refused("caf: noise", file(&[noise(20_000)]), Why::Damaged(0)),
        refused("caf: only a marker", b"caff".to_vec(), Why::Damaged(0)),
        case(
            "caf: 9,000 chunks",
            file(&[
                whole(b"free", &[]).repeat(9_000),
                alac_description(),
                kuki.clone(),
                good.clone(),
                data(),
            ]),
            Sound(ALL),
        ),
        refused(
            "caf: 10,000 chunks",
            file(&[
                whole(b"free", &[]).repeat(10_000),
                alac_description(),
                kuki.clone(),
                good.clone(),
                data(),
            ]),
            Why::Limit("chunks around its audio"),
        ),
    ];
    let unfinished =
        [alac_description(), kuki, good, chunk(b"data", -1, &[&[0; 4], &all().concat()[..]].concat())];
    cases.push(case("caf: unfinished", file(&unfinished), Sound(ALL)));
    for cut in [1, size, 7 * size + 1] {
        let there = (cut / size) as u64 * FRAME;
        let bytes = sound[..start + cut].to_vec();
        cases.push(case(format!("caf: cut at {cut}"), bytes, Truncated(ALL, there)));
    }
    for number in [0, 5, 10] {
        let zeros = with(sound.clone(), start + number * size, &vec![0; size]);
        cases.push(case(format!("caf: zeros in packet {number}"), zeros, Other(ALL)));
    }
    cases
}

fn caf_pcm() -> Vec<Case> {
    let pcm = pcm_be(&samples(0..ALL), 16);
    let data = whole(b"data", &[&[0; 4], &pcm[..]].concat());
    let described = |description: Vec<u8>| file(&[description, data.clone()]);
    let of_rate = |rate: f64| described(description(rate, b"lpcm", 4, 1, 2, 16));
    let sound = of_rate(44_100.0);
    let start = sound.len() - pcm.len();
    let mut cases = vec![
        case("caf: PCM", sound.clone(), Sound(ALL)),
        refused("caf: no channels", described(description(44_100.0, b"lpcm", 4, 1, 0, 16)), Why::Unsupported),
        refused(
            "caf: 4 G channels",
            described(description(44_100.0, b"lpcm", 4, 1, u32::MAX, 16)),
            Why::Unsupported,
        ),
        refused("caf: no bits", described(description(44_100.0, b"lpcm", 4, 1, 2, 0)), Why::Unsupported),
        refused(
            "caf: 4 G bits",
            described(description(44_100.0, b"lpcm", 4, 1, 2, u32::MAX)),
            Why::Unsupported,
        ),
        refused("caf: no bytes", described(description(44_100.0, b"lpcm", 0, 1, 2, 16)), Why::Unsupported),
        refused(
            "caf: 2 samples a packet",
            described(description(44_100.0, b"lpcm", 4, 2, 2, 16)),
            Why::Unsupported,
        ),
        refused("caf: AAC", described(description(44_100.0, b"aac ", 0, 1_024, 2, 0)), Why::Lossy),
        refused(
            "caf: of no known format",
            described(description(44_100.0, b"\0\x01\x02\x03", 4, 1, 2, 16)),
            Why::Unsupported,
        ),
        case(
            "caf: 4 channels, it says",
            described(description(44_100.0, b"lpcm", 8, 1, 4, 16)),
            Other(ALL / 2),
        ),
    ];
    for rate in [0.0, -44_100.0, 44_100.5, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0] {
        cases.push(refused(format!("caf: {rate} Hz"), of_rate(rate), Why::Unsupported));
    }
    for cut in [0, 3, 4, 1_000, pcm.len() - 1] {
        let bytes = sound[..start + cut].to_vec();
        cases.push(case(format!("caf: PCM cut at {cut}"), bytes, Truncated(ALL, cut as u64 / 4)));
    }
    cases
}
