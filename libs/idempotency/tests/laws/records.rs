//! The kept answers themselves.

use std::time::Duration;

use postbreeze_idempotency::{Error, find, keep, sweep};
use postbreeze_ids::UserId;
use sqlx::PgPool;
use tokio::time::sleep;

use crate::{
    almost_a_day,
    database::{records, with_database},
    key, more_than_a_day, noon, user,
};

/// Long enough for a statement to be waiting for another.
const A_WHILE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn keep_waits_for_a_twin_and_loses_when_it_commits() {
    with_database(async |pool: PgPool| {
        let key = key(user(), "body");
        let mut first = pool.begin().await.unwrap();
        keep(&mut first, key.as_ref(), &"first".to_owned(), noon()).await.unwrap();
        let (twins_pool, twins_key) = (pool.clone(), key.clone());
        let twin = tokio::spawn(async move {
            let mut second = twins_pool.begin().await.unwrap();
            keep(&mut second, twins_key.as_ref(), &"second".to_owned(), noon()).await
        });
        sleep(A_WHILE).await;
        assert!(!twin.is_finished());
        first.commit().await.unwrap();
        assert!(matches!(twin.await.unwrap(), Err(Error::Raced)));
        let found: Option<String> = find(&pool, key.as_ref(), noon()).await.unwrap();
        assert_eq!(found.as_deref(), Some("first"));
    })
    .await;
}

#[tokio::test]
async fn keep_wins_when_a_twin_rolls_back() {
    with_database(async |pool: PgPool| {
        let key = key(user(), "body");
        let mut first = pool.begin().await.unwrap();
        keep(&mut first, key.as_ref(), &"first".to_owned(), noon()).await.unwrap();
        let (twins_pool, twins_key) = (pool.clone(), key.clone());
        let twin = tokio::spawn(async move {
            let mut second = twins_pool.begin().await.unwrap();
            keep(&mut second, twins_key.as_ref(), &"second".to_owned(), noon()).await.unwrap();
            second.commit().await.unwrap();
        });
        sleep(A_WHILE).await;
        first.rollback().await.unwrap();
        twin.await.unwrap();
        let found: Option<String> = find(&pool, key.as_ref(), noon()).await.unwrap();
        assert_eq!(found.as_deref(), Some("second"));
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_found_as_it_was_kept_or_not_at_all() {
    with_database(async |pool: PgPool| {
        let (user, other) = (user(), user());
        let mut connection = pool.acquire().await.unwrap();
        let none: Option<String> = find(&pool, key(user, "body").as_ref(), noon()).await.unwrap();
        assert_eq!(none, None);
        let answer = "an answer".to_owned();
        keep(&mut connection, key(user, "body").as_ref(), &answer, noon()).await.unwrap();
        let found = find(&mut *connection, key(user, "body").as_ref(), noon()).await.unwrap();
        assert_eq!(found, Some(answer));
        // Bytes that are no message of that type are our failure, and no answer.
        let found = find::<u32>(&pool, key(user, "body").as_ref(), noon()).await;
        assert!(matches!(found, Err(Error::Database(sqlx::Error::Decode(_)))), "{found:?}");
        // Ids go to Postgres and come back as what they are, in arrays too.
        let users: Vec<UserId> =
            sqlx::query_scalar("SELECT user_id FROM idempotency WHERE user_id = ANY($1)")
                .bind([other, user].as_slice())
                .fetch_all(&pool)
                .await
                .unwrap();
        assert_eq!(users, [user]);
    })
    .await;
}

#[tokio::test]
async fn sweep_deletes_what_is_no_longer_kept_in_any_number() {
    with_database(async |pool: PgPool| {
        // More than two statements' worth.
        sqlx::query(
            "INSERT INTO idempotency
            SELECT 7, gen_random_uuid(), 'rpc', 'r' || number, '', '', $1
            FROM generate_series(1, 2500) AS number",
        )
        .bind(noon())
        .execute(&pool)
        .await
        .unwrap();
        let mut connection = pool.acquire().await.unwrap();
        let (key, later) = (key(user(), "body"), noon() + more_than_a_day());
        keep(&mut connection, key.as_ref(), &"kept".to_owned(), later).await.unwrap();

        assert_eq!(sweep(&pool, noon() + almost_a_day()).await.unwrap(), 0);
        assert_eq!(sweep(&pool, later).await.unwrap(), 2_500);
        assert_eq!(records(&pool).await, 1);
        let found: Option<String> = find(&pool, key.as_ref(), later).await.unwrap();
        assert_eq!(found.as_deref(), Some("kept"));
    })
    .await;
}

#[tokio::test]
async fn sweep_spares_an_answer_that_is_made_new_meanwhile() {
    with_database(async |pool: PgPool| {
        let (key, later) = (key(user(), "body"), noon() + more_than_a_day());
        let mut connection = pool.acquire().await.unwrap();
        keep(&mut connection, key.as_ref(), &"old".to_owned(), noon()).await.unwrap();
        let mut renewing = pool.begin().await.unwrap();
        keep(&mut renewing, key.as_ref(), &"new".to_owned(), later).await.unwrap();
        let sweeping = tokio::spawn({
            let pool = pool.clone();
            async move { sweep(&pool, later).await.unwrap() }
        });
        sleep(A_WHILE).await;
        assert!(!sweeping.is_finished());
        renewing.commit().await.unwrap();
        assert_eq!(sweeping.await.unwrap(), 0);
        let found: Option<String> = find(&pool, key.as_ref(), later).await.unwrap();
        assert_eq!(found.as_deref(), Some("new"));
    })
    .await;
}
