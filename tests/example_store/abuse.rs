//! What no browser sends. Each test ends with a download: the server is none the worse for it.

use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::common::press::wav;
use crate::common::signal::Music;
use crate::server::Server;

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// What comes back for these bytes until the server closes the connection. It may do so before it has read
/// them all.
fn send(server: &Server, request: &[u8]) -> String {
    let mut stream = connect(server);
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let mut buf = [0; 4096];
    loop {
        match stream.read(&mut buf) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&buf[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error}"),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request with the target as it is, and further header lines.
fn request(method: &str, target: &str, headers: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n")
}

fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).map_or(0, |code| code.parse().unwrap())
}

/// The value of a header in an answer; it is there once.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap();
    let mut values = head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let value = values.next();
    assert_eq!(values.next(), None, "{head}");
    value
}

fn assert_lives(server: &Server) {
    let path = server.track("Strings", "128");
    assert!(server.curl(&["--fail"], &path) == server.expected("strings.flac", "128"));
}

#[test]
fn no_path_leads_out() {
    let Some(server) = Server::start(&[]) else { return };
    fs::write(server.folder.path().join("secret.mp3"), "a secret").unwrap();
    let outside = server.folder.path().join("secret.mp3");
    let mut targets = vec![outside.to_str().unwrap().to_owned(), "/etc/passwd".to_owned()];
    for up in ["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..%00", "..\\", "%c0%ae%c0%ae", "....", ""] {
        for slash in ["/", "%2f", "%2F", "\\", "%5c", "//", "%c0%af"] {
            let way = format!("{up}{slash}").repeat(8);
            targets.push(format!("/{way}etc/passwd"));
            targets.push(format!("/tracks/{way}etc/passwd"));
            targets.push(format!("/tracks/{up}{slash}secret.mp3"));
            targets.push(format!("/tracks/{up}{slash}{up}{slash}secret/128.mp3"));
            targets.push(format!("/tracks/{up}{slash}{up}{slash}secret.mp3/cover"));
        }
    }
    targets.extend(
        ["../secret.mp3", "/%00", "/tracks/%00/cover", "http://a/../secret.mp3", "*", "a:1"]
            .map(String::from),
    );
    for target in &targets {
        let answer = send(&server, request("GET", target, "").as_bytes());
        assert!(matches!(status(&answer), 400 | 404), "{target}: {answer}");
        assert!(!answer.contains("root:") && !answer.contains("secret"), "{target}: {answer}");
    }
    assert_eq!(server.metric("misses_total"), 0);
    assert_lives(&server);
}

#[test]
fn titles_stay_in_their_place() {
    let Some(mut server) = Server::start(&[]) else { return };
    server.terminate();
    let title = b"evil\r\nSet-Cookie: a=b\r\n\r\n<script>\"; filename=xy\0";
    let samples = 30_000;
    let bytes = wav(&Music::new(44_100, samples), 44_100, 1, samples);
    // In place of the title that these files have.
    assert_eq!(&bytes[12..36], b"LIST\x10\0\0\0INFOINAM\x04\0\0\0abc\0");
    let sizes = [title.len() + 12, title.len()].map(|size| u32::try_from(size).unwrap().to_le_bytes());
    let list = [b"LIST", &sizes[0][..], b"INFOINAM", &sizes[1], title].concat();
    let riff = u32::try_from(bytes.len() - 8 - 24 + list.len()).unwrap().to_le_bytes();
    let bytes = [b"RIFF", &riff[..], b"WAVE", &list, &bytes[36..]].concat();
    fs::write(server.folder.path().join("masters/evil.wav"), bytes).unwrap();
    server.restart();

    let path = server.track("evil", "128");
    for method in ["HEAD", "GET"] {
        let answer = send(&server, request(method, &path, "Range: bytes=0-0\r\n").as_bytes());
        let name = header(&answer, "content-disposition").unwrap();
        assert!(name.starts_with("attachment; filename=\"evil__Set-Cookie_ a=b____"), "{name}");
        assert_eq!((name.matches('"').count(), name.matches(';').count()), (2, 2), "{name}");
        assert_eq!(header(&answer, "set-cookie"), None, "{answer}");
    }
    let tracks = send(&server, request("GET", "/tracks", "").as_bytes());
    assert_eq!(header(&tracks, "content-type"), Some("application/json"));
    assert_eq!(header(&tracks, "x-content-type-options"), Some("nosniff"));
    assert_lives(&server);
}

#[test]
fn requests_that_are_too_long_are_refused() {
    let Some(server) = Server::start(&[]) else { return };
    let long = "a".repeat(1 << 20);
    let mut many = String::new();
    for number in 0..5_000 {
        write!(many, "X-{number}: a\r\n").unwrap();
    }
    for (target, headers) in [
        ("/tracks", format!("X: {long}\r\n")),
        ("/tracks", format!("{long}: a\r\n")),
        ("/tracks", format!("Range: bytes={long}\r\n")),
        ("/tracks", many),
        (&format!("/{long}"), String::new()),
        (&format!("/tracks?{long}"), String::new()),
    ] {
        let answer = send(&server, request("GET", target, &headers).as_bytes());
        // Closed without an answer, if that was lost with what was not read.
        assert!(matches!(status(&answer), 0 | 400 | 414 | 431), "{}", &answer[..answer.len().min(200)]);
    }
    assert_lives(&server);
}

