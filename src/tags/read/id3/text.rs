//! Texts as `ID3v2` encodes them, and its names of genres.

/// A frame of nothing but NULs would be as many empty texts.
const MAX_TEXTS: usize = 20_000;

/// How texts are encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Latin1,
    Utf16,
    Utf16Be,
    Utf8,
}

impl Encoding {
    pub(super) fn new(byte: u8) -> Option<Self> {
        [Self::Latin1, Self::Utf16, Self::Utf16Be, Self::Utf8].get(usize::from(byte)).copied()
    }

    /// Takes a text and the NUL behind it off the front.
    pub(super) fn text(self, rest: &mut &[u8]) -> String {
        let unit = if matches!(self, Self::Utf16 | Self::Utf16Be) { 2 } else { 1 };
        let nul = rest.chunks_exact(unit).position(|unit| unit.iter().all(|&byte| byte == 0));
        let (text, after) = match nul {
            Some(units) => (&rest[..units * unit], &rest[(units + 1) * unit..]),
            None => (*rest, &[][..]),
        };
        *rest = after;
        self.decode(text)
    }

    /// All texts that are left, with NULs between them; no honest frame has more than [`MAX_TEXTS`].
    pub(super) fn texts(self, rest: &mut &[u8]) -> Vec<String> {
        let mut texts = vec![self.text(rest)];
        while !rest.is_empty() && texts.len() < MAX_TEXTS {
            texts.push(self.text(rest));
        }
        // The last text may have a NUL behind it, or several.
        while texts.len() > 1 && texts.last().is_some_and(String::is_empty) {
            texts.pop();
        }
        texts
    }

    fn decode(self, text: &[u8]) -> String {
        let utf16 = |text: &[u8], unit: fn([u8; 2]) -> u16| {
            let units: Vec<u16> = text.as_chunks().0.iter().map(|&bytes| unit(bytes)).collect();
            String::from_utf16_lossy(&units)
        };
        match (self, text) {
            (Self::Latin1, _) => text.iter().map(|&byte| char::from(byte)).collect(),
            (Self::Utf8, _) => String::from_utf8_lossy(text).trim_start_matches('\u{feff}').to_owned(),
            (_, [0xfe, 0xff, text @ ..]) | (Self::Utf16Be, text) => utf16(text, u16::from_be_bytes),
            // Without a mark it is what most programs write.
            (Self::Utf16, [0xff, 0xfe, text @ ..] | text) => utf16(text, u16::from_le_bytes),
        }
    }
}

/// A genre as named, or by its numbers in `ID3v1`: "17", "(17)", "(4)Eurodisco".
pub(super) fn genres(text: &str) -> Vec<String> {
    let number = |digits: &str| {
        digits.parse().ok().and_then(genre).or(match digits {
            "RX" => Some("Remix".to_owned()),
            "CR" => Some("Cover".to_owned()),
            _ => None,
        })
    };
    let mut genres = Vec::new();
    let mut rest = text;
    while let Some((inner, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        let Some(genre) = number(inner) else { break };
        genres.push(genre);
        rest = after;
    }
    let rest = if rest.starts_with("((") { &rest[1..] } else { rest };
    let refined = number(rest).unwrap_or_else(|| rest.to_owned());
    if !refined.is_empty() && !genres.contains(&refined) {
        genres.push(refined);
    }
    genres
}

/// The genre of this number in `ID3v1`.
pub(in crate::tags) fn genre(number: u8) -> Option<String> {
    let mut tag = ::id3::v1::Tag::new();
    tag.genre_id = number;
    tag.genre().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_all_encodings() {
        let cases: [(u8, &[u8], &[&str]); 6] = [
            (0, b"caf\xe9\0\0", &["café"]),
            (1, b"\xff\xfeA\0\0\0\xff\xfeB\0", &["A", "B"]),
            (1, b"\xfe\xff\0A", &["A"]),
            (1, b"A\0", &["A"]),
            (2, b"\xd8\x3d\xde\x00\0\0", &["😀"]),
            (3, "Žluťoučký\0kůň".as_bytes(), &["Žluťoučký", "kůň"]),
        ];
        for (byte, mut bytes, texts) in cases {
            assert_eq!(Encoding::new(byte).unwrap().texts(&mut bytes), texts);
        }
        assert!(Encoding::new(4).is_none());
    }

    #[test]
    fn genres_by_name_and_number() {
        for (text, expected) in [
            ("Rock", &["Rock"][..]),
            ("17", &["Rock"]),
            ("(17)", &["Rock"]),
            ("(4)(RX)Eurodisco", &["Disco", "Remix", "Eurodisco"]),
            ("((odd)", &["(odd)"]),
            ("(unheard of)", &["(unheard of)"]),
            ("1984", &["1984"]),
        ] {
            assert_eq!(genres(text), expected, "{text}");
        }
    }
}
