//! Attacks: where a sound begins so suddenly that a long block's noise would be heard before it, or ends so suddenly that
//! it would be heard after it.

use super::polyphase::{SLOTS, Slots};
use crate::lanes::{Best, Isa, LANES, dispatch, eight};

/// Energies are taken of two slots each.
const PAIRS: usize = SLOTS / 2;
/// Energies before the present one that are looked at.
const PAST: usize = 5;
/// Where a sound begins, the energy is so many times that before it.
const RISE: f32 = 15.0;
/// Where a sound ends, the energy before is so many times that after. More noise is masked there than before an attack.
const FALL: f32 = 100.0;
/// What is quieter than this is no sound.
const FLOOR: f32 = 3e-7;
/// From this pair of slots on, an attack is one of the granule whose window begins with these slots; before, of the
/// granule before, whose short windows end there.
const LATE: usize = 6;

/// The attacks in the slots of a granule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Attacks {
    /// Some in its first two thirds.
    pub(crate) early: bool,
    /// Some in its last third.
    pub(crate) late: bool,
}

/// Looks for attacks in one channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Detector {
    past: [f32; PAST],
}

impl Detector {
    /// At the start, after silence.
    pub(crate) fn new() -> Self {
        Self { past: [0.0; PAST] }
    }

    /// The attacks in the next slots.
    pub(crate) fn find(&mut self, best: Best, slots: &Slots) -> Attacks {
        let mut energies = [0.0; PAST + PAIRS];
        energies[..PAST].copy_from_slice(&self.past);
        energies[PAST..].copy_from_slice(&pairs(best, slots));
        self.past.copy_from_slice(&energies[PAIRS..]);
        let mut attacks = Attacks::default();
        for pair in 0..PAIRS {
            let [e5, e4, e3, e2, e1, now] =
                *energies[pair..].first_chunk::<6>().expect("a pair and its past");
            let lately = (e1 + e2 + e3) * (1.0 / 3.0);
            let begins = now > FLOOR && now > RISE * lately.max((e4 + e5) * 0.125);
            let ends = lately > FLOOR && lately > FALL * now;
            if begins || ends {
                attacks.early |= pair < LATE;
                attacks.late |= pair >= LATE;
            }
        }
        attacks
    }
}

dispatch! {
    /// The energy of each two slots in subbands 4 to 27.
    fn pairs(slots: &Slots) -> [f32; PAIRS] = pairs_kernel
}

#[inline(always)]
fn pairs_kernel<I: Isa>(isa: I, slots: &Slots) -> [f32; PAIRS] {
    let mut energies = [0.0; PAIRS];
    let lanes: [I::V; PAIRS] = core::array::from_fn(|pair| {
        slot_energy(isa, &slots[2 * pair]) + slot_energy(isa, &slots[2 * pair + 1])
    });
    for first in [0, PAIRS - LANES] {
        let v = isa.transpose([0, 1, 2, 3, 4, 5, 6, 7].map(|i| lanes[first + i]));
        let sum = ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
        isa.store(sum, energies[first..].first_chunk_mut().expect("eight pairs"));
    }
    energies
}

#[inline(always)]
fn slot_energy<I: Isa>(isa: I, slot: &[f32; 32]) -> I::V {
    let [a, b, c] = [4, 12, 20].map(|band| isa.load(eight(slot, band)));
    (a * a + b * b) + c * c
}
