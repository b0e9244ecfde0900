//! Conversations as X's documentation shows them.

use std::time::Duration;

use postbreeze_proto::{
    internal::v1::MediaToPublish,
    v1::{Platform, PlatformOptions, XOptions},
};
use serde_json::json;

use super::*;
use crate::networks::exchange::{
    Exchange, Expected, Stage, begun, first_attempt_time, get, http, hurried, medium_part, now,
    post, told,
};

async fn stage() -> Stage {
    Stage::of(Platform::X, "2244", "acme").await
}

fn network(exchange: &Exchange) -> X {
    X::new(&exchange.app(), http())
}

fn text() -> PublishRequest {
    PublishRequest {
        text: "Launch & https://example.com/launch".to_owned(),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    }
}

fn tweet(body: serde_json::Value) -> Expected {
    post("/tweets").bearer().json(body)
}

fn made(expected: Expected, id: &str) -> Expected {
    expected.answers(201, json!({"data": {"id": id, "text": "Launch"}}))
}

fn sent(id: &str) -> Outcome {
    Outcome::Sent(Sent {
        external_id: id.to_owned(),
        external_url: format!("https://x.com/acme/status/{id}"),
    })
}

#[tokio::test]
async fn a_person_connects_with_pkce_and_the_token_is_refreshed() {
    // base64 of "client:client-secret".
    let basic = "Basic Y2xpZW50OmNsaWVudC1zZWNyZXQ=";
    let verifier = "v".repeat(43);
    let token = json!({
        "token_type": "bearer", "expires_in": 7_200, "access_token": "access",
        "scope": "tweet.read tweet.write", "refresh_token": "refresh",
    });
    let exchange = Exchange::of([
        post("/token")
            .header("authorization", basic)
            .form(&[
                ("grant_type", "authorization_code"),
                ("code", "c"),
                ("code_verifier", &verifier),
                ("redirect_uri", "https://app.example/callback"),
            ])
            .answers(200, token.clone()),
        get("/users/me", &[("user.fields", "profile_image_url")])
            .header("authorization", "Bearer access")
            .answers(200, json!({"data": {"id": "2244", "name": "Acme Inc", "username": "acme"}})),
        post("/token")
            .header("authorization", basic)
            .form(&[("grant_type", "refresh_token"), ("refresh_token", "refresh-token")])
            .answers(200, token),
        post("/token")
            .header("authorization", basic)
            .form(&[("grant_type", "refresh_token"), ("refresh_token", "refresh-token")])
            .answers(400, json!({"error": "invalid_grant"})),
        // As X says it of a token that was used or taken back.
        post("/token")
            .header("authorization", basic)
            .form(&[("grant_type", "refresh_token"), ("refresh_token", "refresh-token")])
            .answers(400, json!({"error": "invalid_request", "error_description": "Value passed for the token was invalid."})),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let url = network.start_connect(&begun("s")).await.unwrap();
    assert!(url.contains("code_challenge_method=S256") && url.contains("state=s"), "{url}");
    let grant = network.connect(&begun("s"), Given::Code("c")).await;
    assert_eq!(told(&grant), "2244 acme Acme Inc access refresh 7200");
    assert_eq!(grant.ok().unwrap().scopes, ["tweet.read", "tweet.write"]);
    let tokens = network.refresh(&stage.session).await.unwrap();
    assert_eq!(tokens.expire_time, Some(now() + chrono::TimeDelta::hours(2)));
    for _ in 0..2 {
        let refused = network.refresh(&stage.session).await.err().unwrap();
        assert!(matches!(refused, RefreshError::Refused { .. }), "{refused:?}");
    }
    exchange.is_over();
}

#[tokio::test]
async fn a_text_is_posted_with_who_may_reply() {
    let options = XOptions { reply_settings: XReplySettings::MentionedUsers.into() };
    let request = PublishRequest {
        options: Some(PlatformOptions { network: Some(Options::X(options)) }),
        ..text()
    };
    let body =
        json!({"text": "Launch & https://example.com/launch", "reply_settings": "mentionedUsers"});
    let exchange = Exchange::of([made(tweet(body), "1")]).await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, sent("1"));
    exchange.is_over();
}

fn initialize(size: usize, media_type: &str, category: &str, id: &str) -> Expected {
    post("/media/upload/initialize")
        .bearer()
        .json(json!({"media_type": media_type, "total_bytes": size, "media_category": category}))
        .answers(200, json!({"data": {"id": id, "media_key": format!("3_{id}"), "expires_after_secs": 86_400}}))
}

fn append(id: &str, index: &str, bytes: &[u8]) -> Expected {
    post(&format!("/media/upload/{id}/append"))
        .bearer()
        .parts(&[("segment_index", index.as_bytes()), ("media", bytes)])
        .answers(200, json!({"data": {"expires_at": 1}}))
}

fn finalize(id: &str) -> Expected {
    post(&format!("/media/upload/{id}/finalize")).bearer()
}

#[tokio::test]
async fn an_image_is_uploaded_described_and_posted() {
    let exchange = Exchange::of([
        initialize(5, "image/png", "tweet_image", "m1"),
        medium_part("/m/1.png", 0, b"bytes"),
        append("m1", "0", b"bytes"),
        finalize("m1").answers(200, json!({"data": {"id": "m1"}})),
        post("/media/metadata")
            .bearer()
            .json(json!({"id": "m1", "metadata": {"alt_text": {"text": "A rocket"}}}))
            .answers(200, json!({"data": {"id": "m1"}})),
        made(
            tweet(json!({
                "text": "Launch & https://example.com/launch",
                "media": {"media_ids": ["m1"]},
            })),
            "1",
        ),
    ])
    .await;
    let image = exchange.medium("/m/1.png", "image/png", 5);
    let media = vec![MediaToPublish { alt_text: "A rocket".to_owned(), ..image }];
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let request = PublishRequest { media, ..text() };
    let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, sent("1"));
    exchange.is_over();
}

