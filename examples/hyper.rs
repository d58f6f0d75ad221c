//! A master over HTTP, at any profile: ranges, conditions, exact lengths and tags with hyper alone.
//!
//! `cargo run --release --features http --example hyper -- testdata/strings.flac`, then
//! `curl -r 900000- http://127.0.0.1:3000/320 | mpg123 -`

use std::error::Error;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tonepress::http::{Body, Representation, answer};
use tonepress::master::Master;
use tonepress::store::Recipe;
use tonepress::tags::id3::Id3Options;
use tonepress::{Engine, Overlay, Profile, WithOverlay};

struct Track {
    engine: Engine,
    master: Master,
    overlay: Overlay,
}

/// What cannot be had ends the connection; a real server would say why.
async fn serve(track: Arc<Track>, request: Request<Incoming>) -> tonepress::Result<Response<Body>> {
    let profile: Profile = request.uri().path().trim_start_matches('/').parse()?;
    let plan = track.engine.plan(&track.master, &profile)?;
    let key = Recipe::new(track.master.id()?, *plan.resolved())?.key();
    let what = Representation::rendition(&key, plan.size(), &track.overlay);
    let open = || {
        track.engine.request(&track.master, &profile).map(|it| WithOverlay::new(it, track.overlay.clone()))
    };
    answer(request.method(), request.headers(), &what, open).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let path = arguments.first().ok_or("usage: hyper MASTER [ADDRESS]")?;
    let (engine, master) = (Engine::builder().build()?, Master::open(path)?);
    master.id()?; // hashed once, now
    let overlay = Overlay::new(&master.tags()?, &Id3Options::default());
    let track = Arc::new(Track { engine, master, overlay });
    let listener = TcpListener::bind(arguments.get(1).map_or("127.0.0.1:3000", |address| address)).await?;
    println!("http://{}/320", listener.local_addr()?);
    loop {
        let (stream, track) = (TokioIo::new(listener.accept().await?.0), Arc::clone(&track));
        let service = service_fn(move |request| serve(Arc::clone(&track), request));
        tokio::spawn(http1::Builder::new().serve_connection(stream, service));
    }
}
