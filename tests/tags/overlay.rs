//! A tag in front of a rendition: any range of both, and nothing pressed or copied for it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;

use proptest::prelude::*;
use tonepress::read_at::Cursor;
use tonepress::store::{self, Fallback, Filter};
use tonepress::tags::id3::Id3Options;
use tonepress::tags::{Gain, LinkKind, Picture, PictureKind, Tags};
use tonepress::{Overlay, ReadAt, Result, Size, Store, WithOverlay};

use crate::common::cases;
use crate::common::renditions::Rendition;

/// Bytes that come a few at a time.
struct Slow(Vec<u8>, usize);

impl ReadAt for Slow {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buf.len()).min(self.1);
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn size(&self) -> Size {
        Size::Exact(self.0.len() as u64)
    }
}

fn overlay(title: &str) -> Overlay {
    let mut tags = Tags::default();
    tags.set("TITLE", [title]);
    Overlay::new(&tags, &Id3Options::default())
}

fn stored() -> (tempfile::TempDir, Store, store::Object) {
    let root = tempfile::tempdir().unwrap();
    let store = store::Options::new(root.path()).spill(root.path()).open().unwrap();
    let (object, _) = Rendition::small(1).obtain(&store, Fallback::Refuse).unwrap();
    (root, store, object)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(300)))]

    /// Reads of any length from anywhere give what the two files behind each other would.
    #[test]
    fn ranges_across_the_seam_are_exact(
        title in prop::option::of("[ -~]{1,9000}"),
        audio in prop::collection::vec(any::<u8>(), 0..6_000),
        step in 1usize..5_000,
        reads in prop::collection::vec((0u64..20_000, 0usize..9_000), 1..20),
    ) {
        let overlay = title.map_or_else(Overlay::default, |title| overlay(&title));
        let whole = [overlay.bytes(), &audio].concat();
        let tagged = WithOverlay::new(Slow(audio, step), overlay);
        prop_assert_eq!(tagged.size(), Size::Exact(whole.len() as u64));
        for (offset, len) in reads {
            let mut buf = vec![0; len];
            let mut filled = 0;
            loop {
                let read = tagged.read_at(&mut buf[filled..], offset + filled as u64).unwrap();
                filled += read;
                if read == 0 {
                    break;
                }
            }
            let there = whole.get(offset as usize..).unwrap_or_default();
            prop_assert_eq!(&buf[..filled], &there[..there.len().min(len)]);
        }
        let mut all = Vec::new();
        Cursor::new(&tagged).read_to_end(&mut all).unwrap();
        prop_assert_eq!(all, whole);
    }
}

#[test]
fn the_mapped_audio_is_handed_out_not_copied() {
    let (_root, _store, object) = stored();
    let tagged = object.with_overlay(overlay("a title"));
    let (seam, end) = (4_096, 4_096 + object.len());
    assert_eq!(tagged.size(), Size::Exact(end));
    for range in [0..end, 0..seam, seam..end, seam - 1..seam + 1, 10..20, end - 5..end, seam..seam, end..end]
    {
        let (front, behind) = tagged.slices(range.clone()).unwrap();
        let mut read = vec![0; (range.end - range.start) as usize];
        let mut cursor = Cursor::new(&tagged);
        std::io::Seek::seek(&mut cursor, std::io::SeekFrom::Start(range.start)).unwrap();
        cursor.read_exact(&mut read).unwrap();
        assert_eq!([front, behind].concat(), read);
        if let Some(from) = range.start.checked_sub(seam).filter(|_| !behind.is_empty()) {
            assert!(std::ptr::eq(behind.as_ptr(), &raw const object.as_ref()[from as usize]));
        }
    }
    assert!(tagged.slices(0..end + 1).is_none() && tagged.slices(end + 1..end + 1).is_none());
}

#[test]
fn a_copy_has_both_and_the_store_keeps_the_audio_alone() {
    let (root, store, object) = stored();
    for overlay in [overlay("in front"), Overlay::default()] {
        let out = root.path().join("out.mp3");
        let tagged = object.with_overlay(overlay.clone());
        tagged.copy_to(&File::create(&out).unwrap(), "out.mp3").unwrap();
        assert!(fs::read(&out).unwrap() == [overlay.bytes(), object.as_ref()].concat());
    }
    // Also of one that is not in the store any more.
    store.remove(&[object.key().unwrap()]).unwrap();
    let out = root.path().join("late.mp3");
    object.with_overlay(overlay("late")).copy_to(&File::create(&out).unwrap(), "late.mp3").unwrap();
    assert_eq!(fs::metadata(&out).unwrap().len(), 4_096 + object.len());
}

#[test]
fn a_thousand_purchases_are_one_rendition() {
    let (_root, store, object) = stored();
    let mut tags = Tags::default();
    tags.set("TITLE", ["Für Elise"]);
    tags.add_picture(
        Picture::new(PictureKind::FRONT_COVER, [b"\xff\xd8\xff".to_vec(), vec![7; 50_000]].concat()).unwrap(),
    );
    tags.set_gain(Some(Gain { db: -6.5, peak: 0.9 }), None);
    tags.set_link(LinkKind::AudioFile, "https://shop.example/1");
    let stamp = |number: u32| {
        let mut tags = tags.clone();
        tags.set("ORDERNUMBER", [format!("2026-{number}")]);
        Overlay::new(&tags, &Id3Options::default())
    };
    let rendition = Rendition::small(1);
    let mut etags = HashSet::new();
    for number in 0..1_000 {
        let (again, pressed) = rendition.obtain(&store, Fallback::Refuse).unwrap();
        assert!(!pressed);
        let overlay = stamp(number);
        assert!(etags.insert(overlay.etag(&again.key().unwrap())));
        let tagged = again.with_overlay(overlay);
        let (_, audio) = tagged.slices(0..tagged.overlay().len() + again.len()).unwrap();
        assert!(std::ptr::eq(audio.as_ptr(), object.as_ref().as_ptr()), "one map for all");
    }
    assert_eq!(store.list(&Filter::default()).unwrap().len(), 1);
    // The same purchase is the same bytes, and the key alone says what is without a tag.
    assert!(etags.contains(&stamp(7).etag(&object.key().unwrap())));
    assert_eq!(Overlay::default().etag(&object.key().unwrap()), format!("\"{}\"", object.key().unwrap()));
}
