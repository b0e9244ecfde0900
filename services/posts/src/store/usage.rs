//! Table `post_usage`: the monthly cap, counted in the transaction that takes or gives back a unit, so that it can
//! neither be oversold nor leak.

use postbreeze_ids::UserId;
use sqlx::{PgConnection, PgExecutor};

use super::{Store, posts::PostRow};

/// Whom a unit is charged to, and in which month (year * 12 + month - 1, UTC). Ordered as counters are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Charge {
    /// The owner.
    pub owner_user_id: UserId,
    /// The month.
    pub month: i32,
}

impl Charge {
    /// The unit a post holds.
    #[must_use]
    pub fn of(row: &PostRow) -> Option<Self> {
        Some(Self { owner_user_id: row.charged_owner_user_id?, month: row.charged_month? })
    }
}

/// What became of a unit that was to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recharged {
    /// It moved.
    Yes,
    /// No further one is to be had: the caller rolls back.
    AtTheCap {
        /// Units held.
        current: i64,
    },
}

impl Store {
    /// Units that an owner's posts hold in a month.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn units(&self, charge: Charge) -> Result<i64, sqlx::Error> {
        fetch_units(self.pool(), charge).await
    }
}

#[tracing::instrument(skip_all, name = "db.post_usage.find", err(level = "debug"))]
pub(super) async fn fetch_units(
    database: impl PgExecutor<'_>,
    charge: Charge,
) -> Result<i64, sqlx::Error> {
    let units = sqlx::query_scalar!(
        "SELECT units FROM post_usage WHERE bucket = $1 AND owner_user_id = $2 AND month = $3",
        charge.owner_user_id.bucket().as_i16(),
        charge.owner_user_id as UserId,
        charge.month,
    )
    .fetch_optional(database)
    .await?;
    Ok(units.unwrap_or(0))
}

/// Moves a post's unit from one charge to another. `limit`: units the new owner may hold in the month; none: unlimited.
#[tracing::instrument(skip_all, name = "db.post_usage.recharge", err(level = "debug"))]
pub async fn recharge(
    connection: &mut PgConnection,
    from: Option<Charge>,
    to: Option<Charge>,
    limit: Option<i64>,
) -> Result<Recharged, sqlx::Error> {
    if from == to {
        return Ok(Recharged::Yes);
    }
    let release_first = from < to;
    if release_first && let Some(from) = from {
        release(connection, from, 1).await?;
    }
    if let Some(to) = to
        && !take(connection, to, limit).await?
    {
        let current = fetch_units(connection, to).await?;
        return Ok(Recharged::AtTheCap { current });
    }
    if !release_first && let Some(from) = from {
        release(connection, from, 1).await?;
    }
    Ok(Recharged::Yes)
}

async fn take(
    connection: &mut PgConnection,
    charge: Charge,
    limit: Option<i64>,
) -> Result<bool, sqlx::Error> {
    let taken = sqlx::query!(
        r#"
        INSERT INTO post_usage AS counter (bucket, owner_user_id, month, units)
        SELECT $1, $2, $3, 1
        WHERE $4::BIGINT IS NULL OR $4 > 0
        ON CONFLICT (bucket, owner_user_id, month) DO UPDATE
        SET units = counter.units + 1
        WHERE $4::BIGINT IS NULL OR counter.units < $4
        "#,
        charge.owner_user_id.bucket().as_i16(),
        charge.owner_user_id as UserId,
        charge.month,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Gives units back.
pub(super) async fn release(
    connection: &mut PgConnection,
    charge: Charge,
    units: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE post_usage SET units = units - $4 WHERE bucket = $1 AND owner_user_id = $2 AND month = $3",
        charge.owner_user_id.bucket().as_i16(),
        charge.owner_user_id as UserId,
        charge.month,
        units,
    )
    .execute(connection)
    .await?;
    Ok(())
}
