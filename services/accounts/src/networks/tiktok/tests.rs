//! Conversations as TikTok's documentation shows them.

use postbreeze_proto::v1::{
    Platform, PlatformOptions, TiktokOptions, TiktokPrivacyLevel,
    platform_options::Network as Options,
};

use super::*;
use crate::networks::{
    exchange::{
        Exchange, Expected, Stage, begun, first_attempt_time, get, http, hurried, medium_part, now,
        post, put, told,
    },
    steps::PART_BYTES,
};

const VIDEO: &[u8] = b"video";

async fn stage() -> Stage {
    Stage::of(Platform::Tiktok, "open-1", "acme").await
}

fn network(exchange: &Exchange) -> Tiktok {
    Tiktok::new(exchange.app(), http())
}

fn video(exchange: &Exchange, size: usize) -> PublishRequest {
    let options = TiktokOptions {
        privacy_level: TiktokPrivacyLevel::SelfOnly.into(),
        disable_duet: true,
        ..Default::default()
    };
    PublishRequest {
        text: "Launch".to_owned(),
        media: vec![exchange.medium("/m/2.mp4", "video/mp4", size)],
        options: Some(PlatformOptions { network: Some(Options::Tiktok(options)) }),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    }
}

fn photos(exchange: &Exchange) -> PublishRequest {
    PublishRequest {
        media: vec![
            exchange.medium("/m/1.jpg", "image/jpeg", 5),
            exchange.medium("/m/2.jpg", "image/jpeg", 5),
        ],
        options: None,
        ..video(exchange, 0)
    }
}

fn ok(data: Value) -> Value {
    json!({"data": data, "error": {"code": "ok", "message": "", "log_id": "1"}})
}

fn refused(code: &str) -> Value {
    json!({"data": {}, "error": {"code": code, "message": "No", "log_id": "1"}})
}

fn init(size: usize, part: usize, parts: usize) -> Expected {
    post("/post/publish/video/init/").bearer().json(json!({
        "post_info": {
            "title": "Launch",
            "privacy_level": "SELF_ONLY",
            "disable_comment": false,
            "disable_duet": true,
            "disable_stitch": false,
        },
        "source_info": {
            "source": "FILE_UPLOAD",
            "video_size": size,
            "chunk_size": part,
            "total_chunk_count": parts,
        },
    }))
}

fn begins(expected: Expected) -> Expected {
    expected.answers(200, ok(json!({"publish_id": "v_pub~1", "upload_url": "{here}/upload?id=1"})))
}

fn send(first: usize, bytes: &[u8], size: usize) -> Expected {
    let range = format!("bytes {first}-{}/{size}", first + bytes.len() - 1);
    put("/upload")
        .query(&[("id", "1")])
        .header("content-range", &range)
        .header("content-type", "video/mp4")
        .bytes(bytes)
}

fn status(data: Value) -> Expected {
    post("/post/publish/status/fetch/")
        .bearer()
        .json(json!({"publish_id": "v_pub~1"}))
        .answers(200, ok(data))
}

