//! What curl sees.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::server::Server;

#[test]
fn lengths_and_prices_are_exact_and_nothing_is_pressed_for_them() {
    let Some(server) = Server::start_with(&["128", "320", "v2"], 100) else { return };
    let path = server.track("Strings", "320");
    let expected = server.expected("strings.flac", "320");
    let head = server.head(&["-I"], &path);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains(&format!("content-length: {}\r\n", expected.len())), "{head}");
    assert!(head.contains("accept-ranges: bytes"), "{head}");
    assert!(head.contains("content-type: audio/mpeg"), "{head}");
    assert!(head.contains("filename=\"tonepress - strings from nothing (320).mp3\""), "{head}");
    assert!(head.contains("access-control-allow-origin: *"), "{head}");
    let offer = |profile: &str| {
        let tracks = server.json("/tracks");
        let tracks = tracks["items"].as_array().unwrap();
        let strings = tracks.iter().find(|track| track["title"] == "Strings from Nothing").unwrap();
        let offers = strings["offers"].as_array().unwrap();
        offers.iter().find(|offer| offer["profile"] == profile).unwrap().clone()
    };
    assert_eq!(offer("320")["bytes"], expected.len());
    assert_eq!(offer("320")["exact"], true);
    assert_eq!(offer("320")["price"], 97, "962,350 bytes at a euro a megabyte");
    assert_eq!(offer("v2")["exact"], false);

    // Variable bitrates have no length before they are complete.
    let vbr = server.track("Strings", "v2");
    assert!(!server.head(&["-I"], &vbr).contains("\r\ncontent-length"));
    let progress = server.json(&vbr.replace(".mp3", "/progress"));
    assert_eq!((&progress["done"], &progress["complete"]), (&0.0.into(), &false.into()));
    assert_eq!(server.metric("misses_total"), 0, "looking presses nothing");
    let expected = server.expected("strings.flac", "v2");
    assert_eq!(server.curl(&["-r", "100-199"], &vbr), expected[100..200]);
    let head = server.head(&[], &vbr);
    assert!(head.contains(&format!("content-length: {}\r\n", expected.len())), "{head}");
    assert_eq!(offer("v2")["bytes"], expected.len());
    assert_eq!(offer("v2")["exact"], true);
    let progress = server.json(&vbr.replace(".mp3", "/progress"));
    assert_eq!(progress["ready"], serde_json::json!([[0.0, 1.0]]));
}

#[test]
fn ranges_and_conditions_are_kept() {
    let Some(server) = Server::start(&[]) else { return };
    let path = server.track("Strings", "192");
    let expected = server.expected("strings.flac", "192");
    let size = expected.len();
    let head = server.head(&["-I"], &path);
    let etag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();

    // Across the end of the tag, the last bytes, and the middle.
    let tag = server.expected("strings.flac", "128").len() - 384_940;
    assert_eq!(tag % 4096, 0);
    for (range, bytes) in [
        (format!("{}-{}", tag - 10, tag + 9), tag - 10..tag + 10),
        ("-1000".to_owned(), size - 1000..size),
        ("300000-300999".to_owned(), 300_000..301_000),
        ("0-0".to_owned(), 0..1),
        (format!("{}-", size - 1), size - 1..size),
    ] {
        assert_eq!(server.curl(&["-r", &range], &path), expected[bytes.clone()], "{range}");
        let head = server.head(&["-r", &range], &path);
        assert!(head.starts_with("http/1.1 206"), "{head}");
        let said = format!("content-range: bytes {}-{}/{size}\r\n", bytes.start, bytes.end - 1);
        assert!(head.contains(&said), "{head}");
    }
    let behind = server.head(&["-r", &format!("{size}-")], &path);
    assert!(behind.starts_with("http/1.1 416") && behind.contains(&format!("content-range: bytes */{size}")));
    let two = server.head(&["-H", "Range: bytes=0-1,5-6"], &path);
    assert!(two.starts_with("http/1.1 206") && two.contains("content-type: multipart/byteranges"), "{two}");
    assert!(server.head(&["-H", "Range: bytes=6-5"], &path).starts_with("http/1.1 416"));

    let with = |header: &str| server.head(&["-r", "0-9", "-H", &format!("{header}: {etag}")], &path);
    assert!(with("If-Range").starts_with("http/1.1 206"));
    assert!(with("If-None-Match").starts_with("http/1.1 304"));
    assert!(with("If-Match").starts_with("http/1.1 206"));
    assert!(server.head(&["-r", "0-9", "-H", "If-Range: \"x\""], &path).starts_with("http/1.1 200"));
    assert!(server.head(&["-H", "If-Match: \"x\""], &path).starts_with("http/1.1 412"));

    // The whole of it, and again from the store.
    assert_eq!(server.curl(&[], &path), expected);
    assert_eq!(server.curl(&[], &path), expected);
    assert_eq!(server.metric("segments_total"), 2, "each of the two segments is pressed once");
}

