//! How much noise each scale factor band hides, from the MDCT's lines.
//!
//! Eight lanes: left, right, mid and side of two spectra (granules or short windows that follow each other). Energies of
//! lines are those of a pseudo-spectrum, X\[k\]^2 + (X\[k + 1\] - X\[k - 1\])^2, which hides that an MDCT's lines depend on
//! phase (Daudet and Sandler, "MDCT analysis of sinusoids", IEEE Transactions on Speech and Audio Processing, 2004).

use super::bands;
use super::granule::{Block, Granule};
use super::partitions::{BlockPartitions, MAX_PARTITIONS, Partitions};
use crate::lanes::{Best, Isa, LANES, dispatch, eight};

/// A threshold rises at most by this from one granule to the next, so that noise does not come before the sound that
/// hides it.
const RISE: f32 = 2.0;
/// Added to energies, so that silence makes no denormal numbers.
const SILENCE: f32 = 1e-20;
/// No limit.
const NONE: f32 = 1e18;

/// Zeros around the lines of a spectrum.
const AROUND: usize = LANES;
/// Left and right of two spectra.
type Spectra = [[f32; 576 + 2 * AROUND]; 4];

/// Computes thresholds, granule by granule.
pub(crate) struct Masking {
    best: Best,
    channels: usize,
    partitions: &'static BlockPartitions,
    /// The thresholds of the last two spectra of long blocks.
    before: [[f32; LANES]; MAX_PARTITIONS],
    spectra: Box<Spectra>,
    energies: Box<[[f32; LANES]; 576]>,
}

impl Masking {
    /// For PCM at `rate` hertz, one of MP3's nine, with one or two channels.
    pub(crate) fn new(best: Best, rate: u32, channels: usize) -> Self {
        Self {
            best,
            channels,
            partitions: BlockPartitions::of(rate),
            before: [[NONE; LANES]; MAX_PARTITIONS],
            spectra: Box::new([[0.0; 576 + 2 * AROUND]; 4]),
            energies: Box::new([[0.0; LANES]; 576]),
        }
    }

    /// Fills in what is allowed in the next granules.
    pub(crate) fn fill(&mut self, granules: &mut [Granule]) {
        let short = |granule: &Granule| granule.block[0] == Block::Short;
        if let [one, other] = granules
            && !short(one)
            && !short(other)
        {
            self.long([one, other]);
            return;
        }
        for granule in granules {
            if short(granule) {
                self.short(granule);
            } else {
                self.long([granule]);
            }
        }
    }

    fn long<const N: usize>(&mut self, granules: [&mut Granule; N]) {
        for place in 0..2 {
            self.take(place, &granules[place.min(N - 1)].lines, 0, 576);
        }
        let mut allowed = [[0.0; LANES]; 24];
        let partitions = &self.partitions.long;
        mask(self.best, partitions, RISE, &self.spectra, &mut self.energies, &mut self.before, &mut allowed);
        for (place, granule) in granules.into_iter().enumerate() {
            for (channel, to) in granule.allowed.iter_mut().enumerate() {
                for (to, from) in to.iter_mut().zip(&allowed[..bands::LONG]) {
                    *to = from[4 * place + channel];
                }
            }
        }
    }

    fn short(&mut self, granule: &mut Granule) {
        // The windows are short enough to need no limit, and long blocks after them are not compared with them.
        for first in [0, 2] {
            for place in 0..2 {
                self.take(place, &granule.lines, 192 * (first + place).min(2), 192);
            }
            let mut allowed = [[0.0; LANES]; 24];
            let partitions = &self.partitions.short;
            mask(
                self.best,
                partitions,
                NONE,
                &self.spectra,
                &mut self.energies,
                &mut self.before,
                &mut allowed,
            );
            for window in first..(first + 2).min(3) {
                for (channel, to) in granule.allowed.iter_mut().enumerate() {
                    for (band, from) in allowed[..bands::SHORT].iter().enumerate() {
                        to[3 * band + window] = from[4 * (window - first) + channel];
                    }
                }
            }
        }
        self.before.fill([NONE; LANES]);
    }

