//! The `Range` header, as the example store reads it: what is answered lies within the file.

#[path = "../../examples/store/range.rs"]
mod parser;

use parser::{Wanted, parse};

use super::take;

/// The size of a file, then the header.
pub fn run(mut data: &[u8]) {
    let size = take::long(&mut data);
    let Ok(header) = std::str::from_utf8(data) else { return };
    let wanted = parse(header, size);
    // Whether it is a range at all has nothing to do with the file.
    for other in [0, 1, u64::MAX] {
        assert_eq!(parse(header, other) == Wanted::All, wanted == Wanted::All);
    }
    assert!(!matches!(parse(header, 0), Wanted::Part(_)));
    if let Wanted::Part(part) = &wanted {
        assert!(part.start < part.end && part.end <= size);
        assert_eq!(parse(&format!("bytes={}-{}", part.start, part.end - 1), size), wanted);
        assert!(matches!(parse(header, u64::MAX), Wanted::Part(_)), "what is there stays there");
    }
    assert_eq!(parse(&format!("{header},0-0"), size), Wanted::All, "several are none");
}

pub fn seeds() -> Vec<Vec<u8>> {
    [
        (100_u64, "bytes=0-0"),
        (100, "bytes=7-"),
        (100, "bytes=-5"),
        (100, " Bytes = 005 - 9\t"),
        (0, "bytes=-0"),
        (u64::MAX, "bytes=1-18446744073709551616"),
        (9, "bytes=0-1,5-9"),
    ]
    .map(|(size, header)| [&size.to_le_bytes(), header.as_bytes()].concat())
    .to_vec()
}
