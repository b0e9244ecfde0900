//! Conversations as Meta's documentation shows them.

mod lost;

use std::time::Duration;

use postbreeze_proto::v1::{Platform, PlatformOptions};
use serde_json::json;

use super::*;
use crate::networks::{
    TokenTrouble,
    exchange::{
        Exchange, Expected, Stage, begun, first_attempt_time, get, http, hurried, now, post, told,
    },
};

async fn stage() -> Stage {
    Stage::of(Platform::Instagram, "178", "acme").await
}

fn network(exchange: &Exchange) -> Instagram {
    Instagram::new(exchange.app(), http())
}

fn image(exchange: &Exchange) -> PublishRequest {
    PublishRequest {
        text: "Launch #day".to_owned(),
        media: vec![MediaToPublish {
            alt_text: "A rocket".to_owned(),
            ..exchange.medium("/m/1.jpg", "image/jpeg", 10)
        }],
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    }
}

fn placed(placement: InstagramPlacement) -> PlatformOptions {
    let options = InstagramOptions {
        placement: placement.into(),
        share_to_feed: Some(false),
        collaborators: vec!["globex".to_owned()],
    };
    PlatformOptions { network: Some(Options::Instagram(options)) }
}

fn quota() -> Expected {
    get("/178/content_publishing_limit", &[("fields", "quota_usage,config")]).bearer().answers(
        200,
        json!({"data": [{"quota_usage": 2, "config": {"quota_total": 100, "quota_duration": 86_400}}]}),
    )
}

fn create(form: &[(&str, &str)], id: &str) -> Expected {
    post("/178/media").bearer().form(form).answers(200, json!({ "id": id }))
}

fn create_image() -> Expected {
    let form = [
        ("image_url", "https://media.example/m/1.jpg"),
        ("alt_text", "A rocket"),
        ("caption", "Launch #day"),
    ];
    create(&form, "c1")
}

fn state(id: &str, status: &str) -> Expected {
    get(&format!("/{id}"), &[("fields", "status_code,status")])
        .bearer()
        .answers(200, json!({"status_code": status, "status": format!("{status}: said"), "id": id}))
}

fn publish(id: &str) -> Expected {
    post("/178/media_publish").bearer().form(&[("creation_id", id)])
}

fn permalink() -> Expected {
    let answer = json!({"permalink": "https://www.instagram.com/p/abc/", "id": "m1"});
    get("/m1", &[("fields", "permalink")]).bearer().answers(200, answer)
}

fn sent() -> Sent {
    Sent {
        external_id: "m1".to_owned(),
        external_url: "https://www.instagram.com/p/abc/".to_owned(),
    }
}

fn refused(code: i64, subcode: i64) -> serde_json::Value {
    json!({"error": {
        "message": "Error validating access token: token-of-the-account",
        "type": "OAuthException",
        "code": code,
        "error_subcode": subcode,
        "fbtrace_id": "A1",
    }})
}

#[tokio::test]
async fn a_person_connects_and_gets_a_token_of_long_life() {
    let exchange = Exchange::of([
        post("/token")
            .form(&[
                ("grant_type", "authorization_code"),
                ("code", "AQBx"),
                ("client_id", "client"),
                ("client_secret", "client-secret"),
                ("redirect_uri", "https://app.example/callback"),
            ])
            .answers(
                200,
                json!({"data": [{"access_token": "short", "user_id": "178", "permissions": "x"}]}),
            ),
        get(
            "/access_token",
            &[
                ("grant_type", "ig_exchange_token"),
                ("client_secret", "client-secret"),
                ("access_token", "short"),
            ],
        )
        .answers(
            200,
            json!({"access_token": "long", "token_type": "bearer", "expires_in": 5_183_944}),
        ),
        get("/me", &[("fields", "user_id,username,name,profile_picture_url")])
            .header("authorization", "Bearer long")
            .answers(200, json!({"user_id": "178", "username": "acme", "name": "Acme", "id": "9"})),
    ])
    .await;
    let network = network(&exchange);
    let url = network.start_connect(&begun("state-1")).await.unwrap();
    assert_eq!(
        url,
        "https://network.example/authorize?client_id=client&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback\
         &response_type=code&scope=instagram_business_basic%2Cinstagram_business_content_publish\
         %2Cinstagram_business_manage_comments&state=state-1"
    );
    let grant = network.connect(&begun("state-1"), Given::Code("AQBx#_")).await;
    assert_eq!(told(&grant), "178 acme Acme long long 5183944");
    exchange.is_over();
}

