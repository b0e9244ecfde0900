//! Mastodon's API, against a real server of it, which is not Mastodon: it answers 422 where that answers 401 for a token it does
//! not know, heeds no `Idempotency-Key`, has no DELETE of a status, and takes a code twice. What differs there is tested against
//! exchanges as Mastodon documents them, in the tests of accounts.

use http::Method;
use postbreeze_proto::{
    internal::v1::{PublishRequest, find_outcome::Outcome},
    v1::{
        AccountStatus, MastodonOptions, MastodonVisibility, Platform, PlatformOptions,
        SocialAccount, complete_connect_request::Grant, platform_options,
    },
};
use postbreeze_testkit::{
    invalid_fields, until_that,
    web::{PNG, send},
};
use serde_json::json;

use crate::{servers::Snac, support::Scene};

/// Connects the account that a person logs in to.
async fn connect(scene: &Scene, snac: &Snac, user: &str, password: &str) -> SocialAccount {
    let begun = scene.begin(Platform::Mastodon, &snac.url).await;
    let code = snac.grant(&begun.authorize_url, user, password).await;
    scene.finish(&begun.state, Grant::Code(code)).await.unwrap()
}

#[tokio::test]
async fn a_person_grants_access_in_a_browser_and_posts_and_comments_go_both_ways() {
    let Some((snac, passwords)) = Snac::start(&["alice", "bobby"]).await else { return };
    let scene = Scene::start(&[]).await;
    let begun = scene.begin(Platform::Mastodon, &snac.url).await;
    let refused = scene.finish(&begun.state, Grant::Code("no such code".to_owned())).await;
    assert_eq!(invalid_fields(refused), ["code"]);
    let account = connect(&scene, &snac, "alice", &passwords[0]).await;
    let host = snac.url.trim_start_matches("http://");
    assert_eq!(account.handle, format!("alice@{host}"));
    let bobby = snac.token("bobby", &passwords[1]).await;

    let text = "Héllo & <welcome> 🦀\n\nhttps://example.com/a?b=c #launch";
    let options = MastodonOptions {
        visibility: MastodonVisibility::Public.into(),
        spoiler_text: "News".to_owned(),
        language: "en".to_owned(),
        ..Default::default()
    };
    let network = Some(platform_options::Network::Mastodon(options));
    let post = PublishRequest {
        media: vec![scene.picture()],
        options: Some(PlatformOptions { network }),
        ..scene.post(&account, "key-1", text)
    };
    let sent = scene.publish(post.clone()).await.unwrap();
    let there = snac.call(&format!("/api/v1/statuses/{}", sent.external_id), &bobby, None).await;
    assert_eq!(there["url"], sent.external_url);
    let content = there["content"].as_str().unwrap();
    for part in ["Héllo", "🦀", "https://example.com/a?b=c", "launch"] {
        assert!(content.contains(part), "{content}");
    }
    assert_eq!(there["spoiler_text"], "News");
    assert_eq!(there["visibility"], "public");
    let picture = &there["media_attachments"][0];
    assert_eq!(picture["description"], "three by two");
    let url = picture["url"].as_str().unwrap();
    assert_eq!(send(Method::GET, url, &[], "").await.1, PNG);

    // It is found by what it says; what was never sent is not there.
    assert_eq!(scene.find(post.clone()).await, Outcome::Found(sent.clone()));
    let other = scene.post(&account, "key-2", "something else");
    assert!(matches!(scene.find(other).await, Outcome::NotThere(_)));

    // The first comment, one from somebody else, and an answer to that.
    let first = scene.comment(&account, &sent.external_id, "", "first comment");
    let written = scene.write(first.clone()).await.unwrap();
    let path = |id: &str| format!("/api/v1/statuses/{id}");
    let comment = snac.call(&path(&written.external_id), &bobby, None).await;
    assert_eq!(comment["in_reply_to_id"], sent.external_id);
    assert_eq!(scene.find_comment(first).await, Outcome::Found(written));
    let said = format!("@alice@{host} well said");
    let reply = json!({"status": said, "in_reply_to_id": sent.external_id});
    let reply = snac.call("/api/v1/statuses", &bobby, Some(reply)).await;
    let reply_id = reply["id"].as_str().unwrap();
    until_that(
        "the server has delivered it to its own users",
        async || scene.fetch(&account, &sent.external_id).await,
        |seen| !seen.is_empty(),
    )
    .await;
    let fetched = scene.fetch(&account, &sent.external_id).await;
    assert_eq!(fetched.len(), 1, "{fetched:?}");
    assert_eq!((fetched[0].external_id.as_str(), &fetched[0].body), (reply_id, &said));
    assert!(fetched[0].author_handle.starts_with("bobby"), "{fetched:?}");
    let answer = scene.comment(&account, &sent.external_id, reply_id, "thank you");
    let written = scene.write(answer.clone()).await.unwrap();
    let told = snac.call(&path(&written.external_id), &bobby, None).await;
    assert_eq!(told["in_reply_to_id"], reply_id);
    assert!(told["content"].as_str().unwrap().contains("bobby"), "{told}");
    assert_eq!(scene.find_comment(answer).await, Outcome::Found(written));
    let nowhere = scene.comment(&account, &sent.external_id, "404", "nobody reads this");
    assert_eq!(scene.write(nowhere).await.unwrap_err().code, "not_found");
}

