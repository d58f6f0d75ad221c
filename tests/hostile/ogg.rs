//! FLAC in Ogg: one frame a page.

use super::case::Want::{Damaged, Disorder, Sound};
use super::case::{ALL, Case, FRAME, Why, case, frames, refused};
use super::flac::{INFO, Info, all, crc, good, noise};

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
        refused("ogg: no rate", pages(Info { rate: 0, ..INFO }, &all()).concat(), Why::Damaged(0)),
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
        cases.push(match number {
            // Symphonia does not open it.
            0 => refused(name("a bit in"), bit, Why::Damaged(0)),
            _ => case(name("a bit in"), bit, lost.clone()),
        });
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
    let mut noisy = sound.clone();
    noisy.insert(7, noise(70_000));
    cases.push(case("ogg: noise between pages", noisy.concat(), Sound(ALL)));
    cases
}
