//! Partitions of a residual in Rice's code (RFC 9639, section 9.2.7.3).

use super::bits::Bits;
use super::error::Fault;
use super::predict::Predictor;

/// A partition in Rice's code with any parameter.
pub(super) fn read_long<'a, P: Predictor>(
    mut bits: Bits<'a>,
    k: u32,
    predictor: &mut P,
    samples: &mut [i32],
) -> Result<Bits<'a>, Fault> {
    let mut state = predictor.state();
    for at in 0..samples.len() - P::BACK {
        let code = read_code(&mut bits, k)?;
        predictor.one(&mut state, folded(code), &mut samples[at..]);
    }
    predictor.keep(state);
    Ok(bits)
}

/// Up to this parameter two codes most often fit into one refill (they have about k + 2 bits each), and no code
/// that fits is too large a number: of its 63 bits or fewer at most 62 - k are zeros.
pub(super) const FAST: u32 = 26;

/// A partition in Rice's code with parameter `k`, up to [`FAST`].
///
/// While the processor waits for the samples, each of which needs the one before it, it reads on.
#[inline(always)]
pub(super) fn read_rice<'a, P: Predictor>(
    bits: Bits<'a>,
    k: u32,
    predictor: &mut P,
    samples: &mut [i32],
) -> Result<Bits<'a>, Fault> {
    let (mut bits, mut state) = (bits.in_registers(), predictor.state());
    let mut rest = samples;
    while rest.len() >= P::BACK + 4 {
        let codes = if k <= BY_FOUR { read_four(&mut bits, k)? } else { read_two_twice(&mut bits, k)? };
        predictor.four(&mut state, codes.map(folded), rest);
        rest = &mut rest[4..];
    }
    while rest.len() >= P::BACK + 2 {
        let (one, two) = read_two(&mut bits, k)?;
        predictor.two(&mut state, [folded(one), folded(two)], rest);
        rest = &mut rest[2..];
    }
    predictor.keep(state);
    if rest.len() > P::BACK { read_long(bits, k, predictor, rest) } else { Ok(bits) }
}

/// Up to this parameter four codes most often fit into one refill.
const BY_FOUR: u32 = 10;

/// The next four codes, the fast way if all are at hand.
#[inline(always)]
fn read_four(bits: &mut Bits<'_>, k: u32) -> Result<[u32; 4], Fault> {
    bits.refill();
    let next = bits.peek();
    let (one, one_len, next) = peek_code(next, k);
    let (two, two_len, next) = peek_code(next, k);
    let (three, three_len, next) = peek_code(next, k);
    let (four, four_len, next) = peek_code(next, k);
    let len = one_len + two_len + three_len + four_len;
    if len <= bits.at_hand() {
        bits.skip_to(next, len);
        return Ok([one, two, three, four]);
    }
    read_two_twice(bits, k)
}

#[inline(always)]
fn read_two_twice(bits: &mut Bits<'_>, k: u32) -> Result<[u32; 4], Fault> {
    let (one, two) = read_two(bits, k)?;
    let (three, four) = read_two(bits, k)?;
    Ok([one, two, three, four])
}

/// The next two codes, the fast way if both are at hand.
#[inline(always)]
fn read_two(bits: &mut Bits<'_>, k: u32) -> Result<(u32, u32), Fault> {
    bits.refill();
    let next = bits.peek();
    let (one, one_len, next) = peek_code(next, k);
    let (two, two_len, next) = peek_code(next, k);
    if one_len + two_len <= bits.at_hand() {
        bits.skip_to(next, one_len + two_len);
        return Ok((one, two));
    }
    let (rest, next, at_hand) = bits.parts();
    let long = read_any_two(rest, next, at_hand, k)?;
    *bits = long.bits.in_registers();
    Ok((long.one, long.other))
}

/// The code that comes first in `next`, its length, and what comes then. No code longer than 64 bits makes sense,
/// nor does what comes behind it.
#[inline(always)]
fn peek_code(next: u64, k: u32) -> (u32, u32, u64) {
    let zeros = next.leading_zeros();
    let next = next.wrapping_shl(zeros);
    // A one, and the lower `k` bits of the number.
    let lower = next >> (63 - k);
    let code = (u64::from(zeros).wrapping_sub(1) << k).wrapping_add(lower) as u32;
    (code, zeros + 1 + k, next << (k + 1))
}

struct Pair<'a> {
    bits: Bits<'a>,
    one: u32,
    other: u32,
}

/// The next two codes, however long they are.
#[cold]
#[inline(never)]
fn read_any_two(rest: &[u8], next: u64, at_hand: u32, k: u32) -> Result<Pair<'_>, Fault> {
    let mut bits = Bits::from_parts(rest, next, at_hand);
    let one = read_code(&mut bits, k)?;
    let other = read_code(&mut bits, k)?;
    Ok(Pair { bits, one, other })
}

/// The next code, however long it is.
fn read_code(bits: &mut Bits<'_>, k: u32) -> Result<u32, Fault> {
    // The residual has 32 bits at most, and is not the least of these numbers.
    let most = u32::MAX - 1;
    let upper = bits.read_unary(most >> k)?;
    let code = u64::from(upper) << k | bits.read(k)?;
    match u32::try_from(code) {
        Ok(code) if code <= most => Ok(code),
        _ => Err(Fault::Forbidden("a residual of more than 32 bits")),
    }
}

/// 0, -1, 1, -2, 2…: the signed number behind a code.
#[inline(always)]
fn folded(code: u32) -> i32 {
    (code >> 1).cast_signed() ^ -(code & 1).cast_signed()
}
