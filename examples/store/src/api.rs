//! What the page asks for, as JSON. Lists come in portions: `?from=60&count=60`.

use std::ops::Range;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tonepress::store::Recipe;
use tonepress::{Profile, Size};

use crate::Store;
use crate::catalogue::{Album, Artist};
use crate::failure::Failure;
use crate::notes::Notes;
use crate::track::Track;
use crate::visit::Visit;

/// As many as a list has at a time.
const MOST: usize = 200;

#[derive(Deserialize)]
pub(crate) struct Portion {
    #[serde(default)]
    q: String,
    #[serde(default)]
    from: usize,
    count: Option<usize>,
}

impl Portion {
    fn of(&self, total: usize) -> Range<usize> {
        let from = self.from.min(total);
        from..(from + self.count.unwrap_or(60).min(MOST)).min(total)
    }
}

#[derive(Serialize)]
pub(crate) struct ShopJson {
    name: String,
    tagline: String,
    currency: String,
    profiles: Vec<String>,
    /// The name of the member who asks.
    member: Option<String>,
    albums: usize,
    tracks: usize,
}

/// `/shop`: what this shop is.
pub(crate) async fn shop(
    State(store): State<Arc<Store>>,
    Extension(visit): Extension<Visit>,
) -> Json<ShopJson> {
    let shop = &visit.shop;
    Json(ShopJson {
        name: shop.name.clone(),
        tagline: shop.tagline.clone(),
        currency: shop.currency.clone(),
        profiles: shop.profiles.iter().map(Profile::to_string).collect(),
        member: visit.member,
        albums: store.catalogue.albums().len(),
        tracks: store.catalogue.tracks().len(),
    })
}

#[derive(Serialize)]
pub(crate) struct AlbumCard {
    id: String,
    title: String,
    artist: String,
    artist_id: String,
    year: String,
    tracks: usize,
    /// The track whose cover it has.
    cover: String,
}

#[derive(Serialize)]
pub(crate) struct ArtistCard {
    id: String,
    name: String,
    albums: usize,
}

#[derive(Serialize)]
pub(crate) struct TrackJson {
    id: String,
    title: String,
    artist: String,
    album: String,
    album_id: String,
    number: u32,
    /// In seconds.
    duration: f64,
    /// What it is to be had in; nothing in the results of a search.
    offers: Vec<OfferJson>,
}

#[derive(Serialize)]
pub(crate) struct OfferJson {
    profile: String,
    /// Of the download, tag and all; the likely size unless `exact`.
    bytes: u64,
    exact: bool,
    /// In minor units of the currency, for the music alone: what is said in the tag is free.
    price: u64,
}

#[derive(Serialize)]
pub(crate) struct List<T> {
    total: usize,
    items: Vec<T>,
}

/// `/albums`: all albums, by artist and year.
pub(crate) async fn albums(
    State(store): State<Arc<Store>>,
    Query(portion): Query<Portion>,
) -> Json<List<AlbumCard>> {
    let albums = store.catalogue.albums();
    let items = albums[portion.of(albums.len())].iter().map(|album| store.card(album)).collect();
    Json(List { total: albums.len(), items })
}

#[derive(Serialize)]
pub(crate) struct AlbumJson {
    #[serde(flatten)]
    card: AlbumCard,
    notes: Notes,
    tracks: Vec<TrackJson>,
    /// The whole album as one ZIP.
    offers: Vec<OfferJson>,
}

/// `/albums/{id}`
pub(crate) async fn album(
    State(store): State<Arc<Store>>,
    Extension(visit): Extension<Visit>,
    Path(id): Path<String>,
) -> Result<Json<AlbumJson>, Failure> {
    let album = store.catalogue.album(&id).ok_or(Failure::NotFound)?;
    let mut tracks = Vec::new();
    for track in &store.catalogue.tracks()[album.tracks.clone()] {
        tracks.push(store.track(&visit, track)?);
    }
    let offers = visit.shop.profiles.iter().filter_map(|profile| together(&tracks, profile)).collect();
    Ok(Json(AlbumJson { card: store.card(album), notes: album.notes.clone(), tracks, offers }))
}

