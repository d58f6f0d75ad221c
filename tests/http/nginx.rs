//! The same requests to nginx and to us, for the same file.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use tonepress::Size;
use tonepress::http::{Representation, answer};
use tonepress::store::Object;

use crate::common::{cases, tool};
use crate::{bytes, engine, headers, profile, strings, wait};

/// What clients see of an answer.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    /// Those that have to be equal, by name.
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Seen {
    fn new(status: u16, all: &HeaderMap, body: Vec<u8>) -> Self {
        let names: &[&str] = match status {
            200 | 206 => &["content-length", "content-range", "content-type", "etag", "last-modified"],
            304 => &["etag", "last-modified"],
            // nginx sends a page with errors.
            416 => &["content-range"],
            _ => &[],
        };
        let value = |name: &&'static str| Some((*name, all.get(*name)?.to_str().unwrap().to_owned()));
        let mut seen = Self { status, headers: names.iter().filter_map(value).collect(), body };
        if status >= 300 {
            seen.body.clear();
        }
        // Each has a boundary of its own, of one length.
        let kind = seen.headers.iter_mut().find(|(name, _)| *name == "content-type");
        if let Some((boundary, kind)) = kind.and_then(|(_, kind)| {
            kind.clone().split_once("boundary=").map(|(_, boundary)| (boundary.to_owned(), kind))
        }) {
            *kind = kind.replace(&boundary, "BOUNDARY");
            let mut at = 0;
            while let Some(found) =
                seen.body[at..].windows(boundary.len()).position(|window| window == boundary.as_bytes())
            {
                seen.body.splice(at + found..at + found + boundary.len(), *b"BOUNDARY");
                at += found;
            }
        }
        seen
    }
}

struct Nginx {
    child: Child,
    folder: TempDir,
    object: Object,
    etag: String,
    modified: SystemTime,
}

