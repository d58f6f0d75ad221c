//! The CRC-32 of one member at a time, taken as its bytes pass.

use std::fmt;

use crc::{CRC_32_ISO_HDLC, Crc, Digest, Table};

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// How far the checksum of which member is.
#[derive(Default)]
pub(super) struct Checksum {
    taken: Option<Taken>,
}

struct Taken {
    member: usize,
    at: u64,
    digest: Digest<'static, u32, Table<16>>,
}

impl Checksum {
    /// The byte that the checksum of `member` goes on with.
    pub(super) fn at(&self, member: usize) -> u64 {
        self.taken.as_ref().filter(|taken| taken.member == member).map_or(0, |taken| taken.at)
    }

    /// Takes bytes of `member` that lie at `at`, if they are the next; those at its start begin it anew.
    pub(super) fn update(&mut self, member: usize, at: u64, bytes: &[u8]) {
        if at == 0 {
            self.taken = Some(Taken { member, at, digest: CRC.digest() });
        }
        if let Some(taken) = self.taken.as_mut().filter(|taken| taken.member == member && taken.at == at) {
            taken.digest.update(bytes);
            taken.at += bytes.len() as u64;
        }
    }

    /// The checksum of `member`, all of whose bytes have passed.
    pub(super) fn finish(&mut self, member: usize) -> u32 {
        let taken = self.taken.take().filter(|taken| taken.member == member);
        taken.map_or_else(|| CRC.checksum(&[]), |taken| taken.digest.finalize())
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.taken.as_ref().map(|taken| (taken.member, taken.at));
        write!(f, "Checksum({taken:?})")
    }
}