#[tokio::test]
async fn a_code_that_is_not_taken_is_at_fault_and_a_network_that_is_not_well_is_not_reached() {
    let refused = json!({"error_type": "OAuthException", "code": 400, "error_message": "Invalid authorization code"});
    for (status, is) in [(400, "Invalid authorization code"), (503, "Unreachable")] {
        let expected = expect_code().answers(status, refused.clone());
        let exchange = Exchange::of([expected]).await;
        let grant = network(&exchange).connect(&begun("s"), Given::Code("x")).await;
        assert!(told(&grant).contains(is), "{}", told(&grant));
        exchange.is_over();
    }
}

fn expect_code() -> Expected {
    post("/token").form(&[
        ("grant_type", "authorization_code"),
        ("code", "x"),
        ("client_id", "client"),
        ("client_secret", "client-secret"),
        ("redirect_uri", "https://app.example/callback"),
    ])
}

#[tokio::test]
async fn a_token_buys_its_successor_unless_it_is_not_valid_any_more() {
    let query = [("grant_type", "ig_refresh_token"), ("access_token", "refresh-token")];
    let exchange = Exchange::of([
        get("/refresh_access_token", &query).answers(
            200,
            json!({"access_token": "next", "token_type": "bearer", "expires_in": 60}),
        ),
        get("/refresh_access_token", &query).answers(400, refused(190, 0)),
        get("/refresh_access_token", &query).answers(500, refused(2, 0)),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let tokens = network.refresh(&stage.session).await.unwrap();
    assert_eq!(tokens.expire_time, Some(now() + chrono::TimeDelta::seconds(60)));
    assert!(tokens.refresh_token.is_some());
    let refused = network.refresh(&stage.session).await.err().unwrap();
    assert!(matches!(refused, RefreshError::Refused { revoked: false, .. }), "{refused:?}");
    let transient = network.refresh(&stage.session).await.err().unwrap();
    assert!(matches!(transient, RefreshError::Transient { .. }), "{transient:?}");
    exchange.is_over();
}

#[tokio::test]
async fn an_image_is_published_once_its_container_is_ready() {
    let exchange = Exchange::of([
        quota(),
        create_image(),
        state("c1", "FINISHED"),
        publish("c1").answers(200, json!({"id": "m1"})),
        permalink(),
    ])
    .await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let outcome =
        network(&exchange).publish(&stage.session, &image(&exchange), &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(sent()));
    exchange.is_over();
}

#[tokio::test]
async fn several_media_make_a_carousel() {
    let exchange = Exchange::of([]).await;
    let carousel = PublishRequest {
        media: vec![
            exchange.medium("/m/1.jpg", "image/jpeg", 10),
            exchange.medium("/m/2.mp4", "video/mp4", 10),
        ],
        options: Some(placed(InstagramPlacement::Feed)),
        ..image(&exchange)
    };
    exchange.then([
        quota(),
        create(
            &[("image_url", "https://media.example/m/1.jpg"), ("is_carousel_item", "true")],
            "i1",
        ),
        create(
            &[
                ("video_url", "https://media.example/m/2.mp4"),
                ("media_type", "VIDEO"),
                ("is_carousel_item", "true"),
            ],
            "i2",
        ),
        state("i1", "FINISHED"),
        state("i2", "FINISHED"),
        create(
            &[
                ("media_type", "CAROUSEL"),
                ("children", "i1,i2"),
                ("caption", "Launch #day"),
                ("collaborators", "[\"globex\"]"),
            ],
            "c1",
        ),
        state("c1", "FINISHED"),
        publish("c1").answers(200, json!({"id": "m1"})),
        permalink(),
    ]);
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let outcome = network(&exchange).publish(&stage.session, &carousel, &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(sent()));
    exchange.is_over();
}

#[tokio::test]
async fn reels_and_stories_are_told_so() {
    let reel = [
        ("video_url", "https://media.example/m/2.mp4"),
        ("caption", "Launch #day"),
        ("media_type", "REELS"),
        ("share_to_feed", "false"),
        ("collaborators", "[\"globex\"]"),
    ];
    let story = [("video_url", "https://media.example/m/2.mp4"), ("media_type", "STORIES")];
    for (placement, form) in [
        (InstagramPlacement::Reel, &reel[..]),
        (InstagramPlacement::Unspecified, &reel[..]),
        (InstagramPlacement::Story, &story[..]),
    ] {
        let exchange = Exchange::of([
            quota(),
            create(form, "c1"),
            state("c1", "FINISHED"),
            publish("c1").answers(200, json!({"id": "m1"})),
            permalink(),
        ])
        .await;
        let video = PublishRequest {
            media: vec![exchange.medium("/m/2.mp4", "video/mp4", 10)],
            options: Some(placed(placement)),
            ..image(&exchange)
        };
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let outcome = network(&exchange).publish(&stage.session, &video, &mut progress).await;
        assert_eq!(outcome, Outcome::Sent(sent()));
        exchange.is_over();
    }
}

#[tokio::test]
async fn what_is_still_processed_is_gone_on_with_and_not_created_again() {
    let exchange = Exchange::of([quota(), create_image(), state("c1", "IN_PROGRESS")]).await;
    let (network, stage) = (network(&exchange), stage().await);
    let mut progress = stage.progress().await;
    let post = image(&exchange);
    let outcome = hurried(network.publish(&stage.session, &post, &mut progress)).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("in_progress", true));
    assert!(failure.retry_after.is_some());
    exchange.is_over();
    // As if the process had died: all it knows is what was kept.
    exchange.then([
        state("c1", "FINISHED"),
        publish("c1").answers(200, json!({"id": "m1"})),
        permalink(),
    ]);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &post, &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(sent()));
    exchange.is_over();
}

