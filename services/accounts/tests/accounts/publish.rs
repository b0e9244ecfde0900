use std::time::{Duration, Instant};

use futures_util::future::join_all;
use postbreeze_proto::{
    internal::v1::{PublishRequest, send_outcome::Outcome},
    v1::{
        AccountStatus, DisconnectSocialAccountRequest, Platform, SandboxBehavior, SandboxCallKind,
        SandboxFault,
    },
};
use serde_json::json;

use crate::{
    canned::Canned,
    replica::SETTINGS,
    server::Server,
    support::{
        System, as_posts, behave, calls, failed, get, invalid_fields, medium, meet, network, post,
        publish, sent, set_status, unknown, with_account,
    },
};

#[tokio::test]
async fn what_is_published_on_the_sandbox_is_there_once_and_can_be_seen() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let request = PublishRequest {
        media: vec![medium("http://127.0.0.1:1/a", "image/png", 5)],
        ..post(&system, &account.id, "key-1", "Héllo")
    };
    let sent = sent(publish(&system, request).await);
    assert!(!sent.external_id.is_empty() && sent.external_url.contains(&sent.external_id));
    let seen = calls(&owner.session, &account.id).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].kind(), SandboxCallKind::Publish);
    assert_eq!((seen[0].key.as_str(), seen[0].text.as_str()), ("key-1", "Héllo"));
    assert_eq!(seen[0].media_content_types, ["image/png"]);
    assert_eq!(seen[0].external_id, sent.external_id);
    assert!(seen[0].accepted);
}

#[tokio::test]
async fn a_mastodon_server_is_told_the_key_of_what_it_is_sent() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(7_200).await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let account = server.connect(&owner.session, &id).await;
    for key in ["key-1", "key-1", "key-2"] {
        sent(publish(&system, post(&system, &account.id, key, "text")).await);
    }
    assert_eq!(server.keys(), ["key-1", "key-1", "key-2"]);
}

#[tokio::test]
async fn a_key_that_is_sent_twice_is_there_twice() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    // With a behavior and without one: both ways of receiving.
    for delay in [None, Some(prost_types::Duration { seconds: 0, nanos: 1 })] {
        behave(&owner.session, &account.id, SandboxBehavior { delay, ..Default::default() }).await;
        for _ in 0..2 {
            sent(publish(&system, post(&system, &account.id, "key", "text")).await);
        }
    }
    let accepted: Vec<_> =
        calls(&owner.session, &account.id).await.into_iter().filter(|call| call.accepted).collect();
    assert_eq!(accepted.len(), 4);
    assert!(accepted.iter().all(|call| call.key == "key"));
}

#[tokio::test]
async fn each_fault_is_answered_as_a_network_would_and_seen_in_the_ledger() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let faults = [
        SandboxFault::ServerError,
        SandboxFault::RateLimited,
        SandboxFault::AnswerLost,
        SandboxFault::Refused,
        SandboxFault::RequestLost,
    ];
    let retry_after = Some(prost_types::Duration { seconds: 7, nanos: 0 });
    let next_faults = faults.map(i32::from).to_vec();
    let behavior = SandboxBehavior { next_faults, retry_after, ..Default::default() };
    behave(&owner.session, &account.id, behavior).await;
    let mut outcomes = Vec::new();
    for n in 0..=faults.len() {
        let request = post(&system, &account.id, &format!("key-{n}"), "text");
        outcomes.push(publish(&system, request).await);
    }
    let [server_error, rate_limited, answer_lost, refused, request_lost, accepted] =
        outcomes.try_into().unwrap();
    let failure = failed(server_error);
    assert_eq!((failure.transient, failure.code.as_str()), (true, "server_error"));
    let failure = failed(rate_limited);
    assert_eq!((failure.transient, failure.code.as_str()), (true, "rate_limited"));
    assert_eq!(failure.retry_after, retry_after);
    let failure = failed(refused);
    assert_eq!((failure.transient, failure.code.as_str()), (false, "refused"));
    for lost in [answer_lost, request_lost] {
        assert!(matches!(&lost, Outcome::Unknown(unknown) if unknown.code == "answer_lost"));
    }
    sent(accepted);
    let seen = calls(&owner.session, &account.id).await;
    let told: Vec<_> = seen.iter().map(|call| (call.fault(), call.accepted)).collect();
    let wanted = [false, false, true, false, false].into_iter();
    let mut wanted: Vec<_> = faults.into_iter().zip(wanted).collect();
    wanted.push((SandboxFault::Unspecified, true));
    assert_eq!(told, wanted);
    assert!(seen.iter().all(|call| call.accepted != call.external_id.is_empty()));
}

#[tokio::test]
async fn a_token_that_is_taken_back_expires_the_account_and_nothing_is_sent_after() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    meet(&owner.session, &account.id, &[SandboxFault::TokenRevoked]).await;
    let failure = failed(publish(&system, post(&system, &account.id, "a", "text")).await);
    assert_eq!((failure.transient, failure.code.as_str()), (false, "token_expired"));
    let now = get(&owner.session, &account.id).await.unwrap();
    assert_eq!(now.status(), AccountStatus::TokenExpired);
    let failure = failed(publish(&system, post(&system, &account.id, "b", "text")).await);
    assert_eq!(failure.code, "token_expired");
    assert_eq!(calls(&owner.session, &account.id).await.len(), 1);
    // Connected again it goes on.
    owner.session.connect(&account.workspace_id, "acme").await.unwrap();
    sent(publish(&system, post(&system, &account.id, "b", "text")).await);
}

