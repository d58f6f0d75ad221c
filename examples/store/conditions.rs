//! Conditional requests (RFC 9110, section 13), by `ETag` alone: renditions have no date that would tell
//! one from another.

use axum::http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use axum::http::{HeaderMap, HeaderName};

/// What the conditions of a request come to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is to be answered.
    Answer,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client takes it for.
    Failed,
}

pub(crate) fn verdict(headers: &HeaderMap, etag: &str) -> Verdict {
    if headers.contains_key(IF_MATCH) && !listed(headers, IF_MATCH, |given| given == etag) {
        return Verdict::Failed;
    }
    // Here a weak comparison will do.
    if listed(headers, IF_NONE_MATCH, |given| given.strip_prefix("W/").unwrap_or(given) == etag) {
        return Verdict::NotModified;
    }
    Verdict::Answer
}

/// Whether a range may be answered: what the client has a part of is still the same.
pub(crate) fn range_applies(headers: &HeaderMap, etag: &str) -> bool {
    headers.get(IF_RANGE).is_none_or(|given| given.as_bytes() == etag.as_bytes())
}

/// Whether one of the tags in a header fits, or it is `*`. Our own tags have no commas in them.
fn listed(headers: &HeaderMap, name: HeaderName, fits: impl Fn(&str) -> bool) -> bool {
    let values = headers.get_all(name);
    let mut tags = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    tags.any(|tag| tag.trim() == "*" || fits(tag.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn who_has_it_is_told_so() {
        for (given, verdict_is) in [
            ("\"a\"", Verdict::NotModified),
            ("W/\"a\"", Verdict::NotModified),
            ("\"b\" , \"a\"", Verdict::NotModified),
            ("*", Verdict::NotModified),
            ("\"b\"", Verdict::Answer),
            ("a", Verdict::Answer),
            ("", Verdict::Answer),
        ] {
            assert_eq!(verdict(&headers(IF_NONE_MATCH, given), "\"a\""), verdict_is, "{given}");
        }
        assert_eq!(verdict(&HeaderMap::new(), "\"a\""), Verdict::Answer);
    }

    #[test]
    fn only_strong_tags_match() {
        for (given, verdict_is) in [
            ("\"a\"", Verdict::Answer),
            ("*", Verdict::Answer),
            ("W/\"a\"", Verdict::Failed),
            ("\"b\"", Verdict::Failed),
        ] {
            assert_eq!(verdict(&headers(IF_MATCH, given), "\"a\""), verdict_is, "{given}");
        }
    }

    #[test]
    fn a_range_of_something_else_does_not_apply() {
        assert!(range_applies(&HeaderMap::new(), "\"a\""));
        assert!(range_applies(&headers(IF_RANGE, "\"a\""), "\"a\""));
        for given in ["\"b\"", "W/\"a\"", "Tue, 24 Nov 2026 10:00:00 GMT"] {
            assert!(!range_applies(&headers(IF_RANGE, given), "\"a\""), "{given}");
        }
    }
}
