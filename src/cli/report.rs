//! What commands say: lines, tables, JSON, errors, progress.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// Why a command stopped before its end.
pub(crate) enum Failure {
    /// Nobody reads our output any more.
    ClosedPipe,
    /// What was typed makes no sense.
    Usage(String),
    /// This.
    Other(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ClosedPipe
        } else {
            Self::Other(format!("writing output: {error}"))
        }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

impl From<tonepress::Error> for Failure {
    fn from(error: tonepress::Error) -> Self {
        Self::Other(error.to_string())
    }
}

/// A line on standard output.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// An object on a line of standard output.
pub(crate) fn json(object: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(object).map_err(|error| Failure::Other(error.to_string()))?;
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        // serde_json leaves some for terminals to obey.
        if is_hostile(char) {
            let _ = write!(shown, "\\u{:04x}", u32::from(char)); // a String takes all
        } else {
            shown.push(char);
        }
    }
    line(shown)
}

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
fn is_hostile(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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

/// An error, on standard error, red where that is a terminal.
pub(crate) fn error(message: &str) {
    // Nothing can be done if standard error is closed.
    let _ = writeln!(anstream::stderr().lock(), "\x1b[1;31merror:\x1b[0m {}", plain(message));
}

/// A remark on standard error.
pub(crate) fn note(message: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{message}");
}

/// Says what had to be changed about a master's samples, if anything had.
pub(crate) fn note_repairs(master: &str, silenced: u64, clamped: u64) {
    if silenced > 0 || clamped > 0 {
        let master = plain(master);
        note(&format!(
            "{master}: {silenced} samples were no numbers and became silence, {clamped} were beyond full scale and were clamped"
        ));
    }
}

/// A failed master or rendition, as JSON has it.
#[derive(Serialize)]
pub(crate) struct FailedJson<'a> {
    pub(crate) master: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    pub(crate) error: &'a str,
}

/// A rendition that was there already, as JSON has it.
#[derive(Serialize)]
pub(crate) struct SkippedJson<'a> {
    pub(crate) master: &'a str,
    pub(crate) profile: String,
    pub(crate) path: String,
    pub(crate) skipped: bool,
}

/// For fields that are left out then.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A table with a header; columns whose number is in `right` are aligned to the right.
pub(crate) fn table(header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        if right.contains(&column.index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// `1234567` as "1,234,567".
pub(crate) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// A duration as "4:05.123", with hours if there are any.
pub(crate) fn clock(seconds: f64) -> String {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let (whole, millis) = (duration.as_secs(), duration.subsec_millis());
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}.{millis:03}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}.{millis:03}"),
    }
}

/// Bytes as "3.84 MB", in the megabytes (1,000,000) that music is sold by.
pub(crate) fn megabytes(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// A progress bar over `millis` of audio; invisible unless standard error is a terminal.
pub(crate) fn progress(millis: u64) -> ProgressBar {
    bar(millis, "{bar:24.cyan/dim} {percent:>3} %  {prefix}  ETA {eta}  {wide_msg}")
}

/// A progress bar of a length, as indicatif's `template` has it.
pub(crate) fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(8));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_control_the_terminal_is_escaped() {
        assert_eq!(plain("Björk \u{2013} Jóga.flac"), "Björk \u{2013} Jóga.flac");
        assert_eq!(plain("a\nb\x1b[2J\u{9b}1m\u{202e}c"), r"a\nb\u{1b}[2J\u{9b}1m\u{202e}c");
    }
}
