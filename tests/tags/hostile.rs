//! Tags that are broken, enormous or odd: what can be had is had, the rest is noted, the audio is untouched.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use tonepress::Overlay;
use tonepress::master::{Master, MasterSource};
use tonepress::tags::id3::Id3Options;
use tonepress::tags::{Note, PictureKind, Tags};

use crate::common::{cases, write};

struct Bytes(Vec<u8>);

impl MasterSource for Bytes {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

fn open(bytes: Vec<u8>) -> Master {
    Master::from_source("a master", Arc::new(Bytes(bytes))).unwrap()
}

fn testdata(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).unwrap()
}

/// A FLAC file with these metadata blocks.
fn flac(blocks: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let file = testdata("short-24-96.flac");
    let mut audio = 4;
    loop {
        let [kind, size @ ..] = *file[audio..].first_chunk::<4>().unwrap();
        audio += 4 + u32::from_be_bytes([0, size[0], size[1], size[2]]) as usize;
        if kind & 0x80 != 0 {
            break;
        }
    }
    let mut out = [&file[..4], &[0], &file[5..42]].concat();
    for (kind, block) in blocks {
        out.push(*kind);
        out.extend(&(block.len() as u32).to_be_bytes()[1..]);
        out.extend(block);
    }
    out.extend([0x81, 0, 0, 0]); // padding, and the last
    out.extend(&file[audio..]);
    out
}

fn comments(texts: &[&[u8]]) -> Vec<u8> {
    let mut block = 0u32.to_le_bytes().to_vec();
    block.extend((texts.len() as u32).to_le_bytes());
    for text in texts {
        block.extend((text.len() as u32).to_le_bytes());
        block.extend(*text);
    }
    block
}

fn picture(kind: u32, data: &[u8], stated: u32) -> Vec<u8> {
    let mut block = kind.to_be_bytes().to_vec();
    block.extend([0; 24]); // no MIME type, no description, no sizes
    block.extend(stated.to_be_bytes());
    block.extend(data);
    block
}

/// The tags of a FLAC file with these blocks, whose audio is what it was.
fn flac_tags(blocks: &[(u8, Vec<u8>)]) -> Tags {
    let master = open(flac(blocks));
    assert_eq!(master.id().unwrap(), open(testdata("short-24-96.flac")).id().unwrap());
    master.tags().unwrap()
}

fn wav_with(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let data = [b"data".to_vec(), 800u32.to_le_bytes().to_vec(), vec![1; 800]].concat();
    let format = [b"fmt \x10\0\0\0".to_vec(), write::wav_format(1, 1, 8_000, 16)].concat();
    let mut file = [&b"RIFF\xff\xff\xff\xffWAVE"[..], &format, &data].concat();
    for (kind, body) in chunks {
        file.extend(*kind);
        file.extend((body.len() as u32).to_le_bytes());
        file.extend(body);
        file.extend(&[0][..body.len() % 2]);
    }
    file
}

fn synchsafe(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (size >> shift & 0x7f) as u8)
}

