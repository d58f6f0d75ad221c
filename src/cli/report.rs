//! What commands say: lines, tables, JSON, errors, progress.

use std::io::{self, Write};
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
    line(text)
}

/// An error, on standard error, red where that is a terminal.
pub(crate) fn error(message: &str) {
    // Nothing can be done if standard error is closed.
    let _ = writeln!(anstream::stderr().lock(), "\x1b[1;31merror:\x1b[0m {message}");
}

/// A remark on standard error.
pub(crate) fn note(message: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{message}");
}

/// Says what had to be changed about a master's samples, if anything had.
pub(crate) fn note_repairs(master: &str, silenced: u64, clamped: u64) {
    if silenced > 0 || clamped > 0 {
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