#[test]
fn there_is_one_name_for_what_is_for_sale_and_none_for_anything_else() {
    let Some(server) = Server::start_with(&["128", "v0"], 10) else { return };
    let track = server.track("Strings", "128");
    let head = server.head(&["-I"], &track.replace("128", "cbr128"));
    assert!(head.starts_with("http/1.1 308") && head.contains(&format!("location: {track}\r\n")), "{head}");
    for path in [
        track.replace("128", "320"),
        track.replace("128", "129"),
        track.replace(".mp3", ""),
        track.replace(".mp3", ".flac"),
        "/tracks/0123456789abcdef/128.mp3".to_owned(),
        "/tracks/../../etc/passwd".to_owned(),
        "/tracks/..%2f..%2fetc%2fpasswd/128.mp3".to_owned(),
        "/tracks/%00/128.mp3".to_owned(),
        "/masters/strings.flac".to_owned(),
    ] {
        let head = server.head(&["--path-as-is"], &path);
        assert!(head.starts_with("http/1.1 404"), "{path}: {head}");
    }
    assert_eq!(server.metric("misses_total"), 0);
    // Pictures are the master's, or drawn.
    for (title, kind) in [("Strings", "image/jpeg"), ("abc", "image/svg+xml")] {
        let cover = server.head(&[], &server.track(title, "128").replace("128.mp3", "cover"));
        assert!(cover.contains(&format!("content-type: {kind}")), "{cover}");
    }
}

#[test]
fn an_interrupted_download_is_resumed_byte_for_byte() {
    let Some(server) = Server::start(&[]) else { return };
    let path = server.track("abc", "320");
    let file = server.folder.path().join("download.mp3");
    server.begin_download(&path, &file, "400k", 200_000);
    let expected = server.expected("a long one.wav", "320");
    assert!(fs::metadata(&file).unwrap().len() < expected.len() as u64);
    server.resume_download(&path, &file);
    assert!(fs::read(&file).unwrap() == expected);
}

#[test]
fn many_clients_read_what_they_like_and_some_go_away() {
    let Some(server) = Server::start(&[]) else { return };
    let path = server.track("abc", "128");
    let expected = server.expected("a long one.wav", "128");
    let size = expected.len() as u64;
    thread::scope(|scope| {
        for client in 0..16_u64 {
            let (server, path, expected) = (&server, &path, &expected);
            scope.spawn(move || {
                for turn in 0..4 {
                    let start = (client * 7_919 + turn * 104_729) * 1_009 % size;
                    if client % 4 == 3 {
                        // Asks, and hangs up.
                        let mut stream =
                            TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
                        let request =
                            format!("GET {path} HTTP/1.1\r\nHost: a\r\nRange: bytes={start}-\r\n\r\n");
                        stream.write_all(request.as_bytes()).unwrap();
                        continue;
                    }
                    let end = (start + 50_000).min(size);
                    let bytes = server.curl(&["-r", &format!("{start}-{}", end - 1)], path);
                    assert!(bytes == expected[start as usize..end as usize], "from {start} on");
                }
            });
        }
    });
    assert!(server.curl(&[], &path) == expected);
    assert_eq!(server.metric("segments_total"), 8, "each segment is pressed once");
    // All bytes are there before the rendition is published.
    let published = (0..1_000).any(|_| {
        thread::sleep(Duration::from_millis(10));
        server.metric("finished_total") == 1
    });
    assert!(published);
}

#[test]
fn who_comes_when_there_is_too_much_to_do_is_told_when_to_come_again() {
    let Some(server) = Server::start(&["--queue", "1", "--threads", "1"]) else { return };
    let pressed = server.track("abc", "320");
    server.curl(&["-r", "0-9"], &pressed);
    let head = server.head(&["-r", "0-9"], &server.track("abc", "256"));
    assert!(head.starts_with("http/1.1 429"), "{head}");
    let seconds = head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    assert!(seconds.parse::<u64>().unwrap() >= 1, "{head}");
    assert!(server.head(&["-r", "0-9"], &pressed).starts_with("http/1.1 206"), "who was first is served");
    assert_eq!(server.metric("refused_total"), 1);
}
