//! How loud masters and albums are, for people and machines.

use serde::Serialize;
use tonepress::master::Master;
use tonepress::master::loudness::{self, Loudness};
use tonepress::{Error, Store};

use crate::cli::albums::Albums;
use crate::cli::json;
use crate::cli::report::{self, Failure};
use crate::cli::text::plain;

/// Measures a master, unless the store knows how loud it is.
pub(super) fn of(master: &Master, store: Option<&Store>) -> Result<Loudness, Error> {
    match store {
        Some(store) => store.masters().loudness(master),
        None => loudness::measure(master),
    }
}

/// In hundredths of the unit, which is how exact they are. Silence has no loudness.
#[derive(Serialize)]
pub(super) struct LoudnessJson {
    integrated_lufs: Option<f64>,
    range_lu: Option<f64>,
    true_peak_dbtp: Option<f64>,
    sample_peak_dbfs: Option<f64>,
    gain_db: Option<f64>,
    /// Linear, as ReplayGain has it.
    peak: f64,
}

impl From<&Loudness> for LoudnessJson {
    fn from(loudness: &Loudness) -> Self {
        let hundredths = |value: Option<f64>| value.map(|value| (value * 100.0).round() / 100.0 + 0.0); // never -0
        Self {
            integrated_lufs: hundredths(loudness.integrated_lufs()),
            range_lu: hundredths(loudness.range_lu()),
            true_peak_dbtp: hundredths(loudness.true_peak_dbtp()),
            sample_peak_dbfs: hundredths(loudness.sample_peak_dbfs()),
            gain_db: hundredths(loudness.gain_db()),
            peak: (loudness.true_peak() * 1e6).round() / 1e6,
        }
    }
}

/// Two lines for people, the first of which begins with the end of the one before.
pub(super) fn to_text(loudness: &Loudness) -> String {
    let text =
        |value: Option<f64>, unit| value.map_or("none".to_owned(), |value| format!("{value:.1} {unit}"));
    let gain = loudness.gain_db().map_or("none".to_owned(), |gain| format!("{gain:+.2} dB"));
    format!(
        "\n  loudness {}, range {}, gain {gain}\n  peak     {}, of samples {}",
        text(loudness.integrated_lufs(), "LUFS"),
        text(loudness.range_lu(), "LU"),
        text(loudness.true_peak_dbtp(), "dBTP"),
        text(loudness.sample_peak_dbfs(), "dBFS"),
    )
}

#[derive(Serialize)]
struct AlbumJson<'a> {
    album: &'a str,
    masters: usize,
    loudness: LoudnessJson,
}

/// Tells of all albums that hold more than one master. Of one that could not be measured as a whole a
/// loudness would be wrong.
pub(super) fn tell(albums: &Albums, json: bool) -> Result<(), Failure> {
    for (album, failed) in albums.each() {
        let (name, masters) = (&album.name, album.masters.len());
        if failed > 0 {
            let (name, all) = (plain(name), masters as u64 + failed);
            report::note(&format!("album {name}: not measured, since {failed} of {all} masters failed"));
        } else if masters > 1 && json {
            let loudness = LoudnessJson::from(&album.loudness);
            json::line("album", &AlbumJson { album: name, masters, loudness })?;
        } else if masters > 1 {
            let (name, loudness) = (plain(name), to_text(&album.loudness));
            report::line(format!("album {name}, {masters} masters{loudness}\n"))?;
        }
    }
    Ok(())
}
