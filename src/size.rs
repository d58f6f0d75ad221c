//! How large a rendition is, or will be.

/// How large a rendition will be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Exactly this.
    Exact(u64),
    /// About `likely`; of music, nine in ten lie between `low` and `high`; none is beyond `cap`.
    Estimate {
        /// 5 % of music comes out smaller.
        low: u64,
        /// Half of music comes out smaller.
        likely: u64,
        /// 5 % of music comes out larger.
        high: u64,
        /// Every frame at the highest bitrate.
        cap: u64,
    },
}

impl Size {
    /// The exact size, or the likely one.
    #[must_use]
    pub const fn likely(self) -> u64 {
        match self {
            Self::Exact(bytes) | Self::Estimate { likely: bytes, .. } => bytes,
        }
    }

    /// What never is exceeded.
    #[must_use]
    pub const fn cap(self) -> u64 {
        match self {
            Self::Exact(bytes) | Self::Estimate { cap: bytes, .. } => bytes,
        }
    }

    /// Whether the size is exact.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Exact(_))
    }

    /// The size with so many bytes in front.
    pub(crate) const fn behind(self, bytes: u64) -> Self {
        match self {
            Self::Exact(size) => Self::Exact(size + bytes),
            Self::Estimate { low, likely, high, cap } => Self::Estimate {
                low: low + bytes,
                likely: likely + bytes,
                high: high + bytes,
                cap: cap + bytes,
            },
        }
    }
}
