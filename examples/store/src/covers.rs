//! Pictures: the master's, at the size of a page's places, or one drawn for it.

use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{ImageReader, Limits};
use serde::Deserialize;

use crate::Store;
use crate::failure::Failure;

/// The edges, in pixels, that covers are made in.
const EDGES: [u32; 3] = [160, 400, 800];
/// What a picture may take while it is made smaller: hostile ones are said to be huge.
const MAX_EDGE: u32 = 8_000;
const MAX_BYTES: u64 = 300 << 20;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    edge: Option<u32>,
}

/// A picture and its type.
pub(crate) type Cover = (&'static str, Bytes);

/// `/tracks/{id}/cover?edge=400`
pub(crate) async fn cover(
    State(store): State<Arc<Store>>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<impl IntoResponse, Failure> {
    let track = store.catalogue.track(&id).ok_or(Failure::NotFound)?;
    let edge =
        wanted.edge.and_then(|wanted| EDGES.into_iter().find(|&edge| edge >= wanted)).unwrap_or(EDGES[2]);
    let name = format!("{id} {edge}");
    let made = if let Some(made) = store.covers.get(&name) {
        made
    } else {
        let picture = store.details(track)?.cover.clone();
        let made = match picture {
            Some(picture) => crate::blocking(move || Ok(smaller(&picture.data, edge))).await?,
            None => None,
        };
        let made = made.unwrap_or_else(|| ("image/svg+xml", drawn(&id).into()));
        store.covers.put(&name, made.clone());
        made
    };
    let (kind, bytes) = made;
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=86400")], bytes))
}

/// A picture as JPEG, no edge longer than `edge`; `None` if it is none that can be read.
fn smaller(data: &[u8], edge: u32) -> Option<Cover> {
    let mut reader = ImageReader::new(Cursor::new(data)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_EDGE), Some(MAX_EDGE));
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let picture = reader.decode().ok()?;
    let picture = if picture.width().max(picture.height()) > edge {
        picture.resize(edge, edge, FilterType::CatmullRom)
    } else {
        picture
    };
    let mut bytes = Vec::new();
    picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 84)).ok()?;
    Some(("image/jpeg", bytes.into()))
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
