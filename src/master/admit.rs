//! Whether what a file states can be a master, within its limits.

use super::info::{Layout, MasterInfo};
use super::source::Input;
use crate::error::{Error, Result};
use crate::units::SampleRate;

impl Input {
    pub(super) fn rate(&self, hz: u32) -> Result<SampleRate> {
        SampleRate::new(hz).ok_or_else(|| {
            self.unsupported(format!("a rate of {hz} Hz; {} to {} are", SampleRate::MIN, SampleRate::MAX))
        })
    }

    /// The layout that is stated of so many channels, or the usual one.
    pub(super) fn layout(&self, stated: Option<Layout>, channels: usize) -> Result<Layout> {
        stated
            .or_else(|| Layout::usual(channels))
            .ok_or_else(|| self.unsupported(format!("{channels} channels; 1 to {} are", Layout::MAX)))
    }

    /// An error if a master with these facts is beyond a limit.
    pub(super) fn admit(&self, info: &MasterInfo) -> Result<()> {
        let limits = &self.limits;
        let channels = info.layout.channels() as u64;
        let seconds = info.samples.0.div_ceil(info.rate.hz().into());
        let pcm = info.samples.0.saturating_mul(channels * u64::from(info.bits.div_ceil(8)));
        self.limit("channels", channels, limits.channels as u64)?;
        self.limit("Hz", info.rate.hz().into(), limits.rate.hz().into())?;
        self.limit("seconds of audio", seconds, limits.duration.as_secs())?;
        self.limit("bytes of PCM", pcm, limits.pcm_bytes)
    }

    /// An error if `found` of `what` are more than `limit`.
    pub(super) fn limit(&self, what: &'static str, found: u64, limit: u64) -> Result<()> {
        if found <= limit {
            return Ok(());
        }
        Err(Error::Limit { name: self.name.clone(), what, found, limit })
    }
}
