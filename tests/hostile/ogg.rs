//! FLAC in Ogg: one frame a page, or pieces of frames; one stream, or several behind each other.

use super::case::Want::{Damaged, Disorder, Sound, Unfinished};
use super::case::{ALL, Case, FRAME, Why, case, frames, refused};
use super::flac::{INFO, Info, all, crc, frame, good, noise, numbered};

/// A page with one packet.
fn page(serial: u32, number: u32, flags: u8, granule: u64, packet: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(granule.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend(number.to_le_bytes());
    page.extend([0; 4]);
    page.push(u8::try_from(packet.len() / 255 + 1).unwrap());
    page.extend(vec![255; packet.len() / 255]);
    page.push((packet.len() % 255) as u8);
    page.extend(packet);
    sealed(page)
}

/// With the right checksum.
fn sealed(mut page: Vec<u8>) -> Vec<u8> {
    page[22..26].fill(0);
    let sum = crc(&page, 0x04c1_1db7, 32);
    page[22..26].copy_from_slice(&sum.to_le_bytes());
    page
}

fn header(info: Info) -> Vec<u8> {
    [b"\x7fFLAC\x01\0\0\x01fLaC\0\0\0\x22".to_vec(), info.block()].concat()
}

fn comments() -> Vec<u8> {
    b"\x84\0\0\x08\0\0\0\0\0\0\0\0".to_vec()
}

/// The pages: two of headers, twelve of frames.
fn pages(info: Info, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut pages = vec![page(9, 0, 2, 0, &header(info)), page(9, 1, 0, 0, &comments())];
    let last = frames.len() - 1;
    for (number, frame) in frames.iter().enumerate() {
        let flags = if number == last { 4 } else { 0 };
        pages.push(page(9, number as u32 + 2, flags, (number as u64 + 1) * FRAME, frame));
    }
    pages
}

pub fn cases() -> Vec<Case> {
    let sound = pages(INFO, &all());
    let mut cases = vec![
        case("ogg: sound", sound.concat(), Sound(ALL)),
        case("ogg: no length", pages(Info { samples: 0, ..INFO }, &all()).concat(), Sound(ALL)),
        case(
            "ogg: a sample too short",
            pages(Info { samples: ALL - 1, ..INFO }, &all()).concat(),
            Disorder(ALL - 1, ALL - 1, vec![]),
        ),
        refused(
            "ogg: endless",
            pages(Info { samples: (1 << 36) - 1, ..INFO }, &all()).concat(),
            Why::Limit("seconds of audio"),
        ),
        refused("ogg: no rate", pages(Info { rate: 0, ..INFO }, &all()).concat(), Why::Unsupported),
        refused("ogg: a page of nothing", b"OggS".to_vec(), Why::Unrecognised),
        refused("ogg: noise in a page", page(9, 0, 2, 0, &noise(50)), Why::Unrecognised),
        refused("ogg: Vorbis", page(9, 0, 2, 0, b"\x01vorbis\0\0\0\0"), Why::Lossy),
        refused("ogg: Opus", page(9, 0, 2, 0, b"OpusHead\x01\x02"), Why::Lossy),
        refused("ogg: half a header", page(9, 0, 2, 0, &header(INFO)[..30]), Why::Damaged(0)),
        refused(
            "ogg: two streams",
            [page(9, 0, 2, 0, &header(INFO)), page(8, 0, 2, 0, &header(INFO)), sound[1..].concat()].concat(),
            Why::Unsupported,
        ),
    ];
    for number in [0, 5, 11] {
        let lost = Damaged(ALL, vec![frames(number..number + 1)]);
        let at = number as usize + 2;
        let change = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
            let mut pages = sound.clone();
            change(&mut pages);
            pages.concat()
        };
        let name = |what: &str| format!("ogg: {what} page {number}");
        let bit = change(&|pages| pages[at][2_000] ^= 1);
        cases.push(case(name("a bit in"), bit, lost.clone()));
        cases.push(case(name("no marker in"), change(&|pages| pages[at][0] = 0), lost.clone()));
        cases.push(case(name("without"), change(&|pages| drop(pages.remove(at))), lost.clone()));
        cases.push(case(
            name("a bit, and the right checksum, in"),
            change(&|pages| {
                pages[at][2_000] ^= 1;
                pages[at] = sealed(pages[at].clone());
            }),
            lost.clone(),
        ));
        cases.push(case(
            name("another stream's"),
            change(&|pages| pages[at] = page(7, 0, 0, 0, &good(number))),
            lost,
        ));
    }
    for (cut, there) in [(3, 1), (7, 5), (13, 11)] {
        let bytes = sound[..cut].concat();
        let want = Damaged(ALL, vec![frames(there..12)]);
        cases.push(case(format!("ogg: cut before page {cut}"), bytes.clone(), want.clone()));
        let half = [bytes, sound[cut][..1_000].to_vec()].concat();
        cases.push(case(format!("ogg: cut in page {cut}"), half, want));
    }
    // A frame of another format amid the others.
    let whole = numbered(5, 5);
    for (what, format, samples) in
        [("one channel", 0x08, &whole[9..9 + 2_049]), ("24 bits", 0x1c, &whole[9..whole.len() - 2])]
    {
        let mut other = all();
        other[5] = frame(0xf8, 5, format, FRAME, samples);
        let bytes = pages(INFO, &other).concat();
        cases.push(case(format!("ogg: {what} midway"), bytes, Damaged(ALL, vec![frames(5..6)])));
        let unstated = pages(Info { samples: 0, ..INFO }, &other).concat();
        cases.push(refused(format!("ogg: {what} midway, no length"), unstated, Why::Damaged(5 * FRAME)));
    }
    let mut noisy = sound.clone();
    noisy.insert(7, noise(70_000));
    cases.push(case("ogg: noise between pages", noisy.concat(), Sound(ALL)));
    cases.extend(paged());
    cases.extend(chains());
    cases
}

