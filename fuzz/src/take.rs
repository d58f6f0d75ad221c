//! Numbers from the front of an input.

/// Takes `N` bytes, or zeros where there are no more.
pub(crate) fn bytes<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let mut taken = [0; N];
    let (front, rest) = data.split_at(N.min(data.len()));
    taken[..front.len()].copy_from_slice(front);
    *data = rest;
    taken
}

pub(crate) fn byte(data: &mut &[u8]) -> u8 {
    bytes::<1>(data)[0]
}

pub(crate) fn long(data: &mut &[u8]) -> u64 {
    u64::from_le_bytes(bytes(data))
}