    /// Takes `count` lines from line `first` on as the first or second spectrum.
    fn take(&mut self, place: usize, lines: &[[f32; 576]; 2], first: usize, count: usize) {
        for channel in 0..2 {
            let row = &mut self.spectra[2 * place + channel];
            let from = &lines[channel.min(self.channels - 1)];
            row[AROUND..AROUND + count].copy_from_slice(&from[first..first + count]);
            row[AROUND + count..][..AROUND].fill(0.0);
        }
    }
}

dispatch! {
    /// The thresholds of two spectra by band, and in `before` by partition: at most `rise` times those before.
    fn mask(
        partitions: &Partitions,
        rise: f32,
        spectra: &Spectra,
        energies: &mut [[f32; LANES]; 576],
        before: &mut [[f32; LANES]; MAX_PARTITIONS],
        allowed: &mut [[f32; LANES]; 24],
    ) = mask_kernel
}

#[inline(always)]
fn mask_kernel<I: Isa>(
    isa: I,
    partitions: &Partitions,
    rise: f32,
    spectra: &Spectra,
    energies: &mut [[f32; LANES]; 576],
    before: &mut [[f32; LANES]; MAX_PARTITIONS],
    allowed: &mut [[f32; LANES]; 24],
) {
    let count = partitions.up.len();
    let lines = usize::from(partitions.edges[count]);
    for line in (0..lines).step_by(LANES) {
        let [a, b, c, d] = pseudo_spectrum(isa, &spectra[0], &spectra[1], AROUND + line);
        let [e, f, g, h] = pseudo_spectrum(isa, &spectra[2], &spectra[3], AROUND + line);
        for (i, v) in isa.transpose([a, b, c, d, e, f, g, h]).into_iter().enumerate() {
            isa.store(v, &mut energies[line + i]);
        }
    }

    let mut sums = [isa.splat(0.0); MAX_PARTITIONS];
    for (sum, edge) in sums.iter_mut().zip(partitions.edges.windows(2)) {
        *sum = isa.splat(SILENCE);
        for energy in &energies[usize::from(edge[0])..usize::from(edge[1])] {
            *sum = *sum + isa.load(energy);
        }
    }

    let mut masked = [isa.splat(0.0); MAX_PARTITIONS];
    let mut falling = isa.splat(0.0);
    for p in (0..count).rev() {
        falling = sums[p] + falling * isa.splat(partitions.down[p]);
        masked[p] = falling;
    }
    let mut rising = isa.splat(0.0);
    for p in 0..count {
        let below = rising * isa.splat(partitions.up[p]);
        rising = sums[p] + below;
        let threshold = (masked[p] + below) * isa.splat(partitions.masked[p]);
        let limit = isa.middle(isa.load(&before[p]), threshold) * isa.splat(rise);
        isa.store(threshold, &mut before[p]);
        masked[p] = isa.max(isa.min(threshold, limit), isa.splat(partitions.quiet[p]));
    }

    for (allowed, shares) in allowed.iter_mut().zip(&partitions.bands) {
        let mut sum = isa.splat(0.0);
        for &(p, share) in shares {
            sum = sum + masked[usize::from(p)] * isa.splat(share);
        }
        isa.store(sum, allowed);
    }
}

/// Eight lines of left, right, mid and side from place `at` on.
#[inline(always)]
fn pseudo_spectrum<I: Isa>(
    isa: I,
    left: &[f32; 576 + 2 * AROUND],
    right: &[f32; 576 + 2 * AROUND],
    at: usize,
) -> [I::V; 4] {
    let l = isa.load(eight(left, at));
    let r = isa.load(eight(right, at));
    let slope_l = isa.load(eight(left, at + 1)) - isa.load(eight(left, at - 1));
    let slope_r = isa.load(eight(right, at + 1)) - isa.load(eight(right, at - 1));
    let half = isa.splat(0.5);
    let (m, s) = (l + r, l - r);
    let (slope_m, slope_s) = (slope_l + slope_r, slope_l - slope_r);
    [
        l * l + slope_l * slope_l,
        r * r + slope_r * slope_r,
        (m * m + slope_m * slope_m) * half,
        (s * s + slope_s * slope_s) * half,
    ]
}

#[cfg(test)]
mod tests;
