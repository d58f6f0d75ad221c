//! Lyrics in the LRC format: `[mm:ss.xx]line`, several times before a line that is sung several times.

use crate::tags::parts::SyncedLyrics;

/// Nobody sings more,
pub(super) const MAX_LINES: usize = 20_000;
/// nor so many bytes several times.
const MAX_REPEATED: usize = 1_000;

impl SyncedLyrics {
    /// Lyrics in the LRC format, `[mm:ss.xx]line`. `None` if a line has no time.
    #[must_use]
    pub fn from_lrc(text: &str) -> Option<Self> {
        parse(text)
    }
}

/// `None` if any line that says something has no time, or none has: plain lyrics.
fn parse(text: &str) -> Option<SyncedLyrics> {
    let mut lyrics = SyncedLyrics::default();
    let mut offset = 0;
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut rest = line;
        let mut times = Vec::new();
        let mut described = false;
        while let Some((stamp, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            if let Some(time) = time(stamp) {
                times.push(time);
            } else if let Some((key, value)) = stamp.split_once(':').filter(|_| times.is_empty()) {
                // Such as [ar:artist]; only one of them matters here.
                if key.trim() == "offset" {
                    offset = value.trim().parse::<i64>().ok()?;
                }
                described = true;
            } else {
                break;
            }
            rest = after;
        }
        if times.is_empty() && !described {
            return None;
        }
        let repeated = times.len() > 1 && rest.len() > MAX_REPEATED;
        if repeated || lyrics.lines.len() + times.len() > MAX_LINES {
            return None;
        }
        let line = without_word_stamps(rest);
        lyrics.lines.extend(times.into_iter().map(|time| (time, line.clone())));
    }
    if lyrics.lines.is_empty() {
        return None;
    }
    // A positive offset shows lyrics sooner.
    for (time, _) in &mut lyrics.lines {
        *time = u32::try_from(i64::from(*time).saturating_sub(offset).max(0)).unwrap_or(u32::MAX);
    }
    lyrics.lines.sort_by_key(|&(time, _)| time);
    Some(lyrics)
}

/// The text of a line of enhanced LRC, where each word has its time before it: `<mm:ss.xx>`, or in brackets.
fn without_word_stamps(mut line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    while let Some(at) = line.find(['<', '[']) {
        let (before, stamp) = line.split_at(at);
        let close = if stamp.starts_with('<') { '>' } else { ']' };
        text += before;
        match stamp[1..].split_once(close) {
            Some((inner, rest)) if time(inner.trim()).is_some() => {
                // What stands around a stamp is one space, not two.
                line = if text.is_empty() || text.ends_with(' ') { rest.trim_start() } else { rest };
            }
            _ => {
                text += &stamp[..1];
                line = &stamp[1..];
            }
        }
    }
    (text + line).trim().to_owned()
}

/// `mm:ss`, `mm:ss.x` to `mm:ss.xxx`, or with a colon for the point, in milliseconds.
fn time(stamp: &str) -> Option<u32> {
    let (minutes, rest) = stamp.split_once(':')?;
    let (seconds, fraction) = rest.split_once(['.', ':']).unwrap_or((rest, ""));
    let number = |digits: &str| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain { digits.parse::<u32>().ok() } else { None }
    };
    let millis = match fraction.len() {
        0 => 0,
        digits @ 1..=3 => number(fraction)? * [100, 10, 1][digits - 1],
        _ => return None,
    };
    let (minutes, seconds) = (number(minutes)?, number(seconds).filter(|&seconds| seconds < 60)?);
    minutes.checked_mul(60_000)?.checked_add(seconds * 1_000 + millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_sorted() {
        let lyrics =
            parse("[ar:Somebody]\n[00:12.50]two\n\n[00:01:5][01:02]one, refrain\n[00:20.123]").unwrap();
        let lines: Vec<_> = lyrics.lines.iter().map(|(time, line)| (*time, line.as_str())).collect();
        assert_eq!(lines, [(1_500, "one, refrain"), (12_500, "two"), (20_123, ""), (62_000, "one, refrain")]);
        let sooner = parse("[offset:+500]\n[00:00.20]a\n[00:01.00]b").unwrap();
        assert_eq!((sooner.lines[0].0, sooner.lines[1].0), (0, 500));
    }

    #[test]
    fn word_stamps_are_no_text() {
        let lyrics = parse(
            "[00:01.00]<00:01.00>la <00:01.50> li<00:01.70>lu <00:02.00>\n[00:03.00]a < b [x] <00:y>\n\
             [00:04.00][00:04.00] la [00:04.50] li",
        );
        let lines: Vec<_> = lyrics.unwrap().lines.into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines, ["la lilu", "a < b [x] <00:y>", "la li", "la li"]);
    }

    #[test]
    fn plain_lyrics_are_not_lrc() {
        for text in [
            "",
            "la la la",
            "[00:01.00]la\nla",
            "[Verse 1]\nla",
            "[ar:nobody]",
            "[00:61.00]la",
            "[99999999:00]la",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
