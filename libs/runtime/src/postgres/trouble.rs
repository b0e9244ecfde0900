//! The meaning of an error of the database, to the caller and to the connections there are.

use std::{error::Error, io, time::Duration};

use postbreeze_proto::status::{Fault, Reason, deadline_exceeded, internal};
use sqlx::error::DatabaseError;
use tokio::time::timeout;

use super::probe;

/// SQLSTATE of a statement that ran into `statement_timeout`.
const QUERY_CANCELED: &str = "57014";
/// SQLSTATE of a statement that waited for a lock longer than `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// SQLSTATE of a write on a server that is read-only.
const READ_ONLY: &str = "25006";
/// Above what a few statements take that each run into their limit, and far below what a silent connection takes to break.
const BOUND: Duration = Duration::from_secs(15);

/// The meaning of a database error for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No connection, or the server is going down: trying again can help.
    Unavailable,
    /// Every connection of this process is in use, and the server answers.
    Full,
    /// The statement ran into its time limit.
    TooSlow,
    /// A failure of ours.
    Ours,
}

/// Classifies an error that no rule of the service explains.
#[must_use]
pub fn trouble(error: &sqlx::Error) -> Trouble {
    match error {
        sqlx::Error::PoolTimedOut if probe::answers() => Trouble::Full,
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        // A server that says what it should not, or settings that no connection can be made with.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Configuration(_)
        // The connection was lost on the way into a transaction.
        | sqlx::Error::BeginFailed
        | sqlx::Error::WorkerCrashed => Trouble::Unavailable,
        sqlx::Error::Database(cause) => match cause.code().as_deref() {
            Some(QUERY_CANCELED | LOCK_NOT_AVAILABLE) => Trouble::TooSlow,
            Some(READ_ONLY) => {
                probe::is_read_only();
                Trouble::Unavailable
            }
            // Connection exceptions, a role or password that is refused, transactions that idled too long, insufficient
            // resources, operator intervention, serialization and deadlock.
            Some(code)
                if ["08", "28", "25P03", "53", "57", "40"]
                    .iter()
                    .any(|class| code.starts_with(class)) =>
            {
                Trouble::Unavailable
            }
            // The database does not exist yet, or is not migrated yet: the service is not ready.
            Some("3D000" | "42P01") => Trouble::Unavailable,
            _ => Trouble::Ours,
        },
        _ => Trouble::Ours,
    }
}

/// Does something with the database that no deadline of a caller ends: a connection whose other end is gone may never answer.
/// Work that takes longer than 15 s fails as a connection that timed out.
///
/// # Errors
/// Those of the work.
pub async fn bounded<T, E: From<sqlx::Error>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(BOUND, work)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::from(io::Error::from(io::ErrorKind::TimedOut)).into()))
}

/// Whether an error is about the values that were to be written, data exceptions and violated constraints: it would be the
/// same at any other time.
#[must_use]
pub fn is_about_values(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// The name of the constraint that an error violates, if it is that.
#[must_use]
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|cause| cause.constraint())
}

/// The answer to an error of the database that no rule of the service explains. Logs the cause, once, with its chain.
#[must_use]
pub fn status_of(error: &sqlx::Error) -> tonic::Status {
    let cause = error as &dyn Error;
    match trouble(error) {
        Trouble::Unavailable => {
            tracing::warn!(cause, "the database cannot be used");
            Fault::new(Reason::SourceUnreachable, "the database cannot be reached")
                .retry_after(Duration::from_millis(500))
                .into()
        }
        Trouble::Full => {
            tracing::warn!(cause, "every connection to the database is in use");
            Fault::new(Reason::Overloaded, "every connection to the database is in use")
                .retry_after(Duration::from_millis(500))
                .into()
        }
        Trouble::TooSlow => deadline_exceeded(),
        Trouble::Ours => {
            tracing::error!(cause, "a query failed");
            internal()
        }
    }
}
