//! A granule of a channel as it is written.

use super::bands::{BandTable, MAX_BANDS, PAIRS};
use super::bits::BitWriter;
use super::granule::Block;
use super::scalefactors::Packing;
use super::spectrum::Spectrum;

/// The most bits of scale factors and lines together that the side information can tell.
pub(crate) const MAX_PART_BITS: u32 = 4_095;

/// All that is known of a granule of a channel when it has been quantised.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) block: Block,
    /// 0 to 255; 210 is a step of one.
    pub(crate) global_gain: u8,
    /// `subblock_gain`, in steps of eight.
    pub(crate) window_gain: [u8; 3],
    /// Whether scale factors count four steps instead of two.
    pub(crate) coarse: bool,
    pub(crate) preflag: bool,
    /// By band.
    pub(crate) scale: [u8; MAX_BANDS],
    pub(crate) packing: Packing,
    /// Groups of scale factors that are those of the first granule (`scfsi`).
    pub(crate) shared: [bool; 4],
    pub(crate) spectrum: Spectrum,
    /// By pair of lines: 2 if the first is below zero, and 1 if the second is.
    pub(crate) negative: [u8; PAIRS],
}

impl Part {
    /// Silence.
    pub(crate) fn new() -> Self {
        Self {
            block: Block::Long,
            global_gain: 210,
            window_gain: [0; 3],
            coarse: false,
            preflag: false,
            scale: [0; MAX_BANDS],
            packing: Packing::default(),
            shared: [false; 4],
            spectrum: Spectrum::new(),
            negative: [0; PAIRS],
        }
    }

    /// The bits of scale factors and lines.
    pub(crate) fn bits(&self) -> u32 {
        self.packing.bits(self.shared) + self.spectrum.bits
    }

    /// Writes scale factors and lines.
    #[inline(always)]
    pub(crate) fn write_main(&self, bands: &BandTable, writer: &mut BitWriter) {
        let before = writer.bits();
        self.packing.write(&self.scale, self.shared, writer);
        self.spectrum.write(&self.negative, bands.of(self.block), self.block, writer);
        debug_assert_eq!(writer.bits() - before, self.bits() as usize);
    }

    /// Writes the side information.
    pub(crate) fn write_side(&self, mpeg1: bool, writer: &mut BitWriter) {
        let spectrum = &self.spectrum;
        assert!(self.bits() <= MAX_PART_BITS, "a part of {} bits", self.bits());
        writer.put(self.bits().into(), 12);
        writer.put(spectrum.big_pairs as u64, 9);
        writer.put(self.global_gain.into(), 8);
        writer.put(self.packing.compress.into(), if mpeg1 { 4 } else { 9 });
        let block = match self.block {
            Block::Long => 0,
            Block::Start => 1,
            Block::Short => 2,
            Block::Stop => 3,
        };
        writer.put(u64::from(block != 0), 1);
        let tables = spectrum.tables.map(u64::from);
        if block == 0 {
            writer.put(tables[0] << 10 | tables[1] << 5 | tables[2], 15);
            writer.put(u64::from(spectrum.regions[0]) - 1, 4);
            writer.put(u64::from(spectrum.regions[1]) - 1, 3);
        } else {
            writer.put(block << 1, 3);
            writer.put(tables[0] << 5 | tables[1], 10);
            for gain in self.window_gain {
                writer.put(gain.into(), 3);
            }
        }
        if mpeg1 {
            writer.put(self.preflag.into(), 1);
        }
        writer.put(self.coarse.into(), 1);
        writer.put(spectrum.quads_in_b.into(), 1);
    }
}