/// What all tracks come to, if all are to be had so.
fn together(tracks: &[TrackJson], profile: &Profile) -> Option<OfferJson> {
    let name = profile.to_string();
    let mut sum = OfferJson { profile: name, bytes: 0, exact: true, price: 0 };
    for track in tracks {
        let offer = track.offers.iter().find(|offer| offer.profile == sum.profile)?;
        (sum.bytes, sum.price) = (sum.bytes + offer.bytes, sum.price + offer.price);
        sum.exact &= offer.exact;
    }
    Some(sum)
}

#[derive(Serialize)]
pub(crate) struct ArtistJson {
    id: String,
    name: String,
    albums: Vec<AlbumCard>,
}

/// `/artists/{id}`
pub(crate) async fn artist(
    State(store): State<Arc<Store>>,
    Path(id): Path<String>,
) -> Result<Json<ArtistJson>, Failure> {
    let artist = store.catalogue.artist(&id).ok_or(Failure::NotFound)?;
    let albums = artist.albums.iter().map(|&at| store.card(&store.catalogue.albums()[at])).collect();
    Ok(Json(ArtistJson { id, name: artist.name.clone(), albums }))
}

#[derive(Serialize)]
pub(crate) struct Found {
    total: usize,
    items: Vec<TrackJson>,
    albums: Vec<AlbumCard>,
    artists: Vec<ArtistCard>,
}

/// `/tracks`: all tracks, with offers, or with `?q=` those that are searched for, without.
pub(crate) async fn tracks(
    State(store): State<Arc<Store>>,
    Extension(visit): Extension<Visit>,
    Query(portion): Query<Portion>,
) -> Result<Json<Found>, Failure> {
    let catalogue = &store.catalogue;
    let mut found =
        Found { total: catalogue.tracks().len(), items: Vec::new(), albums: Vec::new(), artists: Vec::new() };
    if portion.q.is_empty() {
        for track in &catalogue.tracks()[portion.of(found.total)] {
            found.items.push(store.track(&visit, track)?);
        }
        return Ok(Json(found));
    }
    let (searched, query) = (Arc::clone(&store), portion.q.clone());
    let hits = crate::blocking(move || Ok(searched.catalogue.index().find(&query))).await?;
    found.total = hits.len();
    // What the best of them are on, and by whom.
    let (mut albums, mut artists): (Vec<&Album>, Vec<&Artist>) = (Vec::new(), Vec::new());
    if portion.from == 0 {
        for album in hits.iter().take(MOST).filter_map(|&at| catalogue.album_of(&catalogue.tracks()[at])) {
            let artist = &catalogue.artists()[album.artist];
            if albums.len() < 6 && !albums.iter().any(|other| other.id == album.id) {
                albums.push(album);
            }
            if artists.len() < 6
                && !artist.name.is_empty()
                && !artists.iter().any(|other| other.id == artist.id)
            {
                artists.push(artist);
            }
        }
    }
    found.albums = albums.into_iter().map(|album| store.card(album)).collect();
    let card = |artist: &Artist| ArtistCard {
        id: artist.id.clone(),
        name: artist.name.clone(),
        albums: artist.albums.len(),
    };
    found.artists = artists.into_iter().map(card).collect();
    found.items =
        hits[portion.of(hits.len())].iter().map(|&at| store.line(&catalogue.tracks()[at])).collect();
    Ok(Json(found))
}

#[derive(Serialize)]
pub(crate) struct Details {
    #[serde(flatten)]
    track: TrackJson,
    lyrics: String,
    /// Lines with the millisecond at which each begins.
    sung: Vec<(u32, String)>,
}

