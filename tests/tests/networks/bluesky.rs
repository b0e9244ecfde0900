//! Bluesky, against a real PDS.

use http::Method;
use postbreeze_proto::{
    internal::v1::{PublishRequest, find_outcome::Outcome},
    v1::{
        AccountStatus, BlueskyOptions, ConnectCredentials, Platform, PlatformOptions,
        SocialAccount, complete_connect_request::Grant, platform_options,
    },
};
use postbreeze_testkit::{
    invalid_fields,
    web::{PNG, send},
};
use serde_json::{Value, json};

use crate::{servers::Pds, support::Scene};

/// A scene with an account, connected by an app password; and a token of the account.
async fn connected(pds: &Pds) -> (Scene, SocialAccount, String, String) {
    let (did, token) = pds.account("alice").await;
    let body = Some(json!({"name": "postbreeze"}));
    let made = pds.call("com.atproto.server.createAppPassword", &token, body).await;
    let password = made["password"].as_str().unwrap().to_owned();
    let scene = Scene::start(&[("POSTBREEZE_BLUESKY_APPVIEW_URL", &pds.url)]).await;
    let begun = scene.begin(Platform::Bluesky, "").await;
    let grant = |secret: &str| {
        Grant::Credentials(ConnectCredentials {
            identifier: "@alice.test".to_owned(),
            secret: secret.to_owned(),
            server_url: pds.url.clone(),
        })
    };
    let refused = scene.finish(&begun.state, grant("wrong")).await;
    assert_eq!(invalid_fields(refused), ["credentials.secret"]);
    let account = scene.finish(&begun.state, grant(&password)).await.unwrap();
    assert_eq!((account.handle.as_str(), &account.external_id), ("alice.test", &did));
    (scene, account, did, token)
}

/// Writes under a post, as somebody of that repository does. Answers the address of what was written.
async fn answered(pds: &Pds, repo: &str, token: &str, post: &Value) -> String {
    let post = json!({"uri": post["uri"], "cid": post["cid"]});
    let reply = json!({
        "repo": repo,
        "collection": "app.bsky.feed.post",
        "record": {
            "$type": "app.bsky.feed.post",
            "text": "well said",
            "createdAt": "2026-06-15T13:00:00.000Z",
            "reply": {"root": post, "parent": post},
        },
    });
    let reply = pds.call("com.atproto.repo.createRecord", token, Some(reply)).await;
    reply["uri"].as_str().unwrap().to_owned()
}

/// The parts of a post's text that are marked up, with what they are marked as.
fn marked(record: &Value) -> Vec<(String, String)> {
    let text = record["text"].as_str().unwrap();
    let facets = record["facets"].as_array().unwrap().iter().map(|facet| {
        let byte = |name: &str| usize::try_from(facet["index"][name].as_u64().unwrap()).unwrap();
        let part = text[byte("byteStart")..byte("byteEnd")].to_owned();
        let feature = &facet["features"][0];
        let told = ["uri", "did", "tag"].into_iter().find_map(|name| feature[name].as_str());
        (part, told.unwrap().to_owned())
    });
    facets.collect()
}

#[tokio::test]
async fn a_post_with_links_and_a_picture_is_there_once_and_comments_go_both_ways() {
    let Some(pds) = Pds::start().await else { return };
    let (scene, account, did, _) = connected(&pds).await;
    let (bobby, bobbys_token) = pds.account("bobby").await;

    let text = "Héllo 🦀 @bobby.test and @nobody.test: https://example.com/a?b=c, #Größe";
    let options = BlueskyOptions { languages: vec!["en".to_owned(), "de".to_owned()] };
    let post = PublishRequest {
        media: vec![scene.picture()],
        options: Some(PlatformOptions {
            network: Some(platform_options::Network::Bluesky(options)),
        }),
        ..scene.post(&account, "key-1", text)
    };
    let sent = scene.publish(post.clone()).await.unwrap();
    let there = pds.post(&sent.external_id).await;
    let record = &there["value"];
    assert_eq!(record["text"], text);
    assert_eq!(record["langs"], json!(["en", "de"]));
    let link = "https://example.com/a?b=c";
    let wanted = [("@bobby.test", bobby.as_str()), (link, link), ("#Größe", "Größe")];
    let wanted = wanted.map(|(part, told)| (part.to_owned(), told.to_owned()));
    assert_eq!(marked(record), wanted);
    let image = &record["embed"]["images"][0];
    assert_eq!(image["alt"], "three by two");
    assert_eq!(image["aspectRatio"], json!({"width": 3, "height": 2}));
    let cid = image["image"]["ref"]["$link"].as_str().unwrap();
    let blob = format!("{}/xrpc/com.atproto.sync.getBlob?did={did}&cid={cid}", pds.url);
    assert_eq!(send(Method::GET, &blob, &[], "").await.1, PNG);

    // Sent again under the same key it is the same post, and it is found; another key is not there.
    assert_eq!(scene.publish(post.clone()).await.unwrap(), sent);
    assert_eq!(pds.posts(&did).await.len(), 1);
    assert_eq!(scene.find(post.clone()).await, Outcome::Found(sent.clone()));
    let other = PublishRequest { key: "key-2".to_owned(), ..post.clone() };
    assert!(matches!(scene.find(other).await, Outcome::NotThere(_)));

    // The first comment, one from somebody else, and an answer to that.
    let first = scene.comment(&account, &sent.external_id, "", "first comment");
    let written = scene.write(first.clone()).await.unwrap();
    let comment = pds.post(&written.external_id).await;
    assert_eq!(comment["value"]["reply"]["parent"]["cid"], there["cid"]);
    assert_eq!(scene.find_comment(first).await, Outcome::Found(written));
    let reply_id = &answered(&pds, &bobby, &bobbys_token, &there).await;
    let fetched = scene.fetch(&account, &sent.external_id).await;
    assert_eq!(fetched.len(), 1);
    assert_eq!(
        (fetched[0].external_id.as_str(), fetched[0].body.as_str()),
        (reply_id.as_str(), "well said")
    );
    assert_eq!(fetched[0].author_handle, "bobby.test");
    assert_eq!(fetched[0].network_time.unwrap().seconds, 1_781_528_400);
    let answer = scene.comment(&account, &sent.external_id, reply_id, "thank you");
    let answer = scene.write(answer).await.unwrap();
    let answer = pds.post(&answer.external_id).await;
    assert_eq!(answer["value"]["reply"]["parent"]["uri"], json!(reply_id));
    assert_eq!(answer["value"]["reply"]["root"]["uri"], there["uri"]);
    assert_eq!(scene.fetch(&account, &sent.external_id).await.len(), 1);

    // What the network refuses it does not have.
    let failure = scene.publish(scene.post(&account, "key-3", &"x".repeat(301))).await.unwrap_err();
    assert!(!failure.transient, "{failure:?}");
    assert_eq!(failure.code, "invalid_request");
    let nowhere = scene.comment(&account, "at://did:plc:nobody/app.bsky.feed.post/3k", "", "no");
    scene.write(nowhere).await.unwrap_err();
    assert_eq!(pds.posts(&did).await.len(), 3);
}

