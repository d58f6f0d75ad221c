//! The polyphase filter bank: PCM to 32 subbands (ISO/IEC 11172-3, C.1.3), eight time slots in the lanes.
//!
//! A slot is the 32 subband samples that 32 new samples of PCM give. With the prototype filter h of 512 taps
//! and x\[-n\] the PCM before the slot's end, subband k of a slot is
//! sum over n of h\[n\] cos((2 k + 1) (n - 16) pi / 64) x\[-n\]. The cosine's period folds the 512 products to 64 sums and
//! its symmetry these to 32, whose cosine transform is fast.

use super::prototype;
use crate::lanes::{Best, Isa, LANES, dispatch, eight, eight_mut};
use crate::series::{PI, cos};

/// Subbands, and samples of PCM of a slot.
pub(crate) const SUBBANDS: usize = 32;
/// The slots of a granule.
pub(crate) const SLOTS: usize = 18;
/// The subband samples of one granule: half of what its MDCT looks at.
pub(crate) type Slots = [[f32; SUBBANDS]; SLOTS];

/// The samples of PCM by which the filter bank lags what it is given. With it a decoder's output is 1,105 samples
/// late: 576 for the encoder, 529 for the decoder.
const DELAY: usize = 48;
/// The slots before a slot that the filter reaches.
const REACH: usize = 15;
/// The most slots a call brings: two granules.
const MAX_SLOTS: usize = 2 * SLOTS;
/// Of one channel in a row: the slots of a call, and those before them that the filter reaches, in whole lanes.
const CHANNEL: usize = 56;

/// PCM outside of this is clipped: 24 dB over full scale.
const LIMIT: f32 = 16.0;
/// What is nearer to 0 becomes 0, so that later squares are not denormal: 205 dB under full scale.
const TINY: f32 = 5.820_766e-11;

/// By row, the taps of every other slot back, with the sign that folding gives them: of slots 0, 2 to 14. Those of slots
/// 15, 13 to 1 are the ones of row 30 - r, with the other sign.
static TAPS: [[f32; 8]; SUBBANDS] = {
    let mut taps = [[0.0; 8]; SUBBANDS];
    let mut row = 0;
    while row < SUBBANDS {
        let mut slot = 0;
        while slot < 8 {
            taps[row][slot] = folded_tap(SUBBANDS - 1 - row + 2 * SUBBANDS * slot);
            slot += 1;
        }
        row += 1;
    }
    taps
};

/// Of row 31, which has no other, the taps of slots 1, 3 to 15.
static LAST_TAPS: [f32; 8] = {
    let mut taps = [0.0; 8];
    let mut slot = 0;
    while slot < 8 {
        taps[slot] = folded_tap(SUBBANDS + 2 * SUBBANDS * slot);
        slot += 1;
    }
    taps
};

const fn folded_tap(n: usize) -> f32 {
    let tap = prototype::tap(n) as f32 / 2_097_152.0;
    if (n / 64).is_multiple_of(2) { tap } else { -tap }
}

/// The filter bank of one or two channels.
pub(crate) struct Polyphase {
    best: Best,
    channels: usize,
    /// The slots that a call brings.
    slots: usize,
    /// The newest PCM, not yet in rows.
    late: [[f32; DELAY]; 2],
    /// Row r has sample r of every slot: first [`REACH`] old slots of the first channel, then the new ones, then the same of
    /// the second channel.
    rows: Box<[[f32; 2 * CHANNEL]; SUBBANDS]>,
    /// A frame of a channel, in order.
    pcm: Box<[f32; MAX_SLOTS * SUBBANDS]>,
}

impl Polyphase {
    /// For frames of `granules` granules.
    pub(crate) fn new(best: Best, channels: usize, granules: usize) -> Self {
        let rows = Box::new([[0.0; 2 * CHANNEL]; SUBBANDS]);
        let pcm = Box::new([0.0; MAX_SLOTS * SUBBANDS]);
        Self { best, channels, slots: granules * SLOTS, late: [[0.0; DELAY]; 2], rows, pcm }
    }

    /// Takes one frame of PCM, and gives the slots of the granules `at` and after it to `subbands`, a ring.
    pub(crate) fn push<const N: usize>(
        &mut self,
        planes: &[&[f32]],
        subbands: &mut [[Slots; N]; 2],
        at: usize,
    ) {
        for (channel, plane) in planes.iter().enumerate() {
            self.take(channel, plane);
        }
        let [first, second] = subbands;
        filter(
            self.best,
            &self.rows,
            groups(self.channels, self.slots),
            &mut [first.as_flattened_mut(), second.as_flattened_mut()],
            at * SLOTS,
        );
    }