#[tokio::test]
async fn media_that_the_network_cannot_use_fail_for_good_and_the_next_try_begins_anew() {
    let exchange = Exchange::of([quota(), create_image(), state("c1", "ERROR")]).await;
    let (network, stage) = (network(&exchange), stage().await);
    let post = image(&exchange);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &post, &mut progress).await;
    assert_eq!(outcome, Failure::permanent("media_refused", "ERROR: said").into());
    exchange.then([quota(), create_image(), state("c1", "EXPIRED")]);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &post, &mut progress).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("container_expired", true));
    exchange.is_over();
}

#[tokio::test]
async fn errors_mean_what_meta_says_they_do() {
    for (status, error, code, transient, token) in [
        (400, refused(190, 463), "token_expired", false, Some(TokenTrouble::Expired)),
        (400, refused(190, 458), "token_revoked", false, Some(TokenTrouble::Revoked)),
        (403, refused(4, 2_207_051), "rate_limited", true, None),
        (403, refused(10, 0), "permission_denied", false, None),
        (400, refused(36_003, 2_207_009), "media_refused", false, None),
        (400, refused(9_007, 2_207_027), "in_progress", true, None),
        (500, refused(2, 0), "temporarily_unavailable", true, None),
        (400, refused(2, 0), "temporarily_unavailable", true, None),
        (400, refused(-1, 2_207_001), "unknown_error", true, None),
        (400, refused(-2, 2_207_003), "media_unreachable", true, None),
        (400, refused(9_004, 2_207_052), "media_unreachable", true, None),
        (400, refused(1, 2_207_057), "invalid_parameter", false, None),
    ] {
        let exchange = Exchange::of([
            quota(),
            post("/178/media")
                .bearer()
                .form(&[
                    ("image_url", "https://media.example/m/1.jpg"),
                    ("alt_text", "A rocket"),
                    ("caption", "Launch #day"),
                ])
                .answers(status, error),
        ])
        .await;
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let outcome =
            network(&exchange).publish(&stage.session, &image(&exchange), &mut progress).await;
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        let is = (failure.code.as_str(), failure.transient, failure.token);
        assert_eq!(is, (code, transient, token));
        assert!(!failure.message.contains("token-of-the-account"), "{failure:?}");
        exchange.is_over();
    }
}