/// From CreatePost to the network, and from the network to the inbox and back.
#[tokio::test]
async fn what_a_user_publishes_is_there_as_it_was_written_and_so_are_comments_and_replies() {
    let Some((snac, passwords)) = Snac::start(&["alice", "bobby"]).await else { return };
    let scene = Scene::start(&[]).await;
    let account = connect(&scene, &snac, "alice", &passwords[0]).await;
    let bobby = snac.token("bobby", &passwords[1]).await;
    let options = MastodonOptions {
        visibility: MastodonVisibility::Public.into(),
        spoiler_text: "News".to_owned(),
        ..Default::default()
    };
    let network = platform_options::Network::Mastodon(options);
    let target = scene.goes_out(&account, "Héllo 🦀", network).await;
    let path = |id: &str| format!("/api/v1/statuses/{id}");
    let there = snac.call(&path(&target.external_post_id), &bobby, None).await;
    assert_eq!(
        (&there["url"], &there["spoiler_text"]),
        (&json!(target.external_url), &json!("News"))
    );
    assert!(there["content"].as_str().unwrap().contains("Héllo 🦀"), "{there}");
    let picture = &there["media_attachments"][0];
    assert_eq!(picture["description"], "three by two");
    assert_eq!(send(Method::GET, picture["url"].as_str().unwrap(), &[], "").await.1, PNG);
    let first = snac.call(&path(&target.external_first_comment_id), &bobby, None).await;
    assert_eq!(first["in_reply_to_id"], json!(target.external_post_id));

    let reply = json!({"status": "well said", "in_reply_to_id": target.external_post_id});
    let reply = snac.call("/api/v1/statuses", &bobby, Some(reply)).await;
    until_that(
        "the server has delivered it to its own users",
        async || scene.fetch(&account, &target.external_post_id).await,
        |seen| !seen.is_empty(),
    )
    .await;
    let inbox = scene.inbox().await;
    assert_eq!(inbox.len(), 1, "the account's own comment is none");
    assert_eq!(json!(inbox[0].external_id), reply["id"]);
    assert_eq!((inbox[0].body.as_str(), &inbox[0].target_id), ("well said", &target.id));
    let answer = snac.call(&path(&scene.reply(&inbox[0], "thank you").await), &bobby, None).await;
    assert_eq!(answer["in_reply_to_id"], reply["id"]);
}

/// What its author changes on the network cannot be told from what was sent any more: it is not taken for absent.
#[tokio::test]
async fn what_its_author_edits_is_still_theirs_and_answered_and_never_taken_for_lost() {
    let Some((snac, passwords)) = Snac::start(&["alice", "bobby"]).await else { return };
    let scene = Scene::start(&[]).await;
    let account = connect(&scene, &snac, "alice", &passwords[0]).await;
    let post = scene.post(&account, "key-1", "as it was");
    let sent = scene.publish(post.clone()).await.unwrap();
    let path = format!("/api/v1/statuses/{}", sent.external_id);
    let alice = snac.token("alice", &passwords[0]).await;
    let edit = json!({"status": "as it is now"});
    let edited = snac.call_by(Method::PUT, &path, &alice, Some(edit)).await;
    assert!(edited["content"].as_str().unwrap().contains("as it is now"), "{edited}");
    let found = scene.find(post).await;
    assert!(matches!(found, Outcome::Undecided(_)), "{found:?}");
    // Others answer what it says now, under the same id.
    let bobby = snac.token("bobby", &passwords[1]).await;
    let reply = json!({"status": "I saw that", "in_reply_to_id": sent.external_id});
    snac.call("/api/v1/statuses", &bobby, Some(reply)).await;
    until_that(
        "the server has delivered it to its own users",
        async || scene.fetch(&account, &sent.external_id).await,
        |seen| !seen.is_empty(),
    )
    .await;
    assert_eq!(scene.fetch(&account, &sent.external_id).await[0].body, "I saw that");
}

#[tokio::test]
async fn one_app_serves_every_account_of_a_server_and_a_revoked_token_expires_one() {
    let Some((snac, passwords)) = Snac::start(&["alice", "bobby"]).await else { return };
    let mut scene = Scene::start(&[]).await;
    let alice = connect(&scene, &snac, "alice", &passwords[0]).await;
    scene.workspace_id = scene.owner.session.create_workspace("Globex").await.unwrap().id;
    let bobby = connect(&scene, &snac, "bobby", &passwords[1]).await;
    let pool = scene.system.pool("accounts");
    let apps: i64 =
        sqlx::query_scalar("SELECT count(*) FROM mastodon_apps").fetch_one(pool).await.unwrap();
    assert_eq!(apps, 1);
    for account in [&alice, &bobby] {
        scene.publish(scene.post(account, "key", "text")).await.unwrap();
    }
    // The server forgets every token: as a person does who takes the grant back.
    snac.forget_tokens();
    let failure = scene.publish(scene.post(&alice, "again", "text")).await.unwrap_err();
    assert_eq!((failure.transient, failure.code.as_str()), (false, "token_expired"));
    assert_eq!(scene.status(&alice).await, AccountStatus::TokenExpired);
    assert_eq!(scene.status(&bobby).await, AccountStatus::Active);
}
