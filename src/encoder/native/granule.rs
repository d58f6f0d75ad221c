//! What analysis hands to coding.

/// The block type of a granule of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Block {
    /// One window of 36 subband samples.
    #[default]
    Long,
    /// Long, before short ones.
    Start,
    /// Three windows of 12.
    Short,
    /// Long, after short ones.
    Stop,
}

/// What analysis knows of one granule: 576 samples of one or two channels.
#[derive(Debug, Clone)]
pub(crate) struct Granule {
    /// MDCT lines of left and right, or of the only channel, after alias reduction, at the decoder's scale: a
    /// decoder that gets exactly these values gives PCM at +-1.0 full scale. Long, start and stop blocks by
    /// frequency; short blocks window by window, 192 lines each, by frequency.
    pub(crate) lines: [[f32; 576]; 2],
    /// In the order in which lines are coded, those from this one on are all zero: a low-pass cuts them off.
    pub(crate) used: usize,
    /// Of each channel; for now equal in both.
    pub(crate) block: [Block; 2],
    /// The noise energy (sum of squares over the lines of a scale factor band) that is masked, of left, right, mid
    /// ((L + R) / sqrt 2) and side ((L - R) / sqrt 2). Long: bands 0 to 21, the last one without a scale
    /// factor. Short: index 3 * band + window, 13 bands.
    pub(crate) allowed: [[f32; 39]; 4],
}

impl Granule {
    /// Silence.
    pub(crate) const SILENT: Self =
        Self { lines: [[0.0; 576]; 2], used: 576, block: [Block::Long; 2], allowed: [[0.0; 39]; 4] };
}
