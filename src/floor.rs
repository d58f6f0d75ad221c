//! The floor under every rendition's cost: LAME alone, with nothing of ours around it.
//!
//! A benchmark that encodes the same PCM with this sees what segments, copying and scheduling add.

use crate::error::Result;
use crate::mp3::lame::{self, Encoder};
use crate::profile::Resolved;

/// What LAME takes for full scale: PCM is to be multiplied by this.
pub const FULL_SCALE: f32 = lame::FULL_SCALE;

/// LAME with the settings of a rendition, encoding it in one piece. Its bytes are no rendition: they have neither
/// segments nor an Info frame.
///
/// ```
/// use tonepress::floor::Floor;
/// use tonepress::{Plan, Profile, master::Master};
/// let plan = Plan::new(Master::open("testdata/strings.flac")?.info(), &"128".parse::<Profile>()?)?;
/// let (silence, mut bytes) = ([0.0; 44_100], Vec::new());
/// let mut floor = Floor::new(plan.resolved())?;
/// floor.encode(&silence, &silence, &mut bytes)?;
/// floor.finish(&mut bytes)?;
/// assert!((15_000..17_000).contains(&bytes.len()));
/// # Ok::<(), tonepress::Error>(())
/// ```
pub struct Floor(Encoder);

impl Floor {
    /// LAME with these settings.
    ///
    /// # Errors
    /// [`Error::Processor`](crate::Error::Processor), or [`Error::Internal`](crate::Error::Internal) if LAME
    /// refuses the settings.
    pub fn new(settings: &Resolved) -> Result<Self> {
        Encoder::new(settings).map(Self)
    }

    /// Encodes the samples that follow, scaled to [`FULL_SCALE`], and appends the bytes that are ready to `out`. For
    /// mono both planes are the same.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) if LAME fails.
    ///
    /// # Panics
    /// If the planes are not of one length.
    pub fn encode(&mut self, left: &[f32], right: &[f32], out: &mut Vec<u8>) -> Result<()> {
        assert_eq!(left.len(), right.len(), "planes of different lengths");
        for (left, right) in left.chunks(1152).zip(right.chunks(1152)) {
            self.0.encode(left, right, out)?;
        }
        Ok(())
    }

    /// Appends the bytes that LAME still holds back.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.0.flush(out)
    }
}
