//! Readiness and its cause, and the answer to a client meanwhile.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use postbreeze_proto::status::{Reason, reason_of};
use postbreeze_runtime::{
    BoxService, Environment,
    clock::Clock,
    health::Health,
    postgres::{Database, Trouble, status_of, trouble},
    serve::compose,
    stack::{Limits, Place},
};
use postbreeze_testkit::postgres::server_url;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::sleep;
use tonic::{Code, body::Body};
use tower::service_fn;

use crate::{database, migrated, open};

async fn write(database: &Database) -> Result<(), sqlx::Error> {
    sqlx::query("CREATE TABLE IF NOT EXISTS written ()").execute(database.pool()).await.map(drop)
}

/// What the server is told, over a connection of its own.
async fn tell(statement: String) {
    let mut server = PgConnection::connect(&format!("{}/postgres", server_url())).await.unwrap();
    sqlx::query(AssertSqlSafe(statement)).execute(&mut server).await.unwrap();
}

async fn cause(database: &Database) -> String {
    database.readiness().await.err().map_or_else(|| "ready".to_owned(), |cause| cause.to_string())
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_not_ready_and_says_so() {
    let (_test, name) = migrated().await;
    let database = open(server_url(), &name, 2);
    assert_eq!(cause(&database).await, "ready");
    write(&database).await.unwrap();

    tell(format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    let moved = open(server_url(), &name, 2);
    assert_eq!(cause(&moved).await, "read-only");
    let refused = write(&moved).await.unwrap_err();
    assert_eq!(reason_of(&status_of(&refused)), Some(Reason::SourceUnreachable));

    tell(format!("ALTER DATABASE {name} SET default_transaction_read_only = off")).await;
    assert_eq!(cause(&moved).await, "ready");
    // Its connections were made while it took no writes.
    write(&moved).await.unwrap();
}

#[tokio::test]
async fn a_write_that_is_refused_as_read_only_leaves_every_connection() {
    let (_test, name) = migrated().await;
    let database = open(server_url(), &name, 1);
    assert_eq!(cause(&database).await, "ready");
    // As after a switch by something that keeps connections: these lead to a standby, new ones to the primary.
    let standby = "SET default_transaction_read_only = on";
    sqlx::query(standby).execute(database.pool()).await.unwrap();
    let mut lease = database.statements().lease().await.unwrap();
    let set = sqlx::query(standby).execute(lease.connection()).await;
    lease.end(set).unwrap();
    let refused = write(&database).await.unwrap_err();
    assert_eq!(trouble(&refused), Trouble::Unavailable);

    assert_eq!(cause(&database).await, "ready");
    write(&database).await.unwrap();
    let mut lease = database.statements().lease().await.unwrap();
    let asked = sqlx::query_scalar::<_, String>("SHOW transaction_read_only");
    let asked = asked.fetch_one(lease.connection()).await;
    assert_eq!(lease.end(asked).unwrap(), "off");
}

#[tokio::test]
async fn a_server_that_refuses_us_is_out_of_reach_to_clients_and_no_fault_of_ours() {
    let (user, rest) =
        server_url().split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let user = user.rsplit_once(':').unwrap().0.to_owned();
    let password = open(format!("{user}:wrong@{rest}"), "postgres", 1);
    let told = cause(&password).await;
    assert!(told.starts_with("password authentication failed"), "{told}");
    let tls = open(format!("{}?sslmode=require", server_url()), "postgres", 1);
    let told = cause(&tls).await;
    assert!(told.contains("TLS"), "{told}");
    let absent = open(server_url(), "nowhere_to_be_found", 1);
    assert_eq!(cause(&absent).await, r#"database "nowhere_to_be_found" does not exist"#);
    for database in [password, tls, absent] {
        let status = status_of(&write(&database).await.unwrap_err());
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(reason_of(&status), Some(Reason::SourceUnreachable));
    }
}

#[tokio::test]
async fn a_schema_that_is_missing_is_told() {
    let database = database(1);
    assert_eq!(cause(&database).await, "no schema: run `migrate`");
}

#[tokio::test]
async fn a_full_pool_of_a_database_that_answers_is_overload() {
    let (_test, name) = migrated().await;
    let database = open(server_url(), &name, 1).reserved(1, 1);
    assert_eq!(cause(&database).await, "ready");
    let _held = database.pool().begin().await.unwrap();
    let _leased = database.statements().lease().await.unwrap();
    let (full, leased) =
        tokio::join!(async { database.pool().begin().await.map(drop).unwrap_err() }, async {
            database.statements().lease().await.map(drop).unwrap_err()
        },);
    assert_eq!(cause(&database).await, "ready");
    for error in [full, leased] {
        let status = status_of(&error);
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(reason_of(&status), Some(Reason::Overloaded));
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_cause_is_logged_once_and_again_when_it_changes() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let _logging = tracing::subscriber::set_default(subscriber.finish());
    let (_test, name) = migrated().await;
    tell(format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    let environment = Environment::new(Clock::system());
    let health =
        Health::of(&["postbreeze.v1.PostService"]).when_database(open(server_url(), &name, 1));
    let nothing =
        service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let (nothing, limits) = (BoxService::new(nothing), Limits::default());
    drop(compose(nothing, None, health, Place::Inside, limits, &environment));
    let logged = |what: &str| {
        let all = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        all.lines().filter(|line| line.contains(what)).count()
    };
    while logged("database: read-only") == 0 {
        sleep(Duration::from_millis(50)).await;
    }
    // Asked about several times more.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(logged("database: read-only"), 1);
    tell(format!("ALTER DATABASE {name} SET default_transaction_read_only = off")).await;
    while logged(" ready ") == 0 {
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(logged("database: read-only"), 1);
    environment.background.stop().await;
}
