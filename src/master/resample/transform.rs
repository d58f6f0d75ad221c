//! The discrete Fourier transform of eight complex signals at once, one in each lane.
//!
//! Decimation in frequency, in place: a transform of `n = r m` points becomes `m` transforms of `r` and then `r` of `m`.
//! The results come in another order, which [`Transform::order`] tells. Long parts are finished one by one, so that most
//! of the work is on points that lie near the processor. (Cooley and Tukey 1965, Gentleman and Sande 1966.)
//!
//! The lanes know nothing of each other and nothing is fused, so that all instruction sets give the same bits.

// Kernels must be inlined into the function that has the processor's instructions, and twiddle factors are rounded to f32.
#![allow(clippy::inline_always, clippy::cast_possible_truncation, clippy::needless_range_loop)]

use core::ops::{Add, Mul, Sub};

use crate::lanes::{Best, Isa, LANES, dispatch};
use crate::series::{PI, cos, sin};

/// So many points lie near enough to the processor to be gone through as often as there are steps: 16 KiB.
const NEAR: usize = 256;

/// A point of each of eight complex signals. It fills a line of the cache.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub(super) struct Point {
    pub(super) re: [f32; LANES],
    pub(super) im: [f32; LANES],
}

/// A complex number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Complex<T> {
    pub(super) re: T,
    pub(super) im: T,
}

/// One step: what a transform of `radix * rest` points is taken apart by.
#[derive(Debug)]
struct Step {
    radix: usize,
    rest: usize,
    /// e^(-2 pi i j q / (radix rest)) for j from 0 to `rest`, and for each q from 1 to `radix`.
    twiddles: Vec<Complex<f32>>,
}

/// A transform of some length.
#[derive(Debug)]
pub(super) struct Transform {
    len: usize,
    steps: Vec<Step>,
}

impl Transform {
    /// A transform of as many points as there are `roots` of one.
    ///
    /// # Panics
    /// If that number has other factors than 2, 3, 5 and 7.
    pub(super) fn new(roots: &[Complex<f64>]) -> Self {
        let len = roots.len();
        let (mut rest, mut steps) = (len, Vec::new());
        while rest > 1 {
            // Fours first, on the longest parts: of all they do the most for a pass over the memory.
            let radix = [4, 7, 5, 3, 2].into_iter().find(|radix| rest.is_multiple_of(*radix));
            let radix = radix.expect("small factors");
            let every = len / rest;
            rest /= radix;
            let twiddle = |j: usize, q: usize| {
                let Complex { re, im } = roots[j * q * every];
                Complex { re: re as f32, im: -im as f32 }
            };
            let twiddles = (0..rest).flat_map(|j| (1..radix).map(move |q| twiddle(j, q))).collect();
            steps.push(Step { radix, rest, twiddles });
        }
        Self { len, steps }
    }

    /// How many points there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where each result lies, by its number.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut order = vec![0; self.len];
        for place in 0..self.len {
            let (mut left, mut number, mut weight) = (place, 0, 1);
            for step in &self.steps {
                number += weight * (left / step.rest);
                left %= step.rest;
                weight *= step.radix;
            }
            order[number] = place;
        }
        order
    }

    /// Transforms `points`, by the instructions of `best`: result `k` is the sum over `n` of point `n` times
    /// e^(-2 pi i n k / len).
    pub(super) fn run(&self, best: Best, points: &mut [Point]) {
        assert_eq!(points.len(), self.len, "points of a transform of this length");
        take_apart(best, &self.steps, points);
    }
}

/// Goes through `steps`, each of which takes apart what the one before has left in `points`.
fn take_apart(best: Best, steps: &[Step], points: &mut [Point]) {
    let Some((step, later)) = steps.split_first() else { return };
    run_step(best, step, points);
    if points.len() > NEAR {
        points.chunks_exact_mut(step.rest).for_each(|part| take_apart(best, later, part));
    } else {
        take_apart(best, later, points);
    }
}

dispatch! { fn run_step(step: &Step, points: &mut [Point]) = step_by_radix }

