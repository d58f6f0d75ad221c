//! The floor under every rendition's cost: its encoder alone, with nothing of ours around it.
//!
//! A benchmark that encodes the same PCM with this sees what segments, copying and scheduling add.

use super::{Encoder, FrameEncoder, Resolved};
use crate::error::Result;

/// An encoder with the settings of a rendition, encoding it in one piece. Its bytes are no rendition: they have neither
/// segments nor an Info frame.
///
/// ```
/// use tonepress::encoder::floor::Floor;
/// use tonepress::{Plan, Profile, master::Master};
/// let plan = Plan::new(Master::open("testdata/strings.flac")?.info(), &"128".parse::<Profile>()?)?;
/// let (silence, mut bytes) = ([0.0; 1_152], Vec::new());
/// let mut floor = Floor::new(plan.resolved())?;
/// for _frame in 0..40 {
///     floor.encode(&[&silence, &silence], &mut bytes)?;
/// }
/// floor.finish(&mut bytes)?;
/// assert!((15_000..17_000).contains(&bytes.len()));
/// # Ok::<(), tonepress::Error>(())
/// ```
pub struct Floor(Box<dyn FrameEncoder>);

impl Floor {
    /// An encoder with these settings.
    ///
    /// # Errors
    /// [`Error::Processor`](crate::Error::Processor), or [`Error::Internal`](crate::Error::Internal) if the
    /// settings are refused.
    pub fn new(settings: &Resolved) -> Result<Self> {
        Encoder::start(settings, None).map(Self)
    }

    /// Encodes the next frame, one plane a channel, full scale being ±1.0, and appends the bytes that are ready to
    /// `out`.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) if the encoder fails.
    pub fn encode(&mut self, planes: &[&[f32]], out: &mut Vec<u8>) -> Result<()> {
        self.0.encode(planes, out)
    }

    /// Appends the bytes that the encoder still holds back.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.0.flush(out)
    }
}
