//! The id itself.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    str::FromStr,
};

use uuid::Uuid;

use crate::{Bucket, Kind, text};

/// A UUIDv7 that names a `K`. Ordered by time, then bucket, then the order of making.
#[derive(Clone, Copy)]
pub struct Id<K: Kind>(Uuid, PhantomData<K>);

/// Why a text is not an id of the wanted kind. It never repeats the text, which may be long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// It has another kind's prefix, or none.
    #[error("must be an id that begins with {expected}_")]
    WrongKind {
        /// The prefix that was wanted.
        expected: &'static str,
    },
    /// The prefix is right, what follows is not an id.
    #[error("must be {expected}_ and 26 characters of an id made here")]
    Malformed {
        /// The prefix that was wanted.
        expected: &'static str,
    },
}

impl<K: Kind> Id<K> {
    /// Sorts before every id that was made; names nothing.
    pub const MIN: Self = Self::from_uuid(Uuid::nil());
    /// Sorts after every id that was made: where a list, newest first, begins. Names nothing.
    pub const MAX: Self = Self::from_uuid(Uuid::max());

    /// The id of a UUID that our own database or a peer holds, which is not checked.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// The bucket, from the 12 bits after the version.
    #[must_use]
    pub fn bucket(self) -> Bucket {
        let bytes = self.0.as_bytes();
        Bucket::of_low_bits(u16::from_be_bytes([bytes[6], bytes[7]]))
    }

    /// When it was made: milliseconds since 1970.
    #[must_use]
    pub fn unix_ms(self) -> u64 {
        let bytes = self.0.as_bytes();
        bytes[..6].iter().fold(0, |ms, byte| ms << 8 | u64::from(*byte))
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = ParseIdError;

    fn from_str(value: &str) -> Result<Self, ParseIdError> {
        let expected = K::PREFIX;
        let body = value
            .strip_prefix(expected)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(ParseIdError::WrongKind { expected })?;
        let uuid = text::decode(body).map(Uuid::from_u128);
        uuid.filter(|uuid| {
            uuid.get_version_num() == 7 && uuid.get_variant() == uuid::Variant::RFC4122
        })
        .map(Self::from_uuid)
        .ok_or(ParseIdError::Malformed { expected })
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, text::encode(self.0.as_u128()).as_str())
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Kind> Eq for Id<K> {}

impl<K: Kind> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Kind> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K: Kind> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: Kind> From<Id<K>> for String {
    fn from(id: Id<K>) -> Self {
        id.to_string()
    }
}
