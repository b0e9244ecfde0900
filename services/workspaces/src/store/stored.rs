//! Enums as the database keeps them: their names, held to by CHECK constraints.

use postbreeze_context::Role;
use sqlx::{
    Decode, Postgres, Type,
    error::BoxDynError,
    postgres::{PgTypeInfo, PgValueRef},
};

use crate::{invitation::Status, plan::Plan};

/// A role of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredRole(pub(crate) Role);

macro_rules! stored {
    ($kind:ty, $parse:expr) => {
        impl Type<Postgres> for $kind {
            fn type_info() -> PgTypeInfo {
                <str as Type<Postgres>>::type_info()
            }

            fn compatible(info: &PgTypeInfo) -> bool {
                <str as Type<Postgres>>::compatible(info)
            }
        }

        impl<'r> Decode<'r, Postgres> for $kind {
            fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
                let name = <&str as Decode<Postgres>>::decode(value)?;
                $parse(name).ok_or_else(|| format!("no such {}: {name}", stringify!($kind)).into())
            }
        }
    };
}

stored!(StoredRole, |name| Role::parse(name).map(StoredRole));
stored!(Status, Status::parse);
stored!(Plan, Plan::parse);
