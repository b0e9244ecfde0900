//! Conversations as Google's documentation shows them.

use postbreeze_proto::v1::{
    Platform, PlatformOptions, YoutubeOptions, YoutubeVisibility, platform_options,
};
use serde_json::json;

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
    Stage::of(Platform::Youtube, "UC1", "acme").await
}

fn network(exchange: &Exchange) -> Youtube {
    Youtube::new(&exchange.app(), http())
}

fn video(exchange: &Exchange, size: usize) -> PublishRequest {
    let options = YoutubeOptions {
        visibility: YoutubeVisibility::Unlisted.into(),
        tags: vec!["rocket".to_owned()],
        ..Default::default()
    };
    PublishRequest {
        text: "Launch\nThe whole story".to_owned(),
        media: vec![exchange.medium("/m/2.mp4", "video/mp4", size)],
        options: Some(PlatformOptions {
            network: Some(platform_options::Network::Youtube(options)),
        }),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    }
}

fn begin(size: usize) -> Expected {
    post("/upload/youtube/v3/videos")
        .query(&[("uploadType", "resumable"), ("part", "snippet,status")])
        .bearer()
        .header("x-upload-content-type", "video/mp4")
        .header("x-upload-content-length", &size.to_string())
        .json(json!({
            "snippet": {
                "title": "Launch",
                "description": "Launch\nThe whole story",
                "tags": ["rocket"],
            },
            "status": {"privacyStatus": "unlisted", "selfDeclaredMadeForKids": false},
        }))
}

fn session(size: usize) -> Expected {
    begin(size).bytes_back(200, b"").with("location", "{here}/session?upload_id=x")
}

fn send(first: usize, bytes: &[u8], size: usize) -> Expected {
    let range = format!("bytes {first}-{}/{size}", first + bytes.len() - 1);
    put("/session")
        .query(&[("upload_id", "x")])
        .bearer()
        .header("content-range", &range)
        .bytes(bytes)
}

fn ask(size: usize) -> Expected {
    let range = format!("bytes */{size}");
    put("/session").query(&[("upload_id", "x")]).bearer().header("content-range", &range)
}

fn made(expected: Expected) -> Expected {
    expected.answers(
        201,
        json!({"kind": "youtube#video", "id": "v1", "status": {"uploadStatus": "uploaded"}}),
    )
}

fn there() -> Sent {
    Sent {
        external_id: "v1".to_owned(),
        external_url: "https://www.youtube.com/watch?v=v1".to_owned(),
    }
}

fn error(reason: &str) -> Value {
    json!({"error": {"code": 403, "message": "No", "errors": [
        {"message": "No", "domain": "youtube.quota", "reason": reason},
    ]}})
}

#[tokio::test]
async fn a_channel_connects_and_its_token_is_refreshed() {
    let verifier = "v".repeat(43);
    let token = json!({"access_token": "access", "expires_in": 3_599, "refresh_token": "refresh",
                       "scope": "https://www.googleapis.com/auth/youtube.upload", "token_type": "Bearer"});
    let refreshed = json!({"access_token": "next", "expires_in": 3_599, "token_type": "Bearer"});
    let exchange = Exchange::of([
        post("/token")
            .form(&[
                ("grant_type", "authorization_code"),
                ("code", "c"),
                ("code_verifier", &verifier),
                ("redirect_uri", "https://app.example/callback"),
                ("client_id", "client"),
                ("client_secret", "client-secret"),
            ])
            .answers(200, token),
        get("/youtube/v3/channels", &[("part", "snippet"), ("mine", "true")])
            .header("authorization", "Bearer access")
            .answers(
                200,
                json!({"items": [{"id": "UC1", "snippet": {"title": "Acme", "customUrl": "@acme",
                       "thumbnails": {"default": {"url": "https://img.example/a"}}}}]}),
            ),
        post("/token")
            .form(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", "refresh-token"),
                ("client_id", "client"),
                ("client_secret", "client-secret"),
            ])
            .answers(200, refreshed),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let url = network.start_connect(&begun("s")).await.unwrap();
    assert!(url.contains("access_type=offline") && url.contains("prompt=consent"), "{url}");
    let grant = network.connect(&begun("s"), Given::Code("c")).await;
    assert_eq!(told(&grant), "UC1 acme Acme access refresh 3599");
    let tokens = network.refresh(&stage.session).await.unwrap();
    // The old refresh token stays.
    assert!(tokens.refresh_token.is_none() && tokens.expire_time > Some(now()));
    exchange.is_over();
}

#[tokio::test]
async fn a_person_without_a_channel_cannot_connect_one() {
    let verifier = "v".repeat(43);
    let exchange = Exchange::of([
        post("/token")
            .form(&[
                ("grant_type", "authorization_code"),
                ("code", "c"),
                ("code_verifier", &verifier),
                ("redirect_uri", "https://app.example/callback"),
                ("client_id", "client"),
                ("client_secret", "client-secret"),
            ])
            .answers(200, json!({"access_token": "access", "token_type": "Bearer"})),
        get("/youtube/v3/channels", &[("part", "snippet"), ("mine", "true")])
            .answers(200, json!({"pageInfo": {"totalResults": 0}})),
    ])
    .await;
    let grant = network(&exchange).connect(&begun("s"), Given::Code("c")).await;
    assert!(told(&grant).contains("has no channel"), "{}", told(&grant));
    exchange.is_over();
}

#[tokio::test]
async fn a_video_is_sent_to_a_session_of_its_own() {
    let exchange = Exchange::of([
        session(VIDEO.len()),
        medium_part("/m/2.mp4", 0, VIDEO),
        made(send(0, VIDEO, VIDEO.len())),
    ])
    .await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let request = video(&exchange, VIDEO.len());
    let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(there()));
    exchange.is_over();
}

