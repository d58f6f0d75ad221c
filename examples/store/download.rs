//! Renditions over HTTP: what players and downloads ask for.

use std::future::poll_fn;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use tonepress::engine::Rendition;
use tonepress::store::{Key, Recipe};
use tonepress::{Plan, Profile, Size};

use crate::Shop;
use crate::body::{RenditionBody, Unknown};
use crate::catalogue::Track;
use crate::conditions::{self, Verdict};
use crate::failure::Failure;
use crate::file_name::attachment;
use crate::range::{self, Wanted};

/// `/tracks/{id}/{profile}.mp3`: the rendition behind its tag.
///
/// A client that goes away lets go of the rendition, which is finished all the same: players drop
/// connections whenever somebody seeks, and whoever has listened may come back to buy. The engine's
/// queue bounds what that can come to.
pub(crate) async fn rendition(
    State(shop): State<Arc<Shop>>,
    Path((id, file)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let track = shop.catalogue.track(&id).ok_or(Failure::NotFound)?;
    let name = file.strip_suffix(".mp3").ok_or(Failure::NotFound)?;
    let profile = shop.offer(name).ok_or(Failure::NotFound)?;
    // One name for one thing, for the sake of caches.
    if name != profile.to_string() {
        return Ok(Redirect::permanent(&format!("/tracks/{id}/{profile}.mp3")).into_response());
    }
    let (plan, key) = shop.plan(track, &profile).await?;
    let etag = track.overlay.etag(&key);
    let answer = |status: StatusCode, body: Body| {
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        // The tag is strong, so asking whether it still holds is cheap, and a master may be replaced.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/mpeg"));
        headers.extend(HeaderValue::try_from(&etag).map(|etag| (header::ETAG, etag)));
        let name = format!("{} ({profile})", track.file_name());
        headers.insert(header::CONTENT_DISPOSITION, attachment(&name, ".mp3"));
        response
    };
    match conditions::verdict(&headers, &etag) {
        Verdict::NotModified => return Ok(answer(StatusCode::NOT_MODIFIED, Body::empty())),
        Verdict::Failed => return Ok(answer(StatusCode::PRECONDITION_FAILED, Body::empty())),
        Verdict::Answer => {}
    }

    let tag = track.overlay.len();
    if method == Method::HEAD {
        // Nobody waits for the length of what is not pressed yet: it is left out.
        let mut response = answer(StatusCode::OK, Body::new(Unknown));
        if let Some(size) = shop.known_size(&plan, &key) {
            response.headers_mut().insert(header::CONTENT_LENGTH, (tag + size).into());
        }
        return Ok(response);
    }
    let request = || shop.engine.request(&track.master, &profile);
    let (size, rendition) = match plan.size() {
        Size::Exact(size) => (size, None),
        // Its length is known when it is complete, and all cores work on it.
        Size::Estimate { .. } => {
            let rendition = request()?;
            (poll_fn(|context| rendition.poll_wait(context)).await?.len(), Some(rendition))
        }
    };
    let whole = tag + size;
    let wanted = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let wanted = wanted.filter(|_| conditions::range_applies(&headers, &etag));
    let (status, range) = match wanted.map_or(Wanted::All, |wanted| range::parse(wanted, whole)) {
        Wanted::All => (StatusCode::OK, 0..whole),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Nothing => {
            let mut response = answer(StatusCode::RANGE_NOT_SATISFIABLE, Body::empty());
            response.headers_mut().extend(content_range(&format!("bytes */{whole}")));
            return Ok(response);
        }
    };
    let rendition = rendition.map_or_else(request, Ok)?;
    if range.end > tag {
        // What cannot be pressed is told by the status, not by a connection that is cut.
        begun(&rendition, range.start.saturating_sub(tag)).await?;
    }
    let part = format!("bytes {}-{}/{whole}", range.start, range.end - 1);
    let body = RenditionBody::new(track.overlay.clone(), rendition, range);
    let mut response = answer(status, Body::new(body));
    if status == StatusCode::PARTIAL_CONTENT {
        response.headers_mut().extend(content_range(&part));
    }
    Ok(response)
}

fn content_range(value: &str) -> Option<(header::HeaderName, HeaderValue)> {
    HeaderValue::try_from(value).ok().map(|value| (header::CONTENT_RANGE, value))
}

/// Waits for the first byte that is asked for.
async fn begun(rendition: &Rendition, offset: u64) -> Result<(), Failure> {
    poll_fn(|context| rendition.poll_read_at(context, &mut [0], offset)).await?;
    Ok(())
}

impl Shop {
    /// The profile that is meant by `name`, if it is on offer.
    pub(crate) fn offer(&self, name: &str) -> Option<Profile> {
        name.parse().ok().filter(|profile| self.profiles.contains(profile))
    }

    /// The geometry of a rendition, and the key it has in the store.
    async fn plan(&self, track: &Track, profile: &Profile) -> Result<(Plan, Key), Failure> {
        let plan = Plan::new(track.master.info(), profile)?;
        let master = track.identify(&self.store).await?;
        let key = Recipe::new(master, *plan.resolved())?.key();
        Ok((plan, key))
    }

    /// The size without the tag, if it is known.
    pub(crate) fn known_size(&self, plan: &Plan, key: &Key) -> Option<u64> {
        match plan.size() {
            Size::Exact(size) => Some(size),
            // Renditions appear under their names complete, or not at all.
            Size::Estimate { .. } => std::fs::metadata(self.store.path(key)).ok().map(|file| file.len()),
        }
    }
}
