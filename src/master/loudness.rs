//! How loud masters and albums are: EBU R 128, and ReplayGain 2.0 from it.
//!
//! # What is measured
//!
//! Audio is filtered and weighted by channel as ITU-R BS.1770-5 says (the `ebur128` crate does
//! that), and its energy taken in **hops** of 100 ms from the first sample on. A block
//! of 400 ms ends with every hop from the fourth on (BS.1770's overlap of 75 %), one of 3 s with every hop
//! from the thirtieth on (EBU Tech 3342, and ffmpeg). Of the blocks no more is kept than how many there are
//! of each loudness, in steps of 0.01 LU: gates and means are computed from that when they are
//! asked for. So an album needs no more than what was kept of its tracks, and is gated as the one
//! programme that it is, not averaged over tracks.
//!
//! Measured is what is [pressed](crate::pcm::Pcm::repair): samples of floating-point masters beyond full
//! scale count as clipped.
//!
//! # In parallel, and always the same
//!
//! A master is cut into stretches of 200 hops, whatever the number of threads. Each is measured alone,
//! behind two hops that settle the filter, whose memory fades by 2 dB a millisecond, and
//! fill that of the interpolation. Since energies are kept by hop, and blocks are formed
//! from them afterwards, no block ends where a stretch does.

mod histogram;
mod peak;

use ebur128::{Channel, EbuR128, Mode};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use serde::{Deserialize, Serialize};

use super::{Decoder, Layout, Master, Position};
use crate::error::{Error, Result, Stage};
use crate::pcm::Pcm;
use crate::units::SampleRate;
use histogram::Histogram;
use peak::Peaks;

/// Hops in a block of the integrated loudness.
const MOMENTARY: usize = 4;
/// Hops in a block of the loudness range.
const SHORT_TERM: usize = 30;
/// Hops that are measured in one piece: 20 s, of which the pre-roll and a seek are some 2 %.
const STRETCH: u64 = 200;
/// Hops before a stretch that are filtered, but not measured.
const PRE_ROLL: u64 = 2;

/// How loud a master is, or an album, or any other programme made of masters.
///
/// With serde it is some kilobytes of text, from which everything can be computed again; it is the same
/// for the same audio, on any number of threads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Loudness {
    /// Blocks of 400 ms.
    momentary: Histogram,
    /// Blocks of 3 s.
    short_term: Histogram,
    true_peak: f32,
    sample_peak: f32,
}

impl Loudness {
    /// The loudness, in LUFS, that ReplayGain 2.0 brings everything to.
    pub const REPLAY_GAIN_LUFS: f64 = -18.0;

    /// The integrated loudness in LUFS (ITU-R BS.1770-5): the mean of all blocks of 400 ms that are louder
    /// than -70 LUFS and than 10 LU below the mean of those. `None` if there is none: silence, or less
    /// than 400 ms of audio.
    #[must_use]
    pub fn integrated_lufs(&self) -> Option<f64> {
        self.momentary.gated_mean(10.0)
    }

    /// The loudness range in LU (EBU Tech 3342): from the quantile 10 % to 95 % of all blocks of 3 s that
    /// are louder than -70 LUFS and than 20 LU below the mean of those. `None` if there is none:
    /// silence, or less than 3 s of audio.
    #[must_use]
    pub fn range_lu(&self) -> Option<f64> {
        self.short_term.gated_spread(20.0, 0.10, 0.95)
    }

    /// The true peak (BS.1770-5, annex 2), 1.0 being full scale: the largest value between or at
    /// samples, of all channels, found by oversampling to 192 kHz or near. This is ReplayGain's peak.
    #[must_use]
    pub fn true_peak(&self) -> f64 {
        self.true_peak.into()
    }

    /// The [true peak](Self::true_peak) in dBTP; `None` of digital silence.
    #[must_use]
    pub fn true_peak_dbtp(&self) -> Option<f64> {
        decibels(self.true_peak)
    }

    /// The largest sample of all channels, 1.0 being full scale.
    #[must_use]
    pub fn sample_peak(&self) -> f64 {
        self.sample_peak.into()
    }

    /// The [largest sample](Self::sample_peak) in dBFS; `None` of digital silence.
    #[must_use]
    pub fn sample_peak_dbfs(&self) -> Option<f64> {
        decibels(self.sample_peak)
    }