#[tokio::test]
async fn an_upload_goes_on_where_the_network_says_it_stands() {
    let first = vec![b'a'; usize::try_from(PART_BYTES).unwrap()];
    let end = [b'e'; 200];
    let size = first.len() + end.len();
    let has = |expected: Expected, last: usize| {
        expected.bytes_back(308, b"").with("range", &format!("bytes=0-{last}"))
    };
    let exchange = Exchange::of([
        session(size),
        medium_part("/m/2.mp4", 0, &first),
        // A part of it has arrived.
        send(0, &first, size).lost(),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let request = video(&exchange, size);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("answer_lost", true));
    let rest = [&first[99..], &end].concat();
    exchange.then([
        has(ask(size), 98),
        medium_part("/m/2.mp4", 99, &rest[..first.len()]),
        has(send(99, &rest[..first.len()], size), 98 + first.len()),
        medium_part("/m/2.mp4", 99 + first.len(), &rest[first.len()..]),
        made(send(99 + first.len(), &rest[first.len()..], size)),
    ]);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(there()));
    exchange.is_over();
}

#[tokio::test]
async fn a_call_without_time_begins_and_the_next_goes_on() {
    let exchange = Exchange::of([session(VIDEO.len())]).await;
    let (network, stage) = (network(&exchange), stage().await);
    let request = video(&exchange, VIDEO.len());
    let mut progress = stage.progress().await;
    let outcome = hurried(network.publish(&stage.session, &request, &mut progress)).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("in_progress", true));
    exchange.then([
        ask(VIDEO.len()).bytes_back(308, b""),
        medium_part("/m/2.mp4", 0, VIDEO),
        made(send(0, VIDEO, VIDEO.len())),
    ]);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(there()));
    exchange.is_over();
}

#[tokio::test]
async fn a_lost_answer_is_unknown_until_the_session_tells() {
    let exchange = Exchange::of([
        session(VIDEO.len()),
        medium_part("/m/2.mp4", 0, VIDEO),
        send(0, VIDEO, VIDEO.len()).lost(),
    ])
    .await;
    let (network, mut stage) = (network(&exchange), stage().await);
    let request = video(&exchange, VIDEO.len());
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert!(
        matches!(&outcome, Outcome::Unknown { code, .. } if code == "answer_lost"),
        "{outcome:?}"
    );
    exchange.then([
        made(ask(VIDEO.len())),
        ask(VIDEO.len()).bytes_back(308, b"").with("range", "bytes=0-1"),
        ask(VIDEO.len()).answers(404, json!({})),
        ask(VIDEO.len()).answers(503, json!({})),
    ]);
    let progress = stage.progress().await;
    for expected in [Found::There(there()), Found::NotThere, Found::NotThere] {
        let found = network.find(&stage.session, &request, &progress).await.unwrap();
        assert_eq!(found, expected);
    }
    let found = network.find(&stage.session, &request, &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: true, .. }), "{found:?}");
    exchange.then([ask(VIDEO.len()).answers(404, json!({}))]);
    stage.later(100_000);
    let found = network.find(&stage.session, &request, &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: false, .. }), "{found:?}");
    // Sending it again makes no second video.
    exchange.then([made(ask(VIDEO.len()))]);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(there()));
    exchange.is_over();
}

