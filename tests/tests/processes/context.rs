//! Owners accept only calls that carry the aggregator's word for who calls, or a service's for itself.

use std::sync::Arc;

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{TimeDelta, Utc};
use http::{HeaderName, HeaderValue};
use postbreeze_context::{
    Caller,
    token::{self, Audience, CONTEXT, EDGE, Issuer},
};
use postbreeze_embedded_postgres::EmbeddedPostgres;
use postbreeze_proto::RPC_PATHS;
use postbreeze_runtime::{clock::Clock, peer::CALLER_REFUSED};
use postbreeze_tests::{
    processes::Processes,
    wire::{Answer, Call},
};
use secrecy::ExposeSecret as _;
use tonic::Code;

use crate::server::{Directory, postgres};

const OWNERS: [&str; 5] = ["identity", "workspaces", "accounts", "media", "posts"];
const EVERYONE: &[&str] = &OWNERS;

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

/// The services that may call an internal RPC which acts for no user.
fn named_callers(path: &str) -> Option<&'static [&'static str]> {
    let (service, rpc) = path.strip_prefix("/postbreeze.internal.v1.")?.split_once('/')?;
    match (service, rpc) {
        ("CredentialService", "Authenticate") => Some(&["aggregator"]),
        ("WorkspaceLogService", _) => Some(&["posts", "media", "accounts"]),
        ("AccountLogService" | "NetworkService", _)
        | ("MediaSourceService", "ShareMedia" | "KeepMedia" | "DiscardMedia") => Some(&["posts"]),
        _ => None,
    }
}

/// The internal RPCs that `posts` calls for users and on its own behalf.
const BY_POSTS_TOO: [&str; 3] = [
    "/postbreeze.internal.v1.AccountSourceService/LookUpAccounts",
    "/postbreeze.internal.v1.MediaSourceService/LookUpMedia",
    "/postbreeze.internal.v1.MediaSourceService/HoldMedia",
];

fn is_public(path: &str) -> bool {
    path.starts_with("/postbreeze.v1.")
}

fn served() -> impl Iterator<Item = &'static str> {
    RPC_PATHS.iter().map(String::as_str).filter(|path| owner(path) != "nobody")
}

#[expect(
    clippy::disallowed_methods,
    reason = "tokens for processes that live by the machine's clock"
)]
fn clock(ahead: TimeDelta) -> Clock {
    Clock::from_source(Arc::new(move || Utc::now() + ahead))
}

fn now() -> Clock {
    clock(TimeDelta::zero())
}

async fn call(processes: &Processes, path: &str, token: Option<HeaderValue>) -> Answer {
    let headers: Vec<(HeaderName, HeaderValue)> =
        token.into_iter().map(|token| (CONTEXT, token)).collect();
    let call = Call { headers: &headers, ..Call::new(path, None, &[]) };
    call.send(&processes.channel(owner(path))).await
}

async fn refuses(processes: &Processes, path: &str, what: &str, token: Option<HeaderValue>) {
    let answer = call(processes, path, token).await;
    assert_eq!(answer.code(), Code::Unauthenticated, "{path} {what}: {}", answer.told());
    assert!(answer.headers.contains_key(CALLER_REFUSED), "{path} {what}");
}

/// The answer may be a refusal by a handler, but not one of the calling service.
async fn lets_in(processes: &Processes, path: &str, what: &str, token: HeaderValue) {
    let answer = call(processes, path, Some(token)).await;
    assert!(!answer.headers.contains_key(CALLER_REFUSED), "{path} {what}: {}", answer.told());
}

async fn started(name: &str) -> (Directory, EmbeddedPostgres, Processes, Caller) {
    let directory = Directory::new(name);
    let server = postgres(&directory).await;
    let processes = Processes::start(server.url(), directory.path(), &[]).await;
    let user = processes.front().sign_up("owner").await;
    let caller = Caller::Session {
        user_id: user.id().parse().unwrap(),
        session_id: uuid::Uuid::from_u128(7),
    };
    (directory, server, processes, caller)
}

/// The audience of a token that opens public RPCs of one service, and internal ones of all.
fn serving(owner: &'static str) -> Audience {
    Audience { serves: Some(owner), asked: EVERYONE }
}

