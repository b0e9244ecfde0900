//! Which answer a request gets, and how often it has its effect.

use postbreeze_idempotency::{self as idempotency, Error, Key};
use postbreeze_proto::status::Reason;
use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::{
    RPC, almost_a_day,
    database::{effects, records, with_database},
    effects::{Refusal, make, take_name, write},
    key, more_than_a_day, noon, user,
};

const TWINS: usize = 32;

/// The answers of twins that run at once, each with an answer of its own to give.
async fn twins<F>(twin: impl Fn(String) -> F) -> Vec<String>
where
    F: Future<Output = Result<String, Refusal>> + Send + 'static,
{
    let twins: JoinSet<_> = (0..TWINS).map(|number| twin(format!("answer {number}"))).collect();
    twins.join_all().await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn concurrent_twins_have_one_effect_and_one_answer() {
    with_database(async |pool: PgPool| {
        let key = key(user(), "body");
        let answers = twins(|answer| {
            let (pool, key) = (pool.clone(), key.clone());
            async move { make(&pool, key.as_ref(), noon(), &answer).await }
        })
        .await;
        assert_eq!(answers.len(), TWINS);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(effects(&pool).await, 1);
    })
    .await;
}

#[tokio::test]
async fn concurrent_twins_of_an_effect_that_only_one_can_have_get_its_answer() {
    with_database(async |pool: PgPool| {
        let key = key(user(), "body");
        let answers = twins(|answer| {
            let (pool, key) = (pool.clone(), key.clone());
            async move { take_name(&pool, key.as_ref(), noon(), &answer).await }
        })
        .await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        // The name is taken for everyone else.
        let other = self::key(user(), "body");
        let refused = take_name(&pool, other.as_ref(), noon(), "mine").await;
        assert!(matches!(refused, Err(Refusal::NameTaken)), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn another_body_is_refused_and_has_no_effect() {
    with_database(async |pool: PgPool| {
        let user = user();
        take_name(&pool, key(user, "body").as_ref(), noon(), "first").await.unwrap();
        let other = key(user, "another body");
        for refused in [
            make(&pool, other.as_ref(), noon(), "second").await,
            // Its own refusal would be another.
            take_name(&pool, other.as_ref(), noon(), "second").await,
        ] {
            let Err(Refusal::Idempotency(error)) = refused else { panic!("{refused:?}") };
            assert!(matches!(&error, Error::Reused { request_id } if request_id == "r1"));
            assert_eq!(error.into_fault().unwrap().reason(), Reason::RequestIdReused);
        }
        assert_eq!(effects(&pool).await, 1);
        let again = make(&pool, key(user, "body").as_ref(), noon(), "third").await;
        assert_eq!(again.unwrap(), "first");
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_kept_for_24_hours() {
    with_database(async |pool: PgPool| {
        let user = user();
        let (key, other) = (key(user, "body"), key(user, "another body"));
        make(&pool, key.as_ref(), noon(), "first").await.unwrap();
        let almost = noon() + almost_a_day();
        assert_eq!(make(&pool, key.as_ref(), almost, "second").await.unwrap(), "first");
        assert!(make(&pool, other.as_ref(), almost, "second").await.is_err());
        assert_eq!(effects(&pool).await, 1);

        // Nothing has swept, and yet the request_id is free, for another body too.
        let after = noon() + more_than_a_day();
        assert_eq!(make(&pool, other.as_ref(), after, "third").await.unwrap(), "third");
        assert_eq!(effects(&pool).await, 2);
        let almost = after + almost_a_day();
        assert_eq!(make(&pool, other.as_ref(), almost, "fourth").await.unwrap(), "third");
        assert!(make(&pool, key.as_ref(), almost, "fourth").await.is_err());
        assert_eq!(records(&pool).await, 1);
    })
    .await;
}

#[tokio::test]
async fn concurrent_twins_after_24_hours_have_one_more_effect() {
    with_database(async |pool: PgPool| {
        let key = key(user(), "body");
        make(&pool, key.as_ref(), noon(), "first").await.unwrap();
        let answers = twins(|answer| {
            let (pool, key) = (pool.clone(), key.clone());
            async move { make(&pool, key.as_ref(), noon() + more_than_a_day(), &answer).await }
        })
        .await;
        assert!(answers.iter().all(|answer| *answer == answers[0] && answer != "first"));
        assert_eq!(effects(&pool).await, 2);
    })
    .await;
}

#[tokio::test]
async fn users_rpcs_and_request_ids_are_independent() {
    with_database(async |pool: PgPool| {
        let (user, other_user) = (user(), user());
        let body = "body".to_owned();
        let keys = [
            Key::of(user, RPC, "r1", &body),
            Key::of(other_user, RPC, "r1", &body),
            Key::of(user, "TestService.MakeOther", "r1", &body),
            Key::of(user, RPC, "r2", &body),
        ];
        for round in ["first", "second"] {
            for (number, key) in keys.iter().enumerate() {
                let answer = format!("{round} {number}");
                let answer = make(&pool, key.as_ref(), noon(), &answer).await;
                assert_eq!(answer.unwrap(), format!("first {number}"));
            }
        }
        assert_eq!(effects(&pool).await, 4);
    })
    .await;
}

#[tokio::test]
async fn without_a_request_id_each_has_its_effect() {
    with_database(async |pool: PgPool| {
        let key = Key::of(user(), RPC, "", &"body".to_owned());
        assert!(key.is_none());
        for answer in ["first", "second"] {
            assert_eq!(make(&pool, None, noon(), answer).await.unwrap(), answer);
        }
        assert_eq!((effects(&pool).await, records(&pool).await), (2, 0));
    })
    .await;
}

#[tokio::test]
async fn a_refusal_leaves_nothing_and_is_not_kept() {
    with_database(async |pool: PgPool| {
        let key = key(user(), "body");
        let refused: Result<String, Refusal> =
            idempotency::once(&pool, key.as_ref(), noon(), async |mut transaction| {
                write(&mut transaction, None).await?;
                Err(Refusal::NameTaken)
            })
            .await;
        assert!(matches!(refused, Err(Refusal::NameTaken)), "{refused:?}");
        assert_eq!((effects(&pool).await, records(&pool).await), (0, 0));
        assert_eq!(make(&pool, key.as_ref(), noon(), "second").await.unwrap(), "second");
        assert_eq!(effects(&pool).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_secret_is_shown_once_and_not_stored() {
    with_database(async |pool: PgPool| {
        let key = key(user(), "body");
        let redact = |answer: &String| answer.replace("secret", "");
        for shown in ["id secret", "id "] {
            let answer: Result<String, Refusal> = idempotency::once_redacted(
                &pool,
                key.as_ref(),
                noon(),
                redact,
                async |mut transaction| {
                    write(&mut transaction, None).await?;
                    Ok((transaction, "id secret".to_owned()))
                },
            )
            .await;
            assert_eq!(answer.unwrap(), shown);
        }
        let stored: Vec<u8> =
            sqlx::query_scalar("SELECT response FROM idempotency").fetch_one(&pool).await.unwrap();
        assert!(!stored.windows(6).any(|bytes| bytes == b"secret"));
    })
    .await;
}