#[inline(always)]
fn step_by_radix<I: Isa>(isa: I, step: &Step, points: &mut [Point]) {
    match step.radix {
        2 => butterflies::<I, 2>(isa, step, points),
        3 => butterflies::<I, 3>(isa, step, points),
        4 => butterflies::<I, 4>(isa, step, points),
        5 => butterflies::<I, 5>(isa, step, points),
        _ => butterflies::<I, 7>(isa, step, points),
    }
}

/// A step of radix `R` on all of its parts in `points`.
#[inline(always)]
fn butterflies<I: Isa, const R: usize>(isa: I, step: &Step, points: &mut [Point]) {
    let rest = step.rest;
    if rest == 1 {
        for points in points.as_chunks_mut::<R>().0 {
            let y = butterfly::<I, R>(isa, gather(isa, points, 0, 1));
            for q in 0..R {
                store(isa, y[q], &mut points[q]);
            }
        }
        return;
    }
    for part in points.chunks_exact_mut(R * rest) {
        for j in 0..rest {
            let y = butterfly::<I, R>(isa, gather(isa, part, j, rest));
            store(isa, y[0], &mut part[j]);
            let twiddles = &step.twiddles[j * (R - 1)..][..R - 1];
            for q in 1..R {
                let Complex { re, im } = twiddles[q - 1];
                let twiddle = Complex { re: isa.splat(re), im: isa.splat(im) };
                store(isa, times(y[q], twiddle), &mut part[j + q * rest]);
            }
        }
    }
}

/// The transform of `R` points.
#[inline(always)]
fn butterfly<I: Isa, const R: usize>(isa: I, x: [Complex<I::V>; R]) -> [Complex<I::V>; R] {
    let mut y = x;
    match R {
        2 => (y[0], y[1]) = (plus(x[0], x[1]), minus(x[0], x[1])),
        4 => {
            let (even, odd) = (plus(x[0], x[2]), plus(x[1], x[3]));
            let (across, turned) = (minus(x[0], x[2]), minus(x[1], x[3]));
            (y[0], y[2]) = (plus(even, odd), minus(even, odd));
            y[1] = Complex { re: across.re + turned.im, im: across.im - turned.re };
            y[3] = Complex { re: across.re - turned.im, im: across.im + turned.re };
        }
        _ => {
            // Of an odd number: points k and R - k have the same cosine, and sines of opposite sign.
            for k in 1..=R / 2 {
                y[0] = plus(y[0], x[k]);
                y[0] = plus(y[0], x[R - k]);
            }
            for q in 1..=R / 2 {
                let (mut even, mut odd) = (x[0], Complex { re: isa.splat(0.0), im: isa.splat(0.0) });
                for k in 1..=R / 2 {
                    let root = const { roots::<R>() }[q * k % R];
                    let (cos, sin) = (isa.splat(root.re), isa.splat(root.im));
                    let (sum, difference) = (plus(x[k], x[R - k]), minus(x[k], x[R - k]));
                    even = plus(even, Complex { re: sum.re * cos, im: sum.im * cos });
                    odd = plus(odd, Complex { re: difference.re * sin, im: difference.im * sin });
                }
                y[q] = Complex { re: even.re + odd.im, im: even.im - odd.re };
                y[R - q] = Complex { re: even.re - odd.im, im: even.im + odd.re };
            }
        }
    }
    y
}

/// e^(2 pi i k / len) for k from 0 to `len`, right to 1e-12.
pub(super) fn roots_of_one(len: usize) -> Vec<Complex<f64>> {
    // Each is a product of one of few with one of few: series are slow.
    let fine = len.isqrt().max(1);
    let root = |k: usize| {
        let angle = 2.0 * PI * (k as f64 / len as f64);
        Complex { re: cos(angle), im: sin(angle) }
    };
    let roots: Vec<_> = (0..fine).map(root).collect();
    let coarse = (0..len.div_ceil(fine)).map(|k| root(k * fine));
    coarse.flat_map(|a| roots.iter().map(move |&b| times(a, b))).take(len).collect()
}