#[tokio::test]
async fn limits_say_how_long_they_last() {
    let usage = json!({"178": [{"type": "instagram", "call_count": 100, "estimated_time_to_regain_access": 7}]});
    for (header, value, wait) in [
        ("retry-after", "30".to_owned(), 30),
        ("x-business-use-case-usage", usage.to_string(), 420),
        ("x-other", "1".to_owned(), 300),
    ] {
        let limit = get("/178/content_publishing_limit", &[("fields", "quota_usage,config")]);
        let exchange =
            Exchange::of([limit.answers(400, refused(80_002, 0)).with(header, &value)]).await;
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let outcome =
            network(&exchange).publish(&stage.session, &image(&exchange), &mut progress).await;
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.retry_after, Some(Duration::from_secs(wait)), "{failure:?}");
        exchange.is_over();
    }
    let used_up = json!({"data": [{"quota_usage": 100, "config": {"quota_total": 100}}]});
    let limit = get("/178/content_publishing_limit", &[("fields", "quota_usage,config")]);
    let exchange = Exchange::of([limit.answers(200, used_up)]).await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let outcome =
        network(&exchange).publish(&stage.session, &image(&exchange), &mut progress).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("publishing_limit", true));
}

fn comment(id: &str) -> PublishCommentRequest {
    PublishCommentRequest {
        external_post_id: "m1".to_owned(),
        external_comment_id: id.to_owned(),
        text: "First!".to_owned(),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    }
}

#[tokio::test]
async fn comments_and_answers_are_posted_found_and_fetched() {
    let query = [("fields", "id,text,timestamp,username,from"), ("limit", "50")];
    let comments = || {
        get("/m1/comments", &query).bearer().answers(
            200,
            json!({"data": [
                {"id": "k2", "text": "Nice", "timestamp": "2026-11-25T12:01:00+0000",
                 "username": "bob", "from": {"id": "5", "username": "bob"}},
                {"id": "k1", "text": "First!", "timestamp": "2026-11-25T12:00:03+0000",
                 "username": "acme", "from": {"id": "178", "username": "acme"}},
            ]}),
        )
    };
    let exchange = Exchange::of([
        post("/m1/comments")
            .bearer()
            .form(&[("message", "First!")])
            .answers(200, json!({"id": "k1"})),
        post("/k9/replies")
            .bearer()
            .form(&[("message", "First!")])
            .answers(200, json!({"id": "k3"})),
        post("/m1/comments").bearer().form(&[("message", "First!")]).lost(),
        comments(),
        comments(),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let mut progress = stage.progress().await;
    for (answered, id) in [("", "k1"), ("k9", "k3")] {
        let outcome =
            network.publish_comment(&stage.session, &comment(answered), &mut progress).await;
        let sent = Sent { external_id: id.to_owned(), external_url: String::new() };
        assert_eq!(outcome, Outcome::Sent(sent));
    }
    let lost = network.publish_comment(&stage.session, &comment(""), &mut progress).await;
    assert!(matches!(lost, Outcome::Unknown { .. }), "{lost:?}");
    let found = network.find_comment(&stage.session, &comment(""), &progress).await.unwrap();
    assert!(matches!(&found, Found::There(sent) if sent.external_id == "k1"), "{found:?}");
    let fetched = network.fetch_comments(&stage.session, "m1").await.unwrap();
    let [fetched] = &fetched[..] else { panic!("{fetched:?}") };
    assert_eq!((fetched.external_id.as_str(), fetched.author_handle.as_str()), ("k2", "bob"));
    assert_eq!(fetched.network_time.as_ref().unwrap().seconds, now().timestamp() + 60);
    exchange.is_over();
}