/// A tag of v2.4 with these frames, each with its flags.
fn id3(frames: &[(&[u8; 4], u8, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (id, flags, content) in frames {
        body.extend(*id);
        body.extend(synchsafe(content.len()));
        body.extend([0, *flags]);
        body.extend(content);
    }
    [b"ID3\x04\0\0".to_vec(), synchsafe(body.len()).to_vec(), body].concat()
}

fn notes(tags: &Tags) -> Vec<String> {
    tags.notes().iter().map(Note::to_string).collect()
}

#[test]
fn broken_comments_cost_only_themselves() {
    let good = comments(&[b"TITLE=good", b"ARTIST=too"]);
    let cut = &good[..good.len() - 2];
    for (block, title, noted) in [
        (cut.to_vec(), Some("good"), "they end after 1 of 2"),
        (comments(&[b"TITLE=good", b"no name", b"=none"]), Some("good"), "it has no name"),
        (comments(&[b"TITLE=\xff\xfegood"]), Some("\u{fffd}\u{fffd}good"), "some letters of TITLE"),
        (
            [&good[..4], &u32::MAX.to_le_bytes(), &good[8..]].concat(),
            Some("good"),
            "they end after 2 of 4294967295",
        ),
        (vec![0, 0, 0, 0x7f, 1, 2], None, "they end within the name of their program"),
        (vec![0, 0, 0, 0, 1], None, "they end before their number"),
        (comments(&[b"TITLE=good", b"METADATA_BLOCK_PICTURE=!"]), Some("good"), "it is not base64"),
    ] {
        let tags = flac_tags(&[(4, block)]);
        assert_eq!(tags.get("TITLE").first().map(String::as_str), title);
        assert!(notes(&tags).iter().any(|note| note.contains(noted)), "{noted}: {:?}", notes(&tags));
    }
    assert!(flac_tags(&[(4, comments(&[b"TITLE=", b"ARTIST="]))]).is_empty(), "empty texts are none");
}

#[test]
fn hundreds_of_values_travel_and_too_many_are_bounded() {
    let values: Vec<String> = (0..500).map(|n| format!("PERFORMER=Nº {n} 🎻 (instrument {n})")).collect();
    let bytes: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
    let tags = flac_tags(&[(4, comments(&bytes))]);
    assert_eq!((tags.get("PERFORMER").len(), tags.notes().len()), (500, 0));
    assert_eq!(Overlay::new(&tags, &Id3Options::default()).notes(), []);

    let many: Vec<&[u8]> = vec![b"COMMENT=x"; 10_001];
    let tags = flac_tags(&[(4, comments(&many))]);
    assert_eq!(tags.get("COMMENT").len(), 10_000);
    assert_eq!(notes(&tags), ["texts beyond the first 10000 left out"]);
}

#[test]
fn large_covers_travel_and_enormous_ones_are_left_out() {
    let mut cover = b"\x89PNG\r\n\x1a\n".to_vec();
    cover.resize(10 << 20, 0x55);
    let tags = flac_tags(&[(6, picture(3, &cover, 10 << 20))]);
    let [front] = tags.pictures() else { panic!("{:?}", tags.pictures().len()) };
    assert!(front.kind == PictureKind::FRONT_COVER && front.mime == "image/png" && *front.data == cover);
    let overlay = Overlay::new(&tags, &Id3Options::default());
    assert_eq!(overlay.len(), (10 << 20) + 4096);
    assert!(overlay.bytes().windows(8).any(|at| at == &cover[..8]));
    let mut options = Id3Options::default();
    options.picture_bytes = 1 << 20;
    let overlay = Overlay::new(&tags, &options);
    assert!(
        overlay.is_empty() && overlay.notes()[0].to_string().contains("front cover left out: 10485760 bytes")
    );

    let mut apic = b"\0image/png\0\x03\0".to_vec();
    apic.resize(17 << 20, 0x55);
    let tag = id3(&[(b"APIC", 0, apic), (b"TIT2", 0, b"\x03behind it".to_vec())]);
    let tags = open(wav_with(&[(b"id3 ", tag)])).tags().unwrap();
    assert_eq!(tags.get("TITLE"), ["behind it"]);
    assert!(
        tags.pictures().is_empty() && notes(&tags)[0].starts_with("front cover left out: 178"),
        "{:?}",
        notes(&tags)
    );
}

#[test]
fn pictures_that_lie_are_left_out() {
    for (block, noted) in [
        (picture(3, b"\xff\xd8\xff", 4), "front cover left out: it ends before its stated end"),
        (picture(4, b"", 0), "back cover left out: it is empty"),
        (vec![0; 10], "picture left out: it ends within its description"),
    ] {
        let tags = flac_tags(&[(6, block), (4, comments(&[b"TITLE=good"]))]);
        assert!(tags.pictures().is_empty());
        assert_eq!((notes(&tags), tags.get("TITLE")), (vec![noted.to_owned()], &["good".to_owned()][..]));
    }
}

#[test]
fn broken_frames_cost_only_themselves() {
    let title = || (b"TIT2", 0, b"\x03good".to_vec());
    for (frame, noted) in [
        ((b"TPE1", 0, b"\x09x".to_vec()), "ID3 frame TPE1"),
        ((b"TALB", 0x08, b"zlib".to_vec()), "compressed or encrypted"),
        ((b"SYLT", 0, b"\x03en".to_vec()), "ID3 frame SYLT"),
        ((b"APIC", 0, b"\x01i".to_vec()), "ID3 frame APIC"),
        ((b"TCOM", 0x01, b"\0".to_vec()), "ID3 frame TCOM"),
    ] {
        let tags = open(wav_with(&[(b"id3 ", id3(&[frame, title()]))])).tags().unwrap();
        assert_eq!(tags.get("TITLE"), ["good"]);
        assert!(notes(&tags)[0].contains(noted), "{noted}: {:?}", notes(&tags));
    }
    let mut cut = id3(&[title(), (b"TPE1", 0, vec![3; 100])]);
    cut.truncate(60);
    let tags = open(wav_with(&[(b"id3 ", cut)])).tags().unwrap();
    assert_eq!((tags.get("TITLE"), notes(&tags).len()), (&["good".to_owned()][..], 2));
}

/// Frames of every version that are odd in a way of their own, between two that are not.
#[test]
fn neighbours_of_odd_frames() {
    /// A frame of `version`: its name, what it states of its size, its flags, its content.
    fn put(body: &mut Vec<u8>, version: u8, (id, stated, flags, content): (&[u8], usize, u8, &[u8])) {
        body.extend(id);
        match version {
            2 => body.extend(&(stated as u32).to_be_bytes()[1..]),
            3 => body.extend((stated as u32).to_be_bytes()),
            _ => body.extend(synchsafe(stated)),
        }
        if version > 2 {
            body.extend([0, flags]);
        }
        body.extend(content);
    }
    let read = |version: u8, tag_flags: u8, odd: &[(&[u8], usize, u8, &[u8])]| {
        let mut body = Vec::new();
        let names: [&[u8]; 2] = if version == 2 { [b"TT2", b"TAL"] } else { [b"TIT2", b"TALB"] };
        put(&mut body, version, (names[0], 6, 0, b"\0Title"));
        for frame in odd {
            put(&mut body, version, *frame);
        }
        put(&mut body, version, (names[1], 6, 0, b"\0Album"));
        let tag = [&b"ID3"[..], &[version, 0, tag_flags], &synchsafe(body.len()), &body].concat();
        let tags = open(wav_with(&[(b"id3 ", tag)])).tags().unwrap();
        assert_eq!(
            ["TITLE", "ALBUM"].map(|name| tags.get(name).concat()),
            ["Title", "Album"],
            "{odd:?}: {tags:?}"
        );
        tags
    };
    // What is lost, with a note.
    for (version, frame, noted) in [
        (2, (&b"TP1"[..], 1 << 20, 0, &b"\0Who"[..]), "longer than the tag"),
        (2, (b"TP1", 0, 0, b""), "too short"),
        (2, (b"T\0\x01", 3, 0, b"\0ab"), "no such frame"),
        (3, (b"TPE1", 4, 0x80, b"zlib"), "compressed or encrypted"),
        (3, (b"TPE1", 5, 0x40, b"\x01\0Who"), "compressed or encrypted"),
        (3, (b"TPE1", 0, 0, b""), "too short"),
        (3, (b"TPE1", 4, 0, b"\x07Who"), "no known encoding"),
        (4, (b"TPE1", 4, 0x04, b"\x01Who"), "compressed or encrypted"),
        (4, (b"TPE1", 0x0fff_ffff, 0, b"\0Who"), "longer than the tag"),
        (4, (b"TPE1", 3, 0x01, b"\0\0\0"), "too short"),
    ] {
        let tags = read(version, 0, &[frame]);
        assert!(
            tags.get("ARTIST").is_empty() && notes(&tags)[0].contains(noted),
            "{frame:?}: {:?}",
            notes(&tags)
        );
        assert_eq!(tags.notes().len(), 1, "{frame:?}: {:?}", notes(&tags));
    }
    // What is read all the same.
    for (version, tag_flags, frame, want) in [
        (2, 0, (&b"TP1"[..], 4, 0, &b"\0Who"[..]), "Who"),
        (2, 0x80, (b"TP1", 5, 0, b"\x01\xff\0\xfeW\0"), "W"),
        (3, 0, (b"TPE1", 7, 0, b"\x01W\0h\0o\0"), "Who"),
        (3, 0, (b"TPE1", 9, 0, b"\x01\xfe\xff\0W\0h\0o"), "Who"),
        (3, 0, (b"TPE1", 8, 0, b"\x01\xff\xfeW\0h\0o"), "Wh"),
        (3, 0x80, (b"TPE1", 9, 0, b"\x01\xff\0\xfeW\0h\0o\0"), "Who"),
        (3, 0, (b"TPE1", 5, 0x20, b"\x01\0Who"), "Who"),
        (4, 0, (b"TPE1", 7, 0, b"\x02\0W\0h\0o"), "Who"),
        (4, 0, (b"TPE1", 8, 0x03, b"\0\0\0\x04\0Who"), "Who"),
        (4, 0, (b"TPE1", 5, 0x40, b"\x01\0Who"), "Who"),
        (4, 0x80, (b"TPE1", 4, 0x02, b"\0Who"), "Who"),
        (4, 0, (b"TPE1", 1, 0, b"\0"), ""),
        (4, 0, (b"TPE1", 4, 0, b"\x03\0\0\0"), ""),
    ] {
        let tags = read(version, tag_flags, &[frame]);
        assert_eq!((&*tags.get("ARTIST").concat(), notes(&tags)), (want, vec![]), "{version}: {frame:?}");
    }
    // The date of v2.3 in parts, some of which may be missing, too short, or no numbers.
    for (year, day, time, want) in [
        ("2019", "0305", "1230", "2019-05-03T12:30"),
        ("2019", "0305", "", "2019-05-03"),
        ("2019", "", "1230", "2019"),
        ("2019", "05", "1230", "2019"),
        ("2019", "3105", "12", "2019-05-31"),
        ("2019-05-03", "0305", "1230", "2019-05-03"),
        ("", "0305", "1230", ""),
        ("2019", "abcd", "1230", "2019"),
        ("2019", "9999", "1230", "2019"),
        ("2019", "0305", "9999", "2019-05-03"),
        ("2019", "0000", "0000", "2019"),
    ] {
        let texts = [year, day, time].map(|text| format!("\0{text}"));
        let frames: Vec<(&[u8], usize, u8, &[u8])> = [&b"TYER"[..], b"TDAT", b"TIME"]
            .into_iter()
            .zip(&texts)
            .map(|(id, text)| (id, text.len(), 0, text.as_bytes()))
            .collect();
        assert_eq!(read(3, 0, &frames).get("DATE").concat(), want, "{year} {day} {time}");
    }
}

/// What is of no use in millions is not kept in millions.
#[test]
fn frames_of_nothing_are_bounded() {
    let nothing = |start: &[u8]| [start, &vec![0; 8 << 20]].concat();
    let frames = [
        (b"TPE1", 0, nothing(b"\x03a")),
        (b"TMCL", 0, nothing(b"\x03")),
        (b"SYLT", 0, nothing(b"\x03eng\x02\x01\0")),
        (b"TIT2", 0, b"\x03good".to_vec()),
    ];
    let tags = open(wav_with(&[(b"id3 ", id3(&frames))])).tags().unwrap();
    assert_eq!((tags.get("TITLE").len(), tags.get("ARTIST").len(), tags.get("PERFORMER").len()), (1, 1, 0));
    assert_eq!(tags.synced_lyrics()[0].lines.len(), 20_000);
    let lrc = [b"LYRICS=".to_vec(), b"[0:0]".repeat(1 << 20)].concat();
    assert!(flac_tags(&[(4, comments(&[&lrc]))]).synced_lyrics().is_empty());
}

#[test]
fn empty_tags_make_no_overlay() {
    let empty = [flac(&[(4, comments(&[]))]), wav_with(&[(b"id3 ", id3(&[])), (b"LIST", b"INFO".to_vec())])];
    for file in empty {
        let tags = open(file).tags().unwrap();
        assert!(tags.is_empty() && tags.notes().is_empty());
        assert!(Overlay::new(&tags, &Id3Options::default()).is_empty());
    }
    assert!(open(testdata("short-5.1.wav")).tags().unwrap().is_empty());
}

/// Masters with every kind of tag.
static TAGGED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let frames = id3(&[
        (b"TIT2", 0, b"\x01\xff\xfea\0\0\0b\0".to_vec()),
        (b"TCON", 2, b"\0(17)(RX)x".to_vec()),
        (b"COMM", 0, b"\x03engd\0text".to_vec()),
        (b"SYLT", 0, b"\x03eng\x02\x01\0la\0\0\0\x01\0".to_vec()),
        (b"APIC", 0, b"\x03image/png\0\x03d\0data".to_vec()),
        (b"TMCL", 0, b"\x03viola\0Jane\0".to_vec()),
        (b"UFID", 0, b"http://musicbrainz.org\0id".to_vec()),
        (b"WXXX", 0, b"\x03d\0http://x".to_vec()),
    ]);
    let info = b"INFOINAM\x04\0\0\0abc\0IART\x02\0\0\0x\0".to_vec();
    let wav = wav_with(&[(b"id3 ", frames.clone()), (b"LIST", info), (b"bext", vec![b'x'; 400])]);
    let flac = flac(&[
        (4, comments(&[b"TITLE=a", b"LYRICS=[00:01.00]la", b"TRACKNUMBER=1/2"])),
        (6, picture(3, b"\x89PNG", 4)),
    ]);
    let mut all = vec![[frames, flac].concat(), wav];
    all.extend(["short.oga", "short.m4a", "short.caf", "short.aiff"].map(testdata));
    all
});

