//! Owners accept only calls that carry the aggregator's word for who calls.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use http::{HeaderName, HeaderValue};
use postbreeze_context::{
    Caller,
    token::{self, CONTEXT, EDGE, Issuer},
};
use postbreeze_proto::RPC_PATHS;
use postbreeze_runtime::{clock::Clock, peer::CALLER_REFUSED};
use postbreeze_tests::{
    processes::Processes,
    wire::{Answer, Call},
};
use tonic::Code;

use crate::server::{Directory, postgres};

const EVERYONE: &[&str] = &["identity", "workspaces", "accounts", "media", "posts"];

/// Which owner serves an RPC.
fn owner(path: &str) -> &'static str {
    let service = path.split('/').nth(1).unwrap();
    match service.rsplit('.').next().unwrap() {
        "UserService" | "ApiKeyService" | "CredentialService" | "ProfileService" => "identity",
        "WorkspaceService"
        | "MemberService"
        | "BillingService"
        | "ReachService"
        | "EntitlementService"
        | "WorkspaceLogService" => "workspaces",
        "SocialAccountService"
        | "SandboxService"
        | "AccountSourceService"
        | "AccountLogService"
        | "NetworkService" => "accounts",
        "MediaService" | "MediaSourceService" => "media",
        "PostService" | "CommentService" | "WebhookService" | "PostSourceService" => "posts",
        "AuditService" => "nobody",
        other => panic!("whose is {other}?"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tokens for processes that live by the machine's clock"
)]
fn clock(ahead: TimeDelta) -> Clock {
    Clock::from_source(Arc::new(move || Utc::now() + ahead))
}

async fn call(processes: &Processes, path: &str, token: Option<HeaderValue>) -> Answer {
    let headers: Vec<(HeaderName, HeaderValue)> =
        token.into_iter().map(|token| (CONTEXT, token)).collect();
    let call = Call { headers: &headers, ..Call::new(path, None, &[]) };
    call.send(&processes.channel(owner(path))).await
}

#[tokio::test]
async fn owners_refuse_absent_forged_expired_and_misdirected_contexts() {
    let directory = Directory::new("context");
    let server = postgres(&directory).await;
    let processes = Processes::start(server.url(), directory.path(), &[]).await;
    let user = processes.front().sign_up("owner").await;
    let caller = Caller::Session {
        user_id: user.id().parse().unwrap(),
        session_id: uuid::Uuid::from_u128(7),
    };
    let (stolen, _) = token::generate(EDGE, "1").unwrap();
    let genuine = processes.issuer(clock(TimeDelta::zero()));
    let forged = Issuer::new(EDGE, &stolen, clock(TimeDelta::zero())).unwrap();
    let late = processes.issuer(clock(-TimeDelta::minutes(5)));
    let mut tried = 0;
    for path in RPC_PATHS.iter().filter(|path| owner(path) != "nobody") {
        let audience: &'static [&'static str] = match owner(path) {
            "identity" => &["posts"],
            _ => &["identity"],
        };
        let misdirected = genuine.token(&caller, audience).unwrap();
        let good = genuine.token(&caller, EVERYONE).unwrap();
        let mut altered = good.to_str().unwrap().to_owned();
        altered.insert(altered.len() / 2, 'A');
        for (what, token) in [
            ("absent", None),
            ("empty", Some(HeaderValue::from_static(""))),
            ("nonsense", Some(HeaderValue::from_static("x.y.z"))),
            ("altered", Some(HeaderValue::try_from(altered).unwrap())),
            ("forged", Some(forged.token(&caller, EVERYONE).unwrap())),
            ("expired", Some(late.token(&caller, EVERYONE).unwrap())),
            ("for another", Some(misdirected)),
        ] {
            let answer = call(&processes, path, token).await;
            assert_eq!(answer.code(), Code::Unauthenticated, "{path} {what}: {}", answer.told());
            assert!(answer.headers.contains_key(CALLER_REFUSED), "{path} {what}");
            tried += 1;
        }
        let answer = call(&processes, path, Some(good)).await;
        // What it says of the credential in the message is another matter.
        assert!(!answer.headers.contains_key(CALLER_REFUSED), "{path}: {}", answer.told());
    }
    assert!(tried > 400, "only {tried} were tried");
}

/// Only the aggregator may speak for users; a service that was taken over may not.
#[tokio::test]
async fn owners_refuse_a_service_that_speaks_for_a_user() {
    let directory = Directory::new("speaks-for");
    let server = postgres(&directory).await;
    let processes = Processes::start(server.url(), directory.path(), &[]).await;
    let user = processes.front().sign_up("owner").await;
    let caller = Caller::Session {
        user_id: user.id().parse().unwrap(),
        session_id: uuid::Uuid::from_u128(7),
    };
    let posts = processes.issuer_of("posts", clock(TimeDelta::zero()));
    let token = posts.token(&caller, EVERYONE).unwrap();
    let path = "/postbreeze.v1.UserService/GetMe";
    let answer = call(&processes, path, Some(token)).await;
    assert_eq!(answer.code(), Code::Unauthenticated, "{}", answer.told());
}