    /// Puts one frame of a channel into the rows, clean.
    fn take(&mut self, channel: usize, plane: &[f32]) {
        let new = self.slots * SUBBANDS;
        let pcm = &mut self.pcm;
        pcm[..DELAY].copy_from_slice(&self.late[channel]);
        clean(self.best, &plane[..new - DELAY], &mut pcm[DELAY..new]);
        clean(self.best, &plane[new - DELAY..new], &mut self.late[channel]);
        to_rows(self.best, pcm, self.slots, &mut self.rows, channel * CHANNEL);
    }
}

dispatch! {
    /// Copies PCM, eight samples at a time: what is not a number becomes 0, what is far beyond full scale is clipped.
    fn clean(from: &[f32], to: &mut [f32]) = clean_kernel
}

#[inline(always)]
fn clean_kernel<I: Isa>(isa: I, from: &[f32], to: &mut [f32]) {
    let (tiny, limit) = (isa.splat(TINY), isa.splat(LIMIT));
    let (zero, least) = (isa.splat(0.0), isa.splat(-LIMIT));
    for (to, from) in to.as_chunks_mut().0.iter_mut().zip(from.as_chunks().0) {
        let x = isa.load(from);
        // What is not a number is not positive, either.
        let clean = isa.if_positive(isa.abs(x) - tiny, isa.min(isa.max(x, least), limit), zero);
        isa.store(clean, to);
    }
}

dispatch! {
    /// Moves the rows of the channel at column `first` on by `slots` slots and fills in the new ones.
    fn to_rows(
        pcm: &[f32; MAX_SLOTS * SUBBANDS],
        slots: usize,
        rows: &mut [[f32; 2 * CHANNEL]; SUBBANDS],
        first: usize,
    ) = to_rows_kernel
}

#[inline(always)]
fn to_rows_kernel<I: Isa>(
    isa: I,
    pcm: &[f32; MAX_SLOTS * SUBBANDS],
    slots: usize,
    rows: &mut [[f32; 2 * CHANNEL]; SUBBANDS],
    first: usize,
) {
    for row in rows.iter_mut() {
        // One more than the filter reaches, to make whole lanes: it is overwritten next.
        let old = [0, LANES].map(|lane| isa.load(eight(row, first + slots + lane)));
        for (i, v) in old.into_iter().enumerate() {
            isa.store(v, eight_mut(row, first + LANES * i));
        }
    }
    let mut slot = 0;
    loop {
        for block in (0..SUBBANDS).step_by(LANES) {
            let v = isa.transpose(
                [0, 1, 2, 3, 4, 5, 6, 7].map(|i| isa.load(eight(pcm, SUBBANDS * (slot + i) + block))),
            );
            for (i, v) in v.into_iter().enumerate() {
                isa.store(v, eight_mut(&mut rows[block + i], first + REACH + slot));
            }
        }
        if slot + LANES == slots {
            return;
        }
        // The last lanes overlap those before them.
        slot = (slot + LANES).min(slots - LANES);
    }
}

/// Eight slots that are filtered at once: twice four that follow each other. Channel and slot of each four.
type Group = [(usize, usize); 2];

const fn whole(channel: usize, slot: usize) -> Group {
    [(channel, slot), (channel, slot + 4)]
}

/// All slots of a call. They all begin with an even one.
fn groups(channels: usize, slots: usize) -> &'static [Group] {
    const STEREO: [Group; 9] = [
        whole(0, 0),
        whole(0, 8),
        whole(0, 16),
        whole(0, 24),
        [(0, 32), (1, 0)],
        whole(1, 4),
        whole(1, 12),
        whole(1, 20),
        whole(1, 28),
    ];
    const MONO: [Group; 5] = [whole(0, 0), whole(0, 8), whole(0, 16), whole(0, 24), whole(0, 28)];
    const SHORT_STEREO: [Group; 5] = [whole(0, 0), whole(0, 8), [(0, 14), (1, 0)], whole(1, 2), whole(1, 10)];
    const SHORT_MONO: [Group; 3] = [whole(0, 0), whole(0, 8), whole(0, 10)];
    match (channels, slots) {
        (1, SLOTS) => &SHORT_MONO,
        (1, _) => &MONO,
        (_, SLOTS) => &SHORT_STEREO,
        _ => &STEREO,
    }
}

dispatch! {
    /// Filters groups of slots into rings of slots, from slot `at` on.
    fn filter(
        rows: &[[f32; 2 * CHANNEL]; SUBBANDS],
        groups: &[Group],
        subbands: &mut [&mut [[f32; SUBBANDS]]; 2],
        at: usize,
    ) = filter_kernel
}

