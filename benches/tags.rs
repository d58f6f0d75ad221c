//! What tags cost: reading them, stamping a purchase, serving behind the stamp.

use criterion::{Criterion, criterion_group, criterion_main};
use tonepress::master::Master;
use tonepress::tags::id3::{Id3Options, Version};
use tonepress::tags::{LinkKind, Picture, PictureKind, Tags};
use tonepress::{Overlay, ReadAt, Result, Size, WithOverlay};

/// What a shop knows of a track, with a cover of so many bytes.
fn tags(cover: usize) -> Tags {
    let mut tags = Tags::default();
    for (name, value) in [
        ("TITLE", "Für Elise"),
        ("ARTIST", "Ludwig van Beethoven"),
        ("ALBUM", "Bagatellen"),
        ("ALBUMARTIST", "Various Artists"),
        ("TRACKNUMBER", "3"),
        ("TRACKTOTAL", "12"),
        ("DATE", "2001-02-03"),
        ("GENRE", "Classical"),
        ("ISRC", "DEABC0100001"),
        ("LABEL", "A Label"),
        ("MUSICBRAINZ_TRACKID", "a98ff4b4-5b5d-4b5c-8f0e-2d6b7ad5c7d1"),
        ("REPLAYGAIN_TRACK_GAIN", "-6.48 dB"),
        ("REPLAYGAIN_TRACK_PEAK", "0.988553"),
    ] {
        tags.set(name, [value]);
    }
    tags.set_link(LinkKind::AudioFile, "https://shop.example/track/1");
    if cover > 0 {
        let data = [b"\xff\xd8\xff".to_vec(), vec![7; cover]].concat();
        tags.add_picture(Picture::new(PictureKind::FRONT_COVER, data).expect("a JPEG"));
    }
    tags
}

fn stamp(c: &mut Criterion) {
    let mut group = c.benchmark_group("stamp a purchase");
    for (what, cover, version) in [
        ("without a cover", 0, Version::V24),
        ("without a cover, v2.3", 0, Version::V23),
        ("cover of 100 kB", 100_000, Version::V24),
        ("cover of 1 MB", 1_000_000, Version::V24),
    ] {
        let of_track = tags(cover);
        let mut options = Id3Options::default();
        options.version = version;
        let mut number = 0_u64;
        group.bench_function(what, |b| {
            b.iter(|| {
                number += 1;
                let mut tags = of_track.clone();
                tags.set("ORDERNUMBER", [number.to_string()]);
                tags.set("PURCHASER", ["3f7a"]);
                Overlay::new(&tags, &options)
            });
        });
    }
}

/// Audio that costs nothing to read.
struct Silence;

impl ReadAt for Silence {
    fn read_at(&self, buf: &mut [u8], _: u64) -> Result<usize> {
        buf.fill(0);
        Ok(buf.len())
    }

    fn size(&self) -> Size {
        Size::Exact(10_000_000)
    }
}

fn read(c: &mut Criterion) {
    let master = Master::open("testdata/strings.flac").expect("a master");
    c.bench_function("open a master", |b| {
        b.iter(|| Master::open("testdata/strings.flac").expect("a master"));
    });
    c.bench_function("read its tags (with a cover of 26 kB)", |b| b.iter(|| master.tags().expect("tags")));
    let tagged = WithOverlay::new(Silence, Overlay::new(&tags(100_000), &Id3Options::default()));
    let mut buf = vec![0; 16 << 10];
    c.bench_function("16 KiB at the seam", |b| {
        let seam = tagged.overlay().len() - (8 << 10);
        b.iter(|| {
            let read = tagged.read_at(&mut buf, seam).expect("bytes");
            tagged.read_at(&mut buf[read..], seam + read as u64).expect("bytes")
        });
    });
}

criterion_group!(benches, stamp, read);
criterion_main!(benches);
