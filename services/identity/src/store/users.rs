//! Tables `users` and `user_emails`.

use chrono::{DateTime, Utc};
use postbreeze_ids::UserId;
use postbreeze_runtime::postgres::violated_constraint;
use sqlx::PgConnection;

use super::Store;
use crate::error::Error;

/// A row of `users`.
#[derive(Clone)]
pub(crate) struct UserRow {
    /// The user.
    pub(crate) id: UserId,
    /// Trimmed and lower-cased.
    pub(crate) email: String,
    /// The name others see.
    pub(crate) display_name: String,
    /// When the user signed up.
    pub(crate) create_time: DateTime<Utc>,
}

/// A user and what their password is checked against.
#[derive(Clone)]
pub(crate) struct LoginRow {
    /// The user.
    pub(crate) user: UserRow,
    /// A PHC string.
    pub(crate) password_hash: String,
}

/// Writes a new user.
///
/// # Errors
/// [`Error::EmailTaken`] when another was first.
#[tracing::instrument(skip_all, name = "db.users.insert", err(level = "debug"))]
pub(crate) async fn insert_user(
    connection: &mut PgConnection,
    row: &UserRow,
    password_hash: &str,
) -> Result<(), Error> {
    let inserted = sqlx::query!(
        r#"
        WITH email AS (
            INSERT INTO user_emails (email, bucket, user_id)
            VALUES ($3, $1, $2)
        )
        INSERT INTO users (bucket, id, email, password_hash, display_name, create_time)
        VALUES ($1, $2, $3, $4, $5, $6)
        "#,
        row.id.bucket().as_i16(),
        row.id as UserId,
        row.email,
        password_hash,
        row.display_name,
        row.create_time,
    )
    .execute(connection)
    .await;
    match inserted {
        Err(error) if violated_constraint(&error) == Some("user_emails_email") => {
            Err(Error::EmailTaken)
        }
        other => {
            other?;
            Ok(())
        }
    }
}

impl Store {
    /// Users by their ids; unknown ones are left out.
    #[tracing::instrument(skip_all, name = "db.users.find", err(level = "debug"))]
    pub(crate) async fn find_users(&self, ids: &[UserId]) -> Result<Vec<UserRow>, sqlx::Error> {
        let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
        sqlx::query_as!(
            UserRow,
            r#"
            SELECT
                row.id AS "id: UserId",
                row.email,
                row.display_name,
                row.create_time
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
            JOIN users AS row ON row.bucket = wanted.bucket AND row.id = wanted.id
            "#,
            &buckets,
            ids as &[UserId],
        )
        .fetch_all(self.pool())
        .await
    }

    /// A user by id.
    pub(crate) async fn find_user(&self, id: UserId) -> Result<Option<UserRow>, sqlx::Error> {
        Ok(self.find_users(&[id]).await?.into_iter().next())
    }

    /// The user who signed up with an email.
    #[tracing::instrument(skip_all, name = "db.users.find_by_email", err(level = "debug"))]
    pub(crate) async fn find_user_by_email(
        &self,
        email: &str,
    ) -> Result<Option<UserRow>, sqlx::Error> {
        sqlx::query_as!(
            UserRow,
            r#"
            SELECT
                row.id AS "id: UserId",
                row.email,
                row.display_name,
                row.create_time
            FROM user_emails AS taken
            JOIN users AS row ON row.bucket = taken.bucket AND row.id = taken.user_id
            WHERE taken.email = $1
            "#,
            email,
        )
        .fetch_optional(self.pool())
        .await
    }

    /// The user who signed up with an email, with the hash of the password: only where one is checked.
    #[tracing::instrument(skip_all, name = "db.users.find_login", err(level = "debug"))]
    pub(crate) async fn find_login(&self, email: &str) -> Result<Option<LoginRow>, sqlx::Error> {
        // One query: a known email costs no more round trips than an unknown one.
        let found = sqlx::query!(
            r#"
            SELECT
                row.id AS "id: UserId",
                row.email,
                row.password_hash,
                row.display_name,
                row.create_time
            FROM user_emails AS taken
            JOIN users AS row ON row.bucket = taken.bucket AND row.id = taken.user_id
            WHERE taken.email = $1
            "#,
            email,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(found.map(|row| LoginRow {
            user: UserRow {
                id: row.id,
                email: row.email,
                display_name: row.display_name,
                create_time: row.create_time,
            },
            password_hash: row.password_hash,
        }))
    }
}
