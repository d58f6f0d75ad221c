use super::*;
use crate::encoder::native::decoder::Decoder;
use crate::lanes::Portable;

const RATES: [u32; 9] = [48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];
/// By how much a decoder's output is late: 576 for the encoder and 529 for the decoder.
const LATE: usize = 1_105;

/// Numbers of -1 to 1 that look like noise.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / 8_388_608.0 - 1.0
    }
}

/// The PCM that decoding gives of each channel, and the block types.
fn round_trip(analysis: &mut Analysis, pcm: &[Vec<f32>]) -> (Vec<Vec<f64>>, Vec<Block>) {
    let samples = analysis.frame_samples();
    let mut decoders: Vec<Decoder> = pcm.iter().map(|_| Decoder::new()).collect();
    let mut decoded = vec![Vec::new(); pcm.len()];
    let mut blocks = Vec::new();
    let mut granules = [Granule::SILENT; 2];
    for frame in 0..pcm[0].len() / samples {
        let planes: Vec<&[f32]> = pcm.iter().map(|plane| &plane[frame * samples..][..samples]).collect();
        let given = analysis.push(&planes, &mut granules);
        assert_eq!(given, frame > 0);
        for granule in granules[..analysis.granules].iter().filter(|_| given) {
            blocks.push(granule.block[0]);
            for (channel, decoder) in decoders.iter_mut().enumerate() {
                decoded[channel].extend(decoder.granule(granule.block[channel], &granule.lines[channel]));
            }
        }
    }
    (decoded, blocks)
}

/// Noise relative to the signal in dB, with the decoder's delay.
fn noise(pcm: &[f32], decoded: &[f64]) -> f64 {
    let (mut signal, mut noise) = (0.0, 0.0);
    for (x, y) in pcm.iter().zip(&decoded[LATE..]) {
        signal += f64::from(*x).powi(2);
        noise += (f64::from(*x) - y).powi(2);
    }
    10.0 * (noise / signal).log10()
}

/// Noise with bursts, so that there are all block types, and a steady beginning.
fn bursts(samples: usize, seed: u32) -> Vec<f32> {
    let mut random = Noise(seed);
    let mut level = 0.01;
    (0..samples)
        .map(|n| {
            if n > samples / 3 && n % 4_700 == 0 {
                level = 0.9;
            }
            level = (level * 0.998f32).max(0.01);
            level * random.next()
        })
        .collect()
}

/// The filter bank of the standard is not exactly invertible: with exact arithmetic noise is -84.4 dB.
const BANK: f64 = -84.3;

#[test]
fn a_decoder_gives_the_pcm_back() {
    for rate in RATES {
        for channels in 1..=2 {
            let pcm: Vec<Vec<f32>> = (0..channels).map(|channel| bursts(23_040, 7 + channel)).collect();
            let mut analysis = Analysis::new(Best::detect(), rate, pcm.len(), None);
            let (decoded, blocks) = round_trip(&mut analysis, &pcm);
            for (pcm, decoded) in pcm.iter().zip(&decoded) {
                let noise = noise(pcm, decoded);
                assert!(noise < BANK, "{rate} Hz, {channels} channels: {noise:.1} dB");
            }
            for block in [Block::Long, Block::Start, Block::Short, Block::Stop] {
                assert!(blocks.contains(&block), "{rate} Hz: no {block:?}");
            }
        }
    }
}

#[test]
fn block_types_follow_each_other_as_they_may() {
    let pcm = vec![
        (0..400_000)
            .map({
                let mut random = Noise(3);
                let mut level = 0.0;
                move |_| {
                    if random.next() > 0.9994 {
                        level = random.next().abs();
                    }
                    level *= 0.997f32;
                    level * random.next()
                }
            })
            .collect::<Vec<f32>>(),
    ];
    let (decoded, blocks) = round_trip(&mut Analysis::new(Best::detect(), 44_100, 1, None), &pcm);
    for pair in blocks.windows(2) {
        let allowed = match pair[0] {
            Block::Long | Block::Stop => [Block::Long, Block::Start],
            Block::Start | Block::Short => [Block::Short, Block::Stop],
        };
        assert!(allowed.contains(&pair[1]) && pair != [Block::Start, Block::Stop], "{pair:?}");
    }
    assert!(noise(&pcm[0], &decoded[0]) < BANK);
}

#[test]
fn a_tone_is_in_its_lines() {
    for rate in RATES {
        for line in [3.5, 40.5, 200.5, 500.5] {
            let step = std::f64::consts::PI * line / 576.0;
            let pcm: Vec<f32> = (0..11_520).map(|n| (0.5 * (step * f64::from(n)).sin()) as f32).collect();
            let mut analysis = Analysis::new(Best::detect(), rate, 1, None);
            let samples = analysis.frame_samples();
            let mut granules = [Granule::SILENT; 2];
            for frame in pcm.chunks_exact(samples) {
                analysis.push(&[frame], &mut granules);
            }
            let energy = |lines: &[f32]| lines.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
            let lines = &granules[0].lines[0];
            let at = line as usize;
            let near = energy(&lines[at.saturating_sub(2)..at + 4]) / energy(lines);
            assert!(near > 0.98, "{rate} Hz, line {line}: {near}");
        }
    }
}

