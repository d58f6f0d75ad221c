//! Ranges of bytes, as HTTP writes them.

use std::ops::Range;
use std::str::FromStr;

/// Some of a rendition's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// From one to another, both included.
    Between(u64, u64),
    From(u64),
    /// The last so many.
    Last(u64),
}

impl FromStr for ByteRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| {
            // "+1" is a number to Rust.
            let number = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
            number.ok_or_else(|| "a range is A-B, A- or -N, in bytes".to_owned())
        };
        let (from, to) = text.split_once('-').ok_or("a range is A-B, A- or -N, in bytes")?;
        match (from, to) {
            ("", last) => match number(last)? {
                0 => Err("the last 0 bytes are nothing".to_owned()),
                last => Ok(Self::Last(last)),
            },
            (from, "") => number(from).map(Self::From),
            (from, to) => match (number(from)?, number(to)?) {
                (from, to) if from > to => Err(format!("{from} is behind {to}")),
                (from, to) => Ok(Self::Between(from, to)),
            },
        }
    }
}

impl ByteRange {
    /// The range within `size` bytes, cut at the end as HTTP does it.
    ///
    /// # Errors
    /// If no byte of it is there, with the size.
    pub(crate) fn within(self, size: u64) -> Result<Range<u64>, String> {
        let range = match self {
            Self::Between(from, to) => from..to.saturating_add(1).min(size),
            Self::From(from) => from..size,
            Self::Last(last) => size.saturating_sub(last)..size,
        };
        if range.is_empty() {
            return Err(format!("byte {} is beyond the end: there are {size} bytes", range.start));
        }
        Ok(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_http() {
        let within = |text: &str| text.parse::<ByteRange>().unwrap().within(1_000);
        assert_eq!(within("0-0"), Ok(0..1));
        assert_eq!(within("100-199"), Ok(100..200));
        assert_eq!(within("999-5000"), Ok(999..1_000));
        assert_eq!(within("0-18446744073709551615"), Ok(0..1_000));
        assert_eq!(within("10-"), Ok(10..1_000));
        assert_eq!(within("-10"), Ok(990..1_000));
        assert_eq!(within("-2000"), Ok(0..1_000));
        for beyond in ["1000-", "1000-1001", "5000-"] {
            assert!(within(beyond).unwrap_err().contains("1000 bytes"), "{beyond}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in
            ["", "-", "5", "-0", "9-8", "a-b", "1-2-3", "+1-2", " 1-2", "-1-", "18446744073709551616-"]
        {
            assert!(text.parse::<ByteRange>().is_err(), "{text}");
        }
    }
}
