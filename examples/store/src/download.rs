//! Renditions and albums over HTTP: what players and downloads ask for.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use tonepress::engine::{OnDrop, Request};
use tonepress::http::{Body, Representation, answer};
use tonepress::store::{Key, Recipe};
use tonepress::zip::{Member, Zip};
use tonepress::{Profile, Size, WithOverlay};

use crate::Store;
use crate::catalogue::Album;
use crate::failure::Failure;
use crate::file_name::{attachment, sane};
use crate::track::{self, Track};
use crate::visit::Visit;

/// `/tracks/{id}/{profile}.mp3`: the rendition behind its tag.
///
/// A client that goes away lets go of the rendition, which is finished all the same: players drop
/// connections whenever somebody seeks, and whoever has listened may come back to buy. The engine's
/// queue bounds what that can come to.
pub(crate) async fn rendition(
    State(store): State<Arc<Store>>,
    Extension(visit): Extension<Visit>,
    Path((id, file)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let track = store.catalogue.track(&id).ok_or(Failure::NotFound)?;
    let profile = asked(&visit, &file, ".mp3")?;
    if let Some(elsewhere) = one_name(&visit, &format!("tracks/{id}"), &file, &profile, ".mp3") {
        return Ok(elsewhere);
    }
    let details = store.details(track)?;
    let (key, size) = store.key(track, &profile).await?;
    let what = Representation::rendition(&key, size, &details.overlay);
    let request = Request { priority: visit.priority, on_drop: OnDrop::Finish };
    let open = || {
        let rendition = store.engine.request_with(&track.master, &profile, request)?;
        Ok(WithOverlay::new(rendition, details.overlay.clone()))
    };
    let response = answer(&method, &headers, &what, open).await?;
    Ok(named(response, &format!("{} ({profile})", track.file_name()), ".mp3"))
}

/// `/albums/{id}/{profile}.zip`: all tracks of an album. What a range does not touch is not pressed for it.
pub(crate) async fn album(
    State(store): State<Arc<Store>>,
    Extension(visit): Extension<Visit>,
    Path((id, file)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let album = store.catalogue.album(&id).ok_or(Failure::NotFound)?;
    let profile = asked(&visit, &file, ".zip")?;
    if let Some(elsewhere) = one_name(&visit, &format!("albums/{id}"), &file, &profile, ".zip") {
        return Ok(elsewhere);
    }
    let zip = store.zip(&visit, album, &profile, method == Method::HEAD).await?;
    let Some(zip) = zip else {
        // A variable bitrate: how long it is will be known when it is pressed, and HEAD waits for nothing.
        let body = axum::body::Body::new(Body::unknown());
        return Ok(([(header::CONTENT_TYPE, "application/zip")], body).into_response());
    };
    let kind = HeaderValue::from_static("application/zip");
    let what = Representation::new(&zip.etag(), kind, Size::Exact(zip.len())).ok_or(Failure::NotFound)?;
    let response = answer(&method, &headers, &what, || Ok(zip)).await?;
    Ok(named(response, &store.album_name(album, &profile), ".zip"))
}

/// The profile that a file's name asks for.
fn asked(visit: &Visit, file: &str, extension: &str) -> Result<Profile, Failure> {
    file.strip_suffix(extension).and_then(|name| visit.shop.offer(name)).ok_or(Failure::NotFound)
}

/// One name for one thing, for the sake of caches: whoever uses another is sent there.
fn one_name(visit: &Visit, folder: &str, file: &str, profile: &Profile, extension: &str) -> Option<Response> {
    let name = format!("{profile}{extension}");
    let place = format!("{}/{folder}/{name}", visit.base);
    (file != name).then(|| Redirect::permanent(&place).into_response())
}

/// An answer with what a store adds to it.
fn named(response: axum::http::Response<Body>, name: &str, extension: &str) -> Response {
    let mut response = response.map(axum::body::Body::new);
    if response.status().is_success() {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment(name, extension));
    }
    // The tag is strong, so asking whether it still holds is cheap, and a master may be replaced.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

impl Store {
    /// The key that a rendition has in the cache, and its size as far as it is known.
    async fn key(&self, track: &Track, profile: &Profile) -> Result<(Key, Size), Failure> {
        let plan = self.engine.plan(&track.master, profile)?;
        let master = track.identify(&self.renditions).await?;
        let key = Recipe::new(master, *plan.resolved())?.key();
        Ok((key, self.size(plan.size(), &key)))
    }

    fn album_name(&self, album: &Album, profile: &Profile) -> String {
        let artist = &self.catalogue.artists()[album.artist].name;
        let dash = if artist.is_empty() { "" } else { " - " };
        format!("{artist}{dash}{} ({profile})", album.title)
    }

    /// An album as a ZIP. Of a variable bitrate all tracks are pressed first, or `None` if nothing is to be waited for.
    async fn zip(
        &self,
        visit: &Visit,
        album: &Album,
        profile: &Profile,
        at_once: bool,
    ) -> Result<Option<Zip>, Failure> {
        let folder = sane(&self.album_name(album, profile));
        let mut names = HashSet::new();
        let mut members = Vec::new();
        for (at, track) in self.catalogue.tracks()[album.tracks.clone()].iter().enumerate() {
            let details = self.details(track)?;
            let (key, mut size) = self.key(track, profile).await?;
            if !size.is_exact() {
                if at_once {
                    return Ok(None);
                }
                size = self.pressed(visit, track, profile).await?;
            }
            let mut name = format!("{folder}/{:02} {}.mp3", at + 1, sane(&track.title));
            if !names.insert(name.clone()) {
                name = format!("{folder}/{:02} {} ({}).mp3", at + 1, sane(&track.title), track.id);
            }
            members.push(self.member(visit, track, profile, details, &key, (name, size.likely())));
        }
        Ok(Some(Zip::new(members)?))
    }

    /// Waits until a rendition is there, and tells its size.
    async fn pressed(&self, visit: &Visit, track: &Track, profile: &Profile) -> Result<Size, Failure> {
        let request = Request { priority: visit.priority, on_drop: OnDrop::Finish };
        let mut rendition = self.engine.request_with(&track.master, profile, request)?;
        let size = std::future::poll_fn(|context| {
            tonepress::poll_bytes::PollBytes::poll_size(&mut rendition, context)
        });
        Ok(Size::Exact(size.await?))
    }

    fn member(
        &self,
        visit: &Visit,
        track: &Track,
        profile: &Profile,
        details: track::Shared,
        key: &Key,
        (name, size): (String, u64),
    ) -> Member {
        let (engine, master, profile, priority) =
            (self.engine.clone(), track.master.clone(), *profile, visit.priority);
        let tag = details.overlay.len();
        let etag = details.overlay.etag(key);
        Member::new(name, etag, tag + size, move |range| {
            // All of it is finished even if its client goes: it will come back for the rest. This store accepts no renditions of
            // older builds; one that does asks for a range here, too.
            let rendition = if range == (0..tag + size) {
                engine.request_with(&master, &profile, Request { priority, on_drop: OnDrop::Finish })?
            } else {
                let [start, end] = [range.start, range.end].map(|at| at.saturating_sub(tag));
                engine.request_range(&master, &profile, start..end, priority)?
            };
            Ok(Box::new(WithOverlay::new(rendition, details.overlay.clone())))
        })
    }
}