/// `/tracks/{id}`
pub(crate) async fn track(
    State(store): State<Arc<Store>>,
    Extension(visit): Extension<Visit>,
    Path(id): Path<String>,
) -> Result<Json<Details>, Failure> {
    let track = store.catalogue.track(&id).ok_or(Failure::NotFound)?;
    let details = store.details(track)?;
    let sung = details.sung.as_ref().map(|sung| sung.lines.clone()).unwrap_or_default();
    Ok(Json(Details { track: store.track(&visit, track)?, lyrics: details.lyrics.clone(), sung }))
}

impl Store {
    fn card(&self, album: &Album) -> AlbumCard {
        let artist = &self.catalogue.artists()[album.artist];
        AlbumCard {
            id: album.id.clone(),
            title: album.title.clone(),
            artist: artist.name.clone(),
            artist_id: artist.id.clone(),
            year: album.year.clone(),
            tracks: album.tracks.len(),
            cover: self.catalogue.tracks()[album.tracks.start].id.clone(),
        }
    }

    /// A track without what it is to be had in, which takes reading its tags.
    fn line(&self, track: &Track) -> TrackJson {
        TrackJson {
            id: track.id.clone(),
            title: track.title.clone(),
            artist: track.artist.clone(),
            album: track.album.clone(),
            album_id: self.catalogue.album_of(track).map(|album| album.id.clone()).unwrap_or_default(),
            number: track.number,
            duration: track.master.info().seconds(),
            offers: Vec::new(),
        }
    }

    fn track(&self, visit: &Visit, track: &Track) -> Result<TrackJson, Failure> {
        let tag = self.details(track)?.overlay.len();
        // What a master does not allow is not on offer.
        let offers =
            visit.shop.profiles.iter().filter_map(|profile| self.offer(visit, track, profile, tag)).collect();
        Ok(TrackJson { offers, ..self.line(track) })
    }

    /// What a track costs behind a tag of so many bytes.
    fn offer(&self, visit: &Visit, track: &Track, profile: &Profile, tag: u64) -> Option<OfferJson> {
        let plan = self.engine.plan(&track.master, profile).ok()?;
        let recipe = track.master.known_id().and_then(|id| Recipe::new(id, *plan.resolved()).ok());
        let size = recipe.map_or(plan.size(), |recipe| self.size(plan.size(), &recipe.key()));
        let (profile, price) = (profile.to_string(), visit.shop.price.of(size));
        Some(OfferJson { profile, bytes: tag + size.likely(), exact: size.is_exact(), price: price.minor() })
    }

    /// A size, which is exact once the rendition is there.
    pub(crate) fn size(&self, planned: Size, key: &tonepress::store::Key) -> Size {
        if planned.is_exact() {
            return planned;
        }
        // Renditions appear under their names complete, or not at all.
        std::fs::metadata(self.renditions.path(key)).map_or(planned, |file| Size::Exact(file.len()))
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
    State(store): State<Arc<Store>>,
    Extension(visit): Extension<Visit>,
    Path((id, profile)): Path<(String, String)>,
) -> Result<impl IntoResponse, Failure> {
    let track = store.catalogue.track(&id).ok_or(Failure::NotFound)?;
    let profile = visit.shop.offer(&profile).ok_or(Failure::NotFound)?;
    let tag = store.details(track)?.overlay.len();
    let offer = store.offer(&visit, track, &profile, tag);
    let progress =
        store.engine.find(&track.master, &profile)?.map_or_else(ProgressJson::default, |rendition| {
            let (progress, size) = (rendition.progress(), rendition.len().likely() as f64);
            let part = |range: Range<u64>| (range.start as f64 / size, range.end as f64 / size);
            ProgressJson {
                done: progress.segments_done as f64 / progress.segments as f64,
                complete: progress.complete,
                ready: rendition.ready().into_iter().map(part).collect(),
                offer: None,
            }
        });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(ProgressJson { offer, ..progress })))
}
