//! The `Range` header (RFC 9110, section 14).
//!
//! It depends on nothing else, so that it can be fuzzed by itself.

use std::ops::Range;

/// What of a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it, by 200.
    All,
    /// A part, by 206: not empty, and within the file.
    Part(Range<u64>),
    /// Nothing that there is: 416.
    Nothing,
}

/// What `header` asks for of a file of `size` bytes.
///
/// Headers that are no ranges of bytes are ignored, as the standard has it; and so are those with several
/// ranges, which it allows: no player sends them, and answering them has been a way of bringing servers
/// down.
pub(crate) fn parse(header: &str, size: u64) -> Wanted {
    match single(header) {
        None => Wanted::All,
        Some((Some(first), _)) if first >= size => Wanted::Nothing,
        Some((Some(first), last)) => {
            Wanted::Part(first..last.map_or(size, |last| last.saturating_add(1).min(size)))
        }
        Some((None, None | Some(0))) => Wanted::Nothing,
        Some((None, Some(_))) if size == 0 => Wanted::Nothing,
        Some((None, Some(suffix))) => Wanted::Part(size.saturating_sub(suffix)..size),
    }
}

/// The two numbers of a header with one range; a missing first one makes the second a suffix's length.
fn single(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = header.trim().split_once('=')?;
    let (first, last) = range.split_once('-')?;
    if !unit.trim_end().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (first.trim(), last.trim()) {
        ("", "") => None,
        ("", last) => Some((None, Some(number(last)?))),
        (first, "") => Some((Some(number(first)?), None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some((Some(first), Some(last)))
        }
    }
}

/// A number of digits only. What does not fit is far beyond every end.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Wanted, parse};

    #[test]
    fn parts_are_cut_at_the_end() {
        for (header, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-99", 0..100),
            ("bytes=0-1000", 0..100),
            ("bytes=7-", 7..100),
            ("bytes=99-", 99..100),
            ("bytes=-1", 99..100),
            ("bytes=-100", 0..100),
            ("bytes=-101", 0..100),
            ("Bytes = 5-9", 5..10),
            (" bytes=5 - 9\t", 5..10),
            ("bytes=005-0009", 5..10),
            ("bytes=5-18446744073709551615", 5..100),
            ("bytes=5-99999999999999999999999999", 5..100),
            ("bytes=-99999999999999999999999999", 0..100),
        ] {
            assert_eq!(parse(header, 100), Wanted::Part(part), "{header}");
        }
    }

    #[test]
    fn what_begins_behind_the_end_is_not_there() {
        for header in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999999-"] {
            assert_eq!(parse(header, 100), Wanted::Nothing, "{header}");
        }
        assert_eq!(parse("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(parse("bytes=-5", 0), Wanted::Nothing);
    }

    #[test]
    fn what_is_no_single_range_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5",
            "bytes=9-5",
            "bytes=a-b",
            "bytes=+1-5",
            "bytes=1--5",
            "bytes=1.5-9",
            "bytes=0x1-5",
            "items=0-5",
            "bytes=0-1,5-9",
            "bytes=,",
            "=0-5",
            "bytes=\u{0661}-",
        ] {
            assert_eq!(parse(header, 100), Wanted::All, "{header}");
        }
    }

    #[test]
    fn even_the_largest_file_is_cut_right() {
        assert_eq!(parse("bytes=-1", u64::MAX), Wanted::Part(u64::MAX - 1..u64::MAX));
        assert_eq!(parse("bytes=0-18446744073709551615", u64::MAX), Wanted::Part(0..u64::MAX));
        assert_eq!(parse("bytes=18446744073709551615-", u64::MAX), Wanted::Nothing);
    }
}
