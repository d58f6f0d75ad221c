//! What is answered of renditions that are not there yet.

use std::future::poll_fn;
use std::pin::Pin;

use ::http::{HeaderMap, Method, StatusCode};
use http_body::Body as _;
use tonepress::http::{Representation, answer};
use tonepress::master::Master;
use tonepress::store::{Key, Recipe};
use tonepress::tags::Tags;
use tonepress::tags::id3::Id3Options;
use tonepress::{Engine, Error, Overlay, Profile, ReadAt, Size, WithOverlay};

use crate::common::renditions::keep;
use crate::{GET, bytes, engine, header, headers, long, profile, strings, wait};

fn overlay() -> Overlay {
    let mut tags = Tags::default();
    tags.set("TITLE", ["Für Elise"]);
    Overlay::new(&tags, &Id3Options::default())
}

fn key(engine: &Engine, master: &Master, profile: &Profile) -> Key {
    let plan = engine.plan(master, profile).unwrap();
    Recipe::new(master.id().unwrap(), *plan.resolved()).unwrap().key()
}

#[test]
fn any_range_of_what_was_never_pressed_is_that_of_the_whole() {
    let (master, profile, overlay) = (long(), profile("64"), overlay());
    let whole = engine(2).request(&master, &profile).unwrap().wait().unwrap().with_overlay(overlay.clone());
    let size = whole.size().likely();
    let mut expected = vec![0; size as usize];
    let tag = overlay.len() as usize;
    expected[..tag].copy_from_slice(overlay.bytes());
    whole.inner().read_at(&mut expected[tag..], 0).unwrap();

    let engine = engine(1);
    let what = Representation::rendition(
        &key(&engine, &master, &profile),
        engine.plan(&master, &profile).unwrap().size(),
        &overlay,
    );
    assert_eq!(what.size(), Size::Exact(size));
    for (asked, parts) in [
        (format!("bytes={}-{}", size / 2, size / 2 + 999), 1),
        (format!("bytes={}-{}", tag - 5, tag + 4), 1),
        ("bytes=0-99".to_owned(), 1),
        (format!("bytes=-7,0-0,{}-{}", tag - 1, tag), 3),
    ] {
        wait(async {
            let open = || Ok(WithOverlay::new(engine.request(&master, &profile)?, overlay.clone()));
            let mut response =
                answer(&GET, &headers(&[("range", asked.clone())]), &what, open).await.unwrap();
            assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
            let length: usize = header(&response, "content-length").unwrap().parse().unwrap();
            let body = bytes(response.body_mut()).await.unwrap();
            assert_eq!(body.len(), length, "{asked}");
            if parts == 1 {
                let said = header(&response, "content-range").unwrap();
                let (first, rest) = said.strip_prefix("bytes ").unwrap().split_once('-').unwrap();
                let (last, of) = rest.split_once('/').unwrap();
                let [first, last, of] = [first, last, of].map(|number| number.parse::<usize>().unwrap());
                assert!(body == expected[first..=last] && of == expected.len(), "{asked}");
            } else {
                let kind = header(&response, "content-type").unwrap();
                let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
                assert_eq!(
                    body.windows(boundary.len()).filter(|part| *part == boundary.as_bytes()).count(),
                    parts + 1
                );
            }
        });
    }
}

#[test]
fn nothing_is_opened_for_who_has_it_or_only_asks() {
    let (engine, master, profile) = (engine(1), strings(), profile("128"));
    let what = Representation::rendition(
        &key(&engine, &master, &profile),
        engine.plan(&master, &profile).unwrap().size(),
        &Overlay::default(),
    );
    let ask = |method: Method, pairs: &[(&str, String)]| {
        let asked = headers(pairs);
        let open = || -> tonepress::Result<tonepress::engine::Rendition> { panic!("opened") };
        wait(answer(&method, &asked, &what, open)).unwrap()
    };
    let head = ask(Method::HEAD, &[]);
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, Some("384940")));
    let etag = header(&head, "etag").unwrap().to_owned();
    assert_eq!(ask(GET, &[("if-none-match", etag.clone())]).status(), 304);
    assert_eq!(ask(Method::HEAD, &[("if-match", "\"x\"".to_owned())]).status(), 412);
    let post = ask(Method::POST, &[]);
    assert_eq!((post.status().as_u16(), header(&post, "allow")), (405, Some("GET, HEAD")));

    // These depend on what is opened.
    let ask = |name, value: &str| {
        let asked = headers(&[(name, value.to_owned())]);
        wait(answer(&GET, &asked, &what, || engine.request(&master, &profile))).unwrap()
    };
    let other = ask("if-match", "\"x\"");
    assert_eq!((other.status().as_u16(), header(&other, "etag")), (412, Some(&*etag)));
    let behind = ask("range", "bytes=384940-");
    assert_eq!((behind.status().as_u16(), header(&behind, "content-range")), (416, Some("bytes */384940")));
}

#[test]
fn variable_bitrates_have_a_length_when_they_are_pressed() {
    let (engine, master, profile) = (engine(2), strings(), profile("v5"));
    let plan = engine.plan(&master, &profile).unwrap();
    let what = Representation::rendition(&key(&engine, &master, &profile), plan.size(), &Overlay::default());
    let open = || engine.request(&master, &profile);
    let head = wait(answer(&Method::HEAD, &HeaderMap::new(), &what, open)).unwrap();
    assert_eq!(header(&head, "content-length"), None);
    assert_eq!(head.body().size_hint().exact(), None);
    assert_eq!(engine.stats().misses, 0);
    let range = headers(&[("range", "bytes=-100".to_owned())]);
    let mut response = wait(answer(&GET, &range, &what, open)).unwrap();
    let object = engine.request(&master, &profile).unwrap().wait().unwrap();
    let body = wait(bytes(response.body_mut())).unwrap();
    assert!(object.as_ref().ends_with(&body) && body.len() == 100);
    let said = header(&response, "content-range").unwrap();
    assert!(said.ends_with(&format!("/{}", object.len())), "{said}");
}

