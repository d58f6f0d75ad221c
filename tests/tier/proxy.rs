//! A proxy before a server: counts what goes through, and spoils it as it is told.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Pass,
    /// Passed on after a while.
    Late(Duration),
    /// Passed on, and the answer comes after a while, at so many bytes a second.
    Line(Duration, u64),
    /// Answered by 503 and not passed on.
    Busy,
    /// The connection is closed without an answer, before or after the request was passed on.
    DroppedBefore,
    DroppedAfter,
    /// A byte of the answer's body, counted from its end, is another.
    Altered(usize),
    /// Only so many bytes of the answer's body come.
    Cut(usize),
    /// Never answered.
    Hangs,
}

#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub range: Option<String>,
    /// Of the answer.
    pub body: usize,
}

type Judge = dyn Fn(&Seen) -> Fate + Send + Sync;

#[derive(Clone)]
pub struct Proxy {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Proxy {
    /// One before the server on port `to`; `judge` hears of each request, before it is passed on.
    pub fn new(to: u16, judge: impl Fn(&Seen) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
        let (seen, judge): (_, Arc<Judge>) = (Arc::clone(&proxy.seen), Arc::new(judge));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (seen, judge) = (Arc::clone(&seen), Arc::clone(&judge));
                // Whoever is cut off fails here, as is meant.
                thread::spawn(move || serve(client, to, &seen, &*judge));
            }
        });
        proxy
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }
}

/// One request for each connection: the answer says that it is closed.
fn serve(mut client: TcpStream, to: u16, all: &Mutex<Vec<Seen>>, judge: &Judge) -> Option<()> {
    let (head, body) = message(&mut client, false)?;
    let mut words = head.lines().next()?.split(' ');
    let method = words.next()?.to_owned();
    let mut seen = Seen { method, range: header(&head, "range").map(str::to_owned), body: 0 };
    let fate = judge(&seen);
    let at = {
        let mut all = all.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    match fate {
        Fate::Busy => {
            let answer = "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return client.write_all(answer.as_bytes()).ok();
        }
        Fate::DroppedBefore => return None,
        Fate::Hangs => {
            // Until the client gives up.
            let _ = client.read(&mut [0]);
            return None;
        }
        Fate::Late(time) => thread::sleep(time),
        _ => {}
    }
    let mut server = TcpStream::connect(("127.0.0.1", to)).ok()?;
    server.write_all(closing(&head).as_bytes()).ok()?;
    server.write_all(&body).ok()?;
    let (head, mut body) = message(&mut server, seen.method == "HEAD")?;
    seen.body = body.len();
    if let Some(mine) = all.lock().unwrap().get_mut(at) {
        mine.body = body.len();
    }
    let mut sent = body.len();
    let mut speed = u64::MAX;
    match fate {
        Fate::DroppedAfter => return None,
        Fate::Altered(from_end) => {
            if let Some(byte) = body.len().checked_sub(from_end).and_then(|at| body.get_mut(at)) {
                *byte ^= 1;
            }
        }
        Fate::Cut(most) => sent = sent.min(most),
        Fate::Line(time, bytes_per_second) => {
            thread::sleep(time);
            speed = bytes_per_second;
        }
        _ => {}
    }
    client.write_all(closing(&head).as_bytes()).ok()?;
    for part in body[..sent].chunks(64 << 10) {
        if speed < u64::MAX {
            thread::sleep(Duration::from_secs_f64(part.len() as f64 / speed as f64));
        }
        client.write_all(part).ok()?;
    }
    Some(())
}

/// A head and its body, whole.
fn message(from: &mut TcpStream, no_body: bool) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buf = vec![0; 64 << 10];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let read = from.read(&mut buf).ok().filter(|&read| read > 0)?;
        bytes.extend_from_slice(&buf[..read]);
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut body = bytes.split_off(end);
    if header(&head, "expect").is_some() {
        from.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    let length = header(&head, "content-length").and_then(|length| length.parse().ok());
    let chunked = header(&head, "transfer-encoding").is_some();
    let is_answer = head.starts_with("HTTP");
    let length =
        if no_body { 0 } else { length.unwrap_or(if is_answer || chunked { usize::MAX } else { 0 }) };
    while body.len() < length {
        match from.read(&mut buf).ok()? {
            0 => break,
            read => body.extend_from_slice(&buf[..read]),
        }
    }
    Some((head, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The head, with a connection that is closed.
fn closing(head: &str) -> String {
    let kept = head.lines().filter(|line| !line.is_empty());
    let kept = kept.filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let lines: Vec<_> = kept.collect();
    format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"))
}
