//! The web page, and what it asks for.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use tonepress::store::Recipe;
use tonepress::{Plan, Profile};

use crate::Shop;
use crate::catalogue::Track;
use crate::failure::Failure;

pub(crate) async fn index() -> Html<&'static str> {
    Html(include_str!("page/index.html"))
}

pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page/style.css"))
}

pub(crate) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("page/app.js"))
}

pub(crate) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("page/icon.svg"))
}

/// What all answers say: nothing is taken for anything else, and the page loads nothing from elsewhere.
pub(crate) async fn harden(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                          media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                          frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[derive(Serialize)]
pub(crate) struct TrackJson {
    id: String,
    title: String,
    artist: String,
    album: String,
    lyrics: String,
    /// In seconds.
    duration: f64,
    offers: Vec<OfferJson>,
}

#[derive(Serialize)]
struct OfferJson {
    profile: String,
    /// Of the download, tag and all; the likely size unless `exact`.
    bytes: u64,
    exact: bool,
    /// In cents, for the music alone: what is said in the tag is free.
    price: u64,
}

/// `/tracks`: everything that is for sale, and at what price.
pub(crate) async fn tracks(State(shop): State<Arc<Shop>>) -> Json<Vec<TrackJson>> {
    Json(shop.catalogue.tracks().iter().map(|track| shop.describe(track)).collect())
}

impl Shop {
    fn describe(&self, track: &Track) -> TrackJson {
        // What a master does not allow is not on offer.
        let offers = self.profiles.iter().filter_map(|profile| self.price(track, profile)).collect();
        TrackJson {
            id: track.id.clone(),
            title: track.title.clone(),
            artist: track.artist.clone(),
            album: track.album.clone(),
            lyrics: track.lyrics.clone(),
            duration: track.master.info().seconds(),
            offers,
        }
    }

    fn price(&self, track: &Track, profile: &Profile) -> Option<OfferJson> {
        let plan = Plan::new(track.master.info(), profile).ok()?;
        let recipe = track.master.known_id().and_then(|id| Recipe::new(id, *plan.resolved()).ok());
        let known = recipe.map_or_else(
            || plan.size().is_exact().then(|| plan.size().likely()),
            |recipe| self.known_size(&plan, &recipe.key()),
        );
        let size = known.unwrap_or(plan.size().likely());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, and is never negative
        let price = (size as f64 / 1e6 * self.price_per_mb * 100.0).ceil() as u64;
        let bytes = track.overlay.len() + size;
        Some(OfferJson { profile: profile.to_string(), bytes, exact: known.is_some(), price })
    }
}

#[derive(Default, Serialize)]
pub(crate) struct ProgressJson {
    /// How much is pressed, 0 to 1.
    done: f64,
    complete: bool,
    /// The stretches that can be had at once, as parts of the music, 0 to 1.
    ready: Vec<(f64, f64)>,
    /// What it costs, as far as that is known now.
    offer: Option<OfferJson>,
}

/// `/tracks/{id}/{profile}/progress`: how much of a rendition exists.
pub(crate) async fn progress(
    State(shop): State<Arc<Shop>>,
    Path((id, profile)): Path<(String, String)>,
) -> Result<impl IntoResponse, Failure> {
    let track = shop.catalogue.track(&id).ok_or(Failure::NotFound)?;
    let profile = shop.offer(&profile).ok_or(Failure::NotFound)?;
    let offer = shop.price(track, &profile);
    let progress =
        shop.engine.find(&track.master, &profile)?.map_or_else(ProgressJson::default, |rendition| {
            let (progress, size) = (rendition.progress(), rendition.len().likely() as f64);
            let part = |range: std::ops::Range<u64>| (range.start as f64 / size, range.end as f64 / size);
            ProgressJson {
                done: progress.segments_done as f64 / progress.segments as f64,
                complete: progress.complete,
                ready: rendition.ready().into_iter().map(part).collect(),
                offer: None,
            }
        });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(ProgressJson { offer, ..progress })))
}

/// `/tracks/{id}/cover`: the master's picture, or one drawn for it.
pub(crate) async fn cover(
    State(shop): State<Arc<Shop>>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    // SVG could bring scripts along: that is served only if it is ours.
    const KINDS: [&str; 5] = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp"];
    let track = shop.catalogue.track(&id).ok_or(Failure::NotFound)?;
    let picture = track.cover.as_ref().and_then(|picture| {
        let kind = KINDS.into_iter().find(|kind| *kind == picture.mime)?;
        Some((kind, picture.data.to_vec()))
    });
    let (kind, data) = picture.unwrap_or_else(|| ("image/svg+xml", drawn(&track.id).into_bytes()));
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=3600")], data))
}

/// A record on a ground of two colours, always the same for one track.
fn drawn(id: &str) -> String {
    let hash = blake3::hash(id.as_bytes());
    let byte = |at: usize| u32::from(hash.as_bytes()[at]);
    let hue = byte(0) * 360 / 256;
    let other = (hue + 30 + byte(1) * 60 / 256) % 360;
    let (x, y) = (180 + byte(2) * 240 / 256, 180 + byte(3) * 240 / 256);
    let mut grooves = String::new();
    for ring in 0..9 {
        let (radius, opacity) = (90 + ring * 44, 26 - ring * 2);
        // Writing to a string cannot fail.
        let _ = write!(grooves, "<circle cx='{x}' cy='{y}' r='{radius}' stroke-opacity='.{opacity:02}'/>");
    }
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 600 600'>\
         <defs><linearGradient id='g' x1='0' y1='0' x2='1' y2='1'>\
         <stop stop-color='hsl({hue} 62% 58%)'/><stop offset='1' stop-color='hsl({other} 58% 32%)'/>\
         </linearGradient></defs><rect width='600' height='600' fill='url(#g)'/>\
         <g fill='none' stroke='white' stroke-width='3'>{grooves}</g>\
         <circle cx='{x}' cy='{y}' r='46' fill='white' fill-opacity='.92'/>\
         <circle cx='{x}' cy='{y}' r='9' fill='hsl({other} 58% 32%)'/></svg>"
    )
}
