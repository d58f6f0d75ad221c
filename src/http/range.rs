//! The `Range` header (RFC 9110, section 14), read as nginx reads it.

use std::ops::Range;

/// More ranges than this are answered by the whole: to send it is less work than to cut it up.
pub(super) const MAX_RANGES: usize = 16;

/// What of a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it, by 200.
    All,
    /// These parts, by 206, in the order asked for: none is empty, and all are within the file.
    Parts(Vec<Range<u64>>),
    /// Nothing that there is, or nothing that can be understood: 416.
    Nothing,
}

/// What `header` asks for of a file of `size` bytes.
///
/// Another unit than bytes is ignored. Parts that lie behind the end are left out. Ranges that come to more than the whole file
/// (they overlap), or are more than [`MAX_RANGES`], are answered by the whole. A number that does not fit is beyond every end.
pub(super) fn parse(header: &[u8], size: u64) -> Wanted {
    const UNIT: &[u8] = b"bytes=";
    let unit = header.get(..UNIT.len()).filter(|unit| unit.eq_ignore_ascii_case(UNIT));
    if unit.is_none() || header.len() == UNIT.len() {
        return Wanted::All;
    }
    let mut parts = Vec::new();
    let mut total = 0_u64;
    for text in header[UNIT.len()..].split(|&byte| byte == b',') {
        let Some(range) = single(text, size) else { return Wanted::Nothing };
        if range.is_empty() {
            // Of an empty file there is no other part than all.
            if range.start == 0 {
                return Wanted::All;
            }
            continue;
        }
        if parts.len() == MAX_RANGES {
            return Wanted::All;
        }
        total = total.saturating_add(range.end - range.start);
        parts.push(range);
    }
    match parts.len() {
        0 => Wanted::Nothing,
        _ if total > size => Wanted::All,
        _ => Wanted::Parts(parts),
    }
}

/// One range, cut at the end of the file; empty if nothing of it is there, `None` if it is no range.
fn single(text: &[u8], size: u64) -> Option<Range<u64>> {
    let dash = text.iter().position(|&byte| byte == b'-')?;
    let [first, last] = [&text[..dash], &text[dash + 1..]];
    Some(match (trim(first), trim(last)) {
        // Between the dash and the number of a suffix there is no room.
        (None, Some(suffix)) if last.first() != Some(&b' ') => size.saturating_sub(number(suffix)?)..size,
        (None, _) => return None,
        (Some(first), None) => number(first)?..size,
        (Some(first), Some(last)) => number(first)?..number(last)?.saturating_add(1).min(size),
    })
}

/// What there is between spaces, if anything is.
fn trim(text: &[u8]) -> Option<&[u8]> {
    let start = text.iter().position(|&byte| byte != b' ')?;
    let end = text.iter().rposition(|&byte| byte != b' ')?;
    Some(&text[start..=end])
}

/// A number of digits only.
fn number(digits: &[u8]) -> Option<u64> {
    let value = |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    digits.iter().all(u8::is_ascii_digit).then(|| digits.iter().fold(0, value))
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
            ("BYTES= 5 - 9 ", 5..10),
            ("bytes=005-0009", 5..10),
            ("bytes=5-18446744073709551615", 5..100),
            ("bytes=5-99999999999999999999999999", 5..100),
            ("bytes=-99999999999999999999999999", 0..100),
            ("bytes=100-,5-6", 5..7),
        ] {
            assert_eq!(parse(header.as_bytes(), 100), Wanted::Parts(vec![part]), "{header}");
        }
        assert_eq!(parse(b"bytes=-5,0-0, 7-8", 100), Wanted::Parts(vec![95..100, 0..1, 7..9]));
    }

    #[test]
    fn what_is_not_there_or_no_range_is_refused() {
        for header in [
            "bytes=100-",
            "bytes=100-200",
            "bytes=-0",
            "bytes=99999999999999999999999999-",
            "bytes=9-5",
            "bytes=-",
            "bytes=5",
            "bytes=a-b",
            "bytes=+1-5",
            "bytes=1--5",
            "bytes=1.5-9",
            "bytes=0x1-5",
            "bytes=,",
            "bytes=0-1,,2-3",
            "bytes=\u{0661}-",
        ] {
            assert_eq!(parse(header.as_bytes(), 100), Wanted::Nothing, "{header}");
        }
    }

    #[test]
    fn other_units_empty_files_and_too_much_are_answered_by_the_whole() {
        for header in
            ["", "bytes", "bytes=", "items=0-5", "=0-5", "bytes =0-5", "bytes=0-,0-", "bytes=0-98,5-9"]
        {
            assert_eq!(parse(header.as_bytes(), 100), Wanted::All, "{header}");
        }
        let many = |count: usize| format!("bytes={}1-1", "0-0,".repeat(count - 1));
        assert_eq!(parse(many(17).as_bytes(), 100), Wanted::All);
        assert!(matches!(parse(many(16).as_bytes(), 100), Wanted::Parts(parts) if parts.len() == 16));
        assert_eq!(parse(b"bytes=0-", 0), Wanted::All);
        assert_eq!(parse(b"bytes=-5", 0), Wanted::All);
    }

    #[test]
    fn even_the_largest_file_is_cut_right() {
        let parts = |range| Wanted::Parts(vec![range]);
        assert_eq!(parse(b"bytes=-1", u64::MAX), parts(u64::MAX - 1..u64::MAX));
        assert_eq!(parse(b"bytes=0-18446744073709551615", u64::MAX), parts(0..u64::MAX));
        assert_eq!(parse(b"bytes=18446744073709551615-", u64::MAX), Wanted::Nothing);
    }
}