/// From CreatePost to the network, and from the network to the inbox and back.
#[tokio::test]
async fn what_a_user_publishes_is_there_as_it_was_written_and_so_are_comments_and_replies() {
    let Some(pds) = Pds::start().await else { return };
    let (scene, account, did, _) = connected(&pds).await;
    let (bobby, bobbys_token) = pds.account("bobby").await;
    let options = BlueskyOptions { languages: vec!["de".to_owned()] };
    let text = "Héllo https://example.com/a #Größe";
    let target = scene.goes_out(&account, text, platform_options::Network::Bluesky(options)).await;
    let there = pds.post(&target.external_post_id).await;
    let record = &there["value"];
    assert_eq!((&record["text"], &record["langs"]), (&json!(text), &json!(["de"])));
    let image = &record["embed"]["images"][0];
    assert_eq!(image["alt"], "three by two");
    assert_eq!(image["aspectRatio"], json!({"width": 3, "height": 2}));
    let cid = image["image"]["ref"]["$link"].as_str().unwrap();
    let blob = format!("{}/xrpc/com.atproto.sync.getBlob?did={did}&cid={cid}", pds.url);
    assert_eq!(send(Method::GET, &blob, &[], "").await.1, PNG);
    let first = pds.post(&target.external_first_comment_id).await;
    assert_eq!(first["value"]["text"], "first comment");
    assert_eq!(first["value"]["reply"]["parent"]["uri"], there["uri"]);

    let reply_id = answered(&pds, &bobby, &bobbys_token, &there).await;
    let inbox = scene.inbox().await;
    assert_eq!(inbox.len(), 1, "the account's own comment is none");
    assert_eq!((&inbox[0].external_id, inbox[0].body.as_str()), (&reply_id, "well said"));
    assert_eq!(inbox[0].target_id, target.id);
    let answer = scene.reply(&inbox[0], "thank you").await;
    let answer = pds.post(&answer).await;
    assert_eq!(answer["value"]["text"], "thank you");
    assert_eq!(answer["value"]["reply"]["parent"]["uri"], json!(reply_id));
    assert_eq!(pds.posts(&did).await.len(), 3, "each was written once");
}

#[tokio::test]
async fn a_session_is_refreshed_until_its_app_password_is_taken_back() {
    let Some(pds) = Pds::start().await else { return };
    let (scene, account, did, token) = connected(&pds).await;
    let run_out = "UPDATE account_tokens SET expire_time = $1, refresh_time = NULL";
    let version = "SELECT version FROM account_tokens";
    let pool = scene.system.pool("accounts");
    let now = scene.system.clock.now();
    for n in 0..2 {
        sqlx::query(run_out).bind(now).execute(pool).await.unwrap();
        let before: i64 = sqlx::query_scalar(version).fetch_one(pool).await.unwrap();
        scene.publish(scene.post(&account, &format!("key-{n}"), "text")).await.unwrap();
        let after: i64 = sqlx::query_scalar(version).fetch_one(pool).await.unwrap();
        assert_eq!(after, before + 2, "leased and written");
    }
    assert_eq!(pds.posts(&did).await.len(), 2);
    let name = Some(json!({"name": "postbreeze"}));
    pds.call("com.atproto.server.revokeAppPassword", &token, name).await;
    sqlx::query(run_out).bind(now).execute(pool).await.unwrap();
    let failure = scene.publish(scene.post(&account, "key-3", "text")).await.unwrap_err();
    assert_eq!((failure.transient, failure.code.as_str()), (false, "token_expired"));
    assert_eq!(scene.status(&account).await, AccountStatus::TokenExpired);
    assert_eq!(pds.posts(&did).await.len(), 2);
}
