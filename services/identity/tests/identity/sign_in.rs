use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_proto::{
    status::{Reason, reason_of},
    v1::{
        GetMeRequest, SignInRequest, SignInResponse, WhoAmIResponse, who_am_i_response::Credential,
    },
};
use postbreeze_testkit::PASSWORD;
use prost_types::Timestamp;
use tonic::Status;

use crate::support::{Client, System, at, invalid_fields, refused, who};

fn request(email: &str, password: &str) -> SignInRequest {
    SignInRequest { email: email.to_owned(), password: password.to_owned() }
}

async fn sign_in(system: &System, request: SignInRequest) -> Result<SignInResponse, Status> {
    Ok(system.client(None).users().sign_in(request).await?.into_inner())
}

async fn get_me(client: &Client) -> Result<(), Status> {
    client.users().get_me(GetMeRequest {}).await.map(drop)
}

fn session_end(answer: &WhoAmIResponse) -> Option<Timestamp> {
    match &answer.credential {
        Some(Credential::Session(session)) => session.expire_time,
        other => panic!("no session: {other:?}"),
    }
}

#[tokio::test]
async fn sign_in_begins_one_more_session_however_the_address_is_written() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let answer = sign_in(&system, request(" ANN@example.com ", PASSWORD)).await.unwrap();
    assert_eq!(answer.user.as_ref(), Some(&ann.user));
    assert_ne!(answer.session_token, ann.session_token);
    for token in [&answer.session_token, &ann.session_token] {
        get_me(&system.client(Some(token))).await.unwrap();
    }
}

#[tokio::test]
async fn sign_in_tells_nobody_whether_an_address_is_known() {
    let system = System::start().await;
    system.sign_up("ann").await;
    let mut answers = Vec::new();
    for email in ["ann@example.com", "bob@example.com"] {
        let answer = sign_in(&system, request(email, "wrong horse battery")).await;
        let status = refused(answer, Reason::CredentialInvalid);
        answers.push((status.code(), status.message().to_owned()));
    }
    assert_eq!(answers[0], answers[1]);
}

/// Processor time that this process has used, in hundredths of a second. Other processes do not make it longer, as they do
/// the time that passes; nextest runs each test in a process of its own.
fn work() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the program's name, which is in parentheses: its 12th and 13th field, in user and in system mode.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[tokio::test]
async fn sign_in_works_as_hard_for_an_unknown_address_as_for_a_wrong_password() {
    let system = System::start().await;
    system.sign_up("ann").await;
    let costs = async |email: &str| {
        let before = work();
        for _ in 0..10 {
            let answer = sign_in(&system, request(email, "wrong horse battery")).await;
            refused(answer, Reason::CredentialInvalid);
        }
        work() - before
    };
    // The least of several: what else happens in this process only adds to it.
    let (mut known, mut unknown) = (u64::MAX, u64::MAX);
    for _ in 0..4 {
        known = known.min(costs("ann@example.com").await);
        unknown = unknown.min(costs("bob@example.com").await);
    }
    // Most of it is the hashing.
    assert!(unknown * 3 > known * 2 && known * 3 > unknown * 2, "{known} and {unknown}");
}

#[tokio::test]
async fn sign_in_names_every_bad_field_at_once() {
    let system = System::start().await;
    let answer = sign_in(&system, request("nobody", "short")).await;
    assert_eq!(invalid_fields(answer), ["email", "password"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_refuses_at_once_whom_it_cannot_serve_soon() {
    let system = System::start().await;
    system.sign_up("ann").await;
    let many = (0..60).map(|_| sign_in(&system, request("ann@example.com", PASSWORD)));
    let (served, refusals): (Vec<_>, Vec<_>) =
        join_all(many).await.into_iter().partition(Result::is_ok);
    assert!(served.len() >= 18, "{}", served.len());
    assert!(!refusals.is_empty());
    for refusal in refusals {
        assert_eq!(reason_of(&refusal.unwrap_err()), Some(Reason::Overloaded));
    }
    sign_in(&system, request("ann@example.com", PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn a_session_ends_thirty_days_after_its_last_use() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let month = TimeDelta::days(30);
    assert_eq!(
        session_end(&who(&ann.session).await.unwrap()),
        Some(at(system.clock.now() + month))
    );
    // Used in the last hour, it is extended at once.
    for _ in 0..2 {
        system.clock.turn(month - TimeDelta::seconds(1));
        assert_eq!(
            session_end(&who(&ann.session).await.unwrap()),
            Some(at(system.clock.now() + month))
        );
    }
    system.clock.turn(month);
    refused(get_me(&ann.session).await, Reason::CredentialExpired);
}

#[tokio::test]
async fn a_session_slides_on_when_it_was_not_extended_a_moment_ago() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let start = system.clock.now();
    let pool = system.pool("identity").clone();
    system.clock.turn(TimeDelta::seconds(59));
    get_me(&ann.session).await.unwrap();
    let clock = system.clock.clone();
    // What is collected is written when the process stops, and what is used after that with each call.
    system.stop().await;
    for (passed, extended) in [(0, 0), (1, 60), (30, 60), (30, 120)] {
        clock.turn(TimeDelta::seconds(passed));
        get_me(&ann.session).await.unwrap();
        let end: chrono::DateTime<chrono::Utc> =
            sqlx::query_scalar("SELECT expire_time FROM sessions").fetch_one(&pool).await.unwrap();
        assert_eq!(end, start + TimeDelta::days(30) + TimeDelta::seconds(extended), "{passed}");
    }
}
