//! How names, numbers and times are written, and how much of them fits on a line.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;
use std::{env, iter};

use comfy_table::{CellAlignment, presets};
use tonepress::store::Key;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A name from a stranger, for people: what would control the terminal is shown escaped.
pub(crate) fn plain(name: &str) -> Cow<'_, str> {
    if !name.contains(is_hostile) {
        return name.into();
    }
    let mut shown = String::new();
    for char in name.chars() {
        if is_hostile(char) {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown.into()
}

/// Whether a terminal may obey a character instead of showing it, or show what follows elsewhere.
pub(crate) fn is_hostile(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What the system said, without its number: "No such file or directory (os error 2)".
pub(crate) fn without_numbers(message: &str) -> String {
    const BEGINS: &str = " (os error ";
    let (mut shown, mut rest) = (String::new(), message);
    while let Some((before, after)) = rest.split_once(BEGINS) {
        shown.push_str(before);
        match after.split_once(')') {
            Some((number, after)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest = after,
            _ => {
                shown.push_str(BEGINS);
                rest = after;
            }
        }
    }
    shown + rest
}

/// What progress calls the masters of these names: each stem once.
pub(crate) fn stems<'a>(masters: impl Iterator<Item = &'a str>) -> String {
    let mut stems: Vec<_> = Vec::new();
    for master in masters {
        let stem = Path::new(master).file_stem().unwrap_or_default().to_string_lossy();
        if !stems.contains(&stem) {
            stems.push(stem);
        }
    }
    stems.join(", ")
}

/// `1234567` as "1,234,567".
pub(crate) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// "1 rendition", "2 renditions".
pub(crate) fn several(number: u64, what: &str) -> String {
    format!("{} {}", count(number), plural(number, what))
}

/// "rendition" if it is one, "renditions" otherwise; "process", "processes".
pub(crate) fn plural(number: u64, what: &str) -> String {
    let end = match number {
        1 => "",
        _ if what.ends_with('s') => "es",
        _ => "s",
    };
    format!("{what}{end}")
}

/// "is" of one, "are" of others.
pub(crate) fn are(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// "was" of one, "were" of others.
pub(crate) fn were(number: u64) -> &'static str {
    if number == 1 { "was" } else { "were" }
}

/// The beginning of a key, which tells it from others.
pub(crate) fn brief(key: &Key) -> String {
    format!("{:.12}", key.to_string())
}

/// What stands before a number that is no more than likely.
pub(crate) fn about(exact: bool) -> &'static str {
    if exact { "" } else { "~" }
}

/// "64", "64 and 96", "64, 96 and 128".
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// The length of audio as "4:05.123", with hours if there are any.
pub(crate) fn clock(seconds: f64) -> String {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    format!("{}.{:03}", hours(duration.as_secs()), duration.subsec_millis())
}

/// A time that is waited for as "4:05", with hours if there are any.
pub(crate) fn wait(seconds: f64) -> String {
    hours(Duration::try_from_secs_f64(seconds.max(0.0).ceil()).unwrap_or_default().as_secs())
}

fn hours(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// How many times real time it was, as "117x real time".
pub(crate) fn speed(audio: f64, seconds: f64) -> String {
    format!("{:.0}x real time", audio / seconds.max(1e-3))
}

/// Bytes as "3.84 MB", in the megabytes (1,000,000) that music is sold by.
pub(crate) fn megabytes(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// How many columns a line on standard output may take: those that COLUMNS says, else those of the terminal. `None` where
/// it goes elsewhere: whoever reads a file wants the whole.
pub(crate) fn columns() -> Option<usize> {
    columns_of(&io::stdout())
}

/// The same of another stream.
pub(crate) fn columns_of(out: &(impl IsTerminal + AsFd)) -> Option<usize> {
    let said = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let terminal = || {
        let size = out.is_terminal().then(|| rustix::termios::tcgetwinsize(out).ok()).flatten()?;
        Some(usize::from(size.ws_col))
    };
    said.or_else(terminal).filter(|&columns| columns > 0)
}

/// A message in lines of so many columns, broken between words; what follows the first line is set off.
pub(crate) fn fold(message: &str, columns: usize) -> String {
    const INDENT: &str = "  ";
    let mut folded = String::new();
    for (at, line) in message.split('\n').enumerate() {
        if at > 0 {
            folded.push('\n');
        }
        let mut taken = 0;
        for word in line.split_inclusive(' ') {
            let wide = word.trim_end().width();
            if taken > INDENT.len() && taken + wide > columns {
                folded.truncate(folded.trim_end_matches(' ').len());
                folded.push('\n');
                folded.push_str(INDENT);
                taken = INDENT.len();
            }
            folded.push_str(word);
            taken += word.width();
        }
    }
    folded
}

/// A name in at most `most` columns, with its middle left out: names of files begin with their folder and end with
/// what tells them apart.
pub(crate) fn shorten(name: &str, most: usize) -> Cow<'_, str> {
    if name.width() <= most {
        return name.into();
    }
    let room = most.saturating_sub(1);
    let head = take(name.chars(), room / 2);
    let tail: String = take(name.chars().rev(), room - room / 2).chars().rev().collect();
    format!("{head}…{tail}").into()
}

/// A line about what became of a file: its name, shortened where the line is too long for the terminal, and the rest.
pub(crate) fn result(name: &str, rest: &str) -> String {
    let name = plain(name);
    let most = columns().map_or(usize::MAX, |columns| columns.saturating_sub(rest.width() + GAP).max(LEAST));
    format!("{}  {rest}", shorten(&name, most))
}

/// As many characters as fit.
fn take(chars: impl Iterator<Item = char>, most: usize) -> String {
    let mut taken = 0;
    chars
        .take_while(|char| {
            taken += char.width().unwrap_or(0);
            taken <= most
        })
        .collect()
}

/// The least that is left of a column that gives way.
const LEAST: usize = 8;
/// Between two columns.
const GAP: usize = 2;

/// A table. Columns whose number is in `right` are aligned to the right; those in `elastic` give way where the whole is
/// too wide for the terminal, the widest first.
pub(crate) fn table(
    header: &[&str],
    right: &[usize],
    elastic: &[usize],
    mut rows: Vec<Vec<String>>,
) -> String {
    if let Some(columns) = columns() {
        fit(header, elastic, &mut rows, columns);
    }
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING).set_header(header).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, u16::try_from(GAP).unwrap_or(u16::MAX)));
        if right.contains(&column.index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

fn fit(header: &[&str], elastic: &[usize], rows: &mut [Vec<String>], columns: usize) {
    let widest = |at: usize, head: &str| {
        rows.iter().map(|row| row[at].width()).chain(iter::once(head.width())).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = header.iter().enumerate().map(|(at, head)| widest(at, head)).collect();
    while widths.iter().sum::<usize>() + GAP * (header.len() - 1) > columns {
        let widest = elastic.iter().copied().max_by_key(|&at| widths[at]);
        let Some(at) = widest.filter(|&at| widths[at] > LEAST.max(header[at].width())) else { break };
        widths[at] -= 1;
    }
    for row in rows {
        for &at in elastic {
            let cut = shorten(&row[at], widths[at]).into_owned();
            row[at] = cut;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_control_the_terminal_is_escaped() {
        assert_eq!(plain("Björk \u{2013} Jóga.flac"), "Björk \u{2013} Jóga.flac");
        assert_eq!(plain("a\nb\x1b[2J\u{9b}1m\u{202e}c"), r"a\nb\u{1b}[2J\u{9b}1m\u{202e}c");
    }

    #[test]
    fn numbers_of_the_system_are_left_out_and_nothing_else() {
        for (said, shown) in [
            ("x: No such file (os error 2)", "x: No such file"),
            ("a (os error 2), b (os error 13)", "a, b"),
            ("song (os error x).flac: gone", "song (os error x).flac: gone"),
            ("cut (os error 2", "cut (os error 2"),
        ] {
            assert_eq!(without_numbers(said), shown);
        }
    }

    #[test]
    fn one_is_not_several() {
        assert_eq!(several(1, "rendition"), "1 rendition");
        assert_eq!(several(0, "rendition"), "0 renditions");
        assert_eq!(several(1_234, "process"), "1,234 processes");
        assert_eq!(listed(&["64", "96", "v0"].map(str::to_owned)), "64, 96 and v0");
    }

    #[test]
    fn times_are_written_in_one_way() {
        assert_eq!((clock(24.0), clock(3_723.004)), ("0:24.000".to_owned(), "1:02:03.004".to_owned()));
        assert_eq!(
            (wait(23.2), wait(3_723.0), wait(-1.0)),
            ("0:24".to_owned(), "1:02:03".to_owned(), "0:00".to_owned())
        );
    }

    #[test]
    fn names_are_shortened_in_the_middle_by_what_they_take() {
        assert_eq!(shorten("album/song.flac", 15), "album/song.flac");
        assert_eq!(shorten("albums/one/song.flac", 15), "albums/…ng.flac");
        // Each of these takes two columns.
        assert_eq!(shorten("音楽音楽音楽", 7), "音…音楽".replacen("音…音楽", "音…楽", 1));
        for most in 0..12 {
            assert!(shorten("音楽/a/音楽.flac", most).width() <= most.max(1), "{most}");
        }
    }

    #[test]
    fn messages_are_broken_between_words() {
        assert_eq!(fold("one two three four", 9), "one two\n  three\n  four");
        assert_eq!(fold("one two", 80), "one two");
        assert_eq!(fold("a/very/long/path.flac: no", 9), "a/very/long/path.flac:\n  no");
        assert_eq!(fold("one two\nthree four", 9), "one two\nthree\n  four");
    }

    #[test]
    fn the_widest_column_gives_way_first() {
        let mut rows = vec![vec!["x".repeat(40), "y".repeat(20), "128".to_owned()]];
        fit(&["A", "B", "C"], &[0, 1], &mut rows, 40);
        assert_eq!(rows[0].iter().map(|cell| cell.width()).collect::<Vec<_>>(), [17, 16, 3]);
        fit(&["A", "B", "C"], &[0, 1], &mut rows, 4);
        assert_eq!(rows[0].iter().map(|cell| cell.width()).collect::<Vec<_>>(), [8, 8, 3]);
    }
}
