//! Lyrics in the LRC format: `[mm:ss.xx]line`, several times before a line that is sung several times, and in enhanced
//! LRC times between the words.

use crate::tags::parts::SyncedLyrics;

/// Nobody sings more,
pub(super) const MAX_LINES: usize = 20_000;
/// nor so many bytes several times.
const MAX_REPEATED: usize = 1_000;

impl SyncedLyrics {
    /// Lyrics in the LRC format, `[mm:ss.xx]line`, or `[mm:ss.xx]<mm:ss.xx>word <mm:ss.xx>word`. `None` if a line has no
    /// time.
    #[must_use]
    pub fn from_lrc(text: &str) -> Option<Self> {
        parse(text)
    }
}

/// `None` if any line that says something has no time, or none has: plain lyrics.
fn parse(text: &str) -> Option<SyncedLyrics> {
    let mut lines: Vec<(u32, Vec<Piece>)> = Vec::new();
    let (mut offset, mut count) = (0, 0);
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
        let mut pieces = pieces(rest);
        if times.len() > 1 {
            // Words have one time each.
            let text: String = pieces.drain(..).map(|(_, text)| text).collect();
            pieces.push((None, text.trim_end().to_owned()));
        }
        count += times.len() * pieces.len();
        if repeated || count > MAX_LINES {
            return None;
        }
        lines.extend(times.into_iter().map(|time| (time, pieces.clone())));
    }
    if lines.is_empty() {
        return None;
    }
    lines.sort_by_key(|&(time, _)| time);
    let is_in_pieces = lines.iter().any(|(_, pieces)| pieces.len() > 1);
    let (mut entries, mut latest) = (Vec::with_capacity(count), 0);
    for (line_time, pieces) in lines {
        for (index, (time, mut text)) in pieces.into_iter().enumerate() {
            if is_in_pieces && index == 0 && !entries.is_empty() {
                text.insert(0, '\n');
            }
            // A word is not sung before the one in front of it.
            latest = time.unwrap_or(line_time).max(latest);
            // A positive offset shows lyrics sooner.
            let time = i64::from(latest).saturating_sub(offset).max(0);
            entries.push((u32::try_from(time).unwrap_or(u32::MAX), text));
        }
    }
    Some(SyncedLyrics { lines: entries, ..SyncedLyrics::default() })
}

/// A piece of a line, and its time if it is not the line's.
type Piece = (Option<u32>, String);

/// The pieces of a line of enhanced LRC, where each word has its time before it: `<mm:ss.xx>`, or in brackets. At least
/// one; all but the last with the space that is behind them.
fn pieces(mut line: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = vec![(None, String::new())];
    while let Some(at) = line.find(['<', '[']) {
        let (before, stamp) = line.split_at(at);
        let close = if stamp.starts_with('<') { '>' } else { ']' };
        append(&mut pieces, before);
        match stamp[1..].split_once(close) {
            Some((inner, rest)) if let Some(time) = time(inner.trim()) => {
                match pieces.last_mut() {
                    Some(last) if last.1.is_empty() => last.0 = Some(time),
                    _ => pieces.push((Some(time), String::new())),
                }
                line = rest;
            }
            _ => {
                append(&mut pieces, &stamp[..1]);
                line = &stamp[1..];
            }
        }
    }
    append(&mut pieces, line);
    // The stamp behind the last word says when that ends.
    if pieces.len() > 1 && pieces.last().is_some_and(|last| last.1.is_empty()) {
        pieces.pop();
    }
    if let Some(last) = pieces.last_mut() {
        last.1.truncate(last.1.trim_end().len());
    }
    pieces
}

/// Appends a text to the last piece. What stands around a stamp is one space, not two.
fn append(pieces: &mut [Piece], text: &str) {
    let (last, before) = match pieces {
        [.., before, last] => (last, before.1.ends_with(' ')),
        [last] => (last, true),
        [] => return,
    };
    let is_first = last.1.is_empty() && before;
    last.1 += if is_first { text.trim_start() } else { text };
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
        let lyrics = lyrics.unwrap();
        assert_eq!(lyrics.text(), "la lilu\na < b [x] <00:y>\nla li\nla li");
        let want = [
            (1_000, "la "),
            (1_500, "li"),
            (1_700, "lu"),
            (3_000, "\na < b [x] <00:y>"),
            (4_000, "\nla li"),
            (4_000, "\nla li"),
        ];
        assert_eq!(lyrics.lines, want.map(|(time, text)| (time, text.to_owned())));
    }

    #[test]
    fn words_come_in_order_and_sooner_by_the_offset() {
        let lyrics =
            parse("[offset:100]\n[00:05.00] [00:05.20]b [00:05.10]c\n[00:01.00]Ah <00:02.00>a<00:03.00>")
                .unwrap();
        let want = [(900, "Ah "), (1_900, "a"), (5_100, "\nb "), (5_100, "c")];
        assert_eq!(lyrics.lines, want.map(|(time, text)| (time, text.to_owned())));
        assert_eq!(lyrics.text(), "Ah a\nb c");
    }

    #[test]
    fn pieces_of_lines_are_told_from_lines() {
        let set = |texts: &[&str]| {
            let mut lyrics = SyncedLyrics::default();
            lyrics.set((0..).zip(texts).map(|(time, text)| (time, (*text).to_owned())).collect());
            lyrics.lines.into_iter().map(|(_, text)| text).collect::<Vec<_>>()
        };
        assert_eq!(set(&["a", "b", "c"]), ["a", "b", "c"]);
        assert_eq!(set(&["a\n", "b\r\n", "c"]), ["a", "b", "c"]);
        assert_eq!(set(&["\na", "\nb", "\nc"]), ["a", "b", "c"]);
        assert_eq!(set(&["a", "\nb", "\nc"]), ["a", "b", "c"]);
        assert_eq!(
            set(&["Strang", "ers", "\nin ", "the", "\nnight"]),
            ["Strang", "ers", "\nin ", "the", "\nnight"]
        );
        assert_eq!(
            set(&["Strang", "ers\n", "in ", "the", "night"]),
            ["Strang", "ers", "\nin ", "the", "night"]
        );
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
