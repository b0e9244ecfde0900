//! All SQL on `failed_log_entries` and on the position of a log.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_runtime::postgres::Database;
use prost::Message;
use sqlx::AssertSqlSafe;

use crate::{Failure, Pass};

/// Characters of a cause that are kept.
const CAUSE_CHARS: usize = 500;
/// Entries that are retried at once.
const CLAIMED: i64 = 8;

/// The entries of one log that were set aside.
pub(crate) struct FailedEntries {
    database: Database,
    log: &'static str,
    position_table: &'static str,
}

/// An entry that this process may retry now.
pub(crate) struct Claimed {
    pub(crate) position: i64,
    pub(crate) entry: Vec<u8>,
    /// This attempt included.
    pub(crate) attempts: i32,
}

/// How many entries are set aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Entries that are retried.
    pub(crate) retried: i64,
    /// Entries that cannot be read.
    pub(crate) unreadable: i64,
    /// When the oldest of those that are retried failed first.
    pub(crate) oldest: Option<DateTime<Utc>>,
}

impl FailedEntries {
    pub(crate) fn new(database: Database, log: &'static str, position_table: &'static str) -> Self {
        Self { database, log, position_table }
    }

    /// How far the log was read.
    pub(crate) async fn position(&self) -> Result<i64, sqlx::Error> {
        // The name is a constant of the program.
        let read = format!("SELECT position FROM {}", self.position_table);
        sqlx::query_scalar(AssertSqlSafe(read)).fetch_one(self.database.pool()).await
    }

    /// Takes the position back to where a restored log ends: from there on its positions name other entries.
    pub(crate) async fn rewind(&self, last: i64) -> Result<(), sqlx::Error> {
        let rewound =
            format!("UPDATE {} SET position = $1 WHERE position > $1", self.position_table);
        sqlx::query(AssertSqlSafe(rewound)).bind(last).execute(self.database.pool()).await?;
        Ok(())
    }

