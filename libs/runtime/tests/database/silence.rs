//! Connections that go silent, as when a host is gone or an address has moved: what the server answers is found again by
//! itself, for calls of every kind and for readiness.

use std::{convert::Infallible, io, time::Duration};

use futures_util::future::join_all;
use http::{Request, Response};
use postbreeze_runtime::{
    BoxService, Environment,
    clock::Clock,
    health::{Health, is_serving},
    peer::Peer,
    postgres::{Database, bounded},
    serve::compose,
    stack::{Limits, Place},
};
use tokio::time::{Instant, sleep, timeout};
use tonic::body::Body;
use tower::service_fn;

use postbreeze_testkit::postgres::TestDatabase;

use crate::{migrated, open, proxy::Proxy};

const CONNECTIONS: u32 = 6;
/// A call's deadline.
const DEADLINE: Duration = Duration::from_secs(5);
/// Within this, all is well again.
const RECOVERY: Duration = Duration::from_secs(30);

struct Service {
    _test: TestDatabase,
    database: Database,
    reserved: Database,
    environment: Environment,
    health: Peer,
}

impl Service {
    async fn start(proxy: &Proxy) -> Self {
        let (test, name) = migrated().await;
        let database = open(proxy.url.clone(), &name, CONNECTIONS);
        let reserved = database.reserved(2, 1);
        let environment = Environment::new(Clock::system());
        let health = Health::of(&["postbreeze.v1.PostService"]).when_database(database.clone());
        let nothing =
            service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
        let nothing = BoxService::new(nothing);
        let limits = Limits::default();
        let service = compose(nothing, None, health, Place::Inside, limits, &environment);
        let health = Peer::in_process("service", service);
        Self { _test: test, database, reserved, environment, health }
    }

    /// Calls of every kind at once, on every connection.
    async fn call(&self) -> Vec<Result<(), sqlx::Error>> {
        let lease = async |database: &Database| {
            let mut lease = database.statements().lease().await?;
            let slept = sqlx::query("SELECT pg_sleep(0.01)").execute(lease.connection()).await;
            lease.end(slept).map(drop)
        };
        let transaction = async |database: &Database| {
            let mut transaction = database.pool().begin().await?;
            sqlx::query("SELECT pg_sleep(0.01)").execute(&mut *transaction).await?;
            transaction.commit().await
        };
        let query = async |database: &Database| {
            sqlx::query("SELECT pg_sleep(0.01)").execute(database.pool()).await.map(drop)
        };
        let (database, reserved) = (&self.database, &self.reserved);
        let ordinary =
            join_all((0..CONNECTIONS).map(|_| {
                in_time(async { lease(database).await.and(transaction(database).await) })
            }));
        let queries = join_all((0..CONNECTIONS).map(|_| in_time(query(database))));
        // Of a background task, which has no deadline.
        let own = bounded(async { lease(reserved).await.and(transaction(reserved).await) });
        let (mut all, queries, own) = tokio::join!(ordinary, queries, own);
        all.extend(queries);
        all.push(own);
        all
    }

    /// Waits until calls of every kind are answered and readiness says so.
    async fn recovers(&self, from: Instant) {
        loop {
            let (calls, serving) = (self.call().await, is_serving(&self.health).await);
            if serving && calls.iter().all(Result::is_ok) {
                return;
            }
            let gone = from.elapsed();
            assert!(gone < RECOVERY, "after {gone:?}: serving {serving}, calls {calls:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
    timeout(DEADLINE, call).await.unwrap_or_else(late)
}

#[tokio::test]
async fn connections_that_go_silent_are_left_for_ones_that_work() {
    let proxy = Proxy::start().await;
    let service = Service::start(&proxy).await;
    service.recovers(Instant::now()).await;
    proxy.silence();
    service.recovers(Instant::now()).await;
    service.environment.background.stop().await;
}

#[tokio::test]
async fn connections_that_are_in_use_as_they_go_silent_are_left_as_well() {
    let proxy = Proxy::start().await;
    let service = Service::start(&proxy).await;
    service.recovers(Instant::now()).await;
    let (busy, began) = tokio::join!(service.call(), async {
        proxy.silence();
        Instant::now()
    });
    drop(busy);
    service.recovers(began).await;
    service.environment.background.stop().await;
}

#[tokio::test]
async fn a_server_that_is_silent_for_a_while_is_found_again_when_it_answers() {
    let proxy = Proxy::start().await;
    let service = Service::start(&proxy).await;
    service.recovers(Instant::now()).await;
    proxy.silence_new(true);
    // Calls and questions go on meanwhile.
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        drop(service.call().await);
        assert!(!is_serving(&service.health).await);
    }
    proxy.silence_new(false);
    service.recovers(Instant::now()).await;
    service.environment.background.stop().await;
}