/// Lines of long blocks by the standard's formulas, in f64.
fn reference(pcm: &[f32], granule: usize) -> Vec<f64> {
    use std::f64::consts::PI;
    let sample = |n: isize| usize::try_from(n).ok().and_then(|n| pcm.get(n)).map_or(0.0, |&x| f64::from(x));
    let subband = |slot: usize, band: usize| -> f64 {
        let newest = 32 * slot as isize + 31 - 624;
        let term = |n: usize| {
            f64::from(crate::encoder::native::prototype::tap(n)) / 2_097_152.0
                * ((2 * band + 1) as f64 * (n as f64 - 16.0) * PI / 64.0).cos()
                * sample(newest - n as isize)
        };
        let inverted = if band % 2 == 1 && slot % 2 == 1 { -1.0 } else { 1.0 };
        inverted * (0..512).map(term).sum::<f64>()
    };
    let mut lines = Vec::new();
    for band in 0..32 {
        let z: Vec<f64> =
            (0..36).map(|i| subband(18 * granule + i, band) * (PI / 36.0 * (i as f64 + 0.5)).sin()).collect();
        lines.extend((0..18).map(|k| {
            let term = |i: usize| (PI / 72.0 * (2 * i + 19) as f64 * f64::from(2 * k + 1)).cos() * z[i];
            (0..36).map(term).sum::<f64>() / 9.0
        }));
    }
    for edge in (18..576).step_by(18) {
        for (i, c) in
            [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037f64].into_iter().enumerate()
        {
            let (cs, ca) = (1.0 / (1.0 + c * c).sqrt(), c / (1.0 + c * c).sqrt());
            let (up, down) = (lines[edge - 1 - i], lines[edge + i]);
            lines[edge - 1 - i] = up * cs + down * ca;
            lines[edge + i] = down * cs - up * ca;
        }
    }
    lines
}

#[test]
fn lines_are_those_of_the_formulas() {
    let mut random = Noise(5);
    let pcm: Vec<f32> = (0..5 * 1_152).map(|_| random.next()).collect();
    let mut analysis = Analysis::new(Best::detect(), 44_100, 1, None);
    let mut granules = [Granule::SILENT; 2];
    for (frame, samples) in pcm.chunks_exact(1_152).enumerate() {
        analysis.push(&[samples], &mut granules);
        if frame == 4 {
            for (i, granule) in granules.iter().enumerate() {
                let exact = reference(&pcm, 2 * (frame - 1) + i);
                let error: f64 =
                    granule.lines[0].iter().zip(&exact).map(|(&x, y)| (f64::from(x) - y).powi(2)).sum();
                let energy: f64 = exact.iter().map(|y| y * y).sum();
                assert!(10.0 * (error / energy).log10() < -125.0, "{}", 10.0 * (error / energy).log10());
            }
        }
    }
}

#[test]
fn nothing_passes_above_the_lowpass() {
    let mut random = Noise(1);
    let pcm: Vec<f32> = (0..11_520).map(|_| random.next()).collect();
    let mut analysis = Analysis::new(Best::detect(), 44_100, 1, Some(16_000));
    let mut granules = [Granule::SILENT; 2];
    for frame in pcm.chunks_exact(1_152) {
        analysis.push(&[frame], &mut granules);
    }
    // The edges of the 31 parts around 16 kHz.
    let edge = 23.0 / 31.0 * 576.0;
    let lines = &granules[1].lines[0];
    assert!(lines[edge as usize + 1..].iter().all(|&x| x == 0.0));
    assert!(lines[(edge * 0.97) as usize - 20..(edge * 0.97) as usize].iter().any(|&x| x.abs() > 1e-3));
}

#[test]
fn hostile_pcm_is_made_clean() {
    let mut random = Noise(9);
    let hostile: Vec<f32> = (0..23_040)
        .map(|n| match n % 7 {
            0 => f32::NAN,
            1 => f32::INFINITY,
            2 => f32::NEG_INFINITY,
            3 => f32::from_bits(n * 100),
            4 => f32::MAX,
            _ => random.next() * 1e30,
        })
        .collect();
    let mut analysis = Analysis::new(Best::detect(), 44_100, 2, None);
    let mut granules = [Granule::SILENT; 2];
    for frame in hostile.chunks_exact(1_152) {
        analysis.push(&[frame, frame], &mut granules);
        assert!(granules.iter().all(|g| g.lines.iter().flatten().all(|x| x.is_finite())));
    }
}

#[test]
fn all_instruction_sets_give_the_same_bits() {
    for rate in RATES {
        for channels in 1..=2 {
            let pcm: Vec<Vec<f32>> = (0..channels).map(|channel| bursts(23_040, 70 + channel)).collect();
            let mut both = [Best::detect(), Best::Portable(Portable)]
                .map(|best| Analysis::new(best, rate, pcm.len(), Some(rate * 2 / 5)));
            let samples = both[0].frame_samples();
            for frame in 0..pcm[0].len() / samples {
                let planes: Vec<&[f32]> =
                    pcm.iter().map(|plane| &plane[frame * samples..][..samples]).collect();
                let [one, other] = both.each_mut().map(|analysis| {
                    let mut granules = [Granule::SILENT; 2];
                    analysis.push(&planes, &mut granules);
                    granules
                });
                for (one, other) in one.iter().zip(&other) {
                    assert_eq!(one.block, other.block);
                    let bits = |granule: &Granule| granule.lines.map(|lines| lines.map(f32::to_bits));
                    assert_eq!(bits(one), bits(other), "{rate} Hz, {channels} channels, frame {frame}");
                    let bits = |granule: &Granule| granule.allowed.map(|allowed| allowed.map(f32::to_bits));
                    assert_eq!(bits(one), bits(other), "{rate} Hz, {channels} channels, frame {frame}");
                }
            }
        }
    }
}