#[tokio::test]
async fn refusals_are_final_or_not_as_google_says() {
    for (status, reason, code, transient) in [
        (401, "authError", "token_expired", false),
        (403, "quotaExceeded", "quota_exceeded", true),
        (400, "uploadLimitExceeded", "upload_limit_exceeded", true),
        (400, "invalidTitle", "invalid_title", false),
        (401, "youtubeSignupRequired", "youtube_signup_required", false),
        (429, "rateLimitExceeded", "rate_limited", true),
    ] {
        let refused = begin(VIDEO.len()).answers(status, error(reason)).with("retry-after", "5");
        let exchange = Exchange::of([refused]).await;
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let request = video(&exchange, VIDEO.len());
        let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!((failure.code.as_str(), failure.transient), (code, transient));
        exchange.is_over();
    }
}

#[tokio::test]
async fn a_video_that_is_all_there_and_none_yet_is_looked_for_and_not_sent_again() {
    let all = format!("bytes=0-{}", VIDEO.len() - 1);
    let exchange = Exchange::of([
        session(VIDEO.len()),
        medium_part("/m/2.mp4", 0, VIDEO),
        send(0, VIDEO, VIDEO.len()).bytes_back(308, b"").with("range", &all),
    ])
    .await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let request = video(&exchange, VIDEO.len());
    let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
    assert!(
        matches!(&outcome, Outcome::Unknown { code, .. } if code == "in_progress"),
        "{outcome:?}"
    );
    exchange.is_over();
}

#[tokio::test]
async fn a_quota_of_the_day_lasts_until_the_next_day_in_california() {
    let refused = begin(VIDEO.len()).answers(403, error("quotaExceeded"));
    let exchange = Exchange::of([refused]).await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let request = video(&exchange, VIDEO.len());
    let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    // From noon until eight o'clock of UTC.
    assert_eq!(failure.retry_after, Some(Duration::from_hours(20)));
    let early = now() - TimeDelta::hours(5);
    assert_eq!(until_next_day(early), Duration::from_hours(1));
    exchange.is_over();
}

#[tokio::test]
async fn comments_are_posted_found_and_fetched() {
    let threads =
        [("part", "snippet"), ("maxResults", "100"), ("videoId", "v1"), ("order", "time")];
    let comment = |id: &str, channel: &str, text: &str| {
        json!({"id": id, "snippet": {
            "textOriginal": text, "authorDisplayName": "@bob", "authorChannelId": {"value": channel},
            "authorProfileImageUrl": "https://img.example/b", "publishedAt": "2026-11-25T12:00:05Z",
        }})
    };
    let thread = |id: &str, channel: &str, text: &str| json!({"id": id, "snippet": {"topLevelComment": comment(id, channel, text)}});
    let listed = || {
        get("/youtube/v3/commentThreads", &threads).bearer().answers(
            200,
            json!({"items": [thread("k2", "UC9", "Nice"), thread("k1", "UC1", "First!")]}),
        )
    };
    let exchange = Exchange::of([
        post("/youtube/v3/commentThreads")
            .query(&[("part", "snippet")])
            .bearer()
            .json(json!({"snippet": {"videoId": "v1", "topLevelComment": {"snippet": {"textOriginal": "First!"}}}}))
            .answers(200, thread("k1", "UC1", "First!")),
        post("/youtube/v3/comments")
            .query(&[("part", "snippet")])
            .bearer()
            .json(json!({"snippet": {"parentId": "k2", "textOriginal": "First!"}}))
            .answers(200, comment("k2.1", "UC1", "First!")),
        listed(),
        get("/youtube/v3/comments", &[("part", "snippet"), ("maxResults", "100"), ("parentId", "k2")])
            .bearer()
            .answers(200, json!({"items": [comment("k2.1", "UC1", "First!")]})),
        listed(),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let to = |answered: &str| PublishCommentRequest {
        external_post_id: "v1".to_owned(),
        external_comment_id: answered.to_owned(),
        text: "First!".to_owned(),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    };
    let mut progress = stage.progress().await;
    for (answered, id) in [("", "k1"), ("k2", "k2.1")] {
        let outcome = network.publish_comment(&stage.session, &to(answered), &mut progress).await;
        assert!(matches!(&outcome, Outcome::Sent(sent) if sent.external_id == id), "{outcome:?}");
    }
    for (answered, id) in [("", "k1"), ("k2", "k2.1")] {
        let found = network.find_comment(&stage.session, &to(answered), &progress).await.unwrap();
        assert!(matches!(&found, Found::There(sent) if sent.external_id == id), "{found:?}");
    }
    let fetched = network.fetch_comments(&stage.session, "v1").await.unwrap();
    let [fetched] = &fetched[..] else { panic!("{fetched:?}") };
    assert_eq!((fetched.author_handle.as_str(), fetched.body.as_str()), ("bob", "Nice"));
    exchange.is_over();
}
