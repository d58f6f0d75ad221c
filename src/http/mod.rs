//! HTTP over renditions: ranges, conditions and lengths (RFC 9110), for any server that speaks the crates `http` and
//! `http-body`, such as hyper and axum.
//!
//! Only what has to be sent is pressed: a client that has the file, or asks how long it is, costs nothing.
//!
//! ```
//! use http::{HeaderMap, Method, StatusCode};
//! use tonepress::http::{Representation, answer};
//! use tonepress::master::Master;
//! use tonepress::store::Recipe;
//! use tonepress::tags::id3::Id3Options;
//! use tonepress::{Engine, Overlay, WithOverlay};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::builder().build()?;
//! let master = Master::open("testdata/strings.flac")?;
//! let overlay = Overlay::new(&master.tags()?, &Id3Options::default());
//! let profile = "320".parse()?;
//!
//! let plan = engine.plan(&master, &profile)?;
//! let key = Recipe::new(master.id()?, *plan.resolved())?.key();
//! let what = Representation::rendition(&key, plan.size(), &overlay);
//!
//! let mut headers = HeaderMap::new();
//! headers.insert("range", "bytes=-1000".parse()?);
//! let response = answer(&Method::GET, &headers, &what, || {
//!     Ok(WithOverlay::new(engine.request(&master, &profile)?, overlay))
//! });
//! let response = response.await?; // presses the last segment first
//! assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
//! assert_eq!(response.headers()["content-length"], "1000");
//! # Ok(())
//! # }
//! ```
//!
//! Where RFC 9110 leaves a choice, answers are those of nginx, against which they are tested: several ranges become
//! `multipart/byteranges`, unless they come to more than the whole. There are three differences, where the RFC leaves none or
//! nginx gives less: HEAD has no ranges, dates do not count where there are tags, and numbers of any length are numbers.

mod body;
mod conditions;
mod range;
mod representation;

pub use body::Body;
pub use representation::Representation;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::Range;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::error::Result;
use crate::poll_bytes::PollBytes;
use crate::size::Size;
use body::Part;
use conditions::Verdict;
use range::Wanted;
use representation::insert;

/// The answer to a request for `what`, whose bytes come from what `open` opens.
///
/// | status | when |
/// |---|---|
/// | 200 | all of it is wanted; for HEAD |
/// | 206 | ranges of it are |
/// | 304 | the client has it (`If-None-Match`, `If-Modified-Since`) |
/// | 412 | it is not what the client takes it for (`If-Match`, `If-Unmodified-Since`) |
/// | 416 | none of the ranges is there |
/// | 405 | the method is neither GET nor HEAD |
///
/// `open` is not called for 304, 405 and HEAD. For a size that is only estimated the answer to GET waits until
/// everything is pressed; HEAD is answered without a length then. An answer with a body waits until pressing has reached
/// its first byte. `Content-Type`, `Content-Length`, `Content-Range`, `ETag`, `Last-Modified` and `Accept-Ranges` are set; others, such
/// as `Cache-Control` and `Content-Disposition`, are the caller's.
///
/// If what was opened is the rendition of an older build ([`Options::accept`](crate::store::Options::accept)), the answer to GET is
/// about that, with its `ETag` and its size. So 412 and 416 are answered after opening alone: what is not `what`, or beyond its
/// end, may be right for the other. HEAD opens nothing and is always about `what`, the rendition of this build.
///
/// # Errors
/// Those of `open`, and whatever keeps the first byte from being pressed. Later ones end the body.
pub async fn answer<P: PollBytes + 'static>(
    method: &Method,
    headers: &HeaderMap,
    what: &Representation,
    open: impl FnOnce() -> Result<P>,
) -> Result<Response<Body>> {
    if method != Method::GET && method != Method::HEAD {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(response);
    }
    if method == Method::HEAD {
        return Ok(unsent(headers, what).unwrap_or_else(|| head(what)));
    }
    // Other conditions and ranges are judged by what was opened, which may be another rendition.
    if let Some(response) = unsent(headers, what).filter(|it| it.status() == StatusCode::NOT_MODIFIED) {
        return Ok(response);
    }
    send(headers, what, Box::new(open()?)).await
}