#[tokio::test]
async fn a_video_is_uploaded_in_segments_once_and_waited_for() {
    let first = vec![b'a'; 4 * 1_024 * 1_024];
    let size = first.len() + 3;
    let limit = json!({"title": "Too Many Requests", "detail": "Too Many Requests", "status": 429, "type": "about:blank"});
    let reset = (now().timestamp() + 90).to_string();
    let exchange = Exchange::of([
        initialize(size, "video/mp4", "tweet_video", "m1"),
        medium_part("/m/2.mp4", 0, &first),
        append("m1", "0", &first),
        medium_part("/m/2.mp4", first.len(), b"end"),
        append("m1", "1", b"end").answers(429, limit).with("x-rate-limit-reset", &reset),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let media = vec![exchange.medium("/m/2.mp4", "video/mp4", size)];
    let request = PublishRequest { media, ..text() };
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("rate_limited", true));
    assert_eq!(failure.retry_after, Some(Duration::from_secs(90)));
    // Only the second segment is missing.
    let pending = json!({"data": {"id": "m1", "processing_info": {"state": "pending", "check_after_secs": 0}}});
    exchange.then([
        medium_part("/m/2.mp4", first.len(), b"end"),
        append("m1", "1", b"end"),
        finalize("m1").answers(200, pending),
        get("/media/upload", &[("command", "STATUS"), ("media_id", "m1")])
            .bearer()
            .answers(200, json!({"data": {"id": "m1", "processing_info": {"state": "succeeded", "progress_percent": 100}}})),
        made(
            tweet(json!({
                "text": "Launch & https://example.com/launch",
                "media": {"media_ids": ["m1"]},
            })),
            "1",
        ),
    ]);
    let mut progress = stage.progress().await;
    assert_eq!(network.publish(&stage.session, &request, &mut progress).await, sent("1"));
    exchange.is_over();
}

#[tokio::test]
async fn a_medium_that_the_network_cannot_use_fails_for_good_and_a_short_call_goes_on_later() {
    let failed = json!({"data": {"id": "m1", "processing_info": {
        "state": "failed", "error": {"code": 1, "name": "InvalidMedia", "message": "Unsupported codec"}}}});
    let exchange = Exchange::of([
        initialize(3, "video/mp4", "tweet_video", "m1"),
        medium_part("/m/2.mp4", 0, b"abc"),
        append("m1", "0", b"abc"),
        finalize("m1").answers(200, failed),
        initialize(3, "video/mp4", "tweet_video", "m2"),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let media = vec![exchange.medium("/m/2.mp4", "video/mp4", 3)];
    let request = PublishRequest { media, ..text() };
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, Failure::permanent("media_refused", "Unsupported codec").into());
    let mut progress = stage.progress().await;
    let outcome = hurried(network.publish(&stage.session, &request, &mut progress)).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.code, "in_progress");
    exchange.is_over();
}

#[tokio::test]
async fn refusals_are_final_or_not_as_x_says() {
    let problem = |title: &str, detail: &str, kind: &str| json!({"title": title, "detail": detail, "type": kind, "status": 403});
    let base = "https://api.twitter.com/2/problems";
    for (status, body, code, token) in [
        (401, problem("Unauthorized", "Unauthorized", "about:blank"), "token_expired", true),
        (
            403,
            problem(
                "Forbidden",
                "You are not allowed to create a Tweet with duplicate content.",
                "about:blank",
            ),
            "duplicate",
            false,
        ),
        (
            403,
            problem("Client Forbidden", "no", &format!("{base}/client-forbidden")),
            "client_forbidden",
            false,
        ),
        (
            400,
            json!({"errors": [{"message": "Your Tweet text is too long."}], "title": "Invalid Request",
                   "detail": "One or more parameters to your request was invalid.",
                   "type": format!("{base}/invalid-request")}),
            "invalid_request",
            false,
        ),
    ] {
        let exchange =
            Exchange::of([tweet(json!({"text": text().text})).answers(status, body)]).await;
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let outcome = network(&exchange).publish(&stage.session, &text(), &mut progress).await;
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!((failure.code.as_str(), failure.token.is_some()), (code, token));
        assert!(!failure.transient, "{failure:?}");
        exchange.is_over();
    }
}

fn listed(answer: serde_json::Value) -> Expected {
    let query = [
        ("start_time", "2026-11-25T11:58:00Z"),
        ("max_results", "100"),
        ("tweet.fields", "created_at,entities,referenced_tweets"),
    ];
    get("/users/2244/tweets", &query).bearer().answers(200, answer)
}

#[tokio::test]
async fn a_lost_answer_is_found_whatever_x_made_of_the_text() {
    let exchange = Exchange::of([tweet(json!({"text": text().text})).lost()]).await;
    let (network, mut stage) = (network(&exchange), stage().await);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &text(), &mut progress).await;
    assert!(
        matches!(&outcome, Outcome::Unknown { code, .. } if code == "answer_lost"),
        "{outcome:?}"
    );
    let said = "Launch &amp; https://t.co/abc https://t.co/pic";
    let posts = json!({"data": [
        {"id": "3", "text": "Other", "created_at": "2026-11-25T12:00:09.000Z"},
        {"id": "2", "text": said, "created_at": "2026-11-25T12:00:05.000Z",
         "referenced_tweets": [{"type": "replied_to", "id": "9"}]},
        {"id": "1", "text": said, "created_at": "2026-11-25T12:00:01.000Z", "entities": {"urls": [
            {"url": "https://t.co/abc", "expanded_url": "https://example.com/launch"},
            {"url": "https://t.co/pic", "expanded_url": "https://x.com/acme/status/1/photo/1", "media_key": "3_m1"},
        ]}},
    ], "meta": {"result_count": 3}});
    exchange.then([listed(posts), listed(json!({"meta": {"result_count": 0}}))]);
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert!(matches!(&found, Found::There(sent) if sent.external_id == "1"), "{found:?}");
    stage.later(600);
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert_eq!(found, Found::NotThere);
    // Nothing is asked about what could not be recognised.
    let wordless = PublishRequest { text: String::new(), ..text() };
    let found = network.find(&stage.session, &wordless, &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: false, .. }), "{found:?}");
    exchange.is_over();
}