/// The stream `serial` of frames that are cut into pages of up to `most` segments, however it comes.
fn in_pieces(serial: u32, info: Info, frames: &[Vec<u8>], most: usize) -> Vec<Vec<u8>> {
    let mut pages = vec![page(serial, 0, 2, 0, &header(info)), page(serial, 1, 0, 0, &comments())];
    let segments: Vec<&[u8]> = frames
        .iter()
        .flat_map(|frame| frame.chunks(255).chain((frame.len() % 255 == 0).then_some(&[][..])))
        .collect();
    let count = segments.len().div_ceil(most);
    for (number, group) in segments.chunks(most).enumerate() {
        let goes_on = number > 0 && segments[number * most - 1].len() == 255;
        let is_last = number + 1 == count;
        let mut page = b"OggS\0".to_vec();
        page.push(u8::from(goes_on) | u8::from(is_last) << 2);
        page.extend(u64::MAX.to_le_bytes());
        page.extend(serial.to_le_bytes());
        page.extend((number as u32 + 2).to_le_bytes());
        page.extend([0; 4]);
        page.push(group.len() as u8);
        page.extend(group.iter().map(|segment| segment.len() as u8));
        page.extend(group.concat());
        pages.push(sealed(page));
    }
    pages
}

/// Packets that go on from page to page.
fn paged() -> Vec<Case> {
    let no_length = Info { samples: 0, ..INFO };
    let mut cases = Vec::new();
    for most in [1, 3, 10, 100, 255] {
        let name = |what: &str| format!("ogg: {what}, {most} segments a page");
        let pages = in_pieces(9, INFO, &all(), most);
        cases.push(case(name("sound"), pages.concat(), Sound(ALL)));
        let unstated = in_pieces(9, no_length, &all(), most);
        cases.push(case(name("no length"), unstated.concat(), Sound(ALL)));
        if most == 3 {
            // Some page in the middle of frame 5, and the one with its end.
            let begin: usize = all()[..5].iter().map(|frame| frame.len() / 255 + 1).sum();
            let at = 2 + begin / most + 2;
            let mut lost = pages.clone();
            lost.remove(at);
            cases.push(case(name("without a page"), lost.concat(), Damaged(ALL, vec![frames(5..6)])));
            let mut swapped = pages.clone();
            swapped.swap(at, at + 1);
            cases.push(case(name("two pages swapped"), swapped.concat(), Damaged(ALL, vec![frames(5..6)])));
            let mut twice = pages.clone();
            twice.insert(at, pages[at].clone());
            cases.push(case(name("a page twice"), twice.concat(), Damaged(ALL, vec![frames(5..6)])));
        }
        let cut = &unstated[..unstated.len() - 1];
        cases.push(match whole_frames(cut) {
            0 => refused(name("no length, cut"), cut.concat(), Why::Empty),
            there => case(name("no length, cut"), cut.concat(), Unfinished(there)),
        });
    }
    cases
}

/// How many samples the frames have that end in these pages.
fn whole_frames(pages: &[Vec<u8>]) -> u64 {
    let ends =
        |page: &Vec<u8>| page[27..27 + usize::from(page[26])].iter().filter(|&&size| size < 255).count();
    pages[2..].iter().map(ends).sum::<usize>() as u64 * FRAME
}

/// The frames of a link count from 0 again.
fn link(serial: u32, info: Info, numbers: std::ops::Range<u64>, most: usize) -> Vec<Vec<u8>> {
    let frames: Vec<_> = numbers.clone().map(|number| numbered(number - numbers.start, number)).collect();
    let samples = (numbers.end - numbers.start) * FRAME;
    let info = Info { samples: if info.samples == 0 { 0 } else { samples }, ..info };
    in_pieces(serial, info, &frames, most)
}

