//! A complete small music store: a folder of masters, an HTTP API, and a web page.
//!
//! `cargo run --release --example store -- MUSIC --cache CACHE`, then open <http://127.0.0.1:8080/>.
//!
//! Nothing is encoded in advance. A customer may play, seek in, and download any track at any bitrate on offer
//! at once; of constant bitrates the exact size and price are known before anything is pressed.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the web page |
//! | `GET /tracks` | the catalogue: titles, durations, sizes and prices, as JSON |
//! | `GET /tracks/{id}/cover` | the picture on the cover |
//! | `GET /tracks/{id}/{profile}.mp3` | the rendition with its tags; ranges, conditions, `HEAD` |
//! | `GET /tracks/{id}/{profile}/progress` | how much of it exists; presses nothing |
//! | `GET /metrics` | what the engine does, for Prometheus |
//!
//! What a real store has to add: who may download what (in front of `download`), TLS and HTTP/2 (a reverse
//! proxy), and a database in place of `catalogue`.

mod body;
mod catalogue;
mod conditions;
mod download;
mod failure;
mod file_name;
mod metrics;
mod pages;
mod range;
mod serve;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, Method, header};
use axum::routing::get;
use bytesize::ByteSize;
use clap::Parser;
use tonepress::engine::Shutdown;
use tonepress::store::Options;
use tonepress::{Engine, Profile, Store};
use tower_http::cors::{Any, CorsLayer};

use catalogue::Catalogue;

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
    /// The price of a megabyte (1,000,000 bytes) of music, in euros
    #[arg(long, default_value_t = 0.10)]
    price_per_mb: f64,
    /// What is on offer
    #[arg(long, value_delimiter = ',', default_value = "128,192,256,320,v0,v2")]
    profiles: Vec<Profile>,
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

/// What all handlers share.
struct Shop {
    store: Store,
    engine: Engine,
    catalogue: Catalogue,
    profiles: Vec<Profile>,
    price_per_mb: f64,
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
    let store = Options::new(arguments.cache).max_bytes(arguments.cache_size.as_u64()).open()?;
    let mut builder = Engine::builder().store(store.clone()).queue(arguments.queue);
    if let Some(threads) = arguments.threads {
        builder = builder.threads(threads);
    }
    let engine = builder.build()?;
    let catalogue = Catalogue::open(&arguments.masters)?;
    catalogue.identify_all(&store);

    let (profiles, price_per_mb) = (arguments.profiles, arguments.price_per_mb);
    let shop = Arc::new(Shop { store, engine: engine.clone(), catalogue, profiles, price_per_mb });
    let listener = serve::listen(arguments.listen)?;
    println!("{} tracks at http://{}/", shop.catalogue.tracks().len(), listener.local_addr()?);
    let connections = serve::until_told_to_stop(listener, router(shop)).await?;

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

fn router(shop: Arc<Shop>) -> Router {
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
        .route("/tracks", get(pages::tracks))
        .route("/tracks/{id}/cover", get(pages::cover))
        .route("/tracks/{id}/{file}", get(download::rendition))
        .route("/tracks/{id}/{profile}/progress", get(pages::progress))
        .layer(cors);
    Router::new()
        .route("/", get(pages::index))
        .route("/style.css", get(pages::style))
        .route("/app.js", get(pages::script))
        .route("/icon.svg", get(pages::icon))
        .route("/metrics", get(metrics::metrics))
        .merge(open)
        .layer(axum::middleware::map_response(pages::harden))
        .with_state(shop)
}