#[test]
fn who_dawdles_is_hung_up_on_and_keeps_nobody_waiting() {
    let Some(server) = Server::start(&[]) else { return };
    let mut slow: Vec<TcpStream> = (0..50).map(|_| connect(&server)).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /tracks HTTP/1.1\r\nX: ").unwrap();
        stream.set_nonblocking(true).unwrap();
    }
    let mut turns = 0;
    while !slow.is_empty() {
        // A byte now and then, until the server has closed the connection.
        slow.retain_mut(|stream| {
            let written = stream.write_all(b"a").is_ok();
            let open = match stream.read(&mut [0; 256]) {
                Ok(read) => read > 0,
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            };
            written && open
        });
        if turns == 0 {
            assert_eq!(slow.len(), 50);
            assert_lives(&server);
        }
        turns += 1;
        assert!(turns < 240, "{} are still connected", slow.len());
        thread::sleep(Duration::from_millis(250));
    }
    assert_lives(&server);
}

#[test]
fn no_range_gets_more_than_there_is() {
    let Some(server) = Server::start(&[]) else { return };
    let path = server.track("Strings", "128");
    let size = server.expected("strings.flac", "128").len();
    let (all, none) = ((200, size), (416, 0));
    for (range, expected) in [
        ("0-,".repeat(10_000), all),
        (format!("{}0-0", "0-0,".repeat(10_000)), all),
        (format!("0-{},5-", size - 1), all),
        ("-0".to_owned(), none),
        ("-1".to_owned(), (206, 1)),
        (format!("-{}", u128::MAX), (206, size)),
        (format!("{size}-"), none),
        (format!("{size}-{}", u64::MAX), none),
        (format!("{}-{}", u64::MAX, u64::MAX), none),
        (format!("{}-", u128::MAX), none),
        (format!("{}-{}", size - 1, u128::MAX), (206, 1)),
        ("5-4".to_owned(), none),
        ("-5-9".to_owned(), none),
        ("0x0-0x9".to_owned(), none),
        ("\u{ff10}-9".to_owned(), none),
    ] {
        let answer = send(&server, request("GET", &path, &format!("Range: bytes={range}\r\n")).as_bytes());
        let length: usize = header(&answer, "content-length").unwrap().parse().unwrap();
        assert_eq!((status(&answer), length), expected, "{}", &range[..range.len().min(40)]);
    }
    // Said twice.
    let answer = send(&server, request("GET", &path, "Range: bytes=0-9\r\nRange: bytes=5-\r\n").as_bytes());
    assert!(matches!(status(&answer), 200 | 206 | 400), "{answer}");
    assert_eq!(server.metric("misses_total"), 1);
    assert_lives(&server);
}

#[test]
fn only_what_is_on_offer_is_pressed_and_under_one_name() {
    let Some(server) = Server::start_with(&["64", "128"], 10) else { return };
    let path = server.track("Strings", "128");
    // All bitrates, and whatever else a profile can say: as many renditions as anybody likes to think of.
    let mut names: Vec<String> =
        (1..=400).filter(|kbps| ![64, 128].contains(kbps)).map(|kbps| kbps.to_string()).collect();
    for option in ["q=0", "mono", "rate=32000", "whole", "salvage", "q=7:mono:rate=8000"] {
        names.push(format!("128:{option}"));
    }
    names.extend(
        ["v0", "v9", "abr64", "abr128", "", ".", "128,64", "128.mp3", "128%00", "NaN", "1e2"]
            .map(String::from),
    );
    for name in &names {
        let answer =
            send(&server, request("GET", &path.replace("128.mp3", &format!("{name}.mp3")), "").as_bytes());
        assert_eq!(status(&answer), 404, "{name}: {answer}");
    }
    assert_eq!(server.metric("misses_total"), 0);

    // What is another way to write the same is sent to the one address, or is nothing.
    for name in ["cbr128", "CBR128", "0128", "+128", " 128", "%20128", "128%20", "128:", "128k", "%31%32%38"]
    {
        let target = path.replace("128.mp3", &format!("{name}.mp3")).replace(' ', "%20");
        let answer = send(&server, request("GET", &target, "Range: bytes=0-0\r\n").as_bytes());
        match status(&answer) {
            308 => assert_eq!(header(&answer, "location"), Some(&path[..]), "{name}"),
            206 => assert_eq!(name, "%31%32%38"),
            other => assert_eq!(other, 404, "{name}"),
        }
    }
    assert_lives(&server);
    assert_eq!(server.metric("misses_total"), 1);
}

#[test]
fn other_methods_and_bodies_do_nothing() {
    let Some(server) = Server::start(&[]) else { return };
    let path = server.track("Strings", "128");
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
        for target in ["/", "/tracks", &path, "/metrics"] {
            let answer = send(&server, request(method, target, "Content-Length: 3\r\n\r\nabc").as_bytes());
            assert_eq!(status(&answer), 405, "{method} {target}: {answer}");
        }
    }
    for headers in [
        "Content-Length: 18446744073709551615\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "Transfer-Encoding: nonsense\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\n",
        "Expect: 100-continue\r\nContent-Length: 9\r\n",
        "Upgrade: h2c\r\nHTTP2-Settings: a\r\n",
    ] {
        let answer = send(&server, request("GET", "/tracks", headers).as_bytes());
        assert!(matches!(status(&answer), 0 | 200 | 400 | 431), "{headers}: {answer}");
        assert!(!answer.contains("tonepress_"), "a body is taken for a request: {headers}");
    }
    for nonsense in
        [&b"\0\0\0\0"[..], b"\x16\x03\x01\x02\0\x01\0", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        let stream = send(&server, &[nonsense, &b"\r\n\r\n"[..]].concat());
        assert!(matches!(status(&stream), 0 | 400 | 405 | 505), "{stream}");
    }
    assert_eq!(server.metric("misses_total"), 0);
    assert_lives(&server);
}