    /// ReplayGain 2.0 in dB, the track's of a master and the album's of an album: what it takes to bring
    /// the integrated loudness to [-18 LUFS](Self::REPLAY_GAIN_LUFS). `None` if that is `None`.
    #[must_use]
    pub fn gain_db(&self) -> Option<f64> {
        self.integrated_lufs().map(|lufs| Self::REPLAY_GAIN_LUFS - lufs)
    }

    fn add(&mut self, track: &Self) {
        self.momentary.merge(&track.momentary);
        self.short_term.merge(&track.short_term);
        self.true_peak = self.true_peak.max(track.true_peak);
        self.sample_peak = self.sample_peak.max(track.sample_peak);
    }
}

/// Measures all of a master, by decoding it once, on the threads of the rayon pool that it is called in.
///
/// Memory: a decoder for each thread, and 80 bytes for each second of audio.
///
/// ```
/// use tonepress::master::{Master, loudness};
///
/// let master = Master::open("testdata/strings.flac")?;
/// let loudness = loudness::measure(&master)?;
/// if let (Some(lufs), Some(gain)) = (loudness.integrated_lufs(), loudness.gain_db()) {
///     println!("{lufs:.1} LUFS");
///     println!("REPLAYGAIN_TRACK_GAIN={gain:.2} dB");
///     println!("REPLAYGAIN_TRACK_PEAK={:.6}", loudness.true_peak());
/// }
/// # assert_eq!(loudness.integrated_lufs().map(f64::round), Some(-19.0));
/// # Ok::<(), tonepress::Error>(())
/// ```
///
/// # Errors
/// [`Error::Damaged`] if some of the audio cannot be decoded, [`Error::Changed`] if the file was changed.
pub fn measure(master: &Master) -> Result<Loudness> {
    let info = master.info();
    let stretches = info.samples.0.div_ceil(STRETCH * hop(info.rate));
    let measured = (0..stretches)
        .into_par_iter()
        .map_init(
            || (master.decoder(), Pcm::default()),
            |(decoder, pcm), index| {
                let decoder = decoder.as_mut().map_err(|error| error.clone())?;
                Stretch::measure(master, decoder, pcm, index)
            },
        )
        .collect::<Result<Vec<_>>>()?;
    master.0.input.unchanged(Stage::Decode)?;

    let energies: Vec<f64> = measured.iter().flat_map(|stretch| &stretch.energies).copied().collect();
    let peak = |of: fn(&Stretch) -> f32| measured.iter().map(of).fold(0.0, f32::max);
    Ok(Loudness {
        momentary: blocks(&energies, MOMENTARY),
        short_term: blocks(&energies, SHORT_TERM),
        true_peak: peak(|stretch| stretch.true_peak),
        sample_peak: peak(|stretch| stretch.sample_peak),
    })
}

/// The loudness of several masters as one programme: all blocks of all of them are gated together. Nothing
/// is decoded for it.
///
/// ```
/// use tonepress::master::{Master, loudness};
///
/// let tracks = ["testdata/strings.flac", "testdata/short.aiff"]
///     .map(|path| loudness::measure(&Master::open(path)?))
///     .into_iter()
///     .collect::<tonepress::Result<Vec<_>>>()?;
/// let album = loudness::album(&tracks);
/// assert!(album.true_peak() >= tracks[0].true_peak());
/// println!("REPLAYGAIN_ALBUM_GAIN={:.2} dB", album.gain_db().unwrap_or(0.0));
/// # Ok::<(), tonepress::Error>(())
/// ```
#[must_use]
pub fn album<'a>(tracks: impl IntoIterator<Item = &'a Loudness>) -> Loudness {
    tracks.into_iter().fold(Loudness::default(), |mut album, track| {
        album.add(track);
        album
    })
}

/// What was measured of a stretch.
struct Stretch {
    /// The mean energy of each of its hops; one that the end of the master cuts off has none.
    energies: Vec<f64>,
    true_peak: f32,
    sample_peak: f32,
}