impl Nginx {
    /// nginx with a rendition in a folder; `None` if there is no nginx.
    fn start() -> Option<Self> {
        let mut command = tool("nginx")?;
        let folder = tempfile::tempdir().unwrap();
        let object = engine(1).request(&strings(), &profile("16:rate=16000")).unwrap().wait().unwrap();
        let file = folder.path().join("f.mp3");
        fs::write(&file, &object).unwrap();
        let at = folder.path().display();
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = places.map(|what| format!("{what}_temp_path {at}/{what};")).concat();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/errors; events {{}}
             http {{ types {{ audio/mpeg mp3; }} access_log off; {temporary}
             server {{ listen unix:{at}/socket; root {at}; max_ranges 16; if_modified_since before; }} }}"
        );
        fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let child =
            command.arg("-c").arg(folder.path().join("nginx.conf")).stderr(Stdio::null()).spawn().unwrap();
        let modified = fs::metadata(&file).unwrap().modified().unwrap();
        let mut nginx = Self { child, folder, object, etag: String::new(), modified };
        let patience = (0..500).find(|_| {
            thread::sleep(Duration::from_millis(20));
            UnixStream::connect(nginx.folder.path().join("socket")).is_ok()
        });
        assert!(patience.is_some(), "{:?}", fs::read_to_string(nginx.folder.path().join("errors")));
        let first = nginx.theirs(&Method::HEAD, &HeaderMap::new());
        nginx.etag.clone_from(&first.headers.iter().find(|(name, _)| *name == "etag").unwrap().1);
        Some(nginx)
    }

    fn theirs(&self, method: &Method, headers: &HeaderMap) -> Seen {
        let mut stream = UnixStream::connect(self.folder.path().join("socket")).unwrap();
        let mut request =
            format!("{method} /f.mp3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n").into_bytes();
        for (name, value) in headers {
            request.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        stream.write_all(&request).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let pairs: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        Seen::new(status, &crate::headers(&pairs), answer.split_off(end + 4))
    }

    fn ours(&self, method: &Method, headers: &HeaderMap) -> Seen {
        let kind = HeaderValue::from_static("audio/mpeg");
        let what = Representation::new(&self.etag, kind, Size::Exact(self.object.len())).unwrap();
        let object = self.object.clone();
        wait(async {
            let mut response =
                answer(method, headers, &what.modified(self.modified), || Ok(object)).await.unwrap();
            let body = bytes(response.body_mut()).await.unwrap();
            if method == Method::GET {
                let length = response.headers().get("content-length");
                assert!(length.is_none_or(|length| length == &body.len().to_string()), "{response:?}");
            }
            Seen::new(response.status().as_u16(), response.headers(), body)
        })
    }

    fn date(&self, by: i64) -> String {
        let since = self.modified.duration_since(UNIX_EPOCH).unwrap().as_secs();
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(since.checked_add_signed(by).unwrap()))
    }

    fn assert_same(&self, method: &Method, asked: &[(&str, String)]) -> Result<(), TestCaseError> {
        let asked = headers(asked);
        let (ours, theirs) = (self.ours(method, &asked), self.theirs(method, &asked));
        prop_assert_eq!((ours.status, &ours.headers), (theirs.status, &theirs.headers), "{:?}", asked);
        prop_assert!(ours.body == theirs.body, "the bodies differ: {:?}", asked);
        Ok(())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One range of a file of `size` bytes, or something like it.
fn spec(size: u64) -> impl Strategy<Value = String> {
    let place = move || prop_oneof![0..size, 0..20_u64, size - 20..size + 20, Just(999_999_999_999_999_999)];
    let space = || prop::sample::select(vec!["", "", "", "", " ", "  "]);
    prop_oneof![
        5 => (place(), 0..300_u64, space()).prop_map(|(first, more, _)| format!("{first}-{}", first + more)),
        2 => (place(), place(), space(), space()).prop_map(|(a, b, x, y)| format!("{x}{a}{y}-{x}{b}{y}")),
        2 => (place(), space()).prop_map(|(first, x)| format!("{x}{first}-{x}")),
        2 => (place(), space()).prop_map(|(suffix, x)| format!("{x}-{suffix}{x}")),
        1 => prop::sample::select(vec!["", "-", "a", "5", "1-2-3", "--1", "+1-2", "0x1-2", "1.0-2", " -", "1-a", "- 5"])
            .prop_map(str::to_owned),
    ]
}

#[test]
fn ranges_are_what_nginx_makes_of_them() {
    let Some(nginx) = Nginx::start() else { return };
    let list = prop::collection::vec(spec(nginx.object.len()), 1..4);
    let long = prop::collection::vec((0..500_u64).prop_map(|at| format!("{at}-{at}")), 14..19);
    let unit =
        prop::sample::select(vec!["bytes=", "bytes=", "bytes=", "Bytes=", "bytes =", "items=", "bytes", ""]);
    let header = (unit, prop_oneof![8 => list, 1 => long])
        .prop_map(|(unit, specs)| unit.to_owned() + &specs.join(","));
    let mut runner = TestRunner::new(Config::with_cases(cases(400)));
    runner
        .run(&header, |header| {
            // Spaces around a value are not part of it.
            nginx.assert_same(&Method::GET, &[("range", header.trim().to_owned())])
        })
        .unwrap();
}

#[test]
fn conditions_are_what_nginx_makes_of_them() {
    let Some(nginx) = Nginx::start() else { return };
    let etag = nginx.etag.clone();
    let tag = prop::sample::select(vec![
        etag.clone(),
        etag.clone(),
        format!("W/{etag}"),
        "\"x\"".into(),
        "\"x, y\"".into(),
        "\"\"".into(),
    ]);
    let list = prop_oneof![
        5 => prop::collection::vec(tag.clone(), 1..4).prop_map(|tags| tags.join(", ")),
        1 => Just("*".to_owned()),
    ];
    let date = (-1..=1_i64).prop_map(|by| nginx.date(by));
    // Where both are given, nginx looks at dates too, which RFC 9110 does not allow.
    let fresh = prop_oneof![
        2 => Just(None),
        2 => list.clone().prop_map(|list| Some(("if-none-match", list))),
        1 => prop_oneof![date.clone(), Just("yesterday".to_owned())].prop_map(|date| Some(("if-modified-since", date))),
    ];
    let same = prop_oneof![
        4 => Just(None),
        2 => list.prop_map(|list| Some(("if-match", list))),
        1 => date.clone().prop_map(|date| Some(("if-unmodified-since", date))),
    ];
    let if_range = prop_oneof![2 => Just(None), 2 => tag.prop_map(Some), 1 => date.prop_map(Some), 1 => Just(Some("x".to_owned()))]
        .prop_map(|value| value.map(|value| ("if-range", value)));
    let range = prop_oneof![1 => Just(None), 2 => Just(Some(("range", "bytes=5-9,-3".to_owned()))), 1 => Just(Some(("range", "bytes=99999999-".to_owned())))];
    let mut runner = TestRunner::new(Config::with_cases(cases(400)));
    runner
        .run(&(any::<bool>(), fresh, same, if_range, range), |(head, fresh, same, if_range, range)| {
            // To HEAD, nginx gives ranges, which RFC 9110 does not allow.
            let (method, range) = if head { (Method::HEAD, None) } else { (Method::GET, range) };
            let asked: Vec<_> = [fresh, same, if_range, range].into_iter().flatten().collect();
            nginx.assert_same(&method, &asked)
        })
        .unwrap();
}

#[test]
fn where_we_differ_from_nginx_is_what_the_documentation_says() {
    let Some(nginx) = Nginx::start() else { return };
    let statuses = |method: &Method, asked: &[(&str, String)]| {
        let asked = headers(asked);
        (nginx.ours(method, &asked).status, nginx.theirs(method, &asked).status)
    };
    let range = |value: &str| ("range", value.to_owned());
    assert_eq!(statuses(&Method::HEAD, &[range("bytes=0-0")]), (200, 206));
    assert_eq!(statuses(&Method::GET, &[range("bytes=0-99999999999999999999")]), (206, 416));
    let none = ("if-none-match", nginx.etag.clone());
    assert_eq!(statuses(&Method::GET, &[none, ("if-modified-since", nginx.date(-1))]), (304, 200));
    let same = ("if-match", nginx.etag.clone());
    assert_eq!(statuses(&Method::GET, &[same, ("if-unmodified-since", nginx.date(-1))]), (200, 412));
}
