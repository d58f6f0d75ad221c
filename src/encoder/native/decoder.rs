//! The back end of the standard's decoder in plain f64, for tests: lines to PCM (ISO/IEC 11172-3, 2.4.3.4.10).

use std::f64::consts::PI;

use super::granule::Block;
use super::prototype;

/// One channel of a decoder.
pub(crate) struct Decoder {
    overlap: [[f64; 18]; 32],
    v: Vec<f64>,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self { overlap: [[0.0; 18]; 32], v: vec![0.0; 1024] }
    }

    /// The PCM of a granule.
    pub(crate) fn granule(&mut self, block: Block, lines: &[f32; 576]) -> Vec<f64> {
        let mut xr: Vec<f64> = lines.iter().map(|&x| f64::from(x)).collect();
        if block != Block::Short {
            for edge in (18..576).step_by(18) {
                for (i, c) in
                    [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037f64].into_iter().enumerate()
                {
                    let (cs, ca) = (1.0 / (1.0 + c * c).sqrt(), c / (1.0 + c * c).sqrt());
                    let (up, down) = (xr[edge - 1 - i], xr[edge + i]);
                    xr[edge - 1 - i] = up * cs - down * ca;
                    xr[edge + i] = down * cs + up * ca;
                }
            }
        }
        let mut slots = [[0.0; 32]; 18];
        for band in 0..32 {
            let mut raw = [0.0; 36];
            if block == Block::Short {
                for window in 0..3 {
                    let x = &xr[192 * window + 6 * band..][..6];
                    for (i, y) in imdct(x).into_iter().enumerate() {
                        raw[6 + 6 * window + i] += y * (PI / 12.0 * (i as f64 + 0.5)).sin();
                    }
                }
            } else {
                for (i, y) in imdct(&xr[18 * band..][..18]).into_iter().enumerate() {
                    raw[i] = y * window(block, i);
                }
            }
            for i in 0..18 {
                let sign = if band % 2 == 1 && i % 2 == 1 { -1.0 } else { 1.0 };
                slots[i][band] = sign * (raw[i] + self.overlap[band][i]);
                self.overlap[band][i] = raw[18 + i];
            }
        }
        slots.iter().flat_map(|slot| self.synthesis(slot)).collect()
    }

    fn synthesis(&mut self, slot: &[f64; 32]) -> Vec<f64> {
        self.v.rotate_right(64);
        for i in 0..64 {
            let sum = (0..32).map(|k| ((16 + i) as f64 * (2 * k + 1) as f64 * PI / 64.0).cos() * slot[k]);
            self.v[i] = sum.sum();
        }
        (0..32)
            .map(|j| {
                (0..16)
                    .map(|i| {
                        let u = self.v[(i / 2) * 128 + if i % 2 == 0 { j } else { 96 + j }];
                        let n = j + 32 * i;
                        let sign = if (n / 64) % 2 == 0 { 1.0 } else { -1.0 };
                        u * sign * f64::from(prototype::tap(n)) / 65_536.0
                    })
                    .sum()
            })
            .collect()
    }
}

fn imdct(x: &[f64]) -> Vec<f64> {
    let n = 2 * x.len();
    (0..n)
        .map(|i| {
            let term =
                |k: usize| (PI / (2 * n) as f64 * (2 * i + 1 + n / 2) as f64 * (2 * k + 1) as f64).cos();
            x.iter().enumerate().map(|(k, x)| x * term(k)).sum()
        })
        .collect()
}

fn window(block: Block, i: usize) -> f64 {
    let long = (PI / 36.0 * (i as f64 + 0.5)).sin();
    let short = |i: usize| (PI / 12.0 * (i as f64 + 0.5)).sin();
    match block {
        Block::Start if i >= 30 => 0.0,
        Block::Start if i >= 24 => short(i - 18),
        Block::Start if i >= 18 => 1.0,
        Block::Stop if i < 6 => 0.0,
        Block::Stop if i < 12 => short(i - 6),
        Block::Stop if i < 18 => 1.0,
        Block::Long | Block::Start | Block::Stop => long,
        Block::Short => unreachable!(),
    }
}
