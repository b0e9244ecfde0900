//! Conversations as Meta's documentation shows them. What Threads shares with Instagram is tested there.

use postbreeze_proto::v1::{Platform, PlatformOptions, ThreadsOptions};
use serde_json::json;

use super::*;
use crate::networks::{
    Sent,
    exchange::{
        Exchange, Expected, Stage, TOKEN, begun, first_attempt_time, get, http, now, post, told,
    },
};

async fn stage() -> Stage {
    Stage::of(Platform::Threads, "314", "acme").await
}

fn network(exchange: &Exchange) -> Threads {
    Threads::new(exchange.app(), http())
}

fn text() -> PublishRequest {
    let options = ThreadsOptions { reply_control: ThreadsReplyControl::MentionedOnly.into() };
    PublishRequest {
        text: "Launch".to_owned(),
        options: Some(PlatformOptions { network: Some(Options::Threads(options)) }),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    }
}

fn read(path: &str, query: &[(&str, &str)], answer: serde_json::Value) -> Expected {
    get(path, &[query, &[("access_token", TOKEN)]].concat()).answers(200, answer)
}

fn write(path: &str, form: &[(&str, &str)], id: &str) -> Expected {
    written(path, form).answers(200, json!({ "id": id }))
}

fn written(path: &str, form: &[(&str, &str)]) -> Expected {
    post(path).form(&[form, &[("access_token", TOKEN)]].concat())
}

fn quota() -> Expected {
    let answer = json!({"data": [{"quota_usage": 1, "config": {"quota_total": 250}}]});
    read("/314/threads_publishing_limit", &[("fields", "quota_usage,config")], answer)
}

fn state(id: &str, status: &str) -> Expected {
    let answer = json!({"status": status, "id": id});
    read(&format!("/{id}"), &[("fields", "status,error_message")], answer)
}

fn permalink(id: &str) -> Expected {
    let answer = json!({"permalink": "https://www.threads.net/@acme/post/a", "id": id});
    read(&format!("/{id}"), &[("fields", "permalink")], answer)
}

fn sent(id: &str) -> Outcome {
    Outcome::Sent(Sent {
        external_id: id.to_owned(),
        external_url: "https://www.threads.net/@acme/post/a".to_owned(),
    })
}

