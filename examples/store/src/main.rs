//! Complete music shops: a folder of masters, an HTTP API, and a web page.
//!
//! `cargo run --release -p tonepress-store -- MUSIC --cache CACHE`, then open <http://127.0.0.1:8080/>.
//!
//! Nothing is encoded in advance. A customer may play, seek in, and download any track at any bitrate on offer at once, and any
//! album as one ZIP; of constant bitrates the exact size and price are known before anything is pressed. `shops.toml` says which
//! shops there are: they share one engine and one cache, so what one has pressed is a hit in the others.
//!
//! Below each shop's address:
//!
//! | request | answer |
//! |---|---|
//! | `GET /`, `/album/{id}`, `/artist/{id}`, `/search` | the web page |
//! | `GET /shop`, `/albums`, `/albums/{id}`, `/artists/{id}`, `/tracks`, `/tracks?q=`, `/tracks/{id}` | the catalogue, sizes and prices, as JSON |
//! | `GET /tracks/{id}/cover` | the picture on the cover |
//! | `GET /tracks/{id}/{profile}.mp3` | the rendition with its tags; ranges, conditions, `HEAD` |
//! | `GET /albums/{id}/{profile}.zip` | the album; ranges, conditions, `HEAD` |
//! | `GET /tracks/{id}/{profile}/progress` | how much of it exists; presses nothing |
//! | `POST /enter` | a member's token becomes a cookie |
//!
//! `GET /metrics` tells what the engine does, for Prometheus.
//!
//! What a real store has to add: payment, TLS and HTTP/2 (a reverse proxy), and a database in place of `catalogue`.

mod api;
mod catalogue;
mod colours;
mod config;
mod covers;
mod download;
mod failure;
mod file_name;
mod keep;
mod metrics;
mod notes;
mod pages;
mod search;
mod serve;
mod track;
mod visit;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, Method, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};
use bytesize::ByteSize;
use clap::Parser;
use tonepress::engine::Shutdown;
use tonepress::store::Options;
use tonepress::{Engine, Error};
use tower_http::cors::{Any, CorsLayer};

use catalogue::Catalogue;
use config::Shop;
use covers::Cover;
use keep::Keep;
use track::Track;

/// How many tracks' tags, and how many covers, are kept in memory.
const DETAILS: usize = 64;
const COVERS: usize = 1_000;

/// Sells the masters in a folder as MP3, at whatever bitrate is asked for.
#[derive(Parser)]
struct Arguments {
    /// The folder with the masters (FLAC, WAV, AIFF, ALAC)
    masters: PathBuf,
    /// The folder of the store that keeps what was pressed
    #[arg(long, env = "TONEPRESS_CACHE")]
    cache: PathBuf,
    /// What the store may take at most
    #[arg(long, default_value = "20GiB")]
    cache_size: ByteSize,
    /// Where to listen; with port 0 a free one is chosen
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The shops; without it those of examples/store/shops.toml
    #[arg(long)]
    shops: Option<PathBuf>,
    /// How many threads press; all cores unless given
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// How many renditions may be being pressed or wait for it; more are asked to come again later
    #[arg(long, default_value_t = 256)]
    queue: usize,
    /// How long to wait for downloads and pressing after SIGTERM, in seconds
    #[arg(long, default_value_t = 10)]
    grace: u64,
}

/// What all shops share.
struct Store {
    renditions: tonepress::Store,
    engine: Engine,
    catalogue: Catalogue,
    details: Keep<track::Shared>,
    covers: Keep<Cover>,
}

impl Store {
    /// What is said of a track, read now unless it is still known.
    fn details(&self, track: &Track) -> Result<track::Shared, Error> {
        if let Some(details) = self.details.get(&track.id) {
            return Ok(details);
        }
        let notes = self.catalogue.album_of(track).map(|album| album.notes.clone()).unwrap_or_default();
        let details = Arc::new(tokio::task::block_in_place(|| track.details(&notes))?);
        self.details.put(&track.id, Arc::clone(&details));
        Ok(details)
    }
}

/// Does what waits for disks or takes time, where nobody waits for it but who asks.
async fn blocking<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(what).await;
    done.unwrap_or_else(|panic| Err(Error::Internal { detail: panic.to_string() }))
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let shops: Arc<[Arc<Shop>]> =
        config::open(arguments.shops.as_deref())?.into_iter().map(Arc::new).collect();
    let renditions = Options::new(arguments.cache).max_bytes(arguments.cache_size.as_u64()).open()?;
    let mut builder = Engine::builder().store(renditions.clone()).queue(arguments.queue);
    if let Some(threads) = arguments.threads {
        builder = builder.threads(threads);
    }
    let engine = builder.build()?;
    let catalogue = Catalogue::open(&arguments.masters)?;
    catalogue.identify_all(&renditions);

    let (details, covers) = (Keep::new(DETAILS), Keep::new(COVERS));
    let store = Arc::new(Store { renditions, engine: engine.clone(), catalogue, details, covers });
    let listener = serve::listen(arguments.listen)?;
    println!("{} tracks at http://{}/", store.catalogue.tracks().len(), listener.local_addr()?);
    let connections = serve::until_told_to_stop(listener, router(store, shops)).await?;

    // Downloads go on, and what was asked for is pressed to its end; but not for ever.
    let finish = tokio::task::spawn_blocking({
        let engine = engine.clone();
        move || engine.shutdown(Shutdown::Finish)
    });
    let orderly = async { tokio::join!(connections.shutdown(), finish) };
    if tokio::time::timeout(Duration::from_secs(arguments.grace), orderly).await.is_err() {
        tokio::task::spawn_blocking(move || engine.shutdown(Shutdown::Cancel)).await?;
    }
    Ok(())
}

fn router(store: Arc<Store>, shops: Arc<[Arc<Shop>]>) -> Router {
    // Anybody's page may play what anybody may download, and see what it needs for that.
    let exposed: [HeaderName; 6] = [
        header::ACCEPT_RANGES,
        header::CONTENT_DISPOSITION,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::ETAG,
        header::RETRY_AFTER,
    ];
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers(Any)
        .expose_headers(exposed);
    let open = Router::new()
        .route("/shop", get(api::shop))
        .route("/albums", get(api::albums))
        .route("/albums/{id}", get(api::album))
        .route("/albums/{id}/{file}", get(download::album))
        .route("/artists/{id}", get(api::artist))
        .route("/tracks", get(api::tracks))
        .route("/tracks/{id}", get(api::track))
        .route("/tracks/{id}/cover", get(covers::cover))
        .route("/tracks/{id}/{file}", get(download::rendition))
        .route("/tracks/{id}/{profile}/progress", get(api::progress))
        .layer(cors);
    let shop = Router::new()
        .route("/", get(pages::index))
        .route("/search", get(pages::index))
        .route("/album/{id}", get(pages::album))
        .route("/artist/{id}", get(pages::artist))
        .route("/page/colours.css", get(pages::colours))
        .route("/page/{file}", get(pages::file))
        .route("/favicon.ico", get(pages::icon))
        .merge(open)
        .with_state(Arc::clone(&store))
        .route("/enter", post(visit::give_key).with_state(Arc::clone(&shops)))
        .fallback(|| async { failure::Failure::NotFound });
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .with_state(store)
        .fallback_service(Router::new().fallback_service(shop).layer(from_fn_with_state(shops, visit::enter)))
        .layer(map_response(pages::harden))
}