#[tokio::test]
async fn owners_refuse_absent_forged_expired_and_misdirected_contexts() {
    let (_directory, _server, processes, caller) = started("context").await;
    let (stolen, _) = token::generate(EDGE, "1").unwrap();
    let genuine = processes.issuer(now());
    let forged = Issuer::new(EDGE, &stolen, now()).unwrap();
    let late = processes.issuer(clock(-TimeDelta::minutes(5)));
    let mut tried = 0;
    for path in served() {
        let mine = serving(owner(path));
        let other = if owner(path) == "identity" { "posts" } else { "identity" };
        let elsewhere: &'static [&'static str] =
            if other == "posts" { &["posts"] } else { &["identity"] };
        let misdirected = Audience { serves: Some(other), asked: elsewhere };
        let good = match named_callers(path) {
            Some(names) => processes.issuer_of(names[0], now()).system_token(EVERYONE).unwrap(),
            None => genuine.token(&caller, mine).unwrap(),
        };
        let mut altered = good.to_str().unwrap().to_owned();
        altered.insert(altered.len() / 2, 'A');
        for (what, token) in [
            ("absent", None),
            ("empty", Some(HeaderValue::from_static(""))),
            ("nonsense", Some(HeaderValue::from_static("x.y.z"))),
            ("altered", Some(HeaderValue::try_from(altered).unwrap())),
            ("forged", Some(forged.token(&caller, mine).unwrap())),
            ("expired", Some(late.token(&caller, mine).unwrap())),
            ("for another", Some(genuine.token(&caller, misdirected).unwrap())),
        ] {
            refuses(&processes, path, what, token).await;
            tried += 1;
        }
        lets_in(&processes, path, "good", good).await;
    }
    assert!(tried > 400, "only {tried} were tried");
}

/// A token that was taken from the service that answers its call opens no public RPC of another.
#[tokio::test]
async fn a_token_that_was_taken_from_a_service_opens_public_rpcs_of_no_other() {
    let (_directory, _server, processes, caller) = started("taken").await;
    let genuine = processes.issuer(now());
    let mut tried = 0;
    for path in served().filter(|path| is_public(path)) {
        for taken_from in OWNERS {
            let token = genuine.token(&caller, serving(taken_from)).unwrap();
            if taken_from == owner(path) {
                lets_in(&processes, path, taken_from, token).await;
            } else {
                refuses(&processes, path, taken_from, Some(token)).await;
                tried += 1;
            }
        }
        let internal = genuine.token(&caller, Audience::internal(EVERYONE)).unwrap();
        refuses(&processes, path, "of the aggregator's own", Some(internal)).await;
    }
    assert!(tried > 200, "only {tried} were tried");
}

/// An RPC that acts for no user is for named services. One that acts for a user is for no service's own ends.
#[tokio::test]
async fn internal_rpcs_are_for_the_services_that_need_them() {
    let (_directory, _server, processes, caller) = started("internal").await;
    let user = processes.issuer(now()).token(&caller, Audience::internal(EVERYONE)).unwrap();
    let serving_only = |owner| {
        let audience = Audience { serves: Some(owner), asked: &[] };
        processes.issuer(now()).token(&caller, audience).unwrap()
    };
    for path in served().filter(|path| !is_public(path)) {
        let names = if let Some(names) = named_callers(path) {
            refuses(&processes, path, "a user", Some(user.clone())).await;
            names
        } else {
            lets_in(&processes, path, "a user", user.clone()).await;
            if BY_POSTS_TOO.contains(&path) { &["posts"] } else { [].as_slice() }
        };
        for service in ["aggregator", "posts", "media", "accounts"] {
            let token = processes.issuer_of(service, now()).system_token(EVERYONE).unwrap();
            if names.contains(&service) {
                lets_in(&processes, path, service, token).await;
            } else {
                refuses(&processes, path, service, Some(token)).await;
            }
        }
        refuses(&processes, path, "public only", Some(serving_only(owner(path)))).await;
    }
}

/// Only the aggregator may speak for users; a service that was taken over may not.
#[tokio::test]
async fn owners_refuse_a_service_that_speaks_for_a_user() {
    let (_directory, _server, processes, caller) = started("speaks-for").await;
    let posts = processes.issuer_of("posts", now());
    let token = posts.token(&caller, serving("identity")).unwrap();
    refuses(&processes, "/postbreeze.v1.UserService/GetMe", "by posts", Some(token)).await;
}

