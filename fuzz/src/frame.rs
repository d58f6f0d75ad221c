//! A FLAC frame with the right checksums, whatever stands between them.

use tonepress::pcm::Pcm;

use super::{masters, take};

/// The remainder of a division by a polynomial of 8 or 16 bits, which stand at the top of 16.
fn sum(bytes: &[u8], polynomial: u16) -> u16 {
    bytes.iter().fold(0, |sum, &byte| {
        (0..8)
            .fold(sum ^ u16::from(byte) << 8, |sum, _| sum << 1 ^ if sum >> 15 == 1 { polynomial } else { 0 })
    })
}

/// The width less 1, how the channels are coded (as in a frame), the samples less 1 (two bytes), the subframes.
pub fn run(mut data: &[u8]) {
    let bits = u64::from(take::byte(&mut data) & 31);
    let coding = take::byte(&mut data) & 15;
    let len: [u8; 2] = take::bytes(&mut data);
    let channels = if coding < 8 { u64::from(coding) } else { 1 };
    let samples = u64::from(u16::from_be_bytes(len)) + 1;
    let mut frame = vec![0xff, 0xf8, 0x70, coding << 4, 0, len[0], len[1]];
    frame.push((sum(&frame, 0x0700) >> 8) as u8);
    frame.extend(data);
    frame.extend(sum(&frame, 0x8005).to_be_bytes());
    let mut file = b"fLaC\x80\0\0\x22\xff\xff\xff\xff\0\0\0\0\0\0".to_vec();
    file.extend((44_100 << 44 | channels << 41 | bits << 36 | samples).to_be_bytes());
    file.extend([7; 16]);
    file.extend(frame);

    let Ok(master) = masters::open(&file) else { return };
    let mut pcm = Pcm::default();
    if master.decoder().unwrap().read(0..samples, &mut pcm).is_ok() {
        assert_eq!(pcm.range(), 0..samples);
        assert!(pcm.planes().flatten().all(|sample| (-1.0..=1.0).contains(sample)), "beyond full scale");
    }
    let first = master.verdict().unwrap();
    assert_eq!(first, master.verdict().unwrap());
}

/// A frame of each kind of subframe: constant, verbatim, fixed, linear, with wasted bits.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        &[15, 0, 0, 15, 0x00, 0x12, 0x34][..],
        &[15, 10, 0, 3, 0x02, 1, 2, 3, 4, 5, 6, 7, 8, 0x00, 0, 0, 0, 0],
        &[15, 0, 0, 15, 0x12, 1, 2, 0x00, 0x86, 0x53, 0x11, 0x8c, 0x63, 0x18, 0xc6, 0x31, 0x8c, 0x63],
        &[31, 9, 0, 7, 0x10, 0x3f, 0x80, 0, 0x10, 0x3f, 0x80, 0],
        &[
            23, 1, 0, 15, 0x42, 0, 1, 2, 0, 2, 1, 0x31, 0x00, 0x70, 0x7c, 0x08, 0x10, 0x20, 0x40, 0x81, 3, 5,
            7, 9,
        ],
        &[
            15, 0, 0, 15, 0x03, 0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
            21,
        ],
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}
