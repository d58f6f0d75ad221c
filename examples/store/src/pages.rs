//! The web page. It is the same for all shops; what differs it asks for.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};

use crate::Store;
use crate::failure::Failure;
use crate::visit::Visit;

/// The files of the page, compiled in.
const FILES: [(&str, &str, &str); 8] = [
    ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    ("main.js", SCRIPT, include_str!("page/main.js")),
    ("dom.js", SCRIPT, include_str!("page/dom.js")),
    ("player.js", SCRIPT, include_str!("page/player.js")),
    ("views.js", SCRIPT, include_str!("page/views.js")),
    ("sheet.js", SCRIPT, include_str!("page/sheet.js")),
    ("download.js", SCRIPT, include_str!("page/download.js")),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// `/`, and the addresses of pages that the script makes.
pub(crate) async fn index(Extension(visit): Extension<Visit>) -> Html<String> {
    page(&visit)
}

pub(crate) async fn album(
    State(store): State<Arc<Store>>,
    Extension(visit): Extension<Visit>,
    Path(id): Path<String>,
) -> Result<Html<String>, Failure> {
    store.catalogue.album(&id).map(|_| page(&visit)).ok_or(Failure::NotFound)
}

pub(crate) async fn artist(
    State(store): State<Arc<Store>>,
    Extension(visit): Extension<Visit>,
    Path(id): Path<String>,
) -> Result<Html<String>, Failure> {
    store.catalogue.artist(&id).map(|_| page(&visit)).ok_or(Failure::NotFound)
}

/// The page with the shop's name, and its address, which all others are relative to.
fn page(visit: &Visit) -> Html<String> {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let (name, tagline) = (escaped(&visit.shop.name), escaped(&visit.shop.tagline));
    let text = include_str!("page/index.html");
    Html(
        text.replace("{{base}}", &format!("{}/", visit.base))
            .replace("{{name}}", &name)
            .replace("{{tagline}}", &tagline),
    )
}

/// `/page/{file}`
pub(crate) async fn file(Path(name): Path<String>) -> Result<Response, Failure> {
    let (_, kind, text) = FILES.into_iter().find(|(file, ..)| *file == name).ok_or(Failure::NotFound)?;
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response())
}

/// `/favicon.ico`, which browsers ask for where a page does not name another.
pub(crate) async fn icon() -> Result<Response, Failure> {
    file(Path("icon.svg".to_owned())).await
}

/// `/page/colours.css`: the shop's.
pub(crate) async fn colours(Extension(visit): Extension<Visit>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], visit.shop.accent.css())
}

/// What all answers say: nothing is taken for anything else, and the page loads nothing from elsewhere.
pub(crate) async fn harden(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                          media-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; \
                          frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
