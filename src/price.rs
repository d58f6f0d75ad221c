//! What a rendition costs, by its size: whole minor units of a currency, no floating point.

use std::fmt;

use crate::size::Size;

/// The bytes of a megabyte.
const MEGABYTE: u128 = 1_000_000;

/// So many minor units of a currency (cents, pence, yen) for each megabyte of 1,000,000 bytes.
///
/// ```
/// use tonepress::price::{Amount, Price};
/// use tonepress::{Plan, master::Master};
///
/// let master = Master::open("testdata/strings.flac")?;
/// let price = Price::per_megabyte(10);
/// let fixed = Plan::new(master.info(), &"320".parse()?)?.size(); // 962,350 bytes: 9.6 cents
/// assert_eq!(price.of(fixed), Amount::Exact(10));
/// let variable = Plan::new(master.info(), &"v0".parse()?)?.size();
/// assert_eq!(price.of(variable).to_string(), "about 8");
/// # Ok::<(), tonepress::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    per_megabyte: u64,
}

/// What something costs, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Exactly this.
    Exact(u64),
    /// Probably this: the size is not known before an ABR or VBR rendition is pressed.
    About(u64),
}

impl Price {
    /// `minor` units for each 1,000,000 bytes.
    #[must_use]
    pub const fn per_megabyte(minor: u64) -> Self {
        Self { per_megabyte: minor }
    }

    /// What so much costs, rounded up to a whole minor unit: only what is free costs nothing. Of an estimate it is the price of
    /// the likely size. Beyond `u64::MAX` it stays there.
    #[must_use]
    pub const fn of(self, size: Size) -> Amount {
        let exact = (size.likely() as u128 * self.per_megabyte as u128).div_ceil(MEGABYTE);
        #[allow(clippy::cast_possible_truncation)] // just compared
        let minor = if exact > u64::MAX as u128 { u64::MAX } else { exact as u64 };
        if size.is_exact() { Amount::Exact(minor) } else { Amount::About(minor) }
    }
}

impl Amount {
    /// The minor units, exact or not.
    #[must_use]
    pub const fn minor(self) -> u64 {
        match self {
            Self::Exact(minor) | Self::About(minor) => minor,
        }
    }

    /// Whether it is exact.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Exact(_))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(minor) => minor.fmt(f),
            Self::About(minor) => write!(f, "about {minor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_rounded_up_and_never_overflow() {
        for (per_megabyte, bytes, minor) in [
            (10, 0, 0),
            (10, 1, 1),
            (10, 100_000, 1),
            (10, 100_001, 2),
            (10, 1_000_000, 10),
            (0, u64::MAX, 0),
            (1_000_000, u64::MAX, u64::MAX),
            (u64::MAX, u64::MAX, u64::MAX),
        ] {
            let amount = Price::per_megabyte(per_megabyte).of(Size::Exact(bytes));
            assert_eq!(amount, Amount::Exact(minor), "{bytes} bytes at {per_megabyte}");
        }
    }

    #[test]
    fn what_is_only_likely_costs_about_so_much() {
        let size = Size::Estimate { low: 1, likely: 2_500_000, high: 3_000_000, cap: 4_000_000 };
        assert_eq!(Price::per_megabyte(10).of(size), Amount::About(25));
    }
}
