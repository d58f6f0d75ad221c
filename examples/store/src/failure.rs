//! What is answered when something fails.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tonepress::Error;

/// Why there is no answer.
pub(crate) enum Failure {
    /// There is no such thing.
    NotFound,
    /// It failed.
    Pressing(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Pressing(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, retry_after, text) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, None, "there is no such thing"),
            // Such as 320 kbps of a master that has too low a rate for it.
            Self::Pressing(Error::Profile { .. }) => {
                (StatusCode::NOT_FOUND, None, "this track is not to be had so")
            }
            Self::Pressing(Error::Busy { retry_after, .. }) => {
                let seconds = retry_after.as_secs_f64().ceil().max(1.0);
                (StatusCode::TOO_MANY_REQUESTS, Some(seconds), "busy; come again in a moment")
            }
            Self::Pressing(Error::ShuttingDown | Error::Cancelled { .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, Some(5.0), "restarting; come again in a moment")
            }
            Self::Pressing(error) => {
                // Its text has paths in it, which are nobody's business.
                eprintln!("error: {error}");
                (StatusCode::INTERNAL_SERVER_ERROR, None, "this track is damaged and cannot be had")
            }
        };
        let mut response = (status, format!("{text}\n")).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) =
            retry_after.and_then(|seconds| HeaderValue::try_from(format!("{seconds}")).ok())
        {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