    /// Whether an entry of a subject waits to be retried.
    pub(crate) async fn holds_up(&self, subject: &str) -> Result<bool, sqlx::Error> {
        const HOLDS_UP: &str = "\
            SELECT EXISTS (
                SELECT
                FROM failed_log_entries
                WHERE log = $1
                    AND subject = $2
                    AND next_time IS NOT NULL
            )";
        sqlx::query_scalar(HOLDS_UP)
            .bind(self.log)
            .bind(subject)
            .fetch_one(self.database.pool())
            .await
    }

    /// Writes an entry down and moves the position on over it, unless another replica has passed it.
    pub(crate) async fn set_aside(
        &self,
        entry: &impl Message,
        position: i64,
        subject: &str,
        failure: &Failure,
        attempts: i32,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        const SET_ASIDE: &str = "\
            INSERT INTO failed_log_entries (
                log,
                position,
                subject,
                entry,
                attempts,
                cause,
                fail_time,
                next_time
            )
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (log, position) DO NOTHING";
        let mut transaction = self.database.pool().begin().await?;
        if !Pass::first(self.position_table, position).mark(&mut transaction).await? {
            return Ok(());
        }
        sqlx::query(SET_ASIDE)
            .bind(self.log)
            .bind(position)
            .bind(subject)
            .bind(entry.encode_to_vec())
            .bind(attempts)
            .bind(cause(failure))
            .bind(now)
            .bind(next_time(failure, attempts, now))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    /// The entries that are due, of each subject the first alone: this process has until `lease_end` to retry them.
    pub(crate) async fn claim(
        &self,
        now: DateTime<Utc>,
        lease_end: DateTime<Utc>,
    ) -> Result<Vec<Claimed>, sqlx::Error> {
        const CLAIM: &str = "\
            UPDATE failed_log_entries AS entry
            SET attempts = entry.attempts + 1,
                next_time = $3
            FROM (
                SELECT
                    log,
                    position
                FROM failed_log_entries AS candidate
                WHERE log = $1
                    AND next_time <= $2
                    AND NOT EXISTS (
                        SELECT
                        FROM failed_log_entries AS earlier
                        WHERE earlier.log = candidate.log
                            AND earlier.subject = candidate.subject
                            AND earlier.position < candidate.position
                            AND earlier.next_time IS NOT NULL
                    )
                ORDER BY next_time
                LIMIT $4
            ) AS due
            WHERE entry.log = due.log
                AND entry.position = due.position
                AND entry.next_time <= $2
            RETURNING
                entry.position,
                entry.entry,
                entry.attempts";
        let rows: Vec<(i64, Vec<u8>, i32)> = sqlx::query_as(CLAIM)
            .bind(self.log)
            .bind(now)
            .bind(lease_end)
            .bind(CLAIMED)
            .fetch_all(self.database.pool())
            .await?;
        let claimed = rows.into_iter();
        Ok(claimed
            .map(|(position, entry, attempts)| Claimed { position, entry, attempts })
            .collect())
    }

    /// Says why a retry failed, and when the next one is.
    pub(crate) async fn failed_again(
        &self,
        claimed: &Claimed,
        failure: &Failure,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        const FAILED_AGAIN: &str = "\
            UPDATE failed_log_entries
            SET cause = $3,
                next_time = $4
            WHERE log = $1
                AND position = $2";
        sqlx::query(FAILED_AGAIN)
            .bind(self.log)
            .bind(claimed.position)
            .bind(cause(failure))
            .bind(next_time(failure, claimed.attempts, now))
            .execute(self.database.pool())
            .await?;
        Ok(())
    }

    /// How much is set aside.
    pub(crate) async fn counts(&self) -> Result<Counts, sqlx::Error> {
        const COUNT: &str = "\
            SELECT
                count(*) FILTER (WHERE next_time IS NOT NULL),
                count(*) FILTER (WHERE next_time IS NULL),
                min(fail_time) FILTER (WHERE next_time IS NOT NULL)
            FROM failed_log_entries
            WHERE log = $1";
        let (retried, unreadable, oldest) =
            sqlx::query_as(COUNT).bind(self.log).fetch_one(self.database.pool()).await?;
        Ok(Counts { retried, unreadable, oldest })
    }
}

/// When an entry is tried next: 1 s after the first failure, then twice as long each time, 5 min at most. Never where it
/// cannot be read.
fn next_time(failure: &Failure, attempts: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let delay = match (failure, attempts) {
        (Failure::Unreadable(_), _) => return None,
        (Failure::Failed(_), ..1) => 0,
        (Failure::Failed(_), 1..9) => 1 << (attempts - 1),
        (Failure::Failed(_), _) => 300,
    };
    Some(now + TimeDelta::seconds(delay))
}

fn cause(failure: &Failure) -> String {
    let (Failure::Unreadable(text) | Failure::Failed(text)) = failure;
    // Postgres keeps no NUL in a text.
    text.chars().filter(|char| *char != '\0').take(CAUSE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_five_minutes_and_what_cannot_be_read_is_not_retried() {
        let now = DateTime::UNIX_EPOCH;
        let failed = Failure::failed("x");
        let delay = |attempts| (next_time(&failed, attempts, now).unwrap() - now).num_seconds();
        let delays: Vec<i64> = (0..=11).map(delay).collect();
        assert_eq!(delays, [0, 1, 2, 4, 8, 16, 32, 64, 128, 300, 300, 300]);
        assert_eq!(next_time(&Failure::Unreadable("x".to_owned()), 1, now), None);
    }

    #[test]
    fn a_cause_is_cut_and_has_no_nul() {
        let long = Failure::Failed(format!("a\0b{}", "é".repeat(600)));
        assert_eq!(cause(&long).chars().count(), 500);
        assert!(cause(&long).starts_with("abé"));
    }
}