#[tokio::test]
async fn an_account_that_is_not_active_is_not_sent_to() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    set_status(&system, "revoked").await;
    let failure = failed(publish(&system, post(&system, &account.id, "a", "text")).await);
    assert_eq!((failure.transient, failure.code.as_str()), (false, "token_revoked"));
    let request =
        DisconnectSocialAccountRequest { account_id: account.id.clone(), ..Default::default() };
    owner.session.accounts().disconnect_social_account(request).await.unwrap();
    let failure = failed(publish(&system, post(&system, &account.id, "a", "text")).await);
    assert_eq!((failure.transient, failure.code.as_str()), (false, "account_not_active"));
    let nobody = unknown::<postbreeze_ids::Account>();
    let failure = failed(publish(&system, post(&system, &nobody, "a", "text")).await);
    assert_eq!((failure.transient, failure.code.as_str()), (false, "account_not_found"));
    assert_eq!(calls(&owner.session, &account.id).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_each_meets_one_fault() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    meet(&owner.session, &account.id, &[SandboxFault::Refused; 10]).await;
    let sendings = (0..30).map(|n| {
        let request = post(&system, &account.id, &format!("key-{n}"), "text");
        publish(&system, request)
    });
    let outcomes = join_all(sendings).await;
    let refusals = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Failed(_))).count();
    assert_eq!(refusals, 10);
    let accepted = calls(&owner.session, &account.id).await.iter().filter(|c| c.accepted).count();
    assert_eq!(accepted, 20);
}

#[tokio::test]
async fn a_delay_comes_after_the_sending_is_written_down() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let delay = Some(prost_types::Duration { seconds: 30, nanos: 0 });
    behave(&owner.session, &account.id, SandboxBehavior { delay, ..Default::default() }).await;
    let mut request = as_posts(&system, post(&system, &account.id, "key", "text"));
    request.set_timeout(Duration::from_millis(500));
    let began = Instant::now();
    let answer = network(&system).publish(request).await;
    assert_eq!(answer.unwrap_err().code(), tonic::Code::DeadlineExceeded);
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(calls(&owner.session, &account.id).await[0].accepted);
}

#[tokio::test]
async fn publish_names_every_bad_field_and_is_for_services_alone() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let bad = PublishRequest {
        account_id: "junk".to_owned(),
        key: "no such key!".to_owned(),
        text: "x".repeat(10_001),
        media: vec![medium("", "", 0)],
        first_attempt_time: None,
        options: None,
    };
    let answer = network(&system).publish(as_posts(&system, bad)).await;
    let fields = [
        "account_id",
        "first_attempt_time",
        "key",
        "media[0].content_type",
        "media[0].url",
        "text",
    ];
    assert_eq!(invalid_fields(answer), fields);
    let request = post(&system, &account.id, "key", "text");
    let answer = network(&system).publish(request.clone()).await;
    assert!(answer.is_err());
    let mut outside =
        postbreeze_proto::internal::v1::network_service_client::NetworkServiceClient::new(
            owner.session.clone(),
        );
    let answer = outside.publish(request).await;
    assert_eq!(answer.unwrap_err().code(), tonic::Code::Unimplemented);
    assert_eq!(calls(&owner.session, &account.id).await.len(), 0);
}

#[tokio::test]
async fn what_the_network_calls_a_duplicate_of_an_earlier_try_is_to_be_looked_for() {
    let network = Canned::start().await;
    let token = json!({
        "access_token": "access", "token_type": "bearer", "expires_in": 7_200, "refresh_token": "refresh",
    });
    network.answers("/token", 200, token);
    let me = json!({"data": {"id": "2244", "name": "Acme", "username": "acme"}});
    network.answers("/users/me", 200, me);
    let settings = network.settings("X");
    let settings: Vec<_> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let system = System::start_with(&settings).await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let account = network.connect(&owner.session, &id, Platform::X).await;

    network.answers("/tweets", 503, json!({"title": "Service Unavailable"}));
    let tried = post(&system, &account.id, "tried", "text");
    let lost = publish(&system, tried.clone()).await;
    assert!(matches!(lost, Outcome::Unknown(_)), "{lost:?}");
    let detail = "You are not allowed to create a Tweet with duplicate content.";
    network.answers("/tweets", 403, json!({"title": "Forbidden", "detail": detail}));
    let again = publish(&system, tried).await;
    assert!(
        matches!(&again, Outcome::Unknown(unknown) if unknown.code == "duplicate"),
        "{again:?}"
    );
    // What was never tried is another's.
    let first = failed(publish(&system, post(&system, &account.id, "first", "text")).await);
    assert_eq!((first.code.as_str(), first.transient), ("duplicate", false));
}
