//! The 12 bits of an id that name its shard.

use rand::{Rng, RngExt as _};

/// A bucket: 0 to 4,095. Random in a user's id, then copied into everything the user creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

impl Bucket {
    /// How many buckets there are.
    pub const COUNT: u16 = 4_096;

    /// The bucket of a number; `None` from 4,096 on.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// A random bucket, for a new user.
    pub fn random(random: &mut impl Rng) -> Self {
        Self(random.random_range(0..Self::COUNT))
    }

    /// The bucket of the low 12 bits; the others are not looked at.
    pub(crate) const fn of_low_bits(bits: u16) -> Self {
        Self(bits % Self::COUNT)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }

    /// The number as a `SMALLINT`, never negative.
    #[must_use]
    pub fn as_i16(self) -> i16 {
        self.0.cast_signed()
    }
}