/// A token made by hand.
struct HandMade<'a> {
    algorithm: &'a str,
    kid: &'a str,
    issuer: &'a str,
    /// The rest of its claims.
    caller: &'a str,
}

impl HandMade<'_> {
    /// The two parts that are signed.
    fn parts(&self) -> String {
        let now = now().now().timestamp();
        let header = format!(r#"{{"typ":"JWT","alg":"{}","kid":"{}"}}"#, self.algorithm, self.kid);
        let claims = format!(
            r#"{{"iss":"{}","aud":["identity","accounts"],"srv":"identity","iat":{now},"exp":{},{}}}"#,
            self.issuer,
            now + 60,
            self.caller
        );
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    fn with(&self, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> HeaderValue {
        let parts = self.parts();
        let signature = URL_SAFE_NO_PAD.encode(sign(parts.as_bytes()));
        HeaderValue::try_from(format!("{parts}.{signature}")).unwrap()
    }
}

#[tokio::test]
async fn owners_refuse_other_algorithms_and_issuers_that_the_key_does_not_belong_to() {
    const GET_ME: &str = "/postbreeze.v1.UserService/GetMe";
    const READ_LOG: &str = "/postbreeze.internal.v1.AccountLogService/ReadAccountLog";
    let (_directory, _server, processes, caller) = started("algorithms").await;
    let pair = |service: &str| {
        let key = processes.signing_key(service).expose_secret();
        let der = STANDARD.decode(key.split_once('=').unwrap().1).unwrap();
        Ed25519KeyPair::from_pkcs8(&der).unwrap()
    };
    let (aggregator, posts, media) = (pair("aggregator"), pair("posts"), pair("media"));
    let by = |pair: &Ed25519KeyPair, text: &[u8]| pair.sign(text).as_ref().to_vec();
    let session = format!(
        r#""kind":"session","sub":"{}","sid":"{}""#,
        caller.user_id().unwrap().uuid(),
        uuid::Uuid::from_u128(7)
    );
    let made = |algorithm, kid, issuer| HandMade { algorithm, kid, issuer, caller: &session };
    let sound = made("EdDSA", "aggregator/1", "aggregator");
    let good = sound.with(|text| by(&aggregator, text));
    lets_in(&processes, GET_ME, "made by hand", good).await;

    let public = aggregator.public_key().as_ref().to_vec();
    let told = format!("aggregator/1={}", STANDARD.encode(&public));
    assert!(processes.public_keys().contains(&told));
    for algorithm in ["HS256", "hs256"] {
        let token = made(algorithm, "aggregator/1", "aggregator");
        for secret in [public.clone(), STANDARD.encode(&public).into_bytes()] {
            let token = token.with(|text| {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), text).as_ref().to_vec()
            });
            refuses(&processes, GET_ME, "HMAC with the public key", Some(token)).await;
        }
    }
    for algorithm in ["none", "None", ""] {
        let token = made(algorithm, "aggregator/1", "aggregator");
        refuses(&processes, GET_ME, "unsigned", Some(token.with(|_| Vec::new()))).await;
        let signed = token.with(|text| by(&aggregator, text));
        refuses(&processes, GET_ME, "signed as none", Some(signed)).await;
    }
    for (kid, issuer, signer) in [
        ("posts/1", "aggregator", &posts),
        ("aggregator/1", "aggregator", &posts),
        ("aggregator/1", "posts", &aggregator),
        ("aggregator/2", "aggregator", &aggregator),
        ("aggregator", "aggregator", &aggregator),
        ("posts/1", "posts", &posts),
    ] {
        let token = made("EdDSA", kid, issuer).with(|text| by(signer, text));
        refuses(&processes, GET_ME, &format!("{kid} {issuer}"), Some(token)).await;
    }

    let system = r#""kind":"system""#;
    let made = |kid, issuer| HandMade { algorithm: "EdDSA", kid, issuer, caller: system };
    let good = made("posts/1", "posts").with(|text| by(&posts, text));
    lets_in(&processes, READ_LOG, "posts", good).await;
    for kid in ["media/1", "posts/1"] {
        let token = made(kid, "posts").with(|text| by(&media, text));
        refuses(&processes, READ_LOG, &format!("media as posts, {kid}"), Some(token)).await;
    }
}