#[inline(always)]
fn filter_kernel<I: Isa>(
    isa: I,
    rows: &[[f32; 2 * CHANNEL]; SUBBANDS],
    groups: &[Group],
    subbands: &mut [&mut [[f32; SUBBANDS]]; 2],
    at: usize,
) {
    // The frequency inversion of the standard: odd slots of odd subbands.
    let inversion = isa.load(&[1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
    let mut sums = [isa.splat(0.0); BEFORE + SUBBANDS];
    let mut bands = [isa.splat(0.0); SUBBANDS];
    for group in groups {
        let [low, high] = group.map(|(channel, slot)| channel * CHANNEL + slot);
        if high == low + 4 {
            window(isa, rows, Whole(low), &mut sums);
        } else {
            window(isa, rows, Halves([low, high]), &mut sums);
        }
        transform(isa, &sums, &mut bands);
        let ring = subbands[0].len();
        let place = group.map(|(_, slot)| if at + slot < ring { at + slot } else { at + slot - ring });
        for block in (0..SUBBANDS).step_by(LANES) {
            let b: &[I::V; LANES] = bands[block..].first_chunk().expect("eight subbands");
            let slots = isa.transpose([
                b[0],
                b[1] * inversion,
                b[2],
                b[3] * inversion,
                b[4],
                b[5] * inversion,
                b[6],
                b[7] * inversion,
            ]);
            for (half, place) in place.iter().enumerate() {
                for (i, &v) in slots[4 * half..][..4].iter().enumerate() {
                    let slot = if place + i < ring { place + i } else { place + i - ring };
                    isa.store(v, eight_mut(&mut subbands[group[half].0][slot], block));
                }
            }
        }
    }
}

/// Where a group is in the rows.
trait Placement: Copy {
    /// Sample by sample of a row, so many slots back.
    fn back<I: Isa>(self, isa: I, row: &[f32; 2 * CHANNEL], slots: usize) -> I::V;
}

/// A group whose slots follow each other.
#[derive(Clone, Copy)]
struct Whole(usize);

/// A group of two halves.
#[derive(Clone, Copy)]
struct Halves([usize; 2]);

impl Placement for Whole {
    #[inline(always)]
    fn back<I: Isa>(self, isa: I, row: &[f32; 2 * CHANNEL], slots: usize) -> I::V {
        let row: &[f32; REACH + LANES] = row[self.0..].first_chunk().expect("a channel");
        isa.load(eight(row, REACH - slots))
    }
}

impl Placement for Halves {
    #[inline(always)]
    fn back<I: Isa>(self, isa: I, row: &[f32; 2 * CHANNEL], slots: usize) -> I::V {
        let [low, high] = self.0.map(|from| row[from + REACH - slots..].first_chunk().expect("a channel"));
        isa.load_halves(low, high)
    }
}

/// Zeros in front of the sums.
const BEFORE: usize = 4;

/// The folded sums of a group: sum m at m + [`BEFORE`].
#[inline(always)]
fn window<I: Isa, P: Placement>(
    isa: I,
    rows: &[[f32; 2 * CHANNEL]; SUBBANDS],
    place: P,
    sums: &mut [I::V; BEFORE + SUBBANDS],
) {
    for r in 0..15 {
        let (row, other) = (&rows[r], &rows[30 - r]);
        let (taps, other_taps) = (&TAPS[r], &TAPS[30 - r]);
        let (a, b) = two_sums(isa, taps, place, row, other);
        let (c, d) = two_sums(isa, other_taps, place, other, row);
        sums[BEFORE + 15 - r] = a + c;
        sums[BEFORE + 17 + r] = d - b;
    }
    sums[BEFORE] = sum(isa, &TAPS[15], place, &rows[15], 0);
    sums[BEFORE + 16] = sum(isa, &TAPS[31], place, &rows[31], 0) + sum(isa, &LAST_TAPS, place, &rows[31], 1);
}

/// The same taps of slots 0, 2 to 14 back of one row, and of slots 15, 13 to 1 back of another.
#[inline(always)]
fn two_sums<I: Isa, P: Placement>(
    isa: I,
    taps: &[f32; 8],
    place: P,
    even: &[f32; 2 * CHANNEL],
    odd: &[f32; 2 * CHANNEL],
) -> (I::V, I::V) {
    let tap = isa.splat(taps[0]);
    let (mut a, mut b) = (place.back(isa, even, 0) * tap, place.back(isa, odd, 15) * tap);
    for (slot, &tap) in taps.iter().enumerate().skip(1) {
        let tap = isa.splat(tap);
        a = a + place.back(isa, even, 2 * slot) * tap;
        b = b + place.back(isa, odd, 15 - 2 * slot) * tap;
    }
    (a, b)
}

/// Taps of every other slot back, from slot `from` on.
#[inline(always)]
fn sum<I: Isa, P: Placement>(
    isa: I,
    taps: &[f32; 8],
    place: P,
    row: &[f32; 2 * CHANNEL],
    from: usize,
) -> I::V {
    let mut sum = place.back(isa, row, from) * isa.splat(taps[0]);
    for (slot, &tap) in taps.iter().enumerate().skip(1) {
        sum = sum + place.back(isa, row, from + 2 * slot) * isa.splat(tap);
    }
    sum
}

/// 1 / (2 cos((2 k + 1) pi / (2 n)))
const fn scales<const HALF: usize>() -> [f32; HALF] {
    let mut scale = [0.0; HALF];
    let mut k = 0;
    while k < HALF {
        scale[k] = (0.5 / cos((2 * k + 1) as f64 * PI / (4 * HALF) as f64)) as f32;
        k += 1;
    }
    scale
}

/// X\[k\] = sum over m of x\[m\] cos((2 k + 1) m pi / (2 n)), for n = 32.
///
/// Even m are the transform of half the size. Odd ones are too, since
/// 2 cos(a) cos(m a) = cos((m - 1) a) + cos((m + 1) a). Here two such steps lead to four transforms of eight.
#[inline(always)]
fn transform<I: Isa>(isa: I, sums: &[I::V; BEFORE + SUBBANDS], bands: &mut [I::V; SUBBANDS]) {
    const OF_32: [f32; 16] = scales();
    const OF_16: [f32; 8] = scales();
    let mut parts = [[isa.splat(0.0); 8]; 4];
    for p in 0..8 {
        let x: &[I::V; 8] = sums[4 * p..].first_chunk().expect("eight sums");
        let (near, far) = (x[BEFORE + 1], x[BEFORE - 1]);
        parts[0][p] = x[BEFORE];
        parts[1][p] = x[BEFORE + 2] + x[BEFORE - 2];
        parts[2][p] = near + far;
        parts[3][p] = (x[BEFORE + 3] + near) + (far + x[BEFORE - 3]);
    }
    let [a, b, c, d] = parts;
    let (a, b, c, d) = (transform_8(isa, a), transform_8(isa, b), transform_8(isa, c), transform_8(isa, d));
    for k in 0..8 {
        let (b, d) = (b[k] * isa.splat(OF_16[k]), d[k] * isa.splat(OF_16[k]));
        let (even, even_mirror) = (a[k] + b, a[k] - b);
        let odd = (c[k] + d) * isa.splat(OF_32[k]);
        let odd_mirror = (c[k] - d) * isa.splat(OF_32[15 - k]);
        bands[k] = even + odd;
        bands[31 - k] = even - odd;
        bands[15 - k] = even_mirror + odd_mirror;
        bands[16 + k] = even_mirror - odd_mirror;
    }
}

#[inline(always)]
fn transform_8<I: Isa>(isa: I, x: [I::V; 8]) -> [I::V; 8] {
    const SCALE: [f32; 4] = scales();
    let e = transform_4(isa, [x[0], x[2], x[4], x[6]]);
    let o = transform_4(isa, [x[1], x[1] + x[3], x[3] + x[5], x[5] + x[7]]);
    let [o0, o1, o2, o3] = [
        o[0] * isa.splat(SCALE[0]),
        o[1] * isa.splat(SCALE[1]),
        o[2] * isa.splat(SCALE[2]),
        o[3] * isa.splat(SCALE[3]),
    ];
    [e[0] + o0, e[1] + o1, e[2] + o2, e[3] + o3, e[3] - o3, e[2] - o2, e[1] - o1, e[0] - o0]
}

#[inline(always)]
fn transform_4<I: Isa>(isa: I, x: [I::V; 4]) -> [I::V; 4] {
    const SCALE: [f32; 2] = scales();
    const ROOT_HALF: f32 = scales::<1>()[0];
    let (e, o) = (x[2] * isa.splat(ROOT_HALF), (x[1] + x[3]) * isa.splat(ROOT_HALF));
    let (e0, e1) = (x[0] + e, x[0] - e);
    let (o0, o1) = ((x[1] + o) * isa.splat(SCALE[0]), (x[1] - o) * isa.splat(SCALE[1]));
    [e0 + o0, e1 + o1, e1 - o1, e0 - o0]
}