#[test]
fn what_is_finished_leaves_as_the_memory_map_itself() {
    let (master, overlay) = (strings(), overlay());
    let object = engine(1).request(&master, &profile("64")).unwrap().wait().unwrap();
    let what = Representation::new(
        "\"a\"",
        "audio/mpeg".parse().unwrap(),
        Size::Exact(overlay.len() + object.len()),
    );
    let open = || Ok(object.with_overlay(overlay.clone()));
    let mut response = wait(answer(&GET, &HeaderMap::new(), &what.unwrap(), open)).unwrap();
    let mut next = || {
        let frame = wait(poll_fn(|context| Pin::new(response.body_mut()).poll_frame(context)));
        frame.map(|frame| frame.unwrap().into_data().unwrap())
    };
    let (tag, audio) = (next().unwrap(), next().unwrap());
    assert_eq!(tag.as_ptr(), overlay.bytes().as_ptr());
    assert_eq!((audio.as_ptr(), audio.len()), (object.as_ref().as_ptr(), object.as_ref().len()));
    assert!(next().is_none());
}

#[test]
fn what_cannot_be_pressed_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.flac");
    let mut bytes = std::fs::read("testdata/strings.flac").unwrap();
    let tenth = bytes.len() / 10;
    bytes[4 * tenth..6 * tenth].fill(0x55);
    std::fs::write(&path, bytes).unwrap();
    let (engine, master) = (engine(1), Master::open(&path).unwrap());
    let plan = engine.plan(&master, &profile("128")).unwrap();
    let what = Representation::new("\"a\"", "audio/mpeg".parse().unwrap(), plan.size()).unwrap();
    let range = headers(&[("range", "bytes=200000-".to_owned())]);
    let error = wait(answer(&GET, &range, &what, || engine.request(&master, &profile("128")))).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn what_an_older_build_has_pressed_is_answered_for_what_it_is() {
    use tonepress::rendition::fingerprint::Fingerprint;
    use tonepress::store::Options;

    let (older, folder) = (Fingerprint::from_bytes([7; 32]), tempfile::tempdir().unwrap());
    let store = Options::new(folder.path()).accept([older]).open().unwrap();
    let engine = Engine::builder().store(store.clone()).build().unwrap();
    let (master, profile, overlay) = (strings(), profile("128"), overlay());
    let id = store.masters().identify(&master).unwrap();
    let plan = engine.plan(&master, &profile).unwrap();
    let recipe = Recipe::new(id, *plan.resolved()).unwrap();
    let aged = Recipe { fingerprint: older, ..recipe };
    // Of another size, as the format of another build may have it.
    let large = engine.plan(&master, &"160".parse().unwrap()).unwrap();
    let pressed = engine.request(&master, large.profile()).unwrap().wait().unwrap();
    keep(&store, &aged, &large, pressed.as_ref());

    let what = Representation::rendition(&recipe.key(), plan.size(), &overlay);
    let open = || Ok(WithOverlay::new(engine.request(&master, &profile)?, overlay.clone()));
    let mut response = wait(answer(&GET, &HeaderMap::new(), &what, open)).unwrap();
    let etag = overlay.etag(&aged.key());
    assert_eq!(header(&response, "etag"), Some(&*etag));
    let size = overlay.len() + pressed.len();
    assert_eq!(header(&response, "content-length"), Some(&*size.to_string()));
    let body = wait(bytes(response.body_mut())).unwrap();
    assert!(body == [overlay.bytes(), pressed.as_ref()].concat());
    // Whoever has it hears so, and ranges are of it.
    let again = wait(answer(&GET, &headers(&[("if-none-match", etag.clone())]), &what, open)).unwrap();
    assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, Some(&*etag)));
    let asked = headers(&[("range", "bytes=-10".to_owned()), ("if-range", etag)]);
    let part = wait(answer(&GET, &asked, &what, open)).unwrap();
    let range = format!("bytes {}-{}/{size}", size - 10, size - 1);
    assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, Some(&*range)));
    // Nor is any other answer about what this build would have pressed.
    let ask = |name, value: String| wait(answer(&GET, &headers(&[(name, value)]), &what, open)).unwrap();
    let this = overlay.etag(&recipe.key());
    assert_eq!(ask("if-match", overlay.etag(&aged.key())).status(), StatusCode::OK);
    assert_eq!(ask("if-match", this.clone()).status(), StatusCode::PRECONDITION_FAILED);
    let own = overlay.len() + plan.size().likely();
    let part = ask("range", format!("bytes={own}-"));
    let range = format!("bytes {own}-{}/{size}", size - 1);
    assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, Some(&*range)));
    let behind = ask("range", format!("bytes={size}-"));
    let range = format!("bytes */{size}");
    assert_eq!((behind.status().as_u16(), header(&behind, "content-range")), (416, Some(&*range)));
    // Only HEAD is, which opens nothing.
    let head = wait(answer(&Method::HEAD, &HeaderMap::new(), &what, open)).unwrap();
    assert_eq!(header(&head, "etag"), Some(&*this));
    assert_eq!(header(&head, "content-length"), Some(&*own.to_string()));
}