impl Stretch {
    /// Measures stretch number `index`.
    fn measure(master: &Master, decoder: &mut Decoder, pcm: &mut Pcm, index: u64) -> Result<Self> {
        let info = master.info();
        let hop = hop(info.rate);
        let start = index * STRETCH;
        let mut meter = Meter::new(info.rate, &info.layout)?;
        let mut peaks = Peaks::new(info.rate, info.layout.channels());
        let mut energies = Vec::new();
        for number in start.saturating_sub(PRE_ROLL)..start + STRETCH {
            let samples = number * hop..info.samples.0.min((number + 1) * hop);
            if samples.is_empty() {
                break;
            }
            decoder.read(samples.clone(), pcm)?;
            pcm.repair(&samples);
            if number < start {
                meter.warm_up(pcm)?;
                peaks.warm_up(pcm);
            } else {
                peaks.push(pcm);
                let energy = meter.push(pcm)?;
                energies.extend((pcm.len() as u64 == hop).then_some(energy));
            }
        }
        Ok(Self { energies, true_peak: peaks.between, sample_peak: peaks.sample })
    }
}

/// The filters, and the energy behind them.
struct Meter(EbuR128);

impl Meter {
    fn new(rate: SampleRate, layout: &Layout) -> Result<Self> {
        let channels: Vec<_> = channels(layout).collect();
        #[allow(clippy::cast_possible_truncation)] // 8 at most
        let mut meter = EbuR128::new(channels.len() as u32, rate.hz(), Mode::M).map_err(refused)?;
        meter.set_channel_map(&channels).map_err(refused)?;
        Ok(Self(meter))
    }

    fn warm_up(&mut self, pcm: &Pcm) -> Result<()> {
        self.0.seed_frames_planar_f32(&pcm.planes().collect::<Vec<_>>()).map_err(refused)
    }

    /// Measures a hop and returns the mean energy of the last 100 ms, which is its own if it is complete.
    fn push(&mut self, pcm: &Pcm) -> Result<f64> {
        self.0.add_frames_planar_f32(&pcm.planes().collect::<Vec<_>>()).map_err(refused)?;
        self.0.loudness_window(100).map(histogram::energy).map_err(refused)
    }
}

/// The samples in a hop: 100 ms, rounded down as `EbuR128::loudness_window` does.
fn hop(rate: SampleRate) -> u64 {
    u64::from(rate.hz()) / 10
}

/// All blocks of so many hops, one for each hop that they can end with.
fn blocks(energies: &[f64], hops: usize) -> Histogram {
    let mut histogram = Histogram::default();
    for block in energies.windows(hops) {
        histogram.add(block.iter().sum::<f64>() / hops as f64);
    }
    histogram
}

/// What BS.1770-5 calls the channels: those 60° to 120° to the side weigh 1.41, low-frequency effects
/// nothing, all others (one channel alone, too) 1. The rear pair is the surround pair of 5.1 unless there are
/// side channels, as in 7.1, where it stands further behind.
fn channels(layout: &Layout) -> impl Iterator<Item = Channel> {
    let positions = layout.positions();
    let has_sides = positions.iter().any(|p| matches!(p, Position::SideLeft | Position::SideRight));
    positions.iter().map(move |position| match position {
        Position::FrontLeft => Channel::Left,
        Position::FrontRight => Channel::Right,
        Position::Lfe => Channel::Unused,
        Position::RearLeft if has_sides => Channel::Mp135,
        Position::RearRight if has_sides => Channel::Mm135,
        Position::RearLeft => Channel::LeftSurround,
        Position::RearRight => Channel::RightSurround,
        Position::RearCentre => Channel::Mp180,
        Position::SideLeft => Channel::Mp090,
        Position::SideRight => Channel::Mm090,
        Position::FrontLeftOfCentre => Channel::MpSC,
        Position::FrontRightOfCentre => Channel::MmSC,
        // What stands above the listener weighs 1 wherever it is.
        Position::FrontCentre
        | Position::TopCentre
        | Position::TopFrontLeft
        | Position::TopFrontCentre
        | Position::TopFrontRight
        | Position::TopRearLeft
        | Position::TopRearCentre
        | Position::TopRearRight
        | Position::Other => Channel::Center,
    })
}

fn decibels(peak: f32) -> Option<f64> {
    (peak > 0.0).then(|| 20.0 * f64::from(peak).log10())
}

fn refused(error: ebur128::Error) -> Error {
    Error::Internal { detail: format!("measuring loudness: {error}") }
}
