//! The `Range` header, as the crate reads it: what is answered lies within the file, and is never more than the file.

#[path = "../../src/http/range.rs"]
mod parser;

use parser::{Wanted, parse};

use super::take;

/// The size of a file, then the header.
pub fn run(mut data: &[u8]) {
    let size = take::long(&mut data);
    let wanted = parse(data, size);
    if let Wanted::Parts(parts) = &wanted {
        assert!(!parts.is_empty() && parts.len() <= parser::MAX_RANGES);
        let total: u64 = parts.iter().map(|part| part.end - part.start).sum();
        assert!(total <= size && parts.iter().all(|part| part.start < part.end && part.end <= size));
        let said: Vec<_> = parts.iter().map(|part| format!("{}-{}", part.start, part.end - 1)).collect();
        assert_eq!(parse(format!("bytes={}", said.join(",")).as_bytes(), size), wanted);
    }
    assert!(!matches!(parse(data, 0), Wanted::Parts(_)), "an empty file has no parts");
}

pub fn seeds() -> Vec<Vec<u8>> {
    [
        (100_u64, "bytes=0-0"),
        (100, "bytes=7-"),
        (100, "bytes=-5"),
        (100, "Bytes= 005 - 9 "),
        (0, "bytes=-0"),
        (u64::MAX, "bytes=1-18446744073709551616"),
        (9, "bytes=0-1,5-8"),
        (9, "bytes=0-,0-"),
    ]
    .map(|(size, header)| [&size.to_le_bytes(), header.as_bytes()].concat())
    .to_vec()
}
