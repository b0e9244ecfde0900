//! Conversations as Pinterest's documentation shows them.

use std::time::Duration;

use postbreeze_proto::v1::{Platform, PlatformOptions};

use super::*;
use crate::networks::exchange::{
    Exchange, Expected, Stage, begun, first_attempt_time, get, http, medium, now, post, told,
};

async fn stage() -> Stage {
    Stage::of(Platform::Pinterest, "549", "acme").await
}

fn network(exchange: &Exchange) -> Pinterest {
    Pinterest::new(exchange.app(), http())
}

fn image(exchange: &Exchange) -> PublishRequest {
    let options = PinterestOptions {
        board_id: "b7".to_owned(),
        title: "Rocket".to_owned(),
        link: "https://example.com".to_owned(),
    };
    PublishRequest {
        text: "Launch".to_owned(),
        media: vec![MediaToPublish {
            alt_text: "A rocket".to_owned(),
            ..exchange.medium("/m/1.jpg", "image/jpeg", 5)
        }],
        options: Some(PlatformOptions { network: Some(Options::Pinterest(options)) }),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    }
}

fn pin() -> Expected {
    post("/pins").bearer().json(json!({
        "board_id": "b7",
        "title": "Rocket",
        "description": "Launch",
        "link": "https://example.com",
        "alt_text": "A rocket",
        "media_source": {"source_type": "image_url", "url": "https://media.example/m/1.jpg"},
    }))
}

fn made(expected: Expected) -> Expected {
    expected.answers(201, json!({"id": "813", "created_at": "2026-11-25T12:00:01"}))
}

fn there() -> Sent {
    Sent {
        external_id: "813".to_owned(),
        external_url: "https://www.pinterest.com/pin/813/".to_owned(),
    }
}

