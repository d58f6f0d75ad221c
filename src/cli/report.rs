//! What commands say to people: lines, remarks, errors, progress.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU8, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::text::{columns_of, fold, plain, wait, without_numbers};

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

/// How much is said beside what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Voice {
    /// Errors.
    Quiet,
    /// Also what was done, remarks and progress.
    Normal,
    /// Also what was passed over, and how things were done.
    Verbose,
}

static VOICE: AtomicU8 = AtomicU8::new(Voice::Normal as u8);

/// To be said once, before anything else is.
pub(crate) fn speak(voice: Voice) {
    VOICE.store(voice as u8, Ordering::Relaxed);
}

fn is_at_least(voice: Voice) -> bool {
    VOICE.load(Ordering::Relaxed) >= voice as u8
}

/// A line on standard output.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// A line on standard output about what was done, for those who want to know.
pub(crate) fn done(text: impl std::fmt::Display) -> Result<(), Failure> {
    if is_at_least(Voice::Normal) { line(text) } else { Ok(()) }
}

/// An error, on standard error, red where that is a terminal.
pub(crate) fn error(message: &str) {
    say("error: ", "\x1b[1;31m", &plain(&without_numbers(message)));
}

/// A warning, likewise in yellow.
pub(crate) fn warn(message: &str) {
    if is_at_least(Voice::Normal) {
        say("warning: ", "\x1b[1;33m", &plain(message));
    }
}

/// A remark on standard error.
pub(crate) fn note(message: &str) {
    if is_at_least(Voice::Normal) {
        say("", "", message);
    }
}

/// A message behind what it is, in a colour.
fn say(what: &str, colour: &str, message: &str) {
    let message = format!("{what}{message}");
    let message =
        columns_of(&io::stderr()).map_or_else(|| message.clone(), |columns| fold(&message, columns));
    let rest = message.strip_prefix(what.trim_end()).unwrap_or(&message);
    let head = if what.is_empty() { String::new() } else { format!("{colour}{}\x1b[0m", what.trim_end()) };
    // Nothing can be done if standard error is closed.
    let _ = writeln!(anstream::stderr().lock(), "{head}{rest}");
}

/// A remark for those who asked for more.
pub(crate) fn detail(message: impl FnOnce() -> String) {
    if is_at_least(Voice::Verbose) {
        note(&message());
    }
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

/// Whether somebody sees progress that moves.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal() && is_at_least(Voice::Normal)
}

/// A progress bar of a length, as indicatif's `template` has it, with `{bar}` for the bar itself and `{clock}` for the
/// time since it was made. It is invisible unless
/// standard error is a terminal, and with --quiet.
pub(crate) fn bar(length: u64, template: &str) -> ProgressBar {
    if !is_watched() {
        return ProgressBar::hidden();
    }
    let coloured = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let template = template.replace("{bar}", if coloured { "{bar:16.cyan/dim}" } else { "{bar:16}" });
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(8));
    if let Ok(style) = ProgressStyle::with_template(&template) {
        let clock = |state: &ProgressState, to: &mut dyn fmt::Write| {
            let _ = to.write_str(&wait(state.elapsed().as_secs_f64())); // indicatif takes all
        };
        bar.set_style(style.with_key("clock", clock).progress_chars("━╸─"));
    }
    bar
}
