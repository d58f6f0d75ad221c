//! What people see, at a desk and on a phone.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::chromium::{Browser, PATIENCE};
use crate::common::{run, tool};
use crate::server::{LONG, Server, long_master, strings};

/// The audio element that is heard.
const HEARD: &str = "const heard = [...document.querySelectorAll('audio')].find(a => a.src && !a.muted && a.currentTime > 0); ";
const ESCAPE: char = '\u{e00c}';
const LEFT: char = '\u{e012}';
const DOWN: char = '\u{e015}';
const TAB: char = '\u{e004}';

/// Two albums: one of three tracks with words and notes, one of a single track.
fn shop() -> Option<Server> {
    Server::start_on(&[], |masters| {
        let folder = masters.join("Night Drive");
        fs::create_dir(&folder).unwrap();
        fs::copy(long_master(), folder.join("abc.wav")).unwrap();
        fs::write(
            folder.join("abc.lrc"),
            "[00:00.00]The first line is sung at once\n[00:02.00]and this one after it\n[00:04.00]then the third\n\
             [00:06.00]\n[00:08.00]and when it is late\n[00:12.00]somebody sings the last\n[02:00.00]of all",
        )
        .unwrap();
        fs::write(
            folder.join("notes.toml"),
            "story = '''Recorded in one night.\n\nNobody slept.'''\n[[links]]\ntitle = 'The band'\nurl = 'https://band.example/'\n\
             [[dates]]\nday = '2027-03-14'\nplace = 'Lisbon, Hall'\nurl = 'https://hall.example/'\n\
             [[dates]]\nday = '2027-03-20'\nplace = 'Porto, Cellar'\n",
        )
        .unwrap();
        fs::copy(strings(), masters.join("strings.flac")).unwrap();
        damaged(&folder.join("broken.flac"));
    })
}