#[tokio::test]
async fn a_person_connects_and_the_token_is_refreshed() {
    // base64 of "client:client-secret".
    let basic = "Basic Y2xpZW50OmNsaWVudC1zZWNyZXQ=";
    let token = json!({"response_type": "authorization_code", "access_token": "access",
                       "token_type": "bearer", "expires_in": 2_592_000, "scope": "boards:read pins:read",
                       "refresh_token": "refresh", "refresh_token_expires_in": 5_184_000});
    let exchange = Exchange::of([
        post("/token")
            .header("authorization", basic)
            .form(&[
                ("grant_type", "authorization_code"),
                ("code", "c"),
                ("redirect_uri", "https://app.example/callback"),
                ("continuous_refresh", "true"),
            ])
            .answers(200, token.clone()),
        get("/user_account", &[])
            .header("authorization", "Bearer access")
            .answers(200, json!({"id": "549", "username": "acme", "business_name": "Acme Inc"})),
        post("/token")
            .header("authorization", basic)
            .form(&[("grant_type", "refresh_token"), ("refresh_token", "refresh-token")])
            .answers(200, token),
        post("/token")
            .header("authorization", basic)
            .form(&[("grant_type", "refresh_token"), ("refresh_token", "refresh-token")])
            .answers(429, json!({"code": 8, "message": "You have exceeded your rate limit."}))
            .with("retry-after", "5"),
        // Of a token that has run out.
        post("/token")
            .header("authorization", basic)
            .form(&[("grant_type", "refresh_token"), ("refresh_token", "refresh-token")])
            .answers(400, json!({"code": 283, "message": "The authorization grant is invalid: refresh-token"})),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let url = network.start_connect(&begun("s")).await.unwrap();
    assert!(url.contains("scope=user_accounts%3Aread%2Cboards%3Aread"), "{url}");
    let grant = network.connect(&begun("s"), Given::Code("c")).await;
    assert_eq!(told(&grant), "549 acme Acme Inc access refresh 2592000");
    let tokens = network.refresh(&stage.session).await.unwrap();
    assert_eq!(tokens.expire_time, Some(now() + chrono::TimeDelta::days(30)));
    let transient = network.refresh(&stage.session).await.err().unwrap();
    let wait = Some(Duration::from_secs(5));
    assert!(
        matches!(transient, RefreshError::Transient { retry_after, .. } if retry_after == wait),
        "{transient:?}"
    );
    let dead = network.refresh(&stage.session).await.err().unwrap();
    let RefreshError::Refused { message, .. } = dead else { panic!("{dead:?}") };
    assert!(
        message.contains("grant is invalid") && !message.contains("refresh-token"),
        "{message}"
    );
    exchange.is_over();
}

#[tokio::test]
async fn an_image_is_pinned_to_a_board() {
    let exchange = Exchange::of([made(pin())]).await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let outcome =
        network(&exchange).publish(&stage.session, &image(&exchange), &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(there()));
    exchange.is_over();
}

#[tokio::test]
async fn several_images_go_to_the_first_board_and_without_one_nowhere() {
    let boards = || get("/boards", &[("page_size", "1")]).bearer();
    let exchange = Exchange::of([
        boards().answers(200, json!({"items": [{"id": "b1", "name": "First"}], "bookmark": null})),
        made(post("/pins").bearer().json(json!({
            "board_id": "b1",
            "description": "Launch",
            "media_source": {
                "source_type": "multiple_image_urls",
                "items": [{"url": "https://media.example/m/1.jpg"}, {"url": "https://media.example/m/2.jpg"}],
            },
        }))),
        boards().answers(200, json!({"items": [], "bookmark": null})),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let request = PublishRequest {
        media: vec![
            exchange.medium("/m/1.jpg", "image/jpeg", 5),
            exchange.medium("/m/2.jpg", "image/jpeg", 5),
        ],
        options: None,
        ..image(&exchange)
    };
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(there()));
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, Failure::permanent("board_required", "the account has no board").into());
    exchange.is_over();
}

fn register() -> Expected {
    post("/media").bearer().json(json!({"media_type": "video"})).answers(
        201,
        json!({
            "media_id": "12",
            "media_type": "video",
            "upload_url": "{here}/bucket",
            "upload_parameters": {"key": "uploads/12", "policy": "p"},
        }),
    )
}

fn upload() -> [Expected; 2] {
    [
        medium("/m/2.mp4", b"video"),
        post("/bucket")
            .parts(&[("key", b"uploads/12"), ("policy", b"p"), ("file", b"video")])
            .bytes_back(204, b""),
    ]
}

fn state(status: &str) -> Expected {
    get("/media/12", &[])
        .bearer()
        .answers(200, json!({"media_id": "12", "media_type": "video", "status": status}))
}

#[tokio::test]
async fn a_video_is_uploaded_processed_and_pinned_with_its_cover() {
    for (cover, source) in [
        (
            true,
            json!({"source_type": "video_id", "media_id": "12", "cover_image_url": "https://media.example/m/1.jpg"}),
        ),
        (
            false,
            json!({"source_type": "video_id", "media_id": "12", "cover_image_key_frame_time": 0}),
        ),
    ] {
        let exchange = Exchange::of([register()]).await;
        exchange.then(upload());
        exchange.then([
            state("succeeded"),
            made(post("/pins").bearer().json(json!({
                "board_id": "b7",
                "title": "Rocket",
                "description": "Launch",
                "link": "https://example.com",
                "media_source": source,
            }))),
        ]);
        let mut media = vec![exchange.medium("/m/2.mp4", "video/mp4", 5)];
        if cover {
            media.push(exchange.medium("/m/1.jpg", "image/jpeg", 5));
        }
        let request = PublishRequest { media, ..image(&exchange) };
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
        assert_eq!(outcome, Outcome::Sent(there()));
        exchange.is_over();
    }
}

#[tokio::test]
async fn a_video_that_cannot_be_used_fails_for_good_and_is_uploaded_anew() {
    let exchange = Exchange::of([register()]).await;
    exchange.then(upload());
    exchange.then([state("failed")]);
    let request = PublishRequest {
        media: vec![exchange.medium("/m/2.mp4", "video/mp4", 5)],
        ..image(&exchange)
    };
    let (network, stage) = (network(&exchange), stage().await);
    for _ in 0..2 {
        let mut progress = stage.progress().await;
        let outcome = network.publish(&stage.session, &request, &mut progress).await;
        let failure = Failure::permanent("media_refused", "the network cannot use the video");
        assert_eq!(outcome, failure.into());
        exchange.is_over();
        exchange.then([register()]);
        exchange.then(upload());
        exchange.then([state("failed")]);
    }
}

#[tokio::test]
async fn refusals_are_final_or_not_as_pinterest_says() {
    for (status, code, is, transient, token) in [
        (401, 2, "token_expired", false, true),
        (403, 29, "pinterest_29", false, false),
        (400, 1, "pinterest_1", false, false),
        (429, 8, "rate_limited", true, false),
    ] {
        let error = json!({"code": code, "message": "No"});
        let refused = pin().answers(status, error).with("retry-after", "30");
        let exchange = Exchange::of([refused]).await;
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let outcome =
            network(&exchange).publish(&stage.session, &image(&exchange), &mut progress).await;
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!((failure.code.as_str(), failure.transient), (is, transient));
        assert_eq!(failure.token.is_some(), token);
        exchange.is_over();
    }
}

#[tokio::test]
async fn a_pin_behind_many_others_is_found_on_the_next_page() {
    let one = |text: &str, time: &str| json!({"id": "813", "title": "Rocket", "description": text, "created_at": time});
    let (new, old) = ("2026-11-25T12:00:01", "2025-01-01T00:00:00");
    let page = |bookmark: Option<&str>, pin: Value| {
        let mut query = vec![("page_size", "100")];
        query.extend(bookmark.map(|bookmark| ("bookmark", bookmark)));
        get("/pins", &query).bearer().answers(200, json!({"items": [pin], "bookmark": "b"}))
    };
    let exchange = Exchange::of([
        page(None, one("Other", new)),
        page(Some("b"), one("Launch", new)),
        // Whatever follows is older.
        page(Some("b"), one("Other", old)),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &image(&exchange), &progress).await.unwrap();
    assert_eq!(found, Found::There(there()));
    exchange.is_over();
}

#[tokio::test]
async fn a_lost_answer_is_found_among_the_pins() {
    let pins = |items: Value| {
        get("/pins", &[("page_size", "100")])
            .bearer()
            .answers(200, json!({"items": items, "bookmark": null}))
    };
    let one = |id: &str, time: &str| json!({"id": id, "title": "Rocket", "description": "Launch", "created_at": time});
    let exchange = Exchange::of([pin().lost()]).await;
    let (network, mut stage) = (network(&exchange), stage().await);
    let request = image(&exchange);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert!(
        matches!(&outcome, Outcome::Unknown { code, .. } if code == "answer_lost"),
        "{outcome:?}"
    );
    exchange.then([
        pins(json!([one("813", "2026-11-25T12:00:01"), one("700", "2025-01-01T00:00:00")])),
        pins(json!([one("700", "2025-01-01T00:00:00")])),
        pins(json!([])),
    ]);
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &request, &progress).await.unwrap();
    assert_eq!(found, Found::There(there()));
    let found = network.find(&stage.session, &request, &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: true, .. }), "{found:?}");
    stage.later(600);
    let found = network.find(&stage.session, &request, &progress).await.unwrap();
    assert_eq!(found, Found::NotThere);
    exchange.is_over();
}
