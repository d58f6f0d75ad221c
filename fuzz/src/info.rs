//! The Info frame: parsed from anything, and what was written is read back.

use tonepress::encoder::ResolvedCoding;
use tonepress::master::Layout;
use tonepress::mp3::frame::Header;
use tonepress::mp3::info::{Info, Method, TagFacts, header};
use tonepress::{Frames, Plan};

use super::plan::master;
use super::take;

pub fn run(data: &[u8]) {
    let _ = Info::parse(data);
    if let Some(header) = data.first_chunk().and_then(|bytes| Header::parse(*bytes)) {
        assert_eq!(Header::parse(header.to_bytes()), Some(header));
        assert!(header.size() > 0);
    }

    let mut rest = data;
    let (rate, profile) = [(44_100, "128"), (22_050, "24:mono"), (48_000, "v0"), (11_025, "abr48")]
        [usize::from(take::byte(&mut rest) % 4)];
    let plan = Plan::new(&master(rate, Layout::STEREO, 1_000).unwrap(), &profile.parse().unwrap()).unwrap();
    let number = |rest: &mut &[u8]| u32::from_le_bytes(take::bytes(rest));
    let info = Info {
        frames: Frames(number(&mut rest).into()),
        bytes: number(&mut rest).into(),
        delay: number(&mut rest) & 0xFFF,
        padding: number(&mut rest) & 0xFFF,
        music_crc: u16::from_le_bytes(take::bytes(&mut rest)),
        toc: take::bytes(&mut rest),
    };
    let resolved = plan.resolved();
    let (method, cbr) = match resolved.coding() {
        ResolvedCoding::Cbr(kbps) => (Method::Cbr(kbps), Some(kbps)),
        ResolvedCoding::Abr(kbps) => (Method::Abr(kbps), None),
        ResolvedCoding::Vbr(_) => (Method::Vbr, None),
    };
    let header = header(resolved.version(), resolved.rate(), resolved.mode(), cbr);
    let facts = TagFacts {
        encoder: take::bytes(&mut rest),
        method,
        quality: number(&mut rest),
        lowpass: Some(number(&mut rest) >> 1),
        ath_type: take::byte(&mut rest) & 15,
        safe_joint: take::byte(&mut rest) & 1 != 0,
        noise_shaping: take::byte(&mut rest) & 3,
        preset: u16::from_le_bytes(take::bytes(&mut rest)),
    };
    let frame = info.to_frame(header, &facts);
    assert_eq!(frame.len() as u64, plan.info_bytes());
    assert_eq!(Info::parse(&frame), Some(info));
}

pub fn seeds() -> Vec<Vec<u8>> {
    ["32", "128", "v2", "abr48:rate=11025", "24:mono:rate=8000"]
        .map(|profile| {
            let master = master(44_100, Layout::STEREO, 50_000).unwrap();
            super::stored::press(&Plan::new(&master, &profile.parse().unwrap()).unwrap())
        })
        .map(|mut bytes| {
            bytes.truncate(1_000);
            bytes
        })
        .to_vec()
}
