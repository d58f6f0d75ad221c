//! Which shop a request is for, and who asks.
//!
//! To a stranger a shop for members only does not exist: its addresses are looked for in the other shops, and are nowhere.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, HOST, SET_COOKIE, VARY};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use tonepress::engine::Priority;

use crate::config::Shop;
use crate::failure::Failure;

/// The cookie that a member's browser keeps for a year.
const COOKIE_NAME: &str = "key";
const COOKIE_SECONDS: u32 = 365 * 24 * 60 * 60;

/// A request's shop and its asker.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) shop: Arc<Shop>,
    /// What the addresses of this visit begin with: the shop's path, or nothing at a host of its own.
    pub(crate) base: String,
    /// The name of the member who asks.
    pub(crate) member: Option<String>,
    pub(crate) priority: Priority,
}

/// Finds the shop, tells handlers of it, and takes its path off the address.
pub(crate) async fn enter(
    State(shops): State<Arc<[Arc<Shop>]>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some((visit, rest)) = find(&shops, request.headers(), request.uri().path()) else {
        return Failure::NotFound.into_response();
    };
    if rest.is_empty() {
        if visit.base.is_empty() {
            return Failure::NotFound.into_response();
        }
        // "/kiosk": what the page asks for is relative to "/kiosk/".
        return Redirect::permanent(&format!("{}/", visit.base)).into_response();
    }
    let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    let Ok(uri) = format!("{rest}{query}").parse::<Uri>() else { return Failure::NotFound.into_response() };
    *request.uri_mut() = uri;
    let private = visit.shop.members_only || visit.member.is_some();
    request.extensions_mut().insert(visit);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if private && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    if private {
        headers.append(VARY, HeaderValue::from_static("Cookie, Authorization"));
    }
    response
}

/// The shop of an address that opens to whoever asks, with the longest path, and the address within it.
fn find(shops: &[Arc<Shop>], headers: &HeaderMap, path: &str) -> Option<(Visit, String)> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
    let tokens = tokens(headers);
    let mut best: Option<(Visit, String)> = None;
    for shop in shops {
        let by_host = shop.host.as_ref() == Some(&host);
        let rest = if by_host { Some(path) } else { path.strip_prefix(&shop.path) };
        let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) else { continue };
        let member = tokens.iter().fold(None, |found, token| shop.member(token).or(found));
        let longer = best.as_ref().is_none_or(|(other, _)| shop.path.len() > other.shop.path.len());
        if (shop.members_only && member.is_none()) || !(longer || by_host) {
            continue;
        }
        let priority = member.map_or(shop.visitors, |member| member.class);
        let member = member.map(|member| member.name.clone());
        let base = if by_host { String::new() } else { shop.path.clone() };
        best = Some((Visit { shop: Arc::clone(shop), base, member, priority }, rest.to_owned()));
        if by_host {
            break;
        }
    }
    best
}

/// What may be keys: from the header, and from the cookies, of which there is one for each path.
fn tokens(headers: &HeaderMap) -> Vec<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = cookies.flat_map(|value| value.split(';')).filter_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == COOKIE_NAME).then_some(value)
    });
    bearer.into_iter().chain(cookies).take(8).collect()
}

#[derive(Deserialize)]
pub(crate) struct Key {
    token: String,
}

#[derive(Serialize)]
struct Opened {
    /// The address of the shop that the key opens.
    home: String,
}

/// `POST /enter`: a key is given for a cookie, whichever shop it opens. The body is JSON, which no other site's form can send.
pub(crate) async fn give_key(
    State(shops): State<Arc<[Arc<Shop>]>>,
    headers: HeaderMap,
    Json(key): Json<Key>,
) -> Result<Response, Failure> {
    let plain =
        key.token.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'\\'));
    let opened = shops.iter().fold(None, |found, shop| shop.member(&key.token).map(|_| shop).or(found));
    let shop = opened.filter(|_| plain).ok_or(Failure::NotFound)?;
    let home = format!("{}/", shop.path);
    // Behind a proxy that speaks TLS, and there only, the cookie is to come by TLS alone.
    let secure = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let cookie = format!(
        "{COOKIE_NAME}={}; Path={home}; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax{}",
        key.token,
        if secure { "; Secure" } else { "" },
    );
    let mut response = Json(Opened { home }).into_response();
    let cookie = HeaderValue::try_from(cookie).map_err(|_| Failure::NotFound)?;
    response.headers_mut().insert(SET_COOKIE, cookie);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(
        path: &str,
        headers: &[(axum::http::HeaderName, &str)],
    ) -> Option<(String, String, Option<String>)> {
        let shops: Vec<_> = crate::config::open(None).unwrap().into_iter().map(Arc::new).collect();
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        find(&shops, &headers, path).map(|(visit, rest)| (visit.shop.path.clone(), rest, visit.member))
    }

    #[test]
    fn addresses_lead_to_their_shop() {
        let open = |path: &str, rest: &str| Some((path.to_owned(), rest.to_owned(), None));
        assert_eq!(found("/", &[]), open("", "/"));
        assert_eq!(found("/album/1", &[]), open("", "/album/1"));
        assert_eq!(found("/kiosk", &[]), open("/kiosk", ""));
        assert_eq!(found("/kiosk/album/1", &[]), open("/kiosk", "/album/1"));
        assert_eq!(found("/kiosks", &[]), open("", "/kiosks"));
    }

    #[test]
    fn a_private_shop_is_nowhere_for_strangers() {
        let nowhere = Some((String::new(), "/cellar-7f3a91/".to_owned(), None));
        assert_eq!(found("/cellar-7f3a91/", &[]), nowhere);
        assert_eq!(found("/cellar-7f3a91/", &[(COOKIE, "key=example-of-robin-0000")]).unwrap().0, "");
        for headers in [
            (AUTHORIZATION, "Bearer example-of-ada-00000000"),
            (COOKIE, "a=b; key=example-of-ada-00000000"),
            (COOKIE, "key=stale; key=example-of-ada-00000000"),
        ] {
            let (path, rest, member) = found("/cellar-7f3a91/", &[headers]).unwrap();
            assert_eq!((&*path, &*rest, member.as_deref()), ("/cellar-7f3a91", "/", Some("Ada")));
        }
    }
}