/// A master that is broken from its first seconds on. Its tags do not say which album it is on, so its folder is.
fn damaged(path: &Path) {
    let mut bytes = fs::read(strings()).unwrap();
    for (from, to) in [
        (&b"TITLE=Strings from Nothing"[..], &b"TITLE=Broken from Nothing!"[..]),
        (b"ALBUM=", b"XLBUM="),
        (b"ARTIST=", b"XRTIST="),
        (b"DATE=", b"XATE="),
    ] {
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    let tenth = bytes.len() / 10;
    bytes[2 * tenth..8 * tenth].fill(0x55);
    fs::write(path, bytes).unwrap();
}

fn rows(browser: &Browser, count: usize) {
    browser.until(&format!("return document.querySelectorAll('.track').length === {count}"));
}

/// Opens the album with this title, from home.
fn open_album(browser: &Browser, title: &str) {
    browser.until("return document.querySelectorAll('.album').length >= 2");
    browser.script(&format!(
        "[...document.querySelectorAll('.album')].find(album => album.querySelector('b').textContent === '{title}').click()"
    ));
    browser.until(&format!("return document.querySelector('h1').textContent === '{title}'"));
}

fn downloaded(browser: &Browser, name: &str) -> Vec<u8> {
    let file = browser.downloads.path().join(name);
    let since = Instant::now();
    while !file.exists() {
        assert!(since.elapsed() < PATIENCE, "no download of {name}");
        thread::sleep(Duration::from_millis(50));
    }
    fs::read(&file).unwrap()
}

#[test]
fn a_browser_plays_seeks_changes_the_bitrate_and_downloads() {
    let (Some(server), Some(browser)) = (Server::start(&[]), Browser::start()) else { return };
    browser.open(&format!("{}/search?q=abc", server.url));
    rows(&browser, 1);
    let heard = |condition: &str| browser.until(&format!("{HEARD} return Boolean(heard) && {condition}"));
    let seek = |to: u32| {
        browser.script(&format!("const seek = document.querySelector('#seek'); seek.value = {to}; seek.dispatchEvent(new Event('change'))"))
    };

    // Playing, of what was never pressed.
    browser.click(".track .row");
    heard("!heard.paused && heard.currentTime > 0.5 && heard.src.endsWith('/256.mp3')");
    heard(&format!("Math.abs(heard.duration - {LONG}) < 0.1"));
    browser.until("return navigator.mediaSession.metadata.title === 'abc' && navigator.mediaSession.playbackState === 'playing'");
    seek(120);
    heard("!heard.paused && !heard.seeking && heard.currentTime > 120.3 && heard.currentTime < 140");
    // Another bitrate takes over where the first one is; to press all of a variable one takes its time.
    for (profile, at) in [("128", 90), ("v0", 20)] {
        seek(at);
        browser.click("#chip");
        browser
            .until(&format!("return Boolean(document.querySelector('#sheet[open] [value=\"{profile}\"]'))"));
        browser.click(&format!(".card:has([value='{profile}'])"));
        browser.press(ESCAPE);
        browser
            .until("return !document.querySelector('dialog[open]') && document.activeElement.id === 'chip'");
        heard(&format!("!heard.paused && heard.src.endsWith('/{profile}.mp3') && heard.currentTime >= {at}"));
    }
    // By keyboard.
    browser.script("document.activeElement.blur()");
    browser.press(' ');
    heard("heard.paused");
    let before = browser.script(&format!("{HEARD} return heard.currentTime")).as_f64().unwrap();
    browser.press(LEFT);
    heard(&format!("Math.abs(heard.currentTime - {before} + 5) < 0.1"));
    browser.press(DOWN);
    browser.until("return document.activeElement === document.querySelector('.row')");
    browser.press('/');
    browser.until("return document.activeElement.id === 'search'");
    // The size is exact by now, and all parts exist.
    browser.until("return document.querySelector('#exact').textContent.includes('exactly')");
    browser.until("const part = document.querySelector('#ready i'); return part?.style.width === '100%'");
    browser.click("#now");
    browser.click("#buy");
    assert!(downloaded(&browser, "abc (v0).mp3") == server.expected("a long one.wav", "v0"));
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn every_view_has_an_address_and_the_way_back_leads_back() {
    let (Some(server), Some(browser)) = (shop(), Browser::start()) else { return };
    browser.open(&format!("{}/kiosk/", server.url));
    open_album(&browser, "Night Drive");
    rows(&browser, 2);
    let address = browser.script("return location.pathname");
    assert!(address.as_str().unwrap().starts_with("/kiosk/album/"), "{address}");
    for (selector, text) in
        [(".notes", "Nobody slept."), (".notes time", "14 Mar 2027"), (".notes a", "Lisbon, Hall")]
    {
        browser.until(&format!("return document.querySelector('{selector}').textContent.includes('{text}')"));
    }
    // Deep links, and the button of the browser.
    browser.open(&format!("{}{}", server.url, address.as_str().unwrap()));
    rows(&browser, 2);
    browser.click(".home");
    open_album(&browser, "Test Data");
    browser.click(".by a");
    browser.until(
        "return location.pathname.includes('/artist/') && document.querySelectorAll('.album').length === 1",
    );
    browser.script("history.back()");
    browser.until("return document.querySelector('h1').textContent === 'Test Data'");
    browser.script("history.back()");
    browser.until("return document.querySelectorAll('.album').length === 2");
    // Search, as one types.
    browser.press('/');
    for key in "strings no".chars() {
        browser.press(key);
    }
    rows(&browser, 1);
    browser.until("return location.search === '?q=strings%20no' && document.activeElement.id === 'search'");
    browser.press(DOWN);
    browser.until("return document.activeElement.matches('.row')");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn an_album_plays_on_is_sung_along_and_is_downloaded_whole() {
    let (Some(server), Some(browser)) = (shop(), Browser::start()) else { return };
    browser.look(390, 844, "dark");
    browser.open(&server.url);
    open_album(&browser, "Night Drive");
    // The queue: the second is broken, which is said once, and nothing is pressed again and again.
    browser.script(
        "[...document.querySelectorAll('.row')].find(row => row.textContent.includes('abc')).click()",
    );
    browser.until(&format!("{HEARD} return Boolean(heard) && heard.currentTime > 0.3"));
    browser.click("#now");
    browser.until("return document.querySelector('#sheet').open && document.activeElement.closest('#sheet')");
    browser.until("return document.querySelectorAll('.line').length === 7");
    browser.until("return document.querySelector('.line.here')?.textContent === 'then the third'");
    browser.script("[...document.querySelectorAll('.line')].at(-1).click()");
    browser.until(&format!("{HEARD} return heard?.currentTime >= 120 && document.querySelector('.line.here').textContent === 'of all'"));
    browser.click("#close");
    browser.until("return !document.querySelector('dialog[open]') && document.activeElement.id === 'now'");

    browser.script(
        "[...document.querySelectorAll('.row')].find(row => row.textContent.includes('Broken')).click()",
    );
    browser.until("return document.querySelector('#status.bad.shown')?.textContent.includes('damaged and cannot be had')");
    let misses = server.metric("misses_total");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(server.metric("misses_total"), misses, "what cannot be had is not asked for again");
    browser.until("return document.querySelector('#toggle').getAttribute('aria-label') === 'Play'");
    // What the server says of it is no complaint of the page's.
    let ours = |complaint: &String| !complaint.contains("500 (") && !complaint.contains("ERR_");
    assert_eq!(browser.complaints().into_iter().filter(ours).collect::<Vec<_>>(), [""; 0]);

    browser.click(".home");
    open_album(&browser, "Test Data");
    browser.script("const quality = document.querySelector('#quality'); quality.value = '192'; quality.dispatchEvent(new Event('change'))");
    browser.click("#zip");
    let zip = downloaded(&browser, "tonepress - Test Data (192).zip");
    let mp3 = server.expected("strings.flac", "192");
    assert!(zip.windows(4_096).any(|window| window == &mp3[mp3.len() - 4_096..]));
}

#[test]
fn who_has_no_mouse_gets_everywhere() {
    let (Some(server), Some(browser)) = (shop(), Browser::start()) else { return };
    browser.open(&server.url);
    browser.until("return document.querySelectorAll('.album').length === 2");
    browser.press(TAB);
    browser.until("return document.activeElement.matches('.skip') && document.activeElement.getBoundingClientRect().top >= 0");
    browser.press('\u{e007}');
    browser.until("return document.activeElement.id === 'view'");
    browser.press(DOWN);
    browser.until("return document.activeElement === document.querySelector('.album')");
    browser.press('\u{e014}');
    browser.until("return document.activeElement === document.querySelectorAll('.album')[1]");
    // The members' door, and what is behind it.
    browser.click("#key");
    browser.until("return document.activeElement.id === 'token'");
    browser.script("document.querySelector('#token').value = 'example-of-ada-00000000'");
    browser.click("#open");
    browser.until("return location.pathname === '/cellar-7f3a91/' && document.querySelector('#key').textContent.trim() === 'Ada'");
    assert_eq!(browser.script("return document.cookie"), "");
    browser.until("return document.querySelectorAll('.album').length === 2");
    assert_eq!(browser.complaints(), [""; 0]);
}

/// Every page at both widths, by day and by night: nothing overflows, nothing is serious for axe-core.
#[test]
fn every_page_can_be_read_by_everybody() {
    let (Some(server), Some(browser)) = (shop(), Browser::start()) else { return };
    let axe = axe();
    browser.open(&format!("{}/", server.url));
    browser.until("return document.querySelectorAll('.album').length === 2");
    let albums = browser
        .script("return [...document.querySelectorAll('.album')].map(album => album.getAttribute('href'))");
    let night = albums.as_array().unwrap()[0].as_str().unwrap().to_owned();
    let check = |name: &str, width: u32| {
        browser.picture(name);
        let wider = browser.script("return document.documentElement.scrollWidth - innerWidth");
        assert!(wider.as_i64().unwrap() <= 0, "{name} is {wider} pixels too wide at {width}");
        let Some(axe) = &axe else { return };
        browser.script(axe);
        let found = browser.ask("execute/async", &json!({"script": "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] }) \
             .then(found => arguments[0](found.violations.filter(it => ['serious', 'critical'].includes(it.impact)) \
             .map(it => [it.id, it.help, it.nodes.map(node => [node.html.slice(0, 200), node.failureSummary])])))", "args": []}));
        assert_eq!(found, json!([]), "{name}");
    };
    for (device, width, height) in [("phone", 390, 844), ("desktop", 1280, 800)] {
        for scheme in ["light", "dark"] {
            browser.look(width, height, scheme);
            for (name, address, ready) in [
                ("home", "/", "document.querySelectorAll('.album').length === 2"),
                ("album", &*format!("/{night}"), "document.querySelectorAll('.track').length > 0"),
                ("search", "/search?q=str", "document.querySelectorAll('.track').length > 0"),
                ("kiosk", "/kiosk/", "document.querySelectorAll('.album').length === 2"),
            ] {
                browser.open(&format!("{}{address}", server.url));
                browser.until(&format!("return {ready}"));
                check(&format!("{name}-{device}-{scheme}"), width);
            }
            browser.open(&format!("{}/search?q=abc", server.url));
            browser.until("return document.querySelectorAll('.track').length > 0");
            browser.click(".track .row");
            browser.until(&format!("{HEARD} return Boolean(heard) && heard.currentTime > 2.5"));
            browser.click("#now");
            browser.until("return document.querySelectorAll('.line').length > 0 || Boolean(document.querySelector('#sheet[open]'))");
            check(&format!("sheet-{device}-{scheme}"), width);
            browser.press(ESCAPE);
            browser.click("#toggle");
            check(&format!("playing-{device}-{scheme}"), width);
            browser.click("#key");
            check(&format!("door-{device}-{scheme}"), width);
        }
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

/// axe-core, installed by npm for this test; `None` (said aloud) where there is no npm.
fn axe() -> Option<String> {
    let mut npm = tool("npm")?;
    let folder = tempfile::tempdir().unwrap();
    let quiet = ["install", "--silent", "--no-audit", "--no-fund", "--no-save", "axe-core@4"];
    run(npm.args(quiet).arg("--prefix").arg(folder.path()).env("npm_config_update_notifier", "false"));
    let script = fs::read_to_string(folder.path().join("node_modules/axe-core/axe.min.js")).unwrap();
    Some(script)
}

/// How soon the page is there with 10,000 tracks: told, not asserted.
#[test]
fn ten_thousand_tracks_do_not_make_the_page_slow() {
    let filled = Server::start_on(&[], |masters| {
        let music = crate::common::signal::Music::new(8_000, 800);
        let bytes = crate::common::press::wav(&music, 8_000, 1, 800);
        let first = masters.join("first.wav");
        fs::write(&first, bytes).unwrap();
        for album in 0..1_000 {
            let folder = masters.join(format!("Album {album}"));
            fs::create_dir(&folder).unwrap();
            for track in 0..10 {
                fs::hard_link(&first, folder.join(format!("{track}.wav"))).unwrap();
            }
        }
    });
    let (Some(server), Some(browser)) = (filled, Browser::start()) else { return };
    assert_eq!(server.json("/tracks?count=1")["total"], 10_001);
    let found = server.json("/tracks?q=album%20999&count=5");
    assert_eq!((found["total"].as_u64(), found["items"].as_array().map(Vec::len)), (Some(10), Some(5)));
    browser.open(&format!("{}/", server.url));
    browser.until("return document.querySelectorAll('.album').length >= 60");
    browser.script("performance.clearMarks()");
    let mut times = Vec::new();
    for _ in 0..5 {
        browser.open(&format!("{}/shop", server.url));
        browser.open(&format!("{}/", server.url));
        browser.until("return document.querySelectorAll('.album').length >= 60");
        let at = browser.script("return performance.getEntriesByName('albums')[0]?.startTime ?? -1");
        times.push(at.as_f64().unwrap());
    }
    times.sort_by(f64::total_cmp);
    println!("10,001 tracks: the first albums stand after {:.0} ms (median of 5; {times:.0?})", times[2]);
    assert!(times[0] > 0.0);
    // The list grows while one scrolls.
    browser.script("scrollTo(0, document.body.scrollHeight)");
    browser.until("return document.querySelectorAll('.album').length > 60");
    assert_eq!(browser.complaints(), [""; 0]);
}