/// The same for few, at compile time.
const fn roots<const R: usize>() -> [Complex<f32>; R] {
    let mut roots = [Complex { re: 0.0, im: 0.0 }; R];
    let mut k = 0;
    while k < R {
        let angle = 2.0 * PI * k as f64 / R as f64;
        roots[k] = Complex { re: cos(angle) as f32, im: sin(angle) as f32 };
        k += 1;
    }
    roots
}

#[inline(always)]
fn plus<T: Add<Output = T>>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    Complex { re: a.re + b.re, im: a.im + b.im }
}

#[inline(always)]
fn minus<T: Sub<Output = T>>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    Complex { re: a.re - b.re, im: a.im - b.im }
}

#[inline(always)]
fn times<T: Copy + Add<Output = T> + Sub<Output = T> + Mul<Output = T>>(
    a: Complex<T>,
    b: Complex<T>,
) -> Complex<T> {
    Complex { re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re }
}

/// The points at `from` and at each `apart` behind.
#[inline(always)]
fn gather<I: Isa, const R: usize>(isa: I, points: &[Point], from: usize, apart: usize) -> [Complex<I::V>; R] {
    let mut all = [Complex { re: isa.splat(0.0), im: isa.splat(0.0) }; R];
    for k in 0..R {
        all[k] = load(isa, &points[from + k * apart]);
    }
    all
}

#[inline(always)]
fn load<I: Isa>(isa: I, point: &Point) -> Complex<I::V> {
    Complex { re: isa.load(&point.re), im: isa.load(&point.im) }
}

#[inline(always)]
fn store<I: Isa>(isa: I, number: Complex<I::V>, point: &mut Point) {
    isa.store(number.re, &mut point.re);
    isa.store(number.im, &mut point.im);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::Portable;

    /// Numbers that look like noise, of magnitudes up to 1.
    fn noise(len: usize) -> Vec<Point> {
        let mut seed = 1_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from((seed >> 16) as u16) / 32_768.0 - 1.0
        };
        (0..len)
            .map(|_| Point { re: [0.0; LANES].map(|_| next()), im: [0.0; LANES].map(|_| next()) })
            .collect()
    }

    #[test]
    fn results_are_those_of_the_definition() {
        for len in [1, 2, 3, 4, 5, 7, 8, 12, 35, 49, 60, 105, 128, 147, 160, 320, 441, 1_764] {
            let transform = Transform::new(&roots_of_one(len));
            let points = noise(len);
            let mut results = points.clone();
            transform.run(Best::detect(), &mut results);
            for (number, &place) in transform.order().iter().enumerate().step_by(len.div_ceil(60)) {
                for lane in [0, 5] {
                    let (mut re, mut im) = (0.0, 0.0);
                    for (n, point) in points.iter().enumerate() {
                        let (a, b) = (f64::from(point.re[lane]), f64::from(point.im[lane]));
                        let angle = 2.0 * PI * ((n * number % len) as f64) / len as f64;
                        re += a * angle.cos() + b * angle.sin();
                        im += b * angle.cos() - a * angle.sin();
                    }
                    let result = &results[place];
                    let error = (f64::from(result.re[lane]) - re).hypot(f64::from(result.im[lane]) - im);
                    // Noise of power 2/3 a point gives results of about sqrt(len).
                    assert!(error < 1e-6 * (len as f64).sqrt(), "{len}, {number}: {error}");
                }
            }
        }
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        let bits = |points: &[Point]| -> Vec<[u32; 2 * LANES]> {
            let both = |point: &Point| {
                [point.re, point.im].concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            points.iter().map(|point| both(point).try_into().expect("both parts")).collect()
        };
        for len in [2, 35, 441 * 8, 2_048, 3_840] {
            let mut results = [Best::detect(), Best::Portable(Portable)].map(|best| {
                let mut points = noise(len);
                Transform::new(&roots_of_one(len)).run(best, &mut points);
                bits(&points)
            });
            let [best, portable] = &mut results;
            assert!(best == portable, "{len} points");
        }
    }
}