#[tokio::test]
async fn a_person_connects_and_the_token_is_renewed() {
    let exchange = Exchange::of([
        post("/token")
            .form(&[
                ("grant_type", "authorization_code"),
                ("code", "c"),
                ("client_id", "client"),
                ("client_secret", "client-secret"),
                ("redirect_uri", "https://app.example/callback"),
            ])
            .answers(200, json!({"access_token": "short", "user_id": 314_159_265_358_979_u64})),
        get(
            "/access_token",
            &[
                ("grant_type", "th_exchange_token"),
                ("client_secret", "client-secret"),
                ("access_token", "short"),
            ],
        )
        .answers(
            200,
            json!({"access_token": "long", "token_type": "bearer", "expires_in": 5_184_000}),
        ),
        get(
            "/me",
            &[("fields", "id,username,name,threads_profile_picture_url"), ("access_token", "long")],
        )
        .answers(200, json!({"id": "314", "username": "acme", "name": "Acme"})),
        get(
            "/refresh_access_token",
            &[("grant_type", "th_refresh_token"), ("access_token", "refresh-token")],
        )
        .answers(
            200,
            json!({"access_token": "next", "token_type": "bearer", "expires_in": 5_184_000}),
        ),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let url = network.start_connect(&begun("s")).await.unwrap();
    assert!(url.contains("scope=threads_basic%2Cthreads_content_publish"), "{url}");
    let grant = network.connect(&begun("s"), Given::Code("c")).await;
    assert_eq!(told(&grant), "314 acme Acme long long 5184000");
    assert!(network.refresh(&stage.session).await.unwrap().expire_time > Some(now()));
    exchange.is_over();
}

#[tokio::test]
async fn a_text_is_published_with_who_may_reply() {
    let exchange = Exchange::of([
        quota(),
        write(
            "/314/threads",
            &[("media_type", "TEXT"), ("text", "Launch"), ("reply_control", "mentioned_only")],
            "c1",
        ),
        state("c1", "FINISHED"),
        write("/314/threads_publish", &[("creation_id", "c1")], "t1"),
        permalink("t1"),
    ])
    .await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let outcome = network(&exchange).publish(&stage.session, &text(), &mut progress).await;
    assert_eq!(outcome, sent("t1"));
    exchange.is_over();
}

#[tokio::test]
async fn media_are_described_and_several_make_a_carousel() {
    let exchange = Exchange::of([
        quota(),
        write(
            "/314/threads",
            &[
                ("media_type", "IMAGE"),
                ("image_url", "https://media.example/m/1.png"),
                ("alt_text", "A"),
                ("is_carousel_item", "true"),
            ],
            "i1",
        ),
        write(
            "/314/threads",
            &[
                ("media_type", "VIDEO"),
                ("video_url", "https://media.example/m/2.mp4"),
                ("is_carousel_item", "true"),
            ],
            "i2",
        ),
        state("i1", "FINISHED"),
        state("i2", "FINISHED"),
        write(
            "/314/threads",
            &[("media_type", "CAROUSEL"), ("children", "i1,i2"), ("text", "Launch")],
            "c1",
        ),
        state("c1", "FINISHED"),
        write("/314/threads_publish", &[("creation_id", "c1")], "t1"),
        permalink("t1"),
    ])
    .await;
    let image = exchange.medium("/m/1.png", "image/png", 10);
    let carousel = PublishRequest {
        media: vec![
            MediaToPublish { alt_text: "A".to_owned(), ..image },
            exchange.medium("/m/2.mp4", "video/mp4", 10),
        ],
        options: None,
        ..text()
    };
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let outcome = network(&exchange).publish(&stage.session, &carousel, &mut progress).await;
    assert_eq!(outcome, sent("t1"));
    exchange.is_over();
}

#[tokio::test]
async fn refusals_are_final_or_not_as_meta_says() {
    let error =
        |code: i64| json!({"error": {"message": "No", "type": "OAuthException", "code": code}});
    for (status, code, is) in [
        (401, 190, ("token_expired", false)),
        (400, 100, ("invalid_parameter", false)),
        (429, 4, ("rate_limited", true)),
    ] {
        let form =
            [("media_type", "TEXT"), ("text", "Launch"), ("reply_control", "mentioned_only")];
        let refused = written("/314/threads", &form).answers(status, error(code));
        let exchange = Exchange::of([quota(), refused.with("retry-after", "9")]).await;
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let outcome = network(&exchange).publish(&stage.session, &text(), &mut progress).await;
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!((failure.code.as_str(), failure.transient), is);
        exchange.is_over();
    }
}

#[tokio::test]
async fn a_reply_is_a_post_that_is_found_among_the_replies() {
    let form = [("media_type", "TEXT"), ("text", "First!"), ("reply_to_id", "t1")];
    let exchange = Exchange::of([
        read(
            "/314/threads_publishing_limit",
            &[("fields", "reply_quota_usage,reply_config")],
            json!({"data": [{"reply_quota_usage": 1, "reply_config": {"quota_total": 1_000}}]}),
        ),
        write("/314/threads", &form, "c2"),
        state("c2", "FINISHED"),
        written("/314/threads_publish", &[("creation_id", "c2")]).lost(),
        state("c2", "PUBLISHED"),
        read(
            "/314/replies",
            &[("fields", "id,text,permalink,timestamp"), ("limit", "50")],
            json!({"data": [{"id": "r1", "text": "First!", "timestamp": "2026-11-25T12:00:02+0000"}]}),
        ),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let comment = PublishCommentRequest {
        external_post_id: "t1".to_owned(),
        text: "First!".to_owned(),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    };
    let mut progress = stage.progress().await;
    let lost = network.publish_comment(&stage.session, &comment, &mut progress).await;
    assert!(matches!(lost, Outcome::Unknown { .. }), "{lost:?}");
    let found = network.find_comment(&stage.session, &comment, &progress).await.unwrap();
    assert!(matches!(&found, Found::There(sent) if sent.external_id == "r1"), "{found:?}");
    exchange.is_over();
}

#[tokio::test]
async fn a_conversation_is_fetched_page_by_page_without_what_the_account_wrote() {
    let query = [("fields", "id,text,timestamp,username"), ("reverse", "true"), ("limit", "100")];
    let next = [&query[..], &[("after", "b")]].concat();
    let page = |id: &str, user: &str| json!({"id": id, "text": "Hi", "username": user, "timestamp": "2026-11-25T12:00:02+0000"});
    let exchange = Exchange::of([
        read(
            "/t1/conversation",
            &query,
            json!({
                "data": [page("r1", "acme"), page("r2", "bob")],
                "paging": {"cursors": {"after": "b"}, "next": "https://graph.threads.net/next"},
            }),
        ),
        read("/t1/conversation", &next, json!({"data": [page("r3", "eve")]})),
    ])
    .await;
    let stage = stage().await;
    let fetched = network(&exchange).fetch_comments(&stage.session, "t1").await.unwrap();
    let ids: Vec<_> = fetched.iter().map(|comment| comment.external_id.as_str()).collect();
    assert_eq!(ids, ["r2", "r3"]);
    exchange.is_over();
}
