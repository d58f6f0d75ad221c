//! The name that a browser gives a download: `Content-Disposition` (RFC 6266, RFC 8187).

use axum::http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but RFC 8187's `attr-char`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');
/// File systems take 255 bytes.
const MAX_BYTES: usize = 200;

/// The header that suggests `name` with `extension`, whatever `name` has in it.
pub(crate) fn attachment(name: &str, extension: &str) -> HeaderValue {
    let name = format!("{}{extension}", sane(name));
    let ascii: String = name.chars().map(|c| if c.is_ascii() && c != '%' { c } else { '_' }).collect();
    let encoded = utf8_percent_encode(&name, ENCODED);
    let header = format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}");
    HeaderValue::try_from(header).unwrap_or(HeaderValue::from_static("attachment"))
}

/// A name that no file system, shell or header takes for anything else.
pub(crate) fn sane(name: &str) -> String {
    let replaced = |c: char| match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | ';'
        // Bidirectional overrides make "gpj.exe" of an "exe.jpg".
        | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '_',
        c if c.is_control() => '_',
        c => c,
    };
    let mut sane: String = name.chars().map(replaced).collect();
    while sane.len() > MAX_BYTES {
        sane.pop();
    }
    let sane = sane.trim_matches(['.', ' ']);
    if sane.is_empty() { "track".to_owned() } else { sane.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn names_are_told_twice() {
        let header = attachment("Björk - Jóga (320)", ".mp3");
        let expected = "attachment; filename=\"Bj_rk - J_ga (320).mp3\"; \
                        filename*=UTF-8''Bj%C3%B6rk%20-%20J%C3%B3ga%20%28320%29.mp3";
        assert_eq!(header, expected);
    }

    #[test]
    fn nothing_gets_out_of_the_name() {
        for name in
            ["a\"; x=\"b", "a\r\nSet-Cookie: b", "../../etc/passwd", "\u{202e}3pm.exe", "a\\", "a\0b", "%22"]
        {
            let header = attachment(name, ".mp3");
            let text = header.to_str().unwrap();
            assert_eq!(text.matches('"').count(), 2, "{text}");
            assert_eq!(text.matches(';').count(), 2, "{text}");
            assert!(!text.contains(['\\', '/', '\r', '\n']), "{text}");
        }
        for name in ["", "...", " "] {
            assert!(attachment(name, ".mp3").to_str().unwrap().contains("\"track.mp3\""));
        }
        let long = attachment(&"ü".repeat(1_000), ".mp3");
        assert!(long.to_str().unwrap().ends_with("%BC.mp3"));
    }
}