/// Streams one behind the other.
fn chains() -> Vec<Case> {
    let no_length = Info { samples: 0, ..INFO };
    let (one, two) = (link(1, INFO, 0..5, 30), link(2, INFO, 5..12, 7));
    let join = |links: &[&[Vec<u8>]]| links.iter().map(|pages| pages.concat()).collect::<Vec<_>>().concat();
    let mut cases = vec![
        case("ogg: two links", join(&[&one, &two]), Sound(ALL)),
        case(
            "ogg: three links of one serial",
            join(&[&link(1, INFO, 0..4, 9), &link(1, no_length, 4..8, 20), &link(1, INFO, 8..12, 255)]),
            Sound(ALL),
        ),
        case(
            "ogg: a link for each frame",
            (0..12)
                .flat_map(|number| link(7, no_length, number..number + 1, 50))
                .collect::<Vec<_>>()
                .concat(),
            Sound(ALL),
        ),
        case(
            "ogg: a link without a sample between two",
            join(&[&one, &[page(5, 0, 2, 0, &header(no_length)), page(5, 1, 4, 0, &comments())], &two]),
            Sound(ALL),
        ),
        case("ogg: noise between two links", join(&[&one, &[noise(5_000)], &two]), Sound(ALL)),
        case("ogg: noise behind two links", join(&[&one, &two, &[noise(500)]]), Sound(ALL)),
        case(
            "ogg: two links, one of them a frame short",
            join(&[&[&one[..2], &link(1, INFO, 0..4, 30)[2..]].concat(), &two]),
            Damaged(ALL, vec![frames(4..5)]),
        ),
        case(
            "ogg: two links, a bit in the second",
            {
                let mut two = two.clone();
                two[5][300] ^= 4;
                join(&[&one, &two])
            },
            Damaged(ALL, vec![frames(6..7)]),
        ),
        case("ogg: two links, the second cut", join(&[&one, &two[..2]]), Damaged(ALL, vec![frames(5..12)])),
        case(
            "ogg: two links, the first goes on",
            join(&[&[&link(1, INFO, 0..4, 30)[..2], &one[2..]].concat(), &link(2, INFO, 4..11, 7)]),
            Disorder(11 * FRAME, 4 * FRAME, vec![]),
        ),
        case(
            "ogg: two links, the first without its end",
            join(&[&link(1, no_length, 0..5, 30)[..4], &two]),
            Unfinished(3 * FRAME),
        ),
    ];
    cases.extend(bad_chains(&one, &two));
    cases
}

/// Chains that are refused.
fn bad_chains(one: &[Vec<u8>], two: &[Vec<u8>]) -> Vec<Case> {
    let no_length = Info { samples: 0, ..INFO };
    let join = |links: &[&[Vec<u8>]]| links.iter().map(|pages| pages.concat()).collect::<Vec<_>>().concat();
    let mut cases = vec![
        refused(
            "ogg: two links, the second without its first page",
            join(&[one, &two[1..]]),
            Why::Damaged(5 * FRAME),
        ),
        refused(
            "ogg: two links, a bit in the second's first page",
            {
                let mut two = two.to_vec();
                two[0][40] ^= 1;
                join(&[one, &two])
            },
            Why::Damaged(5 * FRAME),
        ),
        refused(
            "ogg: two links, a bit in the very first page",
            {
                let mut one = one.to_vec();
                one[0][40] ^= 1;
                join(&[&one, two])
            },
            Why::Damaged(0),
        ),
        refused(
            "ogg: two links, then two side by side",
            join(&[one, two, &[page(3, 0, 2, 0, &header(INFO)), page(4, 0, 2, 0, &header(INFO))]]),
            Why::Unsupported,
        ),
        refused(
            "ogg: two links, the second endless",
            join(&[
                one,
                &[page(2, 0, 2, 0, &header(Info { samples: (1 << 36) - 1, ..INFO })), two[2].clone()],
            ]),
            Why::Limit("seconds of audio"),
        ),
        refused(
            "ogg: more links than anybody plays",
            (0..10_001)
                .flat_map(|_| [page(3, 0, 2, 0, &header(no_length)), page(3, 1, 4, 0, &comments())].concat())
                .collect(),
            Why::Limit("chunks around its audio"),
        ),
        refused(
            "ogg: two links, the second of nothing known",
            join(&[one, &[page(2, 0, 2, 0, b"fishead\0"), two[2].clone()]]),
            Why::Damaged(5 * FRAME),
        ),
        refused(
            "ogg: two links, the second Vorbis",
            join(&[one, &[page(2, 0, 2, 0, b"\x01vorbis\0\0"), two[2].clone()]]),
            Why::Damaged(5 * FRAME),
        ),
    ];
    for (what, other) in [
        ("rate", Info { rate: 48_000, ..INFO }),
        ("channels", Info { channels: 1, ..INFO }),
        ("bits", Info { bits: 24, ..INFO }),
    ] {
        let two = [&[page(2, 0, 2, 0, &header(other))], &two[1..]].concat();
        cases.push(refused(
            format!("ogg: two links, the second of other {what}"),
            join(&[one, &two]),
            Why::Damaged(5 * FRAME),
        ));
    }
    cases
}