#[tokio::test]
async fn a_list_that_goes_on_is_read_to_its_end_and_one_without_end_proves_nothing() {
    let page = |next: Option<&str>| {
        let mut query = vec![
            ("start_time", "2026-11-25T11:58:00Z"),
            ("max_results", "100"),
            ("tweet.fields", "created_at,entities,referenced_tweets"),
        ];
        query.extend(next.map(|next| ("pagination_token", next)));
        get("/users/2244/tweets", &query).bearer()
    };
    let one =
        |text: &str| json!({"id": "1", "text": text, "created_at": "2026-11-25T12:00:05.000Z"});
    let others: Vec<_> = (0..100).map(|_| one("Other")).collect();
    let full = json!({"data": others, "meta": {"next_token": "n"}});
    let own = one("Launch &amp; https://example.com/launch");
    let exchange = Exchange::of([
        page(None).answers(200, full.clone()),
        page(Some("n")).answers(200, json!({"data": [own], "meta": {}})),
    ])
    .await;
    let (network, mut stage) = (network(&exchange), stage().await);
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert!(matches!(found, Found::There(_)), "{found:?}");
    exchange.then([page(None).answers(200, full.clone())]);
    exchange.then((0..4).map(|_| page(Some("n")).answers(200, full.clone())));
    stage.later(600);
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: false, .. }), "{found:?}");
    exchange.is_over();
}

