//! Session settings of databases that say who may do what: an answer that takes authority away does not wait long for a
//! replica that was stopped, or cut off, between two statements of a transaction.

use sqlx::PgPool;

/// After this time without a next statement the server ends a transaction, and with it its locks. Transactions here do
/// nothing between their statements but compute.
const IDLE_IN_TRANSACTION: &str = "700ms";
/// Who waits longer than this for a lock is told so: a queue of stopped replicas is not waited for to its end.
const LOCK: &str = "2s";

/// Gives every connection that a pool makes from now on these settings.
pub fn let_go_of_locks_soon(pool: &PgPool) {
    let options = pool.connect_options().as_ref().clone();
    pool.set_connect_options(options.options([
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
        ("lock_timeout", LOCK),
    ]));
}
