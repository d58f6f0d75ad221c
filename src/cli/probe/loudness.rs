//! How loud masters and albums are, for people and machines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tonepress::master::Master;
use tonepress::master::loudness::{self, Loudness};
use tonepress::{Error, Store};

use crate::cli::masters::Candidate;
use crate::cli::report::{self, Failure};

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

/// The albums among the masters, each as far as it has been measured.
#[derive(Default)]
pub(super) struct Albums(BTreeMap<PathBuf, Album>);

#[derive(Default)]
struct Album {
    loudness: Loudness,
    masters: u64,
    failed: u64,
}

#[derive(Serialize)]
struct AlbumJson<'a> {
    album: &'a str,
    masters: u64,
    loudness: LoudnessJson,
}

impl Albums {
    /// Adds a master; `None` if it failed.
    pub(super) fn add(&mut self, candidate: &Candidate, loudness: Option<&Loudness>) {
        let album = self.0.entry(album_of(candidate).to_owned()).or_default();
        album.masters += 1;
        match loudness {
            Some(loudness) => album.loudness = loudness::album([&album.loudness, loudness]),
            None => album.failed += 1,
        }
    }

    /// Tells of all that hold more than one master. Of an album that could not be measured as a whole a
    /// loudness would be wrong.
    pub(super) fn tell(&self, json: bool) -> Result<(), Failure> {
        for (folder, album) in self.0.iter().filter(|(_, album)| album.masters > 1) {
            let name = folder.display().to_string();
            if album.failed > 0 {
                let Album { masters, failed, .. } = album;
                let name = report::plain(&name);
                report::note(&format!(
                    "album {name}: not measured, since {failed} of {masters} masters failed"
                ));
            } else if json {
                let loudness = LoudnessJson::from(&album.loudness);
                report::json(&AlbumJson { album: &name, masters: album.masters, loudness })?;
            } else {
                let (masters, loudness) = (album.masters, to_text(&album.loudness));
                let name = report::plain(&name);
                report::line(format!("album {name}, {masters} masters{loudness}\n"))?;
            }
        }
        Ok(())
    }
}

/// Which album a master is of: that of its folder.
fn album_of(candidate: &Candidate) -> &Path {
    match candidate.path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