#[test]
fn an_answer_is_known_though_x_names_first_whom_it_answers() {
    let post = |text: &str| {
        let json = json!({"id": "1", "text": text, "created_at": null});
        serde_json::from_value::<Post>(json).unwrap()
    };
    assert!(says(&post("@bob @ann thank you"), "thank you", true));
    assert!(says(&post("@bob thank you"), "@bob thank you", true));
    assert!(!says(&post("@bob no thank you"), "thank you", true));
    assert!(!says(&post("@bob thank you"), "thank you", false));
}

#[tokio::test]
async fn what_went_out_after_a_slow_upload_may_still_arrive_a_while_after_that() {
    let exchange = Exchange::of([
        tweet(json!({"text": text().text})).lost(),
        listed(json!({"meta": {"result_count": 0}})),
        listed(json!({"meta": {"result_count": 0}})),
    ])
    .await;
    let (network, mut stage) = (network(&exchange), stage().await);
    let mut progress = stage.progress().await;
    stage.passes(200);
    network.publish(&stage.session, &text(), &mut progress).await;
    let progress = stage.looked_at().await;
    stage.later(220);
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: true, .. }), "{found:?}");
    stage.later(180);
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert_eq!(found, Found::NotThere);
    exchange.is_over();
}

#[tokio::test]
async fn replies_are_posted_found_and_fetched() {
    let reply = json!({"text": "First!", "reply": {"in_reply_to_tweet_id": "1"}});
    let search = [
        ("query", "conversation_id:1 -from:acme"),
        ("max_results", "100"),
        ("tweet.fields", "created_at,author_id"),
        ("expansions", "author_id"),
        ("user.fields", "profile_image_url"),
    ];
    let exchange = Exchange::of([
        made(tweet(reply), "2"),
        listed(json!({"data": [{"id": "2", "text": "First!", "created_at": "2026-11-25T12:00:05.000Z",
                                "referenced_tweets": [{"type": "replied_to", "id": "1"}]}]})),
        get("/tweets/search/recent", &search).bearer().answers(
            200,
            json!({
                "data": [{"id": "5", "text": "Nice", "author_id": "7", "created_at": "2026-11-25T12:01:00.000Z"}],
                "includes": {"users": [{"id": "7", "name": "Bob", "username": "bob",
                                        "profile_image_url": "https://img.example/b"}]},
                "meta": {"newest_id": "5", "result_count": 1},
            }),
        ),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let comment = PublishCommentRequest {
        external_post_id: "1".to_owned(),
        text: "First!".to_owned(),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    };
    let mut progress = stage.progress().await;
    let outcome = network.publish_comment(&stage.session, &comment, &mut progress).await;
    assert_eq!(outcome, sent("2"));
    let found = network.find_comment(&stage.session, &comment, &progress).await.unwrap();
    assert!(matches!(&found, Found::There(sent) if sent.external_id == "2"), "{found:?}");
    let fetched = network.fetch_comments(&stage.session, "1").await.unwrap();
    let [fetched] = &fetched[..] else { panic!("{fetched:?}") };
    assert_eq!((fetched.author_handle.as_str(), fetched.body.as_str()), ("bob", "Nice"));
    exchange.is_over();
}
