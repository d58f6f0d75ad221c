//! Masters: what they are, and their audio.

mod aiff;
mod caf;
pub mod convert;
mod decode;
pub mod downmix;
mod flac;
mod identify;
mod info;
pub mod loudness;
mod mp4;
mod packets;
mod pcm_data;
mod reader;
mod recognise;
pub mod resample;
mod source;
pub mod tags;
mod verify;
mod wav;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, OnceLock};

pub use decode::Decoder;
pub use identify::{MasterId, MasterIdError};
pub use info::{Codec, Container, Layout, MasterInfo, Position};
pub use source::{FileSource, MasterSource};
pub use verify::Verification;

use crate::error::{Error, Result, Stage};
use crate::units::{SampleRate, Samples};
use source::Input;

/// A lossless source of audio, opened and understood.
///
/// Cheap to clone and shared between threads; each worker takes a [`Decoder`] of its own.
///
/// ```no_run
/// use tonepress::master::Master;
/// use tonepress::pcm::Pcm;
///
/// let master = Master::open("album/01.flac")?;
/// println!("{} at {}, {:.1} s", master.info().codec, master.info().rate, master.info().seconds());
/// let mut pcm = Pcm::default();
/// master.decoder()?.read(0..1_000, &mut pcm)?;
/// # Ok::<(), tonepress::Error>(())
/// ```
#[derive(Clone)]
pub struct Master(Arc<Inner>);

struct Inner {
    input: Input,
    info: MasterInfo,
    audio: Audio,
    id: OnceLock<MasterId>,
}

/// Where the audio is and how it is read.
enum Audio {
    Pcm(pcm_data::PcmData),
    Flac(flac::Stream),
    Table(packets::Table),
}

/// What opening found out.
struct Opened {
    info: MasterInfo,
    audio: Audio,
}

impl Opened {
    fn new(input: &Input, info: MasterInfo, audio: Audio) -> Result<Self> {
        if info.samples.0 == 0 {
            return Err(Error::Empty { name: input.name.clone() });
        }
        Ok(Self { info, audio })
    }

    fn of_packets(input: &Input, container: Container, mut table: packets::Table) -> Result<Self> {
        table.measure_last(input)?;
        let coding = &table.coding;
        let info = MasterInfo {
            container,
            codec: coding.codec(),
            rate: coding.rate(input)?,
            bits: coding.bits(),
            layout: coding.layout(input)?,
            samples: Samples(table.samples()),
        };
        Self::new(input, info, Audio::Table(table))
    }
}

impl Master {
    /// Opens the file at `path`, whatever it is called: its content decides what it is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let source = FileSource::open(path).map_err(Error::io(Stage::Open, name.as_str()))?;
        Self::from_source(name, Arc::new(source))
    }

    /// Opens a master that is kept elsewhere. `name` is what errors call it.
    pub fn from_source(name: impl Into<String>, source: Arc<dyn MasterSource>) -> Result<Self> {
        let input = Input::new(name.into(), source)?;
        let Opened { info, audio } = input.blame(recognise::open(&input))?;
        Ok(Self(Arc::new(Inner { input, info, audio, id: OnceLock::new() })))
    }

    /// The path it was opened at, or what its source was called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.input.name
    }

    /// The facts.
    #[must_use]
    pub fn info(&self) -> &MasterInfo {
        &self.0.info
    }

    /// A reader of the audio with a position of its own: one for each worker, kept for as long as it works.
    pub fn decoder(&self) -> Result<Decoder> {
        self.0.input.blame(Decoder::new(self.clone(), false))
    }

    /// Which audio it is, by a hash of all of it. The first call reads the file, later ones do not.
    ///
    /// # Errors
    /// [`Error::Changed`] if the file was changed since it was opened: an id would be of neither.
    pub fn id(&self) -> Result<MasterId> {
        if let Some(id) = self.0.id.get() {
            return Ok(*id);
        }
        let id = identify::identify(&self.0)?;
        Ok(*self.0.id.get_or_init(|| id))
    }

    /// The id, if it was found out already or [told](Self::tell_id).
    #[must_use]
    pub fn known_id(&self) -> Option<MasterId> {
        self.0.id.get().copied()
    }

    /// Tells the master its id, as it was found out at another time for the very same bytes.
    pub(crate) fn tell_id(&self, id: MasterId) {
        // Whoever came first had the same.
        let _ = self.0.id.set(id);
    }

    /// Whether `other` is this master, opened again or not, without a look at the audio.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.input.is(&other.0.input)
    }

    /// The file that it is, if it is one.
    pub(crate) fn file(&self) -> Option<&File> {
        self.0.input.source.file()
    }

    /// Decodes everything and checks what can be checked: FLAC's frame checksums and MD5, the length.
    ///
    /// # Errors
    /// [`Error::Damaged`] if anything is wrong.
    pub fn verify(&self) -> Result<Verification> {
        verify::verify(self)
    }
}

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Master")
            .field("name", &self.name())
            .field("info", self.info())
            .finish_non_exhaustive()
    }
}

impl Input {
    fn rate(&self, hz: u32) -> Result<SampleRate> {
        SampleRate::new(hz).ok_or_else(|| {
            self.unsupported(format!("a rate of {hz} Hz; {} to {} are", SampleRate::MIN, SampleRate::MAX))
        })
    }

    /// The layout under a channel mask, or the usual one of so many channels.
    fn layout(&self, mask: Option<u32>, channels: usize) -> Result<Layout> {
        let layout = match mask {
            _ if channels > Layout::MAX => None,
            Some(mask) => Layout::masked(mask, channels),
            None => Layout::usual(channels),
        };
        layout.ok_or_else(|| self.unsupported(format!("{channels} channels; 1 to {} are", Layout::MAX)))
    }
}