fn complete() -> Expected {
    status(
        json!({"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [7_300_000_000_000_000_001_u64]}),
    )
}

fn there() -> Sent {
    Sent {
        external_id: "7300000000000000001".to_owned(),
        external_url: "https://www.tiktok.com/@acme/video/7300000000000000001".to_owned(),
    }
}

#[tokio::test]
async fn a_creator_connects_and_the_token_is_refreshed() {
    let token = json!({"access_token": "access", "expires_in": 86_400, "open_id": "open-1",
                       "refresh_expires_in": 31_536_000, "refresh_token": "refresh",
                       "scope": "user.info.basic,video.publish", "token_type": "Bearer"});
    let refresh = || {
        post("/token").form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", "refresh-token"),
            ("client_key", "client"),
            ("client_secret", "client-secret"),
        ])
    };
    let exchange = Exchange::of([
        post("/token")
            .form(&[
                ("grant_type", "authorization_code"),
                ("code", "c"),
                ("client_key", "client"),
                ("client_secret", "client-secret"),
                ("redirect_uri", "https://app.example/callback"),
            ])
            .answers(200, token.clone()),
        get("/user/info/", &[("fields", "open_id,avatar_url,display_name,username")])
            .header("authorization", "Bearer access")
            .answers(200, ok(json!({"user": {"open_id": "open-1", "display_name": "Acme Inc", "username": "acme"}}))),
        refresh().answers(200, token),
        refresh().answers(400, json!({"error": "invalid_grant", "error_description": "Refresh token is invalid or expired."})),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let url = network.start_connect(&begun("s")).await.unwrap();
    assert!(url.contains("client_key=client") && !url.contains("client_id"), "{url}");
    let grant = network.connect(&begun("s"), Given::Code("c")).await;
    assert_eq!(told(&grant), "open-1 acme Acme Inc access refresh 86400");
    let tokens = network.refresh(&stage.session).await.unwrap();
    assert_eq!(tokens.expire_time, Some(now() + chrono::TimeDelta::days(1)));
    let refused = network.refresh(&stage.session).await.err().unwrap();
    assert!(matches!(refused, RefreshError::Refused { .. }), "{refused:?}");
    exchange.is_over();
}

#[tokio::test]
async fn a_video_is_uploaded_and_waited_for() {
    let size = VIDEO.len();
    let exchange = Exchange::of([
        begins(init(size, size, 1)),
        medium_part("/m/2.mp4", 0, VIDEO),
        send(0, VIDEO, size).bytes_back(201, b""),
        complete(),
    ])
    .await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let request = video(&exchange, size);
    let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(there()));
    exchange.is_over();
}

#[tokio::test]
async fn parts_are_equal_but_the_last_which_has_the_rest_and_go_on_after_a_failure() {
    let part = usize::try_from(PART_BYTES).unwrap();
    let bytes: Vec<u8> =
        (0..2 * part + 7).map(|at| b'a' + u8::try_from(at % 23).unwrap()).collect();
    let size = bytes.len();
    let exchange = Exchange::of([
        begins(init(size, part, 2)),
        medium_part("/m/2.mp4", 0, &bytes[..part]),
        send(0, &bytes[..part], size).bytes_back(206, b""),
        medium_part("/m/2.mp4", part, &bytes[part..2 * part]),
        medium_part("/m/2.mp4", 2 * part, &bytes[2 * part..]).answers(503, json!({})),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let request = video(&exchange, size);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("media_unreadable", true));
    exchange.then([
        medium_part("/m/2.mp4", part, &bytes[part..2 * part]),
        medium_part("/m/2.mp4", 2 * part, &bytes[2 * part..]),
        send(part, &bytes[part..], size).bytes_back(201, b""),
        complete(),
    ]);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(there()));
    exchange.is_over();
}

#[tokio::test]
async fn an_upload_that_has_ended_is_begun_anew() {
    let size = VIDEO.len();
    let ended = || {
        [
            begins(init(size, size, 1)),
            medium_part("/m/2.mp4", 0, VIDEO),
            send(0, VIDEO, size).answers(403, json!({})),
        ]
    };
    let exchange = Exchange::of(ended()).await;
    exchange.then(ended());
    let (network, stage) = (network(&exchange), stage().await);
    for _ in 0..2 {
        let mut progress = stage.progress().await;
        let request = video(&exchange, size);
        let outcome = network.publish(&stage.session, &request, &mut progress).await;
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!((failure.code.as_str(), failure.transient), ("upload_ended", true));
    }
    exchange.is_over();
}

#[tokio::test]
async fn photos_are_fetched_by_the_network() {
    let info = json!({
        "description": "Launch",
        "privacy_level": "PUBLIC_TO_EVERYONE",
        "disable_comment": false,
    });
    let exchange = Exchange::of([
        post("/post/publish/content/init/")
            .bearer()
            .json(json!({
                "media_type": "PHOTO",
                "post_mode": "DIRECT_POST",
                "post_info": info,
                "source_info": {
                    "source": "PULL_FROM_URL",
                    "photo_cover_index": 0,
                    "photo_images": ["https://media.example/m/1.jpg", "https://media.example/m/2.jpg"],
                },
            }))
            .answers(200, ok(json!({"publish_id": "v_pub~1"}))),
        status(json!({"status": "PUBLISH_COMPLETE"})),
    ])
    .await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let outcome =
        network(&exchange).publish(&stage.session, &photos(&exchange), &mut progress).await;
    // Not everyone may see it: it has no other id.
    let sent = Sent { external_id: "v_pub~1".to_owned(), external_url: String::new() };
    assert_eq!(outcome, Outcome::Sent(sent));
    exchange.is_over();
}

#[tokio::test]
async fn what_is_still_published_is_unknown_and_found_by_its_id() {
    let size = VIDEO.len();
    let exchange = Exchange::of([
        begins(init(size, size, 1)),
        medium_part("/m/2.mp4", 0, VIDEO),
        send(0, VIDEO, size).lost(),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let request = video(&exchange, size);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert!(
        matches!(&outcome, Outcome::Unknown { code, .. } if code == "answer_lost"),
        "{outcome:?}"
    );
    exchange.then([
        complete(),
        status(json!({"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0})),
        status(json!({"status": "FAILED", "fail_reason": "internal"})),
        status(json!({"status": "SEND_TO_USER_INBOX"})),
    ]);
    let progress = stage.progress().await;
    for expected in [Found::There(there()), Found::NotThere, Found::NotThere] {
        let found = network.find(&stage.session, &request, &progress).await.unwrap();
        assert_eq!(found, expected);
    }
    let found = network.find(&stage.session, &request, &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: true, .. }), "{found:?}");
    // The upload ended, and the call is over before the publication is.
    exchange.then([
        medium_part("/m/2.mp4", 0, VIDEO),
        send(0, VIDEO, size).bytes_back(201, b""),
        status(json!({"status": "FAILED", "fail_reason": "picture_size_check_failed"})),
    ]);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    let message = "TikTok could not publish it: picture size check failed";
    assert_eq!(outcome, Failure::permanent("picture_size_check_failed", message).into());
    exchange.is_over();
}

#[tokio::test]
async fn photos_whose_id_was_lost_cannot_be_told_of() {
    let exchange = Exchange::of([]).await;
    let (network, stage) = (network(&exchange), stage().await);
    let request = photos(&exchange);
    let progress = stage.progress().await;
    assert_eq!(network.find(&stage.session, &request, &progress).await.unwrap(), Found::NotThere);
    let init = post("/post/publish/content/init/").bearer().json(json!({
        "media_type": "PHOTO",
        "post_mode": "DIRECT_POST",
        "post_info": {
            "description": "Launch",
            "privacy_level": "PUBLIC_TO_EVERYONE",
            "disable_comment": false,
        },
        "source_info": {
            "source": "PULL_FROM_URL",
            "photo_cover_index": 0,
            "photo_images": ["https://media.example/m/1.jpg", "https://media.example/m/2.jpg"],
        },
    }));
    exchange.then([init.lost()]);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &request, &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: false, .. }), "{found:?}");
    exchange.is_over();
}

#[tokio::test]
async fn the_cap_of_a_day_is_waited_for_for_hours() {
    let size = VIDEO.len();
    let limit = init(size, size, 1).answers(403, refused("spam_risk_too_many_posts"));
    let exchange = Exchange::of([limit]).await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let request = video(&exchange, size);
    let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert!(failure.transient);
    assert_eq!(failure.retry_after, Some(DAILY_CAP_WAIT));
    exchange.is_over();
}

#[tokio::test]
async fn refusals_are_final_or_not_as_tiktok_says() {
    let size = VIDEO.len();
    for (code, answered, is, transient, token) in [
        (401, "access_token_invalid", "token_expired", false, Some(TokenTrouble::Expired)),
        (401, "scope_not_authorized", "token_revoked", false, Some(TokenTrouble::Revoked)),
        (403, "spam_risk_too_many_posts", "spam_risk_too_many_posts", true, None),
        (403, "privacy_level_option_mismatch", "privacy_level_option_mismatch", false, None),
        (429, "rate_limit_exceeded", "rate_limited", true, None),
    ] {
        let limit = init(size, size, 1).answers(code, refused(answered)).with("retry-after", "60");
        let exchange = Exchange::of([limit]).await;
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let request = video(&exchange, size);
        let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!(
            (failure.code.as_str(), failure.transient, failure.token),
            (is, transient, token)
        );
        exchange.is_over();
    }
}

#[tokio::test]
async fn a_call_without_time_goes_on_later_and_comments_are_not_taken() {
    let size = VIDEO.len();
    let exchange = Exchange::of([begins(init(size, size, 1))]).await;
    let (network, stage) = (network(&exchange), stage().await);
    let mut progress = stage.progress().await;
    let request = video(&exchange, size);
    let outcome = hurried(network.publish(&stage.session, &request, &mut progress)).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("in_progress", true));
    let comment = PublishCommentRequest::default();
    let outcome = network.publish_comment(&stage.session, &comment, &mut progress).await;
    assert!(matches!(&outcome, Outcome::Failed(failure) if failure.code == "unsupported"));
    exchange.is_over();
}
