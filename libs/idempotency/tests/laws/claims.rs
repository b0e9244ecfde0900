//! Who may reach outside for a request, and who waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderValue;
use postbreeze_idempotency::{Claimed, Error, Held, Key, claim, sweep_claims};
use postbreeze_proto::status::Reason;
use postbreeze_runtime::{Environment, call::Call, clock::Clock};
use sqlx::PgPool;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    database::{effects, with_database},
    effects::make,
    key, noon, user,
};

/// A clock that a test turns.
#[derive(Clone)]
struct Turned(Arc<AtomicI64>);

impl Turned {
    fn environment() -> (Self, Environment) {
        let clock = Self(Arc::new(AtomicI64::new(noon().timestamp())));
        let own = clock.clone();
        (clock, Environment::new(Clock::from_source(Arc::new(move || own.now()))))
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap()
    }

    fn turn(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }
}

/// Claims as part of a call that lasts this long.
async fn claim_within(
    environment: &Environment,
    pool: &PgPool,
    key: Option<&Key>,
    within: Duration,
) -> Result<Claimed<String>, Error> {
    let call = Call::new(Instant::now() + within, HeaderValue::from_static("req_x"));
    call.scope(claim(environment, pool, key)).await
}

fn held(claimed: Result<Claimed<String>, Error>) -> Held {
    match claimed {
        Ok(Claimed::Held(held)) => held,
        other => panic!("not held: {other:?}"),
    }
}

const LONG: Duration = Duration::from_secs(50);
const SHORT: Duration = Duration::from_millis(600);

#[tokio::test]
async fn of_many_twins_one_reaches_outside_and_all_get_its_answer() {
    with_database(async |pool: PgPool| {
        let (clock, environment) = Turned::environment();
        let key = key(user(), "body");
        let outside = Arc::<AtomicUsize>::default();
        let twins: JoinSet<String> = (0..16)
            .map(|number| {
                let (environment, pool, key, clock, outside) = (
                    environment.clone(),
                    pool.clone(),
                    key.clone(),
                    clock.clone(),
                    Arc::clone(&outside),
                );
                async move {
                    match claim_within(&environment, &pool, key.as_ref(), LONG).await.unwrap() {
                        Claimed::Answered(first) => first,
                        Claimed::Held(_held) => {
                            outside.fetch_add(1, Ordering::SeqCst);
                            let answer = format!("answer {number}");
                            make(&pool, key.as_ref(), clock.now(), &answer).await.unwrap()
                        }
                    }
                }
            })
            .collect();
        let answers = twins.join_all().await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(outside.load(Ordering::SeqCst), 1);
        assert_eq!(effects(&pool).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_twin_waits_as_long_as_its_call_lasts() {
    with_database(async |pool: PgPool| {
        let (_, environment) = Turned::environment();
        let key = key(user(), "body");
        let first = held(claim_within(&environment, &pool, key.as_ref(), LONG).await);
        let begin = Instant::now();
        let told = claim_within(&environment, &pool, key.as_ref(), SHORT).await.unwrap_err();
        assert!(begin.elapsed() < SHORT, "it has time to answer");
        assert!(matches!(told, Error::UnderWay));
        assert_eq!(told.into_fault().unwrap().reason(), Reason::Overloaded);
        // Others are not kept waiting.
        let other = crate::key(user(), "body");
        drop(held(claim_within(&environment, &pool, other.as_ref(), SHORT).await));
        drop(held(claim_within(&environment, &pool, None, SHORT).await));
        // Released without an answer, the next may.
        drop(first);
        drop(held(claim_within(&environment, &pool, key.as_ref(), LONG).await));
    })
    .await;
}

#[tokio::test]
async fn a_claim_ends_ten_seconds_after_the_call_that_made_it() {
    with_database(async |pool: PgPool| {
        let (clock, environment) = Turned::environment();
        let key = key(user(), "body");
        let died = held(claim_within(&environment, &pool, key.as_ref(), LONG).await);
        clock.turn(TimeDelta::seconds(59));
        let early = claim_within(&environment, &pool, key.as_ref(), SHORT).await;
        assert!(matches!(early, Err(Error::UnderWay)));
        sweep_claims(&pool, clock.now()).await.unwrap();
        assert_eq!(claims(&pool).await, 1);
        clock.turn(TimeDelta::seconds(2));
        let next = held(claim_within(&environment, &pool, key.as_ref(), LONG).await);
        // A holder that comes back takes nothing from the next one.
        drop(died);
        environment.background.stop().await;
        assert_eq!(claims(&pool).await, 1);
        clock.turn(TimeDelta::seconds(61));
        sweep_claims(&pool, clock.now()).await.unwrap();
        assert_eq!(claims(&pool).await, 0);
        drop(next);
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_found_also_when_its_claim_is_gone() {
    with_database(async |pool: PgPool| {
        let (clock, environment) = Turned::environment();
        let user = user();
        let key = key(user, "body");
        make(&pool, key.as_ref(), clock.now(), "first").await.unwrap();
        let claimed = claim_within(&environment, &pool, key.as_ref(), LONG).await;
        assert!(matches!(claimed, Ok(Claimed::Answered(first)) if first == "first"));
        let other = crate::key(user, "another body");
        let claimed = claim_within(&environment, &pool, other.as_ref(), LONG).await;
        assert!(matches!(claimed, Err(Error::Reused { .. })));
    })
    .await;
}

async fn claims(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM idempotency_claims").fetch_one(pool).await.unwrap()
}