#[test]
fn testdata_has_its_title_in_every_format() {
    for name in ["short.oga", "short.m4a", "short.caf", "short.aiff", "short-24-96.flac"] {
        let tags = open(testdata(name)).tags().unwrap();
        assert_eq!(
            (tags.get("TITLE"), notes(&tags)),
            (&["Strings, the beginning".to_owned()][..], vec![]),
            "{name}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(600)))]

    /// Whatever is in a tag, it is read without error or panic, in bounds, and can be written.
    #[test]
    fn no_damage_keeps_a_master_from_being_pressed(
        which in 0usize..6,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in prop::option::of(0usize..400),
    ) {
        let mut file = TAGGED[which].clone();
        for (at, byte) in damage {
            // Tags are near the ends.
            let near = file.len().min(3_000);
            let at = at.index(2 * near);
            let at = if at < near { at } else { file.len() - 1 - (at - near) };
            file[at] = byte;
        }
        file.truncate(file.len() - cut.unwrap_or(0));
        if let Ok(master) = Master::from_source("damaged", Arc::new(Bytes(file))) {
            let tags = master.tags().unwrap();
            let overlay = Overlay::new(&tags, &Id3Options::default());
            prop_assert!(overlay.len().is_multiple_of(4096) && tags.notes().len() <= 20);
        }
    }
}

/// A tag of v2.3 with these frames: names, what they state of their size, contents.
fn id3v23(frames: &[(&[u8], Option<u32>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (id, size, content) in frames {
        body.extend(*id);
        body.extend(size.unwrap_or(content.len() as u32).to_be_bytes());
        body.extend([0, 0]);
        body.extend(*content);
    }
    [b"ID3\x03\0\0".to_vec(), synchsafe(body.len()).to_vec(), body].concat()
}

#[test]
fn an_odd_frame_loses_itself_only() {
    let tags_of = |odd: (&[u8], Option<u32>, &[u8])| {
        let tag = id3v23(&[
            (b"TIT2", None, b"\0Title"),
            odd,
            (b"TALB", None, b"\0Album"),
            (b"TPE1", None, b"\0Who"),
        ]);
        open(wav_with(&[(b"id3 ", tag)])).tags().unwrap()
    };
    for odd in [
        (&b"TSA "[..], None, &b"\0Sorted"[..]),
        (b"TT2\0", None, b"\0Older"),
        (b"tit2", None, b"\0Lower"),
        (b"\xa9nam", None, b"\0Other"),
        (b"TSA ", Some(2), b"\0Sorted, and longer than it says"),
        (b"TCOM", Some(u32::MAX), b"\0Composer"),
        (b"TCOM", Some(0x0080_0000), b"\0Composer"),
        (b"TCOM", Some(1 << 20), b"\0TABC"),
    ] {
        let tags = tags_of(odd);
        let got = ["TITLE", "ALBUM", "ARTIST"].map(|name| tags.get(name).concat());
        assert_eq!(got, ["Title", "Album", "Who"], "{:?}: {tags:?}", odd.0.escape_ascii().to_string());
        assert_eq!(tags.texts().count(), 3, "{tags:?}");
        let notes = notes(&tags);
        assert!(notes.len() == 1 && notes[0].starts_with("ID3 frame '"), "{notes:?}");
    }
    // Sizes as in v2.4, which v2.3 did not have.
    let long = [b"\0".to_vec(), vec![b'x'; 299]].concat();
    let tags = tags_of((b"TCOM", Some(0x22c), &long));
    assert_eq!((tags.get("COMPOSER")[0].len(), tags.texts().count()), (299, 4));
    // Noise behind a frame is no frame.
    let noise: Vec<u8> = (0..5_000_u32).map(|n| ((n * n) >> 4) as u8 | 1).collect();
    assert_eq!(tags_of((b"????", Some(7), &noise)).get("ARTIST"), ["Who"]);
}

#[test]
fn reported_a_frame_of_itunes_that_is_odd() {
    let master = open(testdata("reports/T1_itunes_sort_ids_space.aiff"));
    let tags = master.tags().unwrap();
    for name in ["TITLE", "ALBUM", "ARTIST"] {
        assert_eq!(tags.get(name).len(), 1, "{name}: {tags:?}");
    }
    assert_eq!(notes(&tags), ["ID3 frame 'TSA ' left out: there is no such frame"]);
}

#[test]
fn reported_works_and_movements_of_itunes() {
    let tags = open(testdata("reports/T3_grp1_mvnm_mvin.aiff")).tags().unwrap();
    for name in ["GROUPING", "MOVEMENTNAME", "MOVEMENT", "MOVEMENTTOTAL"] {
        assert_eq!(tags.get(name).len(), 1, "{name}: {tags:?}");
    }
    assert!(tags.notes().is_empty());
    // With both, the older one is the work.
    let tag =
        id3v23(&[(b"TIT1", None, b"\0A work"), (b"GRP1", None, b"\0A group"), (b"MVIN", None, b"\x002/4")]);
    let tags = open(wav_with(&[(b"id3 ", tag)])).tags().unwrap();
    let got = ["WORK", "GROUPING", "MOVEMENT", "MOVEMENTTOTAL"].map(|name| tags.get(name).concat());
    assert_eq!(got, ["A work", "A group", "2", "4"]);
    // And as they are written.
    for options in [Id3Options::default(), v23()] {
        let overlay = Overlay::new(&tags, &options);
        let written = overlay_tags(&overlay);
        let got = ["WORK", "GROUPING", "MOVEMENT", "MOVEMENTTOTAL"].map(|name| written.get(name).concat());
        assert_eq!(got, ["A work", "A group", "2", "4"]);
    }
}

fn v23() -> Id3Options {
    let mut options = Id3Options::default();
    options.version = tonepress::tags::id3::Version::V23;
    options
}

/// What stands in front of a rendition, as it is read back.
fn overlay_tags(overlay: &Overlay) -> Tags {
    open(wav_with(&[(b"id3 ", overlay.bytes().to_vec())])).tags().unwrap()
}

#[test]
fn values_take_the_form_that_their_frames_ask_for() {
    let mut tags = Tags::default();
    tags.set("DATE", ["20190503"]);
    tags.set("ORIGINALDATE", ["1969/07/20"]);
    tags.set("RELEASEDATE", ["2019-05-03 12:30:00"]);
    tags.set("COMPILATION", ["true"]);
    tags.set("BPM", ["128.5"]);
    let overlay = Overlay::new(&tags, &Id3Options::default());
    let written = overlay_tags(&overlay);
    for (name, want) in [
        ("DATE", "2019-05-03"),
        ("ORIGINALDATE", "1969-07-20"),
        ("RELEASEDATE", "2019-05-03T12:30:00"),
        ("COMPILATION", "1"),
        ("BPM", "128"),
    ] {
        assert_eq!(written.get(name), [want], "{name}");
    }
    assert!(overlay.notes().is_empty());
    let written = overlay_tags(&Overlay::new(&tags, &v23()));
    assert_eq!(written.get("DATE"), ["2019-05-03"]);
    assert_eq!(written.get("ORIGINALDATE"), ["1969"]);
    // What has no such form is kept as it is, elsewhere.
    tags.set("DATE", ["May 2019", "2019"]);
    tags.set("BPM", ["fast"]);
    for options in [Id3Options::default(), v23()] {
        let overlay = Overlay::new(&tags, &options);
        let mut dates = overlay_tags(&overlay).get("DATE").to_vec();
        dates.sort();
        // Beside a date of its own the year of v2.3 is not read back.
        assert_eq!(dates[dates.len() - 1], "May 2019");
        assert_eq!(dates.len(), if options.version == Id3Options::default().version { 2 } else { 1 });
        assert_eq!(overlay_tags(&overlay).get("BPM"), ["fast"]);
        let notes: Vec<_> = overlay.notes().iter().map(Note::to_string).collect();
        assert_eq!(
            notes,
            ["DATE put into TXXX: 'May 2019' is no date of ID3", "BPM put into TXXX: 'fast' is no number"]
        );
    }
}

#[test]
fn old_covers_in_comments_are_pictures() {
    let jpeg = [&[0xff, 0xd8, 0xff, 0xe0][..], &[7; 100]].concat();
    let base64 = base64(&jpeg);
    let cover = format!("COVERART={base64}");
    let texts: [&[u8]; 4] =
        [b"coverartmime=image/jpeg", cover.as_bytes(), b"TITLE=x", b"COVERARTDESCRIPTION=it"];
    let tags = flac_tags(&[(4, comments(&texts))]);
    assert_eq!(tags.texts().count(), 1, "{tags:?}");
    let [picture] = tags.pictures() else { panic!("{tags:?}") };
    assert_eq!(
        (picture.kind, &*picture.mime, &*picture.description),
        (PictureKind::FRONT_COVER, "image/jpeg", "it")
    );
    assert_eq!(*picture.data, *jpeg);
    // The same in both forms is one.
    let tags = flac_tags(&[(6, picture_block(&jpeg)), (4, comments(&texts))]);
    assert_eq!(tags.pictures().len(), 1);
    let tags = flac_tags(&[(4, comments(&[b"COVERART=!!"]))]);
    assert!(tags.pictures().is_empty() && notes(&tags)[0].contains("base64"));
    // Without a word of what it is, its own first bytes say it; two of them, with one word for both.
    let png = [&b"\x89PNG\r\n\x1a\n"[..], &[7; 50]].concat();
    let other = format!("COVERART={}", self::base64(&png));
    let tags = flac_tags(&[(4, comments(&[cover.as_bytes(), other.as_bytes(), b"COVERARTTYPE=4"]))]);
    let found: Vec<_> = tags.pictures().iter().map(|picture| (picture.kind, &*picture.mime)).collect();
    assert_eq!(found, [(PictureKind(4), "image/jpeg"), (PictureKind::FRONT_COVER, "image/png")]);
    assert!(flac_tags(&[(4, comments(&[b"COVERARTMIME=image/png", b"COVERARTTYPE=x"]))]).is_empty());
    // In the new form, damaged: cut anywhere within what describes it, or within the picture.
    let block = picture_block(&jpeg);
    for cut in [0, 3, 4, 12, 31, 32, 60, block.len() - 1] {
        let text = format!("METADATA_BLOCK_PICTURE={}", self::base64(&block[..cut]));
        let tags = flac_tags(&[(4, comments(&[text.as_bytes(), b"TITLE=x"]))]);
        assert_eq!(
            (tags.pictures().len(), tags.get("TITLE").len(), tags.notes().len()),
            (0, 1, 1),
            "{cut}: {tags:?}"
        );
    }
}

fn picture_block(data: &[u8]) -> Vec<u8> {
    picture(3, data, data.len() as u32)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word =
            three.iter().fold(0_u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = char::from(LETTERS[(word >> (18 - 6 * at) & 63) as usize]);
            text.push(if at <= three.len() { letter } else { '=' });
        }
    }
    text
}

#[test]
fn chunks_of_wave64_are_padded_from_where_the_file_begins_behind_a_tag() {
    let chunk = |name: &[u8; 4], riff: bool, content: &[u8]| {
        let rest: &[u8] = if riff {
            b"\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"
        } else {
            b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a"
        };
        let size = (24 + content.len() as u64).to_le_bytes();
        let mut chunk = [&name[..], rest, &size, content].concat();
        chunk.resize(chunk.len().next_multiple_of(8), 0);
        chunk
    };
    let wave = [&b"wave"[..], b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a"].concat();
    let chunks = [
        wave,
        chunk(b"fmt ", false, &write::wav_format(1, 1, 44_100, 16)),
        chunk(b"list", false, b"INFOINAM\x02\0\0\0a\0"),
        chunk(b"data", false, &[0; 202]),
    ];
    let file = chunk(b"riff", true, &chunks.concat());
    for odd in 0..9 {
        // ID3v2.4 of nothing but padding, which the file stands behind.
        let id3 =
            [&[b'I', b'D', b'3', 4, 0, 0, 0, 0, 0, 10 + odd][..], &vec![0; 10 + usize::from(odd)]].concat();
        let master = open([id3, file.clone()].concat());
        assert_eq!(master.info().samples.0, 101, "{odd}");
        assert_eq!(master.tags().unwrap().get("TITLE"), ["a"], "{odd}");
    }
}
