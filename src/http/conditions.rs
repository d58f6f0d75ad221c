//! Conditional requests (RFC 9110, section 13).

use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderName};

/// What the conditions of a request come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is to be answered.
    Answer,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client takes it for.
    Failed,
}

/// What conditions are judged by.
pub(super) struct Validators<'a> {
    /// Strong, with its quotes.
    pub(super) etag: &'a [u8],
    pub(super) modified: Option<SystemTime>,
}

impl Validators<'_> {
    /// Tags count for more than dates: where both are given, dates are not looked at.
    pub(super) fn verdict(&self, headers: &HeaderMap) -> Verdict {
        let failed = if headers.contains_key(IF_MATCH) {
            !listed(headers, IF_MATCH, |tag| tag == self.etag)
        } else {
            self.dates(headers, IF_UNMODIFIED_SINCE).is_some_and(|(modified, given)| modified > given)
        };
        if failed {
            return Verdict::Failed;
        }
        let had = if headers.contains_key(IF_NONE_MATCH) {
            // A weak comparison will do.
            listed(headers, IF_NONE_MATCH, |tag| tag.strip_prefix(b"W/").unwrap_or(tag) == self.etag)
        } else {
            self.dates(headers, IF_MODIFIED_SINCE).is_some_and(|(modified, given)| modified <= given)
        };
        if had { Verdict::NotModified } else { Verdict::Answer }
    }

    /// Whether a range may be answered: what the client has a part of is still the same.
    pub(super) fn range_applies(&self, headers: &HeaderMap) -> bool {
        let Some(given) = headers.get(IF_RANGE) else { return true };
        if given.as_bytes().ends_with(b"\"") {
            return given.as_bytes() == self.etag;
        }
        self.dates(headers, IF_RANGE).is_some_and(|(modified, given)| modified == given)
    }

    /// When the file was modified and the date in a header, in seconds; `None` if either is missing or no date.
    fn dates(&self, headers: &HeaderMap, name: HeaderName) -> Option<(u64, u64)> {
        let given = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
        Some((seconds(self.modified?), seconds(given)))
    }
}

/// HTTP's dates have no fractions of a second.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Whether one of the tags in a header fits, or it is `*`.
fn listed(headers: &HeaderMap, name: HeaderName, fits: impl Fn(&[u8]) -> bool) -> bool {
    headers
        .get_all(name)
        .iter()
        .any(|value| value.as_bytes().trim_ascii() == b"*" || tags(value.as_bytes()).any(&fits))
}

/// The tags in a list, with their quotes; the list ends where it is broken.
fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        let tag = &rest[start..];
        let opening = if tag.starts_with(b"W/") { 2 } else { 0 };
        if tag.get(opening) != Some(&b'"') {
            return None;
        }
        let length = tag[opening + 1..].iter().position(|&byte| byte == b'"')? + opening + 2;
        rest = &tag[length..];
        Some(&tag[..length])
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOVEMBER: &str = "Tue, 24 Nov 2026 10:00:00 GMT";

    fn validators() -> Validators<'static> {
        Validators { etag: b"\"a\"", modified: httpdate::parse_http_date(NOVEMBER).ok() }
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn date(seconds: i64) -> String {
        let then = httpdate::parse_http_date(NOVEMBER).unwrap();
        let by = Duration::from_secs(seconds.unsigned_abs());
        httpdate::fmt_http_date(if seconds < 0 { then - by } else { then + by })
    }

    #[test]
    fn who_has_it_is_told_so() {
        for (given, verdict) in [
            ("\"a\"", Verdict::NotModified),
            ("W/\"a\"", Verdict::NotModified),
            ("\"b\" , \"a\"", Verdict::NotModified),
            ("\"b,c\",W/\"a\"", Verdict::NotModified),
            ("*", Verdict::NotModified),
            ("\"b\"", Verdict::Answer),
            ("\"a", Verdict::Answer),
            ("a", Verdict::Answer),
            ("", Verdict::Answer),
        ] {
            assert_eq!(validators().verdict(&headers(&[(IF_NONE_MATCH, given)])), verdict, "{given}");
        }
        assert_eq!(validators().verdict(&HeaderMap::new()), Verdict::Answer);
    }

    #[test]
    fn only_strong_tags_match() {
        for (given, verdict) in [
            ("\"a\"", Verdict::Answer),
            ("*", Verdict::Answer),
            ("W/\"a\"", Verdict::Failed),
            ("\"b\"", Verdict::Failed),
        ] {
            assert_eq!(validators().verdict(&headers(&[(IF_MATCH, given)])), verdict, "{given}");
        }
    }

    #[test]
    fn dates_count_where_there_are_no_tags() {
        for (name, before, same, after) in [
            (IF_MODIFIED_SINCE, Verdict::Answer, Verdict::NotModified, Verdict::NotModified),
            (IF_UNMODIFIED_SINCE, Verdict::Failed, Verdict::Answer, Verdict::Answer),
        ] {
            for (seconds, verdict) in [(-1, before), (0, same), (1, after)] {
                assert_eq!(
                    validators().verdict(&headers(&[(name.clone(), &date(seconds))])),
                    verdict,
                    "{name}"
                );
            }
            assert_eq!(validators().verdict(&headers(&[(name, "yesterday")])), Verdict::Answer);
        }
        let both = headers(&[(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, NOVEMBER)]);
        assert_eq!(validators().verdict(&both), Verdict::Answer);
        let both = headers(&[(IF_MATCH, "\"a\""), (IF_UNMODIFIED_SINCE, &date(-1))]);
        assert_eq!(validators().verdict(&both), Verdict::Answer);
    }

    #[test]
    fn a_range_of_something_else_does_not_apply() {
        assert!(validators().range_applies(&HeaderMap::new()));
        for given in ["\"a\"", NOVEMBER] {
            assert!(validators().range_applies(&headers(&[(IF_RANGE, given)])), "{given}");
        }
        for given in ["\"b\"", "W/\"a\"", &date(1), &date(-1), "a"] {
            assert!(!validators().range_applies(&headers(&[(IF_RANGE, given)])), "{given}");
        }
    }
}