/// The answer where conditions say that nothing of `what` is to be sent.
fn unsent(headers: &HeaderMap, what: &Representation) -> Option<Response<Body>> {
    let status = match what.validators().verdict(headers) {
        Verdict::NotModified => StatusCode::NOT_MODIFIED,
        Verdict::Failed => StatusCode::PRECONDITION_FAILED,
        Verdict::Answer => return None,
    };
    let mut response = empty(status);
    what.validate(response.headers_mut());
    Some(response)
}

/// What HEAD gets.
fn head(what: &Representation) -> Response<Body> {
    let mut response = Response::new(Body::unknown());
    what.describe(response.headers_mut());
    if let Size::Exact(size) = what.size() {
        response.headers_mut().insert(CONTENT_LENGTH, size.into());
    }
    response
}

/// What GET gets of what was opened for `what`, or is another rendition of the same.
async fn send(
    headers: &HeaderMap,
    what: &Representation,
    mut source: Box<dyn PollBytes>,
) -> Result<Response<Body>> {
    poll_fn(|context| source.poll_chosen(context)).await;
    let other = what.instead(&*source);
    let what = other.as_ref().unwrap_or(what);
    if let Some(response) = unsent(headers, what) {
        return Ok(response);
    }
    let size = match what.size() {
        Size::Exact(size) => size,
        Size::Estimate { .. } => poll_fn(|context| source.poll_size(context)).await?,
    };
    let (status, ranges) = match cut(headers, what, size) {
        Ok(wanted) => wanted,
        Err(response) => return Ok(response),
    };
    if let Some(first) = ranges.first() {
        poll_fn(|context| source.poll_begun(context, first.clone())).await?;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    what.describe(response.headers_mut());
    let parts = match &*ranges {
        [range] if status == StatusCode::PARTIAL_CONTENT => {
            insert(response.headers_mut(), CONTENT_RANGE, &content_range(range, size));
            VecDeque::from([Part::Range(range.clone())])
        }
        [range] => [range].into_iter().filter(|range| !range.is_empty()).cloned().map(Part::Range).collect(),
        ranges => {
            let boundary = boundary(what, ranges);
            insert(
                response.headers_mut(),
                CONTENT_TYPE,
                &format!("multipart/byteranges; boundary={boundary}"),
            );
            multipart(what, ranges, size, &boundary)
        }
    };
    *response.body_mut() = Body::new(source, parts);
    let length = http_body::Body::size_hint(response.body()).lower();
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    Ok(response)
}

/// The status of what a request gets of a file of `size` bytes, and which bytes that are; the answer itself if it gets none.
#[allow(clippy::result_large_err)] // made once a request
fn cut(
    headers: &HeaderMap,
    what: &Representation,
    size: u64,
) -> std::result::Result<(StatusCode, Vec<Range<u64>>), Response<Body>> {
    let asked = headers.get(RANGE).filter(|_| what.validators().range_applies(headers));
    match asked.map_or(Wanted::All, |value| range::parse(value.as_bytes(), size)) {
        Wanted::Nothing => {
            let mut response = empty(StatusCode::RANGE_NOT_SATISFIABLE);
            what.validate(response.headers_mut());
            insert(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{size}"));
            Err(response)
        }
        Wanted::All => Ok((StatusCode::OK, std::iter::once(0..size).collect())),
        Wanted::Parts(parts) => Ok((StatusCode::PARTIAL_CONTENT, parts)),
    }
}

/// Several ranges with what stands between them (RFC 9110, section 14.6).
fn multipart(what: &Representation, ranges: &[Range<u64>], size: u64, boundary: &str) -> VecDeque<Part> {
    let kind = String::from_utf8_lossy(what.content_type().as_bytes());
    let mut parts = VecDeque::new();
    for range in ranges {
        let said = content_range(range, size);
        let head = format!("\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {said}\r\n\r\n");
        parts.push_back(Part::Text(Bytes::from(head)));
        parts.push_back(Part::Range(range.clone()));
    }
    parts.push_back(Part::Text(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    parts
}

/// What ends a part: by chance, 80 bits that appear in none; the same for the same request.
fn boundary(what: &Representation, ranges: &[Range<u64>]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(what.etag());
    for range in ranges {
        hasher.update(&range.start.to_le_bytes()).update(&range.end.to_le_bytes());
    }
    hasher.finalize().to_hex()[..20].to_owned()
}

fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end - 1)
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
